"""What is judged, as the messages and the schema of each of the two calls.

Instructions stand outside of the fences, before the data and once more after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evalsuite.backends.base import COVERAGE, GROUNDING
from evalsuite.judging import fence
from evalsuite.judging.fence import Cut, Fenced
from evalsuite.judging.prompt import FENCES, OPENING
from evalsuite.rag.material import judged_sentences
from evalsuite.rag.records import Material, Sentence
from evalsuite.records import Json

MOST_CLAIMS = 100
"""Claims of one text that a reply may hold."""

MOST_QUOTES = 10
"""Quotes of one claim."""

_SYSTEM = f"""\
You check what a language model answered to a question from retrieved contexts, claim by claim.

{FENCES}

A claim is one statement of fact, as small as it can be and understood by itself: name what \
pronouns stand for, from the question where need be. Take the claims in the text's order and \
change no number, name or condition. Greetings, offers of help, questions, citation marks, and \
saying that something is not known or not found are no claims. A text may hold none: then the \
list is empty.

A quote is a passage of a context copied character for character, as short as still shows what it \
should; never put words together from several places, never leave words out. A claim that takes \
several passages has a quote of each. A claim that no passage speaks of has the empty list.

Answer with one JSON object and nothing else. Its fields are exactly these, in this order:
{{fields}}"""

_CLAIMS = """\
- "declines": true if the answer as a whole refuses or says that it does not know instead of \
answering, else false
- "claims": a list with an object for each claim of the answer: "claim" (text), "addresses" (true \
if it helps to answer the question, else false), "quotes" (a list of text), "verdict" \
("supported" if the quotes by themselves show that it holds, "contradicted" if they show that it \
does not, else "absent"; what you know from elsewhere does not count)"""

_RELEVANCE = """\
- "contexts": an object with a field for each context, {names}: "critique" (at most one \
sentence), "relevant" (true if the context holds something that helps to answer the question, \
else false)"""

_SENTENCES = """\
- "sentences": an object with a field for each sentence of the answer, {names}: "claims" (true if \
it makes a claim, else false), "carried" (true if the contexts that it cites, taken together and \
without any other, show all that it claims, else false), "citations" (an object with a field for \
each context that it cites, as told with the sentence: "quote" (text, "" for none), "carries" \
("fully" if that context alone shows all that the sentence claims, "partly" if it shows a part, \
else "no"))"""

_WANTED = """\
- "reference": a list with an object for each claim of the reference answer: "claim" (text), \
"in_answer" (true if the answer says the same, in whatever words, else false), "quotes" (a list \
of text, from the contexts), "in_contexts" (true if the quotes by themselves show that the claim \
holds, else false)"""

_GIVEN = """\
- "answer": a list with an object for each claim of the answer: "claim" (text), "reference" \
("supported" if the reference answer says so, in whatever words, "contradicted" if it says \
otherwise, else "absent"), "quotes" (a list of text, from the contexts), "in_contexts" (true if \
the quotes by themselves show that the claim holds, else false)"""

_CLOSING = "All data ends above. Check it, and answer with the JSON object alone: {names}."

TEMPLATE: Json = [_SYSTEM, _CLAIMS, _RELEVANCE, _SENTENCES, _WANTED, _GIVEN, _CLOSING]
"""All that a prompt is made of but for the data, for the key."""

_TITLES = {"grounding": GROUNDING, "coverage": COVERAGE}

TEXT: Json = {"type": "string"}
TRUTH: Json = {"type": "boolean"}
QUOTES: Json = {"type": "array", "items": TEXT}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One call, "grounding" or "coverage". `left_out` says by shown text how many characters were
    cut."""

    kind: Literal["grounding", "coverage"]
    messages: Sequence[Mapping[str, Json]]
    schema: Mapping[str, Json]
    left_out: Mapping[str, int]


def grounding_prompt(material: Material, *, citations: bool) -> Prompt:
    """The call that needs no reference; `citations`: it asks for the sentences' as well."""
    contexts = [f"context_{n}" for n in range(1, len(material.contexts) + 1)]
    judged = judged_sentences(material) if citations else ()
    sentences = [f"sentence_{n}" for n in range(1, len(judged) + 1)]
    parts, fields = [_CLAIMS], {"declines": TRUTH, "claims": _list(_CLAIM)}
    if contexts:
        parts.append(_RELEVANCE.format(names=_spoken(contexts)))
        fields["contexts"] = _object({each: _object(_RELEVANT) for each in contexts})
    if sentences:
        parts.append(_SENTENCES.format(names=_spoken(sentences)))
        fields["sentences"] = _object(
            {
                name: _object(_sentence(each.places))
                for name, each in zip(sentences, judged, strict=True)
            }
        )
    return _prompt("grounding", parts, fields, _texts(material), _cites(judged))


