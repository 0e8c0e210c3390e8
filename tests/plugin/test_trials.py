"""Several trials of a case: the vote, the variance between them, and which model served each."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from evalsuite.diff import compare
from evalsuite.diff.derived import derived_slices
from evalsuite.gate import decide, policy_from
from evalsuite.records import CHECKS, Metric

from paired_runs import row, run_of  # isort: skip

FLAKY = """
import evalsuite as ev

calls = {{}}

@ev.measures("share")
def share(case, output):
    return float(output.text.rsplit(" ", 1)[1]) / 4

@ev.suite(golden="words", trials={trials}, scorers=[share])
async def words(case):
    calls[case.id] = nth = calls.get(case.id, 0) + 1
    said = case.input["answers"][nth - 1]
    if said == "crash":
        raise RuntimeError("no index")
    return f"{{said}} {{nth}}"
"""


def answers(*each: str) -> dict[str, Any]:
    return {"input": {"answers": list(each)}, "checks": [{"contains": "yes"}]}


@pytest.fixture
def flaky(project: Any) -> Any:
    def write(trials: int, **cases: Any) -> None:
        project.write("pyproject.toml", "[tool.evalsuite]\nconcurrency = 1\n")
        project.write("test_words.py", FLAKY.format(trials=trials))
        project.cases([{"id": name, **case} for name, case in cases.items()])

    project.flaky = write
    return project


def statuses(done: Any) -> dict[str, str]:
    found = {}
    for line in done.stdout.lines:
        if "::words[" in line:
            name, _, rest = line.partition("] ")
            found[name.partition("[")[2]] = " ".join(rest.split(" [")[0].split("[")[0].split())
    return found


def test_most_trials_decide_whether_a_case_passed(flaky: Any) -> None:
    flaky.flaky(
        3,
        most=answers("no", "yes", "yes"),
        few=answers("yes", "no", "no"),
        crashed=answers("yes", "crash", "crash"),
        steady=answers("yes", "yes", "yes"),
    )
    done = flaky.run("-v")
    assert statuses(done) == {
        "most": "PASSED",
        "few": "MISSED",
        "crashed": "CASE ERROR",
        "steady": "PASSED",
    }
    listed = {each["id"]: each for each in flaky.report()["cases"]}
    assert [listed[name]["after"]["checks"] for name in ("most", "few", "steady")] == [1, 0, 1]


def test_a_tie_is_no_pass_and_counts_one_half(flaky: Any) -> None:
    flaky.flaky(2, tie=answers("yes", "no"))
    assert statuses(flaky.run("-v")) == {"tie": "MISSED"}
    assert flaky.report()["cases"][0]["after"]["checks"] == 0.5


def test_last_failed_follows_the_vote(flaky: Any) -> None:
    flaky.flaky(3, most=answers("no", "yes", "yes"), few=answers("yes", "no", "no"))
    flaky.run_apart()
    flaky.run_apart("--lf")
    assert list(flaky.rows()) == ["few"]


def test_the_variance_between_trials_is_in_every_format(flaky: Any) -> None:
    settings = '[tool.evalsuite]\nconcurrency = 1\nformats = ["html", "markdown", "json", "csv"]\n'
    flaky.flaky(3, most=answers("no", "yes", "yes"), steady=answers("yes", "yes", "yes"))
    flaky.write("pyproject.toml", settings)
    done = flaky.run()
    assert "3 trials a case, variance 0.167" in done.stdout.str()
    made = flaky.report()
    listed = {each["id"]: each["variance"] for each in made["cases"]}
    assert listed["most"]["checks"] == pytest.approx(1 / 3)
    assert listed["steady"]["checks"] == 0
    assert listed["steady"]["share"] == pytest.approx(1 / 16)
    overall = {(each["metric"], each["slice"]): each["variance"] for each in made["variances"]}
    assert overall["checks", "overall"] == pytest.approx(1 / 6)
    folder = flaky.path / "reports" / "words"
    table = list(csv.DictReader((folder / "report.csv").read_text().splitlines()))
    assert [each["checks variance"] for each in table] == ["0.333333", "0"]
    assert "| variance |" in (folder / "report.md").read_text()
    assert "<th scope=col>variance</th>" in (folder / "report.html").read_text()


def test_with_one_trial_nothing_is_said_of_variance(flaky: Any) -> None:
    flaky.flaky(1, steady=answers("yes"))
    done = flaky.run()
    assert "trials a case" not in done.stdout.str()
    made = flaky.report()
    assert made["variances"] == []
    assert made["cases"][0]["variance"] == {}


def test_numbers_are_averaged_and_checks_vote() -> None:
    metrics = [Metric(CHECKS), Metric("share")]
    both = {"scorer_keys": {CHECKS: "c", "share": "s"}}
    rows = [
        row(
            "a", [1.0, 1.0, 0.0], scores={CHECKS: [1.0, 1.0, 0.0], "share": [1.0, 1.0, 0.0]}, **both
        )
    ]
    levels = compare(None, run_of(rows, metrics=metrics, trials=3)).levels
    assert levels[CHECKS].values.tolist() == [1.0]
    assert levels["share"].values.tolist() == pytest.approx([2 / 3])


def test_second_chances_of_a_must_pass_case_decide_that_case_alone() -> None:
    failed = row("strict", [0.0, 1.0, 1.0, 1.0, 1.0], must_pass=True)
    others = [row(f"c{n}", 1.0) for n in range(9)]
    diff = compare(run_of([failed, *others]), run_of([failed, *others]))
    assert diff.levels[CHECKS].values.min() == 0.0
    assert diff.pairs[CHECKS].before.shape[1] == 1
    verdict = decide(diff, policy_from({"min": {"checks": 0.5}}))
    floor = next(each for each in verdict.findings if each.kind == "floor")
    assert floor.after == pytest.approx(0.9)
    strict = next(each for each in verdict.findings if each.kind == "must_pass")
    assert strict.result == "flaky"


def test_second_chances_do_not_show_as_variance(project: Any) -> None:
    project.write("test_words.py", FLAKY.format(trials=1))
    project.cases([{"id": "a", "must_pass": True, **answers("no", "yes", "yes", "yes", "yes")}])
    project.run("--evals-backend=embedded?noise=0.1")
    assert len(project.rows()["a"]["scores"]["checks"]) == 5
    assert project.report()["cases"][0]["after"]["checks"] == 0
    assert project.report()["variances"] == []


def test_models_are_a_slice_only_where_several_served() -> None:
    facts = {f"c{n}": {"model": "small" if n % 3 else "large"} for n in range(6)}
    assert derived_slices(facts) == {
        "model=large": ("c0", "c3"),
        "model=small": ("c1", "c2", "c4", "c5"),
    }
    assert derived_slices({"a": {"model": "small"}, "b": {"model": "small"}}) == {}


ROUTED = """
import evalsuite as ev

