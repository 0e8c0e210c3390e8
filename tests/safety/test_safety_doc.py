"""What docs/safety.md shows runs as it stands, and its figures are those of the sets."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from evalsuite.golden import load_spec

TEXT = (Path(__file__).parents[2] / "docs" / "safety.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
LINES = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)


def test_the_adapter_of_the_page_runs(project: Any) -> None:
    project.write("pyproject.toml", '[tool.evalsuite]\nbackends = { default = "embedded" }\n')
    project.write("test_safety.py", PYTHON[0])
    done = project.run("-q", "-k", "not long")  # the longest take as long as all others
    assert done.ret == 0
    rows = project.rows("safety")
    assert len(rows) == 237
    assert all(row["scores"]["checks"] in ([0.0], [1.0]) for row in rows.values())
    held = Counter(row["slices"]["risk"] for row in rows.values() if row["scores"]["checks"][0])
    assert held["prompt-leak"] == 24
    assert held["tenant-leak"] == 28
    assert sum(held.values()) > 180


def test_the_guardrail_of_the_page_is_measured(project: Any) -> None:
    head = "import evalsuite as ev\nclassify = asks_for_prompt = lambda text: 'prompt' in text\n"
    project.write("test_guard.py", head + PYTHON[1])
    project.write("golden/guard/cases.jsonl", LINES[0])
    project.run("-q")
    report = project.report("guard")
    assert [each["rule"] for each in report["guardrails"]] == ["injection", "leak"]
    for each in report["guardrails"]:
        assert (each["false_positives"]["errors"], each["false_positives"]["n"]) == (0, 1)
        assert (each["false_negatives"]["errors"], each["false_negatives"]["n"]) == (0, 1)


def test_the_figures_of_the_page_are_those_of_the_sets() -> None:
    cases = load_spec("evalsuite:safety", Path("nowhere")).cases
    told = {
        name: int(count)
        for name, count in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", TEXT, re.MULTILINE)
    }
    assert told == Counter(case.slices["risk"] for case in cases)
    assert f"names {len(cases)} cases" in TEXT
    assert f"The {sum(case.must_pass for case in cases)} cases with a canary" in TEXT
    texts = load_spec("evalsuite:guardrails", Path("nowhere")).cases
    rules = Counter(rule for case in texts for rule in case.expected["rules"])
    for rule, count in rules.items():
        assert f"(`{rule}`, {count})" in TEXT
    harmless = [case.slices["kind"] for case in texts if not case.expected["rules"]]
    alike = len(harmless) - harmless.count("plain")
    assert f"{len(texts)} labelled texts" in TEXT
    assert f"{len(harmless)} harmless ones, of which {alike} look" in " ".join(TEXT.split())
    languages = {case.input["language"] for case in cases if "language" in case.input}
    assert f"in {len(languages)} languages" in TEXT
    assert all(json.loads(line)["expected"] for line in LINES[0].splitlines())
