"""`evalsuite golden ...` as it is typed."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from evalsuite.cli.golden import register
from evalsuite.errors import EvalsuiteError, GoldenError, OptionError
from evalsuite.golden import derive_id, load


class Cli:
    """Runs commands in a project; what they print is in `out`."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.golden = root / "golden"
        self.capsys = capsys
        self.out = ""

    def __call__(self, *arguments: str) -> int:
        parser = argparse.ArgumentParser()
        register(parser.add_subparsers(required=True))
        args = parser.parse_args(["golden", *arguments])
        try:
            code: int = args.run(args)
        finally:
            self.out = self.capsys.readouterr().out
        return code

    def write(self, name: str, *cases: dict[str, Any]) -> Path:
        file = self.golden / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(case) + "\n" for case in cases))
        return file


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    (tmp_path / "pyproject.toml").write_text("[tool.evalsuite]\n")
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path, capsys)


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_list_has_the_projects_datasets_and_those_that_come_with_evalsuite(cli: Cli) -> None:
    cli.write("set/cases.jsonl", {"input": "y"})
    cli.write("broken/cases.jsonl", {"input": "y", "chekcs": []})
    assert cli("list") == 0
    broken, own, *shipped = cli.out.splitlines()
    assert broken == "broken: can't be read; evalsuite golden lint broken says why"
    assert re.fullmatch(r"set \S+ \(1 case\)", own)
    assert [line.split()[0] for line in shipped] == ["evalsuite:guardrails", "evalsuite:safety"]
    for line in shipped:
        assert cli("stats", line.split()[0]) == 0
        assert cli.out.startswith(line)
    with pytest.raises(GoldenError, match="no package acme_evalz is installed"):
        cli("list", "acme_evalz")


