"""`evalsuite rate`: what is chosen of a run, links, export, and a real server until Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
from rating_samples import CARD, fields_of
from stored_runs import run_of

from evalsuite.calibration.labels import read_items, read_labels
from evalsuite.calibration.splits import split_of
from evalsuite.cli import main
from evalsuite.golden.case import case_key
from evalsuite.rating import serving
from evalsuite.rating.sampling import side_of, unsure
from evalsuite.records import Case, Output, Row
from evalsuite.snapshot import output_key, write

JUDGE = "correctness"


def answer(name: str, text: str) -> Output:
    return Output(text=f"{text} {name}", contexts=["Leave is 16 weeks."])


def case(name: str) -> Case:
    return Case(id=name, input={"question": f"What is {name}?"}, expected="16 weeks")


def store(
    root: Path, count: int, *, text: str = "16 weeks", folder: str = "", metric: str = JUDGE
) -> None:
    """A run whose judge failed every fifth case, disagreed with itself on every seventh, and gave
    no verdict for the first."""
    names = [f"c{number:03}" for number in range(count)]
    golden = root / "golden" / "askacme"
    golden.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"id": name, "input": case(name).input, "expected": "16 weeks"})
        for name in names
    ]
    (golden / "cases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run, _ = run_of(dict.fromkeys(names, ""))
    outputs = {name: answer(name, text) for name in names}
    rows: dict[str, Row] = {}
    for number, name in enumerate(names):
        value = None if number == 0 else 0.0 if number % 5 == 0 else 1.0
        scores = {
            **run.rows[name].scores,
            metric: (value,),
            f"{metric}.agreement": (0.5 if number % 7 == 0 else 1.0,),
        }
        rows[name] = replace(
            run.rows[name],
            case_key=case_key(case(name)),
            scores=scores,
            scorer_keys=dict.fromkeys(scores, "s"),
            outputs=(output_key(outputs[name]),),
            slices={"topic": "leave" if number % 2 else "pay"},
        )
    where = root / (folder or ".evalsuite/runs/r1/askacme")
    stored = [(output_key(each), each) for each in outputs.values()]
    write(where, replace(run, rows=rows), stored)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "pyproject.toml").write_text("[tool.evalsuite]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that are interrupted as soon as they are served."""

    def serve(server: Any, listening: Any, ready: Any) -> None:
        ready()
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "serve", serve)


def rate(*arguments: str) -> int:
    port = [] if "--link" in arguments else ["--port", "0"]
    return main(["rate", JUDGE, *arguments, "--no-open", *port])


def chosen(root: Path, judge: str = JUDGE) -> dict[str, Any]:
    return read_items(root / "judges" / judge)


@pytest.mark.parametrize(
    ("scores", "uncertain", "side"),
    [
        ({}, False, "between"),
        ({JUDGE: (None,)}, True, "between"),
        ({JUDGE: (1.0,)}, False, "high"),
        ({JUDGE: (0.0,), f"{JUDGE}.agreement": (1.0,)}, False, "low"),
        ({JUDGE: (1.0,), f"{JUDGE}.agreement": (0.67,)}, True, "high"),
        ({JUDGE: (0.5,), f"{JUDGE}.consistent": (0.0,)}, True, "between"),
        ({JUDGE: (0.5,), f"{JUDGE}.consistent": (1.0,)}, False, "between"),
    ],
)
def test_the_judge_is_unsure_without_a_verdict_or_where_its_orders_or_votes_disagree(
    scores: dict[str, Any], uncertain: bool, side: str
) -> None:
    row = Row("c", "k", {}, scores)
    assert unsure(CARD, row) is uncertain
    assert side_of(scores.get(JUDGE, (None,))[0]) == side


