"""What a judge's values are worth today, and the shortest way to more.

A certificate counts as long as the judge is the one that it was given to and its day has not come.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from evalsuite.calibration.bar import STATES, Bar, State, needed, short_of, state_of
from evalsuite.calibration.certificate import labels_key
from evalsuite.calibration.measured import ACTIVE, WHOLE
from evalsuite.calibration.panel import scale_of, seconds_per_label
from evalsuite.calibration.records import ADJUDICATED, Certificate, Item, Label
from evalsuite.calibration.splits import DEV, in_split, labels_in, split_of
from evalsuite.judging.keys import JudgeKeys
from evalsuite.judging.records import UNSURE, Card, Criterion
from evalsuite.records import Standing
from evalsuite.wording import shown

MOST = 5_000
"""Labels beyond which more are no way to a better standing."""


FEW = 15
"""Clusters below which further items of the same ones say little."""


@dataclass(frozen=True, slots=True)
class AtHand:
    """What is rated of a criterion by now: items of the test split, raters of ACTIVE of them, and
    whether a certificate doesn't know of some of that yet."""

    n: int
    raters: int
    fresh: bool

    @classmethod
    def of(
        cls, criterion: str, items: Mapping[str, Item], labels: Sequence[Label], fresh: bool
    ) -> AtHand:
        rated: dict[str, set[str]] = {}
        for label in labels:
            known = label.value not in (None, UNSURE) and not label.occasion
            if label.criterion == criterion and known and split_of(items[label.item]) == "test":
                rated.setdefault(label.rater, set()).add(label.item)
        n = len(set().union(*rated.values()))
        least = min(ACTIVE, max(1, n))
        rated.pop(ADJUDICATED, None)
        return cls(n, sum(len(each) >= least for each in rated.values()), fresh)


def standings(
    card: Card,
    keys: JudgeKeys,
    certificate: Certificate | None,
    *,
    items: Mapping[str, Item],
    labels: Sequence[Label],
    bar: Bar,
    today: date,
) -> dict[str, Standing]:
    """By metric: the judge's own, which is worth as much as the weakest of its criteria, and with
    several criteria each one's. `labels` are the ones that hold."""
    invalid = validity(card, keys, certificate, today)
    valid = certificate if not invalid else None
    held = [label for label in labels if label.item in items]
    tested = labels_in(held, in_split(items, "test"))
    fresh = valid is None or labels_key(tested) != valid.labels
    seconds = seconds_per_label(labels)
    each = {
        criterion.name: _criterion(
            card,
            criterion,
            valid,
            invalid,
            AtHand.of(criterion.name, items, held, fresh),
            bar,
            seconds,
        )
        for criterion in card.criteria
    }
    weakest = min(each.values(), key=lambda one: STATES.index(one.state))
    if len(each) == 1:
        return {card.name: weakest}
    whole = Standing(
        state=weakest.state,
        judge=card.name,
        says=_weakest(each) if valid else weakest.says,
        remedy=weakest.remedy,
        error=_error(valid, WHOLE),
        pairs=valid.pairs.get(WHOLE, ()) if valid else (),
    )
    return {card.name: whole, **{f"{card.name}.{name}": one for name, one in each.items()}}


def validity(card: Card, keys: JudgeKeys, certificate: Certificate | None, today: date) -> str:
    """Why a certificate doesn't count; "" if it does."""
    if certificate is None:
        return "no certificate"
    if certificate.judge != card.name:
        return f"no certificate: the one that lies here is of {shown(certificate.judge, 80)}"
    parts = (
        ("template", "the card", certificate.template, keys.template),
        ("model", "the model or its parameters", certificate.model, keys.model),
        ("parser", "how replies are asked for and read", certificate.parser, keys.parser),
    )
    changed = [f"{word} changed" for _, word, then, now in parts if then != now]
    if changed:
        return f"stale: {' and '.join(changed)} since the certificate of {certificate.created}"
    if certificate.key != keys.key:
        return f"stale: the certificate of {certificate.created} is of another judge"
    if today > date.fromisoformat(certificate.expires):
        return f"expired on {certificate.expires}"
    return ""


