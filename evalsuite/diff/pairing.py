"""Makes a Diff: pairs the rows of two runs and says what of their subjects differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from evalsuite.diff.changing import changes
from evalsuite.diff.crossing import crossed_trials, crossed_with, other_documents, uncrossed
from evalsuite.diff.derived import derived_slices
from evalsuite.diff.form import form_shift
from evalsuite.diff.looking import again_trials, earlier_looks, needed, wanted
from evalsuite.diff.record import Diff, Level, Pairs, Status
from evalsuite.diff.spending import spending
from evalsuite.diff.tier import beside
from evalsuite.errors import SnapshotError
from evalsuite.records import CHECKS, COMPLETION, STYLE, Manifest, Metric, Row, Run
from evalsuite.stats.flips import Bools, Floats, Ints
from evalsuite.stats.repeats import combined

Trials = Sequence[float | None]

Values = Mapping[str, Trials]
"""Trials by case; cases to which a metric does not apply have none."""

VOTED = (CHECKS, COMPLETION)
"""Yes or no: a case passes by the majority of its trials. Of any other metric the mean is taken.

The paired test is not told of votes. It compares trial by trial, since a majority of three keeps
only half of what they tell of a rate: with 200 cases whose answers vary its standard error is 1.4
points, and that of the mean 1.0."""

_HUGE = 1e300
"""Scores from here on, infinity and NaN included, are none."""


def compare(baseline: Run | None, candidate: Run) -> Diff:
    """Put a candidate beside its baseline; without one only levels and strict cases are known.

    Raises:
        SnapshotError: a metric's range is empty.
    """
    if baseline is not None:
        baseline = beside(baseline, candidate.manifest)
    earlier = tuple(_beside(baseline, each) for each in earlier_looks(candidate))
    return replace(_beside(baseline, candidate), earlier=earlier)


def _beside(baseline: Run | None, candidate: Run) -> Diff:
    old = {} if baseline is None else needed(baseline.rows, candidate.manifest)
    new = candidate.rows
    metrics = _metrics(candidate)
    known = {} if baseline is None else _metrics(baseline)
    before, after = ({name: _values(rows, name) for name in metrics} for rows in (old, new))
    status = {case: _status(old.get(case), new.get(case)) for case in sorted({*old, *new})}
    shared = [case for case, what in status.items() if what in ("same", "changed")]
    stale: dict[str, list[str]] = defaultdict(list)
    for case, what in status.items():
        if what == "stale":
            stale[case] += [name for name in metrics if case in after[name]]
    pairs = {}
    for name, metric in metrics.items():
        if metric.role != "gate":
            continue
        measured = known.get(name) == metric
        fit = []
        for case in shared:
            if name in old[case].void and name in new[case].void:
                continue  # nothing to judge on either side: no value is missing
            fits = None
            if _comparable(metric, known):
                values = (before[name].get(case), after[name].get(case))
                fits = _fits(old[case], new[case], metric, values)
            if fits and (measured or metric.center is not None):
                fit.append(case)
            elif fits is not None:
                stale[case].append(name)
        both = ((baseline or candidate, before[name]), (candidate, after[name]))
        pairs[name] = _pairs(metric, fit, both, status)
    slices = _slices(new)
    return Diff(
        suite=candidate.manifest.suite,
        baseline=None if baseline is None else baseline.manifest,
        candidate=candidate.manifest,
        status=status,
        stale={case: tuple(names) for case, names in sorted(stale.items())},
        subject=() if baseline is None else changes(baseline, candidate),
        pairs=pairs,
        slices=slices,
        derived=_derived(old, new, slices),
        levels={
            name: _level(metric, (candidate, after[name]), pairs.get(name))
            for name, metric in metrics.items()
        },
        must_pass={case: _held(row) for case, row in sorted(new.items()) if row.must_pass},
        lost=_lost(candidate),
        form=form_shift(old, new, shared),
        uncrossed=uncrossed(old, new),
        took=spending(baseline, candidate, shared),
    )


def _metrics(run: Run) -> dict[str, Metric]:
    """By name; `checks` and `completion` need not be declared."""
    declared = {metric.name: metric for metric in run.manifest.metrics}
    for metric in declared.values():
        if not metric.low < metric.high:
            raise SnapshotError(
                f"run {run.manifest.run}: metric {metric.name}: its range {metric.low:g} to "
                f"{metric.high:g} is empty; low must be under high"
            )
    return {CHECKS: Metric(CHECKS), COMPLETION: Metric(COMPLETION)} | declared


def _lost(run: Run) -> int:
    return 0 if run.manifest.partial else max(0, wanted(run.manifest) - len(run.rows))


def _status(before: Row | None, after: Row | None) -> Status:
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if before.case_key != after.case_key:
        return "stale"
    return "same" if _identical(before, after) else "changed"


def _identical(before: Row, after: Row) -> bool:
    """Whether the trials that both sides have gave the same outputs, or raised the same."""
    both = list(zip(_answers(before), _answers(after), strict=False))
    return bool(both) and all(one is not None and one == other for one, other in both)


def _answers(row: Row) -> Sequence[str | None]:
    if not any(row.errors):
        return row.outputs
    return [
        output if output is not None else f"raised {error}" if _raised(error) else None
        for output, error in zip_longest(row.outputs, row.errors)
    ]


def _raised(error: str | None) -> bool:
    """Whether the target's own code failed; other failures are the harness's."""
    return error is not None and error.partition(":")[0] == "target"


def _values(rows: Mapping[str, Row], metric: str) -> Values:
    """Of a metric, by case, in the order of the rows."""
    found = {case: row.scores.get(metric) for case, row in rows.items()}
    if metric == COMPLETION:
        found = {
            case: _completed(rows[case]) if values is None else values
            for case, values in found.items()
        }
    return {case: values for case, values in found.items() if values is not None}


def _completed(row: Row) -> Trials:
    if not any(row.errors):
        return [None if output is None else 1.0 for output in row.outputs]
    return [
        0.0 if _raised(error) else None if output is None else 1.0
        for output, error in zip_longest(row.outputs, row.errors)
    ]


def own_trials(row: Row, values: Trials, run: Manifest) -> Trials:
    """Without those that a must_pass case was given because it failed: they decide that case
    alone, and would be an average of failures and second chances anywhere else."""
    return values[: max(1, run.trials)] if row.must_pass else values


def _comparable(metric: Metric, known: Mapping[str, Metric]) -> bool:
    """Whether the baseline has a value of it. What compares with the baseline itself needs none."""
    return metric.name in known or metric.center is not None


def _fits(
    before: Row, after: Row, metric: Metric, values: tuple[Trials | None, Trials | None]
) -> bool | None:
    """Whether both sides were measured the same way; None: on neither side."""
    one, other = values
    if metric.center is not None:
        return None if other is None else True
    if one is None and other is None:
        return None
    same = before.scorer_keys.get(metric.name) == after.scorer_keys.get(metric.name)
    return same and one is not None and other is not None


def _pairs(
    metric: Metric,
    ids: Sequence[str],
    measured: tuple[tuple[Run, Values], tuple[Run, Values]],
    status: Mapping[str, Status],
) -> Pairs:
    sides = [[_own(run, case, values) for case in ids] for run, values in measured]
    runs = [run for run, _ in measured]
    if metric.center is not None:  # each value is a comparison with the baseline already
        sides[0] = [[metric.center] * len(trials) for trials in sides[1]]
    (before, before_seen), (after, after_seen) = (_grid(metric, side) for side in sides)
    rows = [(runs[0].rows[case], runs[1].rows[case]) for case in ids]
    crossed, crossed_seen, other = None, None, None
    if any(crossed_with(*pair) for pair in rows):
        both = zip(rows, zip(*sides, strict=True), strict=True)
        crossed, crossed_seen = _grid(
            metric, [crossed_trials(*pair, metric.name, values) for pair, values in both]
        )
        other = np.array([other_documents(*pair) for pair in rows], dtype=np.bool_)
    again, again_seen, asked = None, None, None
    if runs[1].manifest.again and any(new.again for _, new in rows):
        again, again_seen = _grid(metric, [again_trials(new, metric.name) for _, new in rows])
        asked = np.array([bool(new.again) for _, new in rows], dtype=np.bool_)
    return Pairs(
        metric=metric.name,
        ids=tuple(ids),
        before=before,
        after=after,
        before_seen=before_seen,
        after_seen=after_seen,
        identical=np.fromiter((status[case] == "same" for case in ids), np.bool_, len(ids)),
        clusters=_clusters(runs[1].rows[case] for case in ids),
        crossed=crossed,
        crossed_seen=crossed_seen,
        other=other,
        again=again,
        again_seen=again_seen,
        asked=asked,
        silent=_silent(metric.name, rows),
    )


def _silent(metric: str, rows: Sequence[tuple[Row, Row]]) -> Ints | None:
    """Where one side alone has nothing to judge; see Pairs."""
    found = [(metric in new.void) - (metric in old.void) for old, new in rows]
    return np.array(found, dtype=np.int64) if any(found) else None


def _own(run: Run, case: str, values: Values) -> Trials:
    return own_trials(run.rows[case], values.get(case, ()), run.manifest)


def _grid(metric: Metric, rows: Iterable[Trials]) -> tuple[Floats, Bools]:
    """(cases, trials) on the [0, 1] scale and what of it was scored; numbers beyond are clipped."""
    trials = list(rows)
    width = max((len(each) for each in trials), default=1) or 1
    padded = [each if len(each) == width else _padded(each, width) for each in trials]
    try:
        values = np.array(padded, dtype=np.float64)  # None becomes NaN
    except OverflowError:  # an integer that no float holds
        values = np.array([[_small(value) for value in each] for each in padded], dtype=np.float64)
    values = values.reshape(len(trials), width)
    seen = np.abs(values) < _HUGE
    scaled = (np.where(seen, values, 0.0) - metric.low) / (metric.high - metric.low)
    scaled = np.clip(scaled if metric.higher_is_better else 1 - scaled, 0.0, 1.0)
    return np.where(seen, scaled, 0.0), seen


def _padded(trials: Trials, width: int) -> Trials:
    return [*trials, *[None] * (width - len(trials))]


def _small(value: float | None) -> float | None:
    return None if value is None or not abs(value) < _HUGE else value


def _clusters(rows: Iterable[Row]) -> tuple[str | None, ...]:
    clusters = tuple(row.cluster for row in rows)
    return clusters if any(cluster is not None for cluster in clusters) else ()


def _level(metric: Metric, measured: tuple[Run, Values], pairs: Pairs | None) -> Level:
    run, values = measured
    rows = run.rows
    worst = metric.low if metric.higher_is_better else metric.high
    name = metric.name
    about = sorted(values)
    ids = [case for case in about if name not in rows[case].void]
    trials: list[Trials] = []
    for case in ids:
        scored = values[case]
        if any(rows[case].errors):
            both = zip_longest(scored, rows[case].errors)
            scored = [worst if _raised(error) else value for value, error in both]
        trials.append(own_trials(rows[case], scored, run.manifest))
    scores, seen = _grid(metric, trials)
    return Level(
        metric=metric.name,
        ids=tuple(ids),
        values=combined(scores, seen, vote=metric.name in VOTED),
        seen=np.asarray(seen.any(axis=1), dtype=np.bool_),
        clusters=_clusters(rows[case] for case in ids),
        void=len(about) - len(ids),
        fallen=0 if pairs is None or pairs.silent is None else max(0, int(pairs.silent.sum())),
    )


def _held(row: Row) -> tuple[bool | None, ...]:
    """Per trial whether every check held; a case without checks holds when the target returns."""
    values = row.scores[CHECKS] if CHECKS in row.scores else _completed(row)
    pairs = zip_longest(values, row.errors)
    return tuple(
        False if _raised(error) else None if value is None else value >= 1 for value, error in pairs
    )


def _slices(rows: Mapping[str, Row]) -> dict[str, tuple[str, ...]]:
    slices: dict[str, list[str]] = defaultdict(list)
    for case in sorted(rows):
        for dimension, value in rows[case].slices.items():
            slices[f"{dimension}={value}"].append(case)
    return {name: tuple(slices[name]) for name in sorted(slices)}


def _derived(
    old: Mapping[str, Row], new: Mapping[str, Row], slices: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Facts of the candidate's cases and of the baseline's outputs, unless tagged by that name."""
    tagged = {name.partition("=")[0] for name in slices}
    facts = {}
    for case, row in new.items():
        answered = old[case].output_facts if case in old else {}
        merged = {**answered, **row.facts}
        facts[case] = {
            name: merged[name] for name in merged if name not in tagged and name not in STYLE
        }
    return derived_slices(facts)