@pytest.mark.usefixtures("brief")
def test_outputs_are_rated_for_a_metric_by_its_value(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(root, 60, metric="faithfulness")
    arguments = ["--from-run", "last", "-n", "20", "--no-open", "--port", "0"]
    assert main(["rate", "faithfulness", *arguments]) == 0
    assert "20 items added of 60 cases of run r1; 20 in all" in capsys.readouterr().out
    said = Counter(x.judged["faithfulness"] for x in chosen(root, "faithfulness").values())
    assert {"none", "all"} <= said.keys()
    assert not (root / "judges" / "faithfulness" / "judge.md").exists()


@pytest.mark.usefixtures("brief")
def test_items_are_chosen_of_a_run_by_what_its_judge_said(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(root, 200)
    assert rate("--from-run", "last", "-n", "40") == 0
    assert "40 items added of 200 cases of run r1; 40 in all" in capsys.readouterr().out
    items = chosen(root)
    said = Counter(each.judged[JUDGE] for each in items.values())
    assert abs(said["wrong"] - said["right"]) <= 2
    one = next(iter(items.values()))
    assert one.subject.expected == "16 weeks"
    assert one.subject.contexts[0].text == "Leave is 16 weeks."
    assert one.subject.input == case(one.case).input
    assert one.run == "r1"
    passed = [each.weight for each in items.values() if each.judged[JUDGE] == "right"]
    failed = [each.weight for each in items.values() if each.judged[JUDGE] == "wrong"]
    assert min(passed) > 3 * min(failed)


@pytest.mark.usefixtures("brief")
def test_what_is_there_counts_and_only_what_is_missing_is_added(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(root, 200)
    rate("--from-run", "last", "-n", "40")
    first = chosen(root)
    rate("--from-run", "r1", "-n", "40")
    assert chosen(root) == first
    rate("--from-run", "r1", "-n", "60")
    assert first.keys() < chosen(root).keys()
    assert 55 <= len(chosen(root)) <= 65
    assert "0 items added" in capsys.readouterr().out


@pytest.mark.usefixtures("brief")
def test_without_a_number_there_are_enough_for_the_next_certificate(root: Path) -> None:
    store(root, 300)
    rate("--from-run", "last")
    assert len(chosen(root)) == 80
    assert sum(split_of(each) == "test" for each in chosen(root).values()) >= 50


@pytest.mark.usefixtures("brief")
def test_pairs_are_both_answers_of_cases_that_differ(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(root, 90)
    store(root, 90, text="12 weeks", folder="snapshots/askacme")
    assert rate("--from-run", "last", "--pairs") == 0
    items = list(chosen(root).values())
    assert len(items) == 80
    by_case: dict[str, set[str]] = {}
    for each in items:
        by_case.setdefault(each.case, set()).add(each.arm)
    assert len(by_case) == 40
    assert set(map(frozenset, by_case.values())) == {frozenset({"candidate", "baseline"})}
    assert {each.subject.output[:2] for each in items if each.arm == "baseline"} == {"12"}
    assert "of 90 cases whose answers differ" in capsys.readouterr().out


@pytest.mark.usefixtures("brief")
def test_a_pairwise_judges_items_hold_both_answers(root: Path) -> None:
    store(root, 30, metric="preference")
    store(root, 30, text="12 weeks", folder="snapshots/askacme")
    assert main(["rate", "preference", "--from-run", "last", "--no-open", "--port", "0"]) == 0
    items = chosen(root, "preference")
    assert len(items) == 30
    for each in items.values():
        assert each.subject.output.startswith("16")
        assert str(each.subject.other).startswith("12")
        assert each.other_key
    (root / "judges" / "correctness").mkdir()
    for name in ("items.jsonl",):
        source = root / "judges" / "preference" / name
        (root / "judges" / "correctness" / name).write_bytes(source.read_bytes())
    assert rate() == 4


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 4, "no items to rate"),
        (("--from-run", "r9"), 4, "no run 'r9'"),
        (("--from-run", "last", "--pairs"), 4, "pairs need the answers of a baseline"),
        (("--from-run", "last", "--pairs"), 4, 'accept --from-run last --reason "first baseline"'),
        (("-n", "5"), 4, "name it by --from-run"),
        (("--from-run", "last", "-n", "0"), 4, "-n must be"),
        (("--overlap", "1.5"), 4, "--overlap must be a share"),
        (("--from-run", "last", "--raters", "r1,,r2"), 4, "'' is no name: 1 to 40 letters"),
        (("--from-run", "last", "--raters", "a b,../x"), 4, "'a b' is no name"),
        (("--from-run", "last", "--raters", "../x"), 4, "'../x' is no name"),
        (("--from-run", "last", "--raters", "r" * 41), 4, "is no name"),
        (("--from-run", "last", "--raters", "r1,r1"), 4, "is there twice"),
        (("--from-run", "last", "--raters", "lead"), 4, "no name of a rater"),
        (("--export",), 4, "no rating session"),
        (("--link", "r1"), 4, "no rating session"),
    ],
)
def test_what_can_not_be_done_is_said(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    store(root, 10)
    assert rate(*arguments) == status
    assert said in capsys.readouterr().err
    assert not (root / "judges").exists(), "nothing is written before"


def test_a_port_in_use_is_said_before_items_are_written(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(root, 10)
    with serving.listen(0) as taken:
        port = str(taken.getsockname()[1])
        assert main(["rate", JUDGE, "--from-run", "last", "--no-open", "--port", port]) == 4
    assert f"port {port} can't be used" in capsys.readouterr().err
    assert not (root / "judges").exists()


@pytest.mark.usefixtures("brief")
def test_one_is_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(root, 1)
    assert rate("--from-run", "last") == 0
    printed = capsys.readouterr().out
    assert "1 item added of 1 case of run r1; 1 in all" in printed
    assert "correctness: 1 item; links" in printed


@pytest.mark.usefixtures("brief")
def test_a_run_without_its_questions_or_answers_has_nothing_to_rate(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(root, 10)
    cases = root / "golden" / "askacme" / "cases.jsonl"
    cases.write_text('{"id": "c001", "input": "something else"}\n', encoding="utf-8")
    assert rate("--from-run", "last") == 4
    assert "no case of golden/askacme is what was run" in capsys.readouterr().err


@pytest.mark.usefixtures("brief")
def test_a_card_that_is_not_there_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rate", "corectness", "--no-open"]) == 2
    assert 'did you mean "correctness"' in capsys.readouterr().err


def test_being_told_to_stop_exports_too(root: Path) -> None:
    store(root, 30)
    process, _ = start(root, "--from-run", "last", "-n", "5", "--raters", "r1")
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "labels.jsonl holds all labels" in rest


@pytest.mark.usefixtures("brief")
def test_one_link_for_each_rater_and_the_lead(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(root, 30)
    assert rate("--from-run", "last", "--raters", "r1,r2") == 0
    printed = capsys.readouterr().out
    assert re.findall(
        r"^  (\w+) +http://127\.0\.0\.1:\d+/join/\S{40,}$", printed, re.MULTILINE
    ) == [
        "r1",
        "r2",
        "lead",
    ]
    port = re.findall(r"127\.0\.0\.1:(\d+)/", printed)[0]
    assert rate("--link", "r1") == 0
    assert capsys.readouterr().out.startswith(f"http://127.0.0.1:{port}/join/")
    assert rate("--link", "lead", "--port", "9000") == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:9000/join/")
    assert rate("--link", "zoe") == 4
    assert rate("--revoke", "r1") == 0
    assert rate("--export") == 0
    assert "holds all labels" in capsys.readouterr().out


def start(root: Path, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """A real server in a process of its own, and its links."""
    command = [sys.executable, "-m", "evalsuite", "rate", JUDGE, "--no-open", "--port", "0"]
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    links: dict[str, str] = {}
    assert process.stdout is not None
    for line in process.stdout:
        found = re.match(r"  (\S+) +(http\S+)$", line)
        if found:
            links[found[1]] = found[2]
        if line.startswith("Ctrl-C"):
            return process, links
    raise AssertionError("it did not start")


def test_a_real_server_rates_exports_beside_and_exports_at_the_end(root: Path) -> None:
    store(root, 30)
    process, links = start(root, "--from-run", "last", "-n", "12", "--raters", "r1")
    try:
        port = int(links["r1"].split(":")[2].split("/")[0])
        browser = build_opener(HTTPCookieProcessor())
        with browser.open(links["r1"]) as answer:
            assert answer.url.endswith("/start/rate")
        base = f"http://127.0.0.1:{port}"

        def save() -> None:
            with browser.open(f"{base}/rate") as answer:
                form = {**fields_of(answer.read().decode(), "/rate"), "v0": "right"}
            from urllib.parse import urlencode

            data = urlencode(form).encode()
            with browser.open(Request(f"{base}/rate", data, {"Origin": base})) as answer:
                assert answer.status == 200

        save()
        save()
        with pytest.raises(HTTPError) as wrong:
            browser.open(Request(f"{base}/rate", b"v0=right", {"Origin": "http://evil.example"}))
        wrong.value.close()
        assert wrong.value.code == 403
        second = subprocess.run(
            [sys.executable, "-m", "evalsuite", "rate", JUDGE, "--no-open", "--port", "0"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 4
        where = f"is being served already (port {port}, process {process.pid}): end it"
        assert where in second.stderr
        assert "evalsuite rate correctness --link RATER" in second.stderr
        assert main(["rate", JUDGE, "--export"]) == 0
        assert len(read_labels(root / "judges" / JUDGE)) == 2
        save()
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "1 new rating in judges/correctness/labels.jsonl" in rest
    assert "next: evalsuite judge calibrate correctness --certify" in rest
    labels = read_labels(root / "judges" / JUDGE)
    assert [label.value for label in labels] == ["right"] * 3
    assert len({label.item for label in labels}) == 3
    token = links["r1"].rpartition("/")[2]
    assert token not in rest


def test_without_the_extra_the_command_names_it(root: Path) -> None:
    code = "import sys; sys.modules['starlette'] = None; from evalsuite.cli import main; "
    done = subprocess.run(
        [sys.executable, "-c", code + "sys.exit(main(['rate', 'correctness']))"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "pip install 'evalsuite[rating]'" in done.stderr


def test_the_server_is_reachable_from_this_machine_alone() -> None:
    with serving.listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        taken = listening.getsockname()[1]
        from evalsuite.errors import OptionError

        with pytest.raises(OptionError, match="can't be used"):
            serving.listen(taken)
