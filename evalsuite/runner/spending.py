"""What a case's trials took, of what was asked afresh: for operational gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalsuite.backends.calls import Tally
from evalsuite.judging.asking import UNPARSABLE
from evalsuite.records import Asked, Output, Score, Spent

Made = tuple[Output, Sequence[Score], Sequence[Tally], bool, Sequence[Tally]]
"""A trial's output and scores, what its target and each scorer asked, whether it was stored, and
what its crossed run asked."""

LOST = ("provider", "timeout", "harness")
"""Kinds of failures that are no outcome of the target."""

_CONSISTENT = ".consistent"


def spent_of(made: Sequence[Made], seen: set[str]) -> tuple[Spent, ...]:
    """Per trial; nothing where none of them asked anything. `seen` are the call.keys that other
    parts of the run have asked, and is added to."""
    found = tuple(_spent(each) for each in made)
    own: dict[str, set[str]] = {}
    asked = [_asked_of(each, seen, own) for each in made]
    fresh = any(tally.fresh for each in made for tally in (*each[2], *each[4]))
    if not fresh and not any(asked) and all(each == Spent() for each in found):
        return ()
    return tuple(replace(one, asked=parts) for one, parts in zip(found, asked, strict=True))


def _asked_of(made: Made, seen: set[str], own: dict[str, set[str]]) -> dict[str, Asked]:
    """What a trial takes, by part; nothing of models that answer in this process, and nothing of
    what the part asked in an earlier trial: `own` are its calls there."""
    named = [(each.part, each) for each in made[2]]
    named += [(crossed_part(each.part), each) for each in made[4]]
    parts = {}
    for name, tally in named:
        keys = set(tally.keys)
        before = own.setdefault(name, set())
        if tally.took and not keys <= before:
            parts[name] = Asked(dict(tally.took), len(keys & seen))
        seen |= keys
        before |= keys
    return parts


TARGET = "target"
CROSSED = "crossed "


def crossed_part(part: str) -> str:
    """What a part of a crossed run is called: its target, or a scorer of its answer."""
    return CROSSED + (TARGET if part in (TARGET, CROSSED.strip()) else part)


def _spent(made: Made) -> Spent:
    output, scores, (tally, *judges), reused, _ = made
    judged = _judged(scores) if _fresh(judges) else (0, 0.0, 0, 0)
    swaps, flips, verdicts, unparsable = judged
    fresh = not reused and not tally.stored
    lost = output.error is not None and output.error.kind in LOST
    asked = tally.fresh > 0 and output.error is not None and not lost
    return Spent(
        fresh=fresh,
        latency=output.latency if fresh else None,
        first_token=output.first_token if fresh else None,
        tokens=_tokens(output, tally) if fresh and not lost else None,
        cost=(tally.cost if asked else output.cost) if fresh else None,
        failed_attempts=sum(tally.account.failures.values()) if fresh else 0,
        lost=fresh and lost,
        swaps=swaps,
        flips=flips,
        verdicts=verdicts,
        unparsable=unparsable,
    )


def _fresh(judges: Sequence[Tally]) -> bool:
    return any(each.fresh for each in judges) and not any(each.stored for each in judges)


def _tokens(output: Output, tally: Tally) -> int | None:
    """None where nobody counted them."""
    usage = output.usage or tally.usage
    return usage.input_tokens + usage.output_tokens or None


def _judged(scores: Sequence[Score]) -> tuple[int, float, int, int]:
    """Pairs in both orders, how many of them flipped, judgements, and unreadable ones."""
    agreed = [
        each.value
        for each in scores
        if each.metric.endswith(_CONSISTENT) and each.value is not None
    ]
    said = [
        str(item.get("reason", ""))
        for each in scores
        for item in each.evidence
        if "criterion" in item and "label" in item
    ]
    unparsable = sum(each.startswith(UNPARSABLE) for each in said)
    return len(agreed), sum(1 - each for each in agreed), len(said), unparsable
