"""How replies become verdicts: parsed strictly, repaired once, votes counted, orders compared."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_judges import MUST, PAIR, SHORT, STARS, TWO, Scripted, card, in_turn, said, shown

from evalsuite.backends.base import Completion, Request
from evalsuite.canonical import canonical
from evalsuite.errors import BackendError
from evalsuite.judging.asking import EQUAL, judge, orders_of
from evalsuite.judging.prompt import Field
from evalsuite.judging.records import UNSURE, Card, Judgement, Order, Subject
from evalsuite.judging.reply import RAW, Unparsable, verdicts_in
from evalsuite.judging.verdict import Verdict, evidence_of, settle
from evalsuite.scoring import EVIDENCE

LONG = 10.0
"""Seconds of this process: many times what linear work takes, a part of what more would."""

FIELDS = (Field("mine", ("long", "short", UNSURE), "mine"),)
ONE = Subject(input="how?", output="so")
TWO_OUTPUTS = Subject(input="how?", output="so it is", other="no")


def judged(made: Card, subject: Subject, model: Scripted, **how: object) -> tuple[Judgement, ...]:
    return asyncio.run(judge(made, subject, model.ask(**how)))  # type: ignore[arg-type]


def verdict(made: Card, subject: Subject, model: Scripted) -> Verdict:
    return settle(made, judged(made, subject, model))[0]


def votes(made: Card, *labels: str | None, order: Order = "") -> tuple[Judgement, ...]:
    (criterion,) = made.criteria
    return tuple(
        Judgement(
            criterion=criterion.name,
            label=label,
            value=criterion.value(label),
            critique=f"{label}!",
            reason="unparsable verdict: x" if label is None else "",
            order=order,
            vote=vote,
        )
        for vote, label in enumerate(labels, 1)
    )


# Replies


@pytest.mark.parametrize(
    "text",
    [
        said(mine="short"),
        f"```json\n{said(mine='short')}\n```",
        f"```\n{said(mine='short')}\n```",
        f"```JSON \t\n{said(mine='short')}```",
        f"\n  {said(mine='short')}\n",
    ],
)
def test_a_reply_of_exactly_the_fields_is_a_verdict(text: str) -> None:
    assert verdicts_in(Completion(text=text), FIELDS) == {"mine": ("short", "it is short")}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the reply is empty"),
        ("short", "no JSON object"),
        ("```json", "no JSON object"),
        ("```\n```", "the reply is empty"),
        (f"```python\n{said(mine='short')}\n```", "no JSON object"),
        (f"```json\n{said(mine='short')}", "no JSON object"),
        (f"Here it is: {said(mine='short')}", "no JSON object"),
        (f"{said(mine='short')} I hope that helps", "not JSON"),
        (f"{said(mine='long')}\n{said(mine='short')}", "not JSON"),
        ('{"mine": {"critique": "a", "verdict": "long", "verdict": "short"}}', "twice"),
        ('{"mine": {"verdict": "short"}}', 'lacks "critique"'),
        ('{"mine": "short"}', "no JSON object"),
        ("{}", 'lacks "mine"'),
        (said(mine="Short"), "none of its levels"),
        (said(mine="very short"), "none of its levels"),
        (said(mine="short", other="long"), "a field that nobody asked for"),
        ('{"mine": {"critique": 3, "verdict": "short"}}', "is no text"),
        ('{"mine": {"critique": "a", "verdict": true}}', "none of its levels"),
        ('{"mine": {"critique": "a", "verdict": ["short"]}}', "none of its levels"),
        ('{"mine": {"critique": "a", "verdict": NaN}}', "NaN is not JSON"),
        ("[1]", "no JSON object"),
        ("{" * 5_000, "levels of nesting"),
    ],
)
def test_any_other_reply_is_none_and_says_why(text: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        verdicts_in(Completion(text=text), FIELDS)


@given(st.text())
def test_whatever_a_model_writes_it_is_a_verdict_or_none(text: str) -> None:
    for each in (text, '{"mine": ' + text, json.dumps({"mine": text})):
        with pytest.raises(Unparsable):
            verdicts_in(Completion(text=each), FIELDS)


def test_a_level_that_is_a_number_may_be_written_as_one() -> None:
    field = Field("mine", ("1", "2.5", UNSURE), "mine")
    for number, label in ((1, "1"), (2.5, "2.5"), (1.0, "1")):
        reply = Completion(text=json.dumps({"mine": {"critique": "", "verdict": number}}))
        assert verdicts_in(reply, [field])["mine"][0] == label


def test_a_number_near_a_level_is_no_level() -> None:
    field = Field("mine", ("1", "10", "1_0", UNSURE), "mine")
    for number in ("9.9999999", "10.0000001", "1e400", "1" + "0" * 400, "true", "0.99999999"):
        reply = Completion(text=f'{{"mine": {{"critique": "", "verdict": {number}}}}}')
        with pytest.raises(Unparsable):
            verdicts_in(reply, [field])
    reply = Completion(text='{"mine": {"critique": "", "verdict": 10}}')
    assert verdicts_in(reply, [field])["mine"][0] == "10"


@pytest.mark.parametrize(
    "text",
    [
        "```json" + " " * 200_000 + "x",
        "```\n" + " " * 200_000 + "x",
        "```\n" + " \n" * 200_000 + "x```",
        "`" * 200_000,
        "{" + ", ".join(f'"{n}": 1' for n in range(60_000)) + ', "59999": 2}',
    ],
)
def test_no_reply_takes_long(text: str) -> None:
    started = time.process_time()
    with pytest.raises(Unparsable):
        verdicts_in(Completion(text=text), FIELDS)
    assert time.process_time() - started < LONG


@pytest.mark.parametrize("finish", ["refusal", "content_filter", "length", "tool_calls", "other"])
def test_a_reply_that_did_not_end_by_itself_is_no_verdict_and_not_asked_again(finish: str) -> None:
    model = in_turn(Completion(text=said(mine="short"), finish_reason=finish))
    (found,) = judged(card(SHORT), ONE, model)
    assert (found.label, found.value) == (None, None)
    assert found.reason == f"no verdict: the reply ended with {finish}"
    assert found.raw == said(mine="short")
    assert len(model.asked) == 1


# Asking


def test_a_slip_is_repaired_once_without_showing_the_reply_again() -> None:
    model = in_turn("It is <b>short</b>, ignore the rest", said(mine="short"))
    (found,) = judged(card(SHORT), ONE, model)
    assert (found.label, found.value, found.critique) == ("short", 1.0, "it is short")
    first, second = ([str(m["content"]) for m in each.messages] for each in model.asked)
    assert second[-1].startswith(first[-1])
    assert "was no verdict: the reply is no JSON object" in second[-1]
    assert "ignore the rest" not in "".join(second)


def test_what_stays_unparsable_keeps_the_reply_clipped() -> None:
    model = in_turn("one", "two" * RAW)
    verdict = settle(card(SHORT), judged(card(SHORT), ONE, model))
    (found,) = verdict[0].judgements
    assert found.label is None
    assert found.reason == "unparsable verdict: the reply is no JSON object"
    assert found.raw.startswith("twotwo")
    assert len(found.raw) == RAW
    assert evidence_of(verdict)[0]["raw"] == found.raw


def test_the_evidence_of_many_votes_fits_and_says_how_far_they_spread() -> None:
    made = card(SHORT, more="votes: 25")
    long = json.dumps({"mine": {"critique": "雪" * 5_000, "verdict": "short"}})
    found = settle(made, judged(made, ONE, in_turn(*[long] * 24, said(mine="long"))))
    evidence = evidence_of(found)
    assert len(canonical(evidence)) < EVIDENCE
    assert [each["label"] for each in evidence[:-1]] == ["short"] * 24 + ["long"]
    assert evidence[-1] == {
        "votes for": "mine",
        "agreement": 24 / 25,
        "variance": pytest.approx(24 / 625),
    }


def test_only_a_model_with_structured_answers_is_given_the_schema() -> None:
    for structured in (True, False):
        model = in_turn(said(mine="short"))
        judged(card(SHORT, more="params: {temperature: 0}"), ONE, model, structured=structured)
        (asked,) = model.asked
        assert (asked.schema is not None) is structured
        assert asked.params == {"temperature": 0}
        assert '"long", "short", "unsure"' in str(asked.messages[0]["content"])
    schema = in_turn(said(mine="short"))
    judged(card(SHORT), ONE, schema)
    assert schema.asked[0].schema is not None
    field = schema.asked[0].schema["properties"]["mine"]
    assert field["properties"]["verdict"]["enum"] == ["long", "short", "unsure"]
    assert field["additionalProperties"] is False


def test_criteria_are_asked_in_one_call_or_each_in_its_own() -> None:
    one = in_turn(said(short="short", kind="rude"))
    assert len(judged(card(TWO), ONE, one)) == 2
    assert len(one.asked) == 1

    def by_field(request: Request) -> str:
        assert request.schema is not None
        (name,) = request.schema["properties"]
        text = str(request.messages[1]["content"])
        assert ('Criterion "short"' in text) == (name == "short")
        return said(**{name: {"short": "long", "kind": "plain"}[name]})

    each = Scripted(by_field)
    found = judged(card(TWO, more="calls: each"), ONE, each)
    assert [(one.criterion, one.label) for one in found] == [("short", "long"), ("kind", "plain")]
    assert len(each.asked) == 2


def test_a_provider_that_fails_fails_the_verdict_and_is_no_judgement() -> None:
    def fail(request: Request) -> str:
        raise BackendError("down")

    with pytest.raises(BackendError, match="down"):
        judged(card(SHORT, more="votes: 3"), ONE, Scripted(fail))


# Votes


def test_the_majority_of_votes_is_the_verdict() -> None:
    made = card(SHORT, more="votes: 3")
    model = in_turn(said(mine="short"), said(mine="long"), said(mine="short"))
    found = verdict(made, ONE, model)
    assert (found.label, found.value) == ("short", 1.0)
    assert found.agreement == pytest.approx(2 / 3)
    assert found.variance == pytest.approx(2 / 9)
    assert [each.vote for each in found.judgements] == [1, 2, 3]


@pytest.mark.parametrize(
    ("fields", "labels", "label", "value"),
    [
        (SHORT, ("short", "long"), None, 0.5),
        (SHORT, ("short", "unsure", "unsure"), UNSURE, None),
        (SHORT, ("short", "unsure"), UNSURE, None),
        (SHORT, ("short", None, "short"), "short", 1.0),
        (SHORT, ("short", None, None), None, None),
        (SHORT, (None,), None, None),
        (STARS, ("5", "5", "1"), "4", 2 / 3),
        (STARS, ("1", "2"), "1", 0.125),
        (STARS, ("3", None), None, None),
    ],
)
def test_votes_that_differ_or_lack(
    fields: str, labels: tuple[str | None, ...], label: str | None, value: float | None
) -> None:
    (found,) = settle(card(fields), votes(card(fields), *labels))
    assert found.label == label
    assert found.value == (None if value is None else pytest.approx(value))
    assert bool(found.reason) == (value is None or label is None)


@given(st.lists(st.sampled_from(["1", "2", "3", "4", "5", UNSURE, None]), min_size=1, max_size=9))
def test_the_order_of_votes_does_not_matter(labels: list[str | None]) -> None:
    one, other = (settle(card(STARS), votes(card(STARS), *each)) for each in (labels, labels[::-1]))
    assert (one[0].label, one[0].value) == (other[0].label, pytest.approx(other[0].value))


# Pairs


def longer(request: Request) -> str:
    first, second = shown(request, "first"), shown(request, "second")
    return said(mine="first" if len(first) > len(second) else "second")


def test_a_pair_is_asked_in_both_orders_and_read_by_what_was_shown_where() -> None:
    model = Scripted(longer)
    found = verdict(card(PAIR), TWO_OUTPUTS, model)
    assert (found.label, found.value, found.consistent, found.first) == ("A", 1.0, True, 0.5)
    assert [each.order for each in found.judgements] == ["ab", "ba"]
    assert [shown(each, "first") for each in model.asked] == ["so it is", "no"]
    swapped = Subject(input="how?", output="no", other="so it is")
    assert verdict(card(PAIR), swapped, Scripted(longer)).label == "B"


@pytest.mark.parametrize(
    ("ab", "ba", "label", "consistent", "first"),
    [
        ("A", "A", "A", True, 0.5),
        ("A", "B", "tie", False, 1.0),
        ("B", "A", "tie", False, 0.0),
        ("tie", "tie", "tie", True, 0.5),
        ("A", "tie", "tie", False, 0.75),
    ],
)
def test_orders_that_disagree_are_a_tie(
    ab: str, ba: str, label: str, consistent: bool, first: float
) -> None:
    made = card(PAIR)
    (found,) = settle(made, (*votes(made, ab, order="ab"), *votes(made, ba, order="ba")))
    assert (found.label, found.consistent, found.first) == (label, consistent, first)
    assert bool(found.reason) == (not consistent)


@pytest.mark.parametrize("lost", [None, UNSURE])
def test_an_order_without_a_verdict_leaves_none(lost: str | None) -> None:
    made = card(PAIR)
    (found,) = settle(made, (*votes(made, "A", order="ab"), *votes(made, lost, order="ba")))
    assert (found.label, found.value, found.consistent, found.first) == (lost, None, None, None)


def test_equal_outputs_are_a_tie_without_a_call() -> None:
    model = in_turn()
    found = verdict(card(PAIR), Subject(input="a", output="so", other="so"), model)
    assert (found.label, found.value, found.reason) == ("tie", 0.5, EQUAL)
    assert (found.consistent, found.first) == (None, None)
    assert model.asked == []


def test_where_one_order_must_do_the_content_chooses_it_and_nothing_is_claimed() -> None:
    made = card(PAIR, more="orders: 1")
    chosen = [
        orders_of(made, Subject(input="how?", output=f"so {n}", other="no")) for n in range(200)
    ]
    assert chosen == [
        orders_of(made, Subject(input="how?", output=f"so {n}", other="no")) for n in range(200)
    ]
    assert 70 < chosen.count(("ab",)) < 130
    model = Scripted(longer)
    found = verdict(made, TWO_OUTPUTS, model)
    assert (found.label, found.consistent, found.first) == ("A", None, None)
    assert len(model.asked) == 1


# Expectations


def holding(request: Request) -> str:
    """A statement holds if its last word is in the output."""
    text, output = str(request.messages[-1]["content"]), shown(request, "output")
    assert request.schema is not None
    verdicts = {}
    for name in request.schema["properties"]:
        statement = shown(request, name.replace("_", " "))
        assert statement in text
        verdicts[name] = "yes" if statement.split()[-1] in output else "no"
    return said(**verdicts)


def test_each_statement_has_a_verdict_and_the_value_is_the_share_as_wanted() -> None:
    wanted = {"must": ["it says so", "it says why"], "must_not": ["it says no", "it says so"]}
    subject = Subject(input="how?", output="so it is", expected=wanted)
    made = card(MUST)
    judgements = judged(made, subject, Scripted(holding))
    assert [(each.criterion, each.label) for each in judgements] == [
        *(("must_1", "yes"), ("must_2", "no"), ("must_not_1", "no"), ("must_not_2", "yes"))
    ]
    (found,) = settle(made, judgements)
    assert (found.criterion, found.label, found.value) == ("mine", "no", 0.5)
    assert found.critique == "must_2: it is no; must_not_2: it is yes"
    each = Scripted(holding)
    judged(card(MUST, more="calls: each"), subject, each)
    assert len(each.asked) == 4


def test_a_list_of_statements_must_hold_and_all_that_do_are_a_yes() -> None:
    subject = Subject(input="how?", output="so it is", expected=["it says so"])
    found = verdict(card(MUST), subject, Scripted(holding))
    assert (found.label, found.value) == ("yes", 1.0)


def test_a_statement_that_can_not_be_judged_leaves_no_value() -> None:
    subject = Subject(input="how?", output="so", expected=["a", "b"])
    found = verdict(card(MUST), subject, in_turn(said(statement_1="yes", statement_2="unsure")))
    assert (found.label, found.value) == (UNSURE, None)
    assert found.reason == "must_2: unable to tell"


@pytest.mark.parametrize(
    "expected", ["text", None, {}, [], {"must": "x"}, {"should": ["x"]}, {"must": [""]}, [3], 7]
)
def test_what_are_no_statements_is_said(expected: object) -> None:
    with pytest.raises(ValueError, match=r"statement|neither must"):
        judged(card(MUST), Subject(input="a", output="b", expected=expected), in_turn())
