"""The third-party files of the shared folder as items, labels and verdicts of a judge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from evalsuite.calibration.labels import item_id
from evalsuite.calibration.records import Item, Label
from evalsuite.judging.records import (
    OTHER,
    PREFERRED,
    TIE,
    Card,
    Criterion,
    Judgement,
    Level,
    Subject,
)
from evalsuite.judging.verdict import Verdict, settle
from evalsuite.records import Document

DATA = Path(__file__).parents[2].parent / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no shared data beside the checkout")

FAITHFULNESS = Criterion(
    "faithfulness",
    "Is the answer faithful to the contexts?",
    tuple(Level(str(number), (number - 1) / 3) for number in (1, 2, 3, 4)),
)
ORDINAL = Card(
    name="ragas", kind="rubric", criteria=(FAITHFULNESS,), template="{{ output }}", key="o"
)
BINARY = Card(
    name="ragas",
    kind="rubric",
    criteria=(Criterion("faithfulness", "Is it?", (Level("fail", 0.0), Level("pass", 1.0))),),
    template="{{ output }}",
    key="b",
)
PAIRWISE = Card(
    name="preference",
    kind="pairwise",
    criteria=(
        Criterion(
            "preference", "Which?", (Level(OTHER, 0.0), Level(TIE, 0.5), Level(PREFERRED, 1.0))
        ),
    ),
    template="{{ first }} {{ second }}",
    key="p",
)

Rated = tuple[dict[str, Item], list[Label], dict[str, dict[str, Verdict]]]


def rows(name: str) -> Iterator[Mapping[str, Any]]:
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def expected(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((DATA / "expected.json").read_text("utf-8"))[name]
    return found


def mtrag(*, passing: int | None = None, auto: str = "ragas_faithfulness") -> Rated:
    """Every answer of every task, with its raters and an automatic score; `passing` is the rating
    from which a rater's answer counts as a pass (None: the ratings themselves)."""
    items: dict[str, Item] = {}
    labels: list[Label] = []
    judged: dict[str, dict[str, Verdict]] = {}
    for task in rows("mtrag_dev"):
        contexts = tuple(Document(each["id"], each["text"]) for each in task["contexts"])
        for answer in task["answers"]:
            subject = Subject(
                input={"question": task["question"], "system": answer["system"]},
                output=answer["answer"],
                contexts=contexts,
            )
            item = Item(
                id=item_id(subject),
                subject=subject,
                case=task["id"],
                cluster=task["conversation"],
                slices={"system": answer["system"], "answerability": task["answerability"]},
            )
            items[item.id] = item
            for rater, value in answer["human"]["faithfulness"].items():
                said = str(value) if passing is None else "pass" if value >= passing else "fail"
                labels.append(
                    Label(item=item.id, rater=rater, criterion="faithfulness", value=said)
                )
            score = answer["auto"][auto]
            judged[item.id] = {"faithfulness": numeric(score)}
    return items, labels, judged


def numeric(value: float | None) -> Verdict:
    return Verdict(criterion="faithfulness", label=None, value=value)


def pair(name: str, given: str, first: str, second: str, **more: Any) -> Item:
    subject = Subject(input={"id": name, "instruction": given}, output=first, other=second)
    return Item(id=item_id(subject), subject=subject, case=name, **more)


def verdict(orders: Mapping[str, str | None]) -> Verdict:
    """A pairwise verdict out of what was said in each order."""
    said = [
        Judgement(
            criterion="preference",
            label=label,
            value=None if label is None else PAIRWISE.criteria[0].value(label),
            reason="" if label else "unparsable",
            order=order,  # type: ignore[arg-type]
        )
        for order, label in orders.items()
    ]
    return settle(PAIRWISE, said)[0]


def llmbar(evaluator: str, subset: str | None = None) -> Rated:
    items: dict[str, Item] = {}
    labels, judged = [], {}
    for row in rows("llmbar_dev"):
        if subset is not None and row["subset"] != subset:
            continue
        item = pair(
            row["id"],
            row["instruction"],
            row["output_a"],
            row["output_b"],
            slices={"subset": row["subset"]},
        )
        items[item.id] = item
        labels.append(Label(item=item.id, rater="gold", criterion="preference", value=row["gold"]))
        ab, ba = row["verdicts"][evaluator]
        judged[item.id] = {"preference": verdict({"ab": ab, "ba": ba})}
    return items, labels, judged


def pandalm(evaluator: str) -> Rated:
    items: dict[str, Item] = {}
    labels, judged = [], {}
    for row in rows("pandalm"):
        item = pair(row["id"], row["instruction"], row["output_a"], row["output_b"])
        items[item.id] = item
        labels += [
            Label(item=item.id, rater=f"r{at}", criterion="preference", value=value)
            for at, value in enumerate(row["human"])
        ]
        said = {each["judge"]: each["ab"] for each in row["verdicts"]}
        judged[item.id] = {"preference": verdict({"ab": said[evaluator]})}
    return items, labels, judged