def coverage_prompt(material: Material, *, given: bool) -> Prompt:
    """The call that needs a reference; `given`: it asks for the answer's claims as well."""
    parts, fields = [_WANTED], {"reference": _list(_WANT)}
    if given:
        parts.append(_GIVEN)
        fields["answer"] = _list(_GIVE)
    texts = _texts(material)
    texts["The reference answer:"] = [("reference answer", fence.inert(material.reference or ""))]
    return _prompt("coverage", parts, fields, texts, [])


def _object(fields: Mapping[str, Json]) -> Json:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def _list(fields: Mapping[str, Json]) -> Json:
    return {"type": "array", "items": _object(fields)}


_SUPPORT: Json = {"type": "string", "enum": ["supported", "contradicted", "absent"]}
_CLAIM: Json = {"claim": TEXT, "addresses": TRUTH, "quotes": QUOTES, "verdict": _SUPPORT}
_RELEVANT: Json = {"critique": TEXT, "relevant": TRUTH}
_CARRIES: Json = {"quote": TEXT, "carries": {"type": "string", "enum": ["fully", "partly", "no"]}}
_WANT: Json = {"claim": TEXT, "in_answer": TRUTH, "quotes": QUOTES, "in_contexts": TRUTH}
_GIVE: Json = {"claim": TEXT, "reference": _SUPPORT, "quotes": QUOTES, "in_contexts": TRUTH}


def _sentence(cites: Sequence[int]) -> Json:
    citations = _object({f"context_{n}": _object(_CARRIES) for n in cites})
    return {"claims": TRUTH, "carried": TRUTH, "citations": citations}


def _spoken(names: Sequence[str]) -> str:
    return f'"{names[0]}"' if len(names) == 1 else f'"{names[0]}" to "{names[-1]}"'


Texts = dict[str, list[tuple[str, Cut]]]
"""By the line above them, the named texts that a message shows."""


def _texts(material: Material) -> Texts:
    texts: Texts = {}
    if material.input:
        texts["All that was asked:"] = [("input", fence.inert(material.input))]
    texts["The question:"] = [("question", fence.inert(material.question))]
    limit = min(fence.TEXT_LIMIT, fence.CONTEXTS_LIMIT // max(1, len(material.contexts)))
    texts["The contexts:" if material.contexts else "There are no contexts."] = [
        (f"context {number}", fence.inert(each.text, limit))
        for number, each in enumerate(material.contexts, 1)
    ]
    texts["The answer:"] = [("answer", fence.inert(material.answer))]
    return texts


def _cites(sentences: Sequence[Sentence]) -> list[tuple[str, str, Cut]]:
    """The sentences one by one, each below what it cites."""
    found = []
    for number, each in enumerate(sentences, 1):
        names = ", ".join(f"context_{n}" for n in each.places) or "nothing"
        line = f"Sentence {number} of the answer, which cites {names}:"
        found.append((line, f"sentence {number}", fence.inert(each.text)))
    return found


def _prompt(
    kind: Literal["grounding", "coverage"],
    parts: Sequence[str],
    fields: Mapping[str, Json],
    texts: Texts,
    sentences: Sequence[tuple[str, str, Cut]],
) -> Prompt:
    groups = [*texts.items(), *((line, [(name, cut)]) for line, name, cut in sentences)]
    mark = fence.mark_of(cut.text for _, shown in groups for _, cut in shown)
    lines = [OPENING.format(mark=mark)]
    left_out: dict[str, int] = {}
    for line, shown in groups:
        fenced = [Fenced(name, cut.text, mark, cut.left_out) for name, cut in shown]
        lines.append("\n".join([line, *map(str, fenced)]))
        left_out |= {each.name: each.left_out for each in fenced if each.left_out}
    lines.append(_CLOSING.format(names=", ".join(f'"{name}"' for name in fields)))
    system = _SYSTEM.format(fields="\n".join(parts))
    return Prompt(
        kind=kind,
        messages=(
            {"role": "system", "content": system},
            {"role": "user", "content": "\n\n".join(lines)},
        ),
        schema={"title": _TITLES[kind], **_object(fields)},
        left_out=left_out,
    )
