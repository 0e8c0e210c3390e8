"""Suites that call a model: seeds, the store, replay, and a provider over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("pytest_httpserver", reason="not installed with the oldest pytest")

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

SUITE = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    return (await llm.chat(case.input)).text
"""


def reply(request: Request) -> Response:
    body = json.loads(request.data)
    text = "word: " + body["messages"][0]["content"]
    message = {"role": "assistant", "content": text}
    answer = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "served-model",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
    return Response(json.dumps(answer), content_type="application/json")


@pytest.fixture
def provider(httpserver: HTTPServer, project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server that speaks the chat API, and a suite that calls a model."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(reply)
    project.write("test_words.py", SUITE)
    project.cases(project.many(6))
    project.spec = f"--evals-backend=openai:some-model@{httpserver.url_for('/v1')}"
    project.server = httpserver
    return project


def calls(provider: Any) -> int:
    """Paid requests: that for the model's name, before the first of them, is none."""
    return len([sent for sent, _ in provider.server.log if sent.method == "POST"])


def test_the_same_suite_runs_on_a_real_provider_by_one_option(provider: Any) -> None:
    done = provider.run_apart(provider.spec)
    assert done.ret == 0, done.stdout.str()
    assert calls(provider) == 6
    manifest = provider.manifest()
    assert manifest["operations"]["fresh_calls"] == 6
    assert manifest["operations"]["input_tokens"] == 42
    assert manifest["operations"]["cost"] is None  # unknown is not zero


def test_its_calls_are_answered_from_the_store_when_the_target_changes(provider: Any) -> None:
    provider.run_apart(provider.spec)
    provider.write("test_words.py", SUITE + "\n# changed\n")
    provider.run_apart(provider.spec)
    assert calls(provider) == 6
    assert provider.manifest()["operations"]["stored_calls"] == 6


def test_a_provider_that_fails_is_an_error_and_never_a_score(provider: Any) -> None:
    provider.server.clear()
    provider.server.expect_request("/v1/chat/completions").respond_with_data("no", status=400)
    done = provider.run_apart(provider.spec)
    assert done.ret == 10  # nothing was scored
    row = provider.rows()["c000"]
    assert row["scores"] == {"checks": [None], "completion": [None]}
    assert row["errors"][0].startswith("provider: ")
    everything = done.stdout.str() + json.dumps(provider.rows()) + json.dumps(provider.report())
    assert "canary-key" not in everything


def test_replay_only_answers_without_a_key_and_without_a_call(
    provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.run_apart(provider.spec)
    monkeypatch.delenv("OPENAI_API_KEY")
    done = provider.run_apart(provider.spec, "--evals-replay=only")
    assert done.ret == 0, done.stdout.str()
    assert calls(provider) == 6


def test_replay_only_with_a_missing_reply_is_incomparable_and_lists_it(provider: Any) -> None:
    provider.run_apart(provider.spec)
    provider.accept()
    cases = provider.many(6)
    cases[3]["input"] = "another word"
    provider.cases(cases)
    done = provider.run_apart(provider.spec, "--evals-replay=only", "-v")
    assert done.ret == 11
    done.stdout.fnmatch_lines(["*words?c003? MISSING*"])
    assert "c003" in " ".join(provider.manifest()["notes"])
    assert calls(provider) == 6


def test_a_missing_key_is_one_clear_error_before_anything_runs(
    provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    done = provider.run_apart("--evals-backend=openai:some-model")
    assert done.ret == 4
    said = done.stdout.str() + done.stderr.str()
    assert "OPENAI_API_KEY" in said
    assert "Traceback" not in said


def test_equal_seeds_give_equal_answers_and_other_seeds_others(project: Any) -> None:
    project.write(
        "test_words.py",
        SUITE.replace("llm.chat(case.input)", "llm.chat(PROMPT.format(case.input))").replace(
            "@ev.suite",
            'PROMPT = """<document id="a">\\nA word is short. A term is long. A name is fair.\\n'
            '</document>\\nCite the source.\\n\\nQuestion: what is a {}?"""\n\n@ev.suite',
        ),
    )
    project.cases(project.many(30))
    keys = []
    for seed in ("1", "2", "1"):
        project.run_apart("--evals-backend=embedded?noise=0.9", f"--evals-seed={seed}")
        keys.append({name: row["outputs"] for name, row in project.rows().items()})
    assert keys[0] == keys[2]
    assert keys[0] != keys[1]


def test_a_gate_that_can_never_be_decided_is_said_before_the_run(project: Any) -> None:
    project.suite()
    project.cases(project.many(12))
    done = project.run()
    assert "overall has 12 cases, and to rule out a drop of 5 points takes 45" in done.stdout.str()


def test_redacted_outputs_leave_no_words_in_a_snapshot(project: Any) -> None:
    project.write("pyproject.toml", '[tool.evalsuite]\noutputs = "redacted"\n')
    project.suite(text="'word ' + 'private ' + case.input")
    project.cases(project.many(3))
    project.run_apart()
    project.accept()
    kept = "".join(file.read_text() for file in (project.path / "snapshots" / "words").iterdir())
    assert "private" not in kept


def test_a_baseline_that_was_used_here_and_is_gone_is_an_error_without_git_too(
    project: Any,
) -> None:
    project.suite()
    project.cases(project.many(3))
    project.run_apart()
    project.accept()
    assert project.run_apart().ret == 0
    for file in (project.path / "snapshots" / "words").iterdir():
        file.unlink()
    (project.path / "snapshots" / "words").rmdir()
    done = project.run_apart()
    assert done.ret == 2
    assert "Traceback" not in done.stdout.str()


def test_the_command_lines_backend_wins_over_the_suites(project: Any) -> None:
    project.write("test_words.py", SUITE.replace('"words"', '"words", backend="embedded"'))
    project.cases(project.many(2))
    project.run("--evals-backend=embedded?noise=0.5")
    assert project.manifest()["subject"]["models"]["default"]["label"] == "embedded?noise=0.5"
    project.run("--evals-backend=other=embedded?noise=0.5")
    assert project.manifest()["subject"]["models"]["default"]["label"] == "embedded"


def test_an_unknown_model_ends_the_run_with_one_message_before_anything_is_paid(
    provider: Any,
) -> None:
    error = {"message": "The model `some-model` does not exist", "code": "model_not_found"}
    provider.server.expect_request("/v1/models/some-model").respond_with_json(
        {"error": error}, status=404
    )
    done = provider.run_apart(provider.spec)
    assert done.ret == 10, done.stdout.str()
    assert calls(provider) == 0
    assert "model_not_found" in provider.manifest()["stopped"]
    provider.server.clear()
    provider.server.expect_request("/v1/chat/completions").respond_with_handler(reply)
    assert provider.run_apart(provider.spec).ret == 0
    assert calls(provider) == 6
