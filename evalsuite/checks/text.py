"""What the answer says, word by word."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.checks.define import Test, around, bad, define, quoted
from evalsuite.checks.patterns import TooSlow, compiled, find
from evalsuite.records import Case, Output
from evalsuite.scoring import Outcome, clip


@define(version=1)
def equals(text: str | None = None, *, ignore_case: bool = False) -> Test:
    """The answer is `text`, or the case's expected text; white space around it doesn't count."""

    def test(case: Case, output: Output) -> Outcome:
        wanted = case.expected if text is None else text
        if not isinstance(wanted, str) or not wanted.strip():
            return Outcome(None, "the case has no expected text to compare with")
        same = _fold(output.text.strip(), ignore_case) == _fold(wanted.strip(), ignore_case)
        says = "is" if same else "is not"
        evidence = {"answer": clip(output.text.strip()), "wanted": clip(wanted.strip())}
        return Outcome(same, f"the answer {says} {quoted(wanted.strip())}", evidence)

    return test


@define(version=1)
def contains(
    text: str | None = None,
    *,
    any: Sequence[str] | None = None,  # noqa: A002 - the golden files' own word
    all: Sequence[str] | None = None,  # noqa: A002
    ignore_case: bool = False,
) -> Test:
    """The answer contains `text`, every text of `all`, and at least one of `any`."""
    needed = [*([text] if text else []), *(all or [])]
    choices = list(any or [])
    if not needed and not choices:
        raise bad("contains", "needs a text", 'write {"contains": "16 weeks"}')
    sought = [(each, _fold(each, ignore_case)) for each in needed]
    offered = [(each, _fold(each, ignore_case)) for each in choices]

    def test(case: Case, output: Output) -> Outcome:
        answer = _fold(output.text, ignore_case)
        missing = [each for each, folded in sought if folded not in answer]
        found = [each for each, folded in offered if folded in answer]
        if missing:
            names = ", ".join(quoted(each) for each in missing[:3])
            evidence = {"missing": [clip(each) for each in missing[:10]]}
            return Outcome(False, f"the answer does not contain {names}", evidence)
        if offered and not found:
            names = ", ".join(quoted(each) for each in choices[:3])
            evidence = {"missing": [clip(each) for each in choices[:10]]}
            return Outcome(False, f"the answer contains none of {names}", evidence)
        found = [*needed, *found]
        at = answer.find(_fold(found[0], ignore_case))
        names = ", ".join(quoted(each) for each in found[:3])
        matched = around(answer, at, at + len(found[0]))
        return Outcome(True, f"the answer contains {names}", {"matched": matched})

    return test


@define(version=1)
def starts_with(text: str, *, ignore_case: bool = False) -> Test:
    """The answer begins with `text`, white space before it aside."""

    def test(case: Case, output: Output) -> Outcome:
        answer = output.text.lstrip()
        holds = _fold(answer, ignore_case).startswith(_fold(text, ignore_case))
        says = "starts" if holds else "does not start"
        return Outcome(holds, f"the answer {says} with {quoted(text)}", {"start": clip(answer)})

    return test


@define(version=1)
def ends_with(text: str, *, ignore_case: bool = False) -> Test:
    """The answer ends with `text`, white space after it aside."""

    def test(case: Case, output: Output) -> Outcome:
        answer = output.text.rstrip()
        holds = _fold(answer, ignore_case).endswith(_fold(text, ignore_case))
        says = "ends" if holds else "does not end"
        evidence = {"end": clip(answer[-150:])}
        return Outcome(holds, f"the answer {says} with {quoted(text)}", evidence)

    return test


@define(version=1)
def regex(pattern: str, *, ignore_case: bool = False) -> Test:
    """The pattern is found somewhere in the answer; undecided after a second of searching."""
    rex = compiled(pattern, "regex.pattern", ignore_case)

    def test(case: Case, output: Output) -> Outcome:
        try:
            match = find(rex, output.text)
        except TooSlow as error:
            return Outcome(None, str(error), {"pattern": clip(pattern)})
        if match is None:
            return Outcome(False, f"nothing matches {quoted(pattern)}", {"pattern": clip(pattern)})
        matched = around(output.text, *match.span())
        evidence = {"pattern": clip(pattern), "matched": matched}
        return Outcome(True, f"{quoted(match.group())} matches {quoted(pattern)}", evidence)

    return test


@define(version=1)
def one_of(options: Sequence[str], *, ignore_case: bool = False) -> Test:
    """The whole answer is one of the options, white space around it aside."""
    allowed = {_fold(each.strip(), ignore_case) for each in options}

    def test(case: Case, output: Output) -> Outcome:
        answer = output.text.strip()
        holds = _fold(answer, ignore_case) in allowed
        says = "is one" if holds else "is none"
        names = ", ".join(quoted(each, 40) for each in options[:5])
        return Outcome(holds, f"the answer {says} of {names}", {"answer": clip(answer)})

    return test


def _fold(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text
