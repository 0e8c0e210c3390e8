"""What a run cost, as people read it: unknown is never zero."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest
from report_samples import askacme

from evalsuite.diff.spending import spending
from evalsuite.records import ModelCalls, Operations, Run, Spent
from evalsuite.report import Report, figures, markdown
from evalsuite.report.blocks import Table
from evalsuite.report.json import render


@pytest.mark.parametrize(
    ("value", "known", "text"),
    [
        (0.0, 0.0, "0.00 USD"),
        (0.0042, 0.0042, "0.0042 USD"),
        (2.5, 2.5, "2.50 USD"),
        (None, 0.0, "cost unknown"),
        (None, 1.25, "at least 1.25 USD"),
    ],
)
def test_an_unknown_cost_tells_the_part_that_is_known(
    value: float | None, known: float, text: str
) -> None:
    assert figures.dollars(value, known) == text


def rows_of(title: str, report: Report) -> dict[str, dict[str, str]]:
    """The cells of a table as text, by first cell (with the second, where that is a model)."""
    table = next(each for each in report.blocks if isinstance(each, Table) and each.title == title)
    found = {}
    for row in table.rows:
        texts = [
            "".join(span if isinstance(span, str) else span.text for span in cell)
            for cell in row.cells
        ]
        cells = dict(zip(table.columns, texts, strict=True))
        found[" ".join(texts[: 2 if "Model" in cells else 1])] = cells
    return found


def account(**operations: object) -> dict[str, dict[str, str]]:
    spent = Operations(**{"seconds": 60.0, "fresh_calls": 30, **operations})  # type: ignore[arg-type]
    return rows_of("Cost and latency", askacme(40).with_run(operations=spent).report())


def took(before: Spent | None, after: Sequence[Spent], **manifest: object) -> Report:
    """Forty cases in six topics; each fresh answer took what `after` says in turn."""
    sample = askacme(40)
    ids = list(sample.after)
    for at, name in enumerate(ids):
        spent = after[at % len(after)]
        sample.after[name] = replace(sample.after[name], spent=(spent,))
        if before is not None:
            sample.before[name] = replace(sample.before[name], spent=(before,))
    sample = sample.with_run(**manifest)
    baseline = sample.diff.baseline
    assert baseline is not None
    found = spending(
        Run(baseline, sample.before), Run(sample.diff.candidate, sample.after), set(ids)
    )
    sample.diff = replace(sample.diff, took=found)
    return sample.report()


def test_the_account_stands_beside_the_snapshot_s_run_and_the_budget() -> None:
    told = account(
        cost_known=0.5,
        call_p50=0.2,
        first_token_p50=0.05,
        failed_attempts={"transient": 2, "throttled": 1},
        models={"openai:m": ModelCalls(20, 4.0, 2000, 400, 1000, 0.5)},
        budget={"usd": 2.0, "calls": 40, "tokens": 24_000, "minutes": 10},
    )
    assert told["fresh calls"]["This run"] == "30"
    assert told["fresh calls"]["Snapshot's run"] == "40"
    assert told["fresh calls"]["Of the budget"] == "75% of 40 calls"
    assert told["money"]["This run"] == "at least 0.50 USD"
    assert told["money"]["Of the budget"] == "at least 25% of 2.00 USD"
    assert told["tokens"]["Of the budget"] == "10% of 24,000 tokens"
    assert told["time"]["Of the budget"] == "10% of 10 minutes"
    assert told["failed attempts"]["This run"] == "3 (1 throttled, 2 transient)"
    assert told["call p50"]["This run"] == "200 ms"
    assert told["call's first token p50"]["This run"] == "50 ms"


def test_what_is_not_known_of_the_snapshot_is_no_zero() -> None:
    sample = askacme(40)
    merged = replace(sample.diff.baseline, operations=Operations())  # type: ignore[type-var]
    sample.diff = replace(sample.diff, baseline=merged)
    told = rows_of("Cost and latency", sample.report())
    assert all("Snapshot's run" not in cells for cells in told.values())
    assert "failed attempts" not in told
    assert "call p50" not in told


def test_prices_and_times_are_of_fresh_answers_and_compared_over_the_same_cases() -> None:
    stored = Spent(fresh=False)
    dear = Spent(fresh=True, latency=3.0, first_token=0.5, tokens=200, cost=0.04)
    old = Spent(fresh=True, latency=2.0, first_token=0.25, tokens=100, cost=0.02)
    report = took(old, [dear, stored])
    told = rows_of("Cost and latency", report)
    assert told["cost per answer"]["This run"] == "0.04 USD"
    assert told["cost per answer"]["Snapshot's run"] == "0.02 USD"
    assert told["cost per answer"]["Change"] == "+100%, 20 cases"
    for name, figure in (
        ("latency p50", "3 s"),
        ("latency p95", "3 s"),
        ("first token p50", "0.5 s"),
    ):
        assert told[name]["This run"] == figure
    held = [row for at, row in enumerate(_checks(report)) if at % 2 == 0]
    per_success = 0.04 * len(held) / sum(held)
    assert told["cost per success"]["This run"] == f"{per_success:.3g} USD"
    slices = rows_of("Cost by slice", report)
    assert slices["topic=legal"]["Fresh answers"] == "7"
    assert slices["topic=legal"]["Cost"] == "0.28 USD"
    assert slices["topic=legal"]["Cost per answer"] == "0.02 USD → 0.04 USD"
    assert "topic=policy" not in slices  # all of it came from the store
    whole, *parts = report.costs
    assert (whole.slice, whole.answers, whole.unknown) == ("", 20, 0)
    assert whole.known == pytest.approx(0.8)
    assert sum(each.answers for each in parts if each.slice.startswith("topic=")) == 20


def _checks(report: Report) -> list[float]:
    sample = askacme(40)
    return [row.scores["checks"][0] or 0.0 for row in sample.after.values()]


def test_a_price_that_is_not_known_is_said_wherever_it_counts() -> None:
    known, unknown = Spent(fresh=True, cost=0.5), Spent(fresh=True, latency=1.0)
    report = took(None, [known, unknown], operations=Operations(seconds=1.0, cost=0.0))
    assert rows_of("Cost and latency", report)["money"]["This run"] == "at least 10.00 USD"
    assert rows_of("Cost by slice", report)["kind=ordinary"]["Cost"] == "at least 3.00 USD"
    silent = took(None, [unknown], operations=Operations(seconds=1.0, cost=0.0))
    assert rows_of("Cost and latency", silent)["money"]["This run"] == "cost unknown"
    assert "cost per answer" not in rows_of("Cost and latency", silent)


def test_nothing_fresh_tells_nothing_of_prices_and_times() -> None:
    report = took(None, [Spent()], operations=Operations(seconds=1.0, stored_calls=40, cost=0.0))
    assert "Nothing was asked afresh" in markdown.render(report)
    assert not any(isinstance(each, Table) and "slice" in each.title for each in report.blocks)
    replayed = took(None, [Spent(fresh=True, cost=1.0)], replayed=True)
    assert replayed.costs == ()


def test_who_asked_which_model_is_told_fresh_and_stored_apart() -> None:
    sample = askacme(40)
    parts = {
        "target": {"openai:m": ModelCalls(20, 4.0, 2000, 400, 1000, 0.5, 0, 5)},
        "correct`ness|": {"vllm:x": ModelCalls(10, 2.0, 1000, 200, 0, 0.0, 10)},
        "crossed": {"openai:m": ModelCalls(stored=3)},
    }
    old = {"target": {"openai:m": ModelCalls(40, 4.0, 2000, 400, 0, 0.25)}}
    baseline = replace(sample.diff.baseline, operations=Operations(seconds=1.0, parts=old))  # type: ignore[type-var]
    sample.diff = replace(sample.diff, baseline=baseline)
    sample = sample.with_run(operations=Operations(seconds=1.0, fresh_calls=30, parts=parts))
    told = rows_of("Calls by part and model", sample.report())
    assert next(iter(told)) == "target openai:m"
    target = told["target openai:m"]
    assert (target["Fresh"], target["Stored"], target["Cost"]) == ("20", "5", "0.50 USD")
    assert target["Snapshot's run"] == "0.25 USD for 40 calls"
    assert told["correct`ness| vllm:x"]["Cost"] == "cost unknown"
    assert told["answers to the snapshot's documents openai:m"]["Stored"] == "3"


def test_the_account_is_in_the_json_report_as_its_schema_has_it() -> None:
    spent = Operations(
        cost=None,
        cost_known=0.5,
        failed_attempts={"transient": 2},
        models={"openai:m": ModelCalls(20, 4.0, 2000, 400, 1000, 0.5, 3)},
    )
    made = json.loads(render(askacme(40).with_run(operations=spent).report()))
    schema = json.loads(files("evalsuite.report").joinpath("report.schema.json").read_text("utf-8"))
    jsonschema.validate(made, schema)
    operations = made["run"]["operations"]
    assert (operations["cost"], operations["cost_known"]) == (None, 0.5)
    assert operations["models"]["openai:m"]["unpriced"] == 3
    assert (operations["parts"], operations["budget"], made["costs"][0]["answers"]) == ({}, {}, 0)
    del operations["models"]["openai:m"]["unpriced"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, schema)
