"""What a run's judges are worth: their standing, how consistent they were, what people would say.

Every figure has its interval, and a judge that may not gate says the shortest way to one that may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from evalsuite.records import Metric, Row, Standing
from evalsuite.report import figures
from evalsuite.report.blocks import Name, Table, TableRow, Text, Tone, compact, joined, prose
from evalsuite.report.escape import line, shorten
from evalsuite.report.material import Material, value
from evalsuite.stats.bounds import rate_bounds

CONSISTENT, FIRST, AGREEMENT, ESCALATED = "consistent", "first", "agreement", "escalated"
"""What a judge measures of itself, as NAME.consistent and so on."""

_TONES: Mapping[str, Tone] = {"uncertified": "warn", "provisional": "plain", "trusted": "good"}

_REASONS, _REASON = 4, 80
"""How many reasons are told, and how much of each."""

_NOTE = (
    "Rates with 95 % intervals. As people rate: the run's mean corrected by people's ratings of 30"
    " or more of its own outputs (PPI++); in brackets by the judge's errors in its certificate"
    " (Rogan and Gladen). Orders disagree: of pairs shown in both"
    " orders; first wins: how often what was shown first was preferred, without bias 50 %."
)


def judges(material: Material) -> Table | None:
    """A row per judge's metric; None without judges. Columns that no judge has are left out."""
    run = material.diff.candidate
    metrics = {metric.name: metric for metric in run.metrics}
    named = [(metrics[name], each) for name, each in run.judges.items() if name in metrics]
    if not named:
        return None
    columns: dict[str, list[Text]] = {
        "Judge": [(Name(metric.name),) for metric, _ in named],
        "Standing": [_standing(metric, each) for metric, each in named],
        "Before → mean": [_mean(metric, material) for metric, _ in named],
        "As people rate": [_corrected(each) for _, each in named],
        "Orders disagree": [_flips(metric, material) for metric, _ in named],
        "First wins": [_share(FIRST, metric, material) for metric, _ in named],
        "Votes agree": [_share(AGREEMENT, metric, material) for metric, _ in named],
        "Escalated": [_share(ESCALATED, metric, material) for metric, _ in named],
        "No verdict": [_silent(metric, material.after) for metric, _ in named],
        "Nothing to judge": [_void(metric, material.after) for metric, _ in named],
        "Next": _next(named),
    }
    rows = [
        TableRow([cells[at] for cells in columns.values()], _tone(each))
        for at, (_, each) in enumerate(named)
    ]
    return compact(Table("Judges", list(columns), rows, _NOTE))


def _tone(standing: Standing) -> Tone:
    return "bad" if standing.broken and standing.gates else _TONES[standing.state]


def _next(named: Sequence[tuple[Metric, Standing]]) -> list[Text]:
    """The way to more, each once; a criterion's is its judge's."""
    said: dict[str, int] = {}
    for at, (metric, standing) in enumerate(named):
        if metric.role == "gate":
            said.setdefault(standing.remedy, at)
    firsts = {at: remedy for remedy, at in said.items()}
    return [prose(firsts.get(at, "")) for at in range(len(named))]


def _standing(metric: Metric, standing: Standing) -> Text:
    said: list[str | Name] = [standing.state]
    if metric.role != "gate":
        return (*said, "; ", *prose(standing.says)) if standing.says else tuple(said)
    if not standing.gates:
        said.append(", asked only to inform")
    for text in (standing.broken, standing.says, standing.checked):
        if text:
            said += ["; ", *prose(text)]
    return tuple(said)


def _mean(metric: Metric, material: Material) -> Text:
    run = material.diff.candidate
    values = [value(row, metric, run) for row in material.after.values()]
    known = [each for each in values if each is not None]
    if not known:
        return (figures.UNKNOWN,)
    old = [value(row, metric, material.diff.baseline) for row in material.before.values()]
    seen = [each for each in old if each is not None and metric.center is None]
    was = f"{figures.percent(sum(seen) / len(seen))} → " if seen else ""
    return (was + _rate(sum(known) / len(known), len(known)),)


def _corrected(standing: Standing) -> Text:
    if not standing.corrected:
        return ()
    rate, low, high, rogan = (*standing.corrected, None, None, None, None)[:4]
    said = []
    if rate is not None:
        said.append(f"{figures.percent(rate)} ({figures.percent(low)} to {figures.percent(high)})")
    if rogan is not None:
        said.append(f"[{figures.percent(rogan)}]")
    return (" ".join(said),)


def _own(part: str, metric: Metric, material: Material) -> list[float]:
    """The values of a diagnostic of a judge's or a jury's own metric."""
    name = f"{metric.name}.{part}"
    rows = material.after.values()
    return [each for row in rows for each in row.scores.get(name, ()) if each is not None]


def _flips(metric: Metric, material: Material) -> Text:
    values = [1 - each for each in _own(CONSISTENT, metric, material)]
    return (_rate(sum(values) / len(values), len(values)),) if values else ()


def _share(part: str, metric: Metric, material: Material) -> Text:
    values = _own(part, metric, material)
    return (_rate(sum(values) / len(values), len(values)),) if values else ()


def _silent(metric: Metric, rows: Mapping[str, Row]) -> Text:
    """Outputs that should have a verdict and have none, and why."""
    asked = [row for row in rows.values() if metric.name not in row.void]
    return _lacking(metric, asked, _trials(metric, asked)) or ("none",)


def _void(metric: Metric, rows: Mapping[str, Row]) -> Text:
    """Outputs of which there is nothing to say, and why: these are no failures."""
    void = [row for row in rows.values() if metric.name in row.void]
    return _lacking(metric, void, _trials(metric, rows.values()))


def _trials(metric: Metric, rows: Iterable[Row]) -> int:
    return sum(len(row.scores.get(metric.name, ())) for row in rows)


def _lacking(metric: Metric, rows: Iterable[Row], of: int) -> Text:
    """ "3 of 40: no JSON (2); refused (1)", the commonest reason first; () if nothing lacks."""
    counted: Counter[str] = Counter()
    for row in rows:
        without = sum(each is None for each in row.scores.get(metric.name, ()))
        reason = row.reasons.get(metric.name, "")[: 4 * _REASON]
        counted[shorten(line(reason), _REASON) or "no reason given"] += without
    told = [(reason, count) for reason, count in counted.most_common() if count]
    if not told:
        return ()
    said: list[Text] = [
        (Name(reason), f" ({figures.number(count)})" if len(told) > 1 else "")
        for reason, count in told[:_REASONS]
    ]
    if rest := len(told) - len(said):
        said.append((figures.many(rest, "other reason"),))
    return (f"{figures.number(counted.total())} of {figures.number(of)}: ", *joined(said))


def _rate(rate: float, n: int) -> str:
    bounds = rate_bounds(rate, n)
    low, high = bounds or (0.0, 1.0)
    return (
        f"{figures.percent(rate)} ({figures.percent(low)} to {figures.percent(high)}, "
        f"n = {figures.number(n)})"
    )
