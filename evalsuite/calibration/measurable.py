"""What people rate and calibration measures: judge cards, and the metrics of `ev.rag`.

A metric is asked by its own prompts, as in a run; everything else (items, labels, splits, figures,
certificates, standings) is that of judges.
"""

from __future__ import annotations

from pathlib import Path

from evalsuite.calibration.records import Item
from evalsuite.errors import SuiteError
from evalsuite.judging.asking import Ask
from evalsuite.judging.card import card_names, load_card
from evalsuite.judging.keys import JudgeKeys, judge_keys
from evalsuite.judging.records import Card
from evalsuite.judging.subjects import lacking
from evalsuite.judging.verdict import Verdict
from evalsuite.rag import asking
from evalsuite.rag.cards import metric_card
from evalsuite.rag.keys import metric_keys
from evalsuite.rag.material import material_of, settled
from evalsuite.rag.names import METRICS, UNANSWERABLE
from evalsuite.rag.records import Material
from evalsuite.records import Case, Output


def card_of(judge_dir: Path, name: str) -> Card:
    """The card of a judge, the project's or a shipped one, else that of a metric of this name;
    SuiteError if there is none, or if it is no card."""
    if name in METRICS and name not in card_names(judge_dir):
        return metric_card(name)
    try:
        return load_card(judge_dir, name)
    except SuiteError as error:
        if name in card_names(judge_dir):
            raise
        raise SuiteError(f"{error} (metrics: {', '.join(METRICS)})") from None


def rated_names(judge_dir: Path) -> list[str]:
    """All cards, and the metrics that have a folder of their own."""
    own = [name for name in METRICS if (judge_dir / name).is_dir()]
    return sorted({*card_names(judge_dir), *own})


def keys_of(card: Card, spec: str) -> JudgeKeys:
    """The keys of a card that the backend of this spec answers; of a metric asked alone."""
    if card.kind == "metric":
        return metric_keys(card.name, [card.name], spec)
    return judge_keys(card, spec)


def lack_of(card: Card, item: Item) -> str:
    """Why an item can't be judged, "" if it can."""
    if card.kind != "metric":
        return lacking(card, item.subject)
    known = settled(card.name, _material(card, item))
    return known.reason if known is not None and known.value is None else ""


def metric_calls(card: Card, item: Item) -> int:
    """How many calls the metric makes for an item if none is stored."""
    return asking.calls([card.name], _material(card, item))


async def metric_verdict(card: Card, item: Item, ask: Ask) -> Verdict:
    """What the metric says of an item: a level where people say yes or no, else its value.

    Raises:
        BackendError: a call had no reply.
    """
    found = await asking.measure([card.name], _material(card, item), ask)
    score, criterion = found[card.name], card.criteria[0]
    label = None
    if criterion.binary:
        label = next((x.label for x in criterion.scale if x.value == score.value), None)
    critique, reason = (score.reason, "") if score.value is not None else ("", score.reason)
    return Verdict(
        criterion=card.name, label=label, value=score.value, critique=critique, reason=reason
    )


def _material(card: Card, item: Item) -> Material:
    """What people rate is a case of the metric, whatever slice a suite marks such cases by."""
    subject = item.subject
    dimension, _, value = UNANSWERABLE.partition("=")
    marked = {dimension: value} if card.name == "unanswerable_refusal" else {}
    case = Case(id=item.id, input=subject.input, expected=subject.expected, slices=marked)
    output = Output(text=subject.output, contexts=subject.contexts)
    return material_of(case, output, unanswerable=UNANSWERABLE)
