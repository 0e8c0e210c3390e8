"""Tasks of Label Studio: its exports JSON and JSON-MIN, and tasks with annotations to import there.

A control is a criterion by its name (Choices, Rating, Number, Pairwise); the TextArea NAME_critique
holds the reasons. `config` is the labelling configuration that goes with what is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from evalsuite.calibration.exchange.arrays import names_in, records, texts_of
from evalsuite.calibration.exchange.rows import (
    CRITIQUE,
    TEXTS,
    Entry,
    Rating,
    contexts_of,
    grouped,
    shown_first,
    text_of,
    unmapped,
)
from evalsuite.calibration.records import Item, Label
from evalsuite.errors import Problem
from evalsuite.judging.records import OTHER, PREFERRED, UNSURE, Card, Order
from evalsuite.records import Json
from evalsuite.strictjson import Malformed
from evalsuite.wording import shown

FIRST, SECOND = "first", "second"
_MIN = "annotation_id"
_SIDES = {"left": FIRST, "right": SECOND}


def write(card: Card, items: Mapping[str, Item], labels: Sequence[Label]) -> bytes:
    """Tasks with one annotation per rater and occasion."""
    rated = grouped(labels)
    tasks = [_task(item, rated.get(item.id, ())) for item in items.values()]
    return json.dumps(tasks, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def config(card: Card, *, pair: bool) -> str:
    """The labelling configuration for a card's criteria."""
    texts = ("input", FIRST, SECOND) if pair else ("input", "output")
    lines = ["<View>"]
    for name in (*texts, "expected", "contexts"):
        lines += [f'  <Header value="{name}"/>', f'  <Text name="{name}" value="${name}"/>']
    target = FIRST if pair else "output"
    for criterion in card.criteria:
        name = quoteattr(criterion.name)
        lines.append(f"  <Header value={quoteattr(criterion.question)}/>")
        lines.append(f'  <Choices name={name} toName="{target}" choice="single" required="true">')
        for label in [*(each.label for each in criterion.scale), UNSURE]:
            shown_as = {PREFERRED: FIRST, OTHER: SECOND}.get(label, label) if pair else label
            lines.append(f"    <Choice value={quoteattr(shown_as)}/>")
        lines.append("  </Choices>")
        critique = quoteattr(criterion.name + CRITIQUE)
        lines.append(f'  <TextArea name={critique} toName="{target}" maxSubmissions="1"/>')
    return "\n".join([*lines, "</View>"]) + "\n"


def _task(item: Item, labels: Sequence[Label]) -> Json:
    subject, order = item.subject, shown_first(item)
    answers = {"output": subject.output}
    if subject.other is not None:
        pair = (subject.output, subject.other)
        answers = dict(zip((FIRST, SECOND), pair if order == "ab" else pair[::-1], strict=True))
    data = {
        "item": item.id,
        "input": text_of(subject.input),
        **answers,
        "expected": text_of(subject.expected),
        "contexts": json.dumps(contexts_of(item), ensure_ascii=False) if subject.contexts else "",
        "case": item.case,
        "cluster": item.cluster or "",
        "order": order,
        "slices": dict(item.slices),
    }
    sessions: dict[tuple[str, int], list[Label]] = {}
    for label in labels:
        sessions.setdefault((label.rater, label.occasion), []).append(label)
    annotations = [_annotation(*who, given, order) for who, given in sessions.items()]
    return {"data": data, "annotations": annotations, "predictions": []}


def _annotation(rater: str, occasion: int, labels: Sequence[Label], order: Order) -> Json:
    target = FIRST if order else "output"
    result: list[Json] = []
    for label in labels:
        chosen = _position(label.value, order)
        parts = [(label.criterion, "choices", [chosen])]
        if label.critique:
            parts.append((label.criterion + CRITIQUE, "textarea", [label.critique]))
        result += [
            {
                "id": f"{label.item[:8]}{at}{len(result)}",
                "from_name": name,
                "to_name": target,
                "type": kind,
                "value": {"text" if kind == "textarea" else kind: value},
            }
            for at, (name, kind, value) in enumerate(parts)
        ]
    seconds = [label.seconds for label in labels if label.seconds is not None]
    return {
        "completed_by": int(rater)
        if rater.isdecimal() and str(int(rater)) == rater
        else {"email": rater},
        "result": result,
        "was_cancelled": False,
        "ground_truth": False,
        "lead_time": sum(seconds) if seconds else None,
        "created_at": next((label.time for label in labels if label.time), None),
        "occasion": occasion,
    }


def _position(value: str | None, order: Order) -> str | None:
    """A preference by place, for people who must not know which answer is whose."""
    if not order or value not in (PREFERRED, OTHER):
        return value
    return FIRST if (value == PREFERRED) == (order == "ab") else SECOND


