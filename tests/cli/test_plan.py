"""What the next run takes, told before it is paid."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from stored_runs import many, repository, run_of, store_run, store_snapshot

from evalsuite.cli import main
from evalsuite.config import Config
from evalsuite.records import ModelCalls, Operations
from evalsuite.runner.forecast import Forecast, basis, beforehand, forecast
from evalsuite.snapshot import write

TWO_CALLS = Operations(
    fresh_calls=20,
    input_tokens=2000,
    output_tokens=1000,
    cost=0.05,
    models={
        "openai:m": ModelCalls(10, 5.0, 1000, 500, 0, 0.02),
        "anthropic:j": ModelCalls(10, 15.0, 1000, 500, 0, 0.03),
    },
)
"""Ten cases, each with a call of 0.5 s to one model and of 1.5 s to another."""


def told(root: Path, answers: int = 1000, **settings: Any) -> Forecast:
    known = basis(Config(root=root), "askacme")
    assert known is not None
    return forecast(known, answers, Config(root=root, **settings))


def measured(root: Path, **operations: Any) -> Path:
    fields = {name: getattr(TWO_CALLS, name) for name in TWO_CALLS.__slots__}
    return store_run(root, many(10), run="r1", operations=Operations(**{**fields, **operations}))


def test_calls_tokens_and_money_grow_with_the_answers(tmp_path: Path) -> None:
    measured(tmp_path)
    made = told(tmp_path)
    assert (made.calls, made.tokens, made.known, made.sample) == (2000, 300_000, "r1", 10)
    assert made.usd == pytest.approx(5.0)


def test_time_is_that_of_the_busiest_model_and_of_one_case_to_its_end(tmp_path: Path) -> None:
    measured(tmp_path)
    assert told(tmp_path).seconds == pytest.approx(1000 * 1.5 / 20 + 2.0)
    assert told(tmp_path, concurrency=50).seconds == pytest.approx(1000 * 1.5 / 50 + 2.0)


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ({"openai": {"requests_per_minute": 300}}, 200),
        ({"openai:m": {"requests_per_minute": 300}}, 200),
        ({"anthropic": {"tokens_per_minute": 15_000}}, 600),
        ({"anthropic:j": {"concurrency": 5}}, 300),
        ({"anthropic": {"concurrency": 5}, "anthropic:j": {"concurrency": 10}}, 150),
        ({"other": {"requests_per_minute": 1}}, 75),
    ],
)
def test_limits_of_the_settings_take_their_time(
    tmp_path: Path, limits: Mapping[str, Mapping[str, float]], seconds: float
) -> None:
    measured(tmp_path)
    assert told(tmp_path, limits=limits).seconds == pytest.approx(seconds + 2.0)


def test_a_targets_own_work_takes_its_time(tmp_path: Path) -> None:
    measured(tmp_path, latency_p50=4.0)
    assert told(tmp_path).seconds == pytest.approx(1000 * 4.0 / 20 + 2.0)


def test_one_unknown_price_makes_the_money_unknown(tmp_path: Path) -> None:
    models = {**TWO_CALLS.models, "vllm:x": ModelCalls(10, 1.0, 0, 0, 0, 0.0, 10)}
    measured(tmp_path, fresh_calls=30, models=models)
    assert told(tmp_path).usd is None


def test_a_run_that_the_store_answered_tells_nothing_and_an_older_one_does(tmp_path: Path) -> None:
    measured(tmp_path)
    created = "2026-02-01T00:00:00+00:00"
    stored = Operations(stored_calls=20)
    store_run(tmp_path, many(10), run="r2", created=created, operations=stored)
    assert told(tmp_path).known == "r1"


def test_a_snapshot_tells_where_no_run_is_left(tmp_path: Path) -> None:
    repository(tmp_path)
    store_snapshot(tmp_path, many(10), run="r0", operations=TWO_CALLS)
    assert told(tmp_path).known == "r0"


def test_nothing_is_told_where_no_run_called_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store_run(tmp_path, many(10), run="r1")
    monkeypatch.chdir(tmp_path)
    assert basis(Config(root=tmp_path), "askacme") is None
    assert main(["plan", "askacme"]) == 0
    assert "evalsuite plan askacme --measure 5" in capsys.readouterr().out
    assert beforehand([]) == []


def test_plan_counts_the_cases_that_are_there_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured(tmp_path)
    (tmp_path / "golden/askacme").mkdir(parents=True)
    lines = "".join(json.dumps({"input": f"word {each}"}) + "\n" for each in range(40))
    (tmp_path / "golden/askacme/cases.jsonl").write_text(lines)
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "askacme", "--trials", "3"]) == 0
    said = capsys.readouterr().out
    assert "40 cases, 3 trials each" in said
    assert "240 at most" in said
    assert "36,000" in said
    assert "0.60 USD" in said


def test_without_a_suite_each_of_the_last_run_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured(tmp_path)
    run, outputs = run_of(many(4), suite="other", operations=TWO_CALLS)
    write(tmp_path / ".evalsuite/runs/r1/other", run, outputs)
    monkeypatch.chdir(tmp_path)
    assert main(["plan"]) == 0
    said = capsys.readouterr().out
    assert said.index("askacme, run r1: 10 cases") < said.index("other, run r1: 4 cases")
    assert said.count("at most") == 2


def golden_words(root: Path, count: int) -> None:
    (root / "golden/askacme").mkdir(parents=True)
    lines = (
        json.dumps({"input": f"word {each}", "slices": {"topic": "ab"[each % 40 == 0]}}) + "\n"
        for each in range(count)
    )
    (root / "golden/askacme/cases.jsonl").write_text("".join(lines))


def test_a_suite_without_a_run_is_planned_from_its_golden_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path)
    golden_words(tmp_path, 80)
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "askacme"]) == 0
    said = capsys.readouterr().out
    assert "askacme has no run yet" in said
    assert "80 cases, 1 trial each" in said
    assert re.search(r"checks +80 +\d+\.\d points +5 points: about \d+ cases", said)
    assert "Slices of fewer than 10 cases have no gate: topic=b (2)" in said

    assert main(["plan", "askacme", "--trials", "5"]) == 0
    more = capsys.readouterr().out
    assert "80 cases, 5 trials each" in more
    seen = [float(re.search(r"checks +80 +(\S+) points", each)[1]) for each in (said, more)]  # type: ignore[index]
    assert seen[1] < seen[0]


def test_a_suite_without_a_run_or_golden_cases_can_not_be_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "askacme"]) != 0
    said = capsys.readouterr().err
    assert "no run is here" in said
    assert "pytest --evals" in said


@pytest.mark.parametrize(
    "options",
    [
        ["askacme", "--trials", "0"],
        ["askacme", "--measure", "-1"],
        ["--measure", "5"],
        ["askacme", "--measure", "x"],
    ],
)
def test_options_of_plan_that_can_not_be_used(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["plan", *options]) == 4


# --measure, with a real run against a real server.

SUITE = """
import evalsuite as ev

