"""Which run is told of, on which pull requests, against which snapshots, of which uploads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hub_desk import DROPPED, HEAD, WORSE, Desk
from stored_runs import many, store_run, store_snapshot

from evalsuite.cli import main
from evalsuite.runner.ended import Ended, note


def worse(desk: Desk) -> None:
    """A run whose own commit has accepted what the base has not."""
    desk.upload(WORSE, failing=DROPPED, prompt="v2")
    store_snapshot(desk.files, WORSE, failing=DROPPED, run="r1", prompt="v2")


def conclusions(desk: Desk) -> list[str]:
    return [each["conclusion"] for each in desk.hub.checks]


def test_what_no_pull_request_merges_into_the_base_is_held_against_its_own_snapshot(
    desk: Desk,
) -> None:
    number = desk.hub.pull("d" * 40)
    worse(desk)
    queue = {"event": "merge_group", "head_sha": HEAD, "head_branch": "gh-readonly-queue/main/pr-7"}
    assert desk.told(number, **queue, pull_requests=[]) == 0
    assert conclusions(desk) == ["success"]
    text = desk.hub.checks[0]["output"]["summary"]
    assert "with the snapshots of this commit: no pull request merges it into main." in text


def test_a_pull_request_into_another_branch_is_not_held_against_the_default_ones_snapshots(
    desk: Desk,
) -> None:
    number = desk.hub.pull(HEAD, base="release")
    worse(desk)
    assert desk.told(number) == 0
    assert conclusions(desk) == ["success"]


def test_of_a_commit_on_two_pull_requests_the_one_into_the_base_gives_the_check(desk: Desk) -> None:
    release, number = desk.hub.pull(HEAD, base="release"), desk.hub.pull(HEAD)
    worse(desk)
    assert desk.told(number, pull_requests=[]) == 0
    assert conclusions(desk) == ["failure"]
    assert "[!CAUTION]" in desk.comment(number)
    assert not desk.hub.comments[release], "its run is as its own snapshot"


@pytest.mark.parametrize(
    "url", ["https://api.github.example/repos/evil/askacme/pulls/4711", "", None]
)
def test_a_pull_request_within_a_fork_takes_no_report_away(desk: Desk, url: object) -> None:
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED)
    [ours] = desk.hub.event(number)["workflow_run"]["pull_requests"]
    assert desk.told(number, pull_requests=[{"number": 4711, "url": url}, ours]) == 0
    assert not any("/pulls/4711" in path for _, path, _ in desk.hub.asked)
    assert "[!CAUTION]" in desk.comment(number)


def test_a_pull_request_that_is_gone_takes_no_report_away(desk: Desk) -> None:
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED)
    [ours] = desk.hub.event(number)["workflow_run"]["pull_requests"]
    gone = {**ours, "number": 4711, "url": ours["url"].replace(str(number), "4711")}
    assert desk.told(number, pull_requests=[gone]) == 0
    assert "[!CAUTION]" in desk.comment(number)


def found(desk: Desk) -> dict[str, str]:
    file = desk.root / "output"
    file.write_text("")
    desk.patch.setenv("GITHUB_OUTPUT", str(file))
    assert main(["ci", "find"]) == 0
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_a_skipped_run_of_a_pull_request_finds_the_push_that_evaluated_its_commit(
    desk: Desk,
) -> None:
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED)
    run = desk.hub.event(number)["workflow_run"]
    skipped = {**run, "conclusion": "success", "jobs": [{"conclusion": "skipped"}], "artifacts": []}
    desk.hub.runs.append(skipped)
    desk.told(number)
    assert found(desk) == {"run": "", "artifact": "evalsuite-run"}
    pushed = {**run, "id": 8001, "run_number": 3, "event": "push", "artifacts": ["evalsuite-run-a"]}
    older = {**pushed, "id": 8000, "run_number": 2}
    others = [{**pushed, "id": 1, "head_sha": "e" * 40}, {**pushed, "id": 2, "workflow_id": 5}]
    desk.hub.runs += [pushed, older, *others, {**pushed, "id": 3, "conclusion": "cancelled"}]
    assert found(desk) == {"run": "8001", "artifact": "evalsuite-run-a"}
    skipped["jobs"].append({"conclusion": "success"})
    assert found(desk)["run"] == str(run["id"])


def test_the_run_that_was_found_is_told_of_and_no_other_commits(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    number = desk.hub.pull(HEAD)
    desk.upload(WORSE, failing=DROPPED)
    run = desk.hub.event(number)["workflow_run"]
    pushed = {**run, "id": 8001, "run_number": 3, "html_url": f"{run['html_url']}8001"}
    desk.hub.runs += [pushed, {**pushed, "id": 8002, "head_sha": "e" * 40}]
    desk.told(number, conclusion="skipped")
    words = ["ci", "comment", "--artifact", "files", "--base", "base", "--run"]
    desk.hub.checks.clear()
    assert main([*words, "8001"]) == 0
    assert desk.hub.checks[0]["external_id"].startswith("evalsuite/3/1/8001/")
    assert main([*words, "8002"]) == 12
    assert "another commit" in capsys.readouterr().err


def test_the_uploads_of_a_matrix_become_one_report(desk: Desk) -> None:
    number = desk.hub.pull(HEAD)
    for name in "ab":
        upload = desk.files / f"files-{name}"
        store_run(upload, many(60), suite=f"suite-{name}", run=f"r{name}")
    assert desk.told(number) == 0
    body = desk.comment(number)
    assert "suite-a" in body
    assert "suite-b" in body
    assert "gh run download 9005 -p 'files*' -D .evalsuite/uploaded`" in body
    assert "--from-run .evalsuite/uploaded/files-a/.evalsuite/runs/ra" in body


def test_a_suite_in_two_uploads_is_an_error(desk: Desk) -> None:
    number = desk.hub.pull(HEAD)
    for name in "ab":
        store_run(desk.files / f"files-{name}", many(60))
    assert desk.told(number) == 0
    assert "askacme: 2 uploads have a run of it" in desk.comment(number)
    assert conclusions(desk) == ["action_required"]


@pytest.mark.parametrize("conclusion", ["failure", "success"])
def test_an_upload_that_is_not_there_is_told_as_lost(desk: Desk, conclusion: str) -> None:
    number = desk.hub.pull(HEAD)
    shutil.rmtree(desk.files)
    assert desk.told(number, conclusion=conclusion) == 0
    assert conclusions(desk) == ["action_required"]
    assert "its upload is lost" in desk.comment(number)


@pytest.mark.parametrize(
    ("ended", "conclusion", "said"),
    [
        (Ended(0), "neutral", ""),
        (Ended(4, ["x.py: <b>@team"]), "action_required", "`x.py: <b>@team`"),
        (None, "action_required", "pytest did not come to its end"),
    ],
)
def test_without_a_run_it_is_told_how_pytest_ended(
    desk: Desk, ended: Ended | None, conclusion: str, said: str
) -> None:
    number = desk.hub.pull(HEAD)
    if ended is not None:
        note(desk.files / ".evalsuite", ended)
    assert desk.told(number) == 0
    assert conclusions(desk) == [conclusion]
    told = "".join(each["body"] for each in desk.hub.comments[number])
    assert said in told
    assert bool(told) == (conclusion != "neutral")


@pytest.mark.parametrize("text", ["{}", "[", '{"status": 0, "causes": "x"}', "\ud83d"])
def test_how_pytest_ended_is_not_believed_in_any_other_form(desk: Desk, text: str) -> None:
    number = desk.hub.pull(HEAD)
    file = desk.files / ".evalsuite" / "ended.json"
    file.parent.mkdir()
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert desk.told(number) == 0
    assert conclusions(desk) == ["action_required"]
    assert "does not say how pytest ended" in desk.comment(number)


def test_what_is_accepted_goes_through_no_link(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.upload(WORSE, failing=DROPPED, prompt="v2")
    desk.patch.chdir(desk.base)
    accept = ["accept", "--from-run", "../files", "--reason", "shorter"]
    elsewhere = tmp_path / "elsewhere"
    (desk.base / "snapshots").rename(elsewhere)
    for link, target in (
        ("snapshots", elsewhere),
        ("snapshots/askacme", elsewhere / "askacme"),
        ("snapshots/askacme/outputs.jsonl.new", tmp_path / "there"),
    ):
        place = desk.base / link
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
        assert main(accept) == 2
        assert f"{link} is a link" in capsys.readouterr().err
        place.unlink()
    (desk.base / "snapshots" / "askacme").rmdir()
    assert main(accept) == 0
