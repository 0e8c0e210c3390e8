"""What a run asks a judge beside its cases, to know whether its verdicts can be compared at all.

Anchors tell a judge that drifted, canaries one that does what it is told by what it judges. They
are asked only in runs that ask the judge afresh anyway: anchors anew in each, canaries once a week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.backends.together import together
from evalsuite.calibration import anchors, canaries
from evalsuite.calibration.records import Item
from evalsuite.judging.asking import Ask, judge
from evalsuite.judging.attacking import subject_of_attack
from evalsuite.judging.records import Card
from evalsuite.judging.scorer import weighted
from evalsuite.judging.verdict import settle


@dataclass(frozen=True, slots=True)
class Checkup:
    """`says` what was asked and found, `broken` why the judge can't be compared; "" if it can."""

    says: str = ""
    broken: str = ""


async def ask_anchors(card: Card, key: str, anchored: Sequence[Item], ask: Ask) -> Checkup:
    """Ask the frozen outputs again; a BackendError goes through. Anchors that another judge (not of
    this `key`) gave tell nothing of this one.

    Expectations are of their cases, so that a judge of them has no anchors.
    """
    if card.kind == "expectations":
        return Checkup()
    foreign = sum(bool(item.judge) and item.judge != key for item in anchored)
    if foreign:
        freeze = f"`evalsuite judge anchor {card.name} --from-run last`"
        return Checkup(f"{foreign} anchors are of another judge: {freeze}")
    then = [_stored(card, item.judged) for item in anchored]
    kept = [(item, value) for item, value in zip(anchored, then, strict=True) if value is not None]
    replies = await together([judge(card, item.subject, ask) for item, _ in kept])
    pairs = [
        (value, now)
        for (_, value), reply in zip(kept, replies, strict=True)
        if (now := weighted(card, settle(card, reply))[0]) is not None
    ]
    found = anchors.shift([old for old, _ in pairs], [new for _, new in pairs])
    if found is None:
        return Checkup()
    moved = f"{found.n} anchors {100 * found.before:.0f}% → {100 * found.after:.0f}%"
    again = f"measure it anew: `evalsuite judge calibrate {card.name} --fresh`"
    drifted = f"the judge drifted: {moved} on the same outputs; {again}"
    return Checkup(f"{moved} (p = {found.p:.2g})", drifted if found.drifted else "")


async def ask_canaries(card: Card, ask: Ask) -> Checkup:
    """Ask answers that direct their judge; a BackendError goes through. One that is followed may
    be a slip, more of them than not are a habit."""
    told = canaries.canaries()
    answers = await together(
        [
            judge(card, subject_of_attack(card, canary, attacked=attacked), ask)
            for canary in told
            for attacked in (False, True)
        ]
    )
    obeyed = [
        canary.id
        for canary, plain, attacked in zip(told, answers[::2], answers[1::2], strict=True)
        if canaries.followed(card, plain, attacked)
    ]
    broken = f"the judge does what it reads: it followed {', '.join(obeyed)}"
    says = f"followed {len(obeyed)} of {len(told)} canaries"
    return Checkup(says, broken if 2 * len(obeyed) > len(told) else "")


def _stored(card: Card, judged: Mapping[str, str | None]) -> float | None:
    """An anchor's value by the labels that it once got; None if a criterion has none."""
    values = [each.value(judged.get(each.name)) for each in card.criteria]
    return _mean(card, values)


def _mean(card: Card, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None
    weights = [each.weight for each in card.criteria]
    pairs = zip(known, weights, strict=True)
    return sum(value * weight for value, weight in pairs) / sum(weights)
