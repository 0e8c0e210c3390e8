"""What pytest does to the environment never meets a target that reads it."""

from __future__ import annotations

from typing import Any

import pytest

SUITE = """
import os
import time
import pytest
import evalsuite as ev

@pytest.fixture(scope="session")
def ready():  # such a suite takes pytest's own way through setup, call and teardown
    return True

@ev.suite(golden="words")
def words(case, ready):
    seen = set()
    for _ in range(50):
        seen |= dict(os.environ).keys() & {"PYTEST_CURRENT_TEST"}
        time.sleep(0.0002)
    return " ".join(["seen", *seen])
"""


def test_no_target_meets_the_note_of_the_item_at_work(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("test_words.py", SUITE)
    project.cases(project.many(60, checks=[{"equals": "seen"}]))
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # of the session that runs this test
    assert project.run("-q").ret == 0
    assert {case["after"]["checks"] for case in project.report()["cases"]} == {1.0}
