"""A project whose retriever and generator can be changed apart, on a server that counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from counting import Counting

from evalsuite import cli
from evalsuite.config import load_config

CASES = 20
"""Retriever "poor" loses the fact of every fourth case, one that is "down" fails there; generator
"mute" leaves out the fact of each case after these."""

ASYNC = """
{head}
async def words(case, llm, contexts=None):
    documents, question = retrieved(case, contexts), asked(case)
    if contexts is not None:
        {given}
    answer = await llm.chat(question(documents))
    return ev.Output(text=answer.text, contexts=documents)
"""
PLAIN = """
{head}
def words(case, llm, contexts=None):
    documents, question = retrieved(case, contexts), asked(case)
    if contexts is not None:
        {given}
    answer = llm.chat(question(documents)).result()
    return ev.Output(text=answer.text, contexts=documents)
"""
UNAWARE = """
{head}
async def words(case, llm):
    documents, question = retrieved(case, None), asked(case)
    answer = await llm.chat(question(documents))
    return ev.Output(text=answer.text, contexts=documents)
"""
HEAD = """
import json
from pathlib import Path
import evalsuite as ev

KNOBS = Path(__file__).parent / "knobs.json"

def knobs():
    return json.loads(KNOBS.read_text())

def retrieved(case, given):
    if given is not None:
        return given
    number = int(case.id[1:])
    if knobs()["retriever"] == "down" and number % 4 == 0:
        raise RuntimeError("no index")
    first = "nothing" if knobs()["retriever"] == "poor" and number % 4 == 0 else f"fact{number};"
    return [ev.Document("a", first), ev.Document("b", knobs()["retriever"] + " text")]

def asked(case):
    number = int(case.id[1:])
    mute = knobs()["generator"] == "mute" and number % 4 == 1
    style = knobs()["generator"]
    def question(documents):
        texts = [document.text for document in documents[1 if mute else 0:]]
        return f"Say {style}: {' '.join(texts)} to {case.input}"
    return question
"""
SUITE = '@ev.suite(golden="words", inputs={"knobs": "knobs.json"})'


class TwoParts:
    """`write` sets the target, `turn` the parts; both change what is evaluated, not the measure."""

    def __init__(self, project: Any, server: Counting) -> None:
        self.project, self.server = project, server
        self.settings = f'[tool.evalsuite]\nbackends = {{ default = "{server.spec}" }}\n'

    def configure(self, more: str = "") -> None:
        self.project.write("pyproject.toml", self.settings + more)
        load_config.cache_clear()

    def start(self) -> TwoParts:
        self.configure()
        self.cases()
        self.write()
        return self.accepted()

    def cases(self, *, sliced: bool = False) -> None:
        self.project.cases(
            [
                {
                    "id": f"c{n:03}",
                    "input": f"question {n}",
                    "checks": [{"contains": f"fact{n};"}],
                    "slices": {"rest": str(n % 4)} if sliced else {},
                }
                for n in range(CASES)
            ]
        )

    def write(self, target: str = ASYNC, given: str = "pass", suite: str = SUITE) -> None:
        self.project.write("test_words.py", target.format(head=HEAD + suite, given=given))

    def turn(self, retriever: str = "good", generator: str = "full") -> None:
        knobs = {"retriever": retriever, "generator": generator}
        self.project.write("knobs.json", json.dumps(knobs))

    def accepted(self) -> TwoParts:
        """A snapshot of the good state."""
        self.turn()
        done = self.project.run("-q")
        assert done.ret == 0, done.stdout.str()
        return self.accept()

    def accept(self) -> TwoParts:
        assert cli.main(["accept", "words", "--from-run", "last", "--reason", "test"]) == 0
        return self

    def attribution(self, part: str = "overall", metric: str = "checks") -> Mapping[str, Any]:
        found = self.project.report()["attributions"]
        return next(each for each in found if (each["metric"], each["slice"]) == (metric, part))

    def asked(self) -> int:
        """How many calls there were since it was asked for the last time."""
        count = self.server.asked.total()
        self.server.asked.clear()
        return count
