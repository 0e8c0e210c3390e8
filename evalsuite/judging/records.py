"""The nouns of judging: what a card asks, what is judged, what a judge and what people said of it.

A `Subject` is one output (or a pair of them) with all that its judge may see. Judges and people
answer with a level of a criterion's scale, so both are compared in the card's own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalsuite.records import Document, Json

Kind = Literal["rubric", "pairwise", "reference", "expectations"]

Order = Literal["ab", "ba", ""]
"""Which of a pair was shown first: "ab" the output itself, "ba" the other one; "" for no pair."""

UNSURE = "unsure"
"""A rater's or a judge's "unable to tell": an answer, and no score."""

PREFERRED, OTHER, TIE = "A", "B", "tie"
"""The levels of a pair, in the outputs' identity and never in their position: "A" is the output
under judgement, "B" the other one."""


@dataclass(frozen=True, slots=True)
class Level:
    """A step of a scale: what people and judges say, its value in [0, 1], what it looks like."""

    label: str
    value: float
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One atomic question. `scale` goes from worst to best; two levels make it binary."""

    name: str
    question: str
    scale: Sequence[Level]
    weight: float = 1.0

    @property
    def binary(self) -> bool:
        return len(self.scale) == 2

    def value(self, label: str | None) -> float | None:
        """The value of a level; None for no level, UNSURE among them."""
        return next((level.value for level in self.scale if level.label == label), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A judge card, read and checked.

    `template` is the Jinja source of the user message, `system` of the system message. `calls`:
    whether one call asks all criteria or each has its own. `role` is the model's name in the
    settings' backends, `params` go to it as they are. `votes` is how often each verdict is asked
    for, `orders` 2 (both) or 1 (one, chosen by a seed). `needs` are the parts of a case that it
    can't do without ("expected", "contexts"). `path` is for messages; `key` covers everything else.
    """

    name: str
    kind: Kind
    criteria: Sequence[Criterion]
    template: str
    key: str
    system: str = ""
    description: str = ""
    calls: Literal["one", "each"] = "one"
    role: str = "judge"
    params: Mapping[str, Json] = field(default_factory=dict)
    votes: int = 1
    orders: Literal[1, 2] = 2
    needs: Sequence[str] = ()
    path: str = ""

    def criterion(self, name: str) -> Criterion:
        """By its name; KeyError."""
        return next(each for each in self.criteria if each.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is judged. `output` is the text under judgement, `other` the one that it is compared
    with (None: no pair). The rest is what a judge or a rater may look at beside it."""

    input: Json
    output: str
    other: str | None = None
    expected: Json = None
    contexts: Sequence[Document] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One verdict: of a criterion, in one order, in one vote.

    `label` is a level's label, UNSURE, or None where there is no verdict: then `reason` says why,
    and `raw` keeps the reply. `value` is the label's, None without one.
    """

    criterion: str
    label: str | None
    value: float | None
    critique: str = ""
    reason: str = ""
    order: Order = ""
    vote: int = 1
    raw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of items.jsonl: something to be rated, whole, so that ratings outlive their run.

    `id` is a hash of the subject. `case` is the golden case's id ("" if it has none), `output_key`
    the key of the output in its run, `other_key` that of the other one. `weight` is the inverse of
    the item's chance to be chosen, up to a factor: figures about the whole run need it. `judged`
    holds the judge's label by criterion when it was chosen, `arm` which side of a comparison the
    output is from; no rater ever sees either.
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
