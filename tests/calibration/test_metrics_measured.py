"""Metrics of ev.rag are measured against people as judges are, and gate no further than that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from chat_server import Chat, chatting
from rag_replies import grounded

import evalsuite as ev
from evalsuite.calibration.labels import append_items, append_labels, item_id, read_items
from evalsuite.calibration.measurable import card_of
from evalsuite.calibration.records import Item, Label
from evalsuite.cli import main
from evalsuite.config import load_config
from evalsuite.errors import SuiteError
from evalsuite.judging.records import Subject
from evalsuite.judging.setting import Setting
from evalsuite.rag.cards import ALONE, QUESTIONS, metric_card
from evalsuite.rag.names import METRICS
from evalsuite.rating.showing import names_shown
from evalsuite.records import Document, Standing
from evalsuite.runner.score import _informs
from evalsuite.runner.standings import standings_of

Say = Callable[..., tuple[int, str]]

COUNT = 100
LEVELS = ("none", "few", "half", "most", "all")

SUITE = """
import evalsuite as ev

@ev.suite(golden="facts", scorers=[ev.rag.triad()])
async def facts(case):
    return ev.Output(text="It is so.", contexts=["It is so."])
"""


def item(n: int) -> Item:
    """An answer of four sentences, n % 5 of which stand in its context."""
    told = [f"Fact {n} number {part} holds." for part in range(4)]
    held = [*told[: n % 5], "Nothing else."]
    subject = Subject(
        input=f"What of {n}?",
        output=" ".join(told),
        contexts=(Document("d", " ".join(held)),),
    )
    return Item(id=item_id(subject), subject=subject, case=f"f{n:03}")


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    pytest.importorskip("openai")
    with pytest.MonkeyPatch.context() as patch, chatting(grounded) as chat:
        patch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
        yield chat


@pytest.fixture
def project(chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which people rated a metric."""
    chat.answer = grounded
    chat.asked.clear()
    monkeypatch.chdir(tmp_path)
    backends = f'backends = {{ judge = "openai:j@{chat.url}" }}'
    Path("pyproject.toml").write_text(f"[tool.evalsuite]\n{backends}\nconcurrency = 4\n")
    items = [item(n) for n in range(COUNT)]
    append_items(Path("judges/faithfulness"), items)
    labels = [
        Label(item=each.id, rater="ann", criterion="faithfulness", value=LEVELS[n % 5])
        for n, each in enumerate(items)
    ]
    append_labels(Path("judges/faithfulness"), labels)
    return tmp_path


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(["judge", *arguments])
        done = capsys.readouterr()
        return status, done.out + done.err

    return run


def standings(project: Path, *scorers: Any, spec: str = "") -> dict[str, Standing]:
    config = load_config(project)
    specs = {"default": "embedded", "judge": spec or config.backends["judge"]}
    setting = Setting(config=config, specs=specs, suite="s")
    return standings_of([each.bind(setting) for each in scorers], config)


def test_a_metric_nobody_rated_informs(tmp_path: Path) -> None:
    config = load_config(tmp_path)
    setting = Setting(config=config, specs={"default": "embedded"}, suite="s")
    found = standings_of([ev.rag.triad().bind(setting)], config)
    assert list(found) == ["faithfulness", "answer_relevancy", "context_relevance"]
    for name, each in found.items():
        assert (each.state, each.judge, each.says) == ("uncertified", name, "no certificate")
        assert f"evalsuite rate {name} --from-run last" in each.remedy


def test_it_is_calibrated_by_the_commands_of_judges(project: Path, chat: Chat, say: Say) -> None:
    status, out = say("calibrate", "faithfulness", "--certify")
    assert status == 0, out
    assert f"faithfulness: {COUNT} outputs, {COUNT} calls" in out
    assert len(chat.asked) == COUNT
    assert "certificate   faithfulness provisional" in out
    assert "Spearman's rho 1.00" in out
    assert "1 of 2 raters" in out, "one rater makes no trusted metric"
    assert say("calibrate", "faithfulness")[0] == 0
    assert len(chat.asked) == COUNT, "its replies are in the store"

    of_suite = standings(project, ev.rag.triad())
    assert of_suite["faithfulness"].state == "provisional"
    assert of_suite["answer_relevancy"].state == "uncertified"
    status, out = say("list")
    assert status == 0
    assert "faithfulness" in out
    assert "ev.rag" in out
    assert "faithfulness: provisional" in say("show", "faithfulness")[1]


def test_its_certificate_is_of_what_was_asked_and_of_the_model(project: Path, say: Say) -> None:
    assert say("calibrate", "faithfulness", "--certify")[0] == 0
    rag = ev.rag
    alone = standings(project, rag.faithfulness())["faithfulness"]
    beside = standings(project, rag.triad(recall=True))["faithfulness"]
    assert (alone.state, beside.state) == ("provisional", "provisional")
    cited = standings(project, rag.triad(also=["citation_recall"]))["faithfulness"]
    assert "stale: the card changed" in cited.says, "its call asks for more"
    other = standings(project, rag.faithfulness(), spec="embedded")["faithfulness"]
    assert "stale: the model or its parameters changed" in other.says


