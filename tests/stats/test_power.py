import numpy as np
from paired_runs import both, row, run_of

from evalsuite.gate import Gate, detectable


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
    assert set(found) == {"overall", "topic=t0", "topic=t1"}
    assert found == detectable(suite(60, slices=2), Gate())


def test_more_cases_make_smaller_drops_visible():
    small, large = (detectable(suite(n, slices=1), Gate())["overall"] for n in (60, 400))
    assert 0.02 <= large < small / 1.5


def test_repeats_make_smaller_drops_visible():
    one, five = (detectable(suite(120, slices=1, trials=k), Gate())["overall"] for k in (1, 5))
    assert five < one


def test_the_figure_is_what_the_simulated_gate_finds_in_known_designs():
    # 200 cases that flip in 6 % of pairs: half to 70 % of -5 points are found, nearly all of -10
    assert 0.05 < detectable(suite(200), Gate())["overall"] < 0.10


def test_a_slice_that_can_not_fall_is_left_out():
    tags = [{"topic": "hopeless"}] * 20 + [{"topic": "fine"}] * 60
    run = both([0.0] * 20 + [1.0] * 60, [0.0] * 20 + [1.0] * 60, tags)[0]
    found = detectable(run, Gate())
    assert "topic=hopeless" not in found
    assert "topic=fine" in found


def test_a_suite_without_a_score_has_no_figure():
    assert detectable(run_of([row("a", None)]), Gate()) == {}
    assert detectable(run_of([]), Gate()) == {}
