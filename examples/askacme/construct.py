"""Answers whose faithfulness is known, since they are put together so: for judges/faithfulness.

    python examples/askacme/construct.py

One answer per English section of the handbook: four sentences, k of them as the handbook has them
or in other words for the same, the others made wrong in a way that is certain. So its faithfulness
is k / 4, and the rater "construction" says so. No person rated them: they tell how well a metric
counts, not whether people would agree with it.

Run again it adds nothing: what is chosen follows from the section's name alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random

import pipeline

from evalsuite.calibration.labels import append_items, append_labels, item_id, read_labels
from evalsuite.calibration.records import Item, Label
from evalsuite.judging.records import Subject
from evalsuite.rag.cards import SHARES
from evalsuite.records import Document

FOLDER = Path(__file__).parents[2] / "judges" / "faithfulness"
RATER = "construction"
SENTENCES = 4
BESIDE = 2
"""Pieces of the chapter's other sections among the contexts."""

WORDS = {
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    11: "eleven",
    12: "twelve",
    15: "fifteen",
    20: "twenty",
}
NUMBERS = {word: number for number, word in WORDS.items()}
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
PARTIES = (
    *("the works council", "the People team", "the Finance team", "the Legal team"),
    *("your manager", "the manager", "the data protection officer", "the supplier", "the landlord"),
)

_number = re.compile(rf"(?<![:.,\d])\b(?:\d+|{'|'.join(NUMBERS)})\b(?!:| (?:{'|'.join(MONTHS)}))")
_condition = re.compile(
    r"\b(?:who|whose|if|when|where|after|over|than|until|before|once)\b", re.IGNORECASE
)
_sentence = re.compile(r"(?<=[.!?])\s+")
_verb = re.compile(r"\b(?:is|are|must|can|may|has to|have to|will|should)\b")
_denied = re.compile(r"\b(?:not|no|never|nobody|nothing|none|neither|without|n't)\b", re.IGNORECASE)
_party = re.compile("|".join(PARTIES))


def renumbered(sentence: str, contexts: str, draw: Random) -> str | None:
    """A number becomes one that no context has; None where there is none to change. Of whom
    something holds from 6 on it holds at 21 too, so that numbers of a condition stay."""
    condition = _condition.search(sentence)
    end = condition.start() if condition else len(sentence)
    found = [each for each in _number.finditer(sentence) if each.end() <= end]
    if not found:
        return None
    there = {_value(each) for each in _number.findall(contexts)}
    one = draw.choice(found)
    value = _value(one[0])
    free = [value + by for by in range(2, 40) if value + by not in there]
    return f"{sentence[: one.start()]}{draw.choice(free)}{sentence[one.end() :]}"


def denied(sentence: str, contexts: str, draw: Random) -> str | None:
    """The opposite of a sentence that says how something is."""
    verb = _verb.search(sentence)
    if verb is None or _denied.search(sentence):
        return None
    cut = verb.start() + len(verb[0].split()[0])
    if verb[0] in ("has to", "have to"):
        return f"{sentence[: verb.start()]}must not{sentence[verb.end() :]}"
    return f"{sentence[:cut]} not{sentence[cut:]}"


def displaced(sentence: str, contexts: str, draw: Random) -> str | None:
    """Somebody else, of whom no context speaks."""
    found = _party.search(sentence)
    others = [each for each in PARTIES if each not in contexts]
    if found is None or not others:
        return None
    return f"{sentence[: found.start()]}{draw.choice(others)}{sentence[found.end() :]}"


def foreign(sentence: str, contexts: str, draw: Random) -> str | None:
    """A sentence of another chapter."""
    chapters = {each.id.partition("#")[0] for each in sections()}
    here = next(each.id for each in sections() if sentence in each.text).partition("#")[0]
    others = [each for each in sections() if each.id.partition("#")[0] in chapters - {here}]
    chosen = draw.choice(sentences(draw.choice(others)))
    return None if chosen in contexts else chosen


def verbatim(sentence: str, contexts: str, draw: Random) -> str | None:
    return sentence


