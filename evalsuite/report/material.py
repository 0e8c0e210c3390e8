"""Everything that a report is built from, in one record, and how a row's scores are read."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from evalsuite.diff import VOTED, Diff, own_trials
from evalsuite.gate import OVERALL, Finding, Verdict
from evalsuite.gate.attribution import Attribution
from evalsuite.gate.costs import Cost
from evalsuite.gate.verdict import BAD
from evalsuite.records import CHECKS, COMPLETION, Case, Json, Manifest, Metric, Output, Row
from evalsuite.report.escape import line, shorten
from evalsuite.report.reports import Commands
from evalsuite.stats.repeats import majority

LOWEST = 10
"""Cases of each metric that are shown where nothing is compared."""

SHOWN = 200
"""Cases that a page opens."""

_ORIGIN = 120

AMBER = ("inconclusive", "incomparable", "flaky")

Pair = tuple[Output | None, Output | None]


Shown = tuple[str, int, Sequence[Mapping[str, Json]]]
"""A metric, a trial, and what its scorer showed for the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """`before` and `after` hold the rows of both runs by id; `answers` the outputs of some, and
    `evidence` what scorers showed for the candidate's; `crossed` are answers of the candidate to
    the baseline's documents, `further` both sides of trials after the first, `attributions` what
    these tell of changes, `costs` what fresh answers took."""

    diff: Diff
    verdict: Verdict
    before: Mapping[str, Row]
    after: Mapping[str, Row]
    answers: Mapping[str, Pair]
    cases: Mapping[str, Case]
    commands: Commands
    evidence: Mapping[str, Sequence[Shown]] = field(default_factory=dict)
    crossed: Mapping[str, Output] = field(default_factory=dict)
    further: Mapping[str, Sequence[Pair]] = field(default_factory=dict)
    attributions: Sequence[Attribution] = ()
    costs: Sequence[Cost] = ()


def value(row: Row | None, metric: Metric, run: Manifest | None) -> float | None:
    """What the scored trials of a case say together, as floors take them, mapped to [0, 1] with
    higher better; None if none is. `run` is the row's."""
    shares = _scored(row, metric, run)
    if not shares:
        return None
    share = sum(shares) / len(shares)
    return float(majority(np.array(share))) if metric.name in VOTED else share


def variance(row: Row | None, metric: Metric, run: Manifest | None) -> float | None:
    """The unbiased variance of the same trials; None for fewer than two."""
    shares = _scored(row, metric, run)
    return statistics.variance(shares) if len(shares) > 1 else None


def _scored(row: Row | None, metric: Metric, run: Manifest | None) -> list[float]:
    if row is None or run is None:
        return []
    span = metric.high - metric.low
    shares = [
        min(1.0, max(0.0, (each - metric.low) / span))
        for each in own_trials(row, row.scores.get(metric.name, ()), run)
        if each is not None and isfinite(each)
    ]
    return shares if metric.higher_is_better else [1 - share for share in shares]


def measured(material: Material) -> list[Metric]:
    """The metrics to show, `checks` first; `completion` only where some target raised."""
    known = {CHECKS: Metric(CHECKS), COMPLETION: Metric(COMPLETION)}
    known |= {metric.name: metric for metric in material.diff.candidate.metrics}
    rows = (*material.before.values(), *material.after.values())
    names = {name for row in rows for name in row.scores}
    if not any(0.0 in row.scores.get(COMPLETION, ()) for row in rows):
        names.discard(COMPLETION)
    return [
        metric
        for name, metric in known.items()
        if name in names and metric.high > metric.low and metric.role in ("gate", "detail")
    ]


def finding_of(verdict: Verdict, metric: str, part: str = OVERALL) -> Finding | None:
    """What the relative gate says of a metric in a slice."""
    for finding in verdict.findings:
        if (finding.kind, finding.metric, finding.slice) == ("relative", metric, part):
            return finding
    return None


def reds(verdict: Verdict) -> list[Finding]:
    """What is worse, what blocks first: as strong as it gets, then the largest drop."""
    found = [finding for finding in verdict.findings if finding.result in BAD]
    return sorted(found, key=_gravity)


def broken(verdict: Verdict) -> list[Finding]:
    """The must_pass cases that failed: each of them blocks alone, so none is told after others."""
    return [finding for finding in reds(verdict) if finding.kind == "must_pass"]


def strict_first(verdict: Verdict) -> list[Finding]:
    """What is worse, what must pass before what is measured: for naming cases."""
    return sorted(reds(verdict), key=lambda each: not (each.kind == "must_pass" and each.blocks))


def origin(case: Case | None) -> str:
    """Where a case comes from, such as "incident 2026-01", in one short line; "" if not known."""
    given = case.provenance if case is not None else None
    if isinstance(given, Mapping):
        given = ", ".join(f"{key} {value}" for key, value in given.items())
    return shorten(line(str(given)[: 4 * _ORIGIN]), _ORIGIN) if given else ""


def gone(diff: Diff) -> tuple[Sequence[str], int]:
    """The cases that only the snapshot has, and how many: what a run merely lacks is missing, not
    gone, and of a part of the cases nothing can be told. No ids where the two can't be told
    apart."""
    ids = [each for each, status in diff.status.items() if status == "gone"]
    count = 0 if diff.candidate.partial else max(0, len(ids) - diff.lost)
    return (ids if count == len(ids) else ()), count


