"""`evalsuite backtest`: past runs decided by today's gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from stored_runs import commit, many, repository, store_snapshot

from evalsuite.cli import main
from evalsuite.errors import DataError
from evalsuite.records import CHECKS
from evalsuite.snapshot import read_results

DROPPED = [f"c{number:03}" for number in range(30)]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["backtest", *arguments, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three snapshots: the second has as many failures elsewhere, the third 30 more."""
    root = repository(tmp_path / "project")
    monkeypatch.chdir(root)
    answers = many(60)
    store_snapshot(root, answers, run="r0", failing=["c050", "c051"])
    commit(root, "first")
    answers |= {name: f"other {name}" for name in ("c050", "c051", "c052", "c053")}
    store_snapshot(root, answers, run="r1", failing=["c052", "c053"])
    commit(root, "second: a word")
    answers |= {name: f"worse {name}" for name in DROPPED}
    store_snapshot(root, answers, run="r2", failing=["c052", "c053", *DROPPED])
    commit(root, "third: shorter")
    return root


def test_snapshots_in_git_are_decided_one_after_the_other(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "askacme")
    assert [step["blocked"] for step in found["steps"]] == [False, True]
    assert [step["about"] for step in found["steps"]] == ["second: a word", "third: shorter"]
    assert found["blocked"] == 1
    evidence = found["steps"][1]["findings"][0]
    assert evidence["name"] == "checks"
    assert evidence["effect"] == pytest.approx(-0.5)
    assert set(evidence["fell"]) == set(DROPPED)