def read(
    data: bytes, path: str, card: Card, names: Mapping[str, str]
) -> tuple[list[Entry], list[Problem]]:
    """Entries by task, or by annotation where it is JSON-MIN; `names` maps theirs to ours."""
    found, problems = records(data, path)
    if names and not problems:
        problems = unmapped(dict.fromkeys(names_in([each for _, each in found])), names, path)
    entries: list[Entry] = []
    controls: set[str] = set()
    for line, task in found:
        try:
            entries += _entries(line, task, card, names, controls)
        except Malformed as bad:
            problems.append(Problem(path, line, bad.field, bad.message, bad.remedy))
    if not problems and controls and not any(each.ratings for each in entries):
        ours = ", ".join(each.name for each in card.criteria)
        message = f"no control is a criterion: they are {', '.join(map(shown, sorted(controls)))}"
        remedy = f"say which is which with --map CONTROL=CRITERION; criteria: {ours}"
        problems.append(Problem(path, 0, "annotations", message, remedy))
    return entries, problems


def _entries(
    line: int, task: Json, card: Card, names: Mapping[str, str], controls: set[str]
) -> Iterator[Entry]:
    if not isinstance(task, dict):
        raise Malformed(f"is no task, but {shown(task)}", "export it as JSON or JSON-MIN")
    if _MIN in task:
        ours = {names.get(name, name): value for name, value in task.items()}
        given = {name: _least(value) for name, value in ours.items()}
        yield _entry(line, ours, [(given, task, "annotator")], card)
        return
    data, annotations = task.get("data"), task.get("annotations", ())
    if not isinstance(data, dict) or not isinstance(annotations, list | tuple):
        raise Malformed('has no "data"', "export it as JSON or JSON-MIN", "data")
    ours = {names.get(name, name): value for name, value in data.items()}
    sessions = []
    for annotation in annotations:
        if not isinstance(annotation, dict):
            raise Malformed(f"holds {shown(annotation)}", "export it again", "annotations")
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            continue
        given = {names.get(k, k): v for k, v in _results(annotation.get("result"))}
        controls |= set(given)
        sessions.append((given, annotation, "completed_by"))
    yield _entry(line, ours, sessions, card)


def _results(results: Json) -> Iterator[tuple[str, Json]]:
    for each in results if isinstance(results, list) else ():
        value = each.get("value") if isinstance(each, dict) else None
        if not isinstance(value, dict):
            raise Malformed(f"holds {shown(each)}", "export it again", "result")
        if isinstance(name := each.get("from_name"), str):
            yield name, _least(value)


def _least(value: Json) -> Json:
    """What a control says, without the words around it."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        for kind in ("choices", "rating", "number", "selected", "text"):
            if kind in value:
                return _least(value[kind])
    return value


def _entry(
    line: int,
    ours: Mapping[str, Json],
    sessions: Sequence[tuple[Mapping[str, Json], Mapping[str, Json], str]],
    card: Card,
) -> Entry:
    texts = {name: ours[name] for name in TEXTS if name in ours}
    order: Order = ""
    if FIRST in ours and SECOND in ours:
        order = "ba" if ours.get("order") == "ba" else "ab"
        pair = (ours[FIRST], ours[SECOND])
        texts["output"], texts["other"] = pair if order == "ab" else pair[::-1]
    elif texts.get("other"):
        order = "ab"
    slices = ours.get("slices")
    return Entry(
        line=line,
        item=str(ours.get("item") or ""),
        texts=texts,
        case=str(ours.get("case") or ""),
        cluster=str(ours.get("cluster") or ""),
        slices={str(k): str(v) for k, v in slices.items()} if isinstance(slices, dict) else {},
        ratings=[
            rating
            for given, about, who in sessions
            for rating in _ratings(given, about, who, card, order)
        ],
    )


def _ratings(
    given: Mapping[str, Json], about: Mapping[str, Json], who: str, card: Card, order: Order
) -> Iterator[Rating]:
    rated = [each.name for each in card.criteria if given.get(each.name) not in (None, "", [])]
    seconds, time = about.get("lead_time"), about.get("created_at")
    timed = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    occasion = about.get("occasion")
    for name in rated:
        yield Rating(
            criterion=name,
            value=_identity(given[name], order),
            rater=_rater(about.get(who)),
            critique=texts_of(given.get(name + CRITIQUE)),
            seconds=seconds / len(rated) if timed and seconds is not None else None,
            order=order,
            time=time if isinstance(time, str) else "",
            occasion=occasion if isinstance(occasion, int) else 0,
        )


def _identity(value: Json, order: Order) -> Json:
    """A choice by place as the output that was in it."""
    place = _SIDES.get(value, value) if isinstance(value, str) else value
    if not order or place not in (FIRST, SECOND):
        return value
    return PREFERRED if (place == FIRST) == (order == "ab") else OTHER


def _rater(value: Json) -> str:
    if isinstance(value, dict):
        value = value.get("email") or value.get("id")
    return "" if value is None else str(value)
