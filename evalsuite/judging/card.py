"""Judge cards: judges/NAME/judge.md, YAML front matter and a Jinja template below it.

Everything that is wrong with a card is said at once, with file, line, field and remedy. A card that
the project does not have comes from the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evalsuite.canonical import key
from evalsuite.errors import Problem, ProblemsError, SuiteError, did_you_mean
from evalsuite.golden import yamldoc
from evalsuite.judging import matter, template
from evalsuite.judging.names import NAME
from evalsuite.judging.prompt import prompts
from evalsuite.judging.records import Card, Subject
from evalsuite.records import Document
from evalsuite.wording import shown, shown_path

SHIPPED = Path(__file__).parent / "cards"
MAX_CARD = 200_000
"""Bytes of a card."""

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


class CardError(SuiteError, ProblemsError):
    """A judge card that can't be used: every problem of it, each with its place."""

    def __init__(self, problems: Iterator[Problem] | list[Problem]) -> None:
        ProblemsError.__init__(self, problems)


def load_card(judge_dir: Path, name: str) -> Card:
    """The project's card of this name, else the shipped one; SuiteError if there is none, or if it
    is no card."""
    if isinstance(name, str) and NAME.fullmatch(name):
        for folder in (judge_dir, SHIPPED):
            file = folder / name / "judge.md"
            if file.is_file():
                return read_card(_text(file), shown_path(file), name)
    known = did_you_mean(str(name), card_names(judge_dir))
    where = shown_path(judge_dir)
    raise SuiteError(f"no judge {shown(name)} in {where}, and none is shipped: {known}")


def card_names(judge_dir: Path) -> tuple[str, ...]:
    """The judges that there are: the project's and the shipped ones."""
    found = {
        file.parent.name for folder in (judge_dir, SHIPPED) for file in folder.glob("*/judge.md")
    }
    return tuple(sorted(found))


def _text(file: Path) -> str:
    path = shown_path(file)
    try:
        with file.open("rb") as handle:
            data = handle.read(MAX_CARD + 1)
    except OSError as error:
        raise SuiteError(f"{path}: can't be read: {error.strerror}") from None
    if len(data) > MAX_CARD:
        raise SuiteError(f"{path}: is longer than {MAX_CARD:,} bytes (shorten it)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise CardError([Problem(path, line, "encoding", wrong, "save it as UTF-8")]) from None


def read_card(text: str, path: str, name: str) -> Card:
    """A card out of its text.

    Raises:
        CardError: every problem, with line and remedy.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found = _FRONT.match(text)
    if not found:
        remedy = "begin with a line ---, then the card's fields, then a line ---"
        raise CardError([Problem(path, 1, "front matter", "is missing", remedy)])
    front, body = found[1], text[found.end() :]
    entries, problems = yamldoc.read(front.encode("utf-8", "replace"), path)
    if problems:
        raise CardError([_moved(each, 1) for each in problems])
    value = entries[0].value if len(entries) == 1 else None
    if not isinstance(value, dict):
        remedy = "write one field a line, such as kind: rubric"
        raise CardError([Problem(path, 2, "front matter", "holds no fields", remedy)])
    reading = matter.Reading(value, matter.lines_of(front, 2), path)
    fields = matter.read(reading, name)
    said = reading.problems
    if "kind" in fields:
        start = text.count("\n", 0, found.end())
        said += [
            Problem(path, start + line if line else 0, field, wrong, remedy)
            for line, field, wrong, remedy in template.findings(body, fields["kind"])
        ]
    if said:
        raise CardError(sorted(said, key=lambda each: each.line))
    card = keyed(Card(name=name, template=body.strip("\n"), key="", path=path, **fields))
    _try(card)
    return card


def _try(card: Card) -> None:
    """Render the card with a whole case and with a bare one, so that no run finds out first."""
    whole: dict[str, Any] = {
        "expected": ["it is short"] if card.kind == "expectations" else "an answer",
        "contexts": (Document("a#1", "a context"), Document("b", "another")),
    }
    bare = {name: value for name, value in whole.items() if name in card.needs}
    for given in (whole, bare):
        pair = card.kind == "pairwise"
        other = "the other" if pair else None
        subject = Subject(input={"question": "a question"}, output="one", other=other, **given)
        try:
            prompts(card, subject, "ab" if pair else "")
        except SuiteError as error:
            remedy = "{% if expected %} and {% if contexts %} guard what a case may lack"
            raise CardError([Problem(card.path, 0, "template", str(error), remedy)]) from None


def keyed(card: Card) -> Card:
    """The card with its key: of all that it says, but for where it lies."""
    said: Mapping[str, Any] = {
        name: value for name, value in asdict(card).items() if name not in ("key", "path")
    }
    return replace(card, key=key("card", said))


def _moved(problem: Problem, by: int) -> Problem:
    return replace(problem, line=problem.line + by if problem.line else 0)
