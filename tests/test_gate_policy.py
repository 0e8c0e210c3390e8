"""A policy in JSON and back, and everything that can be wrong with one."""

import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paired_runs import both, finding_of, verdict_of

from evalsuite.errors import SuiteError
from evalsuite.gate import Gate, Slice, needed_cases, policy_from, policy_json, validate
from evalsuite.records import CHECKS

FULL = Gate(
    min={"checks": 0.8},
    margin=0.03,
    exclude=0.06,
    slices={"topic=legal": Slice(margin=0.1, min=0.7, mode="observe", critical=True)},
    level=0.01,
    min_cases=20,
    mode="observe",
)


@pytest.mark.parametrize("policy", [Gate(), FULL])
def test_a_policy_survives_json(policy):
    assert policy_from(json.loads(json.dumps(policy_json(policy)))) == policy


def test_settings_that_are_left_out_have_their_defaults():
    assert policy_from({}) == Gate()
    assert policy_from({"slices": {"a=b": {}}}) == Gate(slices={"a=b": Slice()})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"margn": 0.1}, 'gate: unknown setting "margn": did you mean "margin"?'),
        ({"slices": {"a=b": {"exlude": 1}}}, 'unknown setting "exlude": did you mean "exclude"?'),
        ({"margin": 5}, "gate.margin must be a share above 0 to 1 (0.05 is 5 points), not 5"),
        ({"margin": 0}, "gate.margin"),
        ({"margin": True}, "gate.margin"),
        ({"margin": float("nan")}, "gate.margin"),
        ({"exclude": "0.1"}, "gate.exclude"),
        ({"slice_margin": None}, "gate.slice_margin"),
        ({"slice_exclude": 1.01}, "gate.slice_exclude"),
        ({"level": 0.9}, "gate.level"),
        ({"min_cases": 1.5}, "gate.min_cases"),
        ({"mode": "warn"}, 'gate.mode must be "block" or "observe"'),
        ({"mode": []}, "gate.mode"),
        ({"min": {"checks": 80}}, 'gate.min["checks"] must be a share from 0 to 1'),
        ({"min": 0.8}, "gate.min must map"),
        ({"slices": ["a=b"]}, "gate.slices must map"),
        ({"slices": {"a=b": 3}}, 'gate.slices["a=b"] must be an object'),
        ({"slices": {"legal": {}}}, 'a slice is named "dimension=value"'),
        ({"slices": {"a=b": {"min": 2}}}, 'gate.slices["a=b"].min'),
        ({"slices": {"a=b": {"critical": 1}}}, 'gate.slices["a=b"].critical'),
        ({"slices": {"a=b": {"mode": "x"}}}, 'gate.slices["a=b"].mode'),
        ([], "gate must be an object"),
    ],
)
def test_a_bad_policy_is_an_error_that_names_the_setting(value, said):
    with pytest.raises(SuiteError) as error:
        policy_from(value)
    assert said in str(error.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(SuiteError) as error:
        validate(Gate(margin=2, level=0, min={"checks": -1}))
    assert len(str(error.value).splitlines()) == 3


def test_names_are_checked_against_what_the_suite_has():
    policy = Gate(min={"chekcs": 0.8}, slices={"topic=legl": Slice()})
    with pytest.raises(SuiteError) as error:
        validate(policy, metrics={"checks", "completion"}, slices={"topic=legal", "lang=de"})
    assert 'did you mean "checks"?' in str(error.value)
    assert 'did you mean "topic=legal"?' in str(error.value)


def test_a_derived_slice_is_known_before_a_run_has_cut_it():
    validate(Gate(slices={"input_length=longest": Slice()}), slices=set())


def test_a_metric_has_a_policy_of_its_own_over_all_cases():
    before, after = both([1.0] * 60, [1.0] * 54 + [0.0] * 6)
    own = Gate(metrics={CHECKS: Slice(margin=0.2, exclude=0.3, mode="observe", min=0.5)})
    verdict = verdict_of(before, after, policy_from(policy_json(own)))
    found = finding_of(verdict, CHECKS)
    assert (found.result, found.margin, found.exclude, found.mode) == ("pass", 0.2, 0.3, "observe")
    assert finding_of(verdict, "checks >= 0.50").result == "pass"
    assert finding_of(verdict_of(before, after), CHECKS).result == "regression"


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"chekcs": Slice()}, 'gate.metrics: no metric is named "chekcs"'),
        ({CHECKS: 0.1}, 'gate.metrics["checks"] must be a Slice, not float'),
        ({CHECKS: Slice(exclude=7)}, 'gate.metrics["checks"].exclude must be a share'),
        (["checks"], "gate.metrics must map metrics to Slice(...)"),
    ],
)
def test_a_bad_policy_of_a_metric_is_named(metrics, said):
    with pytest.raises(SuiteError, match=re.escape(said)):
        validate(Gate(metrics=metrics), metrics=[CHECKS, "completion"])


def test_a_slice_given_as_a_plain_number_is_refused():
    with pytest.raises(SuiteError, match="must be a Slice, not float"):
        validate(Gate(slices={"topic=legal": 0.1}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["min", "margin", "slices", "mode", "a=b"]), inner)
        ),
    )
)
def test_any_json_is_a_policy_or_one_clear_error(value):
    with suppress(SuiteError):
        assert isinstance(policy_from(value), Gate)


def test_the_defaults_can_be_reached():
    assert (needed_cases(Gate().exclude), needed_cases(Gate().slice_exclude)) == (45, 8)
