"""What names and numbers of judges may be: light, since every module with suites loads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?", re.ASCII)
"""Of a judge, a criterion and a jury: a folder's name, and a metric's."""

MAX_VOTES = 25

Against = str | Callable[..., Any]
"""What pairs are compared with: "baseline", "expected", a suite or variant, or a function."""

How = Literal["majority", "median", "mean"]
"""How the members of a jury come to one value."""

Band = tuple[float, float]
"""Values of which a cascade's first judge is not certain."""
