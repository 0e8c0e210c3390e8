"""What operational gates say, in their own units."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.gate import Finding
from evalsuite.gate.operating import amount, more
from evalsuite.gate.verdict import BAD
from evalsuite.report import figures
from evalsuite.report.escape import line, terminal


def move(finding: Finding) -> str:
    """1.2 s → 2.4 s, or what this run has alone."""
    after = amount(finding.after, finding.unit)
    if finding.before is None:
        return after
    return f"{amount(finding.before, finding.unit)} → {after}"


def change(finding: Finding) -> str:
    """+98% (78% to 120%); with a `max` the interval of the figure itself."""
    if finding.effect is not None:
        low, high = (more(each, finding.unit) for each in (finding.low, finding.high))
        sign = "+" if finding.effect > 0 else ""
        return f"{sign}{more(finding.effect, finding.unit)} ({low} to {high})"
    if finding.low is None:
        return ""
    return f"{amount(finding.low, finding.unit)} to {amount(finding.high, finding.unit)}"


def spread(finding: Finding) -> str:
    """1.2 s → 2.4 s (+98%, 95% CI 78% to 120%, n = 120)."""
    parts = [f"n = {figures.number(finding.n)}"]
    if finding.effect is not None:
        said, _, interval = change(finding).partition(" (")
        parts = [said, f"95% CI {interval[:-1]}", *parts]
    elif finding.low is not None:
        parts = [f"95% CI {change(finding)}", *parts]
    return f"{move(finding)} ({', '.join(parts)})"


def explained(finding: Finding, cause: Sequence[str]) -> list[list[str]]:
    """What was seen, what it means and what to do, for a terminal; `cause` says what changed."""
    seen = [f"{spread(finding)}, of what was asked afresh."]
    if finding.missing:
        answers = figures.many(finding.missing, "fresh answer")
        seen.append(f"{answers} had no figure and was left out.")
    if finding.reason:
        seen.append(line(terminal(finding.reason[:1].upper() + finding.reason[1:])))
    means, step = _WORDS[finding.result]
    meaning = [means]
    if finding.result in BAD and not finding.blocks:
        meaning.append("This gate observes: it says what it would have blocked, and never fails.")
    steps = [step, *cause] if finding.result in BAD else [step]
    advice = [f"{place}. {each}" for place, each in enumerate(steps, 1)]
    return [["What was seen", *seen], ["What it means", *meaning], ["What to do", *advice]]


_RERUN = "Run the whole suite, without -k, --lf or a case's name, to its end."

_WORDS = {
    "pass": ("The figure is where the suite asks for it.", "Nothing."),
    "over": (
        "Even allowing for chance, the figure is over what the suite asks for.",
        "Find what answers wait for or spend; if it is meant, raise max in the suite's gate.",
    ),
    "regression": (
        "The same cases take more than the suite allows, by more than chance explains.",
        "Find what answers wait for or spend; if it is meant, evalsuite accept.",
    ),
    "inconclusive": (
        "Too little was asked afresh to tell, or what was lies across the limit.",
        "Ask more cases afresh, or trials per case; or set the limit farther off.",
    ),
    "no baseline": (
        "There is no snapshot yet to compare with.",
        "Make one: run the suite, then evalsuite accept that run.",
    ),
    "not proven": (
        "Nothing was asked: recorded times and prices gate nothing.",
        "Run it with calls, without --evals-replay.",
    ),
    "partial": ("Only a part of the cases ran; gates decide on all of them.", _RERUN),
    "incomparable": ("The run lacks replies, so nothing of it is decided.", _RERUN),
}
