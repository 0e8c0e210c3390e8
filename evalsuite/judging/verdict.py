"""Many judgements of one criterion become one verdict: votes are counted, orders compared.

Nothing is left out of a mean in silence: a verdict that is missing makes the whole unscored, and
the reason says which.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from evalsuite.judging.asking import EQUAL
from evalsuite.judging.matter import HOLDS, is_numeric
from evalsuite.judging.records import PREFERRED, TIE, UNSURE, Card, Criterion, Judgement, Level
from evalsuite.records import Json
from evalsuite.scoring import clip

ROOM = 16_000
"""Characters of critiques and raw replies in the evidence of one score, each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a judge says of one criterion, all orders and votes together.

    `label` is None or UNSURE where there is no verdict, and None where votes are split: then
    `value` is the mean of the levels that had equally many. `agreement` is the share of votes that
    agree with the verdict, `variance` that of their values. For pairs that were shown in both
    orders, `consistent` says whether both gave the same, and `first` is the share of the orders in
    which what was shown first won, a tie counting half.
    """

    criterion: str
    label: str | None
    value: float | None
    critique: str = ""
    reason: str = ""
    agreement: float | None = None
    variance: float | None = None
    consistent: bool | None = None
    first: float | None = None
    judgements: Sequence[Judgement] = field(default=(), repr=False)


def settle(card: Card, judgements: Sequence[Judgement]) -> tuple[Verdict, ...]:
    """One verdict per criterion of the card, in its order."""
    if card.kind == "expectations":
        return (_expectations(card.criteria[0].name, judgements),)
    made = []
    for criterion in card.criteria:
        own = [each for each in judgements if each.criterion == criterion.name]
        found = _pair(criterion, own) if card.kind == "pairwise" else _votes(criterion, own)
        made.append(replace(found, judgements=tuple(own)))
    return tuple(made)


def _votes(criterion: Criterion, votes: Sequence[Judgement]) -> Verdict:
    """The majority's label; of a scale of numbers the mean, and the level that is nearest."""
    said = [each for each in votes if each.label is not None]
    if 2 * len(said) <= len(votes):
        missing = next((each for each in votes if each.label is None), None)
        reason = missing.reason if missing else "not judged"
        reason += f" ({len(votes) - len(said)} of {len(votes)} votes)" if len(votes) > 1 else ""
        return Verdict(criterion=criterion.name, label=None, value=None, reason=reason)
    counts = Counter(str(each.label) for each in said)
    most = max(counts.values())
    top = [label for label in counts if counts[label] == most]
    values = [each.value for each in said if each.value is not None]
    if UNSURE in top:
        label, value, reason = UNSURE, None, "unable to tell"
    elif is_numeric([level.label for level in criterion.scale]):
        value = statistics.fmean(values)
        label, reason = _nearest(criterion.scale, value), ""
    elif len(top) == 1:
        label, value, reason = top[0], criterion.value(top[0]), ""
    else:
        value = statistics.fmean(criterion.value(each) or 0.0 for each in top)
        label, reason = None, f"votes are split: {', '.join(sorted(top))}"
    agreeing = [each for each in said if each.label == label]
    return Verdict(
        criterion=criterion.name,
        label=label,
        value=value,
        critique=(agreeing or said)[0].critique,
        reason=reason,
        agreement=len(agreeing) / len(said) if label is not None else most / len(said),
        variance=statistics.pvariance(values) if values else None,
    )


def _nearest(scale: Sequence[Level], value: float) -> str:
    """The level nearest to a value; of two the worse one."""
    return min(scale, key=lambda level: (round(abs(level.value - value), 9), level.value)).label


def _pair(criterion: Criterion, judgements: Sequence[Judgement]) -> Verdict:
    """Both orders' verdict where they agree, else a tie."""
    if all(each.reason == EQUAL for each in judgements):
        return Verdict(criterion=criterion.name, label=TIE, value=0.5, reason=EQUAL)
    orders = sorted({each.order for each in judgements})
    sides = [_votes(criterion, [e for e in judgements if e.order == each]) for each in orders]
    for side in sides:
        if side.value is None:
            return side
    labels = [side.label or TIE for side in sides]
    agreement = statistics.fmean(side.agreement or 0.0 for side in sides)
    spread = [side.variance for side in sides if side.variance is not None]
    first = statistics.fmean(
        0.5 if label == TIE else float((label == PREFERRED) == (order == "ab"))
        for label, order in zip(labels, orders, strict=True)
    )
    agree = len(set(labels)) == 1
    label = labels[0] if agree else TIE
    both = len(orders) == 2
    return Verdict(
        criterion=criterion.name,
        label=label,
        value=criterion.value(label),
        critique=sides[0].critique if agree else " | ".join(side.critique for side in sides),
        reason="" if agree else f"the orders disagree, so a tie: {labels[0]}, then {labels[1]}",
        agreement=agreement,
        variance=statistics.fmean(spread) if spread else None,
        consistent=agree if both else None,
        first=first if both else None,
    )


def _expectations(name: str, judgements: Sequence[Judgement]) -> Verdict:
    """The share of statements that are as they should be; none where one could not be judged."""
    names = dict.fromkeys(each.criterion for each in judgements)
    found = [
        _votes(Criterion(each, "", HOLDS), [e for e in judgements if e.criterion == each])
        for each in names
    ]
    lacking = [each for each in found if each.value not in (0.0, 1.0)]
    failed = [each for each in found if not as_wanted(each.criterion, each.label)]
    agreement = [each.agreement for each in found if each.agreement is not None]
    spread = [each.variance for each in found if each.variance is not None]
    verdict = Verdict(
        criterion=name,
        label="no" if failed else "yes",
        value=1 - len(failed) / max(1, len(found)),
        critique="; ".join(f"{each.criterion}: {each.critique}" for each in failed),
        agreement=statistics.fmean(agreement) if agreement else None,
        variance=statistics.fmean(spread) if spread else None,
        judgements=tuple(judgements),
    )
    if found and not lacking:
        return verdict
    label = UNSURE if found and all(each.label == UNSURE for each in lacking) else None
    reason = "; ".join(f"{each.criterion}: {each.reason}" for each in lacking) or "not judged"
    return replace(verdict, label=label, value=None, critique="", reason=reason)


def as_wanted(statement: str, label: str | None) -> bool:
    """Whether what was said of a statement is as the case wants it."""
    return (label == "yes") != statement.startswith("must_not_")


def evidence_of(verdicts: Sequence[Verdict]) -> list[dict[str, Json]]:
    """What a score's evidence keeps: every judgement, and how far the votes for a criterion spread.
    What is empty is left out; many judgements share their room, so that none is lost."""
    said = [judgement for verdict in verdicts for judgement in verdict.judgements]
    room = ROOM // max(1, len(said))
    kept = [
        {
            "criterion": each.criterion,
            "label": each.label,
            "order": each.order,
            "vote": each.vote if each.vote > 1 else 0,
            "critique": clip(each.critique, room),
            "reason": each.reason,
            "raw": clip(each.raw, room),
        }
        for each in said
    ]
    found = [{n: v for n, v in each.items() if v or n == "label"} for each in kept]
    return found + [
        {"votes for": each.criterion, "agreement": each.agreement, "variance": each.variance}
        for each in verdicts
        if any(judgement.vote > 1 for judgement in each.judgements)
    ]
