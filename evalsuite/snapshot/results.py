"""Result files of promptfoo and deepeval as runs, so that this gate can be held against them.

What is read: `promptfoo eval --output FILE.json` (versions 2 and 3 of its summary) and the test
run that deepeval keeps (`.deepeval/.latest_test_run.json`, or a copy). A case is what was asked;
where a file holds it several times, those are its trials. `checks` is the tool's own pass or fail;
what the tool could not score (an error of provider or judge) is no score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalsuite import strictjson
from evalsuite.canonical import key
from evalsuite.errors import DataError
from evalsuite.records import CHECKS, Json, Manifest, Metric, Row, Run, Subject
from evalsuite.wording import shown_path

MOST = 256 * 1024 * 1024
"""Bytes of a result file; a larger one is refused."""

_LABEL = 60
"""Characters of a value that can name a slice."""


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a file. `passed` and each score are None where the tool has none; `measure` is
    what the file says of how it was scored."""

    name: str
    asked: Json
    answer: str
    measure: Json
    passed: bool | None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


def read_results(path: Path) -> Run:
    """A result file as a run, its format told by its shape.

    Raises:
        DataError: it can't be read, is no JSON, or neither tool's; the message names what is wrong.
    """
    try:
        if path.stat().st_size > MOST:
            raise DataError(
                f"{shown_path(path)}: over {MOST >> 20} MiB: split it, or keep fewer fields"
            )
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{shown_path(path)}: there is no such file") from None
    except (OSError, UnicodeError) as error:
        raise DataError(f"{shown_path(path)}: can't be read as UTF-8: {error}") from None
    try:
        value = strictjson.parse(text)
    except strictjson.Malformed as bad:
        raise DataError(f"{shown_path(path)}: {bad.message} ({bad.remedy})") from None
    results, created = _results(path, value)
    if not results:
        raise DataError(f"{shown_path(path)}: it holds no result")
    return _run(path, results, created)


def _results(path: Path, value: Json) -> tuple[list[Result], str]:
    if isinstance(value, dict):
        inner = value.get("results", value)
        if isinstance(inner, dict) and isinstance(inner.get("results"), list):
            rows = _objects(path, inner["results"], "results.results")
            return list(_promptfoo(rows)), str(inner.get("timestamp") or "")
        cases = value.get("testCases", value.get("test_cases"))
        if isinstance(cases, list):
            rows = _objects(path, cases, "testCases")
            return list(_deepeval(rows)), str(value.get("createdAt") or "")
    raise DataError(
        f"{shown_path(path)}: neither a result of promptfoo (results.results) nor a test run of "
        "deepeval (testCases): write one with `promptfoo eval --output FILE.json`, or copy "
        "deepeval's .deepeval/.latest_test_run.json"
    )


def _objects(path: Path, rows: Sequence[Json], where: str) -> list[dict[str, Any]]:
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"{shown_path(path)}: {where}[{place}] is no object")
    return list(rows)


def _promptfoo(rows: Sequence[dict[str, Any]]) -> Iterator[Result]:
    """A column (provider and prompt) is a part of the case only where there are several."""
    columns = {_column(row) for row in rows}
    for row in rows:
        case = _object(row, "testCase")
        asked = row.get("vars") if isinstance(row.get("vars"), dict) else case.get("vars", {})
        name = str(case.get("description") or row.get("description") or "")
        column = _column(row)
        slices = _labels(_object(case, "metadata"))
        if len(columns) > 1:
            asked = {"vars": asked, "column": list(column)}
            slices |= _labels({"provider": column[0], "prompt": column[1]})
        # Its reasons: 0 none, 1 an assertion, 2 an error of provider or grader.
        broken = row.get("failureReason") == 2 or ("success" not in row and "error" in row)
        passed = None if broken else row.get("success")
        scores = {} if broken else {"score": row.get("score"), **_object(row, "namedScores")}
        yield Result(
            name=name,
            asked=asked,
            answer=_text(_object(row, "response").get("output")),
            measure=case.get("assert"),
            passed=passed if isinstance(passed, bool) else None,
            scores={str(each): _unit(score) for each, score in scores.items()},
            slices=slices,
            error=f"provider: {row.get('error') or 'no result'}" if broken else "",
        )


