"""What holds of the gate for any suite."""

import math
from dataclasses import fields, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from paired_runs import both, finding_of, run_of, verdict_of

from evalsuite.gate import Gate
from evalsuite.records import CHECKS, Run

values = st.sampled_from([0.0, 1.0, 1.0, 0.5, None])
tags = st.fixed_dictionaries({"t": st.sampled_from("abc"), "l": st.sampled_from("de")})
suites = st.integers(0, 45).flatmap(
    lambda n: st.tuples(
        st.lists(values, min_size=n, max_size=n),
        st.lists(values, min_size=n, max_size=n),
        st.lists(tags, min_size=n, max_size=n),
    )
)
quick = settings(max_examples=40)
POLICY = Gate(min_cases=5, min={CHECKS: 0.5})


def results(verdict):
    return {each.name: (each.result, each.effect, each.p) for each in verdict.findings}


@given(suites)
@quick
def test_every_suite_has_a_defined_verdict_without_nan(suite):
    verdict = verdict_of(*both(*suite), POLICY)
    assert verdict.exit_code in (0, 1, 10, 11)
    for finding in verdict.findings:
        figures = [getattr(finding, each.name) for each in fields(finding)]
        assert all(math.isfinite(value) for value in figures if isinstance(value, float))
        if finding.low is not None:
            assert finding.low < finding.high


@given(suites)
@quick
def test_exchanging_the_runs_turns_every_effect_around(suite):
    before, after = both(*suite)
    there, back = verdict_of(before, after, POLICY), verdict_of(after, before, POLICY)
    turned = {each.name: each.effect for each in back.findings if each.kind == "relative"}
    for finding in there.findings:
        if finding.kind == "relative" and finding.effect is not None:
            assert math.isclose(finding.effect, -turned[finding.name], abs_tol=1e-9)
            assert not (finding.result == "regression" and turned[finding.name] < 0)


@given(suites)
@quick
def test_the_order_of_cases_does_not_matter(suite):
    before, after = both(*suite)
    turned = [Run(run.manifest, dict(reversed(run.rows.items()))) for run in (before, after)]
    assert verdict_of(before, after, POLICY) == verdict_of(*turned, POLICY)


@given(suites)
@quick
def test_the_names_of_slices_do_not_matter(suite):
    names = {"a": "z", "b": "y", "c": "x"}
    renamed = [{**each, "t": names[each["t"]]} for each in suite[2]]
    plain = verdict_of(*both(*suite), POLICY)
    other = results(verdict_of(*both(suite[0], suite[1], renamed), POLICY))
    for name, told in results(plain).items():
        metric, _, part = name.partition(", t=")
        new = f"{metric}, t={names[part]}" if part in names else name
        if new in other:  # of slices with the same cases the first by name is told
            assert other[new] == told
    assert plain.exit_code == verdict_of(*both(suite[0], suite[1], renamed), POLICY).exit_code


@given(suites, st.sampled_from([0.0, 1.0]))
@quick
def test_one_more_case_that_stays_never_makes_a_regression(suite, value):
    before, after = both(*suite)
    more = both([*suite[0], value], [*suite[1], value], [*suite[2], {}])
    was = {each.name: each.result for each in verdict_of(before, after, POLICY).findings}
    for finding in verdict_of(*more, POLICY).findings:
        if finding.result == "regression":
            # a slice of all cases says what overall says, until a case is outside of it
            assert was.get(finding.name, was[finding.metric]) == "regression"


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=12), st.integers(0, 11))
@quick
def test_one_more_fall_never_hides_an_overall_regression(after, place):
    policy = Gate(min_cases=50)
    before = [1.0] * len(after)
    worse = list(after)
    worse[place % len(after)] = 0.0
    seen = finding_of(verdict_of(*both(before, after), policy), CHECKS)
    then = finding_of(verdict_of(*both(before, worse), policy), CHECKS)
    assert then.p <= seen.p
    assert seen.result != "regression" or then.result == "regression"


@given(suites)
@quick
def test_a_slice_named_twice_changes_no_result(suite):
    doubled = [{**each, "u": each["t"]} for each in suite[2]]
    plain = results(verdict_of(*both(*suite), POLICY))
    twice = results(verdict_of(*both(suite[0], suite[1], doubled), POLICY))
    assert plain == twice


@given(suites)
@quick
def test_a_run_compared_with_itself_is_never_worse(suite):
    run = both(*suite)[1]
    verdict = verdict_of(run, run, replace(POLICY, min={}))
    assert not verdict.blocks
    assert {each.effect for each in verdict.findings} <= {None, 0.0}


def test_no_case_at_all_stops_instead_of_passing():
    assert verdict_of(run_of([]), run_of([])).exit_code == 10
