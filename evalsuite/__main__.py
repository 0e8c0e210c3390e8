"""`python -m evalsuite` is the `evalsuite` command, for where scripts are not on the path."""

import sys

from evalsuite.cli import main

sys.exit(main())
