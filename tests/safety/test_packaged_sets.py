"""Golden sets that come with an installed package: found by name, read-only, never executed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.cli.golden import register
from evalsuite.errors import GoldenError, OptionError
from evalsuite.golden import load_spec
from evalsuite.golden.release import Release, write_release

CASES = [
    {"id": f"c{number:03}", "input": f"word {number}", "checks": [{"contains": "word"}]}
    for number in range(12)
]
BOMB = "raise SystemExit('the package was executed')\n"


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with a package of somebody else's, which must not be executed."""
    site = tmp_path_factory.mktemp("site-of-others")
    for folder in ("acme_evals", "acme_evals/inner"):
        (site / folder).mkdir()
        (site / folder / "__init__.py").write_text(BOMB)
        write(site / folder / "golden_sets" / "words")
    (site / "acme_single.py").write_text(BOMB)
    (site / "acme_bare").mkdir()
    (site / "acme_bare" / "__init__.py").write_text(BOMB)
    monkeypatch.syspath_prepend(str(site))
    return site


def write(folder: Path, cases: list[dict[str, Any]] = CASES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))


def cli(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers(required=True))
    args = parser.parse_args(["golden", *arguments])
    code: int = args.run(args)
    return code


def test_a_set_is_loaded_by_package_and_name_without_executing_the_package(
    site: Path, tmp_path: Path
) -> None:
    for name in ("acme_evals:words", "acme_evals.inner:words"):
        dataset = load_spec(name, tmp_path)
        assert dataset.name == name
        assert len(dataset.cases) == 12
        assert dataset.cases[1].source is not None
        assert dataset.cases[1].source.path == f"{name}/cases.jsonl"
    assert not {"acme_evals", "acme_evals.inner"} & set(sys.modules)


def test_its_identity_is_that_of_the_same_cases_in_a_project(site: Path, tmp_path: Path) -> None:
    write(tmp_path / "words")
    ours, theirs = load_spec("words", tmp_path), load_spec("acme_evals:words", tmp_path)
    assert theirs.key == ours.key
    assert theirs.version == ours.version == f"0.1.0-dev+{ours.key[:8]}"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("acme_evils:words", "acme_evils:words: no package acme_evils is installed"),
        ("pytestt:words", 'no package pytestt is installed (did you mean "pytest"?)'),
        ("acme_evals:wrods", 'has no golden dataset wrods (did you mean "words"?)'),
        ("acme_evals.other:words", "has no golden dataset words (it has no golden_sets/)"),
        ("acme_bare:words", "has no golden dataset words (it has no golden_sets/)"),
        ("acme_single:words", "acme_single is a single module (only a package can hold"),
        (":words", "'' is no name of a package"),
        ("acme-evals:words", "'acme-evals' is no name of a package"),
        ("../acme_evals:words", "is no name of a package"),
        ("acme_evals:../words", "'../words' is not usable as a name"),
        (f"{'é' * 201}:words", "is no name of a package"),
        ("acme_evals:", "'' is not usable as a name"),
        ("a:b:c", "'b:c' is not usable as a name"),
        ("sys:words", "sys is a single module"),
        ("acme_evals:words@1.0.0", "not a released version of acme_evals:words (the package has"),
        ("\x1b[2J:words", "is no name of a package"),
    ],
)
def test_what_can_not_be_found_is_said_with_a_remedy(
    site: Path, tmp_path: Path, spec: str, says: str
) -> None:
    with pytest.raises(GoldenError) as raised:
        load_spec(spec, tmp_path)
    assert says in str(raised.value)
    assert str(site) not in str(raised.value)
    assert "\x1b" not in str(raised.value)


@settings(max_examples=25)
@given(st.tuples(st.text(max_size=20), st.text(max_size=20)))
def test_any_text_is_a_set_or_an_error_that_says_so(parts: tuple[str, str]) -> None:
    with pytest.raises(GoldenError) as raised:
        load_spec(":".join(parts), Path("nowhere"))
    assert str(raised.value).isprintable()


