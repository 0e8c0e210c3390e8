"""`explain`: one finding in plain words."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from report_samples import HOSTILE, askacme, hostile, must_pass

from evalsuite.errors import OptionError
from evalsuite.gate import Result
from evalsuite.report import explain


def test_a_regression_is_explained_with_this_runs_figures() -> None:
    sample = askacme()
    text = explain(sample.diff, sample.verdict, "checks, topic=legal")
    assert text.startswith("checks, topic=legal: regression, blocks the merge")
    assert "87.5% → 45.0% (-42.5 points" in text
    assert "0.4% of runs would show" in text
    assert "A drop of 19.0 points is found here in 4 runs of 5." in text
    assert "What changed: prompt, askacme/prompt.py." in text
    assert "legal-000" in text


def test_an_unknown_gate_names_the_nearest() -> None:
    sample = askacme()
    with pytest.raises(OptionError, match='did you mean "checks, topic=legal"') as caught:
        explain(sample.diff, sample.verdict, "checks, topic=legl")
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("result", get_args(Result))
def test_every_result_has_a_meaning_and_something_to_do(result: str) -> None:
    sample = askacme(24)
    found = [replace(sample.verdict.findings[0], result=result), must_pass("a", "failed")]
    text = explain(sample.diff, sample.with_verdict(findings=found).verdict, "checks")
    for title in ("What was seen", "What it means", "What to do\n  1. "):
        assert title in text


def test_floors_and_strict_cases_are_explained_in_their_own_terms() -> None:
    sample = askacme(24)
    found = [*sample.verdict.findings, must_pass("leave-01", "failed", "2 of 5 trials failed")]
    verdict = sample.with_verdict(findings=found).verdict
    assert "the floor is 80.0%" in explain(sample.diff, verdict, "checks >= 0.80")
    assert "2 of 5 trials failed" in explain(sample.diff, verdict, "must_pass, leave-01")
    assert "no snapshot excuses it" in explain(sample.diff, verdict, "must_pass, leave-01")
    found = [replace(each, result="below") for each in found if each.kind == "floor"]
    verdict = sample.with_verdict(findings=found).verdict
    assert "lower the floor" in explain(sample.diff, verdict, "checks >= 0.80")


def test_an_unknown_gate_is_told_the_known_ones_apart() -> None:
    sample = askacme(24)
    with pytest.raises(OptionError, match=r"known: checks; checks >= 0\.80; checks, "):
        explain(sample.diff, sample.verdict, "nothing like it")


def test_hostile_names_stay_on_their_line() -> None:
    sample = hostile()
    for finding in sample.verdict.findings:
        text = explain(sample.diff, sample.verdict, finding.name)
        assert "\x1b" not in text
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    with pytest.raises(OptionError) as caught:
        explain(sample.diff, sample.verdict, HOSTILE[8])
    assert "\x1b" not in str(caught.value)
