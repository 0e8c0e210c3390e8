"""What `--evals-plan` says is what then happens, call by call and to the cent; and it asks nothing
itself. Over real HTTP, with the provider's SDK."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from chat_server import chatting
from planning import told

pytest.importorskip("openai")

SUITE = """
import evalsuite as ev

async def graded(case, output, llm):
    first = await llm["judge"].chat(f"{rubric} {{output.text}}", max_tokens=5)
    second = await llm["judge"].chat(f"sure? {{first.text}}")
    return float("word" in second.text)

async def polite(case, output, llm):
    return float(bool((await llm["judge"].chat("polite? " + output.text)).text))

@ev.suite(golden="words", scorers=[{scorers}], trials={trials})
async def words(case, llm):
    draft = await llm.chat(f"{prompt} {{case.input}}", max_tokens={most})
    {more}
    return (await llm.chat("shorter: " + draft.text)).text
"""

SETTINGS = """
[tool.evalsuite]
backends = {{ default = "openai:m@{url}", judge = "openai:j@{url}" }}
[tool.evalsuite.prices."openai:m"]
input = 100.0
output = 1000.0
[tool.evalsuite.prices."openai:j"]
input = 1000.0
output = 10000.0
"""


class Planned:
    """A project of six cases, each with two calls of its target and three of two judges."""

    def __init__(self, project: Any, chat: Any) -> None:
        self.project, self.chat = project, chat
        self.rubric, self.prompt, self.most, self.trials = "good?", "answer", 9, 1
        self.scorers, self.more, self.cases = "graded, polite", "pass", project.many(6)
        project.write("pyproject.toml", SETTINGS.format(url=chat.url))

    def write(self) -> None:
        names = ("rubric", "prompt", "most", "trials", "scorers", "more")
        text = SUITE.format(**{name: getattr(self, name) for name in names})
        self.project.write("test_words.py", text)
        self.project.cases(self.cases)

    def run(self, *arguments: str) -> str:
        self.write()
        done = self.project.run_apart(*arguments)
        assert done.ret == 0, done.stdout.str()
        return str(done.stdout.str())

    def plan(self, *arguments: str) -> str:
        """What is told, without a call."""
        self.chat.asked.clear()
        said = self.run("--evals-plan", *arguments)
        assert not self.chat.asked
        return said

    def holds(self, *arguments: str) -> int:
        """The calls that were told, which were then made, for the money that was told. A run with a
        budget plans itself before it starts."""
        self.chat.asked.clear()
        said = self.run("--evals-budget=1000calls", *arguments)
        calls, usd = told(said, "the run takes")
        operations = self.project.manifest()["operations"]
        assert operations.get("fresh_calls", 0) == len(self.chat.asked) == calls
        assert operations["cost"] == pytest.approx(usd, rel=0.01, abs=0.0005)
        return calls


@pytest.fixture
def planned(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planned]:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    with chatting(lambda prompt: f"word {prompt}") as chat:
        yield Planned(project, chat)


def test_each_change_takes_what_the_plan_says(planned: Planned) -> None:
    said = planned.plan()
    assert told(said) == (0, None)
    assert "at least 6 calls; what follows them, and what they take, is not known" in said
    planned.run()
    planned.project.accept()

    assert planned.holds() == 0  # all is stored
    planned.more = "len(draft.text)"
    assert planned.holds() == 0  # changed code, the same questions
    planned.prompt = "please answer"
    assert planned.holds() == 6 * 5
    planned.rubric = "really good?"
    assert planned.holds() == 6 * 2
    planned.cases = [*planned.cases[:5], planned.cases[5] | {"input": "edited word"}]
    assert planned.holds() == 5
    planned.cases = [*planned.cases, {"id": "new", "input": "new word"}]
    assert planned.holds() == 5
    planned.most = 11  # the mock answers as before, which no plan can know
    said = planned.plan()
    assert "35 calls, 0.8288 USD" in said
    assert "(at least 7 of them)" in said


def test_a_cold_store_is_told_by_the_snapshot(planned: Planned) -> None:
    planned.run()
    planned.project.accept()
    shutil.rmtree(planned.project.path / ".evalsuite")
    assert planned.holds() == 6 * 5
    planned.scorers = "polite"  # what is asked no more is no part of it
    planned.prompt = "please answer"
    assert planned.holds() == 6 * 3
    planned.scorers = "graded, polite"
    planned.prompt = "answer, please"
    assert planned.holds() == 6 * 5  # the newest run did not ask all of it


def test_further_trials_take_what_the_plan_says(planned: Planned) -> None:
    planned.run()
    assert "60 calls" in planned.plan("--evals-trials=3")  # whose first ones are reused
    planned.trials = 3
    said = planned.plan()
    assert "60 calls" in said
    assert "(at least 12 of them)" in said  # answers may be alike, as the mock's are
    planned.run()
    planned.prompt = "please answer"
    assert planned.holds() == 6 * (3 * 2 + 3)  # and were judged once
    planned.rubric = "really good?"
    assert planned.holds() == 6 * 2
    planned.trials = 1
    assert planned.holds("--evals-seed=1") == 6 * 5  # fewer trials than the newest run's


def test_trials_beside_stored_outputs_and_another_seed_take_what_the_plan_says(
    planned: Planned,
) -> None:
    planned.scorers = ""
    planned.run()
    assert planned.holds("--evals-trials=2") == 6 * 2
    planned.scorers = "polite"
    planned.run("--evals-trials=2")  # equal answers are judged once
    assert planned.holds("--evals-seed=1") == 6 * 3
    assert planned.holds("--evals-seed=1", "--evals-trials=3") == 6 * 2 * 2


def test_a_snapshot_of_what_the_store_answered_tells_a_cold_store(planned: Planned) -> None:
    planned.run()
    planned.more = "len(draft.text)"
    assert planned.holds() == 0
    planned.project.accept()
    shutil.rmtree(planned.project.path / ".evalsuite")
    assert planned.holds() == 6 * 5


ALONE = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    return (await llm.chat(case.input, max_tokens={most})).text
"""


