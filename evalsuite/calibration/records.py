"""The nouns of calibration: what is rated, what people said of it, what a judge showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalsuite.judging.records import Order, Subject

ADJUDICATED = "adjudicated"
"""The rater under whose name a disagreement is decided: that answer goes before all others, and
is no further opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of items.jsonl: something to be rated, whole, so that ratings outlive their run.

    `id` is a hash of the subject. `case` is the golden case's id ("" if it has none), `output_key`
    the key of the output in its run, `other_key` that of the other one. `weight` is the inverse of
    the item's chance to be chosen, up to a factor: figures about the whole run need it. `judged`
    holds the judge's label by criterion when it was chosen, `arm` which side of a comparison the
    output is from; no rater ever sees either. `judge` is, of an anchor, the key of the judge that
    gave `judged`.
    """

    id: str
    subject: Subject
    case: str = ""
    output_key: str = ""
    other_key: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None
    weight: float = 1.0
    judged: Mapping[str, str | None] = field(default_factory=dict)
    arm: Literal["candidate", "baseline", ""] = ""
    run: str = ""
    judge: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A line of labels.jsonl: one rating of one criterion by one person.

    `value` is a level's label, UNSURE, or None: the rater took back what an earlier line of the
    same item, rater, criterion and occasion says (the last line holds). `occasion` 0 is the first
    time, 1 a hidden repeat. `seconds` is the time that it took, `order` what was shown first,
    `seed` the one of the rater's shuffle, `time` ISO 8601 in UTC.
    """

    item: str
    rater: str
    criterion: str
    value: str | None
    critique: str = ""
    seconds: float | None = None
    order: Order = ""
    seed: int = 0
    time: str = ""
    occasion: int = 0


Split = Literal["dev", "test"]
"""Thresholds and wordings are tried on "dev"; a certificate is given on "test" alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """certificate.json: what calibration measured of one judge on the held-out split.

    `key` is the judge's, of all that can change a verdict; `template`, `model` and `parser` are the
    keys of its parts, so that a stale certificate can say what changed. `figures` holds, by
    criterion, named numbers with their bounds and `n`; `states` what they are worth by the bar that
    was in force (`bar`). `pairs` are (human, judge, weight) values in [0, 1] by criterion, from
    which pass rates are corrected. Dates are ISO days.
    """

    judge: str
    key: str
    template: str
    model: str
    parser: str
    created: str
    expires: str
    labels: str
    raters: int
    states: Mapping[str, Literal["uncertified", "provisional", "trusted"]]
    figures: Mapping[str, Mapping[str, float | None]]
    bar: Mapping[str, float]
    pairs: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
