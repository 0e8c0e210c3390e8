"""Judge cards: what they say is what is asked, and all that is wrong with one is said at once."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.errors import SuiteError
from evalsuite.judging.card import SHIPPED, CardError, card_names, keyed, load_card, read_card
from evalsuite.judging.matter import values_of
from evalsuite.judging.prompt import prompts, question_of
from evalsuite.judging.records import Card, Level, Subject
from evalsuite.records import Document

SHIPPED_NAMES = (
    *("completeness", "conciseness", "correctness", "expectations", "groundedness"),
    *("helpfulness", "instruction-following", "preference", "refusal", "safety", "tone"),
)
PLAIN = """---
kind: rubric
question: Is it short?
scale: [long, short]
---
{{ question }}
{{ output }}
"""


ONE = "  - {name: x, question: a, scale: [a, b]}"


def card(text: str, name: str = "short") -> Card:
    return read_card(text, "judges/short/judge.md", name)


def problems(text: str) -> list[str]:
    with pytest.raises(CardError) as caught:
        card(text)
    return str(caught.value).splitlines()


def with_fields(fields: str, body: str = "{{ question }} {{ output }}") -> str:
    return f"---\n{fields}\n---\n{body}\n"


def test_a_card_is_read_whole() -> None:
    found = card(
        with_fields(
            "kind: rubric\ndescription: About tone.\nsystem: You know etiquette.\ncalls: each\n"
            "role: cheap\nparams: {temperature: 0.5}\nvotes: 3\nneeds: [contexts]\n"
            "criteria:\n  - name: polite\n    question: Is it polite?\n    weight: 2\n"
            "    scale: {no: It insults., yes: It does not.}\n"
            "  - name: stars\n    question: How good is it?\n    scale: [1, 2, 5]"
        )
    )
    polite, stars = found.criteria
    assert polite.scale == (Level("no", 0.0, "It insults."), Level("yes", 1.0, "It does not."))
    assert (polite.weight, polite.binary, stars.binary) == (2.0, True, False)
    assert [level.value for level in stars.scale] == [0.0, 0.25, 1.0]
    assert (found.calls, found.role, found.votes, found.needs) == (
        "each",
        "cheap",
        3,
        ("contexts",),
    )
    assert found.params == {"temperature": 0.5}
    assert found.system == "You know etiquette."


def test_yaml_words_are_labels_as_they_are_written() -> None:
    (criterion,) = card(PLAIN.replace("[long, short]", "[no, yes]")).criteria
    assert [level.label for level in criterion.scale] == ["no", "yes"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("kind: rubrik", "2: kind: must be a kind of judge, not 'rubrik'"),
        ("kind: rubric\nquestion: a?\nscale: [true, false]", "4: scale[0]: true is no label"),
        ("kind: rubric\nquestion: a?\nscale: [good]", "4: scale: must have 2 to 11 levels"),
        ("kind: rubric\nquestion: a?\nscale: [good, Good]", "4: scale[1]: the level 'Good' is th"),
        ("kind: rubric\nquestion: a?\nscale: [1, 3, 2]", "4: scale: its numbers must rise or fall"),
        ("kind: rubric\nquestion: a?\nscale: [bad, unsure]", "4: scale[1]: unsure is no level"),
        ("kind: rubric\nquestion: a?", "scale: is missing"),
        ("kind: rubric\nscale: [a, b]", "question: is missing"),
        (
            "kind: rubric\nquestion: a?\nscale: [a, b]\nwieght: 2",
            "5: wieght: is no field of a card",
        ),
        ("kind: rubric\nquestion: a?\nscale: [a, b]\nvotes: 0", "5: votes: must be a whole number"),
        ("kind: rubric\nquestion: a?\nscale: [a, b]\norders: 1", "5: orders: is for pairs"),
        ("kind: rubric\nquestion: a?\nscale: [a, b]\ncalls: all", "5: calls: must be one or each"),
        ("kind: rubric\nquestion: a?\nscale: [a, b]\nrole: a b", "5: role: must be a role"),
        ("kind: rubric\nquestion: a?\nscale: [a, b]\nneeds: [context]", 'did you mean "contexts"?'),
        (
            "kind: rubric\nquestion: a?\nscale: [a, b]\nparams: {model: x}",
            "5: params.model: is not",
        ),
        ("kind: pairwise\nquestion: a?\nscale: [a, b]", "4: scale: is fixed for pairwise"),
        ("kind: rubric\nkind: rubric", "3: 'kind': the key occurs twice"),
        ("kind: *x", "an alias"),
        ("kind: [", "not YAML"),
        ("- a", "holds no fields"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_with_its_line(fields: str, said: str) -> None:
    assert any(said in line for line in problems(with_fields(fields))), problems(
        with_fields(fields)
    )


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ("  - question: a?\n    scale: [a, b]\n  - name: x", "4: criteria[0].name: is missing"),
        ("  - name: X y\n    question: a?\n    scale: [a, b]", "4: criteria[0].name: is 'X y'"),
        ("  - {name: first, question: a, scale: [a, b]}", "first is a diagnostic's name"),
        ("\n".join([ONE, ONE]), "5: criteria[1].name: x is there twice"),
        ("  - {name: x, question: a, scale: [a, b], weight: 0}", "weight: must be a number above"),
        ("  - {name: x, question: a, scale: [a, b], wait: 1}", 'did you mean "weight"?'),
        ("  - just text", "criteria[0]: must have fields"),
    ],
)
def test_what_is_wrong_with_a_criterion_is_said_with_its_line(criteria: str, said: str) -> None:
    lines = problems(with_fields(f"kind: rubric\ncriteria:\n{criteria}"))
    assert any(said in line for line in lines), lines


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{{ question }}", ":0: template: never shows {{ output }}"),
        ("{{ output }}\n{{ outptu }}", ":7: template: there is no variable 'outptu' (did you mean"),
        ("{{ output }}\n{% if x", ":7: template: is no Jinja"),
        ("{{ output }} {{ output.__class__ }}", "template: SecurityError"),
        ("{{ output }} {{ range(9) }}", "template: Call is not for a judge card"),
        ("{{ output }} {{ 'a' * 999999999 }}", "template: Mul is not for a judge card"),
        ("{{ output }} {{ output | center(99999999) }}", "no filter 'center'"),
        ("{% set x = output %}{{ x }}", "template: Assign is not for a judge card"),
        ("{% include 'x' %}{{ output }}", "template: Include is not for a judge card"),
        (
            f"{{{{ output }}}}{'{% for a in contexts %}' * 3}{'{% endfor %}' * 3}",
            "template: a loop in a loop in a loop",
        ),
        ("{{ output[:3] }}", "Slice is not for a judge card"),
        ("{{ output.text }}", "template: UndefinedError"),
        ("{{ output._fenced.text }}", "template: SecurityError"),
        ("{% if contexts %}{{ output }}{% endif %}", "does not always show {{ output }}"),
        ("{% if false %}{{ output }}{% endif %}", "does not always show {{ output }}"),
        ("{{ output | upper }}", "no filter 'upper'"),
        ("{{ output ~ output }}", "Concat is not for a judge card"),
        ("{{ output }}{{ rubric|join(rubric)|join(rubric) }}", "join is for a list"),
        (
            f"{{{{ output }}}}{{{{ '{'a' * 20_000}'|join('{'a' * 20_000}') }}}}",
            "join is for a list",
        ),
        (f"{{{{ output }}}}{{{{ contexts|join('{'a' * 101}') }}}}", "join is for a list"),
        ("{{ output }}{{ contexts|join(rubric) }}", "join is for a list"),
        ("{{ output }}{{ criteria|join(', ', attribute=rubric) }}", "join is for a list"),
        ("{{ output }}{% if contexts|join == 'x' %}{% endif %}", "join is for a list"),
        ("{{ output }}{% for a in rubric %}{% endfor %}", "a loop over what is no list"),
        ("{{ output }}{% for a in 'aaa' %}{% endfor %}", "a loop over what is no list"),
        ("{{ output }}{% for a in contexts|first %}{% endfor %}", "a loop over what is no list"),
        (
            "{{ output }}{% for a in contexts %}{% for b in contexts %}{% endfor %}{% endfor %}",
            "over a list again",
        ),
        (f"{{{{ output }}}}{{{{ {'9' * 5_000} }}}}", "template: is no Jinja: ValueError"),
        ("{{ output }}{% if 'a' in rubric %}{% endif %}", "a template searches nothing"),
        ("{{ output }}{% if rubric is in 'a' %}{% endif %}", "no test 'in'"),
        ("{{ output }}" * 4_000, "the template shows more than 4 times what it is given"),
        ("{{ output }} {{ criterion.nmae }}", "template: UndefinedError"),
        ("", "template: is empty"),
    ],
)
def test_what_a_template_may_not_hold_is_said_before_any_run(body: str, said: str) -> None:
    said = said.replace(":0: ", ": ")
    lines = problems(PLAIN.partition("{{")[0] + body)
    assert any(said in line for line in lines), lines


def test_lists_are_looped_over_and_joined() -> None:
    found = card(
        "---\nkind: rubric\nquestion: Is it short?\nscale: [long, short]\n---\n{{ output }}\n"
        "{{ contexts | join('\n--\n') }}\n{{ criteria | join(', ', attribute='name') }}\n"
        "{% for each in criteria %}{{ loop.index }}. {{ each.name }}:"
        "{% for level in each.scale %} {{ level.label }}{% endfor %}{% endfor %}"
    )
    subject = Subject(input="?", output="so", contexts=(Document("a", "x"), Document("b", "y")))
    (prompt,) = prompts(found, subject)
    text = str(prompt.messages[1]["content"])
    assert ">\n--\n<data-" in text
    assert "\nshort\n1. short: long short" in text


def test_a_template_never_grows_out_of_proportion_to_what_it_is_given() -> None:
    found = card(PLAIN + "{% for each in contexts %}{{ output }}{% endfor %}")
    few = Subject(input="?", output="so " * 10_000, contexts=(Document("a", "x"),) * 3)
    (prompt,) = prompts(found, few)
    assert len(str(prompt.messages[1]["content"])) > 4 * 30_000
    many = Subject(input="?", output="so " * 10_000, contexts=(Document("a", "x"),) * 5_000)
    with pytest.raises(SuiteError, match="more than 4 times what it is given"):
        prompts(found, many)


def test_a_pair_is_never_shown_as_output_and_other() -> None:
    lines = problems("---\nkind: pairwise\nquestion: a?\n---\n{{ output }} {{ other }}\n")
    assert sum("{{ first }} and {{ second }}" in line for line in lines) == 2
    assert any("never shows {{ second }}" in line for line in lines)


def test_all_problems_are_said_at_once() -> None:
    lines = problems("---\nkind: rubrik\nvotes: x\nscale: [true]\nsystem: 3\n---\n")
    assert len(lines) >= 4


def test_a_text_without_front_matter_says_how_one_begins() -> None:
    assert "1: front matter: is missing" in problems("Judge it: {{ output }}")[0]


@given(st.text())
def test_whatever_a_file_holds_it_is_a_card_or_a_list_of_problems(text: str) -> None:
    for source in (text, f"---\n{text}\n---\n{{{{ output }}}}", PLAIN + text):
        with contextlib.suppress(CardError):  # any other exception is a bug
            assert card(source).criteria


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=11, unique=True))
def test_numbers_map_linearly_to_0_to_1(numbers: list[int]) -> None:
    values = values_of([str(each) for each in numbers])
    if values is None:
        assert numbers not in (sorted(numbers), sorted(numbers)[::-1])
    else:
        assert (values[0], values[-1]) == (0.0, 1.0)
        span = numbers[-1] - numbers[0]
        assert values[1] == pytest.approx((numbers[1] - numbers[0]) / span)


def test_every_word_of_a_card_is_in_its_key_and_its_place_is_not() -> None:
    one = card(PLAIN)
    assert one.key == read_card(PLAIN, "elsewhere.md", "short").key
    assert one.key == card(PLAIN.replace("\n", "\r\n")).key
    others = [
        card(PLAIN.replace("{{ question }}", "{{ question }}.")),
        card(PLAIN.replace("short?", "brief?")),
        card(PLAIN.replace("[long, short]", "[short, long]")),
        card(PLAIN.replace("kind: rubric", "kind: rubric\nvotes: 2")),
        card(PLAIN.replace("kind: rubric", "kind: rubric\nsystem: Hm.")),
        card(PLAIN, "brief"),
    ]
    assert len({one.key, *(each.key for each in others)}) == 7
    assert keyed(replace(one, path="x")).key == one.key


def test_a_projects_card_comes_before_the_shipped_one(tmp_path: Path) -> None:
    assert load_card(tmp_path, "correctness").path.endswith("cards/correctness/judge.md")
    folder = tmp_path / "correctness"
    folder.mkdir()
    (folder / "judge.md").write_text(PLAIN, encoding="utf-8")
    assert load_card(tmp_path, "correctness").criteria[0].question == "Is it short?"
    assert card_names(tmp_path) == SHIPPED_NAMES


@pytest.mark.parametrize("name", ["corectness", "../x", "", "x" * 300, "a\x1b"])
def test_a_name_without_a_card_names_the_nearest(tmp_path: Path, name: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_card(tmp_path, name)
    assert "correctness" in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"---\nkind: \xe9\n---\n", b"x" * 300_000])
def test_a_file_that_is_no_text_is_an_error_of_that_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "judge.md").write_bytes(data)
    with pytest.raises(SuiteError, match=r"odd/judge\.md"):
        load_card(tmp_path, "odd")


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_a_shipped_card_shows_what_it_judges_by_and_every_anchor(name: str) -> None:
    found = load_card(SHIPPED / "nowhere", name)
    assert found.description
    pair = found.kind == "pairwise"
    subject = Subject(
        input={"question": "How long is it?"},
        output="It is long.",
        other="It is short." if pair else None,
        expected=["It says how long."] if found.kind == "expectations" else "Two metres.",
        contexts=(Document("a#1", "It measures two metres."),),
    )
    (prompt,) = prompts(found, subject, "ba" if pair else "")
    system, user = (str(each["content"]) for each in prompt.messages)
    assert "How long is it?" in user
    assert "It is long." in user
    if pair:
        assert user.index("It is short.") < user.index("It is long.")
    if "contexts" in found.needs:
        assert "It measures two metres." in user
    if "expected" in found.needs:
        assert ("It says how long." if name == "expectations" else "Two metres.") in user
    for criterion in found.criteria if found.kind in ("rubric", "reference") else ():
        assert criterion.question in user
        for level in criterion.scale:
            assert level.anchor, f"{criterion.name}: {level.label} has no anchor"
            assert f"- {level.label}: {level.anchor}" in user
            assert f'"{level.label}"' in system
    assert '"unsure"' in system
    assert "\n\n\n" not in user


@pytest.mark.parametrize(
    ("value", "question"),
    [
        ("how?", "how?"),
        ({"question": "how?", "user": "x"}, "how?"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "how?"}]},
            "how?",
        ),
        ({"a": 1}, '{\n "a": 1\n}'),
        (None, ""),
        ({"messages": []}, '{\n "messages": []\n}'),
    ],
)
def test_the_question_is_found_in_whatever_form_the_input_has(value: object, question: str) -> None:
    assert question_of(value) == question
