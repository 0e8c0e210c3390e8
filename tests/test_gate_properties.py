"""What holds of the gate for any suite."""

import json
import math
from dataclasses import fields, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from paired_runs import both, finding_of, run_of, same_answers, verdict_of

from evalsuite.diff import compare
from evalsuite.gate import Gate, decide
from evalsuite.records import CHECKS, Run
from evalsuite.report import build
from evalsuite.report.json import render
from evalsuite.report.reports import Commands

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


@given(suites)
@quick
def test_exchanging_the_runs_exchanges_what_fell_and_what_rose(suite):
    before, after = both(*suite)
    back = {each.name: each for each in verdict_of(after, before, POLICY).findings}
    for finding in verdict_of(before, after, POLICY).findings:
        if finding.kind == "relative" and finding.effect is not None:
            other = back[finding.name]
            assert (list(finding.fell), list(finding.rose)) == (list(other.rose), list(other.fell))
            assert math.isclose(finding.low, -other.high, abs_tol=1e-9)


@given(suites, st.sampled_from([0.0, 0.5, 1.0]))
@quick
def test_one_more_unchanged_case_keeps_a_pass_from_becoming_a_regression(suite, value):
    before, after = both([*suite[0], value], [*suite[1], value], [*suite[2], {"t": "a", "l": "d"}])
    last = f"c{len(suite[0]):03d}"
    kept = same_answers(
        Run(before.manifest, {last: before.rows[last]}),
        Run(after.manifest, {last: after.rows[last]}),
    )
    more = Run(after.manifest, {**after.rows, **kept.rows})
    was = {each.name: each.result for each in verdict_of(*both(*suite), POLICY).findings}
    for finding in verdict_of(before, more, POLICY).findings:
        if finding.kind == "relative" and was.get(finding.name) in ("pass", "unchanged"):
            assert finding.result != "regression"


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=60),
    st.lists(st.integers(0, 59), max_size=8),
)
@quick
def test_a_larger_drop_is_never_judged_more_mildly_overall(after, places):
    before, policy = [1.0] * len(after), Gate(min_cases=100)
    worse = list(after)
    for place in places:
        worse[place % len(worse)] = 0.0
    gravity = ("pass", "inconclusive", "regression")
    seen, then = (
        finding_of(verdict_of(*both(before, each), policy), CHECKS) for each in (after, worse)
    )
    assert then.effect <= seen.effect
    assert gravity.index(then.result) >= gravity.index(seen.result)


@given(suites)
@quick
def test_the_json_holds_no_nan(suite):
    before, after = both(*suite)
    diff = compare(before, after)
    report = build(
        diff,
        decide(diff, POLICY),
        before=before.rows,
        after=after.rows,
        answers={},
        commands=Commands(),
    )
    document = json.loads(render(report), parse_constant=_refuse)
    assert len(document["findings"]) == len(report.verdict.findings)


def _refuse(name):
    raise AssertionError(name)
