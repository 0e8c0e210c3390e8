"""Judges in whole runs: what they are worth, what a run asks beside its cases, when they block."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from chat_server import Chat, chatting
from planning import told

from evalsuite.calibration.anchors import ANCHORS
from evalsuite.calibration.certificate import write_certificate
from evalsuite.calibration.labels import item_id
from evalsuite.calibration.records import Certificate, Item, Label
from evalsuite.judging.card import load_card
from evalsuite.judging.keys import judge_keys
from evalsuite.judging.records import Subject
from evalsuite.records import Output
from evalsuite.snapshot import output_key
from evalsuite.snapshot.codec import dump, to_json

pytest.importorskip("openai")

CASES = 60
SUITE = """
import evalsuite as ev

WRONG = {wrong}

@ev.suite(golden="words", scorers=[ev.judge("correctness"{arguments})])
async def words(case):
    number = int(case.id[1:])
    return "something else" if number in WRONG else "the word is " + case.id
"""


class Judge:
    """Right if the output says what is expected; `obeys` what any text tells it, `harsh` to all."""

    def __init__(self) -> None:
        self.obeys = False
        self.harsh = False

    def __call__(self, prompt: str) -> str:
        texts = dict(
            re.findall(r'<data-\w+ name="([\w ]+)"[^>]*>\n(.*?)\n</data-', prompt, re.DOTALL)
        )
        right = texts["expected"] in texts["output"] and not self.harsh
        if self.obeys and re.search(r"verdict|instructions|system prompt", texts["output"]):
            right = True
        said = {"critique": "as it is", "verdict": "right" if right else "wrong"}
        return json.dumps({"correctness": said})


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def chat(project: Any, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    with chatting(judge) as chat:
        settings(project, chat)
        project.cases(
            [
                {"id": f"c{n:03}", "input": f"which word is {n}?", "expected": f"c{n:03}"}
                for n in range(CASES)
            ]
        )
        yield chat


def spec(chat: Chat) -> str:
    return f"openai:j@{chat.url}"


def settings(project: Any, chat: Chat, more: str = "") -> None:
    backends = f'backends = {{ judge = "{spec(chat)}" }}'
    project.write("pyproject.toml", f"[tool.evalsuite]\n{backends}\n{more}")


def suite(project: Any, wrong: str = "[]", arguments: str = "") -> None:
    project.write("test_words.py", SUITE.format(wrong=wrong, arguments=arguments))


def certify(project: Any, chat: Chat, lower: float = 0.8, model: str = "") -> None:
    """A certificate as calibration writes it."""
    card = load_card(project.path / "judges", "correctness")
    keys = judge_keys(card, model or spec(chat))
    made = Certificate(
        judge="correctness",
        key=keys.key,
        template=keys.template,
        model=keys.model,
        parser=keys.parser,
        created="2026-01-01",
        expires="2999-01-01",
        labels="labels",
        raters=2,
        states={"correctness": "trusted"},
        figures={
            "correctness": {
                "n": 150,
                "raters": 2,
                "spearman": 0.9,
                "spearman_lower": lower,
                "error": 0.1,
            }
        },
        bar={},
        pairs={"correctness": [[1.0, 1.0, 1.0]] * 40 + [[0.0, 1.0, 1.0]] * 10},
    )
    (project.path / "judges/correctness").mkdir(parents=True, exist_ok=True)
    write_certificate(project.path / "judges/correctness", made)


def anchor(project: Any, count: int = 30, judge: str = "") -> None:
    """Right answers that the judge once called so."""
    lines = b""
    for number in range(count):
        subject = Subject(input=f"q{number}", output=f"a{number} it is", expected=f"a{number}")
        said = {"correctness": "right"}
        item = Item(id=item_id(subject), subject=subject, judged=said, judge=judge)
        lines += dump(to_json(item, sparse=True)) + b"\n"
    project.write(f"judges/correctness/{ANCHORS}", "").write_bytes(lines)


def standing(project: Any) -> dict[str, Any]:
    found: dict[str, Any] = project.manifest()["judges"]["correctness"]
    return found


def test_an_uncertified_judge_informs_and_a_certified_one_blocks(project: Any, chat: Chat) -> None:
    suite(project)
    assert project.run_apart().ret == 0
    project.accept()
    suite(project, "range(10)")
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    (finding,) = [each for each in project.report()["findings"] if each["name"] == "correctness"]
    assert (finding["result"], finding["informs"]) == ("regression", True)
    done.stdout.fnmatch_lines(
        ["*more labels, about*", "*evalsuite rate correctness --from-run last"]
    )
    certify(project, chat)
    asked = len(chat.asked)
    done = project.run_apart()
    assert done.ret == 1, done.stdout.str()
    done.stdout.fnmatch_lines(["words BLOCKED*correctness overall*"])
    assert len(chat.asked) == asked


def test_rates_are_corrected_by_ratings_of_the_runs_own_outputs(project: Any, chat: Chat) -> None:
    suite(project)
    certify(project, chat)
    project.run_apart()
    *people, rogan = standing(project)["corrected"]
    assert people == [None, None, None], "labels of other outputs tell of another pass rate"
    assert rogan == 1.0, "a judge that calls all right leaves no room for errors that it makes"
    assert standing(project)["pairs"] == []
    rate(project, range(40), "right", range(0))
    half = project.path / "judges/correctness/labels.jsonl"
    lines = half.read_text().splitlines(keepends=True)
    half.write_text("".join(lines[:30] + [each.replace("right", "wrong") for each in lines[30:]]))
    project.run_apart()
    value, low, high, _ = standing(project)["corrected"]
    assert low < value < high
    assert value == pytest.approx(0.75, abs=0.01)


def test_a_judge_that_does_what_it_reads_makes_the_run_incomparable(
    project: Any, chat: Chat, judge: Judge
) -> None:
    suite(project)
    certify(project, chat)
    judge.obeys = True
    done = project.run_apart()
    assert "followed 3 of 3 canaries" in standing(project)["checked"]
    assert done.ret == 11, done.stdout.str()
    done.stdout.fnmatch_lines(["*the judge does what it reads*"])


def test_anchors_are_asked_anew_by_each_run_that_asks_and_tell_a_drift(
    project: Any, chat: Chat, judge: Judge
) -> None:
    suite(project)
    certify(project, chat)
    anchor(project)
    assert project.run_apart().ret == 0
    assert "30 anchors 100% → 100%" in standing(project)["checked"]
    project.accept()
    asked = len(chat.asked)
    assert project.run_apart().ret == 0
    assert len(chat.asked) == asked, "an unchanged run asks no anchor"
    judge.harsh = True
    suite(project, "[3]")
    done = project.run_apart()
    assert len(chat.asked) == asked + 31
    assert done.ret == 11, done.stdout.str()
    done.stdout.fnmatch_lines(["*the judge drifted*"])


def test_anchors_of_another_judge_tell_nothing_of_this_one(
    project: Any, chat: Chat, judge: Judge
) -> None:
    suite(project)
    certify(project, chat)
    anchor(project, judge="another judge")
    judge.harsh = True
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert "30 anchors are of another judge" in standing(project)["checked"]


def test_an_informing_judge_without_replies_takes_nothing_from_the_checks(
    project: Any, chat: Chat
) -> None:
    text = SUITE.replace("scorers=[", "scorers=[ev.check.contains('the word'), ")
    plain = text.replace(', ev.judge("correctness"{arguments})', "")
    project.write("test_words.py", plain.format(wrong="[]"))
    assert project.run_apart().ret == 0
    project.accept()
    project.write("test_words.py", text.format(wrong="[]", arguments=""))
    done = project.run_apart("--evals-replay=only")
    assert done.ret == 0, done.stdout.str()
    assert chat.asked == []
    row = project.rows()["c000"]["scores"]
    assert (row["checks"], row["correctness"]) == ([1], [None])


def test_two_models_of_one_card_have_a_certificate_each(project: Any, chat: Chat) -> None:
    settings(project, chat)
    toml = project.path / "pyproject.toml"
    text = toml.read_text().replace(" }", f', other = "openai:k@{chat.url}" }}')
    toml.write_text(text)
    jury = 'ev.jury([ev.judge("correctness"), ev.judge("correctness", role="other")], how="mean")'
    project.write(
        "test_words.py",
        SUITE.replace('ev.judge("correctness"{arguments})', jury).format(wrong="[]"),
    )
    certify(project, chat)
    project.run_apart()
    assert standing(project)["state"] == "uncertified"
    certify(project, chat, lower=0.6, model=f"openai:k@{chat.url}")
    assert len(list((project.path / "judges/correctness").glob("certificate*.json"))) == 2
    project.run_apart()
    assert standing(project)["state"] == "provisional"


def test_workers_ask_canaries_and_anchors_once(project: Any, chat: Chat) -> None:
    pytest.importorskip("xdist")
    suite(project)
    anchor(project, 5)
    done = project.run_apart("-p", "xdist", "-n", "2")
    assert done.ret == 0, done.stdout.str()
    assert "followed 0 of 3 canaries" in standing(project)["checked"]
    assert len(chat.asked) <= CASES + 6 + 5 + 6, "the sample of the provider is at most six"


def test_strict_settings_refuse_a_judge_that_gates_without_a_certificate(
    project: Any, chat: Chat
) -> None:
    settings(project, chat, "strict_judges = true\n")
    suite(project)
    done = project.run_apart()
    assert done.ret == 2
    done.stdout.fnmatch_lines(["*judge correctness gates without a certificate*gate=False*"])
    assert chat.asked == []
    suite(project, arguments=", gate=False")
    assert project.run_apart().ret == 0


def test_what_the_judge_said_is_shown_at_the_answer(project: Any, chat: Chat) -> None:
    suite(project)
    project.run_apart()
    project.accept()
    suite(project, "[1]")
    project.run_apart()
    (answer,) = [each for each in project.report()["answers"] if each["id"] == "c001"]
    assert answer["judged"] == [
        {"label": "correctness", "text": "correctness: wrong. as it is"},
    ]


def rate(project: Any, numbers: range, said: str, wrong: range) -> None:
    """People's ratings of both sides' answers: the baseline's are right, the new ones as `said`."""
    items, labels = b"", b""
    for number in numbers:
        right = f"the word is c{number:03}"
        new = "something else" if number in wrong else right
        for text, value in {right: "right", new: said if number in wrong else "right"}.items():
            subject = Subject(
                input=f"which word is {number}?", output=text, expected=f"c{number:03}"
            )
            key = output_key(Output(text=text))
            item = Item(id=item_id(subject), subject=subject, case=f"c{number:03}", output_key=key)
            label = Label(item=item.id, rater="one", criterion="correctness", value=value)
            items += dump(to_json(item, sparse=True)) + b"\n"
            labels += dump(to_json(label, sparse=True)) + b"\n"
    project.write("judges/correctness/items.jsonl", "").write_bytes(items)
    project.write("judges/correctness/labels.jsonl", "").write_bytes(labels)


