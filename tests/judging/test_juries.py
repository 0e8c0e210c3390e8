"""Judges and juries as scorers: what they are made of, what they give, when a second is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_judges import PAIR, SHORT, TWO, Scripted, card, in_turn, said

import evalsuite as ev
from evalsuite.backends.base import Capabilities
from evalsuite.config import Config
from evalsuite.errors import SuiteError
from evalsuite.judging.jury import BoundJury
from evalsuite.judging.keys import judge_keys
from evalsuite.judging.records import Card
from evalsuite.judging.scorer import BoundJudge, metrics_of, scores_of
from evalsuite.judging.setting import Setting, role_of
from evalsuite.judging.votes import combined
from evalsuite.records import Case, Output, Score
from evalsuite.scoring import fold, metric_of, scorer_key, takes_llm
from evalsuite.scoring import metrics_of as known

CASE = Case(id="c", input="how?", expected="so", contexts=["it is so"])
SPECS = {"default": "embedded", "dear": "embedded?noise=0.1"}


class Models:
    """Stands in for the models of a suite, by role."""

    def __init__(self, **roles: Scripted) -> None:
        self.roles = roles
        self.role = "default"
        self.capabilities = Capabilities(json_schema=True)

    def __getitem__(self, role: str) -> Models:
        found = Models(**self.roles)
        found.role = role
        return found

    def chat(self, messages: Any, *, schema: Any = None, **params: Any) -> Any:
        from evalsuite.backends.base import Request

        request = Request(messages=messages, schema=schema, params=params)
        return self.roles[self.role].complete(request)


def bound(made: Card, role: str = "default") -> BoundJudge:
    return BoundJudge(made, role, judge_keys(made, SPECS[role]), None, True)


def setting(folder: Path, **more: Any) -> Setting:
    cases = more.pop("cases", [CASE])
    return Setting(config=Config(root=folder), specs=SPECS, suite="words", cases=cases, **more)


def scored(scorer: Any, output: str = "so", **roles: Scripted) -> Mapping[str, Score]:
    made: Mapping[str, Score] = asyncio.run(scorer(CASE, Output(text=output), Models(**roles)))
    return made


# One judge


def test_several_criteria_are_a_weighted_mean_beside_a_metric_each() -> None:
    made = bound(card(TWO))
    scores = scored(made, default=in_turn(said(short="short", kind="rude")))
    assert {name: score.value for name, score in scores.items()} == {
        "mine": 0.75,
        "mine.short": 1.0,
        "mine.kind": 0.0,
    }
    assert scores["mine"].reason == "kind: it is rude"
    assert [each["label"] for each in scores["mine"].evidence] == ["short", "rude"]
    roles = {metric.name: metric.role for metric in made.metrics}
    assert roles == {"mine": "gate", "mine.short": "detail", "mine.kind": "detail"}


def test_a_criterion_without_a_verdict_leaves_no_mean_over_the_others() -> None:
    scores = scored(bound(card(TWO)), default=in_turn(said(short="short", kind="unsure")))
    assert scores["mine"].value is None
    assert scores["mine"].reason == "kind: unable to tell"
    assert scores["mine.short"].value == 1.0


def test_scores_fold_as_those_of_any_scorer() -> None:
    made = bound(card(SHORT, more="votes: 2"))
    assert takes_llm(made)
    model = in_turn(said(mine="short"), said(mine="long"))
    folded = fold(scored(made, default=model), metric_of(made), "c", 3)
    by_name = {score.metric: score for score in folded}
    assert by_name["mine"].value == 0.5
    assert by_name["mine"].trial == 3
    assert by_name["mine.agreement"].value == 0.5
    assert [each.get("label") for each in by_name["mine"].evidence] == ["short", "long", None]
    assert by_name["mine"].evidence[-1]["variance"] == 0.25
    assert [metric.name for metric in known(made)] == ["mine", "mine.agreement"]


def test_a_reply_that_is_no_verdict_is_no_score_and_its_text_is_kept() -> None:
    scores = scored(bound(card(SHORT)), default=in_turn("no", "idea"))
    assert scores["mine"].value is None
    assert scores["mine"].reason.startswith("unparsable verdict: ")
    assert scores["mine"].evidence[0]["raw"] == "idea"


def test_what_was_cut_is_in_the_evidence() -> None:
    model = in_turn(said(mine="long"))
    scores = scored(bound(card(SHORT)), "x" * 50_000, default=model)
    assert scores["mine"].evidence[-1] == {"left out": {"output": 10_000}}


def test_the_keys_say_which_part_of_a_judge_changed() -> None:
    one = judge_keys(card(SHORT), "openai:m")
    template = judge_keys(card(SHORT.replace("short?", "brief?")), "openai:m")
    model = judge_keys(card(SHORT), "openai:n")
    params = judge_keys(replace(card(SHORT), params={"top_p": 0.5}), "openai:m")
    assert (template.template != one.template, template.model) == (True, one.model)
    assert (model.template, model.model != one.model) == (one.template, True)
    assert params.model != one.model
    assert len({one.key, template.key, model.key, params.key}) == 4


def test_a_judge_is_bound_to_its_role_where_there_is_one_else_to_the_default(
    tmp_path: Path,
) -> None:
    assert role_of("judge", SPECS) == "default"
    assert role_of("judge", {**SPECS, "judge": "x"}) == "judge"
    made = ev.judge("correctness", role="dear", votes=3, gate=False).bind(setting(tmp_path))
    assert (made.role, made.card.votes, made.gates) == ("dear", 3, False)
    plain = ev.judge("correctness").bind(setting(tmp_path))
    assert plain.role == "default"
    assert plain.keys.template != made.keys.template
    assert scorer_key(plain) == plain.key


def test_what_pairs_are_compared_with_is_in_the_scores_key_and_not_in_the_judges(
    tmp_path: Path,
) -> None:
    made = [
        ev.judge("preference", against=each).bind(setting(tmp_path))
        for each in ("baseline", "expected", lambda case: "so")
    ]
    assert len({each.key for each in made}) == 1
    assert len({scorer_key(each) for each in made}) == 3


def test_a_pair_without_a_baseline_has_no_score_and_says_why(tmp_path: Path) -> None:
    made = ev.judge("preference").bind(setting(tmp_path))
    scores = scored(made, default=in_turn())
    assert scores["preference"].value is None
    assert "no baseline yet" in scores["preference"].reason


@pytest.mark.parametrize("returned", ["other", ev.Output(text="other")])
@pytest.mark.parametrize("style", ["plain", "async", "llm"])
def test_the_other_output_may_come_from_a_function(
    tmp_path: Path, returned: object, style: str
) -> None:
    async def waits(case: Case) -> object:
        return returned

    async def asks(case: Case, llm: object) -> object:
        assert isinstance(llm, Models)
        return returned

    target = {"plain": lambda case: returned, "async": waits, "llm": asks}[style]
    made = ev.judge("preference", against=target).bind(setting(tmp_path))
    model = in_turn(said(preference="first"), said(preference="second"))
    scores = scored(made, default=model)
    assert scores["preference"].value == 1.0
    assert scores["preference.consistent"].value == 1.0


def test_what_a_function_returns_that_is_no_output_is_no_score(tmp_path: Path) -> None:
    made = ev.judge("preference", against=lambda case: 3).bind(setting(tmp_path))
    assert "int, neither Output nor text" in scored(made, default=in_turn())["preference"].reason


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ([None], "no case has one"),
        (["text"], "no case has any"),
        ([{"must": ["a"]}, {"musst": ["b"]}], "case 'c1'.*'musst' is neither"),
    ],
)
def test_cases_that_lack_what_expectations_need_are_an_error_when_bound(
    tmp_path: Path, expected: list[object], said: str
) -> None:
    cases = [Case(id=f"c{n}", input="a", expected=each) for n, each in enumerate(expected)]
    with pytest.raises(SuiteError, match=said):
        ev.judge("expectations").bind(setting(tmp_path, cases=cases))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ev.judge(""),
        lambda: ev.judge(3),  # type: ignore[arg-type]
        lambda: ev.judge("tone", votes=0),
        lambda: ev.judge("tone", votes=True),
        lambda: ev.judge("tone", role=3),  # type: ignore[arg-type]
        lambda: ev.judge("tone", against=3),  # type: ignore[arg-type]
        lambda: ev.jury([]),
        lambda: ev.jury([ev.judge("tone")]),
        lambda: ev.jury(ev.judge("tone")),  # type: ignore[arg-type]
        lambda: ev.jury([ev.judge("tone"), len]),  # type: ignore[list-item]
        lambda: ev.jury([ev.judge("tone")] * 2, how="vote"),  # type: ignore[arg-type]
        lambda: ev.jury([ev.judge("tone")] * 2, weights=[1]),
        lambda: ev.jury([ev.judge("tone")] * 2, weights=[1, 0]),
        lambda: ev.jury([ev.judge("tone")] * 2, name="a b"),
        lambda: ev.jury([ev.judge("tone")] * 3, cascade=True),
        lambda: ev.jury([ev.judge("tone")] * 2, cascade=(0.9, 0.1)),
        lambda: ev.jury([ev.judge("tone")] * 2, cascade=(0.1, 2)),
    ],
)
def test_wrong_arguments_are_an_error_at_import(wrong: Any) -> None:
    with pytest.raises(SuiteError):
        wrong()


# Juries


def panel(*members: BoundJudge, **how: Any) -> BoundJury:
    jury = ev.jury([ev.judge(each.card.name) for each in members], name="panel", **how)
    names = [f"m{n}" for n in range(len(members))]
    return BoundJury("panel", members, names, jury.how, jury.weights, jury.cascade, jury.gates)


def three(*labels: str, **how: Any) -> Mapping[str, Score]:
    made = [bound(card(SHORT, name=f"j{n}")) for n in range(len(labels))]
    replies = [said(**{f"j{n}": label}) for n, label in enumerate(labels)]

    def answer(request: Any) -> str:
        (name,) = request.schema["properties"]
        return replies[int(name[1:])]

    return scored(panel(*made, **how), default=Scripted(answer))


def test_a_jury_goes_by_the_majority_and_says_how_many_agree() -> None:
    scores = three("short", "long", "short")
    assert {name: score.value for name, score in scores.items()} == {
        "panel.m0": 1.0,
        "panel.m1": 0.0,
        "panel.m2": 1.0,
        "panel": 1.0,
        "panel.agreement": pytest.approx(2 / 3),
    }
    said = [(each["criterion"], each["label"]) for each in scores["panel"].evidence]
    assert said == [("m0: j0", "short"), ("m1: j1", "long"), ("m2: j2", "short")]


def test_a_majority_stands_whatever_the_missing_member_would_say_and_a_mean_does_not() -> None:
    assert three("short", "unsure", "short")["panel"].value == 1.0
    assert three("short", "unsure", "short", how="mean")["panel"].value is None
    split = three("short", "unsure", "long")["panel"]
    assert (split.value, split.reason) == (None, "no verdict of m1")
    assert "panel.agreement" not in three("unsure", "unsure", "unsure")


@pytest.mark.parametrize(
    ("values", "weights", "how", "value"),
    [
        ((0.0, 0.5, 1.0), (1, 1, 1), "majority", 0.5),
        ((0.0, 1.0), (1, 1), "majority", 0.5),
        ((0.0, 1.0), (1, 2), "majority", 1.0),
        ((0.0, 0.2, 1.0), (1, 1, 1), "median", 0.2),
        ((0.0, 1.0), (1, 1), "median", 0.5),
        ((0.0, 0.2, 1.0), (3, 1, 1), "median", 0.0),
        ((0.0, 0.5, 1.0), (1, 1, 2), "mean", 0.625),
        ((None, None), (1, 1), "majority", None),
        ((1.0, 1.0, None), (1, 1, 1), "median", None),
    ],
)
def test_members_are_combined_by_weight(
    values: tuple[float | None, ...], weights: tuple[float, ...], how: Any, value: float | None
) -> None:
    found, _ = combined({str(n): each for n, each in enumerate(values)}, weights, how)
    assert found == (None if value is None else pytest.approx(value))


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 5)), min_size=2),
    st.sampled_from(["majority", "median", "mean"]),
)
def test_a_jury_is_between_its_members_and_their_order_does_not_matter(
    members: list[tuple[float, int]], how: Any
) -> None:
    def value(pairs: list[tuple[float, int]]) -> float | None:
        values = {str(n): each for n, (each, _) in enumerate(pairs)}
        return combined(values, [w for _, w in pairs], how)[0]

    found = value(members)
    assert found is not None
    assert min(v for v, _ in members) <= found + 1e-9
    assert found - 1e-9 <= max(v for v, _ in members)
    assert found == pytest.approx(value(members[::-1]))


@pytest.mark.parametrize(
    ("labels", "cascade", "escalated"),
    [
        (("short",), True, False),
        (("unsure",), True, True),
        (("short",), (0.9, 1.0), True),
        (("long",), (0.4, 0.6), False),
        (("short", "short", "long"), True, True),
        (("short", "short", "short"), True, False),
    ],
)
def test_a_cascade_asks_the_dear_judge_only_where_the_cheap_one_is_uncertain(
    labels: tuple[str, ...], cascade: Any, escalated: bool
) -> None:
    cheap = bound(card(SHORT, more=f"votes: {len(labels)}"))
    dear_model = in_turn(said(mine="long"))
    made = panel(cheap, bound(card(SHORT), "dear"), cascade=cascade)
    cheap_model = in_turn(*(said(mine=each) for each in labels))
    scores = scored(made, default=cheap_model, dear=dear_model)
    assert scores["panel.escalated"].value == float(escalated)
    assert len(dear_model.asked) == int(escalated)
    assert scores["panel"].value == (0.0 if escalated else scores["panel.m0"].value)
    assert ("panel.m1" in scores) is escalated
    roles = {metric.name: metric.role for metric in made.metrics}
    assert roles["panel.escalated"] == "diagnostic"
    assert "panel.agreement" not in roles


def test_a_cascade_of_pairs_escalates_where_the_orders_disagree() -> None:
    made = card(PAIR)
    verdicts = in_turn(said(mine="first"), said(mine="first"))
    members = [replace(bound(made, role), other=_other("no")) for role in ("default", "dear")]
    dear = in_turn(said(mine="first"), said(mine="second"))
    scores = scored(panel(*members, cascade=True), default=verdicts, dear=dear)
    assert scores["panel"].value == 1.0
    assert scores["panel.escalated"].value == 1.0
    assert scores["panel.consistent"].value == 1.0


def _other(text: str) -> Any:
    from evalsuite.judging.against import Other

    async def find(case: Case, llm: object) -> str:
        return text

    return Other(find, "test")


def test_a_jury_of_one_card_by_two_roles_is_named_by_them(tmp_path: Path) -> None:
    jury = ev.jury([ev.judge("correctness"), ev.judge("correctness", role="dear")])
    made = jury.bind(setting(tmp_path))
    assert [metric.name for metric in made.metrics] == [
        "correctness",
        "correctness.correctness@default",
        "correctness.correctness@dear",
        "correctness.agreement",
    ]
    assert made.card is not None
    other = ev.jury([ev.judge("correctness"), ev.judge("tone")]).bind(setting(tmp_path))
    assert (other.metric.name, other.card) == ("jury", None)
    assert made.key != other.key


def test_a_jury_that_asks_the_same_twice_or_mixes_pairs_is_an_error(tmp_path: Path) -> None:
    twice = ev.jury([ev.judge("correctness"), ev.judge("correctness")])
    with pytest.raises(SuiteError, match="is there twice"):
        twice.bind(setting(tmp_path))
    mixed = ev.jury([ev.judge("correctness"), ev.judge("preference")])
    with pytest.raises(SuiteError, match="pairwise"):
        mixed.bind(setting(tmp_path))


def test_pairs_in_one_order_have_no_swap_statistics() -> None:
    names = [metric.name for metric in metrics_of(card(PAIR, more="orders: 1"))]
    assert names == ["mine"]
    assert [m.name for m in metrics_of(card(PAIR))] == ["mine", "mine.consistent", "mine.first"]
    assert {m.center for m in metrics_of(card(PAIR))[:1]} == {0.5}


def test_what_was_not_asked_has_one_score_and_no_diagnostics() -> None:
    from evalsuite.judging.scorer import Opinion

    scores = scores_of(card(PAIR), Opinion(lack="no baseline"), "c")
    assert list(scores) == ["mine"]
    assert (scores["mine"].value, scores["mine"].reason) == (None, "no baseline")
