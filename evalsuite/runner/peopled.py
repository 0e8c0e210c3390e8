"""What people's ratings add to a run: its judged rates as they would have rated, and the
differences that they found between its answers and the baseline's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evalsuite.config import Config
from evalsuite.gate.judged import People, Rated
from evalsuite.records import Manifest, Metric, Row, Run, Standing

LABELLED = 30
"""Rated outputs of a run from which its rate is corrected."""


def people_of(config: Config, baseline: Run | None, candidate: Run) -> People:
    """By metric of a judge and case: by how much people found the candidate's answer better.

    Raises:
        DataError: a card or its ratings can't be read.
    """
    found: dict[str, dict[str, Rated]] = {}
    if baseline is None or not candidate.manifest.judges:
        return found
    from evalsuite.calibration.labels import effective, read_items, read_labels  # noqa: PLC0415
    from evalsuite.calibration.measurable import card_of  # noqa: PLC0415
    from evalsuite.calibration.people import human_differences, human_values  # noqa: PLC0415

    gated = {each.name for each in candidate.manifest.metrics if each.role == "gate"}
    for metric, standing in candidate.manifest.judges.items():
        folder = config.judge_dir / standing.judge
        if metric not in gated or not (folder / "labels.jsonl").exists():
            continue
        card = card_of(config.judge_dir, standing.judge)
        items = read_items(folder)
        values = human_values(card, effective(read_labels(folder, card, items)))
        differences = human_differences(card, items, values, baseline.rows, candidate.rows)
        if differences:
            found[metric] = differences
    return found


def as_rated(config: Config, manifest: Manifest, rows: Mapping[str, Row]) -> dict[str, Standing]:
    """The judges' standings with the run's rates as people would have rated: what they were
    measured by stays in the certificate.

    Raises:
        DataError: a card or its ratings can't be read.
    """
    metrics = {metric.name: metric for metric in manifest.metrics}
    made = {}
    for name, standing in manifest.judges.items():
        metric = metrics.get(name)
        rates: Sequence[float | None] = ()
        if metric is not None and metric.role == "gate" and metric.center is None:
            rates = _rates(config, standing, metric, rows)
        made[name] = replace(standing, pairs=(), corrected=rates)
    return made


def _rates(
    config: Config, standing: Standing, metric: Metric, rows: Mapping[str, Row]
) -> tuple[float | None, ...]:
    """Rate, low, high, and by Rogan and Gladen; () where nothing is known.

    The first three (PPI++) rest on ratings of this run's own outputs: labels of other outputs tell
    of another pass rate. What they tell of the judge's errors is the fourth: a rate that would have
    given the judge's, at the certificate's TPR and TNR.
    """
    found = {case: _value(row, metric) for case, row in rows.items()}
    values = {case: value for case, value in found.items() if value is not None}
    mean = _corrected(_rated(config, standing, rows), values)
    rogan = _rogan(standing, list(values.values()))
    return (*(mean or (None, None, None)), rogan) if mean or rogan is not None else ()


def _value(row: Row, metric: Metric) -> float | None:
    """The mean of a case's trials, on the metric's range."""
    seen = [each for each in row.scores.get(metric.name, ()) if each is not None]
    return sum(seen) / len(seen) if seen else None


def _rated(config: Config, standing: Standing, rows: Mapping[str, Row]) -> dict[str, Rated]:
    """By case: what people said of the run's own output (trial 1), and its weight."""
    folder = config.judge_dir / standing.judge
    if not (folder / "labels.jsonl").exists():
        return {}
    from evalsuite.calibration.labels import effective, read_items, read_labels  # noqa: PLC0415
    from evalsuite.calibration.measurable import card_of  # noqa: PLC0415
    from evalsuite.calibration.people import human_values, of_run  # noqa: PLC0415

    card = card_of(config.judge_dir, standing.judge)
    items = read_items(folder)
    return of_run(items, human_values(card, effective(read_labels(folder, card, items))), rows)


def _corrected(
    rated: Mapping[str, Rated], values: Mapping[str, float]
) -> tuple[float, float | None, float | None] | None:
    both = [case for case in rated if case in values]
    if len(both) < LABELLED:
        return None
    from evalsuite.stats.corrected import corrected_mean  # noqa: PLC0415 (few runs need it)

    mean = corrected_mean(
        [rated[case].value for case in both],
        [values[case] for case in both],
        [value for case, value in values.items() if case not in rated],
        weights=[rated[case].weight for case in both],
    )
    return mean.value, mean.low, mean.high


def _rogan(standing: Standing, values: Sequence[float]) -> float | None:
    """Where people, judge and run say yes or no."""
    people, judge = ([each[at] for each in standing.pairs] for at in (0, 1))
    if not people or not values or not {*people, *judge, *values} <= {0.0, 1.0}:
        return None
    from evalsuite.stats.corrected import rogan_gladen  # noqa: PLC0415 (as above)

    found = rogan_gladen(*([each == 1.0 for each in column] for column in (people, judge, values)))
    return found.value if found else None
