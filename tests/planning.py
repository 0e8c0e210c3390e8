"""What a plan's last line told."""

from __future__ import annotations

import re


def told(said: str) -> tuple[int, float | None]:
    """The calls and US dollars of "in all: ..."; 0 and None where the calls are not all known."""
    line = next(each for each in said.splitlines() if "evalsuite: in all: " in each)
    found = re.search(r"in all: ([\d,]+) calls?, (?:([\d.]+) USD|cost unknown)", line)
    if found is None:
        return 0, 0.0 if "in all: no call" in line else None
    return int(found[1].replace(",", "")), float(found[2]) if found[2] else None
