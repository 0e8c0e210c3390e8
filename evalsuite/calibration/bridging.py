"""A changed judge and the snapshot: the stored outputs get the new judge's scores, all at once.

Old and new scores are never mixed: without this the judge's metric is stale until a baseline is
accepted anew, and with it the next run compares like with like, without a call for the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from evalsuite.calibration.labels import item_id
from evalsuite.calibration.records import Item
from evalsuite.errors import DataError
from evalsuite.judging.records import Card
from evalsuite.judging.scorer import Opinion, metrics_of, scores_of
from evalsuite.judging.subjects import lacking, subject_of
from evalsuite.judging.verdict import Verdict
from evalsuite.records import Case, Output, Row, Run, Standing

T = TypeVar("T")

Place = tuple[str, str]
"""A case's id and the key of an output of it."""


def places(
    card: Card, run: Run, cases: Mapping[str, Case], outputs: Mapping[str, Output]
) -> dict[Place, Item]:
    """Every stored output of every trial, as an item to be judged; those that can't be are left
    out."""
    found: dict[Place, Item] = {}
    for name, row in run.rows.items():
        for key in dict.fromkeys(row.outputs):
            if key is None or key not in outputs or name not in cases:
                continue
            subject = subject_of(cases[name], outputs[key])
            if not lacking(card, subject):
                found[name, key] = Item(
                    id=item_id(subject),
                    subject=subject,
                    case=name,
                    output_key=key,
                    slices=row.slices,
                    cluster=row.cluster,
                    run=run.manifest.run,
                )
    return found


def bridged(
    card: Card,
    measure: str,
    run: Run,
    verdicts: Mapping[Place, Mapping[str, Verdict]],
    standings: Mapping[str, Standing],
) -> Run:
    """The run with this judge's scores of the same outputs in place of those that were there.

    `measure` is the scorer's key, `verdicts` are by case and output key.

    Raises:
        DataError: some of what is scored has no new verdict: half a bridge would mix two judges.
    """
    names = {metric.name for metric in metrics_of(card)}
    missing = [
        name
        for name, row in run.rows.items()
        if _scored(row, card.name) and not _complete(row, name, verdicts)
    ]
    if missing:
        shown = ", ".join(missing[:3])
        raise DataError(
            f"{card.name} has no verdict on {len(missing)} of the snapshot's cases ({shown}): "
            "the snapshot stays as it is (ask again, or accept a new run)"
        )
    rows = {
        name: _row(card, measure, row, verdicts, names) if _scored(row, card.name) else row
        for name, row in run.rows.items()
    }
    kept = [each for each in run.manifest.metrics if not _own(each.name, card.name)]
    judges = {k: v for k, v in run.manifest.judges.items() if not _own(k, card.name)}
    manifest = replace(
        run.manifest,
        metrics=[*kept, *metrics_of(card)],
        judges={**judges, **{k: replace(v, pairs=()) for k, v in standings.items()}},
        notes=[*run.manifest.notes, f"judge {card.name} changed: its scores were made again"],
    )
    return Run(manifest, rows)


def _own(metric: str, name: str) -> bool:
    return metric == name or metric.startswith(f"{name}.")


def _scored(row: Row, name: str) -> bool:
    return any(value is not None for value in row.scores.get(name, ()))


def _complete(row: Row, name: str, verdicts: Mapping[Place, Mapping[str, Verdict]]) -> bool:
    return all(key is None or (name, key) in verdicts for key in row.outputs)


def _row(
    card: Card,
    measure: str,
    row: Row,
    verdicts: Mapping[Place, Mapping[str, Verdict]],
    names: set[str],
) -> Row:
    made = [_scores(card, row.id, key, verdicts) for key in row.outputs]
    fresh: dict[str, Sequence[float | None]] = {
        metric: [values.get(metric) for values, _ in made] for metric in sorted(names)
    }
    fresh = {
        metric: values for metric, values in fresh.items() if any(v is not None for v in values)
    }
    reasons = {metric: text for _, said in reversed(made) for metric, text in said.items() if text}
    return replace(
        row,
        scores={**_without(row.scores, card.name), **fresh},
        scorer_keys={**_without(row.scorer_keys, card.name), **dict.fromkeys(names, measure)},
        reasons={**_without(row.reasons, card.name), **reasons},
    )


def _without(found: Mapping[str, T], name: str) -> dict[str, T]:
    return {metric: each for metric, each in found.items() if not _own(metric, name)}


def _scores(
    card: Card, case: str, key: str | None, verdicts: Mapping[Place, Mapping[str, Verdict]]
) -> tuple[dict[str, float | None], dict[str, str]]:
    if key is None:
        return {}, {}
    said = verdicts[case, key]
    made = scores_of(card, Opinion([said[each.name] for each in card.criteria]), case)
    values = {metric: score.value for metric, score in made.items()}
    return values, {metric: score.reason for metric, score in made.items() if score.value is None}
