"""A judge gates as far as its certificate says, and only as long as it is the same judge."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from making import CARD, FAIL, KEYS, PASS, POLITE, TODAY, Given, binary, certificate, said
from paired_runs import finding_of, row, run_of, verdict_of

from evalsuite.calibration.bar import Bar, bar_of
from evalsuite.calibration.calibrate import calibrate
from evalsuite.calibration.certificate import (
    CERTIFICATE,
    certify,
    read_certificate,
    write_certificate,
)
from evalsuite.calibration.records import Certificate, Label
from evalsuite.calibration.standing import standings
from evalsuite.errors import OptionError, ProblemsError
from evalsuite.judging.card import read_card
from evalsuite.judging.keys import JudgeKeys, judge_keys
from evalsuite.records import Metric, Standing

GOOD = binary(80, 60, missed=2, passed=6)
"""TPR 0.975 and TNR 0.9: trusted."""


def standing(
    made: Certificate | None,
    given: Given = GOOD,
    *,
    keys: JudgeKeys = KEYS,
    today: date = TODAY,
    bar: Bar | None = None,
) -> Standing:
    items, labels, _ = given
    found = standings(CARD, keys, made, items=items, labels=labels, bar=bar or Bar(), today=today)
    assert set(found) == {"tone"}
    return found["tone"]


def test_a_judge_above_the_bar_is_trusted_and_says_by_how_much() -> None:
    found = standing(certificate(GOOD))
    assert found.state == "trusted"
    assert found.says.startswith("140 labelled items of 2 raters; TPR 0.97, at least 0.9")
    assert found.says.endswith(f"; certified {TODAY}"), found.says
    assert found.remedy == ""
    assert len(found.pairs) == 140
    assert 0.05 < found.error < 0.15


def test_one_verdict_decides_between_below_and_above_the_bar() -> None:
    """Wilson's one-sided lower bound of TNR: 14 errors of 70 are above 0.70, 16 are not."""
    above, below = binary(80, 70, passed=14), binary(80, 70, passed=16)
    assert standing(certificate(above), above).state == "trusted"
    found = standing(certificate(below), below)
    assert found.state == "provisional"
    assert "not trusted: TNR at least 0.68, and 0.70 is asked for" in found.says


def gated(state: Standing) -> tuple[str, int]:
    """What a gate makes of a drop of 15 points that a judge of this standing sees."""
    metrics = [Metric("tone")]
    keys = {"tone": "judge"}

    def rows(side: str, fallen: int) -> list[object]:
        values = [0.0] * fallen + [1.0] * (200 - fallen)
        return [
            replace(row(f"c{n:03d}", 1.0, side=side), scores={"tone": [value]}, scorer_keys=keys)
            for n, value in enumerate(values)
        ]

    before = run_of(rows("a", 0), metrics=metrics)  # type: ignore[arg-type]
    after = run_of(rows("b", 30), metrics=metrics, judges={"tone": state})  # type: ignore[arg-type]
    verdict = verdict_of(before, after)
    return finding_of(verdict, "tone").result, verdict.exit_code


def test_a_judge_below_the_bar_does_not_gate_and_one_just_above_does() -> None:
    above, below = binary(80, 70, passed=14), binary(34, 33, passed=9)
    assert gated(standing(certificate(above), above)) == ("regression", 1)
    uncertified = standing(certificate(below), below)
    assert uncertified.state == "provisional"
    assert gated(uncertified) == ("inconclusive", 0), "within its own error"
    worse = binary(34, 33, passed=14)
    assert standing(certificate(worse), worse).state == "uncertified"
    assert gated(standing(certificate(worse), worse))[1] == 0


@pytest.mark.parametrize(
    ("given", "state", "why"),
    [
        (binary(50, 49), "provisional", "99 of 100 labelled items"),
        (binary(50, 50), "trusted", ""),
        (binary(60, 60, raters=("ann",)), "provisional", "1 of 2 raters"),
        (binary(25, 25, raters=("ann",)), "provisional", "50 of 100 labelled items"),
        (binary(25, 24), "uncertified", "49 of 50 labelled items"),
        (binary(100, 5), "provisional", "TNR at least 0.65"),
        (binary(100, 1), "uncertified", "TNR at least 0.27"),
        (binary(100, 0), "uncertified", "TNR is unknown"),
    ],
)
def test_each_part_of_the_bar_counts(given: Given, state: str, why: str) -> None:
    found = standing(certificate(given), given)
    assert found.state == state
    assert why in found.says


def test_one_label_of_somebody_makes_no_second_rater() -> None:
    items, labels, judged = binary(60, 60, raters=("ann",))
    token = [replace(each, rater="bob") for each in labels[:9]]
    assert standing(certificate((items, labels + token, judged))).state == "provisional"
    tenth = [replace(each, rater="bob") for each in labels[:10]]
    assert standing(certificate((items, labels + tenth, judged))).state == "trusted"


CARD_TEXT = """---
kind: rubric
question: Is it polite?
scale: {fail: rude, pass: kind}
---
Question: {{ input }}
Answer: {{ output }}
"""


