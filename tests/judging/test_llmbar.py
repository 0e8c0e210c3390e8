"""Recorded verdicts of six judges, in both orders, come out of the pairwise judge as they went in.

The recorded backend answers with what the judge of that prompt said. Upstream's completions are
prose of several prompts ("Output (a)", "Output (b) is better"), which our strict parser refuses: so
a completion is translated into our reply by that prompt's rule where it has one, else the recorded
verdict is; one that upstream could not parse is handed on as it is.
"""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from evalsuite.backends.base import Completion, Request
from evalsuite.judging.asking import Ask, judge
from evalsuite.judging.card import load_card
from evalsuite.judging.fence import inert
from evalsuite.judging.records import Judgement, Subject
from evalsuite.judging.verdict import settle
from evalsuite.stats.swaps import swaps

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not there")

CARD = load_card(Path("none"), "preference")
JUDGES = ("ChatGPT", "ChatGPT-0301", "Falcon", "GPT-4", "LLaMA2", "PaLM2")

_SAYS = re.compile(r"\A(?:.*\n)?Output \(([ab])\)(?: is better\.?)?\Z")
_FIRST = re.compile(r'name="first"[^>]*>\n(.*?)\n</data-', re.DOTALL)


@cache
def rows() -> list[dict[str, Any]]:
    with (DATA / "llmbar_dev.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@cache
def expected() -> dict[str, Any]:
    loaded = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = loaded["llmbar_dev"]["per_subset"]
    return found


class Recorded:
    """What one judge and prompt said of one pair. `translated` counts completions that were read
    by the prompt's own rule, `asked` all calls."""

    def __init__(self, row: dict[str, Any], name: str) -> None:
        self.shown_first = inert(row["output_a"]).text
        self.verdicts = row["verdicts"][name]
        self.raw = row["extra"].get(name, {}).get("raw", ["", ""])
        self.asked = self.translated = 0

    async def complete(self, request: Request) -> Completion:
        self.asked += 1
        first = _FIRST.search(str(request.messages[1]["content"]))
        assert first is not None
        order = 0 if first[1] == self.shown_first else 1
        raw, verdict = self.raw[order], self.verdicts[order]
        said = _SAYS.match(raw or "")
        if verdict is None:
            return Completion(text=raw or "")
        position = "first" if (verdict == "A") == (order == 0) else "second"
        if said:
            self.translated += 1
            assert position == ("first" if said[1] == "a" else "second")
        reply = {"preference": {"critique": (raw or "")[:200], "verdict": position}}
        return Completion(text=json.dumps(reply))


async def replay(row: dict[str, Any], name: str) -> tuple[Recorded, tuple[Judgement, ...]]:
    recorded = Recorded(row, name)
    subject = Subject(input=row["instruction"], output=row["output_a"], other=row["output_b"])
    return recorded, await judge(CARD, subject, Ask(recorded.complete, structured=True))


def by_order(judgements: tuple[Judgement, ...], order: str) -> str | None:
    return next(each.label for each in judgements if each.order == order)


async def replayed(name: str, subset: str) -> tuple[dict[str, Any], int]:
    """The swap statistics of the judgements, and how many completions were translated."""
    chosen = [row for row in rows() if row["subset"] == subset and name in row["verdicts"]]
    found = [await replay(row, name) for row in chosen]
    ab = [by_order(judgements, "ab") for _, judgements in found]
    ba = [by_order(judgements, "ba") for _, judgements in found]
    made = swaps(ab, ba, gold=[row["gold"] for row in chosen])
    settled = [settle(CARD, judgements)[0] for _, judgements in found]
    assert made.gold is not None
    for verdict, one, other in zip(settled, ab, ba, strict=True):
        if one is None or other is None:
            assert verdict.label is None
            assert verdict.value is None
        else:
            assert verdict.consistent == (one == other)
            assert verdict.label == (one if one == other else "tie")
    return {
        "n": made.n,
        "correct_ab": made.gold.correct_ab,
        "correct_ba": made.gold.correct_ba,
        "acc_ab": made.gold.acc_ab,
        "acc_ba": made.gold.acc_ba,
        "acc_avg": made.gold.acc_avg,
        "correct_both": made.gold.correct_both,
        "agree": made.agree,
        "agreement": made.agreement,
        "invalid_ab": made.invalid_ab,
        "invalid_ba": made.invalid_ba,
        "kappa_ab_gold": made.gold.kappa_ab_gold,
        "kappa_ba_gold": made.gold.kappa_ba_gold,
        "kappa_ab_ba": made.kappa_ab_ba,
        "first_shown_rate": made.first_share.value,
        "n_consistent": made.n_consistent,
        "acc_when_consistent": made.gold.acc_when_consistent,
        "flips_to_first": made.flips_to_first,
        "flips_to_second": made.flips_to_second,
    }, sum(recorded.translated for recorded, _ in found)


def cells(prompt: str) -> list[tuple[str, str]]:
    return [
        (name, subset)
        for subset, judges in (expected().items() if DATA.is_dir() else ())
        for name in judges
        if name.partition("/")[2] == prompt
    ]


@pytest.mark.parametrize(("name", "subset"), cells("Vanilla"))
def test_the_two_order_verdicts_of_a_judge_give_its_published_figures(
    name: str, subset: str
) -> None:
    wanted = dict(expected()[subset][name])
    wanted.pop("published_statistics_json", None)
    found, translated = asyncio.run(replayed(name, subset))
    assert found.keys() == wanted.keys()
    for figure, value in wanted.items():
        assert found[figure] == pytest.approx(value, abs=1e-6), figure
    if name == "ChatGPT/Vanilla" and subset != "FairEval":
        assert translated == 2 * found["n"]


def test_all_six_judges_are_replayed() -> None:
    assert {name.partition("/")[0] for name, _ in cells("Vanilla")} == set(JUDGES)


def test_a_completion_that_upstream_could_not_parse_is_asked_for_once_more_and_is_no_verdict() -> (
    None
):
    name = "LLaMA2/Vanilla"
    row = next(row for row in rows() if None in row["verdicts"].get(name, ()))
    recorded, judgements = asyncio.run(replay(row, name))
    lost = [each for each in judgements if each.label is None]
    assert len(lost) == row["verdicts"][name].count(None)
    assert recorded.asked == 2 + len(lost)
    assert lost[0].reason.startswith("unparsable verdict")
    assert lost[0].raw.startswith("I cannot provide")
