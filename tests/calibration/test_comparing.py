"""Two judges on the same outputs: the difference is theirs, and is told with its chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from making import CARD, FAIL, KEYS, PASS, by_id, item, said

from evalsuite.calibration.bridging import bridged, places
from evalsuite.calibration.comparing import Comparison, compare_judges
from evalsuite.calibration.comparison_page import page
from evalsuite.calibration.records import Item, Label
from evalsuite.errors import DataError
from evalsuite.judging.verdict import Verdict
from evalsuite.records import Case, Manifest, Metric, Output, Row, Run, Standing, Subject
from evalsuite.report import html, markdown, terminal


def items(count: int = 60) -> list[Item]:
    return [replace(item(n), slices={"topic": "law" if n < 20 else "other"}) for n in range(count)]


def compared(
    old: Sequence[str | None],
    new: Sequence[str | None],
    truth: Sequence[str] = (),
    given: list[Item] | None = None,
) -> Comparison:
    held = given or items(len(old))

    def judged(values: Sequence[str | None]) -> dict[str, dict[str, Verdict]]:
        return {x.id: {"polite": said(v)} for x, v in zip(held, values, strict=True)}

    rated = by_id(held[: len(truth)])
    labels = [
        Label(item=each, rater="ann", criterion="polite", value=value)
        for each, value in zip(rated, truth, strict=True)
    ]
    both = judged(old), judged(new)
    return compare_judges((CARD, CARD), by_id(held), both, labels, (rated, *both))


def test_equal_verdicts_are_no_difference() -> None:
    found = compared([PASS] * 40, [PASS] * 40)
    assert (found.shifts[0].slice, found.shifts[0].p) == ("overall", 1.0)
    assert found.moved == []
    assert found.flips[0].agreement.value == 1.0
    assert found.promotion is None


def test_a_stricter_judge_is_found_overall_and_where_it_is_stricter() -> None:
    new = [FAIL] * 15 + [PASS] * 45
    found = compared([PASS] * 60, new)
    shifts = {each.slice: each for each in found.shifts}
    assert shifts["overall"].after == pytest.approx(0.75)
    assert shifts["overall"].p < 0.001
    assert shifts["topic=law"].p < 0.001
    assert shifts["topic=other"].p == 1.0
    assert shifts["topic=law"].high < 0
    assert len(found.moved) == 15


def test_differences_in_both_directions_count() -> None:
    found = compared([FAIL] * 60, [PASS] * 12 + [FAIL] * 48)
    assert found.shifts[0].p < 0.01
    few = compared([FAIL] * 60, [PASS] * 3 + [FAIL] * 57)
    assert few.shifts[0].p > 0.1, "three of three one way are a chance of one in four"


def test_answers_of_one_case_move_together() -> None:
    given = [replace(each, cluster="one") for each in items(12)]
    assert compared([PASS] * 12, [FAIL] * 12, given=given).shifts[0].p == 1.0


def test_items_that_lost_their_verdict_are_counted() -> None:
    found = compared([PASS, PASS, None, PASS], [PASS, None, PASS, PASS])
    assert (found.n, found.lost, found.gained) == (2, 1, 1)
    assert found.flips[0].table.counts[1][-1] == 1, "PASS before, no verdict now"


def test_a_change_is_promoted_if_a_loss_against_people_is_ruled_out() -> None:
    truth = [PASS if n % 2 else FAIL for n in range(200)]
    worse = [FAIL] * 20 + truth[20:]
    same = compared(truth, truth, truth)
    assert same.promotion is not None
    assert same.promotion.passes
    found = compared(truth, worse, truth)
    assert found.promotion is not None
    assert not found.promotion.passes
    assert found.promotion.after == pytest.approx(0.95)
    assert found.promotion.mcnemar is not None
    assert found.promotion.mcnemar.table == ((190, 10), (0, 0))
    assert compared(truth[:99], truth[:99], truth[:99]).promotion is None


def test_the_page_says_what_it_means_and_hostile_texts_are_inert() -> None:
    given = [
        replace(each, subject=replace(each.subject, output="<script>alert(1)</script>\x1b[31m"))
        for each in items(20)
    ]
    found = compared([PASS] * 20, [FAIL] * 20, given=given)
    document = page(("old", "new<b>"), CARD, found, "it goes stale")
    text = html.document(document)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "new&lt;b&gt;" in text
    assert "it goes stale" in markdown.document(document)
    assert "\x1b" not in terminal.document(document)
    assert "0 outputs are rated by people, of 100" in terminal.document(document)


def snapshot(count: int = 3) -> tuple[Run, dict[str, Case], dict[str, Output]]:
    outputs = {f"o{n}": Output(text=f"answer {n}") for n in range(count)}
    cases = {f"c{n}": Case(id=f"c{n}", input=f"question {n}") for n in range(count)}
    rows = {
        f"c{n}": Row(
            id=f"c{n}",
            case_key="k",
            scorer_keys={"tone": "old", "checks": "checks"},
            scores={"tone": [1.0], "checks": [1.0]},
            outputs=[f"o{n}"],
            reasons={"tone": "kind"},
        )
        for n in range(count)
    }
    manifest = Manifest(
        suite="s",
        run="r",
        created="",
        golden={},
        subject=Subject(),
        policy={},
        metrics=[Metric("checks"), Metric("tone")],
        expected=count,
        judges={"tone": Standing(state="trusted")},
    )
    return Run(manifest, rows), cases, outputs


def test_a_bridge_replaces_every_score_of_the_judge_and_nothing_else() -> None:
    run, cases, outputs = snapshot()
    there = places(CARD, run, cases, outputs)
    assert set(there) == {("c0", "o0"), ("c1", "o1"), ("c2", "o2")}
    verdicts = {place: {"polite": said(FAIL)} for place in there}
    made = bridged(CARD, KEYS.key, run, verdicts, {"tone": Standing(pairs=((1.0, 1.0, 1.0),))})
    for row in made.rows.values():
        assert row.scores == {"checks": [1.0], "tone": [0.0]}
        assert row.scorer_keys == {"checks": "checks", "tone": KEYS.key}
        assert row.reasons == {}
    assert made.manifest.judges["tone"] == Standing()
    assert [each.name for each in made.manifest.metrics] == ["checks", "tone"]


def test_half_a_bridge_is_refused() -> None:
    run, cases, outputs = snapshot()
    there = places(CARD, run, cases, outputs)
    verdicts = {place: {"polite": said(FAIL)} for place in list(there)[:2]}
    with pytest.raises(DataError, match="no verdict on 1 of the snapshot's cases"):
        bridged(CARD, KEYS.key, run, verdicts, {})
