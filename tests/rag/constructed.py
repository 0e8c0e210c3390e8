"""Cases whose right values are known by construction, and a model that judges them rightly.

The world: things of a workshop with a price each. Asked is for rooms; cars are beside the question.
A context is a list of sentences of the world, an answer is put together of sentences of which it is
known whether contexts and reference answer hold them. The model knows the world and reads nothing
but the prompt.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

QUESTION = "What do the rooms cost?"
MADE_UP = "Nobody ever wrote this sentence."

_THING = re.compile(r"The (room|car) (\w+) costs (\d+) euros\.")


def fact(kind: str, name: object, price: int = 0) -> str:
    """A sentence of the world; with another price than 100 one that is wrong."""
    return f"The {kind} {name} costs {price or 100} euros."


@dataclass(frozen=True)
class Built:
    """A case with its right values; None: not scored."""

    id: str
    contexts: Sequence[str]
    answer: str
    reference: str
    values: dict[str, Fraction | None] = field(default_factory=dict)

    def golden(self) -> dict[str, Any]:
        asked = {"question": QUESTION, "contexts": list(self.contexts), "answer": self.answer}
        return {"id": self.id, "input": asked, "expected": self.reference}


def built() -> list[Built]:
    """All of them."""
    return [*_claims(), *_ranks(), *_references(), *_cited()]


def _claims() -> Iterator[Built]:
    """Of n claims k are supported, c contradicted, u without a true quote, the rest absent; b of
    all are beside the question."""
    for n in range(1, 6):
        for k, c, u in itertools.product(range(n + 1), range(3), range(2)):
            absent = n - k - c - u
            if absent < 0:
                continue
            beside = min(k, 1)
            kinds = ["car"] * beside + ["room"] * (n - beside)
            said = [fact(kind, f"s{i}") for i, kind in enumerate(kinds[:k])]
            held = [*said, *(fact("room", f"c{i}") for i in range(c))]
            said += [fact("room", f"c{i}", 99) for i in range(c)]
            said += [fact("room", f"u{i}") for i in range(u)]
            said += [fact("room", f"a{i}") for i in range(absent)]
            half = len(held) // 2
            contexts = [" ".join(held[half:]), " ".join(held[:half]), fact("car", "x")]
            contexts = [each for each in contexts if each]
            relevant = [("room" in each) for each in contexts]
            yield Built(
                id=f"claims-{n}-{k}-{c}-{u}",
                contexts=contexts,
                answer=" ".join(said),
                reference=fact("room", "ref"),
                values={
                    "faithfulness": Fraction(k, n),
                    "answer_relevancy": Fraction(n - beside, n),
                    "context_relevance": Fraction(sum(relevant), len(relevant)),
                    "context_recall": Fraction(0),
                    "answer_correctness": Fraction(0),
                    "noise_sensitivity": Fraction(k, n),
                },
            )


def _ranks() -> Iterator[Built]:
    """Every order of relevant and irrelevant contexts, up to five."""
    for n in range(1, 6):
        for pattern in itertools.product((True, False), repeat=n):
            texts = [fact("room" if each else "car", f"r{i}") for i, each in enumerate(pattern)]
            precisions = [
                Fraction(sum(pattern[: rank + 1]), rank + 1)
                for rank, each in enumerate(pattern)
                if each
            ]
            yield Built(
                id="ranks-" + "".join("RI"[not each] for each in pattern),
                contexts=texts,
                answer=texts[0],
                reference=fact("room", "ref"),
                values={
                    "context_precision": sum(precisions, Fraction(0)) / max(1, len(precisions)),
                    "context_relevance": Fraction(sum(pattern), n),
                    "faithfulness": Fraction(1),
                    "answer_relevancy": Fraction(pattern[0]),
                },
            )


def _references() -> Iterator[Built]:
    """Of m reference claims r are retrieved and t are answered; w further claims are wrong, of
    which v come from a context."""
    for m in range(1, 5):
        for r, t, w in itertools.product(range(m + 1), range(m + 1), range(3)):
            if t + w == 0 or (r + t + w + m) % 2:  # half of them are enough
                continue
            wanted = [fact("room", f"w{i}") for i in range(m)]
            wrong = [fact("room", f"n{i}") for i in range(w)]
            v = w // 2
            contexts = [*wanted[m - r :], *wrong[:v], fact("car", "x")]
            answer = [*wrong, *wanted[:t]]
            both = sum(each in wanted[m - r :] for each in wanted[:t])
            yield Built(
                id=f"reference-{m}-{r}-{t}-{w}",
                contexts=contexts,
                answer=" ".join(answer),
                reference=" ".join(wanted),
                values={
                    "context_recall": Fraction(r, m),
                    "answer_correctness": Fraction(2 * t, 2 * t + w + (m - t)),
                    "noise_sensitivity": Fraction(v, t + w),
                    "faithfulness": Fraction(both + v, t + w),
                },
            )


def _cited() -> Iterator[Built]:
    """Sentences that are carried by what they cite, by one of two, by neither, and by nothing."""
    good, other, far = fact("room", "g"), fact("room", "o"), fact("car", "x")
    contexts = [good, other, far]
    # sentence, does what it cites carry it, how many of its citations count, how many it has
    kinds = [
        (f"{good[:-1]} [1].", True, 1, 1),
        (f"{good} [1, 3]", True, 1, 2),
        (f"{other[:-1]} [3].", False, 0, 1),
        (f"{other[:-1]} [nowhere-7].", False, 0, 1),
        (f"{good[:-1]} [2] [3].", False, 0, 2),
        (good, False, 0, 0),
    ]
    for n in (1, 2, 3):
        for chosen in itertools.combinations(kinds, n):
            total = sum(each[3] for each in chosen)
            counting = sum(each[2] for each in chosen)
            yield Built(
                id="cited-" + "".join(str(kinds.index(each)) for each in chosen),
                contexts=contexts,
                answer=" ".join(each[0] for each in chosen),
                reference=good,
                values={
                    "citation_recall": Fraction(sum(each[1] for each in chosen), n),
                    "citation_precision": Fraction(counting, total) if total else None,
                },
            )


def texts_of(prompt: str) -> dict[str, str]:
    """The fenced texts of a prompt by name."""
    found = re.findall(r'<data-\w+ name="([^"]+)"[^>]*>\n(.*?)\n</data-', prompt, re.DOTALL)
    return dict(found)


def facts_of(text: str) -> list[str]:
    return [match[0] for match in _THING.finditer(re.sub(r" \[[^\]]*\]", "", text))]


def judged(prompt: str) -> str:
    """The right verdicts for a prompt."""
    texts = texts_of(prompt)
    contexts = [text for name, text in texts.items() if name.startswith("context ")]
    if "reference answer" in texts:
        return json.dumps(_against_reference(prompt, texts, contexts))
    made: dict[str, Any] = {
        "declines": texts["answer"].startswith("I don't know"),
        "claims": [_claim(each, contexts) for each in facts_of(texts["answer"])],
    }
    if contexts:
        made["contexts"] = {
            f"context_{n}": {"critique": "as it is", "relevant": "The room" in each}
            for n, each in enumerate(contexts, 1)
        }
    sentences = {name: text for name, text in texts.items() if name.startswith("sentence ")}
    if sentences:
        cites = dict(re.findall(r"(Sentence \d+) of the answer, which cites ([^\n]*):", prompt))
        made["sentences"] = {
            name.replace(" ", "_"): _sentence(text, cites[name.capitalize()], texts)
            for name, text in sentences.items()
        }
    return json.dumps(made)


def _claim(claim: str, contexts: Sequence[str]) -> dict[str, Any]:
    kind, name, price = _THING.fullmatch(claim).groups()  # type: ignore[union-attr]
    whole = "\n".join(contexts)
    quotes, verdict = list[str](), "absent"
    if claim in whole:
        quotes, verdict = [claim], "supported"
    elif name.startswith("u"):  # called supported, by a quote that is in no context
        quotes, verdict = [MADE_UP], "supported"
    elif price != "100" and fact(kind, name) in whole:
        quotes, verdict = [fact(kind, name)], "contradicted"
    return {"claim": claim, "addresses": kind == "room", "quotes": quotes, "verdict": verdict}


def _against_reference(
    prompt: str, texts: dict[str, str], contexts: Sequence[str]
) -> dict[str, Any]:
    whole = "\n".join(contexts)

    def held(claim: str) -> dict[str, Any]:
        return {"quotes": [claim] if claim in whole else [], "in_contexts": claim in whole}

    said, wanted = facts_of(texts["answer"]), facts_of(texts["reference answer"])
    made: dict[str, Any] = {
        "reference": [{"claim": w, "in_answer": w in said, **held(w)} for w in wanted]
    }
    if prompt.rstrip().endswith('"answer".'):
        made["answer"] = [
            {"claim": s, "reference": "supported" if s in wanted else "absent", **held(s)}
            for s in said
        ]
    return made


def _sentence(text: str, cites: str, texts: dict[str, str]) -> dict[str, Any]:
    claims = facts_of(text)
    names = [] if cites == "nothing" else cites.split(", ")
    shown = {name: texts[name.replace("_", " ")] for name in names}
    return {
        "claims": bool(claims),
        "carried": bool(claims) and all(any(c in t for t in shown.values()) for c in claims),
        "citations": {
            name: {
                "quote": claims[0] if claims and claims[0] in each else "",
                "carries": "fully" if claims and claims[0] in each else "no",
            }
            for name, each in shown.items()
        },
    }
