"""The front matter of a card: its fields checked, its scales turned into levels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import yaml

from evalsuite.errors import Problem, did_you_mean
from evalsuite.judging.names import MAX_VOTES, NAME
from evalsuite.judging.records import OTHER, PREFERRED, TIE, UNSURE, Criterion, Kind, Level
from evalsuite.records import Json
from evalsuite.variants import ROLE
from evalsuite.wording import shown

_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?", re.ASCII)

KINDS: tuple[Kind, ...] = ("rubric", "pairwise", "reference", "expectations")
NEEDS = ("expected", "contexts")
TAKEN = ("agreement", "consistent", "escalated", "first")
"""Names of diagnostics, which are metrics NAME.DIAGNOSTIC as criteria are NAME.CRITERION."""

FIELDS = (
    "kind",
    "description",
    "criteria",
    "question",
    "scale",
    "system",
    "calls",
    "role",
    "params",
    "votes",
    "orders",
    "needs",
)
MAX_CRITERIA = 20
MAX_LEVELS = 11
OWN_PARAMS = ("messages", "model", "response_format", "schema", "stream", "tools")

PAIR = (Level(OTHER, 0.0), Level(TIE, 0.5), Level(PREFERRED, 1.0))
"""The scale of a pair, from worst to best for the output under judgement."""

HOLDS = (Level("no", 0.0), Level("yes", 1.0))
"""Of statements: whether all of them are as they should be."""

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Reading:
    """A front matter under check: its value, the line of each field, what is wrong so far."""

    value: Mapping[str, Json]
    lines: Mapping[Path, int]
    path: str
    problems: list[Problem] = field(default_factory=list)

    def say(self, where: Path, message: str, remedy: str = "") -> None:
        place = where
        while place and place not in self.lines:
            place = place[:-1]
        name = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in where)
        line = self.lines.get(place, 1)
        self.problems.append(Problem(self.path, line, name.lstrip("."), message, remedy))


def lines_of(front: str, first: int) -> dict[Path, int]:
    """The line of each field of a front matter that is known to be plain YAML."""
    found: dict[Path, int] = {}

    def visit(node: Any, path: Path) -> None:
        if node.id == "mapping":
            for name, each in node.value:
                found[(*path, name.value)] = name.start_mark.line + first
                visit(each, (*path, name.value))
        elif node.id == "sequence":
            for place, each in enumerate(node.value):
                found[(*path, place)] = each.start_mark.line + first
                visit(each, (*path, place))

    visit(yaml.compose(front, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), ())
    return found


def read(reading: Reading, name: str) -> dict[str, Any]:
    """The fields of a Card; what is wrong is among the problems."""
    value = reading.value
    for each in value:
        if each not in FIELDS:
            reading.say((each,), "is no field of a card", did_you_mean(each, FIELDS))
    found: dict[str, Any] = {}
    kind = value.get("kind")
    if kind not in KINDS:
        wrong = "is missing" if kind is None else f"must be a kind of judge, not {shown(kind)}"
        reading.say(("kind",), wrong, f"kinds: {', '.join(KINDS)}")
    else:
        found["kind"] = kind
    for each, check in _CHECKS.items():
        if each in value:
            refused = check(value[each])
            if refused:
                reading.say((each,), *refused)
            else:
                found[each] = value[each]
    for each in found.get("params", ()):
        if each in OWN_PARAMS:
            reading.say(("params", each), "is not the card's to say", "leave it out")
    meant: Kind = found.get("kind", "rubric")  # so that the rest is checked too
    found["needs"] = _needs(reading, meant)
    found["criteria"] = _criteria(reading, name, meant)
    if meant != "pairwise" and "orders" in value:
        reading.say(("orders",), "is for pairs", "leave it out, or make it kind: pairwise")
    return found


def _text(value: Json) -> tuple[str, str] | None:
    return None if isinstance(value, str) and value.strip() else ("must be text", "write a text")


def _among(*options: Json) -> Callable[[Json], tuple[str, str] | None]:
    def check(value: Json) -> tuple[str, str] | None:
        if any(type(value) is type(each) and value == each for each in options):
            return None
        return f"must be {' or '.join(map(str, options))}, not {shown(value)}", ""

    return check


def _role(value: Json) -> tuple[str, str] | None:
    if isinstance(value, str) and ROLE.fullmatch(value):
        return None
    return f"must be a role of the settings' backends, not {shown(value)}", "such as role: judge"


def _params(value: Json) -> tuple[str, str] | None:
    if isinstance(value, dict):
        return None
    return f"must be sampling parameters by name, not {shown(value)}", "params: {temperature: 0}"


def _votes(value: Json) -> tuple[str, str] | None:
    if type(value) is int and 1 <= value <= MAX_VOTES:
        return None
    return f"must be a whole number from 1 to {MAX_VOTES}, not {shown(value)}", ""


_CHECKS: Mapping[str, Callable[[Json], tuple[str, str] | None]] = {
    "description": _text,
    "system": _text,
    "calls": _among("one", "each"),
    "role": _role,
    "params": _params,
    "votes": _votes,
    "orders": _among(1, 2),
}


def _needs(reading: Reading, kind: Kind) -> tuple[str, ...]:
    given = reading.value.get("needs", [])
    if not isinstance(given, list):
        reading.say(("needs",), f"must be a list, not {shown(given)}", "needs: [expected]")
        given = []
    for place, each in enumerate(given):
        if each not in NEEDS:
            known = did_you_mean(str(each), NEEDS)
            reading.say(("needs", place), f"{shown(each)} is no part of a case to need", known)
    own = ("expected",) if kind in ("reference", "expectations") else ()
    return tuple(each for each in NEEDS if each in given or each in own)


def _criteria(reading: Reading, name: str, kind: Kind) -> tuple[Criterion, ...]:
    value = reading.value
    if "criteria" not in value:
        return tuple(filter(None, [_criterion(reading, value, (), name, kind)]))
    for each in ("question", "scale"):
        if each in value:
            reading.say((each,), "is beside criteria", "move it into the criterion")
    given = value["criteria"]
    if not isinstance(given, list) or not given or len(given) > MAX_CRITERIA:
        wrong = f"must be a list of 1 to {MAX_CRITERIA} criteria"
        reading.say(("criteria",), wrong, "each with name, question and scale")
        return ()
    if kind == "expectations":
        reading.say(("criteria",), "is not for expectations", "the case's statements are judged")
    made, seen = [], set[str]()
    for place, each in enumerate(given):
        where: Path = ("criteria", place)
        if not isinstance(each, dict):
            reading.say(where, "must have fields", "name, question, scale and weight")
            continue
        for unknown in sorted(each.keys() - {"name", "question", "scale", "weight"}):
            known = did_you_mean(unknown, ("name", "question", "scale", "weight"))
            reading.say((*where, unknown), "is no field of a criterion", known)
        own = each.get("name", name if len(given) == 1 else None)
        _name(reading, own, where, seen)
        made.append(_criterion(reading, each, where, str(own), kind))
    return tuple(filter(None, made))


def _name(reading: Reading, name: Json, where: Path, seen: set[str]) -> None:
    where = (*where, "name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        wrong = "is missing" if name is None else f"is {shown(name)}"
        reading.say(where, wrong, "lower-case letters, digits, - and _, up to 64")
    elif name in seen:
        reading.say(where, f"{name} is there twice", "rename one of them")
    elif name in TAKEN:
        reading.say(where, f"{name} is a diagnostic's name", "choose another")
    else:
        seen.add(name)


def _criterion(
    reading: Reading, value: Mapping[str, Json], where: Path, name: str, kind: Kind
) -> Criterion | None:
    question = value.get("question")
    if not isinstance(question, str) or not question.strip():
        if kind != "expectations":
            wrong = "is missing" if question is None else "must be text"
            reading.say((*where, "question"), wrong, "ask one thing, such as: Is it polite?")
        question = "Is every statement as it should be?"
    weight = value.get("weight", 1.0) if where else 1.0
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1e6:
        reading.say((*where, "weight"), f"must be a number above 0, not {shown(weight)}")
        weight = 1.0
    fixed = {"pairwise": PAIR, "expectations": HOLDS}.get(kind)
    if fixed is not None:
        if "scale" in value:
            reading.say((*where, "scale"), f"is fixed for {kind}", "leave it out")
        return Criterion(name, question.strip(), fixed, float(weight))
    levels = _scale(reading, value.get("scale"), (*where, "scale"))
    return Criterion(name, question.strip(), levels, float(weight)) if levels else None


def _scale(reading: Reading, given: Json, where: Path) -> tuple[Level, ...]:
    """Levels from worst to best: {label: anchor}, or a list of labels or of one-field mappings."""
    remedy = 'from worst to best, such as scale: {wrong: "contradicts it", right: "agrees"}'
    pairs: list[tuple[Path, Json, Json]] = []
    if isinstance(given, dict):
        pairs = [((*where, label), label, anchor) for label, anchor in given.items()]
    elif isinstance(given, list):
        pairs = [((*where, place), label, "") for place, label in enumerate(given)]
    if not 2 <= len(pairs) <= MAX_LEVELS:
        wrong = "is missing" if given is None else f"must have 2 to {MAX_LEVELS} levels"
        reading.say(where, wrong, remedy)
        return ()
    before, labels = len(reading.problems), list[str]()
    for place, label, anchor in pairs:
        labels.append(_label(reading, label, place, labels))
        if anchor is not None and not isinstance(anchor, str):
            reading.say(place, "its anchor must be text", "say what this level looks like")
    if len(reading.problems) > before:
        return ()
    anchors = [str(anchor or "").strip() for _, _, anchor in pairs]
    values = values_of(labels)
    if values is None:
        reading.say(where, "its numbers must rise or fall from level to level", remedy)
        return ()
    return tuple(map(Level, labels, values, anchors))


def _label(reading: Reading, label: Json, where: Path, before: Sequence[str]) -> str:
    if isinstance(label, bool) or label is None:
        spoken = {True: "true", False: "false", None: "null"}[label]
        reading.say(where, f"{spoken} is no label", f'write it as text: "{spoken}", or say yes, no')
        return spoken
    text = f"{label:g}" if isinstance(label, float) else str(label)
    if not isinstance(label, str | int | float) or not text.strip() or len(text) > 60:
        reading.say(where, "a label is a short text or a number", "1 to 60 characters")
    elif not text.isprintable() or '"' in text:
        reading.say(where, f"the label {shown(text)} can't be shown", "use plain letters")
    elif text.casefold() == UNSURE:
        reading.say(where, f"{UNSURE} is no level", "every judge may say it already")
    elif text.casefold() in (each.casefold() for each in before):
        reading.say(where, f"the level {shown(text)} is there twice", "rename one of them")
    return text


def is_numeric(labels: Sequence[str]) -> bool:
    """Whether a scale is one of numbers, which have a mean."""
    return all(map(_NUMBER.fullmatch, labels))


def values_of(labels: Sequence[str]) -> list[float] | None:
    """Values in [0, 1] from worst to best: linear where all labels are numbers, else even. None if
    numbers neither rise nor fall."""
    if not is_numeric(labels):
        return [place / (len(labels) - 1) for place in range(len(labels))]
    numbers = [float(label) for label in labels]
    steps = [after - before for before, after in pairwise(numbers)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        return None
    return [(each - numbers[0]) / (numbers[-1] - numbers[0]) for each in numbers]
