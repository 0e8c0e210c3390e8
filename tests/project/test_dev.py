"""The development commands: set-up once, again when it must be, and no more."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """dev.py, at work on a folder of its own, where nothing is really installed."""
    spec = importlib.util.spec_from_file_location("dev_under_test", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("CONSTRAINTS", "SETTINGS"):
        copy = tmp_path / getattr(module, name).name
        copy.write_bytes(getattr(module, name).read_bytes())
        monkeypatch.setattr(module, name, copy)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "works", lambda python: python.parent.is_dir())
    scripts = "Scripts" if os.name == "nt" else "bin"
    monkeypatch.setattr(module, "make", lambda home: (home / scripts).mkdir(parents=True))
    return module


@pytest.fixture
def installed(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    seen: list[Sequence[str]] = []
    monkeypatch.setattr(dev, "install", lambda python, wanted, constraints: seen.append(wanted))
    return seen


def test_an_environment_is_made_once(dev: ModuleType, installed: list[Any]) -> None:
    first = dev.environment(".venv", "core", ["x"])
    assert dev.environment(".venv", "core", ["x"]) == first
    assert installed == [["x"]]


def test_changed_pins_renew_it(dev: ModuleType, installed: list[Any]) -> None:
    dev.environment(".venv", "core", ["x"])
    dev.CONSTRAINTS.write_text("x==2\n")
    dev.environment(".venv", "core", ["x"])
    assert installed == [["x"], ["x"]]


def test_the_developers_environment_serves_the_evals_but_not_the_reverse(
    dev: ModuleType, installed: list[Any]
) -> None:
    dev.environment(".venv", "core", ["core"])
    dev.developers()
    dev.environment(".venv", "core", ["core"])
    assert len(installed) == 2
    assert any(each.startswith("ruff") for each in installed[1])


def test_an_installation_that_fails_leaves_no_stamp(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "run", lambda command: 1)
    with pytest.raises(SystemExit, match="installation failed"):
        dev.environment(".venv", "core", ["x"])
    assert list((dev.ROOT / ".venv").glob("*.stamp")) == []


def test_the_oldest_pytest_is_the_declared_one_and_not_held_back_by_a_pin(
    dev: ModuleType, installed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "run", lambda command: 0)
    assert dev.oldest([]) == 0
    floors = [each for each in dev.settings()["project"]["dependencies"] if "pytest>=" in each]
    assert installed[0][-1] == floors[0].replace(">=", "==") + ".*"
    pins = (dev.ROOT / ".venv-oldest" / "constraints.txt").read_text()
    assert "\npytest==" not in pins
    assert "\nnumpy==" in pins


@pytest.mark.parametrize(("codes", "result"), [([0, 0], 0), ([0, 5, 0], 1), ([-9, 0], 1)])
def test_one_failure_of_many_is_a_failure_and_all_run(
    dev: ModuleType, codes: list[int], result: int
) -> None:
    rest = iter(codes)
    assert dev.every(rest) == result
    assert list(rest) == []


@pytest.mark.parametrize("arguments", [[], ["tset"], ["--help"]])
def test_an_unknown_command_shows_those_that_are_known(
    dev: ModuleType, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        dev.main(arguments)
    assert all(f"dev.py {name}" in str(caught.value) for name in dev.COMMANDS)