def test_a_run_says_what_its_metrics_are_worth(project: Path, chat: Chat, say: Say) -> None:
    assert say("calibrate", "faithfulness", "--certify")[0] == 0
    Path("golden/facts").mkdir(parents=True)
    cases = "".join(json.dumps({"id": f"c{n}", "input": f"{n}?"}) + "\n" for n in range(3))
    Path("golden/facts/cases.jsonl").write_text(cases)
    Path("test_facts.py").write_text(SUITE)
    plugins = ["-p", "evalsuite.plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--evals", "-q", *plugins],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (manifest,) = Path(".evalsuite/runs").glob("*/facts/manifest.json")
    judges = json.loads(manifest.read_text())["judges"]
    states = {name: each["state"] for name, each in judges.items()}
    assert states == {
        "faithfulness": "provisional",
        "answer_relevancy": "uncertified",
        "context_relevance": "uncertified",
    }


def test_what_has_no_value_is_in_no_figure_and_said(project: Path, chat: Chat, say: Say) -> None:
    bare = Subject(input="What?", output="It is so.")
    append_items(Path("judges/faithfulness"), [Item(id=item_id(bare), subject=bare, case="bare")])
    rated = Label(item=item_id(bare), rater="ann", criterion="faithfulness", value="none")
    append_labels(Path("judges/faithfulness"), [rated])
    status, out = say("calibrate", "faithfulness")
    assert status == 0, out
    assert f"{COUNT + 1} outputs, {COUNT} calls" in out
    assert "not asked     1 item: no contexts: the output has none" in out


def test_a_judges_card_of_the_metrics_name_is_not_taken_for_its_measure(
    project: Path, say: Say
) -> None:
    assert say("calibrate", "faithfulness", "--certify")[0] == 0
    card = Path("judges/faithfulness/judge.md")
    card.write_text("---\nkind: rubric\nquestion: Good?\nscale: {no: x, yes: y}\n---\n{{ output }}")
    found = standings(project, ev.rag.faithfulness())["faithfulness"]
    assert (found.state, found.error) == ("uncertified", 1.0)
    assert "judge.md is a judge's card, of the metric's name" in found.says


@pytest.mark.parametrize(
    ("states", "aside"),
    [
        (("uncertified", "uncertified", "uncertified"), True),
        (("provisional", "uncertified", "uncertified"), False),
        (("uncertified", "uncertified", "trusted"), False),
        ((), False),
    ],
)
def test_a_case_may_lack_replies_only_for_metrics_none_of_which_gates(
    states: tuple[Any, ...], aside: bool, tmp_path: Path
) -> None:
    setting = Setting(config=load_config(tmp_path), specs={"default": "embedded"}, suite="s")
    triad = ev.rag.triad().bind(setting)
    standing = [Standing(state=each) for each in states]
    known = dict(zip([each.name for each in triad.metrics], standing, strict=False))
    bench: Any = SimpleNamespace(plan=SimpleNamespace(standings=known))
    assert _informs(bench, triad) is aside


def test_strict_settings_refuse_a_metric_that_nobody_measured(project: Path) -> None:
    text = Path("pyproject.toml").read_text()
    Path("strict").mkdir()
    Path("strict/pyproject.toml").write_text(text + "strict_judges = true\n")
    with pytest.raises(SuiteError, match="faithfulness gates without a certificate"):
        standings(Path("strict").absolute(), ev.rag.faithfulness())


def test_what_is_not_for_metrics_says_so(project: Path, say: Say) -> None:
    status, out = say("calibrate", "faithfulness", "--votes", "3")
    assert (status, "is a metric, which is asked once" in out) == (4, True)
    status, out = say("calibrate", "faithfulnes")
    assert (status, "no judge 'faithfulnes'" in out) == (2, True)
    assert "metrics: faithfulness, answer_relevancy" in out
    for command in (
        ("attack", "faithfulness"),
        ("compare", "faithfulness", "faithfulness=embedded"),
        ("anchor", "faithfulness", "--from-run", "last"),
    ):
        status, out = say(*command)
        assert (status, "faithfulness is a metric of ev.rag" in out) == (4, True), out
    status, out = say("new", "faithfulness", "--from", "groundedness")
    assert (status, "is a metric of ev.rag" in out) == (4, True)
    assert not Path("judges/faithfulness/judge.md").exists()


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_can_be_rated(name: str, tmp_path: Path) -> None:
    card = metric_card(name)
    assert card_of(tmp_path, name) == card
    (asks,) = card.criteria
    assert asks.question == QUESTIONS[name]
    values = [level.value for level in asks.scale]
    assert sorted(values, reverse=not METRICS[name].higher_is_better) == values
    assert {values[0], values[-1]} == {0.0, 1.0}
    seen = names_shown(card)
    assert {"input", "output", *card.needs} == seen, "raters see what is to be compared"
    assert ("contexts" in seen) == (name not in ALONE)


def test_labels_of_a_metric_go_out_and_come_in(project: Path, say: Say) -> None:
    export = ("labels", "faithfulness", "export", "out.csv", "--format", "csv")
    assert say(*export)[0] == 0
    text = Path("out.csv").read_text("utf-8-sig").replace(",ann,", ",bob,")
    Path("in.csv").write_text(text)
    status, out = say("labels", "faithfulness", "import", "in.csv", "--format", "csv")
    assert (status, f"{COUNT} labels and 0 items added" in out) == (0, True)
    assert len(read_items(Path("judges/faithfulness"))) == COUNT
