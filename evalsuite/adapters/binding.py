"""A metric of another library, bound to that library, its models and the suite's cases."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalsuite.adapters.asking import Asking
from evalsuite.adapters.fields import OF_CASE, fields_of, lacking, value_of
from evalsuite.adapters.inside import Found, Known, Model
from evalsuite.adapters.process import ask_known, process_of
from evalsuite.backends import open_backend
from evalsuite.backends.llm import LLM
from evalsuite.canonical import key
from evalsuite.errors import SuiteError
from evalsuite.judging.setting import Setting, role_of
from evalsuite.records import Case, Json, Metric, Output, Score
from evalsuite.scoring import EVIDENCE, clip
from evalsuite.wording import blot, shown

VERSION = 1
"""Raised with every change of what metrics are given, of how answers are read, or of what counts
as no value."""

_REASON = 400


def bind(
    setting: Setting,
    *,
    library: str,
    theirs: str,
    name: str,
    params: Mapping[str, Json],
    role: str | None,
    embeddings: str,
    python: str | None,
) -> BoundForeign:
    """A metric that can be asked.

    Raises:
        MissingExtra: the library is not installed.
        SuiteError: another version, an unknown metric or parameter, no such role, or no case has
            what the metric needs.
    """
    asked = role_of("judge", setting.specs) if role is None else role
    _check_role(name, asked, setting)
    apart = None if python is None else setting.config.root / Path(python).expanduser()
    if apart is not None:
        known = ask_known(apart, library, theirs, params)
    else:
        known = _library(library).known(theirs, params)
    _check_cases(name, known, setting.cases)
    roles = (asked, embeddings) if known.embeds else (asked,)
    if known.embeds:
        _check_role(name, embeddings, setting)
        if not open_backend(setting.specs[embeddings], calls=False).capabilities.embeddings:
            wrong = shown(setting.specs[embeddings])
            raise SuiteError(
                f'{name}: the backend of role "{embeddings}" has no embeddings: {wrong}'
            )
    what = [library, known.version, known.theirs, dict(params)]
    what += [setting.specs[each] for each in roles]
    return BoundForeign(
        library=library,
        name=name,
        params=params,
        role=asked,
        embeddings=embeddings,
        known=known,
        key=key("scorer", ["foreign", VERSION, *what]),
        apart=apart,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BoundForeign:
    """A metric ready to be asked, here or (`apart`) by another interpreter. Its key covers the
    library's version, the metric, its parameters, and the models that it asks."""

    library: str
    name: str
    params: Mapping[str, Json]
    role: str
    embeddings: str
    known: Known
    key: str
    apart: Path | None

    @property
    def metric(self) -> Metric:
        known = self.known
        return Metric(self.name, known.low, known.high, known.higher_is_better)

    async def __call__(self, case: Case, output: Output, llm: LLM) -> Score:
        """The value that the library gives, its reason, and as evidence what its questions were
        answered with."""
        fields = fields_of(case, output)
        asking = Asking(llm, self.role, self.embeddings)
        lack = lacking(self.known.needs, fields)
        found = Found(None, lack) if lack else await self._found(fields, asking)
        reason = clip(blot(found.reason), _REASON)
        evidence = asking.evidence(EVIDENCE // 2)
        return Score(case.id, 1, self.name, found.value, reason, evidence)

    async def _found(self, fields: Mapping[str, Json], model: Model) -> Found:
        if self.apart is not None:
            process = process_of(asyncio.get_running_loop(), self.apart, self.library)
            return await process.measure(self.known, self.params, fields, model)
        measure = _library(self.library).measure
        found: Found = await measure(self.known, self.params, fields, model)
        return found


def _library(name: str) -> Any:
    return importlib.import_module(f"evalsuite.adapters.inside_{name}")


def _check_role(name: str, role: str, setting: Setting) -> None:
    if role not in setting.specs:
        there = ", ".join(sorted(setting.specs))
        raise SuiteError(
            f'{name}: no backend has the role "{role}" (there are {there}; add {role} = "BACKEND" '
            "under backends in [tool.evalsuite])"
        )


def _check_cases(name: str, known: Known, cases: Sequence[Case]) -> None:
    """What no case of the dataset has is said before anything is spent."""
    if not cases:
        return
    for need in known.needs:
        what, remedy = OF_CASE.get(need, ("", ""))
        if need.startswith("expected."):
            what = f'"{need.partition(".")[2]}"'
            remedy = "write it into the case's expected"
        if what and not any(_has(need, each) for each in cases):
            raise SuiteError(f"{name} needs {what}, and no case has one ({remedy})")


def _has(need: str, case: Case) -> bool:
    value = value_of(need, fields_of(case, Output()))
    return bool(value) or (need == "trajectory" and value is not None)
