"""Scorers that ask models, and calls that fail: no score where there is none, never a 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from chat_server import Chat, chatting

pytest.importorskip("openai")

HEAD = """
import asyncio
import evalsuite as ev

def value(text):
    return float(text.split()[-1])
"""

ASYNC = """
async def judge(case, output, llm):
    return value((await llm["judge"].chat("judge " + output.text)).text)
"""

PLAIN = """
def judge(case, output, llm):
    return value(llm["judge"].chat("judge " + output.text).result().text)
"""

SWALLOWING = """
async def judge(case, output, llm):
    try:
        await llm["judge"].chat("judge refuse")
    except Exception:
        return 0.0
"""

SUITE = """
@ev.suite(golden="words", scorers=[judge]{arguments})
async def words(case, llm):
    {body}
"""


def answer(prompt: str) -> str | int:
    """A target's answer, a judge's verdict, or a refusal of the request."""
    if "refuse" in prompt:
        return 400
    return "verdict 0.5" if prompt.startswith("judge") else f"word {prompt}"


@pytest.fixture
def chat(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    with chatting(answer) as chat:
        url = f"@{chat.url}"
        backends = f'{{ default = "openai:m{url}", judge = "openai:j{url}" }}'
        project.write("pyproject.toml", f"[tool.evalsuite]\nbackends = {backends}\n")
        yield chat


def write(project: Any, *, scorer: str = ASYNC, body: str = "", arguments: str = "") -> None:
    body = body or "return (await llm.chat(case.input)).text"
    project.write("test_words.py", HEAD + scorer + SUITE.format(body=body, arguments=arguments))


@pytest.mark.parametrize("scorer", [ASYNC, PLAIN], ids=["async", "plain"])
def test_a_scorer_asks_the_model_of_its_role(project: Any, chat: Chat, scorer: str) -> None:
    write(project, scorer=scorer)
    project.cases(project.many(4))
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert {tuple(row["scores"]["judge"]) for row in project.rows().values()} == {(0.5,)}
    asked = [prompt for prompt in chat.asked if prompt.startswith("judge word")]
    assert len(asked) == 4
    operations = project.manifest()["operations"]
    assert operations["fresh_calls"] == 8
    assert operations["input_tokens"] == 8 * 7


def test_the_output_keeps_the_usage_of_its_target_alone(project: Any, chat: Chat) -> None:
    own = "\ndef own(case, output):\n    return output.usage.calls / 10\n"
    write(project, scorer=ASYNC + own, arguments=", trials=2")
    source = (project.path / "test_words.py").read_text()
    project.write("test_words.py", source.replace("[judge]", "[judge, own]"))
    project.cases(project.many(1))
    project.run_apart()
    assert project.rows()["c000"]["scores"]["own"] == [0.1, 0.1]


def test_equal_outputs_of_several_trials_are_judged_once(project: Any, chat: Chat) -> None:
    write(project, body="return 'word'", arguments=", trials=3")
    project.cases(project.many(1))
    project.run_apart("--evals-concurrency=1")
    assert chat.asked == ["judge word"]
    assert project.rows()["c000"]["scores"]["judge"] == [0.5, 0.5, 0.5]


def test_an_output_that_did_not_change_is_not_judged_again(project: Any, chat: Chat) -> None:
    write(project)
    project.cases(project.many(3))
    project.run_apart()
    before = len(chat.asked)
    write(project, body="return (await llm.chat(case.input)).text  # changed")
    project.run_apart()
    assert len(chat.asked) == before
    assert project.manifest()["operations"]["stored_calls"] == 6


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        (ASYNC.replace('"judge "', '"judge refuse "'), "provider: "),
        (SWALLOWING, "provider: "),
        ("async def judge(case, output, llm):\n    1 / 0\n", "ZeroDivisionError"),
        (
            "async def judge(case, output, llm):\n    await asyncio.sleep(60)\n",
            "timeout: no score within 0.5 s",
        ),
        ("async def judge(case, output, llm):\n    raise SystemExit(3)\n", "SystemExit: 3"),
    ],
    ids=["refused", "swallowed", "broken", "hanging", "ending"],
)
def test_a_scorer_that_fails_gives_no_score_and_says_why(
    project: Any, chat: Chat, scorer: str, said: str
) -> None:
    limit = 0.5 if "sleep" in scorer else 60
    write(project, scorer=scorer, arguments=f", timeout={limit}", body="return 'word'")
    project.cases(project.many(2))
    done = project.run_apart()
    row = project.rows()["c000"]
    assert row["scores"]["judge"] == [None]
    assert row["scores"]["checks"] == [1]
    assert row["reasons"]["judge"].startswith(said)
    assert "Traceback" not in done.stdout.str()


def test_a_scorer_whose_reply_is_not_stored_makes_the_case_missing(
    project: Any, chat: Chat
) -> None:
    write(project)
    project.cases(project.many(2))
    project.run_apart()
    write(project, scorer=ASYNC.replace("judge ", "judge again "))
    done = project.run_apart("--evals-replay=only", "-v")
    assert done.ret == 11  # every reply that the scorer needs lacks
    done.stdout.fnmatch_lines(["*words?c000? MISSING*"])
    assert not [prompt for prompt in chat.asked if "again" in prompt]


SWALLOWS = """try:
        return (await llm.chat("refuse " + case.input)).text
    except Exception:
        {then}"""


@pytest.mark.parametrize("then", ["return 'word'", "raise ValueError from None"])
def test_what_a_target_makes_of_a_failed_call_is_no_answer(
    project: Any, chat: Chat, then: str
) -> None:
    write(project, body=SWALLOWS.format(then=then))
    project.cases(project.many(2))
    project.run_apart()
    row = project.rows()["c000"]
    assert row["scores"]["checks"] == row["scores"]["completion"] == [None]
    assert row["errors"][0].startswith("provider: ")
    assert project.manifest()["operations"]["reused_outputs"] == 0
    project.run_apart()
    assert project.manifest()["operations"]["reused_outputs"] == 0


def test_an_answer_of_a_fallback_is_one_but_is_not_reused(project: Any, chat: Chat) -> None:
    write(project, body=SWALLOWS.format(then="return (await llm.chat(case.input)).text"))
    project.cases(project.many(2))
    project.run_apart()
    assert project.rows()["c000"]["scores"]["checks"] == [1]
    project.run_apart()
    assert project.manifest()["operations"]["reused_outputs"] == 0


def test_a_thread_that_outlives_its_case_makes_no_further_call(project: Any, chat: Chat) -> None:
    project.write(
        "test_words.py",
        HEAD + "import time\nfrom pathlib import Path\n"
        "@ev.suite(golden='words', timeout=0.3)\ndef words(case, llm):\n"
        "    if case.id == 'c001':\n        return 'word'\n"
        "    time.sleep(1)\n    try:\n        llm.chat('too late').result()\n"
        "    except Exception as error:\n        Path('late.txt').write_text(str(error))\n"
        "    return 'word'\n"
        "@ev.suite(golden='words')\nasync def waits(case):\n"
        "    while case.id == 'c000' and not Path('late.txt').exists():\n"
        "        await asyncio.sleep(0.02)\n    return 'word'\n",
    )
    project.cases(project.many(2))
    project.run_apart()
    assert chat.asked == []
    assert "case c000 has ended" in (project.path / "late.txt").read_text()


def test_a_budget_leaves_the_cases_without_a_call_missing_and_says_so_once(
    project: Any, chat: Chat
) -> None:
    write(project)
    project.cases(project.many(8))
    done = project.run_apart("--evals-budget=6calls", "--maxfail=99", "--evals-concurrency=2", "-v")
    said = done.stdout.str()
    assert done.ret == 10, said
    missing = [name for name in (f"c{n:03}" for n in range(8)) if f"[{name}] MISSING" in said]
    assert len(missing) >= 4
    assert len(chat.asked) == 6
    assert "6 calls" in project.manifest()["stopped"]
    assert project.run_apart().ret == 0
    assert len(chat.asked) == 16  # nothing twice


def test_a_suite_that_was_complete_is_decided_though_another_was_stopped(
    project: Any, chat: Chat
) -> None:
    write(project)
    project.write(
        "test_a.py", HEAD + "@ev.suite(golden='words')\nasync def plain(case):\n    return 'word'\n"
    )
    project.cases(project.many(8))
    project.run_apart("--evals-budget=6calls", "--maxfail=99")
    assert project.manifest("plain")["stopped"] == ""
    assert project.manifest("words")["stopped"]
