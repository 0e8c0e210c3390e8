"""What a plan's last line told."""

from __future__ import annotations

import re


def told(said: str, start: str = "in all:") -> tuple[int, float | None]:
    """The calls and US dollars of "in all: ..."; 0 and None where the calls are not all known."""
    line = next(each for each in said.splitlines() if f"evalsuite: {start} " in each)
    found = re.search(rf"{start} ([\d,]+) calls?, (?:([\d.]+) USD|cost unknown)", line)
    if found is None:
        return 0, 0.0 if f"{start} no call" in line else None
    return int(found[1].replace(",", "")), float(found[2]) if found[2] else None
