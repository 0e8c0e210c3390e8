"""docs/judges.md says what is there, and its figures are those that are measured."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from test_attacks import obedient, on_a_naive_prompt, run

import evalsuite as ev
from evalsuite.judging import fence
from evalsuite.judging.attacking import attack_figures, attacks
from evalsuite.judging.card import card_names, read_card
from evalsuite.judging.matter import FIELDS
from evalsuite.judging.template import FILTERS, GROWTH, LISTS, ROOM, SCALE, SEPARATOR, VARIABLES

TEXT = (Path(__file__).parents[2] / "docs" / "judges.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of the first table after a text, without its head."""
    lines = TEXT.partition(heading)[2].lstrip("\n").splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_example_is_a_card() -> None:
    (source,) = re.findall(r"```\n(---\nkind.*?)```", TEXT, re.DOTALL)
    card = read_card(source, "docs/judges.md", "example")
    assert [each.name for each in card.criteria] == ["polite", "short"]


def test_every_field_variable_and_shipped_card_is_named() -> None:
    named = {word for row in table("## Cards") for word in re.findall(r"`(\w+)`", row[0])}
    assert named - {"question"} == set(FIELDS) - {"question", "description"}
    variables = {word for row in table("### Templates") for word in re.findall(r"`(\w+)`", row[0])}
    assert variables == {name for names in VARIABLES.values() for name in names}
    shipped = TEXT.partition("These come with the package")[2].partition("###")[0]
    assert set(re.findall(r"`([\w-]+)`", shipped)) == set(card_names(Path("none")))


def test_every_filter_and_limit_of_templates_is_named() -> None:
    said = " ".join(TEXT.partition("### Templates")[2].partition("|")[0].split())
    assert all(f"`{name}`" in said for name in (*FILTERS, *LISTS, SCALE))
    assert f"more than {GROWTH} times what it is given" in said
    assert f"and {ROOM:,} characters" in said
    assert f"at most {SEPARATOR} characters between" in said


def test_the_examples_in_python_are_taken() -> None:
    code = "\n".join(re.findall(r"^ *(ev\.j(?:udge|ury)\(.*\)),?", TEXT, re.MULTILINE))
    assert code.count("ev.") >= 7
    for line in code.splitlines():
        assert hasattr(eval(line, {"ev": ev}), "bind")


def test_the_figures_per_kind_of_attack_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {each.category: each for each in attack_figures(run(obedient()))}
    naive = asyncio.run(on_a_naive_prompt(obedient()))
    monkeypatch.setattr(fence, "neutral", lambda text: text)
    unwritten = {each.category: each for each in attack_figures(run(obedient()))}
    said: dict[str, Any] = {row[0]: list(map(int, row[1:])) for row in table("honest otherwise:")}
    assert said == {
        name: [
            each.n,
            each.changed,
            unwritten[name].changed,
            sum(fooled for attack, fooled in naive if name in (attack.category, "all")),
        ]
        for name, each in ours.items()
    }
    assert f"{len(attacks())} attacking answers" in TEXT
    languages = {each.language for each in attacks()} - {"en"}
    assert f"{len(languages)} languages besides English" in TEXT
    assert f"{fence.TEXT_LIMIT:,}" in TEXT
    assert f"{fence.CONTEXTS_LIMIT:,}" in TEXT