def acceptable(material: Material) -> bool:
    """Whether a snapshot can be made of it at all: of all its cases, each with a result."""
    run = material.diff.candidate
    return not run.partial and run.complete and not material.diff.lost


def helped_by_accepting(verdict: Verdict) -> bool:
    """Whether a new snapshot leaves nothing that blocks: floors and strict cases ask for none."""
    return all(finding.excusable for finding in verdict.findings if finding.blocks)


def _gravity(finding: Finding) -> tuple[bool, int, float, float, str]:
    chance = 1.0 if finding.p is None else round(finding.p, 4)
    drop = finding.effect or 0.0
    return not finding.blocks, BAD.index(finding.result), chance, drop, finding.name


def suspects(verdict: Verdict) -> list[Finding]:
    """Drops that chance explains badly and that no gate blocks, derived slices among them.

    Either the gate calls it a regression without blocking, or its adjusted p is at most 0.05;
    where there is no p, the 95 % interval leaves out zero and the drop is 5 points or more.
    The largest drop comes first, so that a slice precedes what merely contains it. Where the whole
    metric is red, a slice that nobody declared is named only for a drop that is larger beyond
    chance: its interval leaves out the drop overall; where a declared slice is, only if cases fell
    that are not in it.
    """
    found = []
    for finding in verdict.findings:
        effect, p = finding.effect or 0.0, finding.p
        if finding.kind != "relative" or finding.blocks or effect >= 0:
            continue
        if finding.corrected is not None and finding.result not in BAD:
            continue  # people looked at it
        if not finding.declared and (_shared(finding, verdict) or _within(finding, verdict)):
            continue
        bounded = finding.high is not None and finding.high < 0 and effect <= -0.05
        if finding.result in BAD or (bounded if p is None else p <= 0.05):
            found.append(finding)
    return sorted(found, key=_suspicion)


def _shared(finding: Finding, verdict: Verdict) -> bool:
    """Whether a slice's drop may be no more than that of the whole metric, which is told itself."""
    whole = finding_of(verdict, finding.metric)
    if whole is None or whole is finding or whole.result not in BAD:
        return False
    return finding.high is None or finding.high >= (whole.effect or 0.0)


def _within(finding: Finding, verdict: Verdict) -> bool:
    """Whether all that fell in a slice is told by one declared slice that is red itself."""
    fell = set(finding.fell)
    return bool(fell) and any(
        fell <= set(each.fell)
        for each in verdict.findings
        if each.declared and each.slice != OVERALL and each.metric == finding.metric
        if each.result in BAD
    )


def _suspicion(finding: Finding) -> tuple[bool, float, str]:
    return finding.result not in BAD, finding.effect or 0.0, finding.name


def case_of(finding: Finding) -> str:
    """The id that a must_pass finding is about."""
    return finding.fell[0] if finding.fell else finding.name.partition(", ")[2]


def wanted(diff: Diff, verdict: Verdict) -> list[str]:
    """Ids of the cases whose outputs the report shows before and after, at most `SHOWN`.

    First what made gates red or suspect, then what else moved, then answers that only changed.
    Where there is no baseline, what fails its checks, and what other scorers valued least.
    """
    ids: dict[str, None] = {}
    for finding in (*strict_first(verdict), *suspects(verdict)):
        names: Sequence[str] = finding.fell
        if finding.kind == "must_pass":
            names = [case_of(finding)]
        ids.update(dict.fromkeys(names))
    flaky = [each for each in verdict.findings if each.result == "flaky"]
    ids.update(dict.fromkeys(case_of(finding) for finding in flaky))
    for finding in verdict.findings:
        if finding.slice == OVERALL and finding.kind == "relative":
            ids.update(dict.fromkeys((*finding.fell, *finding.rose)))
    ids.update(dict.fromkeys(each for each, status in diff.status.items() if status == "changed"))
    if diff.baseline is None:
        ids.update(dict.fromkeys(_lowest(diff)))
    return [each for each in ids if diff.status.get(each, "gone") != "gone"][:SHOWN]


def failing(diff: Diff, rows: Mapping[str, Row], wanted: Collection[str]) -> list[str]:
    """Ids of cases beside the wanted ones that have an error or fail their checks as before, as far
    as a page has room for them."""
    ids = [
        id_
        for id_, row in rows.items()
        if (any(row.errors) or any(each == 0.0 for each in row.scores.get(CHECKS, ())))
        and diff.status.get(id_, "gone") != "gone"
    ]
    known = set(wanted)
    return [each for each in ids if each not in known][: max(0, SHOWN - len(known))]


def _lowest(diff: Diff) -> Iterator[str]:
    """Of each metric that gates the cases with the lowest values under the best."""
    gating = [metric.name for metric in diff.candidate.metrics if metric.role == "gate"]
    for name in dict.fromkeys((CHECKS, *gating)):
        level = diff.levels.get(name)
        if level is None:
            continue
        values = zip(level.values.tolist(), level.ids, level.seen.tolist(), strict=True)
        low = sorted((value, case) for value, case, seen in values if seen and value < 1)
        yield from (case for _, case in low[:LOWEST])
