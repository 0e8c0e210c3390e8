"""Rag metrics as a scorer of a suite, bound to their model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.backends.llm import LLM
from evalsuite.canonical import key
from evalsuite.errors import SuiteError
from evalsuite.judging.asking import of_llm
from evalsuite.judging.setting import Setting, role_of
from evalsuite.rag.asking import measure
from evalsuite.rag.material import material_of, reference_of
from evalsuite.rag.names import CITATIONS, GIVEN, METRICS, REFERENCE
from evalsuite.rag.prompt import TEMPLATE
from evalsuite.records import Case, Metric, Output, Score
from evalsuite.scoring import NOTHING

PARSER = 1
"""Raised with every change of how prompts are made and fenced, of the schema, of how replies are
read and quotes looked up, or of how verdicts become a value."""


def rag_key(names: Sequence[str], spec: str) -> str:
    """The identity of what is asked, of the model with its parameters, and of how replies are
    read. Metrics of one call have one key, whichever of them are asked for together."""
    asked = [any(name in names for name in each) for each in (CITATIONS, GIVEN)]
    return key("rag", [TEMPLATE, PARSER, asked, spec])


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
    return BoundRag(tuple(names), unanswerable, asked, rag_key(names, setting.specs[asked]))


@dataclass(frozen=True, slots=True, eq=False)
class BoundRag:
    """Rag metrics ready to be measured. `key` is the identity of their scores."""

    names: Sequence[str]
    unanswerable: str
    role: str
    key: str

    @property
    def metric(self) -> Metric:
        return self.metrics[0]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(METRICS[name] for name in self.names)

    async def __call__(self, case: Case, output: Output, llm: LLM) -> Mapping[str, Score]:
        """A score per metric that applies to the case."""
        material = material_of(case, output, unanswerable=self.unanswerable)
        found = await measure(self.names, material, of_llm(llm[self.role]), case.id)
        return found or NOTHING
