"""From a reference and the calls that were made to values in [0, 1], 1 is best. Pure.

A value is None, with the reason, where its formula is not defined; docs/tools.md lists each case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from evalsuite.trajectories.reference import Step

Measured = tuple[float | None, str]
"""A value, and what was seen; without a value, why there is none."""

NO_CALL = "no tool was called, the reference has calls"


def common(wanted: Sequence[str], made: Sequence[str]) -> int:
    """How many calls two trajectories share, each counted as often as it is in both."""
    return (Counter(wanted) & Counter(made)).total()


def order(wanted: Sequence[str], made: Sequence[str]) -> Measured:
    """The longest common subsequence over the longer trajectory; 1 only if they are the same.

    R. Wagner, M. Fischer, Journal of the ACM 21 (1974). Two empty ones are the same: 1.
    """
    longer = max(len(wanted), len(made))
    if not longer:
        return 1.0, "no tool was wanted, none was called"
    found = _subsequence(wanted, made)
    return found / longer, f"{found} calls in the reference's order, of {longer}"


def _subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Its length, in O(len * len) time and O(len) space."""
    row = [0] * (len(second) + 1)
    for one in first:
        before = 0
        for place, other in enumerate(second, 1):
            above = row[place]
            row[place] = before + 1 if one == other else max(above, row[place - 1])
            before = above
    return row[-1]


def precision(wanted: Sequence[str], made: Sequence[str]) -> Measured:
    """The share of the calls made that the reference has. Of no call it is 1 if none was wanted,
    else undefined: doing nothing is not precise."""
    if not made:
        return (None, NO_CALL) if wanted else (1.0, "no tool was wanted, none was called")
    found = common(wanted, made)
    return found / len(made), f"{found} of {len(made)} calls are in the reference"


def recall(wanted: Sequence[str], made: Sequence[str]) -> Measured:
    """The share of the reference's calls that were made. Of an empty reference it is 1: nothing
    that was wanted is missing, and precision says what was called too much."""
    if not wanted:
        return 1.0, "no tool was wanted"
    found = common(wanted, made)
    return found / len(wanted), f"{found} of {len(wanted)} calls of the reference were made"


def economy(wanted: Sequence[str], made: Sequence[str]) -> Measured:
    """Steps of the optimum over steps made, at most 1: the path length's part of SPL (P. Anderson
    et al., arXiv:1807.06757). Undefined where nothing was done and something was wanted."""
    if not made:
        return (None, NO_CALL) if wanted else (1.0, "no tool was wanted, none was called")
    said = f"{len(made)} calls, the optimum has {len(wanted)}"
    return min(1.0, len(wanted) / len(made)), said


def loops(wanted: Sequence[str], made: Sequence[Step]) -> Measured:
    """The share of the calls that repeat no earlier one; 1 without a call.

    A call may be made as often as the reference has it, and one that failed once more.
    """
    seen: Counter[str] = Counter()
    allowed = Counter(wanted)
    repeats = 0
    for step in made:
        seen[step.spelled] += 1
        if seen[step.spelled] > max(1, allowed[step.spelled]):
            repeats += 1
        elif step.failed and seen[step.spelled] == 1:
            allowed[step.spelled] = max(2, allowed[step.spelled])
    said = f"{repeats} of {len(made)} calls repeat an earlier one"
    return ((len(made) - repeats) / len(made) if made else 1.0), said


def budget(made: int, most: int) -> Measured:
    """1 if at most `most` calls were made, else 0."""
    return float(made <= most), f"{made} calls, at most {most} are allowed"


def known(made: Sequence[Step], tools: Collection[str]) -> Measured:
    """The share of the calls whose tool was offered; 1 without a call."""
    invented = [step for step in made if step.name not in tools]
    said = f"{len(invented)} of {len(made)} calls are of a tool that was not offered"
    return ((len(made) - len(invented)) / len(made) if made else 1.0), said
