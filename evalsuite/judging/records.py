"""The nouns of judging: what a card asks, what is judged, what a judge said of it.

A `Subject` is one output (or a pair of them) with all that its judge may see. Judges and people
answer with a level of a criterion's scale, so both are compared in the card's own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalsuite.records import Document, Json

Kind = Literal["rubric", "pairwise", "reference", "expectations", "metric"]
"""What a card asks for. "metric": it is a metric's of ours (ev.rag), which asks by prompts of its
own; the card is what people rate it by, and its template names what they are shown."""

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
