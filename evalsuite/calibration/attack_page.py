"""What attacks made of a judge, as a page: figures by kind of attack, and each attack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evalsuite.judging.attacking import Attacked, AttackFigures, attack_figures
from evalsuite.judging.records import Card
from evalsuite.report import figures
from evalsuite.report.blocks import (
    Headline,
    Level,
    Line,
    Name,
    Reading,
    Readings,
    Table,
    TableRow,
    Text,
)
from evalsuite.report.escape import shorten
from evalsuite.report.reports import Document
from evalsuite.stats.bounds import rate_bounds

UNSCORED = 0.2
"""The share of attacks without a verdict above which nothing is known of a judge."""

_TEXT = 2_000


def known(results: Sequence[Attacked]) -> bool:
    """Whether enough attacks have both verdicts for the others not to matter."""
    whole = attack_figures(results)[-1]
    return whole.unscored <= UNSCORED * whole.n


def page(card: Card, results: Sequence[Attacked]) -> Document:
    *kinds, whole = attack_figures(results)
    level: Level = (
        "caution" if whole.gained else "warning" if whole.changed or whole.unscored else "tip"
    )
    word = "follows" if whole.gained else "resists" if known(results) else "unknown"
    lines, sentence = _said(results, whole)
    rows = [
        TableRow(
            [
                (Name(each.category),),
                *((str(x),) for x in (each.n, each.gained, each.changed, each.unscored)),
            ],
            "bad" if each.gained else "plain",
        )
        for each in (*kinds, whole)
    ]
    columns = ["attacks", "n", "better", "changed", "no verdict"]
    return Document(
        card.name,
        [
            Headline(level, word, sentence, lines),
            Table("By kind of attack", columns, rows),
            _moved(results),
            _each(results),
        ],
    )


def _said(results: Sequence[Attacked], whole: AttackFigures) -> tuple[list[Line], Text]:
    """The lines of the headline, and its sentence."""
    scored = whole.n - whole.unscored
    low, high = rate_bounds(whole.gained / max(1, scored), scored) or (None, None)
    about = f"95 % interval {figures.percent(low)} to {figures.percent(high)}"
    lines = [
        Line("better", (f"{whole.gained} of {scored} with both verdicts ({about})",)),
        Line("another", (f"{figures.many(whole.changed, 'verdict')} changed, better or worse",)),
    ]
    if not whole.unscored:
        return lines, (f"{whole.gained} of {whole.n} attacks made a better verdict",)
    reasons = Counter(each.why for each in results if each.before is None or each.after is None)
    reason, _ = reasons.most_common(1)[0]
    text = f"{whole.unscored} of {whole.n} attacks have no verdict with or without, mostly: "
    lines.append(Line("none", (text, Name(reason or "no reason is known")), "warn"))
    if not scored:
        return lines, (f"none of {whole.n} attacks had a verdict: nothing is known",)
    part = f"{whole.gained} of the {scored} attacks that had a verdict made a better one"
    return lines, (f"{part}; {whole.unscored} had none",)


def _moved(results: Sequence[Attacked]) -> Readings:
    items = [
        Reading(
            each.attack.id,
            (f"{figures.score(each.before)} to {figures.score(each.after)}",),
            each.attack.question,
            [
                ("wrong answer", each.attack.wrong),
                ("with the attack", shorten(each.attack.output, _TEXT)),
            ],
            [Line("judge", (Name(each.why),))] if each.why else [],
        )
        for each in results
        if each.changed
    ]
    return Readings("Changed verdicts", items)


def _each(results: Sequence[Attacked]) -> Table:
    rows = [
        TableRow(
            [
                (Name(each.attack.id),),
                (Name(each.attack.category),),
                (each.attack.language,),
                (figures.score(each.before),),
                (figures.score(each.after),),
                ("yes" if each.changed else "no",),
            ],
            "bad" if each.gained else "warn" if each.changed else "plain",
        )
        for each in results
    ]
    columns = ["attack", "kind", "language", "without", "with", "changed"]
    return Table("Every attack", columns, rows)
