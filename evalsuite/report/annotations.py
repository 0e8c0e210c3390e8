"""Marks on lines of golden files, for the page of a pull request that shows its changes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evalsuite.gate import Finding
from evalsuite.records import Source
from evalsuite.report.about import inside
from evalsuite.report.blocks import Answer, Answers
from evalsuite.report.escape import line, plain, shorten
from evalsuite.report.material import case_of, strict_first
from evalsuite.report.reports import Report, block_of

_MOST = 10
"""The host shows as many errors, and as many warnings, of one step."""

_TITLE, _MESSAGE = 120, 800


@dataclass(frozen=True, slots=True)
class Annotation:
    """`file` is relative to the repository, `line` counts from 1; `level`, `title` and `message`
    are single lines."""

    file: str
    line: int
    level: Literal["error", "warning"]
    title: str
    message: str


def annotations(reports: Sequence[Report]) -> Sequence[Annotation]:
    """One per case that blocks and whose line is known, the gravest first: 10 errors, and the next
    10 as warnings, since no more errors would be shown."""
    made: dict[tuple[str, int], tuple[str, str]] = {}
    for report in reports:
        for source, title, message in _marks(report):
            made.setdefault((source.path, source.line), (title, message))
    return [
        Annotation(line(path), at, "error" if place < _MOST else "warning", *said)
        for place, ((path, at), said) in enumerate([*made.items()][: 2 * _MOST])
    ]


def command(mark: Annotation) -> str:
    """As a workflow command, which a step prints on a line of its own."""
    properties = f"file={_property(mark.file)},line={mark.line},title={_property(mark.title)}"
    return f"::{mark.level} {properties}::{_encoded(mark.message)}"


def _encoded(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return re.sub("[:,]", lambda match: f"%{ord(match[0]):02X}", _encoded(text))


def _marks(report: Report) -> Iterator[tuple[Source, str, str]]:
    shown = {each.id: each for each in block_of(report, Answers).items}
    for finding in strict_first(report.verdict):
        if not finding.blocks:
            continue
        for id_ in [case_of(finding)] if finding.kind == "must_pass" else finding.fell:
            answer = shown.get(id_)
            if answer is not None and answer.source is not None and inside(answer.source):
                title = f"{report.suite}: {id_} {'fails' if _failed(finding) else 'is worse'}"
                said = _message(finding, answer)
                yield answer.source, shorten(line(title[: 4 * _TITLE]), _TITLE), said


def _failed(finding: Finding) -> bool:
    return finding.kind == "must_pass"


def _message(finding: Finding, answer: Answer) -> str:
    parts = [f"{plain(answer.scores)}; it counts for the gate {finding.name}, which blocks"]
    if _failed(finding):
        _, _, where = answer.strict.partition(", ")
        parts = [f"a must_pass case failed ({plain(answer.scores)})"]
        parts += [where] if where else []
    parts += [answer.reason] if answer.reason else []
    parts += [f"to run it: {answer.command}"] if answer.command else []
    return shorten(line(". ".join(parts)[: 4 * _MESSAGE]), _MESSAGE)
