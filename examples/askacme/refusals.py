"""Answers of AskAcme of which it is known whether they decline: for judges/unanswerable_refusal.

    python examples/askacme/refusals.py

The embedded model answers the golden questions that the handbook does not answer, with the prompt
as it is and with its rule of what to say then left out, and some that it does answer. An answer
declines if it is the sentence of the prompt's rule, and does not if all that it says stands in the
documents; any other is left out. The rater "construction" says so, for no person rated them.

Run again it adds nothing but what new golden cases bring.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pipeline

from evalsuite import golden
from evalsuite.backends import open_backend
from evalsuite.backends.base import Request
from evalsuite.calibration.labels import append_items, append_labels, item_id, read_labels
from evalsuite.calibration.records import Item, Label
from evalsuite.judging.records import Subject
from evalsuite.records import Case, Document

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "judges" / "unanswerable_refusal"
RATER = "construction"
ANSWERED = 48
"""Questions that the handbook answers, from as many places of the golden set."""

_rule = re.compile(r'[^\n]*say exactly: "([^"\n]+)"\n?')
_citation = re.compile(r"\s*\[[^\[\]\n]+\]")
_sentence = re.compile(r"(?<=[.!?])\s+")


def asked() -> list[tuple[Case, bool]]:
    """The cases to ask, and whether the rule is left out."""
    cases = golden.load_spec("askacme", ROOT / "golden").cases
    open_ = [each for each in cases if each.slices["kind"] == "unanswerable"]
    known = [each for each in cases if each.slices["kind"] == "ordinary"]
    spread = known[:: max(1, len(known) // ANSWERED)][:ANSWERED]
    return [
        *((each, False) for each in open_),
        *((each, True) for each in open_),
        *((each, False) for each in spread),
    ]


def value_of(answer: str, documents: Sequence[Document], rule: str) -> str | None:
    """What is known of an answer; None if nothing is."""
    said = " ".join(_citation.sub("", answer).split())
    if said == rule:
        return "declines"
    told = " ".join(" ".join(each.text.split()) for each in documents)
    stands = all(each in told for each in _sentence.split(said))
    return "answers" if said and stands else None


async def rated(case: Case, bare: bool) -> tuple[Item, Label] | None:
    documents = pipeline.retrieve(case.input["question"], case.input.get("attachment"))
    messages = pipeline.messages(case.input["question"], documents)
    (rule,) = _rule.findall(messages[0]["content"])
    if bare:
        messages[0]["content"] = _rule.sub("", messages[0]["content"])
    reply = await open_backend("embedded").complete(Request(messages=tuple(messages)))
    value = value_of(reply.text, documents, rule)
    if value is None:
        return None
    subject = Subject(input=dict(case.input), output=reply.text, contexts=documents)
    item = Item(id=item_id(subject), subject=subject, case=case.id, slices=dict(case.slices))
    return item, Label(item=item.id, rater=RATER, criterion=FOLDER.name, value=value)


async def made() -> list[tuple[Item, Label]]:
    found = [await rated(case, bare) for case, bare in asked()]
    return list({each[0].id: each for each in found if each is not None}.values())


def main(folder: Path = FOLDER) -> int:
    every = asyncio.run(made())
    added = append_items(folder, [item for item, _ in every])
    known = set(read_labels(folder))
    labels = [label for _, label in every if label not in known]
    append_labels(folder, labels)
    declines = sum(label.value == "declines" for _, label in every)
    sys.stdout.write(
        f"{len(added)} items and {len(labels)} labels added; in all {declines} decline and "
        f"{len(every) - declines} answer\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