def test_list_has_the_datasets_of_an_installed_package(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "acme_listed"
    cases = package / "golden_sets" / "refunds" / "cases.jsonl"
    cases.parent.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    cases.write_text('{"input": "x"}\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert cli("list", "acme_listed") == 0
    assert re.fullmatch(r"acme_listed:refunds \S+ \(1 case\)\n", cli.out)


def test_add_appends_one_line_with_a_kept_id(cli: Cli) -> None:
    file = cli.write("set/cases.jsonl", {"input": "y"})
    before = file.read_text()
    arguments = ["--input", "How long is leave?", "--expected", "16 weeks", "--must-pass"]
    arguments += ["--check", '{"contains": "16"}', "--slice", "topic=leave", "--slice", "kind=a=b"]
    arguments[-1] = "kind=edge"
    assert cli("add", "set", *arguments, "--provenance", "incident") == 0
    added = file.read_text().removeprefix(before)
    assert added.count("\n") == 1
    assert json.loads(added) == {
        "id": derive_id("How long is leave?"),
        "input": "How long is leave?",
        "expected": "16 weeks",
        "checks": [{"contains": "16"}],
        "slices": {"topic": "leave", "kind": "edge"},
        "must_pass": True,
        "provenance": "incident",
    }
    assert cli.out.splitlines()[-1].startswith("added how-long-is-leave-")
    assert len(load(cli.golden / "set").cases) == 2


def test_add_makes_a_dataset_that_merges(cli: Cli) -> None:
    assert cli("add", "new", "--input", '{"question": "Ä?"}') == 0
    assert load(cli.golden / "new").cases[0].input == {"question": "Ä?"}
    assert "*.jsonl merge=union" in (cli.golden / ".gitattributes").read_text()
    assert "created golden/new/cases.jsonl" in cli.out


def test_add_takes_a_case_from_stdin(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, '{\n "input": "ö",\n "id": "mine", "relevant": {"d": 2}\n}'.encode())
    assert cli("add", "set") == 0
    (case,) = load(cli.golden / "set").cases
    assert (case.id, case.input, case.relevant) == ("mine", "ö", {"d": 2.0})


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_add_keeps_the_file_s_line_endings(ending: str, cli: Cli) -> None:
    file = cli.write("set/only.jsonl")
    file.write_bytes(b'{"input": "y"}' + ending.encode())
    assert cli("add", "set", "--input", "z") == 0
    lines = file.read_bytes().split((ending or "\n").encode())
    assert [json.loads(line)["input"] for line in lines if line] == ["y", "z"]


@pytest.mark.parametrize(
    ("arguments", "data", "error", "says"),
    [
        (["--input", ""], b"", GoldenError, "input: is empty"),
        (["--input", "{x"], b"", OptionError, "--input '{x': not JSON"),
        (["--input", "x", "--check", "y"], b"", OptionError, "--check 'y': not JSON"),
        (["--input", "x", "--slice", "y"], b"", OptionError, "write KEY=VALUE"),
        (["--input", "x", "--slice", "y=1", "--slice", "y=2"], b"", OptionError, "one value"),
        (["--input", "x", "--slice", "y=1,2"], b"", GoldenError, "slices.y"),
        (["--input", "x", "--check", "{}"], b"", GoldenError, r"checks\[0\]: must be"),
        (["--input", "there"], b"", GoldenError, "is there already, at .*cases.jsonl:1"),
        (["--must-pass"], b"{}", OptionError, "need --input"),
        ([], b"", GoldenError, "stdin: column 1: not JSON"),
        ([], b"\xff", GoldenError, "stdin: byte 0xff"),
        ([], b"[]", GoldenError, "stdin: a case is a JSON object"),
        ([], b" " * 2_000_000, GoldenError, "more than 1,000,000 bytes"),
        ([], b'{"input": "x", "id": "../x"}', GoldenError, "id: .* not usable"),
        ([], b'{"input": "x", "id": "MINE"}', GoldenError, "mine is there already"),
    ],
)
def test_add_refuses_what_would_not_load(
    arguments: list[str],
    data: bytes,
    error: type[EvalsuiteError],
    says: str,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = cli.write("set/cases.jsonl", {"input": "there"}, {"id": "mine", "input": "y"})
    before = file.read_bytes()
    stdin(monkeypatch, data)
    with pytest.raises(error, match=says):
        cli("add", "set", *arguments)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["../out", "a/b", "con", "x\x1b[2J"])
def test_add_stays_in_the_golden_folder(name: str, cli: Cli, tmp_path: Path) -> None:
    with pytest.raises(GoldenError) as caught:
        cli("add", name, "--input", "x")
    assert str(caught.value).isprintable()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["pyproject.toml"]


def test_lint_fails_on_errors_only(cli: Cli) -> None:
    cli.write("good/a.jsonl", {"input": "x"})
    assert cli("lint") == 0
    assert "golden/good/a.jsonl:1: checks: " in cli.out
    assert cli.out.splitlines()[-1] == "good: 0 errors, 0 warnings, 1 note"
    cli.write("bad/a.jsonl", {"input": "x", "wrong": 1})
    assert cli("lint", "good") == 0
    assert cli("lint") == 1
    assert "golden/bad/a.jsonl:1: 'wrong': unknown field" in cli.out


def test_lint_stays_in_the_golden_folder(cli: Cli) -> None:
    cli.write("../outside/a.jsonl", {"input": "x"})
    with pytest.raises(GoldenError, match="not usable as a name"):
        cli("lint", "../outside")


def test_lint_without_datasets_is_an_error(cli: Cli) -> None:
    with pytest.raises(GoldenError, match="no golden dataset"):
        cli("lint")


def test_release_freezes_the_derived_version_once(cli: Cli) -> None:
    file = cli.write("set/a.jsonl", {"input": "x"})
    assert cli("release", "set") == 0
    assert cli.out.startswith("released set 0.1.0 (first release, 1 case)")
    assert cli("release", "set") == 0
    assert "released already" in cli.out
    cli.write("set/a.jsonl", {"input": "x"}, {"input": "y"})
    assert cli("release", "set") == 0
    assert cli.out.startswith("released set 0.2.0 (minor")
    assert sorted(each.name for each in (file.parent / "releases").iterdir()) == [
        "0.1.0.json",
        "0.2.0.json",
    ]


def test_diff_says_what_changed_and_which_step_it_is(cli: Cli) -> None:
    cli.write("one/a.jsonl", {"id": "a", "input": "x"}, {"id": "b", "input": "y"})
    cli.write("two/a.jsonl", {"id": "a", "input": "x", "expected": "1"}, {"id": "c", "input": "z"})
    assert cli("diff", "one", str(cli.golden / "two")) == 0
    assert cli.out.splitlines()[1:] == [
        "- b: 'y'",
        "+ c: 'z'",
        "~ a: expected None -> '1'",
        "1 added, 1 removed, 1 changed: major",
    ]
    assert cli("diff", "one", "one") == 0
    assert cli.out.splitlines()[1:] == ["0 added, 0 removed, 0 changed: equal"]


def test_help_names_the_two_sides_in_order(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli("diff", "--help")
    assert "diff [-h] A B" in capsys.readouterr().out


def test_stats_count_cases_checks_and_slices(cli: Cli) -> None:
    checks = [{"contains": "x"}, {"not": {"contains": "y"}}]
    cli.write(
        "set/a.jsonl",
        {"input": "x", "checks": checks, "slices": {"topic": "a"}},
        {"input": "y", "slices": {"topic": "a"}, "must_pass": True},
        {"input": "z"},
    )
    assert cli("stats", "set") == 0
    text = " ".join(cli.out.split())
    assert "(3 cases)" in text
    assert "1 with must_pass" in text
    assert "check 1 contains 1 not contains" in text
    assert "topic 2 a 1 (none)" in text
