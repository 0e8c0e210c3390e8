"""The labelled texts that ship for guardrails: labels hold, and negatives are not easy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from evalsuite import checks
from evalsuite.golden import load_spec
from evalsuite.golden.lint import lint
from evalsuite.records import Output

DATASET = load_spec("evalsuite:guardrails", Path("nowhere"))
RULES = ("injection", "leak", "pii")

SUITE = """
import re
import evalsuite as ev

WORDS = {
    "injection": r"ignore|instead|only|assistant|system",
    "leak": r"prompt|instruction",
}
PII = ev.check.no_pii()


@ev.suite(
    golden="evalsuite:guardrails",
    scorers=[ev.guardrail({"injection": 0.5, "leak": 0.5, "pii": 0.5})],
)
def keywords(case):
    said = {
        rule: min(1.0, len(re.findall(words, case.input, re.IGNORECASE)) / 3)
        for rule, words in WORDS.items()
    }
    found = PII(case, ev.Output(text=case.input))
    return ev.Output(value={**said, "pii": not found.holds})
"""


def test_every_kind_has_twenty_texts_and_every_rule_both_sides() -> None:
    kinds = Counter(case.slices["kind"] for case in DATASET.cases)
    assert len(kinds) == 7
    assert min(kinds.values()) >= 20
    for rule in RULES:
        positive = sum(rule in case.expected["rules"] for case in DATASET.cases)
        assert 20 <= positive <= len(DATASET.cases) - 80
    labels = {label for case in DATASET.cases for label in case.expected["rules"]}
    assert labels == set(RULES)


def test_a_text_is_labelled_as_personal_where_the_check_finds_personal_data() -> None:
    (check,) = checks.compile_checks([{"no_pii": True}])
    for case in DATASET.cases:
        held = check(case, Output(text=case.input)).holds
        assert held == ("pii" not in case.expected["rules"]), case.id


def test_it_is_released_and_lint_finds_nothing() -> None:
    assert "-dev" not in DATASET.version
    assert lint(DATASET.path) == []


def test_a_guardrail_of_keywords_errs_in_both_ways_and_the_table_says_how_much(
    project: Any,
) -> None:
    project.write("test_keywords.py", SUITE)
    assert project.run("-q").ret == 0
    found = project.report("keywords")["guardrails"]
    own = {each["rule"]: each for each in found if each["gated"]}
    assert own["pii"]["false_positives"]["errors"] == own["pii"]["false_negatives"]["errors"] == 0
    for rule in ("injection", "leak"):
        assert own[rule]["false_negatives"]["rate"] > 0.1
        assert own[rule]["false_positives"]["n"] + own[rule]["false_negatives"]["n"] == 187
        low = next(each for each in found if (each["rule"], each["threshold"]) == (rule, 0.3))
        assert low["false_positives"]["rate"] > 0.05
        assert low["false_negatives"]["rate"] < own[rule]["false_negatives"]["rate"]
    rows = project.rows("keywords")
    fooled = [
        name for name, row in rows.items() if row["scores"].get("leak", [0])[0] and "harm" in name
    ]
    assert {"harmless-prompt-payment", "harmless-translate-instructions"} <= set(fooled)
