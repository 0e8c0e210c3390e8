"""The two parts of a change are the change, case by case, whatever the crossed answers are."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st
from paired_runs import finding_of, row, run_of

from evalsuite.diff import compare
from evalsuite.gate import Gate, decide
from evalsuite.gate.attribution import Attribution, attributions
from evalsuite.records import CHECKS, Crossed, Metric, Row, Run

KINDS = ("same", "same documents", "as before", "new")


def crossed(
    kind: str, number: int, value: float | None = None, cluster: str = ""
) -> Crossed | None:
    """A crossed run against the answers that `row` gives the side "before"."""
    was, own = f"before c{number:03d} 0", f"after c{number:03d} 0"
    answers = {"same documents": own, "as before": was, "new": "crossed"}
    if kind not in answers:
        return None
    scores = {CHECKS: [value]} if kind == "new" else {}
    return Crossed((was,), (answers[kind],), scores)


def runs(
    before: list[float],
    after: list[float | None],
    kinds: list[str],
    between: list[float | None],
    clusters: list[str] | None = None,
) -> tuple[Run, Run]:
    """A pair per value; of kind "same" the answers are equal, "none" was not crossed."""
    sides: tuple[list[Row], list[Row]] = ([], [])
    for n, (old, new, kind, value) in enumerate(zip(before, after, kinds, between, strict=True)):
        one = row(f"c{n:03d}", old, side="before", cluster=clusters[n] if clusters else None)
        other = row(f"c{n:03d}", new, side="after", cluster=one.cluster, slices={"kind": kind})
        other = replace(other, crossed=crossed(kind, n, value))
        sides[0].append(one)
        sides[1].append(replace(other, outputs=one.outputs) if kind == "same" else other)
    return run_of(sides[0], "before"), run_of(sides[1], "after")


def overall(before: Run, after: Run, part: str = "overall") -> Attribution:
    diff = compare(before, after)
    gate = Gate(min_cases=1)
    found = attributions(diff, decide(diff, gate).findings)
    return next(each for each in found if (each.metric, each.slice) == (CHECKS, part))


share = st.sampled_from([0.0, 0.25, 0.5, 1.0])
case = st.tuples(share, share, st.sampled_from(KINDS), share, st.sampled_from("xyz"))


@given(st.lists(case, min_size=1, max_size=30), st.booleans())
def test_the_parts_add_up_to_what_the_gate_calls_the_change(
    cases: list[tuple[float, float, str, float, str]], clustered: bool
) -> None:
    before, after, kinds, between, clusters = map(list, zip(*cases, strict=True))
    if all(kind == "same" for kind in kinds):
        kinds[0] = "new"
    one, other = runs(before, after, kinds, between, clusters if clustered else None)  # type: ignore[arg-type]
    found = overall(one, other)
    assert found.total is not None
    assert found.retrieval is not None
    assert found.generation is not None
    assert found.total.effect == found.retrieval.effect + found.generation.effect
    finding = finding_of(decide(compare(one, other), Gate()), CHECKS)
    assert finding.effect is not None
    assert found.total.effect == pytest.approx(finding.effect, abs=1e-7)
    assert (found.total.low, found.total.high) == pytest.approx((finding.low, finding.high))
    assert (found.n, found.missing) == (len(cases), 0)
    for each in (found.total, found.retrieval, found.generation):
        assert -1 <= each.low < each.high <= 1


@given(st.lists(st.tuples(share, share), min_size=1, max_size=20))
def test_with_equal_documents_nothing_is_retrievals_and_with_equal_answers_nothing_generations(
    values: list[tuple[float, float]],
) -> None:
    before, after = map(list, zip(*values, strict=True))
    for kind, zero in (("same documents", "retrieval"), ("as before", "generation")):
        one, other = runs(before, after, [kind] * len(values), [None] * len(values))  # type: ignore[arg-type]
        found = overall(one, other)
        part = getattr(found, zero)
        assert part.effect == 0.0
        assert part.low == -part.high
        assert found.documents == (0 if zero == "retrieval" else len(values))


def test_a_part_that_makes_it_worse_is_negative_and_one_that_mends_it_positive() -> None:
    one, other = runs([1.0] * 10, [0.5] * 10, ["new"] * 10, [0.0] * 10)
    found = overall(one, other)
    assert (found.retrieval and found.retrieval.effect) == 0.5
    assert (found.generation and found.generation.effect) == -1.0
    assert found.generation is not None
    assert found.generation.high < 0


def test_a_metric_of_which_less_is_better_has_the_same_signs() -> None:
    latency = Metric(CHECKS, 0.0, 10.0, higher_is_better=False)
    one, other = runs([0.0] * 8, [10.0] * 8, ["new"] * 8, [5.0] * 8)
    runs_ = [Run(replace(each.manifest, metrics=[latency]), each.rows) for each in (one, other)]
    found = overall(*runs_)
    assert found.retrieval is not None
    assert found.generation is not None
    assert (found.retrieval.effect, found.generation.effect) == (-0.5, -0.5)


def test_pairs_without_a_crossed_value_are_left_out_of_every_part_and_counted() -> None:
    kinds = ["new", "new", "none", "same"]
    one, other = runs([1.0] * 4, [0.0, 0.0, 0.0, 1.0], kinds, [1.0, None, None, None])
    lost = replace(
        other.rows["c001"],
        crossed=Crossed(("before c001 0",), (None,), errors=("timeout: no answer",)),
    )
    other = Run(other.manifest, {**other.rows, "c001": lost})
    found = overall(one, other)
    assert (found.n, found.missing, found.documents) == (2, 2, 1)
    assert found.reason == "timeout: no answer"
    assert found.total is not None
    assert found.total.effect == -0.5
    assert overall(one, other, "kind=none").total is None


def test_what_was_crossed_with_another_snapshot_tells_nothing() -> None:
    one, other = runs([1.0] * 3, [0.0] * 3, ["new"] * 3, [1.0] * 3)
    elsewhere = {name: replace(each, outputs=["newer"]) for name, each in one.rows.items()}
    diff = compare(Run(one.manifest, elsewhere), other)
    assert attributions(diff, decide(diff, Gate()).findings) == []
    mixed = {**elsewhere, "c000": one.rows["c000"]}
    found = overall(Run(one.manifest, mixed), other)
    assert (found.n, found.missing) == (1, 2)
    assert found.reason == "nothing was run on the baseline's documents"


def test_a_trial_of_several_that_lacks_an_answer_leaves_its_case_out() -> None:
    before = run_of([row("a", [1.0, 1.0], side="before"), row("b", [1.0, 1.0], side="before")])
    sides = []
    for name, values in (("a", [1.0, None]), ("b", [1.0, 0.0])):
        each = row(name, [0.0, 0.0], side="after")
        was = tuple(f"before {name} {trial}" for trial in range(2))
        sides.append(replace(each, crossed=Crossed(was, ("x", "y"), {CHECKS: values})))
    found = overall(before, run_of(sides))
    assert (found.n, found.missing) == (1, 1)
    assert found.reason == "its answer to the baseline's documents has no score"
    assert found.generation is not None
    assert found.generation.effect == -0.5


def test_nothing_is_attributed_where_nothing_was_crossed() -> None:
    one, other = runs([1.0] * 3, [0.0] * 3, ["none"] * 3, [None] * 3)
    diff = compare(one, other)
    assert attributions(diff, decide(diff, Gate()).findings) == []
    assert attributions(compare(None, other), []) == []


def test_it_changes_no_verdict() -> None:
    one, other = runs([1.0] * 40, [0.0] * 40, ["new"] * 40, [1.0] * 40)
    plain = Run(other.manifest, {n: replace(r, crossed=None) for n, r in other.rows.items()})
    assert decide(compare(one, other), Gate()) == decide(compare(one, plain), Gate())


def test_of_a_comparison_with_the_baseline_its_own_answer_is_as_good_as_itself() -> None:
    before, after = [], []
    for name, kind, value in (("c000", "as before", None), ("c001", "new", 0.4)):
        before.append(row(name, 1.0, side="before"))
        made = crossed(kind, int(name[1:]), value)
        assert made is not None
        each = row(name, 1.0, side="after", scores={"better": [0.2]}, scorer_keys={"better": "j"})
        after.append(replace(each, crossed=replace(made, scores={"better": [value]})))
    metrics = [Metric("better", center=0.5)]
    diff = compare(run_of(before), run_of(after, metrics=metrics))
    found = attributions(diff, decide(diff, Gate()).findings)
    better = next(each for each in found if each.metric == "better")
    assert better.retrieval is not None
    assert better.generation is not None
    assert better.retrieval.effect == pytest.approx(-0.25)
    assert better.generation.effect == pytest.approx(-0.05)