def keys_of(text: str, spec: str = "openai:gpt-x") -> JudgeKeys:
    return judge_keys(read_card(text, "judge.md", "tone"), spec)


def test_a_changed_word_of_the_card_makes_the_certificate_stale() -> None:
    made = certificate(GOOD, keys=keys_of(CARD_TEXT))
    assert standing(made, keys=keys_of(CARD_TEXT)).state == "trusted"
    for text in (CARD_TEXT.replace("Answer:", "Reply:"), CARD_TEXT.replace("kind}", "nice}")):
        found = standing(made, keys=keys_of(text))
        assert found.state == "uncertified"
        assert found.says == "stale: the card changed since the certificate of 2026-03-01"
        assert found.remedy == "measure it: `evalsuite judge calibrate tone --certify`"
        assert found.pairs == ()
        assert found.error == 1.0


def test_another_model_or_parameter_makes_the_certificate_stale() -> None:
    made = certificate(GOOD, keys=keys_of(CARD_TEXT))
    text = CARD_TEXT.replace("kind: rubric", "kind: rubric\nparams: {temperature: 0.5}")
    found = standing(made, keys=keys_of(CARD_TEXT, "openai:gpt-y"))
    assert found.state == "uncertified"
    assert found.says.startswith("stale: the model or its parameters changed since")
    assert "the card changed and the model" not in found.says
    assert standing(made, keys=keys_of(text)).state == "uncertified"


def test_another_parser_makes_the_certificate_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificate(GOOD, keys=keys_of(CARD_TEXT))
    monkeypatch.setattr("evalsuite.judging.keys.PARSER", 999)
    found = standing(made, keys=keys_of(CARD_TEXT))
    assert found.state == "uncertified"
    assert found.says.startswith("stale: how replies are asked for and read changed since")


def test_a_certificate_ends() -> None:
    made = certificate(GOOD)
    assert made.expires == "2026-08-28"
    assert standing(made, today=date(2026, 8, 28)).state == "trusted"
    found = standing(made, today=date(2026, 8, 29))
    assert (found.state, found.says) == ("uncertified", "expired on 2026-08-28")
    assert certificate(GOOD, bar=Bar(days=7)).expires == "2026-03-08"


@pytest.mark.parametrize("expires", ["20260828", "2026-W35-5"])
def test_a_certificate_ends_however_its_day_is_written(expires: str) -> None:
    made = replace(certificate(GOOD), expires=expires)
    assert standing(made, today=date(2026, 8, 28)).state == "trusted"
    assert standing(made, today=date(2026, 8, 29)).state == "uncertified"


def test_a_certificate_of_another_judge_is_none() -> None:
    found = standing(replace(certificate(GOOD), judge="other"))
    assert found.state == "uncertified"
    assert found.says == "no certificate: the one that lies here is of 'other'"


def test_the_scale_of_the_card_says_what_decides_and_not_what_the_file_holds() -> None:
    given = binary(80, 70, passed=40)
    made = certificate(given)
    figures = {"polite": {**made.figures["polite"], "spearman": 0.99, "spearman_lower": 0.98}}
    found = standing(replace(made, figures=figures), given)
    assert found.state == "uncertified"
    assert "TNR" in found.says


def test_the_bar_of_today_decides_and_not_the_one_of_the_certificate() -> None:
    made = certificate(GOOD)
    raised = Bar(trusted_tnr=0.9)
    assert made.states == {"polite": "trusted"}
    assert standing(made, bar=raised).state == "provisional"


def test_the_way_out_counts_labels_and_minutes() -> None:
    few = binary(6, 4)
    found = standing(None, few)
    assert found.says == "no certificate"
    assert found.remedy == "54 more labels, about 27 minutes: `evalsuite rate tone --from-run last`"
    empty = standing(None, ({}, [], {}))
    assert empty.remedy.startswith("67 more labels, about 37 minutes")


def test_the_way_out_leads_on() -> None:
    assert standing(None).remedy == "measure it: `evalsuite judge calibrate tone --certify`"
    alone = binary(60, 60, raters=("ann",))
    found = standing(certificate(alone), alone)
    assert found.remedy.startswith("a second rater, 34 more labels")
    close = binary(80, 70, passed=16)
    found = standing(certificate(close), close)
    assert "more labels, about" in found.remedy
    bad = binary(80, 70, passed=40)
    found = standing(certificate(bad), bad)
    assert found.remedy.startswith("read where it errs and change the card")


def test_the_judge_is_worth_what_its_weakest_criterion_is() -> None:
    short = replace(POLITE, name="short", weight=3.0)
    card = replace(CARD, criteria=(POLITE, short))
    items, labels, judged = GOOD
    labels = [*labels, *(replace(each, criterion="short") for each in labels)]
    wrong = {PASS: FAIL, FAIL: PASS}
    both = {
        name: {
            "polite": each["polite"],
            "short": said(wrong[str(each["polite"].label)], "short"),
        }
        for name, each in judged.items()
    }
    found = calibrate(card, items, labels, both, split="test")
    made = certify(card, KEYS, found, labels, Bar(), today=TODAY)
    states = standings(card, KEYS, made, items=items, labels=labels, bar=Bar(), today=TODAY)
    assert {name: each.state for name, each in states.items()} == {
        "tone": "uncertified",
        "tone.polite": "trusted",
        "tone.short": "uncertified",
    }
    assert states["tone"].says.startswith("as its weakest criterion, short:")
    people, judge, weight = states["tone"].pairs[-1]
    assert (people, judge, weight) == (0.0, 0.75, 1.0), "one of four parts right"


