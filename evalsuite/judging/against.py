"""What an output is compared with in a pair: a stored output, the expected answer, a second target.

The other output is no part of the judge's key: it is what is compared, as the output itself is.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalsuite import snapshot
from evalsuite.backends.llm import LLM
from evalsuite.errors import SuiteError, did_you_mean
from evalsuite.judging.names import Against
from evalsuite.judging.prompt import as_text
from evalsuite.judging.setting import Setting
from evalsuite.judging.subjects import text_of
from evalsuite.records import Case, Json, Output, Run
from evalsuite.scoring import scorer_key, takes_llm
from evalsuite.wording import shown


@dataclass(frozen=True, slots=True)
class Other:
    """`find` gives the other output's text for a case, or raises Lacking; `key` says where it is
    looked for."""

    find: Callable[[Case, LLM], Awaitable[str]]
    key: Json


class Lacking(Exception):
    """There is no other output for this case; the message says why."""


def other_of(against: Against, setting: Setting) -> Other:
    """Where the other output of each case comes from.

    Raises:
        SuiteError: `against` names nothing that there is.
    """
    if callable(against):
        return Other(_called(against), ["target", scorer_key(against)])
    if against == "expected":
        return Other(_expected, "expected")
    if against == "baseline":
        if setting.baseline is None:
            return Other(_none("there is no baseline yet to compare with"), "baseline")
        return Other(_stored(setting, setting.baseline, setting.source), "baseline")
    name, folder = _folder(against, setting)
    return Other(_stored(setting, snapshot.load(folder), folder), ["snapshot", name])


def _folder(name: str, setting: Setting) -> tuple[str, Path]:
    """The snapshot of a suite, or of another variant of this one."""
    snapshots = setting.config.snapshot_dir
    known = {each.name for each in snapshots.iterdir()} if snapshots.is_dir() else set[str]()
    for each in (name, f"{setting.suite.partition('@')[0]}@{name.removeprefix('@')}"):
        if each in known:
            return each, snapshots / each
    options = did_you_mean(name, {"baseline", "expected", *known})
    raise SuiteError(
        f"against={shown(name)}: no suite of this name has a snapshot to compare with ({options}; "
        "evalsuite accept makes one)"
    )


def _stored(
    setting: Setting, run: Run, source: snapshot.Source | None
) -> Callable[[Case, LLM], Awaitable[str]]:
    """The first trial's stored output of each case, read now, so that damage is found now."""
    keys = {
        case.id: run.rows[case.id].outputs[0]
        for case in setting.cases
        if case.id in run.rows and run.rows[case.id].outputs
    }
    if run.manifest.outputs != "full" or source is None:
        return _none(f"the outputs of {run.manifest.suite} are not kept in its snapshot")
    stored = snapshot.read_outputs(source, {each for each in keys.values() if each})
    return _looked_up({case: stored[name] for case, name in keys.items() if name in stored})


def _looked_up(outputs: Mapping[str, Output]) -> Callable[[Case, LLM], Awaitable[str]]:
    async def find(case: Case, llm: LLM) -> str:
        if case.id not in outputs:
            raise Lacking("there is no stored output of this case to compare with")
        return text_of(outputs[case.id])

    return find


def _none(reason: str) -> Callable[[Case, LLM], Awaitable[str]]:
    async def find(case: Case, llm: LLM) -> str:
        raise Lacking(reason)

    return find


async def _expected(case: Case, llm: LLM) -> str:
    if case.expected in (None, "", [], {}):
        raise Lacking("the case has no expected answer to compare with")
    return as_text(case.expected)


def _called(target: Callable[..., Any]) -> Callable[[Case, LLM], Awaitable[str]]:
    """A second target: its calls are the case's, and answered from the store as any."""
    asks = takes_llm(target)

    async def find(case: Case, llm: LLM) -> str:
        arguments = (case, llm) if asks else (case,)
        if inspect.iscoroutinefunction(target):
            made = await target(*arguments)
        else:
            made = await asyncio.to_thread(target, *arguments)
        if isinstance(made, Output):
            return text_of(made)
        if isinstance(made, str):
            return made
        raise Lacking(f"what to compare with is {type(made).__name__}, neither Output nor text")

    return find
