"""Scores of a judge that was asked elsewhere: a column of numbers or of levels, by item."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping

from evalsuite.calibration.exchange.csv import unsafe
from evalsuite.calibration.exchange.rows import level
from evalsuite.calibration.journal import refuse
from evalsuite.calibration.records import Item
from evalsuite.errors import Problem, did_you_mean
from evalsuite.golden.lines import decode, read_lines
from evalsuite.judging.records import UNSURE, Card
from evalsuite.judging.verdict import Verdict
from evalsuite.records import Json
from evalsuite.strictjson import Malformed
from evalsuite.wording import shown

COLUMNS = ("item", "case", "criterion", "score", "label")

Scores = dict[str, dict[str, Verdict]]


def read_scores(data: bytes, path: str, card: Card, items: Mapping[str, Item]) -> Scores:
    """Verdicts by item and criterion out of CSV or JSON Lines; ProblemsError lists bad rows.

    A row names its item by id, or by its case where only one item is of it; `score` is a number
    from 0 to 1, `label` a level; one of them. `criterion` may be left out for a card with one.
    """
    cases = Counter(item.case for item in items.values() if item.case)
    by_case = {item.case: item.id for item in items.values() if cases[item.case] == 1}
    found: Scores = {}
    rows, problems = _rows(data, path)
    for line, row in rows:
        try:
            name = _item(row, items, by_case, cases)
            verdict = _verdict(row, card)
            if verdict.criterion in found.setdefault(name, {}):
                raise Malformed("has a score above", "keep one of them", "item")
            found[name][verdict.criterion] = verdict
        except Malformed as bad:
            problems.append(Problem(path, line, bad.field, bad.message, bad.remedy))
    if not rows and not problems:
        problems.append(Problem(path, 0, "", "holds no scores", "one row per item"))
    refuse(sorted(problems, key=lambda each: each.line))
    return found


Row = Mapping[str, Json]


def _rows(data: bytes, path: str) -> tuple[list[tuple[int, Row]], list[Problem]]:
    try:
        text = decode(data)
    except Malformed as bad:
        return [], [Problem(path, 0, "encoding", bad.message, bad.remedy)]
    if text.lstrip().startswith("{"):
        entries, problems = read_lines(data, path)
        rows = [(each.line, each.value) for each in entries]
    else:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        problems = []
        try:
            rows = list(_cells(reader))
        except csv.Error as error:
            return [], [Problem(path, reader.line_num, "", f"not CSV: {error}", "save it again")]
    names = {name for _, row in rows for name in row if isinstance(row, dict)}
    for name in sorted(names - set(COLUMNS)):
        remedy = did_you_mean(name, COLUMNS)
        problems.append(Problem(path, 1, shown(name), "unknown column", remedy))
    if rows and not names & {"score", "label"}:
        problems.append(Problem(path, 1, "score", "the column is missing", "score, or label"))
    return (rows, []) if not problems else ([], problems)


def _cells(reader: Iterator[list[str]]) -> Iterator[tuple[int, Row]]:
    header = [unsafe(name.strip()) for name in next(reader, [])]
    for number, cells in enumerate(reader, 2):
        if cells:
            yield number, {k: unsafe(v) or None for k, v in zip(header, cells, strict=False)}


def _item(
    row: Row, items: Mapping[str, Item], by_case: Mapping[str, str], cases: Mapping[str, int]
) -> str:
    if not isinstance(row, dict):
        raise Malformed("is no object", 'write {"item": …, "score": …}')
    name, case = row.get("item"), row.get("case")
    if name is not None:
        if str(name) not in items:
            raise Malformed(f"{shown(name)} is no item that was rated", "", "item")
        return str(name)
    if case is None:
        raise Malformed("names neither item nor case", "add one of the columns", "item")
    if str(case) in by_case:
        return by_case[str(case)]
    if str(case) in cases:
        message = f"{cases[str(case)]} items are of case {shown(case)}"
        raise Malformed(message, "name the item by its id", "case")
    raise Malformed(f"no item is of case {shown(case)}", "", "case")


def _verdict(row: Row, card: Card) -> Verdict:
    names = [each.name for each in card.criteria]
    name = row.get("criterion") or (names[0] if len(names) == 1 else None)
    if name not in names:
        remedy = did_you_mean(str(name), names) if name else f"one of {', '.join(names)}"
        raise Malformed(f"no criterion {shown(name)}", remedy, "criterion")
    criterion = card.criterion(str(name))
    score, label = row.get("score"), row.get("label")
    if score is not None and label is not None:
        raise Malformed("beside a label", "keep one of them", "score")
    if label is not None:
        said = level(criterion, label)
        reason = "unable to tell" if said == UNSURE else ""
        return Verdict(
            criterion=criterion.name, label=said, value=criterion.value(said), reason=reason
        )
    if score is None:
        return Verdict(criterion=criterion.name, label=None, value=None, reason="no score")
    return Verdict(criterion=criterion.name, label=None, value=_number(score))


def _number(score: Json) -> float:
    try:
        value = math.nan if isinstance(score, bool) else float(score)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not 0 <= value <= 1:
        remedy = "scale it to 0 (worst) to 1 (best), or name levels in a column label"
        raise Malformed(f"must be a number from 0 to 1, not {shown(score)}", remedy, "score")
    return value
