"""`ev.guardrail`: a guardrail measured by itself, rule by rule: what it stops without cause, and
what it lets through.

The target is the guardrail. Per rule it returns how sure it is that the rule is broken, a score in
[0, 1] or a bool: `ev.Output(value={"injection": 0.93, "pii": False})`. The case says which rules
should fire: `"expected": {"rules": ["injection"]}`, or `[]`. Two rates are measured over different
cases: how often it fired where it should, and how often it stayed silent where it should; what
lacks to 1 are the rates of false negatives and of false positives. The scores themselves are kept,
so that a report can say what other thresholds would do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any

from evalsuite.canonical import key
from evalsuite.errors import SuiteError
from evalsuite.records import CHECKS, COMPLETION, Case, Json, Metric, Output, Score
from evalsuite.scoring import nothing
from evalsuite.wording import shown

TRUE_POSITIVE, TRUE_NEGATIVE = "true_positive", "true_negative"
"""RULE.true_positive: 1 if the rule fired where it should, else 0, a false negative;
RULE.true_negative: 1 if it stayed silent where it should, else 0, a false positive. Named by what
is good, since gates and reports show all values so that higher is better."""

MOST = 5
"""Cases named in one message."""

_RULE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
_LABEL = 'write "expected": {"rules": ["injection"]}, or {"rules": []} where none should fire'

Scored = float | tuple[float | None, str] | Score


@dataclass(frozen=True, slots=True, eq=False)
class Guardrail:
    """`rules` maps a rule to the score from which it fires."""

    rules: Mapping[str, float]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Per rule: its score, which no gate compares, and what it got right, which gates do."""
        return tuple(
            metric
            for rule, threshold in self.rules.items()
            for metric in (
                Metric(rule, role="diagnostic", threshold=threshold),
                Metric(f"{rule}.{TRUE_POSITIVE}"),
                Metric(f"{rule}.{TRUE_NEGATIVE}"),
            )
        )

    @property
    def metric(self) -> Metric:
        return self.metrics[0]

    @property
    def key(self) -> str:
        return key("scorer", ["guardrail", 1, dict(self.rules)])

    def __call__(self, case: Case, output: Output) -> Mapping[str, Scored]:
        """Per rule its score, and whether it did what it should: in one case a rule should either
        fire or stay silent, so that only one of the two metrics is there."""
        labels = _labels(case)
        if labels is None:
            return dict.fromkeys(self.rules, nothing("the case does not say which rules fire"))
        found: dict[str, Scored] = {}
        for rule, threshold in self.rules.items():
            right = f"{rule}.{TRUE_POSITIVE if rule in labels else TRUE_NEGATIVE}"
            score, reason = _score(output.value, rule)
            if score is None:
                found[rule] = found[right] = (None, reason)
                continue
            fired = score >= threshold
            found[rule] = score
            found[right] = float(fired == (rule in labels)), f"{rule} is {score:g}"
        return found

    def bind(self, setting: Any) -> Guardrail:
        """Check that the cases of the suite (`setting.cases`) can measure every rule.

        Raises:
            SuiteError: cases without a label, or with one that is nearly a rule's name; rules of
                which no case is positive, or none negative.
        """
        problems = [*_unlabelled(setting.cases), *_misspelled(setting.cases, self.rules)]
        if not problems:
            problems = [*_one_sided(setting.cases, self.rules)]
        if problems:
            raise SuiteError("\n".join(f"guardrail: {each}" for each in problems))
        return self


def guardrail(rules: Mapping[str, float]) -> Guardrail:
    """A scorer for suites whose target is a guardrail.

    Args:
        rules: each rule with the score, above 0 and at most 1, from which it fires: 0.5 for one
            that says True or False.

    Raises:
        SuiteError: at import.
    """
    if not isinstance(rules, Mapping) or not rules:
        raise SuiteError(f'guardrail: write guardrail({{"injection": 0.5}}), not {shown(rules)}')
    for rule, threshold in rules.items():
        if not isinstance(rule, str) or not _RULE.fullmatch(rule):
            raise SuiteError(f"guardrail: {shown(rule)} is no name: letters, digits, - and _")
        if rule in (CHECKS, COMPLETION):
            raise SuiteError(f'guardrail: "{rule}" is the name of another metric: rename the rule')
        if not _is_number(threshold) or not 0 < threshold <= 1:
            raise SuiteError(
                f'guardrail: "{rule}" fires from a score above 0, at most 1, not {shown(threshold)}'
            )
    return Guardrail({rule: float(threshold) for rule, threshold in rules.items()})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _labels(case: Case) -> frozenset[str] | None:
    """The rules that should fire; None where the case does not say."""
    rules = case.expected.get("rules") if isinstance(case.expected, Mapping) else None
    if not isinstance(rules, list | tuple) or not all(isinstance(each, str) for each in rules):
        return None
    return frozenset(rules)


def _score(value: Json, rule: str) -> tuple[float | None, str]:
    """What the guardrail says of a rule, in [0, 1], or None and why."""
    if not isinstance(value, Mapping):
        return None, f'the output has no value such as {{"{rule}": 0.9}}'
    if rule not in value:
        return None, f'the guardrail says nothing of "{rule}"'
    said = value[rule]
    if isinstance(said, bool):
        return float(said), ""
    if not _is_number(said):
        return None, f'of "{rule}" the guardrail says {shown(said, 40)}, which is no score'
    if not 0 <= said <= 1:
        return None, f'of "{rule}" the guardrail says {said:g}, which is outside [0, 1]'
    return float(said), ""


def _place(case: Case) -> str:
    return f"{case.source.path}:{case.source.line}" if case.source else case.id


def _unlabelled(cases: Sequence[Case]) -> Iterator[str]:
    lacking = [case for case in cases if _labels(case) is None]
    for case in lacking[:MOST]:
        yield f"{_place(case)}: {case.id} does not say which rules should fire ({_LABEL})"
    if len(lacking) > MOST:
        yield f"{len(lacking) - MOST} more cases do not say which rules should fire"


def _misspelled(cases: Sequence[Case], rules: Mapping[str, float]) -> Iterator[str]:
    """Labels of rules that nobody measures here are fine, unless they look like one that is."""
    places: dict[str, Case] = {}
    for case in cases:
        for label in sorted(_labels(case) or ()):
            places.setdefault(label, case)
    for label, case in places.items():
        near = get_close_matches(label, list(rules), 1, 0.8) if label not in rules else ()
        if near:
            yield f'{_place(case)}: expected.rules: {shown(label)} is no rule; is it "{near[0]}"?'


def _one_sided(cases: Sequence[Case], rules: Mapping[str, float]) -> Iterator[str]:
    for rule in rules:
        positive = sum(rule in (_labels(case) or ()) for case in cases)
        if positive == 0:
            yield f'no case says that "{rule}" should fire: what it misses can\'t be measured'
        if positive == len(cases):
            yield f'every case says that "{rule}" should fire: false alarms can\'t be measured'
