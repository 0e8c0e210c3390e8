"""What every refusal of bad input must be: one short message for a person, and the right status."""

from __future__ import annotations

import re
from collections.abc import Sequence

OURS = re.compile(r"evalsuite[/\\](?!case\.schema)[a-z_/\\]+\.py|site-packages")
LONGEST = 20_000
"""Characters of a whole run's output: what was bad is quoted in part, never poured out, and at most
100 problems are listed per file."""

WIDEST = 500
"""Characters of one line."""


def assert_one_error(output: str, status: int, wanted: int, said: Sequence[str]) -> None:
    """The run refused with `wanted`; its output says all of `said`, and nothing of our insides."""
    assert int(status) == wanted, output[-LONGEST:]
    for inside in ("Traceback", "INTERNALERROR", "longrepr"):
        assert inside not in output, output[-LONGEST:]
    assert not OURS.search(output), output[-LONGEST:]
    assert len(output) <= LONGEST, (len(output), output[:LONGEST])
    assert max(map(len, output.splitlines())) <= WIDEST, max(output.splitlines(), key=len)[:5_000]
    for each in said:
        assert each in output, (each, output[-LONGEST:])
