import numpy as np
from paired_runs import both, row, run_of

from evalsuite.diff import compare
from evalsuite.gate import Gate, decide, detectable, sights
from evalsuite.gate.sensitivity import drops_of
from evalsuite.records import Metric, Standing


def suite(n, *, share=0.8, trials=1, seed=0, slices=4):
    rng = np.random.default_rng(seed)
    chance = rng.beta(share * 0.25, (1 - share) * 0.25, n)
    rows = []
    for case in range(n):
        values = (rng.random(trials) < chance[case]).astype(float).tolist()
        rows.append(row(f"c{case:04d}", values, slices={"topic": f"t{case % slices}"}))
    return run_of(rows, trials=trials)


def test_it_is_deterministic_and_names_overall_and_slices():
    found = detectable(suite(60, slices=2), Gate())
    assert set(found) == {"checks", "checks, topic=t0", "checks, topic=t1", "completion"}
    assert found == detectable(suite(60, slices=2), Gate())


def test_more_cases_make_smaller_drops_visible():
    small, large = (detectable(suite(n, slices=1), Gate())["checks"] for n in (60, 400))
    assert 0.02 <= large < small / 1.5


def test_repeats_make_smaller_drops_visible():
    one, five = (detectable(suite(120, slices=1, trials=k), Gate())["checks"] for k in (1, 5))
    assert five < one


def test_the_figure_is_what_the_simulated_gate_finds_in_known_designs():
    # 200 cases that flip in 6 % of pairs: half to 70 % of -5 points are found, nearly all of -10
    assert 0.05 < detectable(suite(200), Gate())["checks"] < 0.10


def test_a_slice_that_can_not_fall_is_left_out():
    tags = [{"topic": "hopeless"}] * 20 + [{"topic": "fine"}] * 60
    run = both([0.0] * 20 + [1.0] * 60, [0.0] * 20 + [1.0] * 60, tags)[0]
    found = detectable(run, Gate())
    assert "checks, topic=hopeless" not in found
    assert "checks, topic=fine" in found


def test_a_suite_without_a_score_has_no_figure():
    assert detectable(run_of([row("a", None)]), Gate()) == {}
    assert detectable(run_of([]), Gate()) == {}


def graded(n, *, trials=1, jitter=0.1, seed=0, side="a", broken=0, **settings):
    """Two metrics between 0 and 1 in two slices; a share of cases is broken in `quality`."""
    rng, noise = np.random.default_rng(5), np.random.default_rng(seed)
    rows = []
    for case, base in enumerate(rng.beta(6, 2, n)):
        scores = {
            name: np.clip(base + jitter * noise.standard_normal(trials), 0, 1).tolist()
            for name in ("quality", "style")
        }
        if noise.random() < broken:
            scores["quality"] = [0.0] * trials
        keys = {name: name for name in scores}
        tag = {"topic": f"t{case % 2}"}
        rows.append(
            row(f"c{case:03d}", 1.0, side=side, scores=scores, scorer_keys=keys, slices=tag)
        )
    made = [Metric("quality"), Metric("style")]
    return run_of(rows, trials=trials, metrics=made, **settings)


def test_every_gated_metric_has_its_drop_overall_and_per_slice():
    found = detectable(graded(60), Gate())
    parts = ["", ", topic=t0", ", topic=t1"]
    assert {name + part for name in ("quality", "style") for part in parts} <= set(found)


def test_noise_within_cases_hides_graded_drops():
    steady, loud = (
        detectable(graded(100, trials=3, jitter=jitter), Gate())["quality"]
        for jitter in (0.02, 0.35)
    )
    assert steady < loud


def test_a_graded_drop_of_the_told_size_is_mostly_found_and_one_of_a_third_is_not():
    before, policy = graded(120, trials=3, jitter=0.2), Gate()
    drop = detectable(before, policy)["quality"]
    found = []
    for share in (1.0, 0.3):
        broken = share * drop / 0.75  # a case has 0.75 to lose
        verdicts = [
            decide(
                compare(
                    before, graded(120, trials=3, jitter=0.2, seed=seed, side="b", broken=broken)
                ),
                policy,
            )
            for seed in range(1, 9)
        ]
        found.append(sum(each.blocks for each in verdicts))
    assert found[0] >= 5
    assert found[1] <= 3


def test_a_judge_that_only_informs_has_no_drop():
    judged = graded(40, judges={"quality": Standing(judge="strict")})
    found = detectable(judged, Gate())
    assert "quality" not in found
    assert "style" in found


def test_an_old_manifest_tells_of_checks_by_slice():
    old = graded(4, detectable={"overall": 0.1, "topic=a, b": 0.2, "quality, topic=t0": 0.3})
    assert drops_of(old.manifest) == {
        "checks": 0.1,
        "checks, topic=a, b": 0.2,
        "quality, topic=t0": 0.3,
    }


def test_a_suite_of_the_planned_size_sees_the_smaller_drop():
    plan = next(each for each in sights(suite(80, slices=1), Gate()) if each.metric == "checks")
    assert plan.smaller < plan.drop
    assert plan.cases > 80
    larger = detectable(suite(plan.cases, slices=1), Gate())["checks"]
    assert larger < 1.35 * plan.smaller
