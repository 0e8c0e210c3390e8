"""What people's ratings add to a run: its judged rates as they would have rated, and the
differences that they found between its answers and the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from evalsuite.config import Config
from evalsuite.gate.judged import People, Rated
from evalsuite.records import Manifest, Metric, Row, Run, Standing


def people_of(config: Config, baseline: Run | None, candidate: Run) -> People:
    """By metric of a judge and case: by how much people found the candidate's answer better.

    Raises:
        DataError: a card or its ratings can't be read.
    """
    found: dict[str, dict[str, Rated]] = {}
    if baseline is None or not candidate.manifest.judges:
        return found
    from evalsuite.calibration.labels import effective, read_items, read_labels  # noqa: PLC0415
    from evalsuite.calibration.people import human_differences, human_values  # noqa: PLC0415
    from evalsuite.judging.card import load_card  # noqa: PLC0415 (most runs have no judge)

    gated = {each.name for each in candidate.manifest.metrics if each.role == "gate"}
    for metric, standing in candidate.manifest.judges.items():
        folder = config.judge_dir / standing.judge
        if metric not in gated or not (folder / "labels.jsonl").exists():
            continue
        card = load_card(config.judge_dir, standing.judge)
        items = read_items(folder)
        values = human_values(card, effective(read_labels(folder, card, items)))
        differences = human_differences(card, items, values, baseline.rows, candidate.rows)
        if differences:
            found[metric] = differences
    return found


def as_rated(manifest: Manifest, rows: Mapping[str, Row]) -> Mapping[str, Standing]:
    """The judges' standings with the run's rates as people would have rated; what they were
    corrected by stays in the certificate."""
    metrics = {metric.name: metric for metric in manifest.metrics}
    return {
        name: replace(each, pairs=(), corrected=_corrected(each, metrics.get(name), rows))
        for name, each in manifest.judges.items()
    }


def _corrected(
    standing: Standing, metric: Metric | None, rows: Mapping[str, Row]
) -> tuple[float | None, ...]:
    """Rate, low, high, and by Rogan and Gladen where both are yes or no; () where not known."""
    if metric is None or not standing.pairs or metric.center is not None:
        return ()
    trials = [row.scores.get(metric.name, ()) for row in rows.values()]
    seen = [[each for each in values if each is not None] for values in trials]
    means = [sum(values) / len(values) for values in seen if values]
    if not means:
        return ()
    from evalsuite.stats.corrected import corrected_mean, rogan_gladen  # noqa: PLC0415 (as above)

    people, judge, weights = (
        list(column) for column in zip(*(each[:3] for each in standing.pairs), strict=True)
    )
    mean = corrected_mean(people, judge, means, weights=weights)
    binary = {*people, *judge, *means} <= {0.0, 1.0}
    rogan = None
    if binary:
        rogan = rogan_gladen(
            *([each == 1.0 for each in column] for column in (people, judge, means))
        )
    return mean.value, mean.low, mean.high, rogan.value if rogan else None
