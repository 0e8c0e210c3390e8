"""`ev.rag.similarity`: how near an answer is to the reference answer, by the vectors of a model of
embeddings.

The value is the cosine of the two vectors, negative ones taken as 0: 1 in the same direction, 0 at
a right angle or beyond. What a value is worth depends on the model: most give unrelated texts well
above 0, and few see a negation. Source: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019; the
metric is ragas' semantic similarity. Importing this loads nothing heavy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalsuite.canonical import key
from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.records import Case, Metric, Output, Score
from evalsuite.scoring import nothing
from evalsuite.wording import shown

if TYPE_CHECKING:
    from evalsuite.backends.llm import LLM
    from evalsuite.judging.setting import Setting

VERSION = 1
"""Raised with every change that changes a value."""

ROLE = "embed"
"""The role that is asked unless the suite names another. Never the default one: a model that
answers has no vectors."""

METRIC = Metric("similarity", role="detail")
"""It informs, and a floor can be put on it: whether less of it is worse, nobody has measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """The metric as a suite names it; `bind` makes it a scorer that can ask."""

    role: str

    @property
    def metric(self) -> Metric:
        return METRIC

    async def __call__(self, case: Case, output: Output, llm: Any) -> Any:
        raise EvalsuiteError("similarity scores within a suite: put it into scorers=[...]")

    def bind(self, setting: Setting) -> BoundSimilarity:
        """Check it against the suite's models and cases.

        Raises:
            SuiteError: no backend has the role, it has no embeddings, or no case has a reference.
        """
        from evalsuite.backends import open_backend  # noqa: PLC0415 (only once it is used)
        from evalsuite.rag.material import reference_of  # noqa: PLC0415

        if self.role not in setting.specs:
            there = ", ".join(sorted(setting.specs))
            remedy = f'{self.role} = "openai:text-embedding-3-small" under backends'
            raise SuiteError(
                f'similarity needs embeddings, and no backend has the role "{self.role}" '
                f"(there are {there}; add {remedy} in [tool.evalsuite], or "
                '"embedded", which compares spelling)'
            )
        spec = setting.specs[self.role]
        if not open_backend(spec, calls=False).capabilities.embeddings:
            wrong = f'the backend of role "{self.role}" has no embeddings: {shown(spec)}'
            raise SuiteError(f"similarity: {wrong}")
        if setting.cases and not any(map(reference_of, setting.cases)):
            remedy = 'write it as a case\'s expected, or as its field "answer"'
            raise SuiteError(f"similarity needs a reference answer, and no case has one: {remedy}")
        return BoundSimilarity(self.role, spec)


@dataclass(frozen=True, slots=True, eq=False)
class BoundSimilarity:
    """The metric ready to be asked of its model."""

    role: str
    spec: str

    @property
    def metric(self) -> Metric:
        return METRIC

    @property
    def key(self) -> str:
        return key("rag", ["similarity", VERSION, self.spec])

    async def __call__(
        self, case: Case, output: Output, llm: LLM
    ) -> Score | tuple[float | None, str]:
        """The value, or none, and why."""
        from evalsuite.judging.subjects import text_of  # noqa: PLC0415 (only once it is used)
        from evalsuite.rag.material import reference_of  # noqa: PLC0415

        answer, reference = text_of(output), reference_of(case)
        if reference is None:
            return nothing("no reference answer: the case expects no text")
        if not answer.strip():
            return 0.0, "the answer is empty"
        first, second = await llm[self.role].embed([answer, reference])
        return likeness(first, second)


def similarity(*, role: str = ROLE) -> Similarity:
    """How near the answer is to the reference answer: the cosine of their vectors, at least 0.

    Args:
        role: of the backend that gives the vectors.

    Raises:
        SuiteError: at import.
    """
    if not isinstance(role, str) or not role:
        raise SuiteError(f"similarity: role must be text, not {shown(role)}")
    return Similarity(role)


def likeness(one: Sequence[float], other: Sequence[float]) -> tuple[float | None, str]:
    """The cosine of two vectors within [0, 1], or None and why there is none."""
    if len(one) != len(other):
        return None, f"vectors of {len(one)} and {len(other)} numbers can't be compared"
    for what, vector in (("answer", one), ("reference answer", other)):
        if not all(map(math.isfinite, vector)):
            return None, f"the vector of the {what} has no direction: a number of it is not finite"
    first, second = _unit(one), _unit(other)
    if first is None or second is None:
        what = "answer" if first is None else "reference answer"
        return None, f"the vector of the {what} has no direction"
    cosine = math.fsum(a * b for a, b in zip(first, second, strict=True))
    return min(1.0, max(0.0, cosine)), ""


def _unit(vector: Sequence[float]) -> list[float] | None:
    """The vector at length 1; None if it has no direction."""
    largest = max(map(abs, vector), default=0.0)
    if largest == 0:
        return None
    scaled = [each / largest for each in vector]  # so that no square overflows or vanishes
    length = math.sqrt(math.fsum(each * each for each in scaled))
    return [each / length for each in scaled]
