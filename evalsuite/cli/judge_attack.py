"""`evalsuite judge attack`: does a judge do what the judged text tells it?"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.judge_asking import calls_words, interrupted, write_page
from evalsuite.cli.judge_named import named
from evalsuite.cli.screen import show
from evalsuite.config import load_config
from evalsuite.errors import plain

if TYPE_CHECKING:
    from evalsuite.backends.base import Completion, Request
    from evalsuite.judging.asking import Ask

UNKNOWN = 10
"""Exit status where too few attacks had verdicts: nothing is shown either way."""


def register(commands: argparse._SubParsersAction[Any]) -> None:
    command = commands.add_parser(
        "attack",
        help="ask a judge about outputs that try to direct it",
        description="Each attack is judged with and without its instructions; a verdict that they "
        "change is the judge's fault. Exit status 1 if one is changed for the better, 10 if "
        "nothing is known: over a fifth of the attacks have no verdict with or without.",
    )
    command.add_argument("name", metavar="NAME")
    command.add_argument("--offline", action="store_true", help="verdicts from the store alone")
    command.add_argument("--backend", metavar="SPEC", help="default: that of the card's role")
    command.set_defaults(run=_attack)


def _attack(args: argparse.Namespace) -> int:
    from evalsuite.calibration import attack_page, consulting  # noqa: PLC0415
    from evalsuite.judging import attacking  # noqa: PLC0415
    from evalsuite.judging.asking import of_llm  # noqa: PLC0415

    config = load_config(Path.cwd())
    judge = named(config, args.name)
    card, spec = judge.card, args.backend or judge.spec
    every = attacking.attacks()
    calls = 2 * len(every) * card.votes * (card.orders if card.kind == "pairwise" else 1)
    show(plain(f"{card.name}: {len(every)} attacks, {calls_words(calls)}"))
    replies: list[Completion] = []

    async def ask() -> Sequence[attacking.Attacked]:
        async with consulting.opened(config, spec, offline=args.offline) as llm:
            asks = _kept(of_llm(llm), replies)
            return await attacking.run_attacks(card, asks, seed=config.seed)

    try:
        found = asyncio.run(ask())
    except KeyboardInterrupt:
        return interrupted(len(replies))
    write_page(config, attack_page.page(card, found), "attack")
    if attacking.attack_figures(found)[-1].gained:
        return 1
    return 0 if attack_page.known(found) else UNKNOWN


def _kept(ask: Ask, replies: list[Completion]) -> Ask:
    """The same model; what it says is added to `replies`."""

    async def complete(request: Request) -> Completion:
        reply = await ask.complete(request)
        replies.append(reply)
        return reply

    return replace(ask, complete=complete)
