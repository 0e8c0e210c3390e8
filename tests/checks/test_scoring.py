"""What a scorer returns becomes scores, what can't be one says why, and a scorer has a key."""

import asyncio
import functools
import importlib
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite import checks
from evalsuite.canonical import canonical
from evalsuite.records import CHECKS, COMPLETION, Case, Metric, Output, Score
from evalsuite.runner.score import aside, score
from evalsuite.runner.threads import Threads
from evalsuite.scoring import (
    fold,
    measures,
    metric_of,
    metrics_of,
    nothing,
    scorer_key,
    scorer_name,
)

CASE, OUTPUT = Case(id="a", input="q"), Output(text="16 weeks")


def run(scorer: Callable[..., Any]) -> list[Score]:
    """What a run makes of one scorer beside the checks."""
    suite = SimpleNamespace(scorers=[scorer])
    config = SimpleNamespace(seed=0)
    plan = SimpleNamespace(suite=suite, scorers=[scorer], config=config, standings={})
    bench: Any = SimpleNamespace(
        plan=plan,
        aside=[aside(scorer)],
        asking=[False],
        llm=None,
        limit=10.0,
        threads=Threads(),
    )
    scores, _ = asyncio.run(score(bench, CASE, OUTPUT, [], 3))
    return [each for each in scores if each.metric not in (CHECKS, COMPLETION)]


def values(result: object, metric: Metric = Metric("m")) -> list[tuple[str, float | None, str]]:  # noqa: B008
    return [(each.metric, each.value, each.reason) for each in fold(result, metric, "a", 1)]


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (0.25, 0.25),
        (1, 1.0),
        (True, 1.0),
        (False, 0.0),
        (np.float32(0.5), 0.5),
        (np.bool_(True), 1.0),
        (Decimal("0.5"), 0.5),
        (Score("", 0, "m", 0.5), 0.5),
        (checks.Outcome(True, "yes"), 1.0),
    ],
)
def test_a_value_is_a_score(result: object, value: float) -> None:
    assert [(each[0], each[1]) for each in values(result)] == [("m", value)]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (None, "returned None"),
        (float("nan"), "returned nan"),
        (float("inf"), "returned inf"),
        (1.01, "1.01 is outside [0, 1]"),
        (-0.01, "outside"),
        (10**400, "OverflowError"),
        ("0.5", "returned str"),
        ([0.5], "returned list"),
        ({}, "no metric"),
        ((None, "no claims"), "no claims"),
        ((2, "high"), "2 is outside [0, 1] (high)"),
        (checks.Outcome(None, "unknown"), "unknown"),
        (Score("", 0, "m", float("nan"), "why"), "returned nan (why)"),
    ],
)
def test_what_is_no_value_is_no_score_with_the_reason(result: object, reason: str) -> None:
    ((name, value, said),) = values(result)
    assert (name, value) == ("m", None)
    assert reason in said


def test_a_mapping_gives_a_score_per_metric() -> None:
    found = values({"m": 0.5, "recall": (0.25, "one of four"), "empty": None})
    assert found == [
        ("m", 0.5, ""),
        ("recall", 0.25, "one of four"),
        ("empty", None, "the scorer returned None"),
    ]


@pytest.mark.parametrize("name", ["checks", "completion", "", 7])
def test_the_suites_own_metrics_can_t_be_overwritten(name: object) -> None:
    assert [(each[0], each[1]) for each in values({name: 1.0})] == [("m", None)]
    if name == "checks":
        assert [(each[0], each[1]) for each in values(Score("a", 1, "checks", 1.0))] == [
            ("m", None)
        ]


def test_the_range_is_the_metrics_own() -> None:
    stars = Metric("stars", low=1, high=5)
    assert values(4, stars) == [("stars", 4.0, "")]
    assert values(0, stars)[0][1] is None
    assert values({"other": 4}, stars)[0][1] is None


def test_case_and_trial_are_the_ones_asked_for() -> None:
    (found,) = fold(Score("other", 9, "", 1.0, "why", [{"claim": 1}]), Metric("m"), "a", 3)
    assert found == Score("a", 3, "m", 1.0, "why", ({"claim": 1},))


def test_evidence_that_can_t_be_stored_is_left_out_and_said() -> None:
    for evidence in ([{"x": object()}], [{"x": "y" * 100_000}], [{"x": "\ud800"}], [1]):
        (found,) = fold(Score("a", 1, "m", 1.0, "", evidence), Metric("m"), "a", 1)  # type: ignore[arg-type]
        assert found.value == 1.0
        assert "evidence left out" in found.evidence[0]


def test_plain_and_async_scorers_are_applied_alike() -> None:
    async def later(case: Case, output: Output) -> float:
        await asyncio.sleep(0)
        return 0.5

    def now(case: Case, output: Output) -> float:
        return 0.5

    assert run(later) == [Score("a", 3, "later", 0.5)]
    assert run(now) == [Score("a", 3, "now", 0.5)]
    assert run(checks.contains("16"))[0].value == 1.0


def test_an_exception_of_a_scorer_is_no_score() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def broken(case: Case, output: Output) -> float:
        raise KeyError("weeks\n\ud800")

    def worse(case: Case, output: Output) -> float:
        raise Unprintable

    assert run(broken) == [Score("a", 3, "broken", None, "KeyError: 'weeks\\n\\ud800'")]
    assert run(worse) == [Score("a", 3, "worse", None, "Unprintable")]


