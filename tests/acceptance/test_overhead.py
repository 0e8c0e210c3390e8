"""What thousands of cases cost, held on a few: `benchmarks/overhead.py` has the full figures."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "overhead.py"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs wait4")


@pytest.fixture
def overhead(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("overhead", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "overhead", module)
    spec.loader.exec_module(module)
    return module


def test_memory_grows_by_no_more_than_10_kib_per_case(overhead: Any, tmp_path: Path) -> None:
    few = overhead.changed(tmp_path / "few", 500, pairs=1)[-1]
    many = overhead.changed(tmp_path / "many", 3_000, pairs=1)[-1]
    assert (many.peak - few.peak) / 2_500 <= 10.0
