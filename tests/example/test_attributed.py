"""The real example, broken in its retriever and in its prompt: the report names which it was."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The script, with its copies in a folder of this test."""
    monkeypatch.syspath_prepend(ROOT / "examples" / "askacme")
    made = importlib.import_module("acts")
    (tmp_path / ".evalsuite").mkdir()
    for each in made.NEEDED:
        (tmp_path / each).symlink_to(ROOT / each)
    monkeypatch.setattr(made, "ROOT", tmp_path)
    return made


SAYS = {
    "narrow": [
        r"comes from +checks: of -\S+ points, retrieval -\S+ \(95% CI .*\), generation 0\.0 \(",
        r"also red .*checks -\S+ points \(retrieval -\S+, generation 0\.0\)",
    ],
    "silent": [
        r"comes from +retrieval returned the same documents: the change is the generation's"
    ],
}


@pytest.mark.parametrize("name", SAYS)
def test_each_break_is_attributed_to_the_part_that_was_broken(
    acts: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    change = acts.changes()[name]
    played = acts.play(acts.copy(name, change), "-p", "no:xdist")
    assert played.exit == 1, played.printed
    assert acts.attributed(played, change) == []
    assert all(re.search(line, "\n".join(played.screen)) for line in SAYS[name])
    assert len(played.screen) <= acts.SCREEN
    wrong = {"retrieval": "generation", "generation": "retrieval"}[change.part]
    assert acts.attributed(played, acts.Change(**{**fields(change), "part": wrong}))
    [overall] = [
        each
        for each in played.report["attributions"]
        if each["metric"] == "checks" and each["slice"] == "overall"
    ]
    assert (overall["n"], overall["missing"]) == (len(played.report["cases"]), 0)
    assert overall["documents"] == (overall["n"] if name == "narrow" else 0)
    other = overall[wrong]  # the model's noise is the same on the same documents
    assert other["effect"] == 0.0 < other["high"] < 0.01


def fields(change: Any) -> dict[str, Any]:
    return {name: getattr(change, name) for name in change.__slots__}
