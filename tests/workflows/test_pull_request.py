"""Pull requests, from the commit to the comment, by the steps of the workflows themselves."""

from __future__ import annotations

import json
import os
import re

import pytest
from github_server import GitHub
from hosted import REPOSITORY, Event, Hosted, Run, git
from pulls import Pull, accepted, write
from worker import run_workflow

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

LONG = """\
import pathlib

import evalsuite as ev

WORD = pathlib.Path(__file__).with_name("word.txt")


@ev.suite(
    golden="long",
    inputs={"word": "word.txt"},
    variants={f"model-{n}": ev.Variant() for n in range(12)},
)
async def long(case):
    word = WORD.read_text()
    return " ".join(f"{word}-{number}-{case.input}" for number in range(250))
"""

DEFAULT = {"repository": {"default_branch": "main"}}
GOOD, BAD = "Answer.\n", "Say nothing.\n"


@pytest.fixture
def codes(host: Hosted) -> Hosted:
    """A small project on main, its snapshot accepted, and what main's evaluation stored."""
    check = [{"starts_with": "The code"}]
    cases = [{"id": f"c{n:02}", "input": f"item {n}", "checks": check} for n in range(45)]
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
    assert pull.reported(run, "a" * 40).conclusion == "skipped"


def test_more_than_fits_ends_at_a_boundary(host: Hosted, hub: GitHub) -> None:
    check = [{"starts_with": "good"}]
    cases = [{"id": f"c{n:03}", "input": f"item {n}", "checks": check} for n in range(12)]
    write(
        host.work,
        {
            "golden/long/cases.jsonl": "".join(json.dumps(case) + "\n" for case in cases),
            "pyproject.toml": "[tool.evalsuite]\nformats = []\n",
            ".gitignore": ".evalsuite/\nreports/\n",
            "test_long.py": LONG,
            "word.txt": "good",
        },
    )
    inputs = {"arguments": "test_long.py"}
    accepted(host, **inputs)
    pull = Pull(host, hub, **inputs)
    job = pull.told(pull.push({"word.txt": "evil"})).jobs["pull-request"]
    assert 30_000 < len(pull.comment) < 65_536
    assert "Left out for length" in pull.comment
    assert not job.lost
    assert len(job.summaries) > 65_536
    for text in (pull.comment, job.summaries):
        assert text.count("<details") == text.count("</details>")
        assert len(re.findall(r"^`{3,}", text, re.MULTILINE)) % 2 == 0
        assert text.rstrip().endswith("</sub>")
    assert "[!CAUTION]" in pull.screen[0]


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
    inputs = {"arguments": "--evals-trials 1", "drift": "codes"}
    [job] = run_workflow(codes, "nightly.yml", night, inputs).jobs.values()
    assert job.conclusion == "success", job.said
    assert (job.workspace / "snapshots" / "codes.aa.json").exists()


def main(host: Hosted) -> str:
    return git(host.origin, "rev-parse", "main")