def _criterion(
    card: Card,
    criterion: Criterion,
    valid: Certificate | None,
    invalid: str,
    have: AtHand,
    bar: Bar,
    seconds: float,
) -> Standing:
    figures = valid.figures.get(criterion.name, {}) if valid else {}
    names = needed(scale_of(card, criterion) == "ordinal")
    state = state_of(figures, bar, names)
    says = _says(state, figures, bar, names)
    return Standing(
        state=state,
        judge=card.name,
        says=f"{says}; certified {valid.created}" if valid else invalid,
        remedy=_remedy(card, state, figures, have, bar, names, seconds * len(card.criteria)),
        error=_error(valid, criterion.name),
        pairs=valid.pairs.get(criterion.name, ()) if valid else (),
    )


def _error(valid: Certificate | None, name: str) -> float:
    """What is unknown may be as wrong as can be."""
    known = valid.figures.get(name, {}).get("error") if valid else None
    return 1.0 if known is None else known


def _says(state: State, figures: Mapping[str, float | None], bar: Bar, names: Sequence[str]) -> str:
    """The figures that decide, and what is short of the next state."""
    n, raters = int(figures.get("n") or 0), int(figures.get("raters") or 0)
    said = [f"{n} labelled items of {raters} {'rater' if raters == 1 else 'raters'}"]
    for name in names:
        value, lower = figures.get(name), figures.get(f"{name}_lower")
        title = {"spearman": "Spearman's rho", "tpr": "TPR", "tnr": "TNR"}[name]
        if value is not None and lower is not None:
            said.append(f"{title} {value:.2f}, at least {lower:.2f}")
    if state != "trusted":
        upward = STATES[STATES.index(state) + 1]
        said.append(f"not {upward}: {', '.join(short_of(figures, bar, upward, names))}")
    return "; ".join(said)


def _weakest(each: Mapping[str, Standing]) -> str:
    """Of several criteria: which one holds the judge back."""
    worst = min(each, key=lambda name: STATES.index(each[name].state))
    return f"as its weakest criterion, {worst}: {each[worst].says}"


def _remedy(
    card: Card,
    state: State,
    figures: Mapping[str, float | None],
    have: AtHand,
    bar: Bar,
    names: Sequence[str],
    seconds: float,
) -> str:
    """The shortest way to the next state; "" for a trusted judge."""
    if state == "trusted":
        return ""
    upward = STATES[STATES.index(state) + 1]
    rate = f"evalsuite rate {card.name} --from-run last"
    certify = f"evalsuite judge calibrate {card.name} --certify"
    least = int(bar.wanted(upward, "labels"))
    if have.n < least:
        return f"{_more(least - have.n, len(card.criteria), seconds)}: `{rate}`"
    if have.raters < bar.wanted(upward, "raters"):
        again = max(ACTIVE, least // 4)
        second = f"{rate} --raters NAME,NAME"
        return f"a second rater, {_more(again, len(card.criteria), seconds)}: `{second}`"
    if have.fresh:
        return f"measure it: `{certify}`"
    wanted = _enough(figures, bar, upward, names)
    if wanted is None or wanted > MOST:
        read = f"evalsuite judge calibrate {card.name}"
        return f"read where it errs and change the card: `{read}`"
    groups = int(figures.get("clusters") or 0)
    others = f", of other groups of cases than these {groups}" if groups < FEW else ""
    return f"{_more(max(1, wanted - have.n), len(card.criteria), seconds)}{others}: `{rate}`"


def _more(items: int, criteria: int, seconds: float) -> str:
    """(63 items) -> "63 more labels, about 35 minutes". A part of what is rated goes to the
    development split, so more is asked for than the test split lacks."""
    whole = math.ceil(items / (1 - DEV))
    labels = whole * criteria
    return f"{labels} more {'label' if labels == 1 else 'labels'}, about {_spoken(whole * seconds)}"


def _spoken(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    if minutes > 120:
        return f"{minutes / 60:.0f} hours"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _enough(
    figures: Mapping[str, float | None], bar: Bar, state: State, names: Sequence[str]
) -> int | None:
    """About how many labels show what the figures suggest; None if they suggest too little.

    The distance of a lower bound shrinks with the root of n.
    """
    n, most = float(figures.get("n") or 0), 0.0
    for name in names:
        value, lower, want = (
            figures.get(name),
            figures.get(f"{name}_lower"),
            bar.wanted(state, name),
        )
        if value is None or value <= want:
            return None
        if lower is not None and lower < want:
            most = max(most, ((value - lower) / (value - want)) ** 2)
    return math.ceil(n * max(1.0, most))
