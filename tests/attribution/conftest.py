"""A project with two parts and a snapshot of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from counting import Counting, counting
from two_parts import TwoParts

pytest.importorskip("openai")


@pytest.fixture(scope="session")
def counted() -> Iterator[Counting]:
    with counting(latency=0.0) as server:
        yield server


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the project is copied from once it was made."""
    return tmp_path_factory.mktemp("kept") / "project"


@pytest.fixture
def parts(project: Any, counted: Counting, kept: Path, monkeypatch: pytest.MonkeyPatch) -> TwoParts:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    made = TwoParts(project, counted)
    if kept.exists():
        shutil.copytree(kept, project.path, dirs_exist_ok=True)
    else:
        made.start()
        shutil.copytree(project.path, kept)
    counted.asked.clear()
    return made
