"""What a run cost, as people read it: unknown is never zero."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from report_samples import askacme

from evalsuite.records import ModelCalls, Operations
from evalsuite.report import figures, markdown
from evalsuite.report.json import render


def said(**operations: object) -> str:
    spent = Operations(seconds=60.0, fresh_calls=30, **operations)  # type: ignore[arg-type]
    return markdown.render(askacme(40).with_run(operations=spent).report()).replace("`", "")


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


def test_failed_attempts_a_calls_latency_and_each_model_are_told() -> None:
    text = said(
        cost_known=0.5,
        call_p50=0.2,
        call_p95=1.5,
        first_token_p50=0.05,
        failed_attempts={"transient": 2, "throttled": 1},
        models={
            "openai:m": ModelCalls(20, 4.0, 2000, 400, 1000, 0.5),
            "vllm:x": ModelCalls(10, 2.0, 1000, 200, 0, 0.0, 10),
        },
    )
    assert "at least 0.50 USD" in text
    assert "3 failed attempts (1 throttled, 2 transient)" in text
    assert "p50 200 ms, p95 1.5 s; first token 50 ms" in text
    assert "openai:m 20 fresh calls, 2,000 in, 400 out, 1,000 cached, 0.50 USD" in text
    assert "vllm:x 10 fresh calls, 1,000 in, 200 out, cost unknown" in text


def test_a_run_without_failures_says_nothing_of_them() -> None:
    text = said(cost=0.0)
    assert "failed attempt" not in text
    assert "first token" not in text


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
    del operations["models"]["openai:m"]["unpriced"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, schema)
