"""A run that ends once its verdict is decided, and moved cases that are asked again: real runs on
the embedded model, whose answers slip now and then, by seed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from chat_server import chatting

SUITE = """
import pathlib
import evalsuite as ev

PROMPT = (pathlib.Path(__file__).parent / "prompt.txt").read_text()

@ev.suite(golden="words", inputs={{"prompt": "prompt.txt"}}{arguments})
async def words(case, llm{fixture}):
    team = case.input["team"]
    floor = f"Team {{team}} sits on floor {{team % 9}}."
    text = f"Team {{team}} gets {{10 + team}} days of leave. {{floor}}"
    if PROMPT.startswith("broken") and team % 2:
        text = floor
    if PROMPT.startswith("worse") and team % 40 == 2:
        text = floor
    question = f"How many days of leave does team {{team}} get?"
    document = f'<document id="teams">\\n{{text}}\\n</document>'
    said = await llm.chat([
        {{"role": "system", "content": "Answer only from the documents. " + RULE + PROMPT}},
        {{"role": "user", "content": document + "\\n\\nQuestion: " + question}},
    ])
    return said.text

RULE = 'If the answer is not in the documents, say exactly: "I do not know." '
"""


@pytest.fixture
def teams(project: Any) -> Any:
    """200 cases in 4 slices; about 6 % of answers slip so far that their check fails."""

    def write(prompt: str, arguments: str = "", fixture: str = "", count: int = 200) -> None:
        project.write("pyproject.toml", "[tool.evalsuite]\nformats = ['json']\n")
        project.write("test_words.py", SUITE.format(arguments=arguments, fixture=fixture))
        project.write("prompt.txt", prompt)
        project.cases(
            [
                {
                    "id": f"team-{team:03}",
                    "input": {"team": team},
                    "checks": [{"contains": f"{10 + team} days"}],
                    "slices": {"topic": "abcd"[team % 4]},
                    **({"must_pass": True} if team == 150 else {}),
                }
                for team in range(count)
            ]
        )

    def run(*arguments: str, noise: float = 0.2) -> Any:
        return project.run("--evals-backend", f"embedded?noise={noise}", *arguments)

    project.teams, project.noisy = write, run
    return project


def baseline(teams: Any, *arguments: str, noise: float = 0.2, **settings: Any) -> None:
    teams.teams("Be brief.", **settings)
    assert teams.noisy(*arguments, noise=noise).ret == 0
    teams.accept()


def calls(teams: Any) -> int:
    return int(teams.manifest()["operations"]["fresh_calls"])


def looks(teams: Any) -> dict[str, Any]:
    found: dict[str, Any] = teams.report()["run"]["sequential"]
    return found


def test_a_run_that_is_no_worse_ends_before_its_last_case(teams: Any) -> None:
    baseline(teams)
    teams.teams("Be short.")
    done = teams.noisy("--evals-sequential")
    read = looks(teams)["read"]
    assert done.ret == 0
    assert read in (100, 150)
    assert looks(teams)["reason"] == "every gate passes"
    assert calls(teams) == read == len(teams.rows())
    assert f"{200 - read} not needed" in done.stdout.lines[-1]
    assert f"sequential: decided at look {read // 50} of 4 ({read} of 200 cases)" in str(
        done.stdout
    )
    assert teams.report()["result"] == "pass"
    assert "would see" not in done.stdout.str()  # simulated for all cases
    manifest = teams.manifest()
    assert (manifest.get("partial", False), manifest.get("complete", True)) == (False, True)
    kinds = {case["kind"] for case in teams.report()["cases"]}
    assert not kinds & {"gone", "missing"}
    assert "team-150" in manifest["looks"]["order"][:1]  # must_pass cases come first


def test_a_big_break_is_red_at_the_first_look(teams: Any) -> None:
    baseline(teams)
    teams.teams("broken")
    done = teams.noisy("--evals-sequential", "--junitxml=junit.xml")
    assert done.ret == 1
    assert looks(teams)["read"] == calls(teams) == 50
    assert looks(teams)["reason"] == "checks: regression"
    assert "decided after 50 of 200 cases" in done.stdout.str()
    junit = (teams.path / "junit.xml").read_text()
    assert junit.count("<skipped") == 150
    refused = teams.evalsuite("accept", "words", "--from-run", "last", "--reason", "x")
    assert refused.ret != 0
    assert "run without --evals-sequential" in refused.stderr.str()
    again = teams.evalsuite("gate", "snapshot", "last")  # decided again from what is on disk
    assert again.ret == 1
    assert "decided at look 1 of 4" in again.stdout.str()


def test_what_is_finished_is_not_asked_again_by_the_whole_run(teams: Any) -> None:
    baseline(teams)
    teams.teams("broken")
    teams.noisy("--evals-sequential")
    first = teams.rows()
    teams.noisy()
    assert calls(teams) == 150
    assert all(teams.rows()[case]["scores"] == row["scores"] for case, row in first.items())
    assert teams.report()["run"]["sequential"] is None


def test_a_part_of_the_cases_and_a_first_run_have_no_looks(teams: Any) -> None:
    teams.teams("Be brief.")
    teams.noisy("--evals-sequential")
    assert "not sequential: there is no snapshot" in str(teams.manifest()["notes"])
    teams.accept()
    teams.teams("broken")
    teams.noisy("--evals-sequential", "-k", "team-00")
    assert "not sequential: only a part" in str(teams.manifest()["notes"])
    assert len(teams.rows()) == 10
    assert teams.report()["result"] == "partial"


def test_a_strict_case_that_fails_ends_the_run(teams: Any) -> None:
    baseline(teams)
    teams.teams("Be short.")
    suite = (teams.path / "test_words.py").read_text()
    teams.write(
        "test_words.py", suite.replace("team % 40 == 2", "team == 150").replace("worse", "Be")
    )
    done = teams.noisy("--evals-sequential")
    assert done.ret == 1
    assert looks(teams)["reason"] == "must_pass, team-150: failed"
    assert looks(teams)["read"] == 50
    done = teams.noisy("--evals-sequential", "-x")
    assert done.ret == 1
    assert len(teams.rows()) == 1


def test_workers_take_no_looks_and_say_so(teams: Any) -> None:
    pytest.importorskip("xdist")
    teams.teams("Be brief.")
    done = teams.run_apart("--evals-sequential", "-n2", "-p", "xdist")
    assert done.ret == 4
    assert "run it without -n" in done.stderr.str() + done.stdout.str()
    assert not (teams.path / ".evalsuite").exists()


def test_workers_ask_nothing_again_and_say_so(teams: Any) -> None:
    pytest.importorskip("xdist")
    baseline(teams, "--evals-trials", "5", count=24)
    teams.teams("worse", count=24)
    teams.run_apart("-n2", "-p", "xdist", "--evals-backend", "embedded?noise=0.2")
    assert len(teams.rows()) == 24
    assert teams.manifest().get("again", 0) == 0
    assert "cases that moved were not asked again: xdist" in str(teams.manifest()["notes"])


def repeated(teams: Any) -> dict[str, Any]:
    return {case: row["again"] for case, row in teams.rows().items() if "again" in row}


def test_cases_that_moved_are_asked_again_both_ways_and_once(teams: Any) -> None:
    """3 teams lost their leave for good, beside the noise: what moved says so each time."""
    baseline(teams, "--evals-trials", "5", noise=0.5, count=120)
    assert teams.manifest()["trials"] == 5
    teams.teams("worse", count=120)
    done = teams.noisy(noise=0.5)
    text = (teams.path / "snapshots/words/scores.jsonl").read_text()
    before = {row["id"]: row["scores"]["checks"][0] for row in map(json.loads, text.splitlines())}
    after = {case: row["scores"]["checks"][0] for case, row in teams.rows().items()}
    moved = {case for case, value in after.items() if value != before[case]}
    assert {after[case] for case in moved} == {0.0, 1.0}
    asked = repeated(teams)
    assert set(asked) == moved
    assert len(moved) > 8
    assert {len(each["checks"]) for each in asked.values()} == {4}
    assert calls(teams) == 120 + 4 * len(moved)
    assert f"{len(moved)} cases that moved asked 4 times more" in done.stdout.str()
    assert done.ret == 1
    first = json.dumps(teams.report()["findings"])
    # Another attempt on the same code is no other chance.
    teams.noisy(noise=0.5)
    assert calls(teams) == 0
    assert repeated(teams) == asked
    assert json.dumps(teams.report()["findings"]) == first


def test_a_snapshot_of_one_trial_asks_nothing_again_and_says_what_would(teams: Any) -> None:
    baseline(teams, noise=0.5, count=120)
    teams.teams("worse", count=120)
    teams.noisy(noise=0.5)
    assert calls(teams) == 120
    assert repeated(teams) == {}
    found = teams.report()["findings"][0]
    if found["result"] == "inconclusive":
        assert "--evals-trials 5" in found["reason"]


def test_a_reply_that_is_not_stored_leaves_the_second_stage_undone(teams: Any) -> None:
    baseline(teams, "--evals-trials", "5", noise=0.5, count=120)
    teams.teams("worse", count=120)
    for half in ("team-0", "team-1"):  # each a part of the cases: nothing is asked again
        teams.noisy("-k", half, noise=0.5)
        assert repeated(teams) == {}
    done = teams.noisy("--evals-replay", "only", noise=0.5)
    assert done.ret == 11
    assert repeated(teams) == {}
    assert "11 cases have no stored reply" in str(teams.manifest()["notes"])


SERVED = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    return (await llm.chat("{prompt} " + case.input)).text
"""


