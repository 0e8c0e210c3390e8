"""`ev.ranking`: what was retrieved against a case's relevant documents, as a suite names it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evalsuite.canonical import key
from evalsuite.errors import SuiteError, did_you_mean
from evalsuite.rankings.metrics import MEASURES, gains, ranked
from evalsuite.records import Case, Json, Metric, Output, Score
from evalsuite.scoring import clip, nothing
from evalsuite.wording import shown

VERSION = 1
"""Raised with every change that changes a value."""

MOST = 1_000
"""The largest k."""

NO_LABELS = "the case names no relevant document"

SHOWN = 20
"""Relevant documents that evidence and reasons name."""

_NAME = re.compile(r"([^@]+)(?:@(\d{1,4}(?:,\d{1,4})*))?", re.ASCII)


class Setting(Protocol):
    """What a suite says of itself when it is made ready."""

    @property
    def cases(self) -> Sequence[Case]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric: which measure, and how many ranks count; None: all."""

    measure: str
    k: int | None

    @property
    def name(self) -> str:
        return self.measure if self.k is None else f"{self.measure}@{self.k}"


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The scorer. It asks no model and reads nothing but ids."""

    wanted: Sequence[Wanted]

    @property
    def key(self) -> str:
        """The same whichever metrics are wanted: another one makes none of them stale."""
        return key("scorer", ["ranking", VERSION])

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(Metric(each.name) for each in self.wanted)

    @property
    def metric(self) -> Metric:
        return self.metrics[0]

    def bind(self, setting: Setting) -> Ranking:
        """Raises:
        SuiteError: no case names a relevant document.
        """
        if not any(case.relevant for case in setting.cases):
            remedy = 'write "relevant": ["doc-1", "doc-2"] or {"doc-1": 3, "doc-2": 1}'
            raise SuiteError(f"ranking: no case names relevant documents ({remedy})")
        return self

    def __call__(self, case: Case, output: Output) -> dict[str, Score]:
        """A score per metric; none has a value where the case has no labels."""
        if not case.relevant:
            names = [each.name for each in self.wanted]
            return {name: nothing(NO_LABELS) for name in names}
        documents = ranked(document.id for document in output.contexts)
        found = gains(documents, case.relevant)
        ideal = sorted(map(float, case.relevant.values()), reverse=True)
        evidence, reason = _places(case, documents)
        made = {}
        for each in self.wanted:
            value = MEASURES[each.measure](found, ideal, each.k)
            said = "" if value == 1.0 else reason
            made[each.name] = Score(case.id, 1, each.name, value, said, evidence)
            evidence = []  # of all of them, so it is shown once
        return made


def ranking(*metrics: str) -> Ranking:
    """Retrieval metrics from the case's `relevant` and the ids of the output's contexts.

    Args:
        metrics: "recall", "precision", "hit_rate", "mrr", "map", "ndcg", each of all ranks or of
            the first k ("recall@5", several as "recall@1,5,10"), and "r_precision". One metric is
            made per name and k.

    Raises:
        SuiteError: at import: a name that is not known, is there twice, or has a k that can't be.
    """
    if not metrics:
        raise SuiteError('ranking: name its metrics, such as ev.ranking("recall@5", "ndcg@10")')
    wanted = [each for name in metrics for each in _wanted(name)]
    for place, each in enumerate(wanted):
        if each in wanted[:place]:
            raise SuiteError(f'ranking: "{each.name}" is there twice')
    return Ranking(tuple(wanted))


def _wanted(name: object) -> list[Wanted]:
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise SuiteError(f'ranking: a metric is text such as "recall@5", not {shown(name)}')
    measure, ks = match.groups()
    if measure not in MEASURES:
        hint = did_you_mean(measure, MEASURES)
        raise SuiteError(f"ranking: no metric is named {shown(measure)}: {hint}")
    if ks is None:
        return [Wanted(measure, None)]
    if measure == "r_precision":
        remedy = "its k is the number of relevant documents"
        raise SuiteError(f'ranking: write "r_precision" without k: {remedy}')
    numbers = [int(each) for each in ks.split(",")]
    if not all(1 <= each <= MOST for each in numbers):
        raise SuiteError(f"ranking: {shown(name)}: k must be from 1 to {MOST}")
    return [Wanted(measure, each) for each in numbers]


def _places(case: Case, documents: Sequence[str]) -> tuple[list[dict[str, Json]], str]:
    """Where each relevant document was found, best grade first; and in words."""
    rank = {id_: place for place, id_ in enumerate(documents, 1) if id_}
    order = sorted(case.relevant.items(), key=lambda item: (-item[1], item[0]))
    evidence: list[dict[str, Json]] = [
        {"document": clip(id_, 80), "grade": float(grade), "rank": rank.get(id_, "not retrieved")}
        for id_, grade in order[:SHOWN]
    ]
    missing = [clip(id_, 60) for id_, _ in order if id_ not in rank]
    if not documents:
        return evidence, "nothing was retrieved"
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        return evidence, f"not retrieved: {', '.join(missing[:3])}{more}"
    said = ", ".join(f"{clip(id_, 60)} at rank {rank[id_]}" for id_, _ in order[:3])
    return evidence, f"{said}, of {len(documents)}"