def respelled(sentence: str, contexts: str, draw: Random) -> str | None:
    """The same number in words for digits, or digits for words."""
    for found in _number.finditer(sentence):
        value = _value(found[0])
        joined = re.match(r"[.,-]\w", sentence[found.end() :])
        if value not in WORDS or joined or found.start() == 0:
            continue
        other = str(value) if found[0] in NUMBERS else WORDS[value]
        return f"{sentence[: found.start()]}{other}{sentence[found.end() :]}"
    return None


def attributed(sentence: str, contexts: str, draw: Random) -> str | None:
    """The same, said to be the handbook's."""
    return f"The handbook says this: {sentence}"


Change = Callable[[str, str, Random], str | None]
RIGHT: Sequence[Change] = (verbatim, respelled, attributed)
WRONG: Sequence[Change] = (renumbered, denied, displaced, foreign)


def _value(text: str) -> int:
    return NUMBERS[text] if text in NUMBERS else int(text)


@cache
def sections() -> Sequence[Document]:
    """The English sections of the handbook with enough to say, in the order of its files."""
    files = sorted((pipeline.HERE / "handbook").glob("*.md"))
    every = [
        section
        for file in files
        if not re.match(r"(?:de|es|fr)-", file.name)
        for section in pipeline.sections(file.stem, file.read_text("utf-8"))
    ]
    return tuple(each for each in every if len(sentences(each)) >= SENTENCES)


def sentences(section: Document) -> list[str]:
    return _sentence.split(section.text.partition("\n\n")[2].strip())


def constructed(section: Document) -> tuple[Item, Label]:
    """An item and its known value."""
    draw = Random(section.id)
    size = int(pipeline.settings()["size"])
    chapter = section.id.partition("#")[0]
    near = [x for x in sections() if x.id.partition("#")[0] == chapter and x.id != section.id]
    beside = [pipeline.pieces(each, size)[0] for each in draw.sample(near, min(BESIDE, len(near)))]
    contexts = [*pipeline.pieces(section, size), *beside]
    draw.shuffle(contexts)
    told = "\n".join(each.text for each in contexts)
    chosen = draw.sample(sentences(section), SENTENCES)
    right = draw.randint(0, SENTENCES)
    answer = [
        _changed(sentence, told, RIGHT if place < right else WRONG, draw)
        for place, sentence in enumerate(chosen)
    ]
    draw.shuffle(answer)
    title = section.text.partition("\n")[0].rpartition(": ")[2].lstrip("# ")
    subject = Subject(
        input={"question": f"What does the handbook say about {title.lower()}?"},
        output=" ".join(answer),
        contexts=[
            Document(f"{each.id}/{number}", each.text) for number, each in enumerate(contexts, 1)
        ],
    )
    item = Item(
        id=item_id(subject),
        subject=subject,
        case=f"construction-{section.id}",
        cluster=section.id,
        slices={"chapter": chapter},
    )
    level = next(each.label for each in SHARES if each.value == right / SENTENCES)
    return item, Label(item=item.id, rater=RATER, criterion="faithfulness", value=level)


def _changed(sentence: str, contexts: str, changes: Sequence[Change], draw: Random) -> str:
    """By one of the changes that are possible here, each as likely."""
    found = [changed for each in changes if (changed := each(sentence, contexts, draw))]
    if not found:
        raise SystemExit(f"nothing can be changed in: {sentence}")
    return draw.choice(found)


def main(folder: Path = FOLDER) -> int:
    made = [constructed(each) for each in sections()]
    added = append_items(folder, [item for item, _ in made])
    known = set(read_labels(folder))
    labels = [label for _, label in made if label not in known]
    append_labels(folder, labels)
    counts: Mapping[str, int] = {
        level.label: sum(label.value == level.label for _, label in made) for level in SHARES
    }
    spread = ", ".join(f"{count} {label}" for label, count in counts.items())
    sys.stdout.write(f"{len(added)} items and {len(labels)} labels added; in all {spread}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
