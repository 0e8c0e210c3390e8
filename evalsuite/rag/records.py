"""The nouns: what is judged, and what a reply says of it once its quotes were looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalsuite.records import Document

Support = Literal["supported", "contradicted", "absent", "unverified"]
"""What the contexts say of a claim. "unverified": it was called supported, and the quote that
should show it is in no context, or there is none."""

Carries = Literal["fully", "partly", "no"]
"""How much of a sentence a passage carries by itself."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer. `cites` are the contexts that it cites, by their place from 1, or
    None for a citation that names no context."""

    text: str
    cites: Sequence[int | None] = ()


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
    """A citation of a sentence: of which context (None: of none that there is), what of the
    sentence it carries, and by which quote. Without a quote that stands in that context it carries
    nothing."""

    context: int | None
    carries: Carries
    quote: Quote | None = None


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
    reference: Literal["supported", "contradicted", "absent"]
    support: Support
    quotes: Sequence[Quote] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the second call says: of the reference answer, and of the answer where that is asked."""

    wanted: Sequence[Wanted]
    given: Sequence[Given] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """The verdicts of both calls. None: it was not made. `unread` says by call ("grounding",
    "coverage") why its reply is no verdict, `raw` what it was; `left_out` of the shown texts how
    many characters were cut."""

    grounding: Grounding | None = None
    coverage: Coverage | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
