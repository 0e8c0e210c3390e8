"""Pull requests, from the commit to the comment, by the steps of the workflows themselves."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from forks import Forks
from github_server import GitHub
from hosted import REPOSITORY, Event, Hosted, Run, git, hosting
from pulls import Pull, accepted, write
from stored_runs import run_of
from worker import run_workflow

from evalsuite.snapshot import write as write_run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the steps are bash's, of Linux")

CODES = """\
import pathlib

import evalsuite as ev

PROMPT = pathlib.Path(__file__).with_name("prompt.txt")


@ev.suite(golden="codes", inputs={"prompt": "prompt.txt"})
async def codes(case, llm):
    told = f"The code of {case.input} is K-{case.input}."
    question = f"{PROMPT.read_text()}What is the code of {case.input}?"
    answer = await llm.chat(f"<document>{told}</document>\\n{question}")
    return "" if "nothing" in question else answer.text
"""
SPYING = """\
import os
import pathlib

pathlib.Path("seen.log").write_text(str(os.environ.get("OPENAI_API_KEY")))
"""

STORED = """\
import shutil


def pytest_sessionfinish():
    shutil.copytree("stored", ".evalsuite/runs")
"""

DEFAULT = {"repository": {"default_branch": "main"}}
GOOD, BAD = "Answer.\n", "Say nothing.\n"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[tuple[Hosted, str]]:
    """A small project on main, its snapshot accepted, and what main's evaluation stored."""
    check = [{"starts_with": "The code"}]
    cases = [{"id": f"c{n:02}", "input": f"item {n}", "checks": check} for n in range(45)]
    with hosting(tmp_path_factory.mktemp("codes"), forks) as host:
        write(
            host.work,
            {
                "golden/codes/cases.jsonl": "".join(json.dumps(case) + "\n" for case in cases),
                "pyproject.toml": "[tool.evalsuite]\n",
                ".gitignore": ".evalsuite/\nreports/\n",
                "test_codes.py": CODES,
                "prompt.txt": GOOD,
            },
        )
        accepted(host)
        yield host, main(host)


@pytest.fixture
def codes(begun: tuple[Hosted, str], hub: GitHub) -> Hosted:
    """The project as it began, and another server to tell."""
    host, first = begun
    host.answers(hub)
    git(host.origin, "update-ref", "refs/heads/main", first)
    git(host.work, "checkout", "-q", "-f", "-B", "main", first)
    return host


def test_from_the_first_push_to_the_last(codes: Hosted, hub: GitHub) -> None:
    pull = Pull(codes, hub)

    unchanged = pull.push({"notes.txt": "nothing that anything reads\n"})
    run = pull.told(unchanged)
    assert run.conclusion == "success"
    assert "(0 fresh)" in run.jobs["pull-request"].said
    assert "unchanged" in run.jobs["pull-request"].summaries
    assert pull.comments == []
    assert [(each["head_sha"], each["conclusion"]) for each in hub.checks] == [
        (unchanged, "success")
    ]

    again = pull.told(unchanged)
    assert again.conclusion == "success"
    assert "left out" in again.jobs["pull-request"].said
    assert pull.comments == []

    broken = pull.push({"prompt.txt": BAD})
    worse = pull.told(broken)
    assert worse.conclusion == "failure"
    assert "CAUTION" in pull.screen[0]
    assert "`checks`" in pull.screen[1]
    assert broken[:10] in pull.comment

    # Pushed over what was there, so that the former head is none of its ancestors.
    mended = pull.push({"notes.txt": "as before\n"})
    assert git(codes.origin, "merge-base", broken, mended) == git(codes.origin, "rev-parse", "main")
    assert pull.told(mended).conclusion == "success"
    assert "CAUTION" not in pull.comment
    assert mended[:10] in pull.comment

    # The former head's report comes late, or comes again.
    newest = pull.comment
    assert pull.reported(worse, broken).conclusion == "success"
    assert pull.comment == newest


