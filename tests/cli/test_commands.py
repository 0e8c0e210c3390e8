"""The command line: exit statuses, light start, quiet ends, errors without tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from stored_runs import commit, many, repository, store_run, store_snapshot

from evalsuite import cli
from evalsuite.cli import main
from evalsuite.errors import plain
from evalsuite.golden import load

DROPPED = [f"c{number:03}" for number in range(30)]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository(tmp_path / "project")
    monkeypatch.chdir(root)
    store_snapshot(root, many(60), run="r0")
    commit(root, "accept")
    return root


def worse(root: Path) -> None:
    answers = {**many(60), **{name: f"worse {name}" for name in DROPPED}}
    store_run(root, answers, failing=DROPPED, run="r1", prompt="v2")


def test_gate_decides_a_finished_run_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worse(root)
    assert main(["gate", "git:main", "last"]) == 1
    blocked = capsys.readouterr().out
    assert main(["gate", "last", "snapshot"]) == 0
    assert main(["diff", "git:main", "last"]) == 0
    assert "prompt" in blocked.splitlines()[1]


@pytest.mark.parametrize("name", ["terminal", "markdown", "json", "html", "junit"])
def test_every_format_is_printed(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    worse(root)
    assert main(["diff", "snapshot", "last", "--format", name]) == 0
    said = capsys.readouterr().out
    assert "checks" in said
    assert "worse c0" in said or name == "junit"
    if name == "json":
        json.loads(said)


def test_explain_tells_one_gate_with_this_runs_figures(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worse(root)
    assert main(["explain", "checks"]) == 0
    said = capsys.readouterr().out
    assert "regression" in said
    assert "50.0" in said
    assert main(["explain", "chekcs"]) == 4
    assert 'did you mean "checks"' in capsys.readouterr().err


def test_explain_works_without_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store_run(tmp_path, many(20))
    assert main(["explain", "checks"]) == 0
    assert "no baseline" in capsys.readouterr().out


def test_runs_lists_what_was_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert "no finished run" in capsys.readouterr().out
    store_run(root, many(3), run="r1", created="2026-01-01T00:00:00+00:00", partial=True)
    store_run(root, many(2), run="r2", created="2026-01-02T00:00:00+00:00", stopped="budget")
    assert main(["runs"]) == 0
    header, second, first = capsys.readouterr().out.splitlines()
    assert header.split() == ["run", "suite", "created", "cases", "calls", "state"]
    assert second.split()[:5] == ["r2", "askacme", "2026-01-02", "00:00:00", "2"]
    assert second.endswith("stopped: budget")
    assert first.endswith("partial, of 3")


def test_plan_names_the_smallest_drop(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "askacme"]) == 0
    of_snapshot = capsys.readouterr().out
    assert "askacme, run r0: 60 cases" in of_snapshot
    assert "checks  60" in of_snapshot
    assert "points" in of_snapshot
    store_run(root, many(2), run="r1")
    assert main(["plan", "--run", "last"]) == 0
    assert "checks  2      none" in capsys.readouterr().out
    assert main(["plan"]) == 0
    assert "run r1: 2 cases" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["dif"],
        ["--suite"],
        ["diff"],
        ["diff", "snapshot"],
        ["diff", "snapshot", "snapshot", "--format", "pdf"],
        ["diff", "snapshot", "snapshot", "--nope"],
        ["diff", "snapshot", "snapshot", "--form", "json"],
        ["gate", "nothing", "snapshot"],
        ["gate", "snapshot", "nothing"],
        ["gate", "snapshot", "snapshot", "--suite", "a/b"],
        ["gate", "snapshot", "snapshot", "--suite", ""],
        ["explain"],
        ["explain", "checks", "--run", "nothing"],
        ["plan", ".."],
        ["plan", "--run", "last"],
        ["resolve", "--prefer", "mine"],
        ["resolve", "a/b"],
        ["runs", "extra"],
        ["golden"],
        ["\x1b[2J::error::x"],
    ],
)
def test_options_that_can_not_be_used(
    root: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 4
    said = capsys.readouterr()
    assert said.err.startswith("evalsuite: ")
    assert "Traceback" not in said.err
    assert "\x1b" not in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["acept"], 'did you mean "accept"?'),
        (["ci", "coment"], 'did you mean "comment"?'),
        (["resolve", "--prefer", "our"], 'did you mean "ours"?'),
    ],
)
def test_a_mistyped_command_or_choice_names_the_nearest(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 4
    told = capsys.readouterr().err
    assert says in told
    assert "backtest" not in told


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("snapshot = 1", 'did you mean "snapshots"'),
        ('budget = "5"', 'budget must be a list such as ["2.50usd", "500calls"], not text'),
    ],
)
def test_settings_that_can_not_be_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "evalsuite.toml").write_text(f"{setting}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 4
    assert says in capsys.readouterr().err


def test_an_interrupt_ends_with_130_and_no_traceback(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.runs, "load_config", interrupted)
    assert main(["runs"]) == 130
    assert capsys.readouterr().err == ""


def test_a_disk_that_refuses_is_named_without_a_traceback(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_run(root, many(2))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "snapshots/askacme")

    monkeypatch.setattr(Path, "mkdir", full)
    assert main(["accept", "--from-run", "last", "--reason", "x"]) == 2
    assert "snapshots/askacme: No space left" in capsys.readouterr().err


def run_apart(
    *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, cwd=cwd, env=env
    )


def test_help_and_errors_of_options_load_nothing_heavy() -> None:
    heavy = ["numpy", "jinja2", "yaml", "asyncio", "sqlite3", "pytest", "jsonschema"]
    for arguments in (["--help"], ["accept", "--help"], ["--version"], ["--nope"]):
        code = (
            "import sys, contextlib\n"
            "from evalsuite.cli import main\n"
            f"with contextlib.suppress(SystemExit): main({arguments!r})\n"
            f"print('loaded:', [name for name in {heavy!r} if name in sys.modules])"
        )
        done = run_apart("-c", code)
        assert done.stdout.splitlines()[-1] == "loaded: []", arguments


def test_help_explains_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for name in ("diff", "gate", "explain", "accept", "resolve", "runs", "plan", "golden"):
        assert f"    {name} " in said
    assert "examples:" in said
    assert "correlate --metric" in said, "it makes calls"


def test_the_module_runs_as_the_command_does(root: Path) -> None:
    done = run_apart("-m", "evalsuite", "gate", "snapshot", "snapshot", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    assert run_apart("-m", "evalsuite", "--version").stdout.startswith("evalsuite ")


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is another error there")
def test_a_closed_pipe_is_quiet_and_keeps_the_verdict(root: Path) -> None:
    worse(root)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "evalsuite", "gate", "snapshot", "last"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        cwd=root,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_output_that_the_terminal_can_not_spell_is_no_error(root: Path) -> None:
    store_run(root, {"a": "żółć 日本"}, run="r1")
    done = run_apart(
        *("-m", "evalsuite", "diff", "snapshot", "last"),
        cwd=root,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_line_of_ours_commands_a_terminal_or_a_build_host() -> None:
    hostile = "a\x1b[31m\u202e\u200b\n::error::x\n  ##[error]y\n\r::warning::z"
    said = plain(hostile)
    assert all(letter.isprintable() or letter == "\n" for letter in said)
    assert not any(line.strip().startswith(("::", "##[")) for line in said.splitlines())


def test_the_report_quotes_the_question_if_the_golden_dataset_is_still_the_same(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = root / "golden" / "askacme"
    folder.mkdir(parents=True)
    lines = (json.dumps({"id": name, "input": f"How long, {name}?"}) for name in many(60))
    (folder / "cases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    about = {"name": "askacme", "key": load(folder).key, "version": "0", "cases": 60}
    answers = {**many(60), **{name: f"worse {name}" for name in DROPPED}}
    store_run(root, answers, failing=DROPPED, golden=about)
    main(["diff", "snapshot", "last"])
    assert "How long, c0" in capsys.readouterr().out
    for name in ("../../etc", "nothing", "", "a\0b", ["x"]):
        store_run(root, answers, failing=DROPPED, golden={**about, "name": name})
        assert main(["diff", "snapshot", "last"]) == 0
        assert "How long, c0" not in capsys.readouterr().out
