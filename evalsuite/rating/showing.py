"""An item as a page shows it: its texts under headings, a pair in the rater's order, citations.

Nothing here tells which model, arm or judge an output comes from or what anybody said of it: the
page gets `Shown`, never the item. Nor is anything shown that the card keeps from the judge: people
and judge answer the same question.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite.calibration.records import Item
from evalsuite.judging.prompt import question_of
from evalsuite.judging.records import Card, Order, Subject
from evalsuite.judging.template import names_of
from evalsuite.rating.citing import Piece, cited
from evalsuite.records import Document, Json
from evalsuite.report import words

LONGEST = 200_000
"""Characters of one text that are shown."""

LONG = 1_500
"""Characters from which a text scrolls inside a box of its own."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text under a heading; `id` names it on the page; `long` ones scroll inside."""

    id: str
    heading: str
    pieces: Sequence[Piece]
    long: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """All of an item that a rater may see. `answers` holds one text, or the left and the right one;
    `differences` are what changes from left to right: (kind, text)."""

    asked: Sequence[Text]
    answers: Sequence[Text]
    expected: Sequence[Text] = ()
    contexts: Sequence[Text] = ()
    differences: Sequence[tuple[str, str]] = ()


def names_shown(card: Card) -> frozenset[str]:
    """What of an item the card's template shows the judge; statements are made of `expected`."""
    names = names_of(card.template)
    return names | {"expected"} if "statements" in names else names


def show(item: Item, names: Collection[str], order: Order = "") -> Shown:
    """The answers, and of the rest what is in `names`."""
    subject = _kept(item.subject, names)
    pair = subject.other is not None
    sides = [subject.output] if subject.other is None else [subject.output, subject.other]
    if order == "ba":
        sides.reverse()
    documents = [Document(each.id, _cut(each.text)[0]) for each in subject.contexts]
    found = [cited(_cut(side)[0], documents) for side in sides]
    names = ("Answer A", "Answer B") if pair else ("Answer",)
    return Shown(
        _fields("q", "Question", subject.input) if subject.input is not None else (),
        [
            _text(f"answer-{place}", name, side, each.answer)
            for place, (name, side, each) in enumerate(zip(names, sides, found, strict=True), 1)
        ],
        _fields("e", "Expected answer", subject.expected) if subject.expected is not None else (),
        [
            _text(
                f"doc-{place}",
                each.id,
                each.text,
                _joined([one.documents[place - 1] for one in found]),
            )
            for place, each in enumerate(subject.contexts, 1)
        ],
        [(piece.op, piece.text) for piece in words.compare(*sides)] if pair else (),
    )


def _kept(subject: Subject, names: Collection[str]) -> Subject:
    asked = question_of(subject.input) if "question" in names else None
    return replace(
        subject,
        input=subject.input if "input" in names else asked,
        expected=subject.expected if "expected" in names else None,
        contexts=subject.contexts if "contexts" in names else (),
    )


def _joined(readings: Sequence[Sequence[Piece]]) -> Sequence[Piece]:
    """One document with the sentences that either answer cites: cut wherever one of them is."""
    if len(readings) == 1:
        return readings[0]
    text = "".join(piece.text for piece in readings[0])
    marks: list[tuple[int, int, int]] = []
    for pieces in readings:
        at = 0
        for piece in pieces:
            if piece.document:
                marks.append((at, at + len(piece.text), piece.document))
            at += len(piece.text)
    joined, at = [], 0
    for start, end, place in sorted(set(marks)):
        if start > at:
            joined.append(Piece(text[at:start]))
        joined.append(Piece(text[start:end], place))
        at = end
    if at < len(text) or not joined:
        joined.append(Piece(text[at:]))
    return joined


def _text(name: str, heading: str, text: str, pieces: Sequence[Piece]) -> Text:
    if not text.strip():
        return Text(
            name, heading, (), note="empty: there is no text" if not text else "white space only"
        )
    return Text(name, heading, pieces, len(text) > LONG or text.count("\n") > 25, _cut(text)[1])


def _cut(text: str) -> tuple[str, str]:
    """At most LONGEST characters, and what to say of the rest."""
    if len(text) <= LONGEST:
        return text, ""
    return text[:LONGEST], f"{len(text) - LONGEST:,} further characters are not shown"


def _fields(name: str, heading: str, value: Json) -> list[Text]:
    """A text, the fields of an object, or the messages of a dialogue, each under its heading."""
    return [
        _text(f"{name}-{place}", label, text, (Piece(_cut(text)[0]),))
        for place, (label, text) in enumerate(_parts(heading, value), 1)
    ]


def _parts(heading: str, value: Json) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(heading, value)]
    if isinstance(value, Mapping):
        messages = value.get("messages")
        if isinstance(messages, list) and len(value) == 1:
            return [_message(each) for each in messages]
        if len(value) == 1 and all(isinstance(each, str) for each in value.values()):
            return [(heading, next(iter(value.values())))]
        return [(str(key), _spelled(each)) for key, each in value.items()]
    return [(heading, _spelled(value))]


def _message(message: Json) -> tuple[str, str]:
    if isinstance(message, Mapping) and "content" in message:
        return str(message.get("role", "message")), _spelled(message["content"])
    return "message", _spelled(message)


def _spelled(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "\n".join(f"• {each}" for each in value)
    return json.dumps(value, ensure_ascii=False, indent=2)
