"""AskAcme's handbook and golden cases: each case can be answered as it says, or not at all.

A golden case that no answer can pass, or that every answer passes, measures nothing, and nobody
would notice: so what can be told from the texts alone is held here.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalsuite import golden
from evalsuite.backends.base import Request
from evalsuite.backends.embedded import Embedded
from evalsuite.checks import compile_checks, problems, score
from evalsuite.golden.lint import lint
from evalsuite.records import Case, Document, Json, Output

ROOT = Path(__file__).parents[2]
DATASET = ROOT / "golden" / "askacme"
EXAMPLE = ROOT / "examples" / "askacme"
HANDBOOK = EXAMPLE / "handbook"
PROMPT = (EXAMPLE / "prompts" / "answer.j2").read_text("utf-8")

ABSENT = "I don't have that in the handbook."
KINDS = (
    "ordinary",
    "edge",
    "unanswerable",
    "ambiguous",
    "injection-direct",
    "injection-indirect",
    "multilingual",
    "long-input",
    "borderline",
    "regression",
)
TOPICS = ("leave", "expenses", "travel", "it", "security", "legal", "benefits", "workplace")
TRANSLATED = {"17 days", "16.8", "0,38", "am 25.", "What do you mean", "oficina de viajes"} | {
    "vier Jahre",
    "d'accord",
}
"""Wordings of a right answer that the handbook itself does not use."""


def _sections() -> dict[str, str]:
    found = {}
    for file in sorted(HANDBOOK.glob("*.md")):
        for part in re.split(r"^## +", file.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            heading, _, text = part.partition("\n")
            slug = "-".join(re.findall(r"\w+", heading.casefold()))
            found[f"{file.stem}#{slug}"] = text.strip()
    return found


SECTIONS = _sections()
CASES = golden.load(DATASET).cases
WORDS = set(re.findall(r"[^\W\d_]+", " ".join(SECTIONS.values()).casefold()))


def of(*kinds: str) -> list[Any]:
    return [pytest.param(case, id=case.id) for case in CASES if case.slices["kind"] in kinds]


def asked_for(case: Case) -> Iterator[tuple[str, list[str]]]:
    """("all" or "any", texts) of each check that wants a text in the answer."""
    for check in case.checks:
        value: Json = check.get("contains")
        if isinstance(value, str):
            yield "all", [value]
        elif value is not None:
            yield from value.items()


def forbidden(case: Case) -> list[str]:
    return [check["not"]["contains"] for check in case.checks if "not" in check]


def holds(case: Case, answer: str, source: str = "leave#annual-leave") -> bool:
    output = Output(text=f"{answer} [{source}]", contexts=[Document(source, answer)])
    return score(case, output, compile_checks(case.checks), 1).value == 1.0


def right_answer(case: Case) -> str:
    return " ".join(
        " ".join(texts if how == "all" else texts[:1]) for how, texts in asked_for(case)
    )


# --- the handbook -------------------------------------------------------------------------------


def test_the_handbook_has_thirty_pages_of_sections_that_fit_a_prompt() -> None:
    lengths = {name: len(text.split()) for name, text in SECTIONS.items()}
    assert sum(lengths.values()) >= 12_000
    assert not {name: length for name, length in lengths.items() if not 55 <= length <= 200}


def test_each_legal_section_puts_an_exception_right_behind_its_rule() -> None:
    legal = {name: text for name, text in SECTIONS.items() if name.startswith("legal-")}
    assert len(legal) >= 20
    lacking = [
        name
        for name, text in legal.items()
        if not re.search(r"\. (?:However,|The (?:only )?exceptions? (?:is|are)) ", text)
    ]
    assert lacking == []


# --- the dataset --------------------------------------------------------------------------------


def test_the_dataset_is_large_enough_in_every_slice_to_be_gated() -> None:
    topics = Counter(case.slices["topic"] for case in CASES)
    kinds = Counter(case.slices["kind"] for case in CASES)
    assert len(CASES) >= 240
    assert set(topics) == set(TOPICS)
    assert min(topics.values()) >= 20
    assert 36 <= topics["legal"] <= 50
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 10


def test_every_case_has_both_slices_and_a_file_of_its_topic() -> None:
    for case in CASES:
        assert set(case.slices) == {"topic", "kind"}, case.id
        assert case.source is not None
        assert Path(case.source.path).stem == case.slices["topic"], case.id
        assert case.id.startswith(case.slices["topic"] + "-"), case.id


def test_lint_has_nothing_to_say() -> None:
    assert [str(finding) for finding in lint(DATASET, validate_checks=problems)] == []


def test_no_question_is_asked_twice() -> None:
    asked = Counter(
        (re.sub(r"\W+", " ", case.input["question"]).casefold(), case.input.get("attachment"))
        for case in CASES
    )
    assert [question for question, times in asked.items() if times > 1] == []


def test_the_prompt_says_what_unanswerable_cases_expect() -> None:
    assert f'"{ABSENT}"' in PROMPT


# --- what cases ask for -------------------------------------------------------------------------


@pytest.mark.parametrize("case", of(*(set(KINDS) - {"unanswerable"})))
def test_what_a_check_asks_for_stands_in_the_handbook_or_the_attachment(case: Case) -> None:
    told = "\n".join([*SECTIONS.values(), case.input.get("attachment", ""), ABSENT])
    for how, texts in asked_for(case):
        unknown = {text for text in texts if text not in told} - TRANSLATED
        assert not unknown
        assert how == "any" or not set(texts) & TRANSLATED


@pytest.mark.parametrize("case", of("ordinary", "edge", "borderline"))
def test_the_relevant_sections_hold_the_answer(case: Case) -> None:
    assert case.relevant
    told = "\n".join(SECTIONS[name] for name in case.relevant)
    for how, texts in asked_for(case):
        found = [text in told for text in texts]
        assert all(found) if how == "all" else any(found)


def test_relevant_sections_exist() -> None:
    assert {name for case in CASES for name in case.relevant} <= set(SECTIONS)


@pytest.mark.parametrize("case", of("unanswerable"))
def test_the_handbook_does_not_know_what_an_unanswerable_question_is_about(case: Case) -> None:
    asked = re.findall(r"[^\W\d_]{3,}", case.input["question"].casefold())
    assert [word for word in asked if word not in WORDS and word.rstrip("s") not in WORDS]
    assert not case.relevant
    assert list(case.checks) == [{"contains": ABSENT.rstrip(".")}]


@pytest.mark.parametrize("case", of(*(set(KINDS) - {"unanswerable"})))
def test_the_question_does_not_give_the_answer_away(case: Case) -> None:
    question = case.input["question"]
    wanted = [text for how, texts in asked_for(case) if how == "all" for text in texts]
    given = [text for text in wanted if text in question]
    assert len(given) < len(wanted) or not wanted


# --- checks that can fail -----------------------------------------------------------------------


@pytest.mark.parametrize("case", of(*(set(KINDS) - {"regression"})))
def test_a_right_answer_holds_and_one_to_another_question_does_not(case: Case) -> None:
    assert holds(case, right_answer(case))
    others = [each for each in CASES if each.slices["topic"] != case.slices["topic"]][::29]
    assert not all(holds(case, right_answer(each)) for each in others)


@pytest.mark.parametrize("case", of("ordinary", "edge", "ambiguous", "multilingual", "borderline"))
def test_declining_to_answer_what_the_handbook_says_fails(case: Case) -> None:
    assert not holds(case, ABSENT)


@pytest.mark.parametrize("case", of("injection-direct", "injection-indirect"))
def test_saying_what_an_injection_asks_for_fails(case: Case) -> None:
    assert forbidden(case)
    for payload in forbidden(case):
        carried = case.input["question"] + case.input.get("attachment", "") + PROMPT
        assert payload in carried
        assert not holds(case, f"{right_answer(case)} {payload}")


@pytest.mark.parametrize("case", of("regression"))
def test_a_regression_names_its_incident_and_fails_on_that_answer(case: Case) -> None:
    assert case.must_pass
    assert re.match(r"incident 20\d\d-\d\d-\d\d: \w+ ", case.provenance)
    assert forbidden(case)
    for wrong in forbidden(case):
        assert not holds(case, f"{right_answer(case)} {wrong}")


@pytest.mark.parametrize("seed", range(8))
def test_regressions_hold_whatever_the_sampling_noise_does(seed: int) -> None:
    spec = importlib.util.spec_from_file_location("askacme_pipeline", EXAMPLE / "pipeline.py")
    assert spec is not None
    assert spec.loader is not None
    pipeline = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pipeline)
    model = Embedded(noise="0.5")
    for case in (each for each in CASES if each.must_pass):
        documents = pipeline.retrieve(case.input["question"], case.input.get("attachment"))
        messages = pipeline.messages(case.input["question"], documents)
        answer = asyncio.run(model.complete(Request(messages=messages, seed=seed))).text
        output = Output(text=answer, contexts=documents)
        assert score(case, output, compile_checks(case.checks), 1).value == 1.0, (case.id, answer)


def test_only_regressions_must_pass() -> None:
    assert {case.slices["kind"] for case in CASES if case.must_pass} == {"regression"}


@pytest.mark.parametrize("case", of("long-input"))
def test_long_inputs_are_long(case: Case) -> None:
    assert len(json.dumps(case.input)) >= 2_500


@pytest.mark.parametrize("topic", ["legal", "security", "expenses"])
def test_topics_whose_rule_people_want_to_read_ask_for_a_citation(topic: str) -> None:
    cases = [case for case in CASES if case.slices["topic"] == topic]
    cited = [case for case in cases if {"citation": True} in case.checks]
    assert len(cited) >= len(cases) / 2
    for case in cited:
        text = f"{right_answer(case)} [leave#annual-leave]"
        elsewhere = Output(text=text, contexts=[Document("pay#bonus", "")])
        assert score(case, elsewhere, compile_checks(case.checks), 1).value == 0.0
