"""`evalsuite probe`: is a model pinned? Asks it, which costs calls, and says so first."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.screen import show
from evalsuite.errors import OptionError

if TYPE_CHECKING:
    from evalsuite.backends.probe import Probe, Rate

_SHOWN = 3
"""Failures that are shown."""


def register(commands: argparse._SubParsersAction[Any]) -> None:
    parser = commands.add_parser(
        "probe",
        help="ask a backend equal requests: does it give equal answers, alone and under load?",
    )
    parser.add_argument("backend", help="as in the settings, such as vllm:MODEL@URL")
    parser.add_argument(
        "--requests", type=int, default=20, metavar="N", help="equal requests of each kind (20)"
    )
    parser.add_argument(
        "--concurrency", type=int, default=20, metavar="N", help="calls at once under load (20)"
    )
    parser.set_defaults(run=_probe)


def _probe(args: argparse.Namespace) -> int:
    for name, least in (("requests", 2), ("concurrency", 1)):
        if not least <= getattr(args, name) <= 10_000:
            raise OptionError(f"--{name} must be from {least} to 10000")
    import asyncio  # noqa: PLC0415

    asyncio.run(_measure(args.backend, args.requests, args.concurrency))
    return 0


async def _measure(spec: str, repeats: int, load: int) -> None:
    from evalsuite.backends import open_backend  # noqa: PLC0415
    from evalsuite.backends.probe import calls, probe  # noqa: PLC0415
    from evalsuite.config import load_config  # noqa: PLC0415

    backend = open_backend(spec, state=load_config(Path.cwd()).state_dir)
    try:
        show(f"{calls(backend, repeats)} calls of at most 128 tokens each")
        found = await probe(backend, repeats=repeats, load=load)
    finally:
        await backend.close()
    for line in lines(found, load):
        show(line)


def lines(found: Probe, load: int) -> list[str]:
    """A Probe in words."""
    shown = [
        f"equal answers alone       {_rate(found.alone)}",
        f"equal answers under load  {_rate(found.load)}  ({load} at once)",
    ]
    if found.seeds is None:
        shown.append("other seeds               it takes no seed: use trials and their vote")
    else:
        shown.append(f"other answers by seed     {_rate(found.seeds)}")
    shown += [
        f"latency alone             {_latency(found.seconds)}",
        f"latency under load        {_latency(found.loaded)}",
        f"model                     {', '.join(filter(None, found.models)) or 'does not say'}",
        f"fingerprint               {', '.join(found.fingerprints) or 'does not say'}",
    ]
    if found.failures:
        shown.append(f"without an answer         {len(found.failures)} calls")
        shown += [f"    {each}" for each in dict.fromkeys(found.failures[:_SHOWN])]
    return shown


def _rate(rate: Rate) -> str:
    bounds = rate.bounds
    if bounds is None:
        return "not known: no answer"
    low, high = bounds
    share = rate.hits / rate.asked
    return f"{share:.1%} ({rate.hits} of {rate.asked}; 95 % interval {low:.1%} to {high:.1%})"


def _latency(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    if not ordered:
        return "not known"
    p50, p95 = (ordered[min(len(ordered) - 1, int(q * len(ordered)))] for q in (0.50, 0.95))
    return f"p50 {p50:.2f} s, p95 {p95:.2f} s"
