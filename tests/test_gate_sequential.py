"""A run that is looked at on its way, and cases that are asked again: one level for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from evalsuite.diff import compare
from evalsuite.gate import Gate, Slice, decide
from evalsuite.gate.stopping import ask_again, decided, look_sizes, stricter
from evalsuite.records import CHECKS, Case, Looks, Run
from evalsuite.runner.order import taken
from tests.paired_runs import both, finding_of, row, run_of, verdict_of

AGAIN = 4


def looked(run: Run, number: int, order: Sequence[str] | None = None) -> Run:
    """The run as a sequential one was after that look."""
    order = order or sorted(run.rows)
    sizes = look_sizes(len(order))
    rows = {case: run.rows[case] for case in order[: sizes[number - 1]]}
    manifest = replace(run.manifest, looks=Looks(order, sizes, number))
    return Run(manifest, rows)


def repeated(before: Run, after: Run, values: dict[str, Sequence[float | None]]) -> tuple[Run, Run]:
    """A baseline of 5 equal trials, and the candidate with further values of some cases."""
    old = {
        name: replace(each, scores={CHECKS: [each.scores[CHECKS][0]] * 5})
        for name, each in before.rows.items()
    }
    new = {
        name: replace(each, again={CHECKS: values[name]}) if name in values else each
        for name, each in after.rows.items()
    }
    return (
        Run(replace(before.manifest, trials=5), old),
        Run(replace(after.manifest, again=AGAIN), new),
    )


def test_a_big_break_is_decided_at_the_first_look() -> None:
    before, after = both([1.0] * 200, [0.0, 1.0] * 100)
    diff = compare(before, looked(after, 1))
    assert decided(diff, Gate()) == "checks: regression"
    verdict = decide(diff, Gate())
    assert verdict.exit_code == 1
    found = finding_of(verdict, CHECKS)
    assert found.n == 50
    assert found.missing == 0
    assert found.p is not None
    assert found.p <= 0.00125


def test_cases_that_were_not_needed_are_neither_gone_nor_missing() -> None:
    before, after = both([1.0] * 200, [1.0] * 200)
    diff = compare(before, looked(after, 2))
    assert diff.lost == 0
    assert set(diff.status.values()) == {"changed"}
    assert len(diff.status) == 100
    assert decide(diff, Gate()).result == "pass"


def test_a_case_that_left_the_golden_set_is_gone_from_a_sequential_run_too() -> None:
    before, after = both([1.0] * 40, [1.0] * 39)
    diff = compare(before, looked(after, 1))
    assert [case for case, what in diff.status.items() if what == "gone"] == ["c039"]


def test_nothing_worse_is_decided_once_four_fifths_of_each_exclude_are_ruled_out() -> None:
    before, after = both([1.0] * 400, [1.0] * 400)
    assert decided(compare(before, looked(after, 1)), Gate()) == "every gate passes"
    before, after = both([1.0] * 200, [1.0] * 200)
    # 50 cases rule out 4.5 points: enough for the gate at its end, not for a look.
    assert verdict_of(before, looked(after, 1)).result == "pass"
    assert decided(compare(before, looked(after, 1)), Gate()) == ""
    assert decided(compare(before, looked(after, 2)), Gate()) == "every gate passes"


def test_a_pass_needs_every_floor_and_declared_slice() -> None:
    before, after = both([0.0] * 400, [0.0] * 400)
    diff = compare(before, looked(after, 2))
    assert decided(diff, Gate()) == "every gate passes"
    assert decided(diff, Gate(min={CHECKS: 0.5})) == ""
    assert decided(diff, Gate(slices={"topic=legal": Slice()})) == ""


def test_a_floor_alone_ends_nothing_since_no_part_of_a_level_is_its_own() -> None:
    before, after = both([0.4] * 40, [0.4] * 40)
    verdict = verdict_of(before, looked(after, 1), Gate(min={CHECKS: 0.9}))
    assert finding_of(verdict, "checks >= 0.90").result == "below"
    assert decided(compare(before, looked(after, 1)), Gate(min={CHECKS: 0.9})) == ""


def test_a_failed_must_pass_case_decides() -> None:
    before, after = both([1.0] * 40, [1.0] * 40)
    rows = {**after.rows, "c000": row("c000", [0.0] * 5, must_pass=True)}
    failed = compare(before, looked(Run(after.manifest, rows), 1))
    assert decided(failed, Gate()) == "must_pass, c000: failed"


def test_early_looks_need_a_smaller_p() -> None:
    """6 of 50 cases fell: p = 0.016, a regression in a run of 50, and not at the first of four."""
    values = [0.0] * 6 + [1.0] * 194
    before, after = both([1.0] * 200, values)
    first = looked(after, 1)
    assert finding_of(verdict_of(before, first), CHECKS).result == "inconclusive"
    alone = Run(after.manifest, first.rows)
    alone = Run(replace(alone.manifest, expected=50), alone.rows)
    assert finding_of(verdict_of(before, alone), CHECKS).result == "regression"


def test_the_test_of_a_look_is_not_changed_by_what_is_read_later() -> None:
    """What was rejected at a look stays so, though the end alone would not say it."""
    before, after = both([1.0] * 14 + [0.0] * 6 + [1.0] * 180, [0.0] * 14 + [1.0] * 186)
    alone = finding_of(verdict_of(before, after), CHECKS)
    assert alone.result == "inconclusive"
    order = [f"c{n:03d}" for n in [*range(14), *range(20, 200), *range(14, 20)]]
    first = finding_of(verdict_of(before, looked(after, 1, order)), CHECKS)
    last = finding_of(verdict_of(before, looked(after, 4, order)), CHECKS)
    assert first.result == last.result == "regression"
    assert first.p == last.p
    assert last.n == 200
    assert last.effect == pytest.approx(-0.04)


def test_moved_cases_are_asked_again_whichever_way_they_moved() -> None:
    before, after = both([1.0] * 8 + [0.0] * 3 + [1.0] * 89, [0.0] * 8 + [1.0] * 92)
    old, new = repeated(before, after, {})
    assert ask_again(compare(old, new), Gate()) == tuple(f"c{n:03d}" for n in range(11))


def test_no_case_is_asked_again_where_it_would_change_nothing() -> None:
    better = both([0.0] * 8 + [1.0] * 92, [1.0] * 100)
    assert ask_again(compare(*repeated(*better, {})), Gate()) == ()
    worse = both([1.0] * 100, [0.0] * 40 + [1.0] * 60)
    assert ask_again(compare(*repeated(*worse, {})), Gate()) == ()
    same = both([1.0] * 100, [1.0] * 100)
    assert ask_again(compare(*repeated(*same, {})), Gate()) == ()


def test_no_case_is_asked_again_against_a_baseline_without_trials() -> None:
    before, after = both([1.0] * 8 + [0.0] * 3 + [1.0] * 89, [0.0] * 8 + [1.0] * 92)
    after = Run(replace(after.manifest, again=AGAIN), after.rows)
    assert ask_again(compare(before, after), Gate()) == ()
    # And then the first trials have the whole level: what was a regression still is.
    fell = both([1.0] * 100, [0.0] * 6 + [1.0] * 94)
    after = Run(replace(fell[1].manifest, again=AGAIN), fell[1].rows)
    assert finding_of(verdict_of(fell[0], after), CHECKS).result == "regression"


def test_a_drop_that_further_trials_confirm_is_a_regression() -> None:
    """8 fell and 3 rose: p = 0.11 alone. Those that fell fail again, those that rose were luck."""
    before, after = both([1.0] * 8 + [0.0] * 3 + [1.0] * 89, [0.0] * 8 + [1.0] * 92)
    asked: dict[str, Sequence[float | None]] = {f"c{n:03d}": [0.0] * 4 for n in range(11)}
    once = finding_of(verdict_of(*repeated(before, after, {})), CHECKS)
    found = finding_of(verdict_of(*repeated(before, after, asked)), CHECKS)
    assert (once.result, found.result) == ("inconclusive", "regression")
    # Estimates and bounds are those of the first trials.
    assert (found.effect, found.upper_drop) == (once.effect, once.upper_drop)
    assert found.p is not None
    assert found.p <= 0.05 < (once.p or 0)


def test_chance_that_further_trials_take_back_is_no_regression() -> None:
    before, after = both([1.0] * 8 + [0.0] * 3 + [1.0] * 89, [0.0] * 8 + [1.0] * 92)
    asked: dict[str, Sequence[float | None]] = {f"c{n:03d}": [1.0] * 4 for n in range(11)}
    found = finding_of(verdict_of(*repeated(before, after, asked)), CHECKS)
    assert found.result == "inconclusive"


def test_a_part_of_the_moved_cases_is_no_stage() -> None:
    """Whoever asks only those that fell again, or ends it half-way, gains nothing."""
    before, after = both([1.0] * 8 + [0.0] * 3 + [1.0] * 89, [0.0] * 8 + [1.0] * 92)
    fell: dict[str, Sequence[float | None]] = {f"c{n:03d}": [0.0] * 4 for n in range(8)}
    once = finding_of(verdict_of(*repeated(before, after, {})), CHECKS)
    assert finding_of(verdict_of(*repeated(before, after, fell)), CHECKS).p == once.p


def test_a_further_trial_without_a_score_is_left_out_of_its_case() -> None:
    before, after = both([1.0] * 8 + [0.0] * 3 + [1.0] * 89, [0.0] * 8 + [1.0] * 92)
    asked: dict[str, Sequence[float | None]] = {
        f"c{n:03d}": [0.0, None, None, None] for n in range(11)
    }
    found = finding_of(verdict_of(*repeated(before, after, asked)), CHECKS)
    assert found.result == "regression"
    nothing: dict[str, Sequence[float | None]] = {f"c{n:03d}": [None] * 4 for n in range(11)}
    same = finding_of(verdict_of(*repeated(before, after, nothing)), CHECKS)
    assert same.result == "inconclusive"


def test_trials_that_were_only_asked_for_the_test_are_in_no_rate() -> None:
    before, after = both([1.0] * 100, [0.0] * 3 + [1.0] * 97)
    asked: dict[str, Sequence[float | None]] = {f"c{n:03d}": [1.0] * 4 for n in range(3)}
    _, new = repeated(before, after, asked)
    level = compare(before, new).levels[CHECKS]
    assert float(level.values.mean()) == pytest.approx(0.97)


def test_the_order_has_every_slice_in_its_share_and_strict_cases_first() -> None:
    cases = [
        Case(id=f"c{n}", input="", slices={"topic": "abcd"[n % 4]}, must_pass=n in (7, 150))
        for n in range(200)
    ]
    order = taken(cases, 1)
    assert sorted(order) == sorted(case.id for case in cases)
    assert set(order[:2]) == {"c7", "c150"}
    topics = [cases[int(case[1:])].slices["topic"] for case in order[:50]]
    assert all(11 <= topics.count(topic) <= 14 for topic in "abcd")
    assert order == taken(cases[::-1], 1)
    assert order != taken(cases, 2)


def test_a_look_passes_by_four_fifths_of_what_each_gate_excludes() -> None:
    policy = Gate(exclude=0.10, slices={"a=b": Slice(exclude=0.5), "a=c": Slice()})
    found = stricter(policy)
    assert (found.exclude, found.slice_exclude) == pytest.approx((0.08, 0.20))
    assert found.slices["a=b"].exclude == pytest.approx(0.4)
    assert found.slices["a=c"].exclude is None


def test_clusters_are_flipped_whole_at_every_look() -> None:
    """50 clusters of 4: what falls together counts once, however many cases it is."""
    values = [0.0] * 24 + [1.0] * 176
    before, after = both([1.0] * 200, values)
    sides = [
        Run(
            side.manifest,
            {
                name: replace(each, cluster=f"document {n // 4}")
                for n, (name, each) in enumerate(side.rows.items())
            },
        )
        for side in (before, after)
    ]
    single = finding_of(verdict_of(before, looked(after, 1)), CHECKS)
    found = finding_of(verdict_of(sides[0], looked(sides[1], 1)), CHECKS)
    assert single.result == "regression"
    assert found.result == "inconclusive"
    assert found.p == pytest.approx(2**-6, rel=0.5)


def test_an_empty_run_is_held_and_not_decided() -> None:
    empty = run_of([], looks=Looks((), (), 0))
    assert decided(compare(empty, empty), Gate()) == ""
    assert decide(compare(empty, empty), Gate()).result == "inconclusive"
