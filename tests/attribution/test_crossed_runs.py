"""A changed pipeline is run on the baseline's documents too: what that costs, gives and leaves
alone."""

from __future__ import annotations

import html
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from planning import told
from two_parts import ASYNC, CASES, PLAIN, SUITE, UNAWARE, TwoParts

from evalsuite import cli

QUARTER = CASES // 4


def shares(found: Any) -> tuple[float, float, float]:
    total, retrieval, generation = (
        found[name]["effect"] for name in ("total", "retrieval", "generation")
    )
    return total, retrieval, generation


def test_where_nothing_changed_nothing_is_asked_and_nothing_is_said(parts: TwoParts) -> None:
    done = parts.project.run("-q")
    assert done.ret == 0
    assert parts.asked() == 0
    assert parts.project.report()["attributions"] == []
    assert all("crossed" not in row for row in parts.project.rows().values())
    assert "Retrieval and generation" not in done.stdout.str()


@pytest.mark.parametrize("store", ["warm", "cold"])
@pytest.mark.parametrize(
    ("turned", "calls"),
    [
        ({"retriever": "poor"}, CASES),
        ({"generator": "mute"}, CASES),
        ({"retriever": "poor", "generator": "brief"}, 2 * CASES),
    ],
)
def test_a_plan_knows_where_the_baselines_documents_are_asked_about(
    parts: TwoParts, turned: dict[str, str], calls: int, store: str
) -> None:
    if store == "cold":
        shutil.rmtree(parts.project.path / ".evalsuite")
        calls += CASES if turned == {"retriever": "poor"} else 0
    parts.turn(**turned)
    planned = parts.project.run_apart("--evals-plan")
    assert planned.ret == 0
    assert parts.asked() == 0
    assert told(planned.stdout.str())[0] == calls
    parts.project.run_apart()
    assert parts.asked() == calls


def test_a_poorer_retriever_alone_costs_one_run_and_the_rest_comes_from_the_store(
    parts: TwoParts, capsys: pytest.CaptureFixture[str]
) -> None:
    parts.turn(retriever="poor")
    done = parts.project.run("-q")
    assert done.ret == 1
    assert parts.asked() == CASES  # the crossed answers are the baseline's own
    found = parts.attribution()
    assert shares(found) == (-0.25, -0.25, 0.0)
    assert (found["n"], found["missing"], found["documents"]) == (CASES, 0, CASES)
    assert found["retrieval"]["high"] < 0 < found["generation"]["high"]
    done.stdout.fnmatch_lines(
        ["*comes from *of -25.0 points, retrieval -25.0 (95% CI *), generation 0.0 (95% CI *)"]
    )
    capsys.readouterr()
    assert cli.main(["explain", "checks", "--suite", "words"]) == 0
    said = capsys.readouterr().out
    assert "Where it comes from\n  of -25.0 points, retrieval -25.0 (95% CI" in said
    answer = parts.project.report()["answers"][0]
    assert answer["crossed"] == "the same answer as before."
    page = (parts.project.path / "reports" / "words" / "report.html").read_text("utf-8")
    assert "Retrieval and generation" in page
    assert "On the baseline's documents: the same answer as before." in html.unescape(page)


def test_a_poorer_generator_alone_is_never_run_twice(parts: TwoParts) -> None:
    parts.turn(generator="mute")
    done = parts.project.run("-q")
    assert parts.asked() == CASES
    assert shares(parts.attribution()) == (-0.25, 0.0, -0.25)
    assert parts.attribution()["documents"] == 0
    done.stdout.fnmatch_lines(["*comes from *the same documents: the change is the generation's"])


@pytest.mark.parametrize("target", [ASYNC, PLAIN], ids=["async", "plain"])
def test_a_change_of_both_is_told_apart_for_at_most_twice_the_calls(
    parts: TwoParts, target: str
) -> None:
    parts.write(target)
    parts.turn(retriever="poor", generator="mute")
    done = parts.project.run("-q")
    assert done.ret == 1
    assert parts.asked() == 2 * CASES
    assert shares(parts.attribution()) == (-0.5, -0.25, -0.25)
    rows = parts.project.rows()
    assert rows["c001"]["crossed"]["scores"] == {"checks": [0.0], "completion": [1.0]}
    crossed = {answer["id"]: answer["crossed"] for answer in parts.project.report()["answers"]}
    assert crossed["c000"].startswith("checks 1: answer to Say mute: fact0; good text to")
    assert crossed["c001"] == "checks 0: answer to Say mute: good text to question 1"

    parts.project.run("-q")
    assert parts.asked() == 0  # the same again is answered from the store
    assert shares(parts.attribution()) == (-0.5, -0.25, -0.25)


