"""Finds what is wrong with a golden dataset beyond what stops it from loading."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evalsuite.canonical import key
from evalsuite.errors import Problem, did_you_mean
from evalsuite.golden.case import ValidateChecks
from evalsuite.golden.contradict import contradictions
from evalsuite.golden.dataset import ABOUT, Scan, scan
from evalsuite.golden.near import near_duplicates
from evalsuite.records import Case, Json
from evalsuite.wording import shown, shown_path

TINY = 10
"""A slice with fewer cases is reported, but takes no part in the gate's tests."""

DOCUMENT = 1_000
"""A text of an input that is longer is a document to answer from, where the answer may stand."""

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of lint; only errors fail it."""

    severity: Severity
    problem: Problem

    def __str__(self) -> str:
        return f"{self.problem} [{self.severity}]"


def lint(
    folder: Path, *, label: str | None = None, validate_checks: ValidateChecks | None = None
) -> list[Finding]:
    """All findings in a dataset's folder, by file and line. `label` replaces it in messages.

    Errors: what stops loading, contradictory checks, exact duplicates. Warnings: near duplicates,
    inputs with two expectations, empty and tiny slices, expected answers in the prompt. Notes:
    cases that expect and check nothing, or lack a slice that others have.
    """
    label = shown_path(folder) if label is None else label
    scanned = scan(folder, label=label, validate_checks=validate_checks)
    found = [Finding("error", problem) for problem in scanned.problems]
    found += _contradictory(scanned.cases)
    found += _duplicates(scanned.cases)
    found += _leaks(scanned.cases)
    found += _slices(scanned, f"{label}/{ABOUT}")
    found += _idle(scanned.cases)
    return sorted(found, key=lambda each: (each.problem.path, each.problem.line))


def _at(severity: Severity, case: Case, field: str, message: str, remedy: str) -> Finding:
    path, line = (case.source.path, case.source.line) if case.source else (case.id, 0)
    return Finding(severity, Problem(path, line, field, f"{case.id}: {message}", remedy))


def _place(case: Case) -> str:
    return f"{case.id} ({case.source.path}:{case.source.line})" if case.source else case.id


def _contradictory(cases: Sequence[Case]) -> Iterator[Finding]:
    remedy = "no answer satisfies both: change or remove one"
    for case in cases:
        for field, message in contradictions(case.checks):
            yield _at("error", case, field, message, remedy)


def _duplicates(cases: Sequence[Case]) -> Iterator[Finding]:
    """Exact duplicates, one input with two expectations, and texts that nearly agree."""
    firsts: dict[str, Case] = {}
    distinct = []
    for case in cases:
        first = firsts.setdefault(key("asked", [case.input, list(case.contexts)]), case)
        if first is case:
            distinct.append(case)
        elif first.expected == case.expected:
            remedy = "delete one: a case that counts twice makes the gate too sure"
            yield _at("error", case, "input", f"exact duplicate of {_place(first)}", remedy)
        else:
            message = f"the same input as {_place(first)}, with another expectation"
            yield _at("warning", case, "expected", message, "keep the right one")
    for near in near_duplicates([_text(case.input) for case in distinct]):
        first, later = distinct[near.first], distinct[near.later]
        if first.contexts == later.contexts:
            message = f"near duplicate of {_place(first)}, {near.similarity:.0%} alike"
            remedy = "delete one, or give both one cluster so that they count together"
            if first.cluster is None or first.cluster != later.cluster:
                yield _at("warning", later, "input", message, remedy)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | Mapping):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _text(value: Json) -> str:
    return "\n".join(_texts(value))


def _leaks(cases: Sequence[Case]) -> Iterator[Finding]:
    """Answers that stand in the question as whole words; short ones without a digit don't count."""
    for case in cases:
        if not isinstance(case.expected, str):
            continue
        wanted = " ".join(case.expected.casefold().split())
        if len(wanted) < 2 or (len(wanted) < 4 and not any(map(str.isdigit, wanted))):
            continue
        pattern = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)")
        prompts = (" ".join(text.casefold().split()) for text in _prompts(case.input))
        if any(pattern.search(text) for text in prompts):
            message = f"the expected answer {shown(case.expected, 40)} stands in the input"
            yield _at("warning", case, "expected", message, "ask without giving it away")


def _prompts(value: Json) -> Iterator[str]:
    return (text for text in _texts(value) if len(text) <= DOCUMENT)


def _slices(scanned: Scan, about: str) -> Iterator[Finding]:
    members: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in scanned.cases:
        for name, value in case.slices.items():
            members[name][value].append(case)
    for name, values in scanned.about.slices.items():
        for value in values:
            if value not in members.get(name, {}):
                field = f"slices.{name}={shown(value)[1:-1]}"
                remedy = f"add cases, or remove it from {ABOUT}"
                yield Finding("warning", Problem(about, 0, field, "an empty slice", remedy))
    for name, found in members.items():
        yield from _members(name, found, scanned)


def _members(name: str, found: Mapping[str, list[Case]], scanned: Scan) -> Iterator[Finding]:
    declared = scanned.about.slices.get(name)
    for value, cases in found.items():
        field = f"slices.{name}"
        if declared is not None and value not in declared:
            message = f"{shown(value)} is not among the values that {ABOUT} lists"
            yield _at("warning", cases[0], field, message, did_you_mean(value, declared))
        if len(cases) < TINY:
            message = f"the slice {name}={value} has {len(cases)} of at least {TINY} cases"
            yield _at("warning", cases[0], field, message, "add cases, or merge it with another")
    without = [case for case in scanned.cases if name not in case.slices]
    if without:
        message = f"no value for {name}, as {len(without)} of {len(scanned.cases)} cases"
        yield _at("note", without[0], f"slices.{name}", message, "give every case one")


def _idle(cases: Sequence[Case]) -> Iterator[Finding]:
    for case in cases:
        if not case.checks and case.expected is None and not case.relevant:
            message = "neither checks nor an expected answer"
            yield _at("note", case, "checks", message, "add a check, or only scorers judge it")
