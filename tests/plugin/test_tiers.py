"""Tiers: parts of a suite that are run, compared and gated as wholes of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from stored_runs import many, store_run

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.records import ModelCalls, Operations

SUITE = """
import evalsuite as ev

def short(case, output):
    return float(len(output.text) < 20)

@ev.suite(
    golden="words",
    scorers=[short],
    gate=ev.Gate(min={{"short": 0.5}}, slices={{"topic=a": ev.Slice(), "kind=rare": ev.Slice()}}),
    tiers={{
        "pr": ev.Tier(cases=24, scorers=[]),
        "one": ev.Tier(cases=4, gate=ev.Gate(min={{"checks": 0.9}})),
        "nightly": ev.Tier(trials=2),
    }},
)
async def words(case, llm):
    await llm.chat("say " + case.input)
    return {text}
"""


@pytest.fixture
def tiered(project: Any) -> Any:
    """80 cases in four topics, three of them must_pass; one topic fails where `broken` says so."""

    def write(text: str = "case.input") -> None:
        project.write("test_words.py", SUITE.format(text=text))

    cases = project.many(80)
    for number, case in enumerate(cases):
        kind = "rare" if number == 11 else "usual"
        case["slices"] = {"topic": "abcd"[number % 4], "kind": kind}
        case["must_pass"] = number in (13, 14, 51)
    project.cases(cases)
    project.write("pyproject.toml", "[tool.evalsuite]\nformats = ['json']\n")
    write()
    project.source = write
    return project


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first `known` has made, for the others."""
    return tmp_path_factory.mktemp("known") / "project"


@pytest.fixture
def known(tiered: Any, kept: Path) -> Any:
    """With a snapshot of all cases."""
    folders = ("snapshots", ".evalsuite")
    if not kept.exists():
        assert tiered.run().ret == 0
        tiered.accept()
        for name in folders:
            shutil.copytree(tiered.path / name, kept / name)
    for name in folders:
        shutil.copytree(kept / name, tiered.path / name, dirs_exist_ok=True)
    return tiered


def test_a_tier_is_a_whole_run_against_the_snapshots_rows_of_its_cases(known: Any) -> None:
    done = known.run("--evals-tier", "pr", "-v")
    assert done.ret == 0
    rows, report, manifest = known.rows(), known.report(), known.manifest()
    assert len(rows) == 24 == manifest["expected"]
    assert {"c013", "c014", "c051", "c011"} <= rows.keys()
    assert not manifest["partial"]
    assert not any("short" in row["scores"] for row in rows.values())
    assert report["result"] == "unchanged"
    assert report["run"]["tier"] == "pr"
    assert {each["metric"] for each in report["findings"]} == {"checks", "completion"}
    said = done.stdout.str()
    assert "test_words.py::words[c013] PASSED" in said
    assert "tier pr: 24 of 80 cases, without short" in said
    assert "gone" not in said
    snapshot = json.loads((known.path / "snapshots/words/manifest.json").read_text())
    sees = snapshot["tiers"]["pr"]["detectable"]["checks"]
    assert sees > snapshot["detectable"]["checks"]
    assert f"would see     drops from {100 * sees:.1f} points overall" in said
    assert "suite words, tier pr: kind=rare has 1 case, and to rule out" in said


def test_what_is_worse_in_the_tier_blocks(known: Any) -> None:
    known.source("case.input if case.slices['topic'] != 'b' else 'nothing'")
    done = known.run("--evals-tier", "pr")
    assert done.ret == 1
    found = known.report()["findings"]
    assert any(each["slice"] == "overall" and each["result"] == "regression" for each in found)


def test_a_tier_may_have_a_gate_of_its_own(known: Any) -> None:
    known.source("'nothing'")
    assert known.run("--evals-tier", "one").ret == 1
    floors = [each for each in known.report()["findings"] if each["kind"] == "floor"]
    assert [each["metric"] for each in floors] == ["checks"]
    assert known.manifest()["policy"]["slices"] == {}


def test_a_part_of_a_tier_is_partial(known: Any) -> None:
    done = known.run("--evals-tier", "pr", "-k", "topic:a")
    assert known.report()["result"] == "partial"
    done.stdout.fnmatch_lines(["*tier pr: 24 of 80 cases, without short; partial: * of 24 cases*"])


def test_a_tier_can_end_early(known: Any) -> None:
    done = known.run("--evals-tier", "nightly", "--evals-sequential")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*tier nightly: 80 of 80 cases, 2 trials; sequential: *"])


