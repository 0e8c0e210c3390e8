"""The nouns: what is judged, and what a reply says of it once its quotes were looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalsuite.judging.asking import Unread
from evalsuite.records import Document

Support = Literal["supported", "contradicted", "absent", "unverified"]
"""What the contexts say of a claim. "unverified": it was called supported, and the quote that
should show it is in no context, or there is none."""

Said = Literal["supported", "contradicted", "absent"]
"""What a reply says of a claim, before its quotes are looked up."""

Carries = Literal["fully", "partly", "no"]
"""How much of a sentence a passage carries by itself."""


@dataclass(frozen=True, slots=True)
class Cite:
    """A citation as it is written: an id, and the contexts of that id by their place from 1. It is
    none of those that there are where there is no place; pieces of a document may share an id."""

    id: str
    places: Sequence[int]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer and what it cites."""

    text: str
    cites: Sequence[Cite] = ()

    @property
    def places(self) -> tuple[int, ...]:
        """The contexts that it cites."""
        return tuple(sorted({place for each in self.cites for place in each.places}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is judged. `contexts` are the output's without copies, in its order; `input` is all
    that was asked, where that is more than the question; `sentences` are the answer's, where
    citations are judged. `refused`: the provider or the model ended the answer by a refusal.
    `answerable`: the documents are known to hold an answer, or nobody said that they don't."""

    question: str
    answer: str
    contexts: Sequence[Document] = ()
    reference: str | None = None
    input: str = ""
    sentences: Sequence[Sentence] = ()
    refused: bool = False
    answerable: bool = True


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage as a reply quotes it, and the contexts, by their place from 1, in which it stands
    word for word: none, if it was made up."""

    text: str
    places: Sequence[int]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of the answer. `addresses`: it helps to answer the question."""

    text: str
    addresses: bool
    support: Support
    quotes: Sequence[Quote] = ()


@dataclass(frozen=True, slots=True)
class Relevance:
    """Whether a context helps to answer the question."""

    relevant: bool
    critique: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation of a sentence: the id, what of the sentence its contexts carry, and by which
    quotes. Without a quote that stands in that context a context carries nothing."""

    id: str
    carries: Carries
    quotes: Sequence[Quote] = ()


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence as its citations carry it. `claims` False: it claims nothing, and needs none."""

    sentence: str
    claims: bool
    carried: bool
    citations: Sequence[Citation] = ()


@dataclass(frozen=True, slots=True)
class Grounding:
    """What the first call says: of the answer alone and against its contexts. `declines`: as a
    whole it refuses, or says that it does not know. `relevance` is by context."""

    declines: bool
    claims: Sequence[Claim]
    relevance: Sequence[Relevance]
    cited: Sequence[Cited] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A claim of the reference answer: whether the answer says it, and what contexts do."""

    text: str
    answered: bool
    support: Support
    quotes: Sequence[Quote] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """A claim of the answer, as the reference answer has it, and as the contexts do."""

    text: str
    reference: Said
    support: Support
    quotes: Sequence[Quote] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the second call says: of the reference answer, and of the answer where that is asked."""

    wanted: Sequence[Wanted]
    given: Sequence[Given] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """The verdicts of both calls. None: it was not made, or `unread` says by call ("grounding",
    "coverage") why its reply is no verdict. `left_out` says of the shown texts how many characters
    were cut."""

    grounding: Grounding | None = None
    coverage: Coverage | None = None
    unread: Mapping[str, Unread] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
