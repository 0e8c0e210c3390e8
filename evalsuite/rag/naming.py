"""`ev.rag.triad` and single metrics: what a suite names of retrieval-augmented generation.

A module full of suites is imported in every run of pytest, so that this loads nothing: `bind` does,
when the suite is made ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalsuite.errors import EvalsuiteError, SuiteError, did_you_mean
from evalsuite.rag.names import METRICS, TRIAD, UNANSWERABLE
from evalsuite.records import Case, Metric, Output
from evalsuite.scoring import clip
from evalsuite.wording import shown

if TYPE_CHECKING:
    from evalsuite.judging.setting import Setting
    from evalsuite.rag.scorer import BoundRag


@dataclass(frozen=True, slots=True, eq=False)
class Rag:
    """Metrics that a suite names; `bind` makes them a scorer that can ask."""

    names: Sequence[str]
    unanswerable: str = UNANSWERABLE
    role: str | None = None

    @property
    def metric(self) -> Metric:
        return self.metrics[0]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(METRICS[name] for name in self.names)

    async def __call__(self, case: Case, output: Output, llm: Any) -> Any:
        raise EvalsuiteError("rag metrics score within a suite: put them into scorers=[...]")

    def bind(self, setting: Setting) -> BoundRag:
        """Check them against the suite's models and cases.

        Raises:
            SuiteError: a role that there is not, or cases that lack what a metric needs.
        """
        from evalsuite.rag.scorer import bind_rag  # noqa: PLC0415 (only once it is used)

        return bind_rag(setting, self.names, unanswerable=self.unanswerable, role=self.role)


def triad(
    *,
    recall: bool = False,
    also: Sequence[str] = (),
    unanswerable: str = UNANSWERABLE,
    role: str | None = None,
) -> Rag:
    """Faithfulness, answer relevancy and context relevance, by one call per answer.

    Args:
        recall: context recall as well. It needs a reference answer and a second call.
        also: further metrics by name. Those that need a reference share the second call, the
            others the first.
        unanswerable: the slice, "dimension=value", of cases that the documents do not answer.
            Of them only unanswerable_refusal is measured, and of the others all but that.
        role: of the backend that is asked; default: "judge" if the settings have it, else
            "default".

    Raises:
        SuiteError: at import.
    """
    if type(recall) is not bool:
        raise SuiteError(f"rag: recall must be True or False, not {shown(recall)}")
    if isinstance(also, str) or not isinstance(also, Sequence):
        example = also if isinstance(also, str) else "context_precision"
        wrong = f"also must be a list of metrics, not {shown(also)}"
        raise SuiteError(f'rag: {wrong}: write also=["{clip(example, 40)}"]')
    for name in also:
        if not isinstance(name, str) or name not in METRICS:
            known = did_you_mean(str(name), METRICS)
            raise SuiteError(f"rag: there is no metric {shown(name)}: {known}")
    wanted = [*TRIAD, *(["context_recall"] if recall else []), *also]
    return _rag(wanted, unanswerable, role)


def _rag(names: Sequence[str], unanswerable: str, role: str | None) -> Rag:
    if not isinstance(unanswerable, str) or not all(unanswerable.partition("=")[::2]):
        wrong = f'unanswerable must be a slice "dimension=value", not {shown(unanswerable)}'
        raise SuiteError(f"rag: {wrong}")
    if role is not None and not isinstance(role, str):
        raise SuiteError(f"rag: role must be text, not {shown(role)}")
    return Rag(tuple(dict.fromkeys(names)), unanswerable, role)


def faithfulness(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """The share of the answer's claims that the contexts support, each by a verbatim quote."""
    return _rag(["faithfulness"], unanswerable, role)


def answer_relevancy(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """The share of the answer's claims that address the question; 0 for one that declines."""
    return _rag(["answer_relevancy"], unanswerable, role)


def context_relevance(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """The share of the contexts that help to answer the question."""
    return _rag(["context_relevance"], unanswerable, role)


def context_precision(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """Whether relevant contexts stand before the others: their average precision."""
    return _rag(["context_precision"], unanswerable, role)


def context_recall(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """The share of the reference answer's claims that the contexts hold, each by a quote."""
    return _rag(["context_recall"], unanswerable, role)


def citation_precision(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """The share of the answer's citations whose passage helps to carry their sentence."""
    return _rag(["citation_precision"], unanswerable, role)


def citation_recall(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """The share of the answer's sentences that the passages cited in them carry."""
    return _rag(["citation_recall"], unanswerable, role)


def answer_correctness(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """The answer's claims against the reference answer's: F1."""
    return _rag(["answer_correctness"], unanswerable, role)


def noise_sensitivity(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """The share of the answer's claims that are wrong and come from a context; lower is better."""
    return _rag(["noise_sensitivity"], unanswerable, role)


def unanswerable_refusal(*, unanswerable: str = UNANSWERABLE, role: str | None = None) -> Rag:
    """Whether a question that the documents do not answer is declined."""
    return _rag(["unanswerable_refusal"], unanswerable, role)