def test_slices_and_several_trials_have_their_own_shares(parts: TwoParts) -> None:
    parts.cases(sliced=True)
    gate = ', trials=2, gate=ev.Gate(slices={"rest=0": ev.Slice(), "rest=1": ev.Slice()}))'
    parts.write(suite=SUITE[:-1] + gate)
    parts.accepted()
    parts.turn(retriever="poor", generator="mute")
    parts.project.run("-q")
    assert shares(parts.attribution()) == (-0.5, -0.25, -0.25)
    assert shares(parts.attribution("rest=0")) == (-1.0, -1.0, 0.0)
    assert shares(parts.attribution("rest=1")) == (-1.0, 0.0, -1.0)
    assert parts.attribution("rest=0")["n"] == QUARTER
    assert len(parts.project.rows()["c004"]["crossed"]["outputs"]) == 2


def test_a_retriever_that_is_down_is_the_retrievals(parts: TwoParts) -> None:
    parts.turn(retriever="down")
    parts.project.run("-q")
    assert shares(parts.attribution(metric="completion")) == (-0.25, -0.25, 0.0)
    assert parts.attribution(metric="completion")["documents"] == CASES
    found = parts.attribution()  # what crashed has no checks to compare
    assert (found["n"], found["missing"], shares(found)) == (CASES - QUARTER, 0, (0.0, 0.0, 0.0))
    assert parts.asked() == CASES - QUARTER


def test_a_target_that_breaks_on_given_documents_leaves_the_scores_alone(parts: TwoParts) -> None:
    parts.turn(retriever="poor")
    parts.write(UNAWARE)
    parts.project.run("-q")
    alone = parts.project.report()
    parts.write(given="raise ValueError('no index')")
    parts.project.run("-q")
    report = parts.project.report()
    assert report["findings"] == alone["findings"]
    assert alone["attributions"] == []
    found = parts.attribution()
    assert (found["n"], found["missing"], found["total"]) == (0, CASES, None)
    assert found["reason"].startswith("target: ValueError: no index")
    crashed = parts.attribution(metric="completion")
    assert shares(crashed) == (0.0, 1.0, -1.0)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("documents = retrieved(case, None)", "did not return them as its contexts"),
        ("documents = []", "did not return them as its contexts"),
        ("await llm['other'].chat('Say more')", 'harness: no model has the role "other"'),
    ],
)
def test_what_was_not_answered_from_the_given_documents_is_not_told_apart(
    parts: TwoParts, given: str, reason: str
) -> None:
    parts.turn(retriever="poor")
    parts.write(given=given)
    done = parts.project.run("-q")
    assert done.ret == 1
    found = parts.attribution()
    assert (found["n"], found["missing"]) == (0, CASES)
    assert reason in found["reason"]
    done.stdout.fnmatch_lines(["*comes from *not told apart: *"])


def test_a_missing_crossed_reply_makes_no_run_incomparable(parts: TwoParts) -> None:
    parts.turn(retriever="poor", generator="mute")
    parts.write(UNAWARE)
    parts.project.run("-q")
    parts.asked()
    parts.write()
    done = parts.project.run("-q", "--evals-replay=only")
    assert done.ret == 1
    assert parts.asked() == 0
    report = parts.project.report()
    assert (report["result"], report["run"]["complete"]) == ("regression", True)
    found = parts.attribution()
    assert (found["n"], found["missing"]) == (0, CASES)
    assert "no stored reply" in found["reason"]

    parts.turn(retriever="poor")  # the baseline's replies are there: all is told apart
    parts.project.run("-q")
    parts.project.run("-q", "--evals-replay=only")
    assert shares(parts.attribution()) == (-0.25, -0.25, 0.0)


def test_a_snapshot_without_documents_tells_nothing_apart(parts: TwoParts) -> None:
    parts.configure('outputs = "redacted"\n')
    parts.write(UNAWARE)
    parts.accepted()
    parts.write()
    parts.turn(retriever="poor")
    parts.asked()
    parts.project.run("-q")
    assert parts.attribution()["reason"] == "the snapshot keeps no documents of its answer"
    assert parts.asked() == CASES


