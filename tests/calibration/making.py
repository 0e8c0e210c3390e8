"""Items, labels and verdicts of a judge with given errors, in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from evalsuite.calibration.bar import Bar
from evalsuite.calibration.calibrate import calibrate
from evalsuite.calibration.certificate import certify
from evalsuite.calibration.labels import effective, item_id
from evalsuite.calibration.records import Certificate, Item, Label
from evalsuite.calibration.splits import in_split, labels_in, split_of
from evalsuite.judging.keys import JudgeKeys
from evalsuite.judging.records import Card, Criterion, Level, Subject
from evalsuite.judging.verdict import Verdict

TODAY = date(2026, 3, 1)
KEYS = JudgeKeys("template", "model", "parser")
PASS, FAIL = "pass", "fail"
POLITE = Criterion("polite", "Is it polite?", (Level(FAIL, 0.0), Level(PASS, 1.0)))
CARD = Card(name="tone", kind="rubric", criteria=(POLITE,), template="{{ output }}", key="k")
FIVE = Criterion("good", "How good?", tuple(Level(str(n), (n - 1) / 4) for n in range(1, 6)))
GRADES = replace(CARD, criteria=(FIVE,))


def item(number: int, **settings: Any) -> Item:
    subject = Subject(input=f"question {number}", output=f"answer {number}")
    return replace(Item(id=item_id(subject), subject=subject, case=f"c{number}"), **settings)


def test_items(count: int) -> list[Item]:
    """So many items of the test split, each a case of its own."""
    found: list[Item] = []
    number = 0
    while len(found) < count:
        made = item(number)
        found += [made] if split_of(made) == "test" else []
        number += 1
    return found


test_items.__test__ = False  # type: ignore[attr-defined]


def said(value: str | None, criterion: str = "polite", number: float | None = None) -> Verdict:
    if number is None and value is not None:
        number = {PASS: 1.0, FAIL: 0.0}.get(value)
        number = FIVE.value(value) if number is None else number
    return Verdict(criterion=criterion, label=value, value=number)


Given = tuple[dict[str, Item], list[Label], dict[str, dict[str, Verdict]]]


def binary(
    good: int, bad: int, *, missed: int = 0, passed: int = 0, raters: Sequence[str] = ("ann", "bob")
) -> Given:
    """`good` and `bad` answers by people's word; the judge fails `missed` of the good ones and
    passes `passed` of the bad ones. All raters agree."""
    items = test_items(good + bad)
    truth = [PASS] * good + [FAIL] * bad
    judge = [FAIL] * missed + [PASS] * (good - missed) + [PASS] * passed + [FAIL] * (bad - passed)
    labels = [
        Label(item=each.id, rater=rater, criterion="polite", value=value, seconds=30.0)
        for each, value in zip(items, truth, strict=True)
        for rater in raters
    ]
    judged = {x.id: {"polite": said(v)} for x, v in zip(items, judge, strict=True)}
    return {each.id: each for each in items}, labels, judged


def certificate(
    given: Given, card: Card = CARD, keys: JudgeKeys = KEYS, bar: Bar | None = None
) -> Certificate:
    items, labels, judged = given
    held = effective(labels)
    found = calibrate(card, items, held, judged, split="test")
    tested = labels_in(held, in_split(items, "test"))
    return certify(card, keys, found, tested, bar or Bar(), today=TODAY)


def by_id(items: Sequence[Item]) -> Mapping[str, Item]:
    return {each.id: each for each in items}