def test_a_shorter_limit_of_answers_takes_less(planned: Planned) -> None:
    planned.project.cases(planned.cases)
    costs = []
    for most in (9, 2):
        planned.project.write("test_words.py", ALONE.format(most=most))
        done = planned.project.run_apart("--evals-plan")
        costs.append(told(done.stdout.str()))
        assert planned.project.run_apart().ret == 0
    assert costs == [(0, None), (6, pytest.approx(6 * (7 * 100 + 2 * 1000) / 1e6, abs=0.005))]


def test_suites_that_ask_the_same_take_what_the_plan_says(planned: Planned) -> None:
    planned.project.cases(planned.cases)
    planned.project.cases(planned.cases, name="others")
    text = ALONE.format(most=9)
    planned.project.write("test_words.py", text)
    planned.project.write("test_others.py", text.replace("words", "others"))
    done = planned.project.run_apart("--evals-plan")
    assert "in all: at least 6 calls" in done.stdout.str()
    for arguments in ((), ("--evals-seed=1",), ("--evals-seed=2", "--evals-budget=6calls")):
        planned.chat.asked.clear()
        calls, _ = told(planned.project.run_apart("--evals-plan", *arguments).stdout.str())
        assert planned.project.run_apart(*arguments).ret == 0
        assert len(planned.chat.asked) == 6
        assert calls == (6 if arguments else 0)  # no run had told the first one


