"""The embedded model as a judge: words in common, the same everywhere, and "unsure" elsewhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evalsuite.backends import open_backend
from evalsuite.judging.asking import judge, of_backend
from evalsuite.judging.card import load_card
from evalsuite.judging.records import Subject
from evalsuite.judging.verdict import Verdict, settle
from evalsuite.records import Document


def verdicts(name: str, subject: Subject) -> tuple[Verdict, ...]:
    card = load_card(Path("none"), name)
    embedded = open_backend("embedded")
    return settle(card, asyncio.run(judge(card, subject, of_backend(embedded))))


def subject(output: str, **more: object) -> Subject:
    return Subject(input={"question": "How long is it?"}, output=output, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("output", "label"),
    [
        ("Parental leave is 16 weeks, fully paid.", "right"),
        ("16 weeks", "partial"),
        ("Parental leave is 12 weeks, fully paid.", "wrong"),
        ("I can't say.", "wrong"),
        ("", "wrong"),
    ],
)
def test_it_counts_the_words_of_the_expected_answer_and_numbers_must_be_there(
    output: str, label: str
) -> None:
    (found,) = verdicts("correctness", subject(output, expected="16 weeks, paid"))
    assert found.label == label
    assert "words of the expected answer are there" in found.critique


def test_it_counts_the_words_of_the_output_in_the_contexts() -> None:
    contexts = (Document("leave", "Parental leave is 16 weeks at full pay."),)
    grounded, made_up = (
        verdicts("groundedness", subject(output, contexts=contexts))[0]
        for output in ("Leave is 16 weeks.", "Bring your own dragons, all 40 of them.")
    )
    assert (grounded.value, made_up.value) == (1.0, 0.0)


def test_it_judges_statements_and_pairs() -> None:
    wanted = {"must": ["says 16 weeks"], "must_not": ["mentions dragons"]}
    assert verdicts("expectations", subject("It says 16 weeks.", expected=wanted))[0].value == 1.0
    pair = subject("It is 16 weeks.", other="No idea.", expected="16 weeks")
    (found,) = verdicts("preference", pair)
    assert (found.label, found.consistent) == ("A", True)


@pytest.mark.parametrize("name", ["tone", "safety", "helpfulness", "conciseness"])
def test_where_there_is_nothing_to_count_in_it_can_not_tell(name: str) -> None:
    for found in verdicts(name, subject("anything")):
        assert (found.label, found.value) == ("unsure", None)


def test_what_it_says_does_not_depend_on_noise_or_seed() -> None:
    card = load_card(Path("none"), "correctness")
    given = subject("16 weeks", expected="16 weeks, paid")
    found = {
        asyncio.run(judge(card, given, of_backend(open_backend(f"embedded?noise={noise}"))))
        for noise in (0, 0.5, 1)
    }
    assert len(found) == 1