def test_a_tier_under_xdist_is_the_same(known: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xdist")
    monkeypatch.setenv("PYTEST_PLUGINS", "evalsuite.plugin,xdist.plugin")
    known.run("--evals-tier", "pr")
    alone = known.rows().keys(), known.report()["findings"]
    assert known.run_apart("-n", "2", "--evals-tier", "pr").ret == 0
    assert (known.rows().keys(), known.report()["findings"]) == alone


def test_a_tiers_run_is_no_snapshot_and_pays_for_the_whole_run(tiered: Any) -> None:
    done = tiered.run("--evals-tier", "pr")
    assert tiered.report()["result"] == "no baseline"
    assert (
        "pytest --evals --evals-tier= test_words.py::words; evalsuite accept" in done.stdout.str()
    )
    refused = tiered.evalsuite("accept", "words", "--from-run", "last", "--reason", "x")
    assert refused.ret == 2
    assert "it is one of tier pr, a part of its suite: run the whole suite" in refused.stderr.str()
    tiered.run("--evals-tier=")
    assert tiered.manifest()["operations"]["fresh_calls"] == 80 - 24
    tiered.accept()


def test_a_snapshot_of_more_trials_tells_what_a_tier_sees(tiered: Any) -> None:
    """Whatever trials the option gave the snapshot: the tier is the same, and asks once."""
    tiered.run("--evals-trials", "2")
    tiered.accept()
    tiered.run("--evals-tier", "pr")
    report = tiered.report()
    assert report["run"]["trials"] == 1
    found = [each for each in report["findings"] if each["name"] == "checks"]
    assert found[0]["detectable"] is not None


def test_a_setting_names_the_tier_and_an_empty_option_the_whole(tiered: Any) -> None:
    tiered.write("pyproject.toml", "[tool.evalsuite]\ntier = 'pr'\nformats = ['json']\n")
    tiered.run()
    assert tiered.manifest()["tier"] == "pr"
    tiered.run("--evals-tier", "")
    assert tiered.manifest()["tier"] == ""
    assert tiered.manifest()["expected"] == 80


def test_a_tier_that_no_suite_has_is_an_error_and_a_suite_without_it_runs_whole(
    tiered: Any,
) -> None:
    tiered.suite(name="plain")
    tiered.cases(tiered.many(5), name="plain")
    done = tiered.run("--evals-tier", "prr")
    assert done.ret == 4
    assert "no suite has a tier 'prr': did you mean \"pr\"?" in done.stdout.str()
    done = tiered.run("--evals-tier", "pr")
    assert done.ret == 0
    assert "suite plain has no tier pr: all of it runs" in done.stdout.str()
    assert len(tiered.rows("plain")) == 5
    assert "suite plain has no tier pr: all of it runs" in tiered.manifest("plain")["notes"]


def test_a_suite_that_can_not_be_collected_is_what_is_said(tiered: Any) -> None:
    """Not that nobody has its tier."""
    tiered.suite(name="plain")
    tiered.cases(tiered.many(5), name="plain")
    tiered.cases([{"id": "c", "inptu": "x"}])
    done = tiered.run("--evals-tier", "pr")
    assert done.ret == 2
    assert "inptu" in done.stdout.str()
    assert "no suite has a tier" not in done.stdout.str()


def plain(project: Any, arguments: str) -> None:
    project.suite(arguments=f", {arguments}")


def test_a_slice_without_a_case_in_the_tier_is_said_and_has_no_gate(project: Any) -> None:
    plain(project, 'gate=ev.Gate(slices={"topic=a": ev.Slice()}), tiers={"few": ev.Tier(cases=1)}')
    cases = project.many(8)
    for number, case in enumerate(cases):
        case["slices"] = {"topic": "ab"[number % 2]}
        case["must_pass"] = number in (1, 3)
    project.cases(cases)
    done = project.run("--evals-tier", "few")
    assert list(project.rows()) == ["c001", "c003"]
    assert project.manifest()["policy"]["slices"] == {}
    for said in (
        "suite words, tier few: no case of it is in topic=a, which so has no gate",
        "suite words, tier few: has all 2 must_pass cases, more than 1",
    ):
        assert said in done.stdout.str()
        assert said in project.manifest()["notes"]


def test_a_case_without_checks_holds_where_no_scorer_is_asked(project: Any) -> None:
    source = "lambda case, output: len(output.text) > 3"
    plain(project, f'scorers=[ev.measures("long")({source})], tiers={{"pr": ev.Tier(scorers=[])}}')
    cases = project.many(10)
    for case in cases[::2]:
        del case["checks"]
    project.cases(cases)
    assert project.run().ret == 0
    project.accept()
    assert project.run("--evals-tier", "pr").ret == 0
    assert project.report()["result"] == "unchanged"
    assert {each["kind"] for each in project.report()["cases"]} == {"same"}


def test_a_tier_is_proven_unchanged_by_its_own_run(project: Any) -> None:
    source = "lambda case, output: len(output.text) > 3"
    tiers = '{"pr": ev.Tier(cases=4, scorers=[])}'
    plain(project, f'scorers=[ev.measures("long")({source})], tiers={tiers}')
    project.cases(project.many(10))
    assert project.run_apart().ret == 0
    project.accept()
    asked = ["--evals-tier", "pr", "--evals-changed"]
    assert "left out" not in project.run_apart(*asked).stdout.str()
    assert "left out: proven unchanged" in project.run_apart(*asked).stdout.str()


@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        ([], "tiers must be a dict of evalsuite.Tier"),
        ({"a b": ev.Tier()}, "tiers['a b']: a name has letters"),
        ({"": ev.Tier()}, "a name has letters"),
        ({"pr": 100}, "tiers['pr'] must be an evalsuite.Tier"),
        ({"pr": ev.Tier(cases=0)}, "tiers['pr']: cases must be a whole number from 1 up"),
        ({"pr": ev.Tier(cases=True)}, "cases must be a whole number"),
        ({"pr": ev.Tier(scorers="checks")}, "scorers must be a list"),
        ({"pr": ev.Tier(trials=101)}, "trials must be a whole number from 1 to 100"),
        ({"pr": ev.Tier(gate={"min": 1})}, "gate must be an evalsuite.Gate"),  # type: ignore[arg-type]
    ],
)
def test_what_is_wrong_with_a_tier_is_said_when_the_suite_is_made(tiers: Any, says: str) -> None:
    with pytest.raises(SuiteError) as error:

        @ev.suite(golden="words", tiers=tiers)
        def words(case: ev.Case) -> str:
            return ""

    assert says in str(error.value)