def _column(row: Mapping[str, Json]) -> tuple[str, str]:
    provider, prompt = row.get("provider"), row.get("prompt")
    if isinstance(provider, dict):
        provider = provider.get("label") or provider.get("id")
    if isinstance(prompt, dict):
        prompt = prompt.get("label") or prompt.get("raw")
    return str(provider or ""), str(prompt or "")


def _deepeval(rows: Sequence[dict[str, Any]]) -> Iterator[Result]:
    """Of a metric the pass or fail is taken, not the score: which direction of a score is good
    differs between metrics and versions, and is not in the file."""
    for row in rows:
        metrics = _list(row, "metricsData") or _list(row, "metrics_data")
        found = [each for each in metrics if isinstance(each, dict)]
        lost = [each for each in found if each.get("error") or each.get("success") is None]
        held = {
            str(each.get("name", "metric")): None if each in lost else float(bool(each["success"]))
            for each in found
        }
        passed = row.get("success")
        slices = {f"tag.{tag}": "yes" for tag in _list(row, "tags") if isinstance(tag, str)}
        yield Result(
            name=str(row.get("name") or ""),
            asked=row.get("input", row.get("scenario")),
            answer=_text(row.get("actualOutput", row.get("actual_output"))),
            measure=sorted(map(_measure, found)),
            passed=passed if isinstance(passed, bool) and not lost else None,
            scores=held,
            slices={**slices, **_labels(_object(row, "metadata"))},
            error=f"provider: {lost[0].get('error') or 'no verdict'}" if lost else "",
        )


def _measure(metric: Mapping[str, Json]) -> str:
    told = ("name", "threshold", "strictMode", "evaluationModel")
    return key("measure", [metric.get(each) for each in told])


def _object(row: Mapping[str, Json], name: str) -> dict[str, Any]:
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def _list(row: Mapping[str, Json], name: str) -> list[Json]:
    found = row.get(name)
    return found if isinstance(found, list) else []


def _labels(values: Mapping[str, Json]) -> dict[str, str]:
    """What of metadata can be a slice: short text, truth values, whole numbers."""
    found = {}
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else value
        text = str(text) if isinstance(text, int) else text
        if isinstance(text, str) and 0 < len(text) <= _LABEL and "=" not in str(name):
            found[str(name)] = text
    return found


def _text(value: Json) -> str:
    return value if isinstance(value, str) else key("answer", value)


def _unit(value: Json) -> float | None:
    """A score in [0, 1]; anything else is none, since its range is not known."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value <= 1 else None


def _run(path: Path, results: Sequence[Result], created: str) -> Run:
    """Results of one case are its trials, in the file's order."""
    by_case: dict[str, list[Result]] = defaultdict(list)
    for each in results:
        by_case[key("case", each.asked)].append(each)
    names = sorted({name for each in results for name in each.scores})
    rows = [_row(case, found, names) for case, found in by_case.items()]
    manifest = Manifest(
        suite="results",
        run=path.name,
        created=created,
        golden={},
        subject=Subject(),
        policy={},
        metrics=[Metric(CHECKS), *map(Metric, names)],
        expected=len(rows),
        trials=max(map(len, by_case.values())),
    )
    return Run(manifest, {row.id: row for row in sorted(rows, key=lambda row: row.id)})


def _row(case: str, found: Sequence[Result], names: Iterable[str]) -> Row:
    """The id says what was asked in short; its hash keeps cases of one name apart."""
    first = found[0]
    label = first.name or _asked(first.asked)
    scores: dict[str, Sequence[float | None]] = {
        CHECKS: tuple(None if each.passed is None else float(each.passed) for each in found)
    }
    for name in names:
        if any(name in each.scores for each in found):
            scores[name] = tuple(each.scores.get(name) for each in found)
    return Row(
        id=f"{label[:_LABEL]} #{case[:8]}",
        case_key=case,
        scorer_keys=dict.fromkeys(scores, key("scorer", first.measure)),
        scores=scores,
        outputs=tuple(None if each.error else key("output", each.answer) for each in found),
        errors=tuple(each.error or None for each in found),
        slices=first.slices,
    )


def _asked(value: Json) -> str:
    if isinstance(value, dict):
        texts = [each for each in value.values() if isinstance(each, str)]
        return texts[0] if texts else ""
    return value if isinstance(value, str) else ""
