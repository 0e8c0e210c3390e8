"""The suite with tools, as committed and with its broken schema, on the embedded model."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TRAJECTORY = ("order", "precision", "recall", "steps", "loops", "known", "budget")


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


def test_a_broken_schema_turns_its_gates_red_and_no_others_and_undone_all_is_as_stored(
    acts: Any,
) -> None:
    change = acts.changes()["mistyped"]
    folder = acts.copy("mistyped", change)
    played = acts.play(folder, "-p", "no:xdist", suite=change.suite)
    assert played.exit == 1, played.printed
    assert played.red == played.told == played.shown == set(change.red)
    assert played.red
    assert not [name for name in played.red if "ticket" in name or "directory" in name]
    assert counted(played)["trajectory.planning"] == {"before": 1, "after": 26}
    assert len(played.screen) <= acts.SCREEN

    acts.undo(folder, change)
    undone = acts.play(folder, "-p", "no:xdist", suite=change.suite)
    assert undone.exit == 0, undone.printed
    assert undone.report["result"] == "unchanged"
    assert counted(undone)["none of these"]["after"] == 3
    assert {f"trajectory.{name}" for name in TRAJECTORY} < set(undone.report["metrics"])
    assert "trajectory.planning" not in undone.report["metrics"]


def counted(played: Any) -> dict[str, dict[str, int]]:
    return {each.pop("class"): each for each in played.report["failures"]}
