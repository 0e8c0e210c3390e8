"""`evalsuite accept` makes a snapshot of a finished run, and only of one that can be believed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stored_runs import answer, many, run_of, store_run, store_snapshot

from evalsuite.cli import main
from evalsuite.gate import Gate, policy_json
from evalsuite.records import Run
from evalsuite.snapshot import load, output_key, read_head, read_outputs, write


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.evalsuite]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def accept(*options: str, reason: str = "reviewed") -> int:
    return main(["accept", "--from-run", "last", "--reason", reason, *options])


def snapshot_of(root: Path) -> Run:
    return load(root / "snapshots" / "askacme")


def test_the_first_snapshot(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, outputs = run_of(many(20), failing=["c003"])
    store_run(root, many(20), failing=["c003"])
    assert accept() == 0
    taken = snapshot_of(root)
    assert taken.rows == run.rows
    assert taken.manifest.accepted == {"run": "r1", "reason": "reviewed", "previous": None}
    assert taken.manifest.detectable["checks"] > 0
    assert read_outputs(root / "snapshots/askacme", {outputs[0][0]}) == dict(outputs[:1])
    said = capsys.readouterr().out
    assert "askacme: 20 cases written to snapshots/askacme from run r1" in said
    assert "cases: 20 new" in said
    assert "checks hold: none -> 95.0 %" in said
    assert "smallest drop that the gate finds" in said
    assert "git add snapshots/askacme" in said


def test_what_changes_is_said_and_the_previous_one_is_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store_snapshot(root, {"same": "s", "moves": "m", "leaves": "l"}, failing=["moves"])
    previous = read_head(folder).key
    store_run(root, {"same": "s", "moves": "M", "comes": "c"}, run="r2")
    assert accept() == 0
    said = capsys.readouterr().out
    assert "cases: 1 new, 1 changed, 1 gone, 1 same" in said
    assert "checks hold: 66.7 % -> 100.0 %" in said
    assert snapshot_of(root).manifest.accepted["previous"] == previous
    assert set(snapshot_of(root).rows) == {"same", "moves", "comes"}


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ({"partial": True}, "only a part"),
        ({"stopped": "budget of 5 calls"}, "it was stopped: budget of 5 calls"),
        ({"complete": False}, "not complete"),
        ({"expected": 9}, r"7 of 9 cases are missing"),
    ],
)
def test_a_run_that_can_not_be_believed_is_refused(
    root: Path, manifest: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = store_snapshot(root, many(1)) / "manifest.json"
    old = before.read_bytes()
    store_run(root, many(2), **manifest)
    assert accept() == 2
    said = capsys.readouterr()
    assert why in said.err
    assert said.out == ""
    assert before.read_bytes() == old


def test_a_run_without_any_score_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, outputs = run_of({"a": "x"})
    row = replace(run.rows["a"], scores={"checks": (None,)}, errors=("provider: 500",))
    write(root / ".evalsuite/runs/r1/askacme", Run(run.manifest, {"a": row}), outputs)
    assert accept() == 2
    assert "no case of it was scored" in capsys.readouterr().err


def test_what_stays_red_beside_the_new_snapshot_is_said(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_snapshot(root, many(40), run="r0")
    failing = [f"c{number:03}" for number in range(20)]
    run, outputs = run_of(
        many(40, "no"), failing=failing, policy=policy_json(Gate(min={"checks": 0.8}))
    )
    rows = {**run.rows, "c000": replace(run.rows["c000"], must_pass=True)}
    write(root / ".evalsuite/runs/r1/askacme", Run(run.manifest, rows), outputs)
    assert accept() == 0
    said = capsys.readouterr().out
    assert "still red after this: checks >= 0.80; must_pass, c000\n" in said
    assert "no snapshot excuses a floor, a limit or a must_pass case" in said
    store_run(root, many(40, "yes"), run="r2", created="2027")
    assert accept() == 0
    assert "still red" not in capsys.readouterr().out


def test_cases_that_are_left_out_stay_red_but_need_no_floor(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_snapshot(root, many(40), run="r0")
    failing = [f"c{number:03}" for number in range(30)]
    store_run(root, {**many(40, "no"), "comes": "new"}, failing=failing)
    assert accept("--only", "new") == 0
    said = capsys.readouterr().out
    assert "still red after this: checks" in said
    assert "no snapshot excuses" not in said


def test_a_run_with_another_seed_than_the_settings_is_warned_of(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_run(root, many(2), seed=3)
    assert accept() == 0
    assert "the run had seed 3, and the settings say 0: the next" in capsys.readouterr().out
    store_run(root, many(3), run="r2", created="2027", seed=0)
    assert accept() == 0
    assert "seed" not in capsys.readouterr().out


def test_accepting_the_same_again_touches_no_file(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_run(root, many(3))
    assert accept() == 0
    before = {file.name: file.stat().st_mtime_ns for file in (root / "snapshots/askacme").iterdir()}
    store_run(root, many(3), run="r2", created="2027")
    assert accept() == 0
    after = {file.name: file.stat().st_mtime_ns for file in (root / "snapshots/askacme").iterdir()}
    assert after == before
    assert "nothing written" in capsys.readouterr().out


def test_a_changed_prompt_with_the_same_answers_is_accepted(root: Path) -> None:
    store_run(root, many(3))
    accept()
    store_run(root, many(3), run="r2", created="2027", prompt="v2")
    accept()
    assert snapshot_of(root).manifest.subject.inputs["prompt"].key == "v2"


def test_only_some_kinds_are_taken(root: Path) -> None:
    store_snapshot(root, {"a": "1", "b": "1", "leaves": "1"}, run="r0")
    store_run(root, {"a": "1", "b": "2", "comes": "2"}, run="r2", prompt="v2")
    assert accept("--only", "new") == 0
    taken = snapshot_of(root)
    keys = {name: row.outputs[0] for name, row in taken.rows.items()}
    assert keys == {
        name: output_key(answer(text))
        for name, text in {"a": "1", "b": "1", "leaves": "1", "comes": "2"}.items()
    }
    assert taken.manifest.expected == 4
    assert taken.manifest.subject.inputs["prompt"].key == "v1", "b still is the old prompt's answer"
    assert taken.manifest.notes == ("2 cases kept from run r0",)
    found = read_outputs(root / "snapshots/askacme", {key or "" for key in keys.values()})
    assert {output.text for output in found.values()} == {"1", "2"}
    assert accept("--only", "changed,gone") == 0
    taken = snapshot_of(root)
    assert set(taken.rows) == {"a", "b", "comes"}
    assert taken.manifest.subject.inputs["prompt"].key == "v2"


def test_a_stale_metric_keeps_a_changed_row_out_until_both_are_asked_for(root: Path) -> None:
    store_snapshot(root, {"a": "1", "b": "1"})
    run, outputs = run_of({"a": "2", "b": "1"}, run="r2", created="2027")
    rows = {
        name: replace(row, scorer_keys={**row.scorer_keys, "checks": "other"})
        for name, row in run.rows.items()
    }
    write(root / ".evalsuite/runs/r2/askacme", Run(run.manifest, rows), outputs)
    assert accept("--only", "stale") == 0
    assert snapshot_of(root).rows["b"].scorer_keys["checks"] == "other"
    assert snapshot_of(root).rows["a"].scorer_keys["checks"] == "measure"
    assert accept("--only", "stale,changed") == 0
    assert snapshot_of(root).rows == rows


@pytest.mark.parametrize("mode", ["redacted", "hash"])
def test_private_answers_stay_out_of_the_snapshot(root: Path, mode: str) -> None:
    secret = {"a": "the secret word", "b": "another secret"}
    store_run(root, secret, failing=["a"], outputs=mode)
    assert accept() == 0
    folder = root / "snapshots" / "askacme"
    data = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"secret" not in data
    assert b"16 weeks" not in data
    found = read_outputs(folder, {output_key(answer(text)) for text in secret.values()})
    assert len(found) == (2 if mode == "redacted" else 0)
    assert accept() == 0


def test_every_suite_of_the_run_is_taken_or_none(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_run(root, many(2))
    store_run(root, many(2), suite="other", partial=True)
    assert accept() == 2
    assert not (root / "snapshots").exists()
    assert accept("askacme") == 0
    store_run(root, many(2), suite="other")
    assert accept() == 0
    assert (root / "snapshots/other/manifest.json").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["accept"], "required: --from-run, --reason"),
        (["accept", "--from-run", "last"], "required: --reason"),
        (["accept", "--from-run", "last", "--reason", " "], "--reason must be one line"),
        (["accept", "--from-run", "last", "--reason", "a\nb"], "--reason must be one line"),
        (["accept", "--from-run", "last", "--reason", "x" * 501], "1 to 500 characters"),
        (
            ["accept", "--from-run", "last", "--reason", "..."],
            "--reason ... tells nothing: say why",
        ),
        (["accept", "--from-run", "last", "--reason", "… 12"], "tells nothing"),
        (["accept", "--from-run", "no", "--reason", "x"], "no run 'no'"),
        (["accept", "--from-run", "last", "--reason", "x", "--only", "nwe"], 'did you mean "new"'),
        (["accept", "--from-run", "last", "--reason", "x", "--only", ""], "no kind of case"),
        (["accept", "../x", "--from-run", "last", "--reason", "x"], "can't be the name of a"),
        (["accept", "other", "--from-run", "last", "--reason", "x"], "no finished run of suite"),
    ],
)
def test_options_that_can_not_be_used(
    root: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store_run(root, many(1))
    assert main(options) == 4
    assert message in capsys.readouterr().err
    assert not (root / "snapshots").exists()


def test_a_damaged_snapshot_is_not_written_over_in_passing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store_snapshot(root, many(2))
    (folder / "scores.jsonl").write_text("")
    store_run(root, many(3), run="r2")
    assert accept() == 2
    assert "truncated" in capsys.readouterr().err
    assert (folder / "scores.jsonl").read_text() == ""


def test_a_run_whose_answers_are_damaged_leaves_no_half_of_a_snapshot(root: Path) -> None:
    outputs = store_run(root, many(3)) / "outputs.jsonl"
    outputs.write_bytes(outputs.read_bytes().replace(b"16 weeks", b"17 weeks"))
    assert accept() == 2
    assert not (root / "snapshots" / "askacme").exists()


def test_a_line_of_the_snapshot_shows_what_moved_first(root: Path) -> None:
    store_run(root, many(1), failing=["c000"])
    accept()
    line = (root / "snapshots/askacme/scores.jsonl").read_text(encoding="utf-8")
    assert list(json.loads(line))[:4] == ["id", "scores", "reasons", "errors"]


@pytest.mark.parametrize("inside", ["runs/r1", "r1", ""])
def test_a_downloaded_artifact_is_accepted_as_it_lies(root: Path, inside: str) -> None:
    run, outputs = run_of(many(20))
    write(root / "download" / inside / "askacme", run, outputs)
    command = ["accept", "--from-run", "download", "--reason", "by the job"]
    assert main(command) == 0
    assert snapshot_of(root).rows == run.rows


def test_an_artifact_is_another_s_data(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, outputs = run_of(many(20))
    folder = root / "download" / "r1" / "askacme"
    write(folder, run, outputs)
    accept_it = ["accept", "--from-run", "download", "--reason", "by the job"]
    manifest = folder / "manifest.json"
    whole = manifest.read_text()
    for forged, said in (
        (whole.replace('"suite": "askacme"', '"suite": "../../outside"'), "of suite"),
        (whole.replace('"trials": 1', '"trials": NaN'), "NaN is not JSON"),
        (whole.replace('"outputs.jsonl"', '"../../../pyproject.toml"'), "is no file of a run"),
        ("[" * 100_000, "nesting"),
    ):
        assert forged != whole
        manifest.write_text(forged)
        assert main(accept_it) == 2
        assert said in capsys.readouterr().err
    manifest.unlink()
    manifest.symlink_to(root / "pyproject.toml")
    assert main(accept_it) == 2
    manifest.unlink()
    write(root / "elsewhere" / "askacme", run, outputs)
    (root / "download" / "r2").symlink_to(root / "elsewhere")
    assert main(accept_it) != 0
    assert not (root / "snapshots").exists()


def test_of_two_runs_of_a_suite_one_is_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("r1", "r2"):
        run, outputs = run_of(many(20), run=name)
        write(root / "download" / name / "askacme", run, outputs)
    assert main(["accept", "--from-run", "download", "--reason", "both"]) == 4
    assert "name one of download/r1/askacme" in capsys.readouterr().err
    assert main(["accept", "--from-run", "download/r2", "--reason", "this"]) == 0
    assert snapshot_of(root).manifest.run == "r2"
