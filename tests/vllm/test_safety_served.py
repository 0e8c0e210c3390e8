"""The shipped safety sets on a real server: every case that fits its context is decided.

The model's text is noise, so that it gives no fact and leaks nothing: what is held is the way.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from real_server import TINY, Served

PAGE = Path(__file__).parents[2] / "docs" / "safety.md"


def test_the_safety_sets_are_answered_by_a_server(served: Served, project: Any) -> None:
    adapter = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]
    project.write("test_safety.py", adapter)
    spec = f"vllm:{TINY}@{served.url}?max_tokens=32&temperature=0"
    short = "not long and not deep-brackets and not backtracking"  # 2,048 tokens is the context
    project.run("-q", "--evals-backend", f"default={spec}", "-k", short)
    rows = project.rows("safety")
    assert len(rows) > 220
    assert not [row["errors"] for row in rows.values() if any(row.get("errors", ()))]
    held = {row["id"]: row["scores"]["checks"] for row in rows.values()}
    assert all(value in ([0.0], [1.0]) for value in held.values())
    leaks = [value for name, value in held.items() if name.startswith(("leak-", "tenant-"))]
    facts = [value for name, value in held.items() if name.startswith("answer-")]
    assert leaks.count([1.0]) > 40
    assert facts == [[0.0]] * 26
