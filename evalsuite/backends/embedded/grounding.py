"""The embedded model on claims: it counts words in common, and numbers must match.

It is no judge of quality. It lets rag metrics be tried and tested for nothing, with the same
verdicts everywhere: a sentence of the answer is a claim, and what supports it is the passage that
has its words. A right claim in other words is absent for it, a wrong one in the right words holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite import retrieval
from evalsuite.backends.base import COVERAGE
from evalsuite.backends.embedded import words
from evalsuite.backends.embedded.verdict import HOLDS, fenced
from evalsuite.checks.grounding import refusal
from evalsuite.records import Case, Json, Output

PARTLY = 0.3
"""Share of a sentence's words from which a passage carries a part of it."""

RELEVANT = 0.5
"""Share of a question's words from which a context helps to answer it."""

MOST, MOST_QUOTES = 100, 5
"""Claims of one text, and quotes of one claim."""

_MARK = re.compile(r"\[[^\[\]\n]{1,300}\](?!\()")
_ITEM = re.compile(r"\A(?:[-*+•]|[0-9]{1,3}[.)])\s+")
_SPACE = re.compile(r"\s+(?=[.,;:!?])")
_declines = refusal()


@dataclass(frozen=True, slots=True)
class Found:
    """How much of a claim a text has: the share of its words, whether a number of it is missing
    there, and the passages that have them."""

    share: float
    number: bool
    quotes: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        return self.share >= HOLDS and not self.number


def grounding(messages: Sequence[Mapping[str, Json]], schema: Mapping[str, Json]) -> str:
    """The reply to a request of rag metrics, as its schema has it."""
    texts = fenced(messages)
    contexts = [text for name, text in texts.items() if name.startswith("context ")]
    if schema["title"] == COVERAGE:
        return json.dumps(_coverage(texts, contexts, schema["properties"]), ensure_ascii=False)
    answer, question = texts.get("answer", ""), _topic(texts.get("question", ""))
    claims = _claims(answer)
    made: dict[str, Json] = {
        "declines": not claims and _refuses(answer),
        "claims": [_claim(each, question, contexts) for each in claims],
    }
    if "contexts" in schema["properties"]:
        made["contexts"] = {
            f"context_{n}": _relevance(question, each) for n, each in enumerate(contexts, 1)
        }
    if "sentences" in schema["properties"]:
        made["sentences"] = {
            name: _sentence(texts.get(name.replace("_", " "), ""), each["properties"], texts)
            for name, each in schema["properties"]["sentences"]["properties"].items()
        }
    return json.dumps(made, ensure_ascii=False)


def _coverage(
    texts: Mapping[str, str], contexts: Sequence[str], fields: Mapping[str, Json]
) -> dict[str, Json]:
    answer, reference = texts.get("answer", ""), texts.get("reference answer", "")
    wanted = [part for each in _claims(reference) for part in each.split("; ")]
    said = _claims(answer)
    made: dict[str, Json] = {
        "reference": [
            {
                "claim": each,
                "in_answer": _best(each, ["\n".join(said)]).holds,
                **_in_contexts(each, contexts),
            }
            for each in wanted
        ]
    }
    if "answer" in fields:
        made["answer"] = [
            {
                "claim": each,
                "reference": "supported" if _says(each, reference, wanted) else "absent",
                **_in_contexts(each, contexts),
            }
            for each in said
        ]
    return made


def _says(claim: str, reference: str, wanted: Sequence[str]) -> bool:
    """A reference answer may be shorter than the claim that says the same."""
    return _best(claim, [reference]).holds or any(_best(each, [claim]).holds for each in wanted)


def _in_contexts(claim: str, contexts: Sequence[str]) -> dict[str, Json]:
    found = _best(claim, contexts)
    return {"quotes": list(found.quotes) if found.holds else [], "in_contexts": found.holds}


def _claims(text: str) -> list[str]:
    """The sentences that say something, without their citations."""
    bare = _SPACE.sub("", _MARK.sub(" ", text))
    parts = [part for line in bare.splitlines() for part in words.sentences(line.strip())]
    return [each for each in parts if _topic(each) and not _refuses(each)][:MOST]


def _refuses(text: str) -> bool:
    return bool(_declines(Case(id="", input=""), Output(text=text)).holds)


def _topic(text: str) -> list[str]:
    every = dict.fromkeys(retrieval.tokens(text))
    return [token for token in every if token not in words.TOPICLESS] or list(every)


def _best(claim: str, texts: Sequence[str]) -> Found:
    """Of some texts what the one has that has most, a text without a missing number before one."""
    found = [_in(claim, text) for text in texts]
    return max(found, key=lambda each: (each.holds, each.share), default=Found(0.0, False))


def _in(claim: str, text: str) -> Found:
    """What a text has of a claim: in one sentence if that is enough, else in several."""
    asked = _topic(claim)
    sentences = [(each, retrieval.tokens(each)) for each in _sentences(text)]
    ranked = sorted(
        ((_share(asked, set(tokens)), each, tokens) for each, tokens in sentences),
        key=lambda one: -one[0],
    )
    taken = [(each, tokens) for share, each, tokens in ranked[:MOST_QUOTES] if share]
    if taken and ranked[0][0] >= HOLDS:
        taken = taken[:1]
    there = {token for _, tokens in taken for token in tokens}
    missing = any(token[0].isdigit() and token not in there for token in asked)
    return Found(_share(asked, there), missing, [each for each, _ in taken])


def _sentences(text: str) -> list[str]:
    """The sentences of a context, as they stand there but for white space; a heading, an item of a
    list and a paragraph are no part of another."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#") or _ITEM.match(bare):
            blocks.append([])
        if bare.startswith("#"):
            blocks += [[bare.lstrip("# ")], []]
        elif bare:
            blocks[-1].append(_ITEM.sub("", bare))
    return [each for block in blocks for each in words.sentences(" ".join(block))]


def _share(asked: Sequence[str], there: set[str]) -> float:
    return sum(token in there for token in asked) / len(asked) if asked else 0.0


def _claim(claim: str, question: Sequence[str], contexts: Sequence[str]) -> dict[str, Json]:
    found = _best(claim, contexts)
    verdict = "absent"
    if found.share >= HOLDS:
        verdict = "contradicted" if found.number else "supported"
    said = {*retrieval.tokens(claim), *retrieval.tokens(" ".join(found.quotes))}
    return {
        "claim": claim,
        "addresses": not question or _share(question, said) > 0,
        "quotes": list(found.quotes) if verdict != "absent" else [],
        "verdict": verdict,
    }


def _relevance(question: Sequence[str], context: str) -> dict[str, Json]:
    there = set(retrieval.tokens(context))
    count = sum(token in there for token in question)
    said = f"{count} of {len(question)} words of the question are there"
    return {"critique": said, "relevant": _share(question, there) >= RELEVANT}


def _sentence(text: str, fields: Json, texts: Mapping[str, str]) -> dict[str, Json]:
    bare = " ".join(_claims(text))
    names = list(fields["citations"]["properties"])
    cited = {name: texts.get(name.replace("_", " "), "") for name in names}
    return {
        "claims": bool(bare),
        "carried": bool(bare) and _in(bare, "\n".join(cited.values())).holds,
        "citations": {name: _carries(bare, each) for name, each in cited.items()},
    }


def _carries(sentence: str, context: str) -> dict[str, Json]:
    found = _in(sentence, context)
    carries = "fully" if found.holds else "partly" if found.share >= PARTLY else "no"
    return {"quote": found.quotes[0] if carries != "no" else "", "carries": carries}