@ev.suite(golden="words")
def words(case):
    return ev.Output(text=case.input, model="large" if case.input.endswith("3") else "small")
"""


def test_a_routers_answers_are_told_apart_by_who_served_them(project: Any) -> None:
    project.write("test_words.py", ROUTED)
    project.cases(project.many(40))
    project.run_apart()
    assert project.rows()["c003"]["output_facts"]["model"] == "large"
    project.accept()
    project.write("test_words.py", ROUTED.replace("text=case.input", "text=case.input + '.'"))
    project.run_apart()
    made = project.report()
    findings = {each["name"]: each for each in made["findings"]}
    assert findings["checks, model=small"]["derived"]
    assert findings["checks, model=small"]["mode"] == "observe"
    assert findings["checks, model=small"]["n"] == 36
    page = (project.path / "reports" / "words" / "report.html").read_text()
    assert "served by" in page


ASKING = """
import evalsuite as ev

@ev.suite(golden="words", trials={trials})
async def words(case, llm):
    return (await llm.chat(case.input, max_tokens=9)).text
"""


def test_a_provider_without_seeds_is_named_once_where_nothing_is_repeated(project: Any) -> None:
    server = pytest.importorskip("pytest_httpserver").HTTPServer(host="127.0.0.1")
    reply = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-7",
        "content": [{"type": "text", "text": "word"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    server.expect_request("/v1/messages").respond_with_json(reply)
    project.cases(project.many(2))
    project.pytester._monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-key-1234567890")
    with server:
        spec = f"--evals-backend=anthropic:claude-x@{server.url_for('')}"
        said = {}
        for trials in (1, 3):
            project.write("test_words.py", ASKING.format(trials=trials))
            done = project.run_apart(spec)
            assert done.ret == 0, done.stdout.str()
            said[trials] = [note for note in project.manifest()["notes"] if "seed" in note]
    once = "anthropic:claude-x takes no seed, so its answers can't be pinned: trials=3 shows "
    assert said == {1: [once + "the noise and damps it"], 3: []}


def test_the_model_that_a_provider_names_is_kept(project: Any) -> None:
    server = pytest.importorskip("pytest_httpserver").HTTPServer(host="127.0.0.1")
    reply = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "served-7",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "word"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    server.expect_request("/v1/chat/completions").respond_with_data(
        json.dumps(reply), content_type="application/json"
    )
    project.write("test_words.py", ASKING.format(trials=1))
    project.cases(project.many(2))
    project.pytester._monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    with server:
        done = project.run_apart(f"--evals-backend=openai:asked-5@{server.url_for('/v1')}")
    assert done.ret == 0, done.stdout.str()
    assert project.rows()["c000"]["output_facts"]["model"] == "served-7"