def test_a_certificate_is_written_and_read(tmp_path: Path) -> None:
    assert read_certificate(tmp_path / "tone") is None
    made = certificate(GOOD)
    write_certificate(tmp_path / "tone", made)
    read = read_certificate(tmp_path / "tone")
    assert read is not None
    assert standing(read) == standing(made)
    assert read.figures == made.figures


@pytest.mark.parametrize(("missed", "passed"), [(0, 0), (30, 30), (0, 30), (7, 2)])
def test_whatever_a_judge_is_worth_its_certificate_can_be_read(
    tmp_path: Path, missed: int, passed: int
) -> None:
    given = binary(30, 30, missed=missed, passed=passed)
    weights = {
        name: replace(x, weight=w)
        for (name, x), w in zip(given[0].items(), [1e-6, 1e6, *[1.0] * 58], strict=True)
    }
    made = certificate((weights, *given[1:]))
    write_certificate(tmp_path / "tone", made)
    assert read_certificate(tmp_path / "tone") is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"states": {"polite": "superb"}}, "states.polite: must be"),
        ({"created": "yesterday"}, "created: no date"),
        ({"pairs": {"polite": [[1.0, 2.0, 1.0]]}}, "pairs.polite: must be (people, judge, weight)"),
        ({"figures": {"polite": {"n": "many"}}}, "figures.polite.n: must be a number"),
        ({"pairs": {"polite": [[1.0, 1.0, 1e308]]}}, "a weight from 1e-06 to 1e+06"),
        ({"pairs": {"polite": [[1.0, 1.0, 1e-308]]}}, "a weight from 1e-06 to 1e+06"),
        ({"figures": {"polite": {"n": -1}}}, "figures.polite.n: must be a whole number from 0"),
        ({"figures": {"polite": {"n": 1e300}}}, "figures.polite.n: must be a whole number from 0"),
        ({"figures": {"polite": {"n": 0.5}}}, "figures.polite.n: must be a whole number from 0"),
        ({"figures": {"polite": {"clusters": -4}}}, "figures.polite.clusters: must be a whole"),
        ({"figures": {"polite": {"raters": -2}}}, "figures.polite.raters: must be a whole"),
        ({"raters": -2}, "raters: must be a whole number"),
        ({"figures": {"polite": {"error": -0.5}}}, "figures.polite.error: must be from 0 to 1"),
        ({"figures": {"polite": {"error": 5}}}, "figures.polite.error: must be from 0 to 1"),
        ({"figures": {"polite": {"tpr_lower": 7}}}, "figures.polite.tpr_lower: must be from 0 to"),
        ({"figures": {"polite": {"kappa": -1.5}}}, "figures.polite.kappa: must be from -1 to 1"),
        ({"extra": 1}, "extra: is not known"),
    ],
)
def test_a_certificate_that_is_none_is_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    write_certificate(tmp_path / "tone", certificate(GOOD))
    file = tmp_path / "tone" / CERTIFICATE
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ProblemsError, match=r"certificate\.json") as caught:
        read_certificate(tmp_path / "tone")
    assert said in str(caught.value)


def test_a_certificate_is_given_on_the_test_split_alone() -> None:
    items, labels, judged = GOOD
    found = calibrate(CARD, items, labels, judged)
    with pytest.raises(ValueError, match="test split"):
        certify(CARD, KEYS, found, labels, Bar(), today=TODAY)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"trusted_tprr": 0.9}, 'did you mean "trusted_tpr"'),
        ({"trusted_tpr": 1.0}, "bar.trusted_tpr must be a number from 0 to below 1"),
        ({"trusted_labels": 10.5}, "bar.trusted_labels must be a whole number"),
        ({"days": 0}, "bar.days must be a whole number"),
        ({"trusted_tnr": True}, "bar.trusted_tnr must be a number"),
        ({"trusted_tnr": float("nan")}, "bar.trusted_tnr must be a number"),
        ({"provisional_tnr": 0.9}, "provisional_tnr must not be above bar.trusted_tnr"),
    ],
)
def test_a_bar_that_makes_no_sense_is_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        bar_of(given)
    assert said in str(caught.value)


def test_a_project_sets_its_own_bar() -> None:
    assert bar_of({}) == Bar()
    assert bar_of({"trusted_labels": 200, "days": 30}) == Bar(trusted_labels=200, days=30)


def test_labels_that_a_certificate_does_not_know_ask_for_another_one() -> None:
    given = binary(80, 70, passed=16)
    made = certificate(given)
    items, labels, judged = given
    more = [*labels, Label(item=labels[0].item, rater="cem", criterion="polite", value=PASS)]
    assert standing(made, (items, more, judged)).remedy.startswith("measure it")