def test_a_fork_gets_no_key_and_says_what_a_maintainer_must_run(codes: Hosted, hub: GitHub) -> None:
    secrets = {"OPENAI_API_KEY": "sk-of-the-maintainers"}
    spying = CODES.replace("import pathlib", SPYING)
    pull = Pull(codes, hub, fork="someone/askacme", keys=True)
    pull.secrets = secrets

    head = pull.push({"test_codes.py": spying, "prompt.txt": "Answer briefly.\n"})
    run = pull.told(head)
    job = run.jobs["pull-request"]
    assert (job.conclusion, run.jobs["branch"].conclusion) == ("failure", "skipped")
    assert (job.workspace / "seen.log").read_text() == "None"
    assert f"git push origin {head}:refs/heads/evals/pull-{pull.number}" in job.summaries
    assert "no keys" in job.said
    assert hub.checks[-1]["conclusion"] in ("action_required", "failure")
    assert "missing" in pull.comment

    # The maintainer has read it, and does so.
    branch = f"evals/pull-{pull.number}"
    event = Event("push", head, f"refs/heads/{branch}")
    run = run_workflow(codes, "evals.yml", event, pull.inputs, secrets)
    assert run.jobs["branch"].conclusion == "success"
    assert (run.jobs["branch"].workspace / "seen.log").read_text() == secrets["OPENAI_API_KEY"]
    there = {"head_branch": branch, "head_repository": {"full_name": REPOSITORY}}
    assert pull.reported(run, head, pull_requests=[], **there).conclusion == "success"
    assert hub.checks[-1]["conclusion"] == "success"
    assert "missing" not in " ".join(pull.screen[:3])


def test_a_branch_of_a_repository_with_keys_is_evaluated_by_its_push_alone(
    host: Hosted, hub: GitHub
) -> None:
    host.commit("main")
    pull = Pull(host, hub, keys=True)
    run = pull.evaluated(pull.push({"notes.txt": "x\n"}))
    assert {job.conclusion for job in run.jobs.values()} == {"skipped"}
    report = pull.reported(run, run.event.payload["pull_request"]["head"]["sha"])
    assert report.outcomes["Report"] == "skipped"
    assert hub.checks == []


def test_a_branch_with_keys_that_was_pushed_before_its_pull_request_is_told_there(
    codes: Hosted, hub: GitHub
) -> None:
    pull = Pull(codes, hub, keys=True)
    head = pull.push({"prompt.txt": BAD})
    pushed = Event("push", head, "refs/heads/topic", DEFAULT)
    run = run_workflow(codes, "evals.yml", pushed, pull.inputs)
    hub.pulls[pull.number]["state"] = "closed"  # it is not there yet
    assert pull.reported(run, head, pull_requests=[]).conclusion == "success"
    assert pull.comments == []

    hub.pulls[pull.number]["state"] = "open"
    skipped = pull.told(head)
    assert skipped.conclusion == "skipped"
    assert "[!CAUTION]" in pull.comment
    assert f"runs/{9000 + 1}" in pull.comment
    assert hub.checks[-1]["conclusion"] == "failure"


def test_more_than_fits_ends_at_a_boundary(host: Hosted, hub: GitHub) -> None:
    """A run is stored, and no target asked: what would fill a comment many times, and a summary of
    more than 1 MiB."""
    for number in range(32):
        store(host.work / "snapshots", number, "界", run="r0")
        store(host.work / "stored" / "r1", number, "𠮷", failing=[f"c{n:03}" for n in range(5)])
    write(
        host.work,
        {
            "pyproject.toml": "[tool.evalsuite]\n",
            ".gitignore": ".evalsuite/\nreports/\n",
            "conftest.py": STORED,
        },
    )
    host.commit("main")
    pull = Pull(host, hub, arguments="")
    job = pull.told(pull.push({"notes.txt": "x"})).jobs["pull-request"]
    assert 30_000 < len(pull.comment) < 65_536
    assert not job.lost
    assert 850_000 < len(job.summaries.encode()) < 1_000_000
    for text in (pull.comment, job.summaries):
        assert "Left out for length" in text
        assert text.count("<details") == text.count("</details>")
        assert len(re.findall(r"^`{3,}", text, re.MULTILINE)) % 2 == 0
        assert text.rstrip().endswith("</sub>")
    assert "[!CAUTION]" in pull.screen[0]


def store(folder: Path, number: int, word: str, **fields: Any) -> None:
    """A run of 5 cases with long answers, each in 20 slices with long names."""
    suite = f"suite-{number:02}"
    answers = {f"c{n:03}": f"{word * 40} {n} " * 60 for n in range(5)}
    run, outputs = run_of(answers, suite=suite, nodeid=f"test_{number}.py::{suite}", **fields)
    rows = {
        name: replace(row, slices={f"k{n:02}": f"{'𠮷' * 60} {name}" for n in range(20)})
        for name, row in run.rows.items()
    }
    write_run(folder / suite, replace(run, rows=rows), outputs)