async def graded(case, output, llm):
    return 1.0 if (await llm.chat("judge " + output.text)).text else 0.0

@ev.suite(golden="words", scorers=[graded])
async def words(case, llm):
    return (await llm.chat(case.input)).text
"""


@contextmanager
def chat_server() -> Iterator[tuple[str, Counter[str]]]:
    """Its URL, and how often each prompt came."""
    asked: Counter[str] = Counter()

    class Chat(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            prompt = body["messages"][0]["content"]
            asked[prompt] += 1
            message = {"role": "assistant", "content": f"word: {prompt}"}
            reply = {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": "served",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 30, "completion_tokens": 20},
            }
            data = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Chat) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def asked(project: Any) -> Iterator[Counter[str]]:
    """A project whose cases have two calls each, and what its server was asked."""
    pytest.importorskip("openai")
    with chat_server() as (url, asked):
        project.write(
            "pyproject.toml",
            f'[tool.evalsuite]\nbackends = {{ default = "openai:m@{url}" }}\n'
            '[tool.evalsuite.prices."openai:m"]\ninput = 10.0\noutput = 10.0\n',
        )
        project.write("test_words.py", SUITE)
        project.cases(project.many(12))
        yield asked


def test_a_sample_is_measured_and_its_replies_are_not_paid_again(
    project: Any, asked: Counter[str]
) -> None:
    done = project.evalsuite("plan", "words", "--measure", "3")
    assert done.ret == 0, done.stderr.str()
    assert asked.total() == 6
    said = done.stdout.str()
    assert "12 cases, 1 trial each" in said
    assert "24 at most" in said
    assert "0.01 USD" in said
    assert "From 3 answers" in said

    done = project.evalsuite("plan", "words", "--measure", "3")
    assert asked.total() == 6  # the same sample
    assert "24 at most" in done.stdout.str()

    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert "at most 24 calls, 0.01 USD, about " in done.stdout.str()
    assert len(asked) == 24
    assert set(asked.values()) == {1}
    assert "From 12 answers" in project.evalsuite("plan", "words").stdout.str()


def test_a_sample_of_the_embedded_model_tells_its_calls_too(project: Any) -> None:
    project.write("test_words.py", SUITE)
    project.cases(project.many(12))
    done = project.evalsuite("plan", "words", "--measure", "3")
    assert done.ret == 0, done.stderr.str()
    assert "12 cases, 1 trial each" in done.stdout.str()
    assert "24 at most" in done.stdout.str()
    assert "0.00 USD" in done.stdout.str()
    assert project.run_apart().ret == 0
    spent = project.manifest()["operations"]
    assert spent["fresh_calls"] + spent["stored_calls"] == 24


def test_a_sample_of_a_suite_that_is_not_there_is_an_error(project: Any) -> None:
    project.suite()
    project.cases(project.many(2))
    done = project.evalsuite("plan", "wrods", "--measure", "3")
    assert done.ret == 2
    assert "no case of a suite 'wrods'" in done.stderr.str()


def test_a_sample_that_can_not_run_says_what_pytest_says(project: Any) -> None:
    project.write("test_words.py", "import not_there\n")
    done = project.evalsuite("plan", "words", "--measure", "3")
    assert done.ret == 2
    assert "not_there" in done.stderr.str()
    assert "Traceback" not in done.stderr.str().splitlines()[0]
