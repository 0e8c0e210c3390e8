"""A snapshot of one trial gets further ones, and what it has stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from stored_runs import answer, many, run_of

from evalsuite.cli import main
from evalsuite.records import CHECKS, COMPLETION, Part, Run, Subject
from evalsuite.snapshot import load, output_key, topped_up, untoppable, write


def repeated(trials: int, *, first: Sequence[str] = (), **manifest: object) -> Run:
    """Three cases, asked so often; the first answers of some are others."""
    run, _ = run_of(many(3), trials=trials, **manifest)
    rows = {}
    for name, row in run.rows.items():
        texts = [f"{name} trial {trial}" for trial in range(trials)]
        if name in first:
            texts[0] = "another answer"
        rows[name] = replace(
            row,
            outputs=tuple(output_key(answer(text)) for text in texts),
            scores={
                CHECKS: tuple(float(trial % 2) for trial in range(trials)),
                COMPLETION: (1.0,) * trials,
            },
            errors=(),
        )
    return Run(run.manifest, rows)


def test_a_snapshot_of_one_trial_gets_the_others_of_the_same_code() -> None:
    old, new = repeated(1), repeated(5, run="r2", first=["c001"])
    assert not untoppable(old, new)
    done = topped_up(old, new)
    assert (done.run.manifest.trials, done.left) == (5, [])
    assert done.run.manifest.run == old.manifest.run
    for name, row in done.run.rows.items():
        assert row.outputs == (*old.rows[name].outputs, *new.rows[name].outputs[1:])
        assert row.scores[CHECKS] == (0, 1, 0, 1, 0)


def test_other_code_tops_up_only_what_it_answers_alike() -> None:
    old = repeated(1)
    new = repeated(3, first=["c001"])
    other = Subject(inputs={"prompt": Part("v2")})
    new = Run(replace(new.manifest, subject=other), new.rows)
    done = topped_up(old, new)
    assert done.left == ["c001"]
    assert done.run.rows["c001"] == old.rows["c001"]
    assert done.run.manifest.subject == old.manifest.subject
    assert len(done.run.rows["c000"].outputs) == 3


def test_what_is_measured_otherwise_keeps_its_trials() -> None:
    old, new = repeated(1), repeated(3)
    rows = {**new.rows, "c002": replace(new.rows["c002"], scorer_keys={CHECKS: "other"})}
    done = topped_up(old, Run(new.manifest, rows))
    assert done.left == ["c002"]
    nothing = {name: replace(row, case_key="other") for name, row in new.rows.items()}
    assert "accept the run as a whole" in untoppable(old, Run(new.manifest, nothing))


def test_one_trial_tops_up_nothing_and_enough_is_enough() -> None:
    assert "--evals-trials 5" in untoppable(repeated(1), repeated(1))
    assert not untoppable(repeated(5), repeated(3))
    assert topped_up(repeated(5), repeated(3)).run.rows == repeated(5).rows


def test_the_command_commits_the_further_trials_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.evalsuite]\n")
    monkeypatch.chdir(tmp_path)
    command = ["accept", "askacme", "--from-run", "last", "--reason", "repeats", "--top-up"]
    runs = tmp_path / ".evalsuite" / "runs"
    write(runs / "r2" / "askacme", repeated(5, run="r2"), [])
    assert main(command) == 2
    assert "there is none yet" in capsys.readouterr().err
    assert main([each for each in command if each != "askacme"]) == 0
    assert "no snapshot yet; nothing written" in capsys.readouterr().out
    folder = tmp_path / "snapshots" / "askacme"
    write(folder, repeated(1), [])
    assert main([*command, "--only", "new"]) == 4
    assert main(command) == 0
    taken = load(folder)
    assert taken.manifest.accepted["reason"] == "repeats"
    assert all(len(row.outputs) == 5 for row in taken.rows.values())
    assert main(command) == 0
    assert "nothing written" in capsys.readouterr().out