def test_a_part_of_the_cases_and_what_is_accepted_hold_no_crossed_answers(parts: TwoParts) -> None:
    parts.turn(retriever="poor")
    done = parts.project.run("-q", "-k", "c000 or c001")
    assert done.ret == 0
    found = parts.attribution()
    assert (found["n"], found["documents"]) == (2, 2)
    assert "comes from" not in done.stdout.str()

    parts.project.run("-q")
    assert all("crossed" in row for row in parts.project.rows().values())
    parts.accept()
    snapshot = parts.project.path / "snapshots" / "words"
    assert b"crossed" not in (snapshot / "scores.jsonl").read_bytes()
    stored = (snapshot / "outputs.jsonl").read_text("utf-8")
    assert stored.count('{"output":') == CASES


JUDGED = """
@ev.measures("said")
async def said(case, output, llm):
    await llm.chat("Say what you think of: " + output.text)
    return 1.0 if "fact" in output.text else 0.5

"""


def test_scorers_judge_a_crossed_answer_only_if_it_is_new(parts: TwoParts) -> None:
    parts.write(suite=JUDGED + SUITE[:-1] + ", scorers=[said])")
    parts.accepted()
    parts.asked()
    parts.turn(retriever="poor")
    parts.project.run("-q")
    assert parts.asked() == 2 * CASES  # its own answers, and what is said of them
    assert shares(parts.attribution(metric="said")) == (-0.125, -0.125, 0.0)
    parts.turn(retriever="poor", generator="mute")
    parts.project.run("-q")
    assert parts.asked() == 4 * CASES
    assert shares(parts.attribution(metric="said")) == (-0.25, -0.125, -0.125)


def test_another_snapshot_is_not_compared_with_what_was_crossed_with_this_one(
    parts: TwoParts, capsys: pytest.CaptureFixture[str]
) -> None:
    parts.turn(retriever="poor")
    parts.project.run("-q")
    older = parts.project.runs()[-1].name
    parts.turn(retriever="other", generator="mute")
    parts.project.run("-q")
    assert parts.attribution()["missing"] == 0
    capsys.readouterr()
    assert cli.main(["diff", older, "last", "--suite", "words", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["attributions"] == []
    assert {each["crossed"] for each in found["answers"]} == {""}


def test_a_budget_that_ends_a_run_among_crossed_answers_leaves_them_to_the_next(
    parts: TwoParts,
) -> None:
    parts.configure("concurrency = 1\n")
    parts.turn(retriever="poor", generator="mute")
    done = parts.project.run("-q", "--evals-budget=11calls", "--maxfail=99")
    assert done.ret == 10
    report = parts.project.report()
    assert (report["result"], report["findings"][0]["result"]) == ("inconclusive", "inconclusive")
    parts.project.run("-q")
    assert len(parts.server.asked) == 2 * CASES
    assert parts.server.again() == 0
    assert shares(parts.attribution()) == (-0.5, -0.25, -0.25)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_run_goes_on_and_pays_for_no_crossed_answer_twice(
    parts: TwoParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.configure("concurrency = 2\n")
    parts.turn(retriever="poor", generator="mute")
    monkeypatch.setattr(parts.server, "latency", 0.03)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--evals", "-q"],
        cwd=parts.project.path,
        env={**os.environ, "PYTEST_PLUGINS": "evalsuite.plugin"},
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 20
    while parts.server.asked.total() < CASES and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert CASES <= parts.server.asked.total() < 2 * CASES
    monkeypatch.setattr(parts.server, "latency", 0.0)
    parts.project.run("-q")
    assert len(parts.server.asked) == 2 * CASES
    assert parts.server.again() <= 2  # what was in flight
    assert shares(parts.attribution()) == (-0.5, -0.25, -0.25)


def test_two_workers_tell_apart_what_one_process_does(
    parts: TwoParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xdist")
    monkeypatch.setenv("PYTEST_PLUGINS", "evalsuite.plugin,xdist.plugin")
    parts.turn(retriever="poor", generator="mute")
    parts.project.run_apart("-q", "-n2")
    assert parts.asked() == 2 * CASES
    report, rows = parts.project.report(), parts.project.rows()
    parts.project.run("-q")
    assert parts.asked() == 0
    assert (parts.project.report()["attributions"], parts.project.rows()) == (
        report["attributions"],
        rows,
    )
