"""`pytest --evals` from the outside: items, statuses, gates, exit codes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest


def test_without_evals_a_suite_is_noticed_and_nothing_else_happens(project: Any) -> None:
    project.suite()
    project.write("golden/words/broken.jsonl", "{ not json")
    project.write("test_plain.py", "def test_plain(): pass\n")
    before = sorted(path.name for path in project.path.iterdir())
    done = project.pytester.runpytest("-p", "no:cacheprovider", "-p", "no:bytecode")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["1 eval suite was not run (words): add --evals"])
    after = sorted(path.name for path in project.path.iterdir() if path.name != "__pycache__")
    assert after == before


def test_git_sees_neither_state_nor_reports(project: Any) -> None:
    project.suite()
    project.cases(project.many(2))
    project.run()
    for folder in (".evalsuite", "reports"):
        assert (project.path / folder / ".gitignore").read_text() == "*\n"
    (project.path / "reports" / ".gitignore").unlink()
    project.run()  # who takes it away wants to commit reports
    assert not (project.path / "reports" / ".gitignore").exists()


def test_with_evals_only_evals_run(project: Any) -> None:
    project.suite()
    project.cases(project.many(3))
    project.write("test_plain.py", "def test_plain(): assert False\n")
    done = project.run()
    done.assert_outcomes(passed=3, deselected=1)
    assert done.ret == 0


def test_each_case_is_an_item_selected_by_name_slice_or_marker(project: Any) -> None:
    project.suite()
    cases = project.many(4)
    cases[1]["slices"] = {"topic": "legal"}
    cases[2]["slices"] = {"topic": "travel"}
    project.cases(cases)
    for chosen in (["-k", "c001"], ["-k", "legal"], ["-m", 'evals_slice(topic="legal")']):
        done = project.run("-v", *chosen)
        done.stdout.fnmatch_lines(["test_words.py::words?c001? PASSED*"])
        done.assert_outcomes(passed=1, deselected=3)


def test_a_missed_check_is_a_status_of_its_own_and_fails_no_build(project: Any) -> None:
    project.suite()
    cases = project.many(3)
    cases[0]["checks"] = [{"contains": "absent"}]
    project.cases(cases)
    done = project.run("-v")
    done.stdout.fnmatch_lines(["test_words.py::words?c000? MISSED*"])
    assert "1 missed" in done.stdout.str()
    assert done.ret == 0


def test_a_floor_that_is_not_reached_fails_the_build_as_an_item_of_its_own(project: Any) -> None:
    project.suite(arguments=', gate=ev.Gate(min={"checks": 0.9})')
    cases = project.many(40)
    for case in cases[:20]:
        case["checks"] = [{"contains": "absent"}]
    project.cases(cases)
    done = project.run("--junitxml=junit.xml")
    assert done.ret == 1
    done.stdout.fnmatch_lines(["FAILED test_words.py::words::gate?checks >= 0.90*"])
    tree = ET.parse(project.path / "junit.xml")
    found = list(tree.iter("testcase"))
    red = [case.get("name") for case in found if case.find("failure") is not None]
    assert red == ["gate[checks >= 0.90]"]
    assert len([case for case in found if case.get("name", "").startswith("words[")]) == 40


def test_a_must_pass_case_that_fails_fails_the_build_with_its_place(project: Any) -> None:
    project.suite()
    cases = project.many(3)
    cases[1].update(must_pass=True, checks=[{"contains": "absent"}])
    project.cases(cases)
    done = project.run()
    assert done.ret == 1
    done.stdout.fnmatch_lines(["*must_pass case c001*absent*", "*golden/words/cases.jsonl:2"])
    done.assert_outcomes(passed=2, failed=1)


def test_a_flaky_must_pass_case_is_shown_and_fails_nothing(project: Any) -> None:
    project.write("count.py", "calls = []\n")
    project.suite(text='(calls.append(1), "word" if len(calls) > 1 else "no")[1]')
    source = (project.path / "test_words.py").read_text()
    project.write("test_words.py", "from count import calls\n" + source)
    project.cases([{"id": "a", "input": "x", "must_pass": True, "checks": [{"contains": "word"}]}])
    done = project.run("-v")
    done.stdout.fnmatch_lines(["test_words.py::words?a? FLAKY*"])
    assert done.ret == 0


def test_the_targets_own_exception_is_an_outcome_with_its_place(project: Any) -> None:
    project.suite(text='"word" if case.id != "c001" else 1 / 0')
    project.cases(project.many(3))
    done = project.run("-v")
    done.stdout.fnmatch_lines(["test_words.py::words?c001? CASE ERROR*"])
    row = project.rows()["c001"]
    assert row["scores"] == {"checks": [None], "completion": [0]}
    assert "ZeroDivisionError" in row["errors"][0]
    assert done.ret == 0


def test_a_target_that_returns_neither_output_nor_text_is_told_so(project: Any) -> None:
    project.write(
        "test_words.py",
        "import evalsuite as ev\n@ev.suite(golden='words')\ndef words(case):\n    return 3\n",
    )
    project.cases(project.many(1))
    project.run()
    assert "a target returns an Output or text, not int" in project.rows()["c000"]["errors"][0]


@pytest.mark.parametrize("body", ["return 'word'", "import time; time.sleep(0.01); return 'word'"])
def test_a_plain_function_runs_in_a_thread_and_may_return_text(project: Any, body: str) -> None:
    project.write(
        "test_words.py",
        f"import evalsuite as ev\n@ev.suite(golden='words')\ndef words(case):\n    {body}\n",
    )
    project.cases(project.many(5))
    project.run().assert_outcomes(passed=5)


def test_a_case_that_takes_too_long_is_an_error_of_the_harness_not_a_score(project: Any) -> None:
    project.write(
        "test_words.py",
        "import asyncio, evalsuite as ev\n@ev.suite(golden='words', timeout=0.05)\n"
        "async def words(case):\n    await asyncio.sleep(5 if case.id == 'c001' else 0)\n"
        "    return 'word'\n",
    )
    project.cases(project.many(3))
    done = project.run("-v")
    done.stdout.fnmatch_lines(["test_words.py::words?c001? CASE ERROR*"])
    assert project.rows()["c001"]["scores"] == {"checks": [None], "completion": [None]}


def test_no_case_scored_is_inconclusive_with_exit_10(project: Any) -> None:
    project.suite()
    project.cases([{"input": "hello"}])
    done = project.run()
    assert done.ret == 10
    assert "no case was scored" in done.stdout.str()
    assert "the case has no checks, 1 case" in done.stdout.str()
    assert "overall has 1 case, " in done.stdout.str()


def test_progress_ends_at_100_percent_although_gates_are_added(project: Any) -> None:
    project.suite()
    project.cases(project.many(3))
    project.run().stdout.re_match_lines([r"test_words.py \.\.\. +\[100%\]"])
    lines = project.run("-v").stdout.lines
    gates = [line for line in lines if "::gate[" in line and line.startswith("test_words.py")]
    assert gates
    assert [line for line in gates if not line.endswith("[100%]")] == []


def test_no_suite_at_all_is_pytests_own_exit_5(project: Any) -> None:
    project.write("test_plain.py", "def test_plain(): pass\n")
    assert project.run().ret == 5


def test_x_stops_at_a_must_pass_case_and_what_is_not_started_never_runs(project: Any) -> None:
    note = '__import__("pathlib").Path(case.id + ".ran").touch() or "no"'
    project.suite(text=note)
    cases = project.many(60)
    cases[0]["must_pass"] = True
    project.cases(cases)
    done = project.run("-x", "--evals-concurrency=2")
    assert done.ret == 1
    assert len(list(project.path.glob("*.ran"))) < 40
    assert "not decided" in done.stdout.str().lower() or "partial" in done.stdout.str().lower()


def test_a_run_over_a_part_of_the_cases_decides_no_gate(project: Any) -> None:
    project.suite(arguments=', gate=ev.Gate(min={"checks": 0.99})')
    cases = project.many(20, checks=[{"contains": "absent"}])
    project.cases(cases)
    done = project.run("-k", "c00")
    assert done.ret == 0
    assert project.manifest()["partial"] is True
    assert "NOT DECIDED" in project.run("-v", "-k", "c00").stdout.str()


def test_lf_runs_the_cases_that_missed_or_errored(project: Any) -> None:
    project.suite(text='"word" if case.id != "c002" else 1 / 0')
    cases = project.many(6)
    cases[4]["checks"] = [{"contains": "absent"}]
    project.cases(cases)
    project.pytester.runpytest("--evals")
    done = project.pytester.runpytest("--evals", "--lf", "-v")
    ran = [line for line in done.outlines if "::words[" in line and "%" in line]
    assert [line.split("[")[1].split("]")[0] for line in ran] == ["c002", "c004"]


def test_two_suites_that_would_share_a_snapshot_are_refused(project: Any) -> None:
    project.suite()
    project.cases(project.many(1))
    source = (project.path / "test_words.py").read_text()
    project.write("test_other.py", source)
    done = project.run()
    assert done.ret == 2
    assert "another suite is called words" in done.stdout.str()


def test_evals_options_without_evals_say_so(project: Any) -> None:
    done = project.pytester.runpytest("--evals-seed=3")
    assert done.ret == 4
    done.stderr.fnmatch_lines(["*--evals-seed does nothing without --evals*"])


def test_help_lists_the_options_in_a_group(project: Any) -> None:
    done = project.pytester.runpytest("--help")
    done.stdout.fnmatch_lines(["LLM evaluations (evalsuite):", "*--evals *"])


def test_collect_only_lists_cases_and_runs_nothing(project: Any) -> None:
    project.suite(text="1 / 0")
    project.cases(project.many(3))
    done = project.run("--collect-only", "-q")
    done.stdout.fnmatch_lines(["test_words.py::words?c000?"])
    assert not (project.path / ".evalsuite").exists()


def test_an_output_that_could_not_be_read_again_is_the_targets_error(project: Any) -> None:
    project.write(
        "test_words.py",
        "import json, evalsuite as ev\n@ev.suite(golden='words')\n"
        "async def words(case):\n"
        "    return ev.Output(text='word', value=json.loads('[' * 150 + ']' * 150))\n",
    )
    project.cases(project.many(1))
    project.run()
    assert "more than 100 levels of nesting" in project.rows()["c000"]["errors"][0]
