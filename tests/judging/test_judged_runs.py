"""Judges in whole runs: what is asked, what is not asked again, what a row holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jinja2.meta
import jinja2.sandbox  # noqa: F401 (pytester forgets what a run inside this process loads first)
import pytest
from chat_server import Chat, chatting

pytest.importorskip("openai")

SUITE = """
import evalsuite as ev

ANSWERS = {{{answers}}}

@ev.suite(golden="words", scorers=[{scorers}]{arguments})
async def words(case):
    return ANSWERS.get(case.id, "word " + case.id)
"""


def verdict(prompt: str) -> str:
    """ "right" for an output that says what is expected; of a pair the longer one."""
    names = re.findall(r'"([\w-]+)"', prompt.rsplit("alone: ", 1)[1].split("\n", maxsplit=1)[0])
    texts = dict(re.findall(r'<data-\w+ name="([\w ]+)"[^>]*>\n(.*?)\n</data-', prompt, re.DOTALL))
    if "first" in texts:
        longer = len(texts["first"]) - len(texts["second"])
        said = "first" if longer > 0 else "second" if longer < 0 else "tie"
    else:
        said = "right" if texts["expected"] in texts["output"] else "wrong"
    return json.dumps({name: {"critique": "as it is", "verdict": said} for name in names})


@pytest.fixture
def chat(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    with chatting(verdict) as chat:
        judge = f'{{ judge = "openai:j@{chat.url}" }}'
        project.write("pyproject.toml", f"[tool.evalsuite]\nbackends = {judge}\n")
        project.cases(cases(6))
        yield chat


def cases(count: int) -> list[dict[str, Any]]:
    return [
        {"id": f"c{n:03}", "input": f"which word is {n}?", "expected": f"c{n:03}"}
        for n in range(count)
    ]


def write(project: Any, scorers: str, answers: str = "", arguments: str = "") -> None:
    text = SUITE.format(scorers=scorers, answers=answers, arguments=arguments)
    project.write("test_words.py", text)


def asked(chat: Chat) -> list[str]:
    """The judge's prompts of our cases; a run that asks at all also looks after its judges."""
    return [prompt for prompt in chat.asked if "which word is" in prompt]


def test_unchanged_outputs_make_no_call_and_a_changed_one_is_judged_alone(
    project: Any, chat: Chat
) -> None:
    write(project, 'ev.judge("correctness")')
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert len(asked(chat)) == 6
    assert project.rows()["c001"]["scores"]["correctness"] == [1]
    every = len(chat.asked)
    write(project, 'ev.judge("correctness")', answers="  # another source, the same answers\n")
    project.run_apart()
    assert len(chat.asked) == every
    write(project, 'ev.judge("correctness")', answers='"c004": "another word"')
    project.run_apart()
    assert len(asked(chat)) == 7
    assert "another word" in asked(chat)[-1]
    assert project.rows()["c004"]["scores"]["correctness"] == [0]
    assert project.rows()["c004"]["reasons"]["correctness"] == "as it is"


def test_a_pair_is_asked_in_both_orders_and_only_where_the_outputs_differ(
    project: Any, chat: Chat
) -> None:
    write(project, 'ev.judge("preference")')
    project.run_apart()
    assert asked(chat) == []
    row = project.rows()["c000"]
    assert row["scores"]["preference"] == [None]
    assert "no baseline" in row["reasons"]["preference"]
    project.accept()
    write(project, 'ev.judge("preference")', answers='"c004": "a much longer word c004"')
    project.run_apart()
    assert len(asked(chat)) == 2
    row = project.rows()["c004"]
    assert row["scores"]["preference"] == [1]
    assert row["scores"]["preference.consistent"] == [1]
    assert row["scores"]["preference.first"] == [0.5]
    equal = project.rows()["c000"]
    assert equal["scores"]["preference"] == [0.5]
    assert "preference.consistent" not in equal["scores"]
    metrics = {each["name"]: each for each in project.manifest()["metrics"]}
    assert metrics["preference"]["center"] == 0.5
    assert metrics["preference.first"]["role"] == "diagnostic"
    project.run_apart()
    assert len(asked(chat)) == 2


