"""Golden datasets: `golden/NAME/` becomes cases with identities.

    files ──lines, yamldoc, tables, hub──▶ entries ──case──▶ cases and keys ──dataset──▶ Dataset

`release` derives versions and freezes them, `history` restores them from git; `lint`, `compare`,
`stats` and `add` are what the command line offers.
"""

from evalsuite.golden.case import case_from, case_key, derive_id
from evalsuite.golden.dataset import Dataset, load
from evalsuite.golden.history import load_spec

__all__ = (
    "Dataset",
    "case_from",
    "case_key",
    "derive_id",
    "load",
    "load_spec",
)