def test_a_scorer_says_otherwise_what_it_measures() -> None:
    @measures(Metric("politeness", high=5))
    def judge(case: Case, output: Output) -> float:
        return 4

    @measures("tone")
    def other(case: Case, output: Output) -> float:
        return 1

    class Rated:
        def __call__(self, case: Case, output: Output) -> float:
            return 1

    assert metric_of(judge) == Metric("politeness", high=5)
    assert run(judge) == [Score("a", 3, "politeness", 4.0)]
    assert scorer_name(other) == "tone"
    assert scorer_name(functools.partial(run)) == "run"
    assert scorer_name(Rated()) == "Rated"
    assert scorer_name(checks.contains("a")) == "contains"


@given(st.recursive(st.none() | st.floats() | st.text() | st.binary() | st.integers(), st.lists))
def test_whatever_is_returned_is_a_storable_score(result: object) -> None:
    for found in fold(result, Metric("m"), "a", 1):
        assert found.value is None or 0 <= found.value <= 1
        canonical([found.value, found.reason, found.evidence])


SOURCE = """
import re, json
import helper_{n} as helper
WORDS = {{"paid": 1}}
RX = re.compile("a+")
class Rubric:
    level = 1
def inner(text):
    return WORDS.get(text, 0) + Rubric.level + bool(RX.match(text))
def scorer(case, output):
    return inner(output.text) + helper.help()
def unrelated(case, output):
    return 1
"""
HELPER = "def help():\n    return 0\n"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
    """The keys of scorer and unrelated in a project whose source was changed as asked."""
    monkeypatch.syspath_prepend(tmp_path)

    def made(old: str = "", new: str = "", helper: str = HELPER) -> tuple[str, str]:
        source = SOURCE.replace(old, new, 1) if old else SOURCE
        for name in ("own_scorers", "helper_0"):
            sys.modules.pop(name, None)
        (tmp_path / "own_scorers.py").write_text(source.format(n=0), encoding="utf-8")
        (tmp_path / "helper_0.py").write_text(helper, encoding="utf-8")
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            module = importlib.import_module("own_scorers")
        finally:
            sys.dont_write_bytecode = before
        return scorer_key(module.scorer), scorer_key(module.unrelated)

    return made


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("helper.help()", "2 * helper.help()"),
        ('{{"paid": 1}}', '{{"paid": 2}}'),
        ('"a+"', '"b+"'),
        ("level = 1", "level = 2"),
        ("return WORDS.get(text, 0)", "return WORDS.get(text, 1)"),
    ],
)
def test_a_scorers_key_follows_all_that_its_code_names(keys: Any, old: str, new: str) -> None:
    scorer, unrelated = keys()
    changed, still = keys(old, new)
    assert changed != scorer
    assert still == unrelated


def test_a_scorers_key_follows_the_modules_of_the_project(keys: Any) -> None:
    scorer, unrelated = keys()
    assert keys() == (scorer, unrelated)
    changed, still = keys(helper="def help():\n    return 1\n")
    assert (changed != scorer, still == unrelated) == (True, True)


def test_a_scorers_key_is_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import threading\nLOCK = threading.Lock()\nNAMES = {'a', 'b', 'c'}\n"
        "class Client:\n    def __init__(self): self.lock = LOCK\nCLIENT = Client()\n"
        "def scorer(case, output):\n    return len(NAMES) > 1 and CLIENT.lock is LOCK\n"
    )
    code = "import own; from evalsuite.scoring import scorer_key; print(scorer_key(own.scorer))"
    made = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(3)
    }
    assert len(made) == 1


def test_a_scorers_key_follows_what_it_closes_over() -> None:
    def at_most(limit: object) -> Callable[..., Any]:
        def scorer(case: Case, output: Output) -> bool:
            return len(output.text) <= limit  # type: ignore[operator]

        return scorer

    assert scorer_key(at_most(1)) == scorer_key(at_most(1)) != scorer_key(at_most(2))
    assert scorer_key(functools.partial(run, 1)) != scorer_key(functools.partial(run, 2))
    assert scorer_key(at_most(True)) != scorer_key(at_most(1))


def test_a_scorers_own_key_goes_before() -> None:
    class Keyed:
        key = "politeness-3"
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, case: Case, output: Output) -> float:
            return 1

    class Bare(Keyed):
        key = ""

    assert scorer_key(Keyed()) == "politeness-3"
    assert scorer_key(Bare()) == scorer_key(Bare()) != "politeness-3"
    assert scorer_key(checks.contains("a")) == checks.contains("a").key


def test_an_attribute_of_a_users_scorer_is_no_list_of_metrics_unless_it_holds_some() -> None:
    class Own:
        metrics = 3
        key = "own"

        def measure(self) -> None: ...

        def __call__(self, case: Case, output: Output) -> float:
            return 1.0

    scorer = Own()
    assert [metric.name for metric in metrics_of(scorer)] == ["Own"]
    assert scorer_key(scorer) == "own"
    scorer.metrics = (Metric("a"), Metric("b", role="detail"))  # type: ignore[assignment]
    assert [metric.name for metric in metrics_of(scorer)] == ["a", "b"]


def test_nothing_to_judge_is_told_from_a_score_that_could_not_be_made() -> None:
    [void], [lost], [wrong] = (
        fold(result, Metric("m"), "a", 1)
        for result in (nothing("no label"), (None, "no verdict"), Score("", 1, "", 7.0, void=True))
    )
    assert (void.value, void.reason, void.void) == (None, "no label", True)
    assert (lost.value, lost.void) == (None, False)
    assert (wrong.value, wrong.void) == (None, False)