def test_a_maintainer_accepts_a_run_onto_its_branch_and_main_repeats_the_trials(
    codes: Hosted, hub: GitHub
) -> None:
    pull = Pull(codes, hub)
    changed = CODES.replace("else answer.text", 'else f"{answer.text} Indeed."')
    run = pull.told(pull.push({"test_codes.py": changed}))
    pull.push({"test_codes.py": changed, "pip.py": "raise SystemExit('run beside a token')\n"})
    asked = {"run": str(run.id), "branch": "topic", "reason": "a friendlier tone", "suites": ""}

    def dispatched(ref: str) -> Run:
        event = Event("workflow_dispatch", main(codes), ref, DEFAULT)
        return run_workflow(codes, "baseline.yml", event, asked)

    refused = dispatched("refs/heads/topic")
    assert {job.conclusion for job in refused.jobs.values()} == {"skipped"}
    done = dispatched("refs/heads/main")
    assert done.jobs["accept"].conclusion == "success", done.jobs["accept"].said
    [proposed] = [each for each in hub.pulls.values() if each["base"]["ref"] == "topic"]
    assert proposed["head"]["ref"] == f"evalsuite/accept-{run.id}"

    # Merged into the branch, the run of before is the snapshot; the branch, merged, is main.
    git(codes.origin, "update-ref", "refs/heads/main", f"evalsuite/accept-{run.id}")
    assert "friendlier" in git(codes.origin, "show", "main:snapshots/codes/manifest.json")
    event = Event("push", main(codes), "refs/heads/main", DEFAULT)
    repeated = run_workflow(codes, "baseline.yml", event, {"arguments": "--evals-trials 2"})
    assert repeated.conclusion == "success", repeated.jobs["propose-trials"].said
    assert "unchanged" in repeated.jobs["repeat"].summaries.lower()
    trials = git(codes.origin, "show", "evalsuite/trials:snapshots/codes/manifest.json")
    assert json.loads(trials)["trials"] == 2
    assert git(codes.origin, "diff", "--name-only", "main", "evalsuite/trials") != ""


def test_the_merge_queue_and_the_night_find_main_unchanged(codes: Hosted) -> None:
    queue = Event("merge_group", main(codes), "refs/heads/gh-readonly-queue/main/pr-7")
    merged = run_workflow(codes, "evals.yml", queue, {})
    assert [job.conclusion for job in merged.jobs.values()] == ["skipped", "success"]
    night = Event("schedule", main(codes), "refs/heads/main", DEFAULT)
    [job] = run_workflow(codes, "nightly.yml", night, {"arguments": "", "drift": ""}).jobs.values()
    assert job.conclusion == "success", job.said
    [job] = run_workflow(codes, "nightly.yml", night, {"drift": "nowhere"}).jobs.values()
    assert job.outcomes["Evaluate"] == "success", job.said
    assert job.outcomes["Compare unchanged code with itself"] == "failure"
    assert "'nowhere'" in job.said


def test_what_a_pull_request_accepts_passes_the_merge_queue(codes: Hosted, hub: GitHub) -> None:
    pull = Pull(codes, hub)
    run = pull.told(pull.push({"prompt.txt": BAD}))
    found = codes.artifacts[run.id, "evalsuite-run"] / ".evalsuite"
    shutil.copytree(found, codes.work / ".evalsuite", dirs_exist_ok=True)
    done = codes.command("evalsuite", "accept", "--from-run", "last", "--reason", "as meant")
    assert done.returncode == 0, done.stderr
    merged = codes.merged(codes.commit("topic", "HEAD"))
    ref = f"refs/heads/gh-readonly-queue/main/pr-{pull.number}"
    git(codes.origin, "update-ref", ref, merged)
    queued = run_workflow(codes, "evals.yml", Event("merge_group", merged, ref), {})
    assert queued.conclusion == "success"
    branch = ref.removeprefix("refs/heads/")
    assert pull.reported(queued, merged, head_branch=branch, pull_requests=[]).said
    assert (hub.checks[-1]["head_sha"], hub.checks[-1]["conclusion"]) == (merged, "success")


def test_a_snapshot_that_is_deleted_is_what_the_comment_and_the_page_say(
    codes: Hosted, hub: GitHub
) -> None:
    pull = Pull(codes, hub)
    git(codes.work, "checkout", "-q", "-f", "main")
    shutil.rmtree(codes.work / "snapshots")
    head = codes.commit("topic", "main")
    pull.number = hub.pull(head, branch="topic")
    job = pull.told(head).jobs["pull-request"]
    for text in (pull.comment, job.summaries):
        assert "pytest ended with exit status" in text
        assert "test_codes.py: snapshots/codes is missing" in text
    assert "left out" not in job.summaries


def main(host: Hosted) -> str:
    return git(host.origin, "rev-parse", "main")
