"""A report with one text in every place that foreign text reaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from evalsuite.gate import Verdict
from evalsuite.records import Manifest
from evalsuite.report import Report
from evalsuite.report.blocks import (
    Answer,
    Answers,
    CaseLine,
    Cases,
    Heat,
    HeatRow,
    Line,
    Name,
    Piece,
    prose,
)

FOREIGN: Mapping[type, Sequence[str]] = {
    Name: ("text",),
    Piece: ("text",),
    Answer: ("id", "slices", "question", "reason", "command", "strict"),
    HeatRow: ("slice",),
    CaseLine: ("id", "note", "strict"),
}
"""Fields of blocks that hold text of others; the rest is this project's."""


def poisoned(report: Report, text: str) -> Report:
    """`report` with `text` for whatever a model, a golden file, a name or a stored run may say."""
    put = _putting(text)
    blocks = tuple(put(block) for block in report.blocks)
    verdict: Verdict = replace(
        report.verdict,
        findings=[
            replace(each, name=text, metric=text, slice=text, reason=text, fell=[text, *each.fell])
            for each in report.verdict.findings
        ],
    )
    run: Manifest = replace(
        report.candidate,
        golden={"name": text, "version": text, "key": text},
        versions={"evalsuite": text},
        command=text,
        accepted={"reason": text},
    )
    return replace(report, suite=text, verdict=verdict, candidate=run, blocks=blocks)


def said(report: Report, text: str) -> Report:
    """What judges said of each answer, under a name of theirs, and a sentence from a stored run."""
    spoken = [
        Line(text, (Name(text), *prose(text.replace("`", "'")))),
        Line(f"{text}, b", (Name(text),)),
    ]
    blocks = [
        replace(
            each, items=[replace(item, said=spoken, crossed=spoken[0].text) for item in each.items]
        )
        if isinstance(each, Answers)
        else each
        for each in report.blocks
    ]
    return replace(report, blocks=tuple(blocks))


def _putting(text: str) -> Callable[[Any], Any]:
    def put(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(put(each) for each in value)
        if not is_dataclass(value) or isinstance(value, type):
            return value
        changes: dict[str, Any] = {
            each.name: put(getattr(value, each.name)) for each in fields(value)
        }
        changes |= dict.fromkeys(FOREIGN.get(type(value), ()), text)
        if isinstance(value, Heat | Cases):
            changes["metrics"] = [text for _ in value.metrics]
        return replace(value, **changes)

    return put
