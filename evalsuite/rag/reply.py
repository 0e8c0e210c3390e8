"""A reply is verdicts or none: one JSON object of exactly what was asked for.

Nothing is guessed. What a quote is worth is decided here as well: a claim that is called supported
without a quote that stands in a context, word for word, is unverified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from evalsuite.backends.base import Completion
from evalsuite.judging.reply import CRITIQUE, Unparsable, exactly, json_in
from evalsuite.rag.material import judged_sentences
from evalsuite.rag.prompt import MOST_CLAIMS, MOST_QUOTES
from evalsuite.rag.records import (
    Carries,
    Citation,
    Cite,
    Cited,
    Claim,
    Coverage,
    Given,
    Grounding,
    Material,
    Quote,
    Relevance,
    Said,
    Sentence,
    Support,
    Wanted,
)
from evalsuite.rag.verbatim import Shelf
from evalsuite.records import Json
from evalsuite.scoring import clip

CLAIM = 600
"""Characters kept of a claim."""

T = TypeVar("T", bound=str)

_SUPPORT: tuple[Said, ...] = ("supported", "contradicted", "absent")
_CARRIES: tuple[Carries, ...] = ("fully", "partly", "no")


def grounding_in(reply: Completion, material: Material, *, citations: bool) -> Grounding:
    """The first call's verdicts.

    Raises:
        Unparsable: the reply is not finished, or not exactly what was asked for.
    """
    shelf, contexts = Shelf(material.contexts), len(material.contexts)
    judged = judged_sentences(material) if citations else ()
    names = ["declines", "claims", *["contexts"] * bool(contexts), *["sentences"] * bool(judged)]
    value = exactly(json_in(reply), names, "the reply")
    relevance: tuple[Relevance, ...] = ()
    if contexts:
        wanted = [f"context_{n}" for n in range(1, contexts + 1)]
        found = exactly(value["contexts"], wanted, '"contexts"')
        relevance = tuple(_relevance(found[name], name) for name in wanted)
    return Grounding(
        declines=_truth(value["declines"], '"declines"'),
        claims=tuple(
            _claim(each, f"claim {n}", shelf) for n, each in _listed(value["claims"], "claims")
        ),
        relevance=relevance,
        cited=_cited(value["sentences"], judged, shelf) if judged else (),
    )


def coverage_in(reply: Completion, material: Material, *, given: bool) -> Coverage:
    """The second call's verdicts.

    Raises:
        Unparsable: the reply is not finished, or not exactly what was asked for.
    """
    shelf = Shelf(material.contexts)
    value = exactly(json_in(reply), ["reference", *["answer"] * given], "the reply")
    return Coverage(
        wanted=tuple(
            _wanted(each, f"reference claim {n}", shelf)
            for n, each in _listed(value["reference"], "reference")
        ),
        given=tuple(
            _given(each, f"answer claim {n}", shelf)
            for n, each in _listed(value["answer"], "answer")
        )
        if given
        else (),
    )


def _listed(value: Json, what: str) -> list[tuple[int, Json]]:
    if not isinstance(value, list):
        raise Unparsable(f'"{what}" is no list')
    if len(value) > MOST_CLAIMS:
        raise Unparsable(f'"{what}" has more than {MOST_CLAIMS} claims')
    return list(enumerate(value, 1))


def _claim(value: Json, what: str, shelf: Shelf) -> Claim:
    each = exactly(value, ("claim", "addresses", "quotes", "verdict"), what)
    quotes = _quotes(each["quotes"], what, shelf)
    said = _among(each["verdict"], _SUPPORT, f"the verdict of {what}")
    addresses = _truth(each["addresses"], f'"addresses" of {what}')
    return Claim(_text(each["claim"], what), addresses, _support(said, quotes), quotes)


def _wanted(value: Json, what: str, shelf: Shelf) -> Wanted:
    each = exactly(value, ("claim", "in_answer", "quotes", "in_contexts"), what)
    quotes = _quotes(each["quotes"], what, shelf)
    said = _truth(each["in_contexts"], f'"in_contexts" of {what}')
    answered = _truth(each["in_answer"], f'"in_answer" of {what}')
    support = _support("supported" if said else "absent", quotes)
    return Wanted(_text(each["claim"], what), answered, support, quotes)


def _given(value: Json, what: str, shelf: Shelf) -> Given:
    each = exactly(value, ("claim", "reference", "quotes", "in_contexts"), what)
    quotes = _quotes(each["quotes"], what, shelf)
    said = _truth(each["in_contexts"], f'"in_contexts" of {what}')
    reference = _among(each["reference"], _SUPPORT, f"the verdict of {what}")
    support = _support("supported" if said else "absent", quotes)
    return Given(_text(each["claim"], what), reference, support, quotes)


def _support(said: Support, quotes: Sequence[Quote]) -> Support:
    """Supported takes a quote, and every quote in a context. Of other verdicts a quote decides
    nothing: they count the same without."""
    shown = bool(quotes) and all(each.places for each in quotes)
    return "unverified" if said == "supported" and not shown else said


def _quotes(value: Json, what: str, shelf: Shelf) -> tuple[Quote, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Unparsable(f"the quotes of {what} are no list of text")
    if len(value) > MOST_QUOTES:
        raise Unparsable(f"{what} has more than {MOST_QUOTES} quotes")
    return tuple(map(shelf.find, value))


def _relevance(value: Json, what: str) -> Relevance:
    each = exactly(value, ("critique", "relevant"), f'"{what}"')
    if not isinstance(each["critique"], str):
        raise Unparsable(f'the critique of "{what}" is no text')
    relevant = _truth(each["relevant"], f'"relevant" of "{what}"')
    return Relevance(relevant, clip(each["critique"].strip(), CRITIQUE))


def _cited(value: Json, sentences: Sequence[Sentence], shelf: Shelf) -> tuple[Cited, ...]:
    names = [f"sentence_{n}" for n in range(1, len(sentences) + 1)]
    found = exactly(value, names, '"sentences"')
    pairs = zip(names, sentences, strict=True)
    return tuple(_sentence(found[name], f'"{name}"', each, shelf) for name, each in pairs)


def _sentence(value: Json, what: str, sentence: Sentence, shelf: Shelf) -> Cited:
    """A sentence is carried only if one of its citations carries some of it."""
    each = exactly(value, ("claims", "carried", "citations"), what)
    wanted = [f"context_{n}" for n in sentence.places]
    said = exactly(each["citations"], wanted, f"the citations of {what}")
    passages = {
        n: _passage(said[f"context_{n}"], n, f'"context_{n}" of {what}', shelf)
        for n in sentence.places
    }
    citations = tuple(_citation(cite, passages) for cite in sentence.cites)
    carried = _truth(each["carried"], f'"carried" of {what}')
    return Cited(
        sentence=clip(sentence.text, CLAIM),
        claims=_truth(each["claims"], f'"claims" of {what}'),
        carried=carried and any(one.carries != "no" for one in citations),
        citations=citations,
    )


def _passage(value: Json, place: int, what: str, shelf: Shelf) -> tuple[Carries, Quote]:
    each = exactly(value, ("quote", "carries"), what)
    carries = _among(each["carries"], _CARRIES, f'"carries" of {what}')
    if not isinstance(each["quote"], str):
        raise Unparsable(f"the quote of {what} is no text")
    quote = shelf.find(each["quote"])
    return (carries if place in quote.places else "no"), quote


def _citation(cite: Cite, passages: Mapping[int, tuple[Carries, Quote]]) -> Citation:
    """It carries what the best of its contexts does."""
    own = [passages[place] for place in cite.places]
    carries = min((each for each, _ in own), key=_CARRIES.index, default=_CARRIES[-1])
    return Citation(cite.id, carries, tuple(quote for _, quote in own if quote.text))


def _truth(value: Json, what: str) -> bool:
    if not isinstance(value, bool):
        raise Unparsable(f"{what} is neither true nor false")
    return value


def _among(value: Json, options: Sequence[T], what: str) -> T:
    found = next((each for each in options if isinstance(value, str) and each == value), None)
    if found is None:
        raise Unparsable(f"{what} is none of those that were asked for")
    return found


def _text(value: Json, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unparsable(f"{what} has no text")
    return clip(value.strip(), CLAIM)
