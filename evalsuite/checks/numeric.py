"""Numbers in the answer: a value within a tolerance, and how much the answer says."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import islice

from evalsuite.checks.bounds import between, require_bounds
from evalsuite.checks.define import Test, bad, define, is_number
from evalsuite.records import Case, Output
from evalsuite.scoring import Outcome

MOST_NUMBERS = 10_000

_NUMBER = re.compile(
    r"(?<![\w.,])(?:(?<!\d)[-+−])?"
    r"(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,400})(?:\.\d{1,400})?(?:[eE][-+]?\d{1,4})?"
)
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|\Z)|[。！？]|\n")
_ABBREVIATED = re.compile(
    r"(?:\A|[\s(])(?:[A-Za-z]\.)*[A-Za-z]\.\Z|(?:\A|[\s(])(?:Dr|Mr|Mrs|Ms|vs|etc|approx)\.\Z"
)


@define(version=1)
def number(value: float | None = None, *, tolerance: float = 0.0, relative: float = 0.0) -> Test:
    """Some number in the answer is `value` (or the case's expected one), give or take.

    The allowed distance is the larger of `tolerance` and `relative` times the value. "1,234.5" is
    read with the comma as the thousands' mark; a number as the output's value goes before the text.
    """
    for name, each in (("tolerance", tolerance), ("relative", relative)):
        if each < 0:
            raise bad(f"number.{name}", "must not be negative", "use 0 for an exact value")

    def test(case: Case, output: Output) -> Outcome:
        wanted = case.expected if value is None else value
        if not is_number(wanted):
            return Outcome(None, "the case has no expected number to compare with")
        found = [float(output.value)] if is_number(output.value) else list(_numbers(output.text))
        if not found:
            return Outcome(False, f"there is no number in the answer, wanted {wanted:g}")
        nearest = min(found, key=lambda each: abs(each - wanted))
        holds = abs(nearest - wanted) <= _allowed(wanted)
        said = f"the nearest number is {nearest:.12g}, wanted {wanted:.12g} ± {_allowed(wanted):g}"
        return Outcome(holds, said, {"nearest": nearest, "wanted": wanted})

    def _allowed(wanted: float) -> float:
        # a hair of slack, so that 0.3 ± 0.1 admits 0.4 in binary too
        return max(tolerance, relative * abs(wanted)) + 1e-12 * abs(wanted)

    return test


@define(version=1)
def words(*, min: int | None = None, max: int | None = None) -> Test:  # noqa: A002 - golden words
    """The number of words: runs of letters and digits; "don't" and "16-week" are one each."""
    require_bounds("words", min, max)

    def test(case: Case, output: Output) -> Outcome:
        count = sum(1 for _ in _WORD.finditer(output.text))
        return between(count, min, max, what="the answer has {} words")

    return test


@define(version=1)
def characters(*, min: int | None = None, max: int | None = None) -> Test:  # noqa: A002
    """The number of characters (Unicode code points), white space included."""
    require_bounds("characters", min, max)

    def test(case: Case, output: Output) -> Outcome:
        return between(len(output.text), min, max, what="the answer has {} characters")

    return test


@define(version=1)
def sentences(*, min: int | None = None, max: int | None = None) -> Test:  # noqa: A002
    """The number of sentences: they end at . ! ? … before white space, at 。！？, or with a line.

    Single letters ("e.g.", "J. S.") and a few abbreviations (Dr. Mr. Mrs. Ms. vs. etc. approx.)
    end none.
    """
    require_bounds("sentences", min, max)

    def test(case: Case, output: Output) -> Outcome:
        count = sum(1 for _ in split(output.text))
        return between(count, min, max, what="the answer has {} sentences")

    return test


def split(text: str) -> Iterator[str]:
    """The sentences of a text, by the rules of the check `sentences`."""
    start = 0
    for match in _END.finditer(text):
        tail = text[max(start, match.end() - 16) : match.end()]
        if match.end() < len(text) and _ABBREVIATED.search(tail):
            continue
        if _WORD.search(text, start, match.end()):
            yield text[start : match.end()]
        start = match.end()
    if _WORD.search(text, start):
        yield text[start:]


def _numbers(text: str) -> Iterator[float]:
    for match in islice(_NUMBER.finditer(text), MOST_NUMBERS):
        found = float(match.group().replace(",", "").replace("−", "-"))
        if math.isfinite(found):
            yield found