def test_samples_of_the_provider_are_planned_and_counted(planned: Planned) -> None:
    planned.scorers, planned.cases = "", planned.project.many(51)
    planned.run()
    planned.project.accept()
    planned.prompt = "please answer"
    assert told(planned.plan()) == (51 * 2 + 3, pytest.approx(105 * 0.0037, rel=0.01))
    planned.run()
    assert len(planned.chat.asked) == 105
    operations = planned.project.manifest()["operations"]
    models = [each for part in operations["parts"].values() for each in part.values()]
    assert sum(each["calls"] for each in models) == operations["models"]["openai:m"]["calls"] == 105
    assert operations["parts"]["sample"]["openai:m"]["calls"] == 3
    planned.prompt = "answer, please"
    assert planned.holds() == 51 * 2  # a budget is for the cases


def test_a_budget_below_what_is_sure_refuses_before_a_call(planned: Planned) -> None:
    planned.run()
    planned.prompt = "please answer"
    planned.write()
    planned.chat.asked.clear()
    for budget in ("5calls", "0.001usd", "20tokens"):
        done = planned.project.run_apart(f"--evals-budget={budget}")
        assert done.ret == 10
        said = done.stdout.str() + done.stderr.str()
        assert f"the budget of {budget[0]}" in said
        assert "does not cover the run, which takes " in said
        assert "raise it (--evals-budget)" in said
    assert not planned.chat.asked
    assert "does not cover the run" in planned.plan(f"--evals-budget={budget}")


def test_a_budget_refuses_no_run_that_the_store_answers(planned: Planned) -> None:
    planned.run()
    planned.more = "len(draft.text)"
    assert "the run takes no call" in planned.run("--evals-budget=1calls,0.0001usd")


def test_what_cannot_be_planned_is_said(planned: Planned) -> None:
    planned.write()
    assert planned.project.run_apart("--evals-plan", "--evals-replay=only").ret == 0
    done = planned.project.run_apart(
        "--evals-plan", "--evals-backend=openai:other@http://127.0.0.1:9"
    )
    assert "at least 6 calls" in done.stdout.str()  # nor does it need a server that is there


def test_workers_plan_nothing(planned: Planned) -> None:
    pytest.importorskip("xdist")
    done = planned.project.run_apart("--evals-plan", "-n", "2", "-p", "xdist")
    assert done.ret == 4
    assert "leave out -n" in done.stderr.str()


FIXTURE = """
import pytest
import evalsuite as ev

@pytest.fixture(scope="module")
def greeting():
    yield "{greeting}"
    print("told", "apart")

@ev.suite(golden="words")
async def {name}(case, greeting, llm):
    return (await llm.chat(greeting + case.input)).text
"""


def test_suites_with_fixtures_are_planned_with_them(planned: Planned) -> None:
    def write(greeting: str) -> None:
        for name in ("words", "others"):
            text = FIXTURE.format(name=name, greeting=greeting + name)
            planned.project.write(f"test_{name}.py", text)

    planned.project.cases(planned.cases)
    write("hello")
    assert planned.project.run_apart().ret == 0
    write("hi")
    planned.chat.asked.clear()
    done = planned.project.run_apart("--evals-plan", "-s")
    assert done.ret == 0
    assert told(done.stdout.str())[0] == 12
    assert done.stdout.str().count("told apart") == 2
    assert not planned.chat.asked
    assert len(planned.project.runs()) == 1


def test_what_the_embedded_model_will_be_asked_is_told_exactly(project: Any) -> None:
    project.write("test_words.py", EMBEDDED)
    project.cases(project.many(6, expected="word"))
    done = project.run_apart("--evals-plan")
    calls, usd = told(done.stdout.str())
    assert usd == 0.0
    assert project.run_apart().ret == 0
    assert project.manifest()["operations"]["fresh_calls"] == calls > 6
    assert told(project.run_apart("--evals-plan").stdout.str()) == (0, 0.0)


EMBEDDED = """
import evalsuite as ev

@ev.suite(golden="words", scorers=[ev.judge("correctness"), ev.rag.triad()])
async def words(case, llm):
    text = f"{case.input} is here."
    answer = await llm.chat(f"<document>{text}</document>\\nQuestion: {case.input}?")
    return ev.Output(text=answer.text, contexts=[ev.Document("a", text)])
"""