def test_a_very_long_name_is_told_in_short(tmp_path: Path) -> None:
    for spec in (f"{'a' * 100_000}:words", f"pytest:{'b' * 100_000}"):
        with pytest.raises(GoldenError) as raised:
            load_spec(spec, tmp_path)
        assert len(str(raised.value)) < 400


def test_a_fault_in_it_is_named_by_package_file_and_line(site: Path, tmp_path: Path) -> None:
    file = site / "acme_evals/golden_sets/words/cases.jsonl"
    file.write_text(file.read_text() + '{"inptu": "x"}\n')
    with pytest.raises(GoldenError) as raised:
        load_spec("acme_evals:words", tmp_path)
    assert "acme_evals:words/cases.jsonl:13: 'inptu': unknown field" in str(raised.value)
    assert str(site) not in str(raised.value)


def test_a_released_version_is_the_one_that_is_installed_or_an_error(
    site: Path, tmp_path: Path
) -> None:
    folder = site / "acme_evals/golden_sets/words"
    first = load_spec("acme_evals:words", tmp_path)
    write_release(folder, Release("0.1.0", first.key, first.keys))
    assert load_spec("acme_evals:words@0.1.0", tmp_path).version == "0.1.0"
    assert load_spec("acme_evals:words", tmp_path).version == "0.1.0"
    write(folder, CASES[:-1])
    with pytest.raises(GoldenError, match="the installed package holds other cases") as raised:
        load_spec("acme_evals:words@0.1.0", tmp_path)
    assert str(site) not in str(raised.value)


def test_where_it_is_written_its_folder_is_released(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(site)
    assert cli("release", "acme_evals/golden_sets/words") == 0
    assert "released words 0.1.0" in capsys.readouterr().out
    assert load_spec("acme_evals:words@0.1.0", tmp_path).version == "0.1.0"


def test_commands_read_it_and_do_not_write_it(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.evalsuite]\n")
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "golden" / "mine", CASES[1:])
    assert cli("lint", "acme_evals:words") == 0
    assert cli("stats", "acme_evals:words") == 0
    assert cli("diff", "mine", "acme_evals:words") == 0
    said = capsys.readouterr().out
    assert "acme_evals:words: 0 errors" in said
    assert "acme_evals:words 0.1.0-dev+" in said
    assert "+ c000: 'word 0'" in said
    assert str(site) not in said
    before = sorted(site.rglob("*"))
    for command in (("add", "acme_evals:words", "--input", "x"), ("release", "acme_evals:words")):
        with pytest.raises(OptionError, match="comes with an installed package"):
            cli(*command)
    assert sorted(site.rglob("*")) == before


def test_a_suite_runs_on_it_and_keeps_no_path_of_the_machine(project: Any, site: Path) -> None:
    project.suite().write_text(
        "import evalsuite as ev\n"
        "@ev.suite(golden='acme_evals:words')\n"
        "def words(case):\n    return case.input if case.id != 'c003' else 'x'\n"
    )
    file = site / "acme_evals/golden_sets/words/cases.jsonl"
    file.write_text(file.read_text().replace('"id": "c003"', '"must_pass": true, "id": "c003"'))
    done = project.run("--junitxml=junit.xml")
    assert done.ret == 1
    assert "acme_evals:words/cases.jsonl:4" in done.stdout.str()
    golden = project.manifest()["golden"]
    assert golden["name"] == "acme_evals:words"
    assert golden["cases"] == 12
    project.accept()
    kept = [each for each in project.path.rglob("*") if each.is_file() and each.suffix != ".pyc"]
    kept = [each for each in kept if each.name not in ("store.db", "store.db-wal", "store.db-shm")]
    assert {"junit.xml", "report.json", "report.html", "scores.jsonl"} <= {e.name for e in kept}
    for each in kept:
        assert site.name.encode() not in each.read_bytes(), each
    page = project.path / "reports/words/report.html"
    assert "word 3" in page.read_text("utf-8")  # the question, read from the package again