def test_the_key_of_pairs_does_not_depend_on_the_outputs(project: Any, chat: Chat) -> None:
    write(project, 'ev.judge("preference"), ev.judge("correctness", votes=2)')
    project.run_apart()
    first = project.rows()["c004"]["scorer_keys"]
    assert len(asked(chat)) == 2 * 6
    project.accept()
    write(
        project,
        'ev.judge("preference"), ev.judge("correctness", votes=2)',
        answers='"c004": "another word"',
    )
    project.run_apart()
    assert len(asked(chat)) == 2 * 6 + 2 + 2
    row = project.rows()["c004"]
    assert row["scorer_keys"] == first
    assert first["preference"] == first["preference.first"] != first["correctness"]
    assert first["correctness"] == first["correctness.agreement"]
    assert row["scores"]["correctness.agreement"] == [1]


def test_a_case_without_what_the_judge_needs_has_no_score_and_costs_no_call(
    project: Any, chat: Chat
) -> None:
    given = cases(3)
    del given[1]["expected"]
    project.cases(given)
    write(project, 'ev.judge("correctness")')
    project.run_apart()
    row = project.rows()["c001"]
    assert row["scores"]["correctness"] == [None]
    assert row["reasons"]["correctness"] == (
        "correctness needs an expected answer, and the case has none"
    )
    assert len(asked(chat)) == 2


@pytest.mark.parametrize(
    ("scorers", "said"),
    [
        ('ev.judge("corectness")', 'did you mean "correctness"?'),
        ('ev.judge("mine")', "*judges/mine/judge.md:2: kind: must be a kind of judge*"),
        ('ev.judge("correctness", role="dear")', '*no backend has the role "dear"*'),
        ('ev.judge("correctness", against="baseline")', "*against= is for pairwise judges*"),
        ('ev.judge("preference", against="wrods")', "*no suite of this name has a snapshot*"),
        ('ev.judge("expectations")', "*needs statements, and no case has any*"),
        ('ev.judge("tone"), ev.judge("tone", votes=3)', "*is the name of another metric*"),
    ],
)
def test_what_is_wrong_with_a_judge_is_said_at_collection(
    project: Any, chat: Chat, scorers: str, said: str
) -> None:
    project.write("judges/mine/judge.md", "---\nkind: rubrik\n---\n{{ output }}\n")
    write(project, scorers)
    done = project.run()
    assert done.ret in (2, 3, 4), done.stdout.str()
    done.stdout.fnmatch_lines([f"*suite words*{said}*" if "*" not in said else said])
    assert "Traceback" not in done.stdout.str()
    assert chat.asked == []


def test_a_dataset_without_any_expected_answer_is_an_error_at_collection(
    project: Any, chat: Chat
) -> None:
    project.cases(project.many(3))
    write(project, 'ev.judge("correctness")')
    done = project.run()
    done.stdout.fnmatch_lines(["*suite words*needs expected answers, and no case has one*"])


