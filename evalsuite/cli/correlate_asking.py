"""What `evalsuite correlate --metric` asks a model: any metric of ours, on the rows of files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.judge_asking import calls_words, interrupted, progress
from evalsuite.cli.screen import show
from evalsuite.config import Config, load_config
from evalsuite.errors import DataError, OptionError, SuiteError, did_you_mean, plain
from evalsuite.report.figures import many

if TYPE_CHECKING:
    from evalsuite.calibration.applying import Applied, Pair
    from evalsuite.calibration.columns import Column, Unit

LIBRARIES = ("ragas", "deepeval")
SHOWN = 3
"""Reasons that are told of each metric's missing values."""

LACKS = {"contexts": ("contexts",), "reference": ("reference answer", "expected answer")}
"""By option the words of reasons for which not having named its field is the cause."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A column per metric, and what is to be said of how they came."""

    columns: Sequence[Column] = ()
    notes: Sequence[str] = ()
    status: int = 0


def register(command: argparse.ArgumentParser) -> None:
    """The options of a metric that is asked now."""
    asks = command.add_argument_group("a metric that is asked now")
    asks.add_argument(
        "--metric",
        metavar="NAME",
        help="of ev.rag (faithfulness, ...), judge:NAME, ragas:NAME or deepeval:NAME",
    )
    asks.add_argument("--backend", metavar="SPEC", help="default: that of the role judge")
    asks.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="FIELD",
        help="what was asked; several fields make an object",
    )
    asks.add_argument("--output", metavar="FIELD", help="the output's text")
    asks.add_argument("--contexts", metavar="FIELD", default="", help="texts, or {id, text}")
    asks.add_argument("--reference", metavar="FIELD", default="", help="the right answer")


def asked_of(args: argparse.Namespace, units: Sequence[Unit]) -> Asked:
    """Ask for the metric's values of all units, after saying what that takes at most."""
    import asyncio  # noqa: PLC0415 (only where a model is asked)

    from evalsuite.calibration import applying, consulting  # noqa: PLC0415
    from evalsuite.rag.names import UNANSWERABLE  # noqa: PLC0415

    if not args.output:
        raise OptionError("--metric needs --output FIELD, and --input FIELD for what was asked")
    declines = args.metric == "unanswerable_refusal"
    fields = applying.Fields(
        input=args.input,
        output=args.output,
        contexts=args.contexts,
        reference=args.reference,
        slices=dict([UNANSWERABLE.split("=")]) if declines else {},
    )
    pairs = applying.pairs_of(units, fields)
    given = [pair for pair in pairs if pair is not None]
    config = load_config(Path.cwd())
    spec = args.backend or config.backends.get("judge", config.backends["default"])
    scorer = _bound(args, config, spec, given)
    plan = plain(_plan(args.metric, scorer, given))
    if args.json:
        sys.stderr.write(f"{plan}\n")
    else:
        show(plan)
    found = applying.Applied()

    async def asked() -> None:
        async with consulting.opened(config, spec, offline=False) as llm:
            said = progress(len(given))
            await applying.apply(scorer, pairs, llm, config, found, said=said)

    try:
        asyncio.run(asked())
    except KeyboardInterrupt:
        return Asked(status=interrupted(found.fresh))
    columns = applying.columns_of(scorer, found, len(pairs))
    if not any(value is not None for each in columns for value in each.values):
        reasons = applying.reasons_of(found, columns[0].name if columns else args.metric)
        reason = _remedied(next(iter(reasons), "nothing to score"), args)
        raise DataError(f"{args.metric} gave no value: {reason}")
    return Asked(columns, _notes(args, columns, found, len(pairs) - len(given)))


def _remedied(reason: str, args: argparse.Namespace) -> str:
    """A reason for having no value, with the option that was not given where that is why."""
    for option, words in LACKS.items():
        lacks = not reason.startswith("no reply") and any(each in reason for each in words)
        if lacks and not getattr(args, option):
            return f"{reason} (name their field by --{option} FIELD)"
    return reason


def _plan(name: str, scorer: Any, pairs: Sequence[Pair]) -> str:
    """How many calls it takes at most, where the metric knows that."""
    from evalsuite.calibration.applying import calls_of  # noqa: PLC0415

    calls = calls_of(scorer, pairs)
    said = calls_words(calls) if calls is not None else "as many calls as the library makes"
    return f"{name}: {many(len(pairs), 'output')}, {said}; stored ones are free"


def _bound(args: argparse.Namespace, config: Config, spec: str, pairs: Sequence[Pair]) -> Any:
    """The metric, ready to be asked: everything that is wrong with it is said before a call."""
    from evalsuite.calibration.consulting import ROLES  # noqa: PLC0415
    from evalsuite.judging.setting import Setting  # noqa: PLC0415

    name, scorer = args.metric, _named(args.metric)
    setting = Setting(
        config=config,
        specs=dict.fromkeys(ROLES, spec),
        suite="correlate",
        cases=[case for case, _ in pairs],
    )
    try:
        bound = scorer.bind(setting) if hasattr(scorer, "bind") else scorer
    except SuiteError as error:
        raise SuiteError(_remedied(str(error), args)) from None
    if getattr(getattr(bound, "card", None), "kind", "") == "pairwise":
        raise OptionError(f"--metric {name}: it compares two outputs, and people rated single ones")
    return bound


def _named(name: str) -> Any:
    library, colon, own = name.rpartition(":")
    if library == "judge":
        from evalsuite.judging.naming import judge  # noqa: PLC0415

        return judge(own)
    if library in LIBRARIES:
        return import_module(f"evalsuite.adapters.{library}").metric(own)
    if colon:
        known = did_you_mean(library, ("judge", *LIBRARIES))
        raise OptionError(f"--metric {name[:80]}: no such library: {known}")
    from evalsuite import rag  # noqa: PLC0415

    if own not in rag.__all__:
        raise OptionError(f"--metric {name[:80]}: {did_you_mean(own, rag.__all__)}")
    return getattr(rag, own)()


def _notes(
    args: argparse.Namespace, columns: Sequence[Column], found: Applied, empty: int
) -> list[str]:
    from evalsuite.calibration.applying import reasons_of  # noqa: PLC0415

    name = args.metric
    notes = [f"{name}: {many(found.fresh, 'call')} asked now, {found.stored:,} from the store"]
    if empty:
        notes.append(f"{name}: {many(empty, 'row has', 'rows have')} no output")
    for each in columns:
        reasons = list(reasons_of(found, each.name).items())
        for reason, count in reasons[:SHOWN]:
            said = f"{many(count, 'output')}: {_remedied(reason, args)}"
            notes.append(f"{each.name}: not scored: {said}")
        if more := sum(count for _, count in reasons[SHOWN:]):
            notes.append(f"{each.name}: not scored: {many(more, 'output')} for other reasons")
    return notes