def served(prompt: str) -> str:
    """The new prompt loses 5 words for good: p = 1/32, more than the first stage may spend."""
    version, _, number = prompt.split()
    return "nothing" if version == "new" and int(number) < 5 else f"word {number}"


def test_a_budget_that_ends_while_cases_are_asked_again_leaves_the_run_open(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    project.cases(project.many(60))
    with chatting(served) as chat:
        backends = f'backends = {{ default = "openai:m@{chat.url}" }}'
        project.write("pyproject.toml", f'[tool.evalsuite]\nformats = ["json"]\n{backends}\n')
        project.write("test_words.py", SERVED.format(prompt="old"))
        project.run_apart("--evals-trials", "5")
        project.accept()
        project.write("test_words.py", SERVED.format(prompt="new"))
        chat.asked.clear()
        done = project.run_apart("--evals-budget", "70calls")
        assert done.ret == 10, done.stdout.str()
        assert project.manifest()["stopped"].startswith("the budget of 70 calls")
        assert "cases that moved are asked 4 times more" in done.stdout.str()
        assert len(repeated(project)) < 5  # so that none of them counts
        done = project.run_apart()
        assert done.ret == 1, done.stdout.str()
        assert len(repeated(project)) == 5
        asked = Counter(chat.asked)
        assert sum(asked.values()) == 60 + 4 * 5  # nothing was paid twice
        assert {asked[f"new word {number}"] for number in range(5)} == {5}


VARIANTS = """, variants={"one": ev.Variant(), "two": ev.Variant()}"""
FIXTURE = """
import pytest

@pytest.fixture(scope="module")
def opened():
    state = ["open"]
    yield state
    state[0] = "closed"
"""


def test_each_suite_has_looks_of_its_own_and_its_fixtures_live_until_it_has_asked_again(
    teams: Any,
) -> None:
    teams.teams("Be brief.", VARIANTS, ", opened", count=120)
    suite = (teams.path / "test_words.py").read_text() + FIXTURE
    first = '    team = case.input["team"]'
    suite = suite.replace(first, f'    assert opened == ["open"]\n{first}')
    teams.write("test_words.py", suite)
    teams.noisy("--evals-trials", "5", noise=0.5)
    for name in ("words@one", "words@two"):
        done = teams.evalsuite("accept", name, "--from-run", "last", "--reason", "test")
        assert done.ret == 0, done.stderr.str()
    teams.write("prompt.txt", "worse")
    done = teams.noisy("--evals-sequential", noise=0.5)
    for name in ("words@one", "words@two"):
        found = teams.report(name)["run"]["sequential"]
        assert found["ended"] == 4, found
        assert sum("again" in row for row in teams.rows(name).values()) > 8
        assert all(not row.get("errors") for row in teams.rows(name).values())
    assert done.ret == 1