def test_a_judge_can_be_tried_without_a_key(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    project.cases(cases(4))
    write(
        project,
        'ev.judge("correctness"), ev.judge("tone"), ev.judge("preference", against="expected")',
        answers='"c001": "c001 and so on", "c002": "no idea"',
    )
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    rows = project.rows()
    assert rows["c000"]["scores"]["correctness"] == [1]
    assert rows["c002"]["scores"]["correctness"] == [0]
    assert rows["c000"]["scores"]["tone"] == [None]
    assert "unable to tell" in rows["c000"]["reasons"]["tone"]
    assert rows["c002"]["scores"]["preference"] == [0]


def test_an_output_can_be_compared_with_another_target(project: Any, chat: Chat) -> None:
    write(project, 'ev.judge("preference", against=lambda case: "a rather long word")')
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert project.rows()["c000"]["scores"]["preference"] == [0]
    assert len(asked(chat)) == 12


def test_outputs_that_were_not_kept_can_not_be_compared(project: Any, chat: Chat) -> None:
    settings = (project.path / "pyproject.toml").read_text() + 'outputs = "redacted"\n'
    project.write("pyproject.toml", settings)
    write(project, 'ev.judge("preference")')
    project.run_apart()
    project.accept()
    write(project, 'ev.judge("preference")', answers='"c004": "another word"')
    project.run_apart()
    assert "are not kept" in project.rows()["c004"]["reasons"]["preference"]
    assert asked(chat) == []


def test_a_jury_votes_and_a_cascade_asks_the_dear_one_only_where_the_cheap_is_uncertain(
    project: Any, chat: Chat
) -> None:
    settings = f'backends = {{ judge = "openai:j@{chat.url}", dear = "openai:d@{chat.url}" }}\n'
    project.write("pyproject.toml", f"[tool.evalsuite]\n{settings}")
    members = '[ev.judge("correctness"), ev.judge("correctness", role="dear")]'
    write(
        project,
        f'ev.jury({members}), ev.jury({members}, cascade=(0.0, 0.2), name="cascade")',
        answers='"c004": "another word"',
    )
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    row = project.rows()["c004"]
    assert row["scores"]["correctness"] == [0]
    assert row["scores"]["correctness.agreement"] == [1]
    assert row["scores"]["correctness.correctness@dear"] == [0]
    assert row["scores"]["cascade.escalated"] == [1]
    assert row["scores"]["cascade.correctness@dear"] == [0]
    sure = project.rows()["c000"]
    assert sure["scores"]["cascade.escalated"] == [0]
    assert "cascade.correctness@dear" not in sure["scores"]
    assert len(asked(chat)) == 12


def test_a_variant_is_compared_with_the_snapshot_of_another(project: Any, chat: Chat) -> None:
    variants = "variants={'a': ev.Variant(), 'b': ev.Variant(params={'more': 'longer '})}"
    text = f"""
import evalsuite as ev

@ev.suite(golden="words", scorers=[JUDGES], {variants})
async def words(case, variant):
    return variant.get("more", "") + "word " + case.id
"""
    project.write("test_words.py", text.replace("JUDGES", ""))
    project.run()
    done = project.evalsuite("accept", "words@a", "--from-run", "last", "--reason", "test")
    assert done.ret == 0, done.stderr.str()
    project.write("test_words.py", text.replace("JUDGES", 'ev.judge("preference", against="a")'))
    project.run()
    assert project.rows("words@a")["c000"]["scores"]["preference"] == [0.5]
    assert project.rows("words@b")["c000"]["scores"]["preference"] == [1]
    assert len(asked(chat)) == 2 * 6


def test_a_floor_gates_the_consistency_of_a_judge_that_prefers_a_place(
    project: Any, chat: Chat
) -> None:
    chat.answer = lambda prompt: json.dumps(
        {"preference": {"critique": "the first one", "verdict": "first"}}
    )
    project.cases(cases(30))
    write(project, "")
    project.run()
    project.accept()
    floor = ', gate=ev.Gate(min={"preference.consistent": 0.8})'
    source = SUITE.replace('"word " + case.id', '"words " + case.id')
    text = source.format(scorers='ev.judge("preference")', answers="", arguments=floor)
    project.write("test_words.py", text)
    done = project.run()
    assert done.ret == 1, done.stdout.str()
    done.stdout.fnmatch_lines(["*preference.consistent*"])
    row = project.rows()["c000"]
    assert row["scores"]["preference"] == [0.5]
    assert row["scores"]["preference.consistent"] == [0]
    assert row["scores"]["preference.first"] == [1]
    assert "the orders disagree" in row["reasons"]["preference"]
