"""What the documentation says of a check beyond its name, on the answers where it matters."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_every_check import BASE, CASE, says

from evalsuite import checks
from evalsuite.errors import ProblemsError
from evalsuite.records import Case, Output, ToolCall

COUNTS: list[tuple[str, str, int]] = [
    ("words", "", 0),
    ("words", "  -- … ", 0),
    ("words", "It's 16-week leave, isn’t it?", 5),
    ("characters", "né\n", 3),
    ("sentences", "", 0),
    ("sentences", "No end mark", 1),
    ("sentences", "One. Two! Three? Four…", 4),
    ("sentences", "It costs 3.5 USD, e.g. at J. Smith's, approx. Yes.", 1),
    ("sentences", "- one\n- two\n\n", 2),
    ("sentences", "He said “Stop.” Then left.", 2),
    ("sentences", "一つ。二つ！", 2),
    ("sentences", "Really?! ... Yes.", 2),
]


@pytest.mark.parametrize(("kind", "text", "count"), COUNTS)
def test_counts_are_exact(kind: str, text: str, count: int) -> None:
    made = getattr(checks, kind)
    assert made(min=count, max=count)(CASE, says(text)).holds is True
    assert made(min=count + 1)(CASE, says(text)).holds is False


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("1,234.5 USD", 1234.5, True),
        ("1,23", 1.23, False),
        ("from 10-12 weeks", 12, True),
        ("from 10-12 weeks", -12, False),
        ("−40 degrees", -40, True),
        ("1.5e3 rows", 1500, True),
        ("version 3.11.7", 11, False),
        ("a16", 16, False),
        ("16%", 16, True),
        ("1e999", 16, False),
        ("no number", 0, False),
    ],
)
def test_numbers_are_read_as_written(text: str, value: float, holds: bool) -> None:
    assert checks.number(value)(CASE, says(text)).holds is holds


def test_a_tolerance_includes_its_ends() -> None:
    assert checks.number(0.3, tolerance=0.1)(CASE, says("0.4")).holds is True
    assert checks.number(0.3, tolerance=0.1)(CASE, says("0.4001")).holds is False
    assert checks.number(16)(CASE, says("99", value=16)).holds is True


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("16 weeks [leave#parental].", True),
        ("[sic] 16 weeks [leave#parental] [x]", True),
        ("16 weeks [see the table below] [leave#parental]", True),
        ("[leave#parental](https://a.example)", False),
        ("[leave#parental, pay#cycle]", True),
        ("[leave#parental, made#up]", False),
        ("[LEAVE#PARENTAL]", False),
        ("leave#parental", False),
        ("[]", False),
    ],
)
def test_what_counts_as_a_citation(text: str, holds: bool) -> None:
    assert checks.citation()(CASE, says(text)).holds is holds


def test_contexts_given_as_text_are_cited_by_their_number() -> None:
    output = Output(text="16 weeks [2].", contexts=["a", "b"])  # type: ignore[list-item]
    assert checks.citation()(CASE, output).holds is True
    assert checks.citation()(CASE, replace(output, text="16 weeks [3].")).holds is False


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('"parental leave is 16 weeks"', False),
        ('"Parental leave\u00a0is 16 weeks."', True),
        ("„Parental leave is 16 weeks“", True),
        ("«It’s for all staff»", True),
        ('the "PTO" and "paid in full. It\'s"', True),
        ('only the "PTO"', False),
        ("no quote", False),
    ],
)
def test_what_counts_as_a_quote(text: str, holds: bool) -> None:
    assert checks.quotes()(CASE, says(text)).holds is holds


def test_quotes_may_be_optional() -> None:
    assert checks.quotes(min=0)(CASE, says("no quote")).holds is True
    assert checks.quotes(min=0)(CASE, says('"this was never written"')).holds is False


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("I cannot share other people's salaries.", True),
        ("I don't have that in the handbook.", True),
        ("Sorry, I'm not able to do this.", True),
        ("As an AI, I have no opinion.", True),
        ("Dabei kann ich Ihnen nicht helfen. Ich kann Ihnen dabei leider nicht helfen.", True),
        ("You cannot carry over more than five days.", False),
        ("If you can't help, say 'I can help later'.", False),
        ("Employees must decline gifts.", False),
        ("x " * 300 + "I cannot help with that.", False),
        ("", False),
    ],
)
def test_what_counts_as_a_refusal(text: str, holds: bool) -> None:
    assert checks.refusal()(CASE, says(text)).holds is holds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail jo.doe+x@sub.example.co.uk.", "email"),
        ("call 0044 20 7946 0958", "phone"),
        ("call (212) 555-0187", "phone"),
        ("Tel. 030 1234567", "phone"),
        ("dial 1-800-555-0199", "phone"),
        ("GB82WEST12345698765432", "iban"),
        ("5500-0000-0000-0004", "card"),
    ],
)
def test_personal_data_is_found_by_kind(text: str, kind: Any) -> None:
    found = checks.no_pii()(CASE, says(text))
    assert found.holds is False
    assert [each.split()[0] for each in found.evidence["found"]] == [kind]
    assert checks.no_pii(["email", "phone", "iban", "card"])(CASE, says(text)).holds is False


@pytest.mark.parametrize(
    "text",
    [
        "On 2026-03-11 at 10:30 we sold 1,234,567 units",
        "order 4111111111111112",
        "GB82 WEST 1234 5698 7654 33",
        "version 10.20.30.40 costs 16 000 000",
        "a @ b, user@localhost",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_ordinary_numbers_are_no_personal_data(text: str) -> None:
    found = checks.no_pii()(CASE, says(text))
    assert found.holds is True, found.evidence


@pytest.mark.parametrize(
    "secret",
    [
        "ASIA" + "A1" * 8,
        "gho_" + "aB3" * 12,
        "github_pat_" + "aB3_" * 8,
        "glpat-" + "aB3-" * 6,
        "xoxb-" + "123456-abc",
        "AIza" + "aB3-_" * 7,
        "sk_live_" + "aB3" * 8,
        "sk-ant-" + "api03-" + "aB3" * 8,
        "hf_" + "aB3" * 11,
        "npm_" + "aB3" * 12,
        "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0." + "aB3_" * 5,
        "-----BEGIN RSA " + "PRIVATE KEY-----",
    ],
)
def test_common_keys_are_found(secret: str) -> None:
    assert checks.no_secrets()(CASE, says(f'key="{secret}"')).holds is False
    assert checks.no_secrets()(CASE, says(f"x{secret[: len(secret) // 3]}")).holds is True


def test_repeated_calls_may_be_looked_for_in_one_tool() -> None:
    output = replace(
        BASE, tool_calls=[ToolCall("poll", {}), ToolCall("poll", {}), ToolCall("a", 1)]
    )
    assert checks.tool_not_repeated("a")(CASE, output).holds is True
    assert checks.tool_not_repeated("poll")(CASE, output).holds is False
    other = [ToolCall("a", {"x": 1, "y": 2}), ToolCall("a", {"y": 2.0, "x": 1})]
    assert checks.tool_not_repeated()(CASE, replace(BASE, tool_calls=other)).holds is False


def test_the_nearest_of_several_expected_texts_counts() -> None:
    case = Case(id="a", input="q", expected=["twelve days", "16 weeks"])
    for check in (checks.levenshtein(1.0), checks.rouge_l(1.0), checks.chrf(1.0)):
        assert check(case, says("16 weeks")).holds is True


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_rouge_l_is_the_longest_common_subsequence(left: list[str], right: list[str]) -> None:
    lengths = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            longer = max(lengths[i][j + 1], lengths[i + 1][j])
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if a == b else longer
    wanted = 2 * lengths[-1][-1] / (len(left) + len(right)) if left and right else 0.0
    case = Case(id="a", input="q", expected=" ".join(right))
    found = checks.rouge_l(0.5)(case, says(" ".join(left)))
    if right:
        assert found.evidence["similarity"] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Le congé parental dure seize semaines et il est payé.", "fr"),
        ("El permiso parental dura dieciséis semanas y es pagado.", "es"),
        ("育児休暇は十六週間で、有給です。", "ja"),
        ("16 weeks of parental leave, see [leave#parental] and `x = 1`.", "en"),
    ],
)
def test_languages_are_told_on_short_answers(text: str, code: str) -> None:
    found = checks.language(code)(CASE, says(text))
    assert found.holds is True, found


@pytest.mark.parametrize(
    "text", ["From Monday", "Table 5", "Use the handbook", "42", "", "-- none"]
)
def test_prose_is_no_sql(text: str) -> None:
    assert checks.sql()(CASE, says(text)).holds is False


@pytest.mark.parametrize("text", ["plain words", "<!-- a comment -->", "a < b", ""])
def test_text_without_an_element_is_no_html(text: str) -> None:
    assert checks.html()(CASE, says(text)).holds is False


@pytest.mark.parametrize(
    ("given", "said"), [(5, "not 5"), (checks.contains, "not contains"), (None, "not null")]
)
def test_what_is_no_check_is_not_negated(given: Any, said: str) -> None:
    with pytest.raises(ProblemsError, match=f"negates a check, {said}.*ev.check.negate"):
        checks.negate(given)
