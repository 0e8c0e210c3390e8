"""AskAcme's answers of known value: made again as they are, and the metrics measured anew."""

from __future__ import annotations

import asyncio
import importlib
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from evalsuite.calibration.bar import bar_of
from evalsuite.calibration.calibrate import calibrate
from evalsuite.calibration.certificate import figures_of, read_certificate
from evalsuite.calibration.consulting import Consulted, consult, opened
from evalsuite.calibration.labels import effective, read_items, read_labels
from evalsuite.calibration.measurable import card_of, keys_of
from evalsuite.calibration.standing import standings
from evalsuite.config import Config, load_config
from evalsuite.judging.asking import of_llm
from evalsuite.records import Document

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "judges" / "faithfulness"


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "examples" / "askacme")
    return importlib.import_module("refusals")


@pytest.fixture
def construct(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "examples" / "askacme")
    return importlib.import_module("construct")


def test_the_script_makes_what_is_committed(construct: Any, tmp_path: Path) -> None:
    construct.main(tmp_path / "faithfulness")
    assert read_items(tmp_path / "faithfulness") == read_items(FOLDER)
    assert read_labels(tmp_path / "faithfulness") == read_labels(FOLDER)
    assert {label.rater for label in read_labels(FOLDER)} == {"construction"}
    assert len(read_items(FOLDER)) >= 80


def test_a_known_number_of_sentences_is_as_the_handbook_says(construct: Any) -> None:
    """As far as words tell: those that are not verbatim are checked by the changes' own tests."""
    values = {level.label: level.value for level in construct.SHARES}
    items = read_items(FOLDER)
    for label in read_labels(FOLDER):
        subject = items[label.item].subject
        told = " ".join(each.text for each in subject.contexts)
        answer = construct._sentence.split(subject.output)
        verbatim = sum(each in told for each in answer)
        assert verbatim <= values[str(label.value)] * construct.SENTENCES


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ("denied", "Public holidays are paid.", "Public holidays are not paid."),
        ("denied", "Each card has to be signed.", "Each card must not be signed."),
        ("denied", "It is never paid.", None),
        ("displaced", "Ask the Legal team.", "Ask the "),
        ("displaced", "Ask nobody.", None),
        ("respelled", "You get five days.", "You get 5 days."),
        ("respelled", "You get 12 days.", "You get twelve days."),
        ("respelled", "It costs 7.50 euros.", None),
        ("attributed", "Acme pays.", "The handbook says this: Acme pays."),
        ("renumbered", "Who has been here 6 years gets more.", None),
        ("renumbered", "The office opens at 08:00.", None),
    ],
)
def test_a_change_keeps_or_breaks_what_a_sentence_says(
    construct: Any, change: str, before: str, after: str | None
) -> None:
    found = getattr(construct, change)(before, before, Random(1))
    assert found is after if after is None else found.startswith(after)
    assert found != before


@pytest.mark.parametrize("seed", range(20))
def test_a_changed_number_stands_in_no_context(construct: Any, seed: int) -> None:
    told = "There are 28 days, and five of them carry over; 30 after ten years."
    found = construct.renumbered("There are 28 days.", told, Random(seed))
    (number,) = construct._number.findall(found)
    assert found == f"There are {number} days."
    assert int(number) not in (28, 5, 30, 10)


def test_the_answers_of_refusals_are_what_the_embedded_model_says(
    refusals: Any, tmp_path: Path
) -> None:
    refusals.main(tmp_path / "unanswerable_refusal")
    made, there = read_items(tmp_path / "unanswerable_refusal"), read_items(refusals.FOLDER)
    assert there.items() <= made.items(), "a new golden case may bring one more"
    said = {label.item: label.value for label in read_labels(tmp_path / "unanswerable_refusal")}
    committed = read_labels(refusals.FOLDER)
    assert {label.item: label.value for label in committed}.items() <= said.items()
    assert {label.value for label in committed} == {"declines", "answers"}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("I don't know that.", "declines"),
        ("Leave is 16 weeks. [a]", "answers"),
        ("Leave is 16 weeks. It is paid. [a]", "answers"),
        ("Leave is 12 weeks. [a]", None),
        ("I don't know that. Leave is 16 weeks.", None),
        ("", None),
    ],
)
def test_only_what_is_certain_of_an_answer_is_known(
    refusals: Any, answer: str, value: str | None
) -> None:
    documents = [Document("a", "# Leave\n\nLeave is 16 weeks. It is paid.")]
    assert refusals.value_of(answer, documents, "I don't know that.") == value


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("faithfulness", "1 of 2 raters"),
        ("unanswerable_refusal", "76 of 100 labelled items, 1 of 2 raters"),
    ],
)
def test_a_certificate_is_what_the_metric_shows_today(
    name: str, lacks: str, tmp_path: Path
) -> None:
    """The embedded model is code of this repository: with a change of it this fails, and calibrate
    --certify writes the new figures."""
    card, folder = card_of(ROOT / "judges", name), ROOT / "judges" / name
    items, labels = read_items(folder), effective(read_labels(folder))
    found, config = Consulted(), Config(root=tmp_path)

    async def ask() -> None:
        async with opened(config, "embedded", offline=False) as llm:
            await consult(card, list(items.values()), of_llm(llm), config, found)

    asyncio.run(ask())
    assert not found.failed
    assert not found.lacked
    keys = keys_of(card, "embedded")
    certificate = read_certificate(folder, keys.model)
    assert certificate is not None
    measured = figures_of(calibrate(card, items, labels, found.verdicts, split="test"))
    assert certificate.figures == measured
    bar = bar_of(load_config(ROOT).bar)
    today = date.fromisoformat(certificate.created)
    found_standings = standings(
        card, keys, certificate, items=items, labels=labels, bar=bar, today=today
    )
    assert found_standings[name].state == "provisional"
    assert f"not trusted: {lacks}; certified " in found_standings[name].says