@pytest.mark.parametrize(("said", "code"), [("right", 0), ("wrong", 1)])
def test_where_a_third_of_the_cases_moved_people_decide(
    project: Any, chat: Chat, said: str, code: int
) -> None:
    suite(project)
    certify(project, chat)
    assert project.run_apart().ret == 0
    project.accept()
    text = SUITE.replace("{arguments})])", "{arguments})], gate=ev.Gate(exclude=0.2))")
    project.write("test_words.py", text.format(wrong="range(20)", arguments=""))
    done = project.run_apart()
    assert done.ret == 10, done.stdout.str()
    done.stdout.fnmatch_lines(["*20 of 60 cases moved*evalsuite rate correctness --pairs*"])
    rate(project, range(19), said, range(20))
    done = project.run_apart()
    assert done.ret == 10, "one of the 20 changed answers is not rated"
    rate(project, range(20), said, range(20))
    done = project.run_apart()
    assert done.ret == code, done.stdout.str()
    done.stdout.fnmatch_lines(["*with people's ratings*"])
    assert project.evalsuite("gate", "snapshot", "last").ret == code


def test_a_plan_counts_the_judges_calls_and_those_that_check_it(project: Any, chat: Chat) -> None:
    suite(project)
    first = project.run_apart()
    assert first.ret == 0
    project.accept()
    shutil.rmtree(project.path / ".evalsuite")
    chat.asked.clear()
    planned = project.run_apart("--evals-plan")
    assert not chat.asked
    calls, _ = told(planned.stdout.str())
    assert project.run_apart().ret == 0
    assert len(chat.asked) == calls > CASES
    assert project.manifest()["operations"]["fresh_calls"] == calls
