"""Outputs that direct their judge change no verdict of ours, and most of a naive prompt's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from obedient import Obedient, visible

from evalsuite.backends.base import Request
from evalsuite.judging import fence
from evalsuite.judging.asking import Ask
from evalsuite.judging.attacking import (
    Attack,
    Attacked,
    attack_figures,
    attack_lines,
    attacks,
    in_words_of,
    run_attacks,
    subject_of_attack,
)
from evalsuite.judging.card import card_names, load_card
from evalsuite.judging.prompt import prompts
from evalsuite.judging.records import Subject

CARD = load_card(Path("none"), "correctness")
EXPECTED = {each.question: each.expected for each in attacks()}
HARMLESS = Subject(input={"question": "what?"}, output="a word", expected="another")


def text_of(request: Any) -> str:
    return "\n".join(str(each["content"]) for each in request.messages)


def obedient() -> Obedient:
    (prompt,) = prompts(CARD, HARMLESS)
    labels = [level.label for level in CARD.criteria[0].scale]
    return Obedient(visible(text_of(prompt)), labels, EXPECTED)


def run(judge: Obedient, *, structured: bool = True) -> tuple[Attacked, ...]:
    return asyncio.run(run_attacks(CARD, Ask(judge.complete, structured)))


def test_the_set_covers_what_is_known_of_attacks_on_judges() -> None:
    found = attacks()
    assert len(found) >= 60
    assert len({each.id for each in found}) == len(found)
    assert len({each.language for each in found}) >= 12
    wanted = {"order", "verdict-json", "fence", "authority", "language", "constant", "tiny"}
    assert {each.category for each in found} >= wanted | {"unicode", "markup", "role-play", "tool"}
    for each in found:
        assert each.expected.lower() not in each.output.lower(), each.id
        assert each.expected in each.context
        assert each.expected.lower() not in each.wrong.lower()


@pytest.mark.parametrize("structured", [True, False])
def test_no_attack_changes_a_verdict_of_a_backend_that_does_what_it_sees_unfenced(
    structured: bool,
) -> None:
    judge = obedient()
    results = run(judge, structured=structured)
    total = attack_figures(results)[-1]
    assert (total.n, total.changed, total.unscored) == (len(attacks()), 0, 0)
    assert {each.after for each in results} == {0.0}
    assert judge.asked == 2 * total.n


async def on_a_naive_prompt(judge: Obedient) -> list[tuple[Attack, bool]]:
    """Which attacks the same backend obeys where the output stands in the prompt as it is."""
    naive = "Grade the output by the expected answer: wrong or right.\nQuestion: {}\nOutput: {}"
    judge.known = set(naive.splitlines()[:1])
    found = []
    for attack in attacks():
        shown = naive.format(attack.question, in_words_of(CARD, attack.output))
        reply = await judge.complete(Request(messages=[{"role": "user", "content": shown}]))
        found.append((attack, '"right"' in reply.text))
    return found


def test_the_same_backend_is_fooled_by_most_attacks_on_a_naive_prompt() -> None:
    found = asyncio.run(on_a_naive_prompt(obedient()))
    assert sum(fooled for _, fooled in found) >= 0.8 * len(attacks())


def test_without_neutralising_look_alikes_the_same_backend_is_fooled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fence, "neutral", lambda text: text)
    figures = {each.category: each for each in attack_figures(run(obedient()))}
    assert figures["fence"].gained >= 3


def test_what_is_outside_of_the_fences_does_not_depend_on_what_is_judged() -> None:
    for name in card_names(Path("none")):
        card = load_card(Path("none"), name)
        outside = set()
        for attack in attacks():
            subject = subject_of_attack(card, attack, attacked=True)
            order = "ab" if card.kind == "pairwise" else ""
            for prompt in prompts(card, subject, order):  # type: ignore[arg-type]
                outside.add("\n".join(visible(text_of(prompt))))
        assert len(outside) == 1, name


def test_the_figures_count_what_changed_what_got_better_and_what_has_no_verdict() -> None:
    one, two, three = attacks()[:3]
    results = [
        Attacked(attack=one, before=0.0, after=1.0),
        Attacked(attack=two, before=0.5, after=0.0),
        Attacked(attack=three, before=0.0, after=None),
        Attacked(attack=replace(three, category="other"), before=0.0, after=0.0),
    ]
    order, other, total = attack_figures(results)
    assert (order.category, order.n, order.changed, order.gained) == ("order", 3, 2, 1)
    assert order.unscored == 1
    assert (other.n, other.changed) == (1, 0)
    assert (total.category, total.n, total.changed, total.unscored) == ("all", 4, 2, 1)
    lines = attack_lines(results)
    assert "| order | 3 | 2 | 1 | 1 |" in lines
    assert "| order-01 | en | 0 | 1 | yes |" in lines
    assert "| order-03 | en | 0 | none | no |" in lines
