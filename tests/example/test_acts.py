"""The script that plays the acts: what it reads off a run, and that its changes can be made."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "askacme"

PRINTED = """\
collected 3 items
............
============================ evals: askacme ============================
askacme BLOCKED: checks on topic=legal 85.1% → 57.4%
  changed    prompt answer.j2 v3 → v4
  report     reports/askacme/report.html
3 passed in 1.25s
"""

JUNIT = """<testsuites><testsuite>
<testcase classname="t" name="askacme[a-1]"/>
<testcase classname="t" name="askacme[a-2]"><failure message="m">x</failure></testcase>
<testcase classname="t" name="gate[checks]"/>
<testcase classname="t" name="gate[checks, topic=legal]"><failure message="m"/></testcase>
<testcase classname="t" name="gate[checks &gt;= 0.70]"><error message="m"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLE)
    return importlib.import_module("acts")


def played(acts: Any, **report: Any) -> Any:
    lines = [{"label": "would see", "text": "drops from 4.1 points overall"}]
    whole = {"result": "pass", "lines": lines, **report}
    return acts.Played(exit=0, printed="", screen=["clear"], report=whole, red=frozenset())


def test_the_first_screen_is_told_apart_from_what_pytest_prints(acts: Any) -> None:
    screen = acts.first_screen(PRINTED)
    assert screen[0].startswith("askacme BLOCKED")
    assert screen[-1].endswith("report.html")
    assert len(screen) == 3
    assert acts.first_screen("nothing here\n") == []


def test_what_failed_is_read_from_junit(acts: Any, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text(JUNIT, "utf-8")
    assert acts.failures(file) == {"askacme[a-2]", "checks, topic=legal", "checks >= 0.70"}


def test_what_failed_is_read_from_the_terminal_and_the_page_too(acts: Any) -> None:
    printed = (
        "FAILED examples/test_a.py::askacme[a-2] - must_pass case a-2: no\n"
        "FAILED examples/test_a.py::askacme::gate[checks, topic=legal]\n"
        "FAILED examples/test_a.py::askacme::gate[checks >= 0.70] - below: 60% (n = 3)\n"
    )
    assert acts.failed_lines(printed) == {"askacme[a-2]", "checks, topic=legal", "checks >= 0.70"}
    page = (
        '<table class="gates"><tr class="bad"><td data-label="Gate"><code>checks &gt;= 0.70</code>'
        '</td></tr><tr class="good"><td><code>checks</code></td></tr></table>'
    )
    assert acts.red_rows(page) == {"checks >= 0.70"}


def test_the_committed_act_needs_a_pass_that_says_what_it_would_have_seen(acts: Any) -> None:
    assert acts.committed(played(acts)) == []
    assert acts.committed(played(acts, result="no baseline"))
    assert acts.committed(played(acts, lines=[]))


def test_the_act_of_noise_needs_changed_answers_and_slices_that_a_rule_would_block(
    acts: Any,
) -> None:
    few = acts.resampled(played(acts, counts={"changed": 3, "naive_slices": 0}))
    assert any("only 3 answers" in wrong for wrong in few)
    assert any("3-point" in wrong for wrong in few)


def test_the_concise_act_needs_the_slice_red_and_the_whole_hardly_moved(acts: Any) -> None:
    wrong = acts.concise(played(acts, findings=[{"name": "checks", "effect": -0.2}]))
    assert len(wrong) == 5


def test_each_change_is_one_line_that_is_there_once_and_is_made_only_in_a_copy(
    acts: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    for name, change in acts.changes().items():
        source = ROOT / change.file
        text = source.read_text("utf-8")
        (project / change.file).parent.mkdir(parents=True, exist_ok=True)
        (project / change.file).write_text(text, "utf-8")
        monkeypatch.setattr(acts, "ROOT", project)
        made = (acts.copy(name, change) / change.file).read_text("utf-8")
        assert (project / change.file).read_text("utf-8") == text
        before, after = text.splitlines(), made.splitlines()
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
        assert change.red


def test_a_change_that_no_longer_fits_is_said(
    acts: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    change = acts.changes()["narrow"]
    (tmp_path / change.file).parent.mkdir(parents=True)
    (tmp_path / change.file).write_text("k = 9\n", "utf-8")
    monkeypatch.setattr(acts, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=re.escape("[narrow]")):
        acts.copy("narrow", change)


def test_the_readme_lists_every_break(acts: Any) -> None:
    readme = (EXAMPLE / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in readme for name in acts.changes())


def test_an_unknown_word_is_answered_with_the_manual(
    acts: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert acts.main(["act"]) == 2
    assert "acts.py breaks" in capsys.readouterr().err