def test_the_terminal_tells_the_evidence_of_what_is_blocked(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", "askacme", "--last", "1"]) == 0
    said = capsys.readouterr().out
    assert "third: shorter" in said
    assert "second: a word" not in said
    assert "checks: 96.7% → 46.7% (-50.0 points" in said
    assert "1 steps" not in said
    assert said.rstrip().endswith(
        "1 step: this gate would have blocked 1, a rule of 3 points down in any slice 1"
    )


def test_a_snapshot_that_can_not_be_read_is_named_and_the_others_are_decided(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = history / "snapshots" / "askacme"
    scores = (folder / "scores.jsonl").read_text("utf-8")
    (folder / "scores.jsonl").write_text("{", "utf-8")
    commit(history, "broken")
    (folder / "scores.jsonl").write_text(scores, "utf-8")
    commit(history, "mended")
    found = told(capsys, "askacme")
    assert [step["result"] for step in found["steps"]] == [
        "inconclusive",
        "regression",
        "unchanged",
    ]
    assert len(found["unreadable"]) == 1
    assert "can't be read" in found["unreadable"][0]


def test_without_a_history_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository(tmp_path / "project")
    monkeypatch.chdir(root)
    assert main(["backtest", "askacme"]) == 4
    assert "fetch the history" in capsys.readouterr().err
    assert main(["backtest", "askacme", "--last", "0"]) == 4
    assert main(["backtest", "../up"]) == 4


def promptfoo(rows: Sequence[Mapping[str, Any]], version: int = 3) -> dict[str, Any]:
    return {"evalId": "eval-1", "results": {"version": version, "results": list(rows)}}


def asked(number: int, *, success: bool = True, answer: str = "", **more: Any) -> dict[str, Any]:
    return {
        "vars": {"question": f"question {number}"},
        "provider": {"id": "openai:gpt"},
        "prompt": {"label": "p", "raw": "p"},
        "testCase": {
            "vars": {"question": f"question {number}"},
            "assert": [{"type": "contains", "value": "x"}],
            "metadata": {"topic": "legal" if number < 20 else "other"},
        },
        "success": success,
        "score": float(success),
        "namedScores": {"tone": 0.5},
        "failureReason": 0 if success else 1,
        "response": {"output": answer or f"answer {number} {success}"},
        **more,
    }


def cases(count: int, failing: Callable[[int], bool]) -> list[dict[str, Any]]:
    return [asked(number, success=not failing(number)) for number in range(count)]


def write(tmp_path: Path, name: str, value: Any) -> str:
    path = tmp_path / name
    path.write_text(json.dumps(value), "utf-8")
    return str(path)


def test_promptfoo_results_are_decided_by_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [
        write(tmp_path, "a.json", promptfoo(cases(200, lambda n: n in {1, 60, 70}))),
        write(tmp_path, "b.json", promptfoo(cases(200, lambda n: n in {1, 2, 61, 71}))),
        write(tmp_path, "c.json", promptfoo(cases(200, lambda n: n < 14))),
    ]
    found = told(capsys, *files)
    assert [step["blocked"] for step in found["steps"]] == [False, True]
    assert [step["cases"] for step in found["steps"]] == [200, 200]
    names = [each["name"] for each in found["steps"][1]["findings"]]
    assert "checks, topic=legal" in names
    assert found["steps"][0]["three_points"] > 0


def test_what_promptfoo_could_not_score_is_no_failure(tmp_path: Path) -> None:
    rows = [asked(0), asked(1, success=False, failureReason=2, error="429 from the provider")]
    run = read_results(Path(write(tmp_path, "a.json", promptfoo(rows))))
    values = {row.id.split(" #")[0]: row.scores[CHECKS] for row in run.rows.values()}
    assert values == {"question 0": (1.0,), "question 1": (None,)}
    [lost] = [row for row in run.rows.values() if row.outputs == (None,)]
    assert lost.errors == ("provider: 429 from the provider",)


def test_equal_questions_are_trials_and_columns_are_cases(tmp_path: Path) -> None:
    again = [asked(0, success=True), asked(0, success=False), asked(1)]
    run = read_results(Path(write(tmp_path, "a.json", promptfoo(again))))
    assert run.manifest.trials == 2
    assert sorted(len(row.scores[CHECKS]) for row in run.rows.values()) == [1, 2]
    two = [asked(0), asked(0, provider={"id": "anthropic:claude"})]
    run = read_results(Path(write(tmp_path, "b.json", promptfoo(two))))
    assert len(run.rows) == 2
    assert {row.slices["provider"] for row in run.rows.values()} == {
        "openai:gpt",
        "anthropic:claude",
    }


def test_changed_assertions_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before, after = cases(60, lambda n: False), cases(60, lambda n: n < 40)
    for row in after:
        row["testCase"]["assert"] = [{"type": "contains", "value": "something else"}]
    files = [
        write(tmp_path, name, promptfoo(rows))
        for name, rows in (("a.json", before), ("b.json", after))
    ]
    [step] = told(capsys, *files)["steps"]
    assert step["result"] == "incomparable"
    assert not step["blocked"]


def deepeval(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"testFile": "test_rag.py", "testCases": list(rows), "testPassed": 1}


def measured(number: int, *, success: bool | None, **metric: Any) -> dict[str, Any]:
    found = {"name": "Faithfulness", "threshold": 0.5, "success": success, "score": 0.9, **metric}
    return {
        "name": f"test_case_{number}",
        "input": f"question {number}",
        "actualOutput": f"answer {success}",
        "success": success,
        "metricsData": [found],
        "tags": ["legal"],
    }


def test_deepeval_test_runs_are_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = [measured(number, success=True) for number in range(60)]
    after = [measured(number, success=number >= 20) for number in range(60)]
    files = [
        write(tmp_path, "a.json", deepeval(before)),
        write(tmp_path, "b.json", deepeval(after)),
    ]
    [step] = told(capsys, *files)["steps"]
    assert step["blocked"]
    assert {each["name"] for each in step["findings"]} >= {"checks", "Faithfulness"}


def test_a_metric_of_deepeval_that_failed_itself_is_no_score(tmp_path: Path) -> None:
    rows = [
        measured(0, success=False, error="no verdict"),
        measured(1, success=None),
        measured(2, success=True),
    ]
    run = read_results(Path(write(tmp_path, "a.json", deepeval(rows))))
    found = sorted((row.id.split(" #")[0], row.scores["Faithfulness"]) for row in run.rows.values())
    assert found == [("test_case_0", (None,)), ("test_case_1", (None,)), ("test_case_2", (1.0,))]
    assert [row.scores[CHECKS] for row in run.rows.values() if "test_case_0" in row.id] == [(None,)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cut off"),
        ("[]", "neither a result of promptfoo"),
        ('{"results": {"results": []}}', "holds no result"),
        ('{"results": {"results": [3]}}', "results.results[0] is no object"),
        ('{"testCases": 3}', "neither a result of promptfoo"),
        ('{"testCases": [{"input": "q", "success": NaN}]}', "NaN"),
    ],
)
def test_a_file_that_is_none_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        read_results(path)
    assert says in str(caught.value)
    assert "a.json" in str(caught.value)


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, [1], {"x": 1}, True])
@pytest.mark.parametrize(
    "field",
    ["vars", "provider", "prompt", "testCase", "success", "score", "namedScores", "response"],
)
def test_odd_fields_of_a_result_are_no_traceback(tmp_path: Path, field: str, value: Any) -> None:
    row = {**asked(0), field: value}
    run = read_results(Path(write(tmp_path, "a.json", promptfoo([row]))))
    assert len(run.rows) == 1
    for found in run.rows.values():
        assert all(
            one is None or 0 <= one <= 1 for values in found.scores.values() for one in values
        )


@pytest.mark.parametrize("value", [None, 3, "x", {}, [1], [[]], {"x": 1}, True])
@pytest.mark.parametrize(
    "field", ["name", "input", "actualOutput", "success", "metricsData", "tags", "metadata"]
)
def test_odd_fields_of_a_test_case_are_no_traceback(tmp_path: Path, field: str, value: Any) -> None:
    row = {**measured(0, success=True), field: value}
    run = read_results(Path(write(tmp_path, "a.json", deepeval([row]))))
    assert len(run.rows) == 1


def test_a_file_that_is_not_there_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    there = write(tmp_path, "a.json", promptfoo([]))
    for names in (["lost.json", there], ["lost.json", "gone.json"]):
        assert main(["backtest", *names]) == 2
        said = capsys.readouterr().err
        assert "lost.json: there is no such file" in said
        assert "UTF-8" not in said
    (tmp_path / "latin.json").write_bytes(b'{"results": "\xe4"}')
    with pytest.raises(DataError, match="can't be read as UTF-8"):
        read_results(tmp_path / "latin.json")
