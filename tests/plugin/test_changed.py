"""`--evals-changed` leaves out what is proven unchanged, and nothing else."""

from __future__ import annotations

import os
import shutil
import sys
import xml.etree.ElementTree as ET
from typing import Any

import pytest

SUITE = """
import pathlib
import evalsuite as ev

def long(case, output):
    return 1.0 if len(output.text) > {least} else 0.0

@ev.suite(golden="words", scorers=[long]{arguments})
async def words(case):
    {body}
    return case.input + pathlib.Path("end.txt").read_text()
"""


def written(project: Any, *, least: int = 3, arguments: str = "", body: str = "pass") -> None:
    text = SUITE.format(least=least, arguments=arguments, body=body)
    project.write("test_words.py", text)


@pytest.fixture
def accepted(project: Any) -> Any:
    """A suite that was run and accepted, and a second one beside it."""
    project.write("end.txt", "!")
    written(project)
    project.cases(project.many(3))
    assert project.run_apart().ret == 0
    project.accept()
    return project


def changed(project: Any, *arguments: str) -> str:
    done = project.run_apart("--evals-changed", *arguments)
    assert done.ret == 0, done.stdout.str()
    return str(done.stdout.str())


def test_an_unchanged_suite_is_left_out_and_says_so(accepted: Any) -> None:
    said = changed(accepted, "--junitxml=junit.xml", "-v")
    assert "words: left out: proven unchanged" in said
    assert "3 unchanged" in said
    cases = list(ET.parse(accepted.path / "junit.xml").iter("testcase"))
    assert len(cases) == 3
    assert all(case.find("skipped") is not None for case in cases)
    assert len(accepted.runs()) == 1


CHANGES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"file": "end.txt"}, "changed: end.txt"),
    ({"file": "helper.py"}, "changed: source files"),
    ({"least": 4}, "checks and scorers"),
    ({"arguments": ', gate=ev.Gate(min={"checks": 0.9})'}, "gate"),
    ({"arguments": ', inputs={"index": "2"}'}, "input index"),
    ({"options": ["--evals-backend=embedded?noise=0.1"]}, "model default"),
    ({"case": {"input": "word 3"}}, "golden cases"),
    ({"case": {"must_pass": True}}, "golden cases"),
    (
        {"variable": "OF_THE_TARGET", "options": ["--evals-seed=3", "--evals-timeout=30"]},
        "changed: environment, seed, settings)",
    ),
)


def test_what_may_have_changed_runs_and_is_named(
    accepted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what, says in CHANGES:
        if "file" in what:
            accepted.write(what["file"], "?")
        if "variable" in what:
            monkeypatch.setenv(what["variable"], "1")
        cases = accepted.many(3)
        cases[0] |= what.get("case", {})
        accepted.cases(cases)
        written(accepted, **{k: v for k, v in what.items() if k in ("least", "arguments")})
        said = changed(accepted, "--evals-plan", *what.get("options", ()))
        assert says in said, said
        accepted.write("end.txt", "!")
        (accepted.path / "helper.py").unlink(missing_ok=True)
        monkeypatch.delenv("OF_THE_TARGET", raising=False)
    accepted.cases(accepted.many(3))
    written(accepted)
    assert "words: left out" in changed(accepted, "--evals-plan")
    assert len(accepted.runs()) == 1


def test_what_describes_only_the_job_is_no_change(
    accepted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", os.urandom(4).hex())
    assert "words: left out" in changed(accepted)


def test_a_hidden_file_that_was_read_is_looked_at_again(accepted: Any) -> None:
    accepted.pytester.run("git", "init", "-q")
    accepted.write(".gitignore", "hidden.txt\nrunpytest-*\nend.txt\n")
    changed(accepted)
    assert "words: left out" in changed(accepted)
    accepted.write("end.txt", "?")
    assert "words: runs: a file that it reads beside its sources changed" in changed(accepted)


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_a_hidden_link_that_was_followed_is_looked_at_again(accepted: Any) -> None:
    """What it led to is as it was: only where it leads has changed."""
    accepted.pytester.run("git", "init", "-q")
    accepted.write(".gitignore", "hidden\nrunpytest-*\n")
    for name in ("v1", "v2"):
        (accepted.path / "hidden" / name).mkdir(parents=True)
    now = accepted.path / "hidden" / "now"
    now.symlink_to("v1")
    written(accepted, body='pathlib.Path("hidden/now").resolve()')
    changed(accepted)
    assert "words: left out" in changed(accepted)
    now.unlink()
    now.symlink_to("v2")
    assert "words: runs: a file that it reads beside its sources changed" in changed(accepted)


def test_what_a_suite_reaches_can_not_be_told(accepted: Any) -> None:
    written(accepted, body='__import__("subprocess").run(["true"])')
    changed(accepted)
    assert "words: runs: changed: " in changed(accepted)  # no evidence was left


def test_another_snapshot_or_none_is_no_proof(accepted: Any) -> None:
    accepted.write("end.txt", "?")
    assert "words: runs: changed: end.txt" in changed(accepted)
    accepted.accept()
    assert "words: left out" in changed(accepted)
    accepted.write("snapshots/words/manifest.json", "{}")
    assert accepted.run_apart("--evals-changed").ret == 2
    shutil.rmtree(accepted.path / "snapshots")
    shutil.rmtree(accepted.path / ".evalsuite/snapshots")
    assert "words: runs: it has no snapshot" in changed(accepted)


def test_a_run_that_blocked_or_was_partial_is_no_proof(accepted: Any) -> None:
    (accepted.path / ".evalsuite/store.db").unlink()
    changed(accepted, "-k", "c001")
    assert "words: runs: no whole run of it" in changed(accepted)
    assert "words: left out" in changed(accepted)
    accepted.cases(accepted.many(3, must_pass=True, checks=[{"contains": "never"}]))
    assert accepted.run_apart("--evals-changed").ret == 1
    assert accepted.run_apart("--evals-changed").ret == 1


def test_what_differs_from_the_nearest_proof_is_named(accepted: Any) -> None:
    changed(accepted, "--evals-seed=3")
    said = changed(accepted, "--evals-timeout=30", "--evals-plan")
    assert "runs: " not in said
    assert "(changed: settings)" in said


def test_workers_say_why_a_suite_runs_once(accepted: Any) -> None:
    pytest.importorskip("xdist")
    written(accepted, least=4)
    said = changed(accepted, "-n", "2", "-p", "xdist")
    assert said.count("words: runs: changed: ") == 1


def test_only_the_changed_suite_runs(accepted: Any) -> None:
    accepted.cases(accepted.many(3), name="other")
    accepted.suite(name="other")
    changed(accepted)
    done = accepted.evalsuite("accept", "other", "--from-run", "last", "--reason", "test")
    assert done.ret == 0
    accepted.cases(accepted.many(4), name="other")
    said = changed(accepted)
    assert "other: runs: changed: golden cases" in said
    assert "words: left out" in said
    assert "evals: words" not in said
