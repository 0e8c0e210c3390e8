"""The whole path without pytest: any golden lines, any answers, any reasons, to every report.

Each example ends in a refusal of ours or in a verdict that can be read back from disk.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import evalsuite as ev
from evalsuite import snapshot
from evalsuite.config import Config
from evalsuite.errors import EvalsuiteError, GoldenError
from evalsuite.report import csv, html, junit, markdown, terminal
from evalsuite.report import json as report_json
from evalsuite.runner.conclude import Conclusion, conclude
from evalsuite.runner.engine import Engine
from evalsuite.runner.plan import make_plan
from evalsuite.runner.results import RunWriter, brief_of
from evalsuite.runner.schedule import Job
from evalsuite.runner.target import as_output, failure
from evalsuite.runner.watch import Watch
from evalsuite.snapshot.codec import decoder, dump, parse, to_json

TEXT = st.text(max_size=20) | st.sampled_from(
    ["word", "</script>", "::error::x", "\x1b[2J", "\u202e", "\ud800", "=1+1", "@org", "`|`"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
CHECKS = st.dictionaries(
    st.sampled_from(["contains", "equals", "regex", "words", "json_valid", "number", "not"]),
    JSON | st.just({"contains": "x"}) | st.just({"max": 3}),
    min_size=1,
    max_size=1,
)
SOUND = st.builds(
    lambda text, checks, slices, must: {
        "input": text or "x",
        "checks": checks,
        "slices": slices,
        "must_pass": must,
    },
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.lists(st.sampled_from([{"contains": "word"}, {"not": {"equals": "x"}}]), max_size=2),
    st.dictionaries(st.sampled_from(["topic", "kind"]), st.sampled_from(["a", "<b>", "::x"])),
    st.booleans(),
)
LOOSE = st.dictionaries(
    st.sampled_from(["id", "input", "checks", "slices", "expected", "relevant"]),
    JSON | st.lists(CHECKS, max_size=2),
    max_size=4,
)
OUTPUTS = TEXT | st.builds(
    ev.Output,
    text=TEXT | JSON,
    value=JSON,
    contexts=st.lists(TEXT, max_size=2),
    finish_reason=st.none() | TEXT,
    cost=st.none() | st.floats(),
    latency=st.none() | st.floats(),
)


def play(root: Path, answers: list[Any], run: str) -> Conclusion:
    """One run of all cases, as the plugin makes it."""

    def scorer(case: ev.Case, output: ev.Output) -> Any:
        return answers[-1]

    @ev.suite(golden="set", scorers=[scorer], external="1")
    async def fuzzed(case: ev.Case) -> Any:
        answer = answers[sum(map(ord, case.id)) % len(answers)]
        if isinstance(answer, Exception):
            raise answer
        return answer

    config = Config(root=root, formats=("html", "markdown", "json", "csv", "junit"))
    plan = make_plan(fuzzed, config)
    engine = Engine(concurrency=4, arguments=[], watch=Watch())
    try:
        engine.open(plan)
        jobs = [Job(plan, case) for case in plan.dataset.cases]
        engine.ahead(jobs)
        engine.begin(plan, {})
        writer = RunWriter(config.state_dir / "runs" / run, plan.nodeid)
        for job in jobs:
            writer.add(engine.result(job, None, lambda: None))
    finally:
        engine.close()
    brief = brief_of(engine.benches[plan], engine.counts[plan], [])
    return conclude(
        brief, writer, config, baseline=plan.baseline, command="pytest", run=run, seconds=1.0
    )


@settings(max_examples=25)
@given(
    lines=st.lists(SOUND | LOOSE, min_size=1, max_size=4),
    answers=st.lists(OUTPUTS | st.builds(ValueError, TEXT), min_size=1, max_size=3),
)
@example(lines=[{"input": "x", "checks": [{"contains": "word"}]}], answers=["word", "\ud800"])
@example(lines=[{"input": "x"}], answers=[ev.Output(cost=float("nan")), ValueError("\x1b[2J")])
def test_any_lines_and_answers_end_in_a_refusal_or_a_verdict(
    lines: list[Any], answers: list[Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        golden = root / "golden" / "set"
        golden.mkdir(parents=True)
        (golden / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)))
        try:
            first = play(root, answers, "1")
        except GoldenError as refused:
            said = str(refused)
        else:
            said = ""
        assert said.replace("\n", "").isprintable()
        if said:
            return
        assert first.exit_code in (0, 1, 10, 11)
        runs = root / ".evalsuite" / "runs"
        kept = snapshot.load(runs / "1" / "fuzzed")
        if not snapshot.refusal(kept):
            place = root / "snapshots" / "fuzzed"
            snapshot.accept(kept, [runs / "1" / "fuzzed"], place, reason="fuzzed")
        second = play(root, answers[::-1], "2")
        assert second.exit_code in (0, 1, 10, 11)
        assert set(snapshot.load(runs / "2" / "fuzzed").rows) == set(kept.rows)
        for form in (html, markdown, csv, junit, report_json, terminal):
            form.render(second.report).encode("utf-8")


@settings(max_examples=300)
@given(OUTPUTS | JSON | st.builds(ev.Output, tool_calls=st.lists(JSON, max_size=2)))
def test_any_output_is_refused_or_reads_back_as_it_is(returned: Any) -> None:
    try:
        output = as_output(returned)
    except (TypeError, ValueError, RecursionError):
        return
    assert decoder(ev.Output)(parse(dump(to_json(output)))) == output
    assert as_output(output) == output


@given(st.builds(ValueError, TEXT) | st.builds(KeyError, TEXT) | st.builds(EvalsuiteError, TEXT))
def test_any_exception_becomes_a_bounded_failure(error: Exception) -> None:
    found = failure(error)
    assert found.kind in ("target", "harness")
    assert len(found.message) <= 700


@pytest.mark.parametrize("depth", [10, 1_000, 10_000])
def test_a_chain_of_causes_of_any_length_ends(depth: int) -> None:
    error: BaseException = ValueError("first")
    for number in range(depth):
        after = ValueError(number)
        after.__cause__ = error
        error = after
    assert failure(error).kind == "target"
