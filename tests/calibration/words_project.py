"""A user's project in which people rate a judge, with a model that speaks the chat API."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evalsuite.calibration.labels import append_items, append_labels
from evalsuite.calibration.records import Item, Label
from evalsuite.config import load_config
from evalsuite.judging.card import load_card
from evalsuite.rating import sampling

SUITE = """
import evalsuite as ev

@ev.suite(golden="words", scorers=[ev.judge("correctness")])
async def words(case):
    return "word " + (case.id if int(case.id[1:]) % 2 else "none")
"""

Say = Callable[..., tuple[int, str]]


def verdict(prompt: str) -> str:
    """ "right" for an output that says what is expected; else "wrong"."""
    names = re.findall(r'"([\w-]+)"', prompt.rsplit("alone: ", 1)[1].split("\n", maxsplit=1)[0])
    texts = dict(re.findall(r'<data-\w+ name="([\w ]+)"[^>]*>\n(.*?)\n</data-', prompt, re.DOTALL))
    said = "right" if texts["expected"] in texts["output"] else "wrong"
    return json.dumps({name: {"critique": "as it is", "verdict": said} for name in names})


class Made:
    """A project in which the suite ran once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def evals(self) -> None:
        """Run the suite again, in a process of its own."""
        command = [sys.executable, "-m", "pytest", "--evals", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def manifest(self) -> dict[str, Any]:
        runs = sorted((self.path / ".evalsuite" / "runs").iterdir())
        found: dict[str, Any] = json.loads((runs[-1] / "words" / "manifest.json").read_text())
        return found


def items_of_run(project: Made) -> list[Item]:
    config = load_config(project.path)
    card = load_card(config.judge_dir, "correctness")
    found = sampling.candidates(
        config, card, sampling.stored(config, "last", None), None, arms=False
    )
    return [item for each in found for item in each.items]


def rate(project: Made, *, raters: tuple[str, ...] = ("ann", "bob"), count: int = 150) -> Path:
    """People rate outputs as they are."""
    folder: Path = project.path / "judges" / "correctness"
    items = append_items(folder, items_of_run(project)[:count])
    labels = [
        Label(
            item=item.id,
            rater=rater,
            criterion="correctness",
            value="right" if item.subject.expected in item.subject.output else "wrong",
            seconds=30.0,
        )
        for item in items
        for rater in raters
    ]
    append_labels(folder, labels)
    return folder