@pytest.mark.parametrize(
    ("tier", "says"),
    [
        ('scorers=["shrt"]', 'tiers["pr"]: scorers: *"shrt": did you mean "short"?*'),
        ('scorers=[], gate=ev.Gate(min={"short": 1})', 'tiers["pr"]: gate.min: *"short"*'),
        ('gate=ev.Gate(slices={"topic=z": ev.Slice()})', 'tiers["pr"]: gate.slices: *"topic=z"*'),
    ],
)
def test_what_a_tier_does_not_have_is_an_error_at_collection(
    tiered: Any, tier: str, says: str
) -> None:
    text = SUITE.format(text="case.input").replace("cases=24, scorers=[]", tier)
    tiered.write("test_words.py", text)
    done = tiered.run()
    assert done.ret == 2
    done.stdout.fnmatch_lines([f"*suite words: {says}".replace("[", "[[]")])


def spent(calls: int, seconds: float) -> Operations:
    return Operations(
        fresh_calls=calls, models={"openai:m": ModelCalls(calls, seconds, 10, 10, 0, 0.01 * calls)}
    )


def test_a_deadline_takes_the_largest_tier_that_fits_and_says_what_it_gives_up(known: Any) -> None:
    """A case takes 4 s, 20 at once: all of it 20 s, tier pr 9 s, tier one 5 s, nightly 36 s."""
    store_run(known.path, many(10), suite="words", run="20000101", operations=spent(10, 40.0))
    done = known.run("--evals-deadline", "10s")
    said = done.stdout.str()
    assert "--evals-deadline 10s: tier pr, at most 24 calls, 0.24 USD, about 9 seconds" in said
    assert "(all: at most 80 calls, 0.80 USD, about 20 seconds)" in said
    seen = json.loads((known.path / "snapshots/words/manifest.json").read_text())
    part, whole = seen["tiers"]["pr"]["detectable"], seen["detectable"]
    told = f"{100 * part['checks']:.1f} points (all: {100 * whole['checks']:.1f})"
    assert f"words: 24 of 80 cases, without short; sees drops of checks from {told}" in said
    assert "in kind=rare from no size" in said or "in topic=a from" in said
    assert known.manifest()["tier"] == "pr"

    known.run("--evals-deadline", "1m")
    assert known.manifest()["tier"] == "nightly"
    said = known.run("--evals-deadline", "2s").stdout.str()
    assert "none is sure to fit, the smallest runs: tier one" in said
    said = known.run("--evals-deadline", "1m", "--evals-tier", "one").stdout.str()
    assert "--evals-deadline 1m: tier one: at most 4 calls" in said
    assert known.manifest()["tier"] == "one"


def test_a_deadline_without_a_run_to_tell_takes_the_smallest(tiered: Any) -> None:
    said = tiered.run("--evals-deadline", "10m").stdout.str()
    assert "the smallest runs: tier one, time not known" in said
    assert "to measure it: evalsuite plan words --measure 5" in said
    assert "evalsuite plan words --tier one, once a snapshot knows the tier" in said
    said = tiered.run("--evals-deadline", "10m").stdout.str()  # by the time that it took
    assert "--evals-deadline 10m: tier nightly, at most 160 calls, 0.00 USD, about" in said


@pytest.mark.parametrize("text", ["10", "m", "0s", "-1m", "1e9h", "nan s", "10 minutes"])
def test_a_deadline_is_a_time(project: Any, text: str) -> None:
    done = project.run(f"--evals-deadline={text}")
    assert done.ret == 4
    assert '--evals-deadline must be such as "10m"' in done.stderr.str()


def test_plan_says_what_a_tier_sees(known: Any) -> None:
    done = known.evalsuite("plan", "words", "--tier", "pr")
    assert done.ret == 0
    sees = json.loads((known.path / "snapshots/words/manifest.json").read_text())["tiers"]["pr"]
    assert "tier pr: 24 cases, 1 trial each" in done.stdout.str()
    assert f"{100 * sees['detectable']['checks']:.1f} points" in done.stdout.str()
    done = known.evalsuite("plan", "words", "--tier", "prr")
    assert done.ret == 4
    assert 'knows no tier "prr": did you mean "pr"?' in done.stderr.str()
