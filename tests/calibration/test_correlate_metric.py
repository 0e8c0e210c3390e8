"""`evalsuite correlate --metric`: a metric of ours is asked for a file's rows, and compared."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_server import Chat, chatting
from rag_replies import grounded
from scipy import stats

from evalsuite.cli import main

Run = Callable[..., tuple[int, str, str]]

COUNT = 24
FIELDS = ("--human", "people", "--metric", "judge:groundedness")
MATTER = ("--input", "asked", "--output", "said", "--contexts", "passages")


def judged(prompt: str) -> str:
    """A verdict by a word of the answer."""
    answer = re.findall(r'<data-\w+ name="output"[^>]*>\n(.*?)\n</data-', prompt, re.DOTALL)[0]
    names = re.findall(r'"([\w-]+)"', prompt.rsplit("alone: ", 1)[1].split("\n", maxsplit=1)[0])
    said = "supported" if "well" in answer else "contradicted"
    return json.dumps({name: {"critique": "by a word", "verdict": said} for name in names})


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    with chatting(judged) as chat:
        yield chat


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder with one file: exit status, output and errors."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {
            "asked": f"Which is {n}?",
            "said": f"It is {n}, {'well' if n % 3 else 'badly'} told.",
            "passages": [{"id": "d", "text": f"This is {n}."}, {"id": "e", "text": "More."}],
            "people": n % 4,
        }
        for n in range(COUNT)
    ]
    write(rows)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["correlate", "rows.jsonl", *arguments])
        done = capsys.readouterr()
        return status, done.out, done.err

    return call


def write(rows: list[dict[str, Any]]) -> None:
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("rows.jsonl").read_text().splitlines()]


def test_a_judge_is_asked_for_every_row_and_compared_with_people(run: Run, chat: Chat) -> None:
    args = (*FIELDS, *MATTER, "--backend", f"openai:m@{chat.url}")
    status, out, err = run(*args, "--json")
    assert status == 0, err
    assert f"judge:groundedness: {COUNT} outputs, {COUNT} calls (up to {2 * COUNT}" in err
    assert len(chat.asked) == COUNT
    assert all("This is" in prompt and "Which is" in prompt for prompt in chat.asked)
    found = json.loads(out)
    (one,) = found["correlations"]
    truth = [n % 4 for n in range(COUNT)]
    said = [1.0 if n % 3 else 0.0 for n in range(COUNT)]
    assert one["value"] == "groundedness"
    assert one["spearman"]["value"] == pytest.approx(stats.spearmanr(truth, said).statistic)
    assert found["notes"] == [f"judge:groundedness: {COUNT} calls asked now, 0 from the store"]

    status, out, _ = run(*args)
    assert status == 0
    assert len(chat.asked) == COUNT, "what was answered is paid for once"
    assert f"0 calls asked now, {COUNT} from the store" in out
    assert f"{one['spearman']['value']:.3f}" in out


def test_a_moved_row_is_the_same_call_and_a_changed_one_is_not(run: Run, chat: Chat) -> None:
    args = (*FIELDS, *MATTER, "--backend", f"openai:m@{chat.url}")
    assert run(*args)[0] == 0
    moved = rows()[::-1]
    moved[3]["said"] += " Really."
    write(moved)
    assert f"1 call asked now, {COUNT - 1} from the store" in run(*args)[1]


def test_what_has_no_value_is_counted_with_its_reason(run: Run, chat: Chat) -> None:
    given = rows()
    given[0]["said"] = None
    given[1]["passages"] = []
    write(given)
    chat.answer = lambda prompt: 400 if "It is 2," in prompt else judged(prompt)
    status, out, _ = run(*FIELDS, *MATTER, "--backend", f"openai:m@{chat.url}")
    assert status == 0
    assert "judge:groundedness: 1 row has no output" in out
    assert "groundedness: not scored: 1 output: no reply: " in out
    assert "groundedness: not scored: 1 output: groundedness needs contexts" in out
    assert re.search(rf"people +groundedness +all +{COUNT - 3} ", out)
    assert "left out: people beside groundedness: 3 outputs have no value" in out


@pytest.mark.parametrize(
    ("metric", "option", "said"),
    [
        ("faithfulness", "contexts", "gave no value: no contexts: the output has none"),
        ("judge:groundedness", "contexts", "gave no value: groundedness needs contexts"),
        ("judge:correctness", "reference", "judge correctness needs expected answers"),
        ("context_recall", "reference", "rag context_recall needs a reference answer"),
    ],
)
def test_the_option_that_was_not_given_is_named_with_what_lacks(
    run: Run, metric: str, option: str, said: str
) -> None:
    args = ("--human", "people", "--metric", metric, *MATTER[:4], "--backend", "embedded")
    status, _, err = run(*args)
    assert status == 2
    assert said in err
    assert f"(name their field by --{option} FIELD)" in err


def test_the_option_is_named_where_one_of_several_metrics_lacks_it(run: Run) -> None:
    args = ("--human", "people", "--metric", "triad", *MATTER[:4], "--backend", "embedded")
    status, out, err = run(*args)
    assert status == 0, err
    assert f"{COUNT} outputs: no contexts: the output has none (name their field by --con" in out
    given = rows()
    given[0]["passages"] = []
    write(given)
    named = run("--human", "people", "--metric", "triad", *MATTER, "--backend", "embedded")[1]
    assert "1 output: no contexts: the output has none\n" in named


def test_the_embedded_model_needs_no_key(run: Run) -> None:
    status, out, _ = run(*FIELDS, *MATTER, "--backend", "embedded")
    assert status == 0, out
    assert re.search(rf"people +groundedness +all +{COUNT} ", out)


def test_refusals_are_rated_of_rows_as_of_unanswerable_cases(run: Run) -> None:
    given = [
        {**row, "said": "I don't have that." if n % 2 else row["said"], "people": n % 2}
        for n, row in enumerate(rows())
    ]
    write(given)
    args = ("--metric", "unanswerable_refusal", *MATTER, "--backend", "embedded", "--json")
    status, out, err = run("--human", "people", *args)
    assert status == 0, err
    (one,) = json.loads(out)["correlations"]
    assert (one["n"], one["pearson"]["value"]) == (COUNT, pytest.approx(1.0))


def test_a_metric_that_compares_vectors_asks_for_them(run: Run) -> None:
    given = [
        {**row, "right": row["said"] if n % 2 else "Never.", "people": n % 2}
        for n, row in enumerate(rows())
    ]
    write(given)
    args = ("--metric", "similarity", "--reference", "right", *MATTER)
    status, out, err = run("--human", "people", *args, "--backend", "embedded", "--json")
    assert status == 0, err
    (one,) = json.loads(out)["correlations"]
    assert (one["value"], one["n"]) == ("similarity", COUNT)
    assert one["pearson"]["value"] > 0.95


def test_interrupted_it_goes_on_where_it_was(run: Run, chat: Chat) -> None:
    def slow(prompt: str) -> str:
        time.sleep(0.1)
        return judged(prompt)

    chat.answer = slow
    Path("evalsuite.toml").write_text("concurrency = 2\n")
    args = ["rows.jsonl", *FIELDS, *MATTER, "--backend", f"openai:m@{chat.url}"]
    command = [sys.executable, "-m", "evalsuite", "correlate", *args]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    while len(chat.asked) < 6 and started.poll() is None:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    out, _ = started.communicate(timeout=60)
    assert started.returncode == 130, out
    kept = int(re.search(r"interrupted: (\d+) repl", out)[1])  # type: ignore[index]
    assert kept >= 3
    chat.answer = judged
    _, out, _ = run(*args[1:])
    found = re.search(r"(\d+) calls? asked now, (\d+) from the store", out)
    assert found is not None
    assert int(found[1]) + int(found[2]) == COUNT
    assert int(found[2]) >= kept


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("--metric", "judge:none", *MATTER), 2, "no judge 'none' in"),
        (("--metric", "jugde:tone", *MATTER), 4, 'did you mean "judge"?'),
        (("--metric", "judge:preference", *MATTER), 4, "it compares two outputs"),
        (("--metric", "ragas:no metric", *MATTER), 2, "the name of a metric is a word"),
        (("--metric", "similarity", *MATTER), 2, "needs a reference answer"),
        (("--metric", "judge:tone"), 4, "--metric needs --output FIELD"),
        (("--metric", "judge:tone", "--output", "sayd"), 2, 'did you mean "said"?'),
        (("--metric", "judge:tone", "--output", "people"), 2, "people: must be text, not 0"),
        (
            ("--metric", "judge:tone", "--output", "said", "--contexts", "people"),
            2,
            "rows.jsonl:1: people: must be a list, not 0",
        ),
    ],
)
def test_what_can_not_be_asked_is_said_before_a_call(
    run: Run, chat: Chat, args: tuple[str, ...], status: int, said: str
) -> None:
    found, out, err = run("--human", "people", *args, "--backend", f"openai:m@{chat.url}")
    assert (found, said in out + err) == (status, True), out + err
    assert chat.asked == []


def test_a_context_that_has_no_text_is_named(run: Run) -> None:
    given = rows()
    given[2]["passages"][1] = {"id": "e", "body": 3}
    write(given)
    status, _, err = run(*FIELDS, *MATTER)
    assert status == 2
    assert "rows.jsonl:3: passages[1]: is no context (write it as text, or as an object" in err


def told(rows_: int = 20) -> list[dict[str, Any]]:
    """Answers of four sentences, n % 5 of which their passages hold."""
    made = []
    for n in range(rows_):
        facts = [f"Fact {n} number {part} holds." for part in range(4)]
        text = " ".join([*facts[: n % 5], "Nothing else."])
        made.append({"asked": "What?", "said": " ".join(facts), "passages": text, "people": n % 5})
    return made


def test_a_rag_metric_gives_each_row_its_share_of_supported_claims(run: Run, chat: Chat) -> None:
    chat.answer = grounded
    write(told())
    args = (*MATTER, "--backend", f"openai:m@{chat.url}", "--by", "people")
    status, out, err = run("--human", "people", "--metric", "faithfulness", *args, "--json")
    assert status == 0, err
    assert "faithfulness: 20 outputs, 20 calls" in err
    whole, *groups = json.loads(out)["correlations"]
    assert whole["value"] == "faithfulness"
    assert whole["pearson"]["value"] == pytest.approx(1.0)
    why = {each["slice"]["people"]: each["undefined"] for each in groups}
    for n in range(5):
        assert f"faithfulness is constant ({n / 4:g})" in why[str(n)]


def test_the_triad_is_three_columns_of_one_call(run: Run, chat: Chat) -> None:
    chat.answer = grounded
    write(told())
    args = (*MATTER, "--backend", f"openai:m@{chat.url}", "--json")
    status, out, err = run("--human", "people", "--metric", "triad", *args)
    assert status == 0, err
    assert len(chat.asked) == 20
    names = [each["value"] for each in json.loads(out)["correlations"]]
    assert names == ["faithfulness", "answer_relevancy", "context_relevance"]


def test_what_a_rag_metric_lacks_is_said_before_a_call(run: Run, chat: Chat) -> None:
    args = (*MATTER, "--backend", f"openai:m@{chat.url}")
    status, _, err = run("--human", "people", "--metric", "context_recall", *args)
    assert (status, "needs a reference answer, and no case has one" in err) == (2, True)
    status, _, err = run("--human", "people", "--metric", "faithfulnes", *args)
    assert (status, 'did you mean "faithfulness"?' in err) == (4, True)
    assert chat.asked == []
