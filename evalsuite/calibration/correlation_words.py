"""Correlations as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalsuite.calibration.correlating import NAMES, Agreed, Correlated, Cut
from evalsuite.records import Json
from evalsuite.report.figures import UNKNOWN, many
from evalsuite.stats.correlation import LEAST_GROUPS, Correlations
from evalsuite.stats.intervals import Estimate

TITLES = ("Pearson", "Spearman", "Kendall tau-b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that is said of some files: what was read, and what came of it. `clusters` and `by` name
    fields ("" for none); `notes` are remarks of a metric that was asked for now."""

    files: Sequence[str]
    rows: int
    units: int
    clusters: str
    n_clusters: int
    by: str
    people: Sequence[Agreed]
    found: Sequence[Correlated]
    notes: Sequence[str] = ()


def lines_of(told: Told) -> list[str]:
    """What stands above and below the table."""
    read = f"{', '.join(told.files)}: {many(told.rows, 'row')}"
    if told.units != told.rows:
        read += f", {many(told.units, 'output')}"
    read += (
        f"; intervals over {many(told.n_clusters, 'cluster')} ({told.clusters})"
        if told.clusters
        else "; intervals take every output for independent (--cluster FIELD if they are not)"
    )
    return [read, *told.notes, *(_agreed(each) for each in told.people)]


def _agreed(each: Agreed) -> str:
    said = [f"{each.name}: {many(each.n, 'rated output')}"]
    if each.raters > 1:
        said.append(f"the mean over {each.raters} raters is correlated")
    said.append(f"mean{' of medians' if each.raters > 1 else ''} {_three(each.median)}")
    if each.raters > 1 and each.ordinal is None:
        said.append("too many different ratings for an agreement of raters")
    if each.ordinal is not None and each.interval is not None:
        said.append(f"Krippendorff's alpha {_figure(each.ordinal)} as ordinal")
        said.append(f"{_figure(each.interval)} as interval")
        said.append(f"equal pairs of ratings {_three(each.equal)}")
    if each.passing is not None:
        said.append(f"share that passes {_three(each.passing)}")
    said += [f"{name} {_three(value)}" for name, value in each.groups.items()]
    return "; ".join(said)


def rows_of(told: Told) -> list[tuple[str, ...]]:
    """A header and one row per metric, kind of ratings and level."""
    rows: list[tuple[str, ...]] = [("people", "metric", "over", "n", *TITLES)]
    for each in told.found:
        head = (each.human, each.value)
        over = f"{told.by}={each.group}" if each.group else "all"
        rows.append((*head, over, str(each.n), *(_figure(each.figures[name]) for name in NAMES)))
        if each.within is not None:
            inside = each.within
            over = f"within {told.clusters}, mean of {inside.n_used} of {inside.n_clusters}"
            rows.append(
                (*head, over, str(each.n), *(_three(getattr(inside, name)) for name in NAMES))
            )
        if each.between is not None:
            between = each.between
            over = f"between {told.by}, means of {between.n}"
            rows.append(
                (*head, over, str(between.n), *(_three(getattr(between, x)) for x in NAMES))
            )
    return rows


def cut_rows_of(told: Told) -> list[tuple[str, ...]]:
    """A header and one row per metric and cut; [] without any."""
    rows = [
        (
            *(each.human, f"{each.value} >= {cut.cut:g}", str(cut.n)),
            *(_figure(found) for found in (cut.accuracy, cut.tpr, cut.tnr)),
            _three(cut.kappa),
        )
        for each in told.found
        for cut in each.cuts
    ]
    header = ("people", "metric", "n", "accuracy", "TPR", "TNR", "kappa")
    return [header, *rows] if rows else []


def missing_of(told: Told) -> list[str]:
    """Why something has no correlation, and what has no pair, a line each."""
    lines = []
    for each in told.found:
        both = f"{each.human} beside {each.value}"
        if each.undefined:
            over = f", {told.by}={each.group}" if each.group else ""
            lines.append(f"no correlation: {both}{over}: {each.undefined}")
        if each.between is not None and (why := _unordered(each.between)):
            lines.append(f"no correlation: {both}, between {told.by}: {why}")
        if each.group:
            continue
        if each.unrated:
            count = many(each.unrated, "output has", "outputs have")
            lines.append(f"left out: {both}: {count} no rating")
        if each.unscored:
            count = many(each.unscored, "output has", "outputs have")
            lines.append(f"left out: {both}: {count} no value")
    return lines


def _unordered(between: Correlations) -> str:
    """Why groups have no correlation, "" if they have one."""
    if between.n < LEAST_GROUPS:
        return f"{many(between.n, 'group')}, and {LEAST_GROUPS} are needed: of two it is 1 or -1"
    return "" if between.pearson is not None else "the means of one side are all the same"


def _figure(each: Estimate) -> str:
    if each.low is None or each.high is None:
        return _three(each.value)
    return f"{_three(each.value)} [{each.low:.2f}, {each.high:.2f}]"


def _three(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def json_of(told: Told) -> Json:
    """The same as plain values; what is undefined is null, with the reason beside it."""
    return {
        "files": list(told.files),
        "rows": told.rows,
        "outputs": told.units,
        "clusters": {"field": told.clusters, "n": told.n_clusters} if told.clusters else None,
        "by": told.by or None,
        "notes": list(told.notes),
        "people": {each.name: _people(each) for each in told.people},
        "correlations": [_correlated(each, told.by) for each in told.found],
    }


def _people(each: Agreed) -> Json:
    return {
        "n": each.n,
        "raters": each.raters or None,
        "mean_of_medians": each.median,
        "krippendorff_ordinal": _estimate(each.ordinal),
        "krippendorff_interval": _estimate(each.interval),
        "exact_pair_agreement": each.equal,
        "mean_of_medians_by": dict(each.groups),
        "prevalence": each.passing,
    }


def _correlated(each: Correlated, by: str) -> Json:
    found: dict[str, Json] = {
        "human": each.human,
        "value": each.value,
        "slice": {by: each.group} if each.group else None,
        "n": each.n,
        "unrated": each.unrated,
        "unscored": each.unscored,
        **{name: _estimate(each.figures[name]) for name in NAMES},
        "undefined": each.undefined or None,
    }
    if each.within is not None:
        levels = {name: getattr(each.within, name) for name in NAMES}
        counts = {"n_used": each.within.n_used, "n_clusters": each.within.n_clusters}
        found["within"] = {**counts, **levels}
    if each.between is not None:
        found["between"] = {"n": each.between.n, "undefined": _unordered(each.between) or None}
        found["between"] |= {name: getattr(each.between, name) for name in NAMES}
    if each.cuts:
        found["cuts"] = [_cut(cut) for cut in each.cuts]
    return found


def _cut(cut: Cut) -> Json:
    return {
        "cut": cut.cut,
        "n": cut.n,
        "accuracy": _estimate(cut.accuracy),
        "kappa": cut.kappa,
        "tpr": _estimate(cut.tpr),
        "tnr": _estimate(cut.tnr),
    }


def _estimate(each: Estimate | None) -> Json:
    if each is None:
        return None
    return {"value": each.value, "low": each.low, "high": each.high, "clusters": each.clusters}
