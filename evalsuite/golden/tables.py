"""Tables (CSV, Parquet, Hugging Face) become the same written cases as JSON Lines.

A column names a case's field, or a part of one with a dot: `input.question`, `slices.topic`. A
mapping from field to column takes tables as they are. Empty cells are left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalsuite.errors import MissingExtra, Problem, did_you_mean
from evalsuite.golden.fields import FIELDS
from evalsuite.golden.lines import MAX_CASE_BYTES, MAX_FILE_BYTES, Entry, decode
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse
from evalsuite.wording import shown

Fields = Mapping[str, str]
"""From a case's field ("input", "input.question", "slices.topic") to the column that fills it."""

MAX_COLUMNS = 1_000

_PARTED = ("input", "expected", "slices", "provenance")
_JSON_CELLS = ("checks", "contexts", "relevant", "slices")


def field_problem(field: str) -> str | None:
    """Why a name can't be filled from a column; None if it can."""
    name, dot, part = field.partition(".")
    if name not in FIELDS:
        return did_you_mean(name, FIELDS)
    if dot and (name not in _PARTED or not part):
        return f"only {', '.join(f'{each}.NAME' for each in _PARTED)} have parts"
    return None


def plan(columns: Sequence[str], fields: Fields, path: str) -> tuple[dict[str, str], list[Problem]]:
    """Which column fills which field. With a mapping, columns that it leaves out are ignored."""
    problems = []
    if fields:
        for field, column in fields.items():
            if column not in columns:
                message = f"the mapping names a column that is not there: {shown(column)}"
                problems.append(Problem(path, 1, field, message, did_you_mean(column, columns)))
        return dict(fields), problems
    for column in columns:
        if (wrong := field_problem(column)) is not None:
            remedy = f'{wrong}; or map columns with "fields" in dataset.json'
            problems.append(Problem(path, 1, shown(column), "unknown column", remedy))
    return {column: column for column in columns}, problems


def written(row: Mapping[str, Json], fields: Fields) -> dict[str, Json]:
    """The case that a row stands for; Malformed names the field of an unreadable cell."""
    case: dict[str, Any] = {}
    for field, column in fields.items():
        value = row.get(column)
        name, dot, part = field.partition(".")
        if value is None or value == "":
            continue
        if isinstance(value, str):
            value = _cell(field, value)
        if not dot:
            case[name] = value
        elif isinstance(case.setdefault(name, {}), dict):
            case[name][part] = value
        else:
            raise Malformed("is filled twice, as a whole and in parts", "use one of them", name)
    return case


def _cell(field: str, text: str) -> Json:
    if field == "must_pass":
        if text not in ("true", "false"):
            raise Malformed(f"must be true or false, not {shown(text)}", "write true", field)
        return text == "true"
    if field not in _JSON_CELLS:
        return text
    try:
        return parse(text)
    except Malformed as bad:
        raise Malformed(bad.message, "this cell holds JSON", field) from None


def _entries(
    rows: Iterator[tuple[int, Mapping[str, Json]]], fields: Fields, path: str
) -> tuple[list[Entry], list[Problem]]:
    entries, problems = [], []
    for line, row in rows:
        try:
            entries.append(Entry(line, written(row, fields)))
        except Malformed as bad:
            problems.append(Problem(path, line, bad.field, bad.message, bad.remedy))
    return entries, problems


def read_rows(
    rows: Sequence[Mapping[str, Json]], columns: Sequence[str], fields: Fields, path: str
) -> tuple[list[Entry], list[Problem]]:
    """Cases of rows in memory; an entry's line is the row's number, from 1."""
    filled, problems = plan(columns, fields, path)
    if problems:
        return [], problems
    return _entries(iter(enumerate(rows, 1)), filled, path)


def read_csv(data: bytes, path: str, fields: Fields) -> tuple[list[Entry], list[Problem]]:
    """Cases of a CSV file with a header line, comma-separated, UTF-8."""
    try:
        text = decode(data)
    except Malformed as bad:
        return [], [Problem(path, 0, "encoding", bad.message, bad.remedy)]
    if (nul := text.find("\0")) >= 0:
        line = text.count("\n", 0, nul) + 1
        return [], [Problem(path, line, "encoding", "a NUL byte", "save the file as UTF-8 text")]
    # Line endings inside a cell must not change its hash when git converts the file.
    reader = csv.reader(io.StringIO(text.replace("\r\n", "\n"), newline=""), strict=True)
    problems: list[Problem] = []
    rows: list[tuple[int, Mapping[str, Json]]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        problems = _header(header, path)
        if not problems:
            filled, problems = plan(header, fields, path)
        if not problems:
            rows = list(_csv_rows(reader, header, path, problems))
    except csv.Error as error:
        problems.append(Problem(path, reader.line_num, "", *_csv_reason(str(error))))
    if problems and not rows:
        return [], problems
    entries, more = _entries(iter(rows), filled, path)
    return entries, problems + more


def _csv_reason(reason: str) -> tuple[str, str]:
    if "field limit" in reason:
        return "a cell is too long for CSV", "write cases with long texts as JSON Lines"
    return f"not CSV: {reason}", 'put text in "…", and double every " in it'


def _header(header: list[str], path: str) -> list[Problem]:
    if len(header) > MAX_COLUMNS:
        message = f"{len(header):,} columns, the limit is {MAX_COLUMNS:,}"
        return [Problem(path, 1, "", message, "is the header line missing?")]
    problems = []
    for place, name in enumerate(header):
        if not name:
            problems.append(Problem(path, 1, f"column {place + 1}", "has no name", "name it"))
        elif header.index(name) != place:
            message = "two columns have this name"
            problems.append(Problem(path, 1, shown(name), message, "rename one of them"))
    return problems


def _csv_rows(
    reader: Any, header: list[str], path: str, problems: list[Problem]
) -> Iterator[tuple[int, Mapping[str, Json]]]:
    line = reader.line_num + 1
    for row in reader:
        if len(row) == len(header):
            if sum(map(len, row)) > MAX_CASE_BYTES:
                message = f"the case is longer than {MAX_CASE_BYTES:,} characters"
                problems.append(Problem(path, line, "size", message, "keep documents in files"))
            else:
                yield line, dict(zip(header, row, strict=True))
        elif row:
            message = f"{len(row)} cells under {len(header)} columns"
            problems.append(Problem(path, line, "", message, 'put text with commas in "…"'))
        line = reader.line_num + 1


def read_parquet(data: bytes, path: str, fields: Fields) -> tuple[list[Entry], list[Problem]]:
    """Cases of a Parquet file; needs the extra "datasets". An entry's line is its row, from 1."""
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("reading Parquet", "datasets") from None
    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        groups = [file.metadata.row_group(place) for place in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > MAX_FILE_BYTES:
            return [], [Problem(path, 0, "size", "more than 1 GB unpacked", "split the file")]
        table = file.read()
        rows: list[dict[str, Json]] = table.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = shown(str(error).partition("\n")[0], 120)[1:-1]
        return [], [Problem(path, 0, "", f"not Parquet: {reason}", "write the file again")]
    columns = table.column_names
    if len(set(columns)) != len(columns):
        return [], [Problem(path, 0, "", "two columns have one name", "rename one of them")]
    return read_rows(rows, columns, fields, path)
