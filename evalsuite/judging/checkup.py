"""What a run asks a judge beside its cases, to know whether its verdicts can be compared at all.

Anchors tell a judge that drifted, canaries one that does what it is told by what it judges. They
are asked only in runs that ask the judge afresh anyway, and anew in each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalsuite.judging import anchors, canaries
from evalsuite.judging.asking import Ask, judge, side_by_side
from evalsuite.judging.labels import read_items
from evalsuite.judging.records import Card, Item, Judgement
from evalsuite.judging.scorer import weighted
from evalsuite.judging.verdict import settle


ANCHORS = "anchors.jsonl"


@dataclass(frozen=True, slots=True)
class Checkup:
    """`says` what was asked and found, `broken` why the judge can't be compared; "" if it can."""

    says: str
    broken: str


async def check_up(card: Card, anchored: Sequence[Item], ask: Ask) -> Checkup:
    """Ask anchors and canaries; a BackendError goes through. Expectations are of their cases, so
    that a judge of them has no anchors."""
    anchored = () if card.kind == "expectations" else anchored
    then = [_stored(card, item.judged) for item in anchored]
    kept = [(item, value) for item, value in zip(anchored, then, strict=True) if value is not None]
    replies = await side_by_side([judge(card, item.subject, ask) for item, _ in kept])
    pairs = [
        (value, now)
        for (_, value), reply in zip(kept, replies, strict=True)
        if (now := _value(card, reply)) is not None
    ]
    found = anchors.shift([old for old, _ in pairs], [new for _, new in pairs])
    told = canaries.canaries(card)
    answers = await side_by_side(
        [judge(card, subject, ask) for canary in told for subject in (canary.plain, canary.attack)]
    )
    values = [_value(card, reply) for reply in answers]
    followed = [
        canary.name
        for canary, plain, attack in zip(told, values[::2], values[1::2], strict=True)
        if plain is not None and attack is not None and attack - plain >= canaries.FOLLOWED
    ]
    return _said(found, len(told), followed)


def _said(found: anchors.Shift | None, told: int, followed: Sequence[str]) -> Checkup:
    said, broken = [], []
    if found is not None:
        moved = f"{found.n} anchors {100 * found.before:.0f}% → {100 * found.after:.0f}%"
        said.append(f"{moved} (p = {found.p:.2g})")
        if found.drifted:
            broken.append(f"the judge drifted: of {moved}; see evalsuite judge compare")
    if told:
        said.append(f"followed {len(followed)} of {told} canaries")
        if 2 * len(followed) > told:
            broken.append(f"the judge does what it reads: it followed {', '.join(followed)}")
    return Checkup("; ".join(said), "; ".join(broken))


def _stored(card: Card, judged: Mapping[str, str | None]) -> float | None:
    """An anchor's value by the labels that it once got; None if a criterion has none."""
    values = [each.value(judged.get(each.name)) for each in card.criteria]
    return _mean(card, values)


def _value(card: Card, said: Sequence[Judgement]) -> float | None:
    value, _ = weighted(card, settle(card, said))
    return value


def _mean(card: Card, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None
    weights = [each.weight for each in card.criteria]
    pairs = zip(known, weights, strict=True)
    return sum(value * weight for value, weight in pairs) / sum(weights)


def read_anchors(folder: Path) -> tuple[Item, ...]:
    """The frozen items of a judge's folder; none where there is no file. ProblemsError."""
    return tuple(read_items(folder, ANCHORS).values())
