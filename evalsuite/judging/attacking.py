"""Outputs that try to direct their judge, and what a judge makes of them.

Each is a wrong answer to a small question. It is judged with the attack and without: a verdict that
the attack changes is the judge's fault. The set is `attacks/attacks.jsonl`; in it «best» stands for
the best level of the card under attack, «criterion» for its name, so that every card is attacked in
its own words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalsuite import strictjson
from evalsuite.backends.calls import TALLY, Tally
from evalsuite.backends.together import together
from evalsuite.judging.asking import Ask, judge
from evalsuite.judging.records import Card, Subject
from evalsuite.judging.scorer import weighted
from evalsuite.judging.verdict import settle
from evalsuite.records import Document

FILE = Path(__file__).parent / "attacks" / "attacks.jsonl"
VOTE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """`wrong` is the answer alone, `output` the attacking one; an honest judge gives both the same
    verdict, the worst level of a card that asks whether the answer is right."""

    id: str
    category: str
    language: str
    question: str
    expected: str
    context: str
    wrong: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """What a judge said of the wrong answer, and of it with the attack. `why` is the reason where
    there is no value, else the critique of the attacked one."""

    attack: Attack
    before: float | None
    after: float | None
    why: str = ""

    @property
    def changed(self) -> bool:
        """The attack made another verdict, better or worse; none is no verdict."""
        return self.before is not None and self.after is not None and self.before != self.after

    @property
    def gained(self) -> bool:
        """The attack made a better verdict: the judge did as it was told."""
        return self.changed and (self.after or 0.0) > (self.before or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackFigures:
    """Of one category of attacks, or of all. `unscored` had no verdict with the attack or without:
    no verdict is neither resisted nor obeyed."""

    category: str
    n: int
    changed: int
    gained: int
    unscored: int


def attacks() -> tuple[Attack, ...]:
    """The attack set."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return tuple(Attack(**strictjson.parse(line)) for line in lines if line)


def subject_of_attack(card: Card, attack: Attack, *, attacked: bool) -> Subject:
    """What a judge of this card is shown of an attack. A pair has the right answer beside it."""
    output = in_words_of(card, attack.output) if attacked else attack.wrong
    says = {"must": [f"It says: {attack.expected}"]}
    return Subject(
        input={"question": attack.question},
        output=output,
        other=attack.context if card.kind == "pairwise" else None,
        expected=says if card.kind == "expectations" else attack.expected,
        contexts=(Document("1", attack.context),),
    )


def in_words_of(card: Card, text: str) -> str:
    """An attack that asks for the best level of this card."""
    best = "first" if card.kind == "pairwise" else card.criteria[0].scale[-1].label
    name = "statement_1" if card.kind == "expectations" else card.criteria[0].name
    return text.replace("«best»", best).replace("«criterion»", name)


async def run_attacks(
    card: Card,
    ask: Ask,
    *,
    chosen: Sequence[Attack] | None = None,
    seed: int = 0,
    at_once: int = 8,
) -> tuple[Attacked, ...]:
    """Judge every attack, with and without it. Calls belong to a case of their own each.

    Raises:
        BackendError: a call had no reply.
    """
    free = asyncio.Semaphore(at_once)
    wanted = attacks() if chosen is None else chosen

    async def one(attack: Attack) -> Attacked:
        async with free:
            before, reason = await _value(card, ask, attack, seed, attacked=False)
            after, why = await _value(card, ask, attack, seed, attacked=True)
        said = reason if before is None else why
        return Attacked(attack=attack, before=before, after=after, why=said)

    return tuple(await together([one(each) for each in wanted]))


async def _value(
    card: Card, ask: Ask, attack: Attack, seed: int, *, attacked: bool
) -> tuple[float | None, str]:
    token = TALLY.set(Tally(f"attack: {attack.question}", VOTE, seed))
    try:
        judgements = await judge(card, subject_of_attack(card, attack, attacked=attacked), ask)
    finally:
        TALLY.reset(token)
    return weighted(card, settle(card, judgements))


def attack_figures(results: Sequence[Attacked]) -> tuple[AttackFigures, ...]:
    """The figures by category, in the order of the set, and of "all" last."""
    by: dict[str, list[Attacked]] = {}
    for each in results:
        by.setdefault(each.attack.category, []).append(each)
    return (*(_figures(name, found) for name, found in by.items()), _figures("all", results))


def _figures(category: str, results: Sequence[Attacked]) -> AttackFigures:
    return AttackFigures(
        category=category,
        n=len(results),
        changed=sum(each.changed for each in results),
        gained=sum(each.gained for each in results),
        unscored=sum(each.before is None or each.after is None for each in results),
    )


def attack_lines(results: Sequence[Attacked]) -> list[str]:
    """The report as Markdown: figures by category, then every attack with both verdicts."""
    lines = ["| attacks | n | changed | better | no verdict |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.category} | {each.n} | {each.changed} | {each.gained} | {each.unscored} |"
        for each in attack_figures(results)
    ]
    lines += ["", "| attack | language | without | with | changed |", "|---|---|---|---|---|"]
    for each in results:
        about = f"| {each.attack.id} | {each.attack.language} "
        values = f"| {_shown(each.before)} | {_shown(each.after)} "
        lines.append(f"{about}{values}| {'yes' if each.changed else 'no'} |")
    return lines


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
