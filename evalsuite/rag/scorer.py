"""Rag metrics as a scorer of a suite, bound to their model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.backends.llm import LLM
from evalsuite.errors import SuiteError, did_you_mean
from evalsuite.judging.asking import of_llm
from evalsuite.judging.keys import JudgeKeys
from evalsuite.judging.records import Card
from evalsuite.judging.setting import Setting, role_of
from evalsuite.rag.asking import calls, measure
from evalsuite.rag.cards import metric_card
from evalsuite.rag.keys import metric_keys, rag_key
from evalsuite.rag.material import material_of, reference_of
from evalsuite.rag.names import METRICS, REFERENCE, UNANSWERABLE
from evalsuite.records import Case, Metric, Output, Score
from evalsuite.wording import shown


def bind_rag(
    setting: Setting, names: Sequence[str], *, unanswerable: str, role: str | None
) -> BoundRag:
    """A scorer that can ask, its metrics checked against the suite's models and cases.

    Raises:
        SuiteError: a role that there is not, or cases that lack what a metric needs.
    """
    if role is not None and role not in setting.specs:
        there = ", ".join(sorted(setting.specs))
        remedy = f'there are {there}; add {role} = "BACKEND" under backends in [tool.evalsuite]'
        raise SuiteError(f'rag {names[0]}: no backend has the role "{role}" ({remedy})')
    dimension, _, value = unanswerable.partition("=")
    _check_slice(setting.cases, unanswerable)
    marked = [each for each in setting.cases if each.slices.get(dimension) == value]
    others = [each for each in setting.cases if each.slices.get(dimension) != value]
    for name in names if setting.cases else ():
        if name == "unanswerable_refusal":
            if not marked:
                remedy = 'name the slice of those cases by unanswerable="dimension=value"'
                raise SuiteError(f'rag {name}: no case is in slice "{unanswerable}": {remedy}')
        elif not others:
            wrong = f'every case is in slice "{unanswerable}", where it is not measured'
            raise SuiteError(f"rag {name}: {wrong}")
        elif name in REFERENCE and not any(map(reference_of, others)):
            remedy = 'write it as a case\'s expected, or as its field "answer"'
            raise SuiteError(f"rag {name} needs a reference answer, and no case has one: {remedy}")
    asked = role if role is not None else role_of("judge", setting.specs)
    spec = setting.specs[asked]
    return BoundRag(tuple(names), unanswerable, asked, spec, rag_key(names, spec))


def _check_slice(cases: Sequence[Case], unanswerable: str) -> None:
    """A slice that a suite names itself has a case; none need be in the one that is the default.

    Raises:
        SuiteError: no case is in it, as of a name that is misspelt.
    """
    there = {f"{name}={value}" for each in cases for name, value in each.slices.items()}
    if cases and unanswerable != UNANSWERABLE and unanswerable not in there:
        found = f"no case is in slice {shown(unanswerable)}: {did_you_mean(unanswerable, there)}"
        raise SuiteError(f"rag: unanswerable: {found}")


@dataclass(frozen=True, slots=True, eq=False)
class BoundRag:
    """Rag metrics ready to be measured. `key` is the identity of their scores."""

    names: Sequence[str]
    unanswerable: str
    role: str
    spec: str
    key: str

    @property
    def rated(self) -> Mapping[str, tuple[Card, JudgeKeys]]:
        """By metric what people rate it by, and what a certificate of it is bound to."""
        return {
            name: (metric_card(name), metric_keys(name, self.names, self.spec))
            for name in self.names
        }

    def calls(self, case: Case, output: Output) -> int:
        """How many calls a score takes."""
        return calls(self.names, material_of(case, output, unanswerable=self.unanswerable))

    @property
    def metric(self) -> Metric:
        return self.metrics[0]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(METRICS[name] for name in self.names)

    async def __call__(self, case: Case, output: Output, llm: LLM) -> Mapping[str, Score]:
        """A score per metric."""
        material = material_of(case, output, unanswerable=self.unanswerable)
        return await measure(self.names, material, of_llm(llm[self.role]), case.id)
