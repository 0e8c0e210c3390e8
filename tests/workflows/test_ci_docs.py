"""The examples of docs/ci.md call what there is, with the rights that it takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from expressions import filled
from rights import folder, jobs, load, violations

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CALLERS = [each for each in BLOCKS if "/.github/workflows/" in each]
PINNED = [each.replace("@REF", f"@{'0' * 40}").replace("@HASH", f"@{'0' * 40}") for each in BLOCKS]
FILES = folder(ROOT)
LEVELS = {"none": 0, "read": 1, "write": 2}


def called(caller: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The job of a caller, and the workflow that it calls."""
    [job] = load(caller)["jobs"].values()
    found = re.fullmatch(r"OWNER/evalsuite/(\.github/workflows/[\w-]+\.yml)@REF", job["uses"])
    assert found
    return job, load(FILES[found[1]])


def test_an_evaluation_takes_five_lines() -> None:
    assert [len(each.splitlines()) for each in CALLERS[:2]] == [5, 7]


def test_zizmor_finds_nothing_in_an_example(tmp_path: Path) -> None:
    written = tmp_path / ".github" / "workflows"
    written.mkdir(parents=True)
    for number, text in enumerate(PINNED):
        (written / f"example-{number}.yml").write_text(text, "utf-8")
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--no-config", "--quiet"]
    done = subprocess.run(
        [*command, "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "No findings" in done.stdout
    (written / "example-0.yml").write_text(PINNED[0].replace("permissions", "env"), "utf-8")
    done = subprocess.run(
        [*command, "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "excessive-permissions" in done.stdout


@pytest.mark.parametrize("caller", CALLERS)
def test_an_example_names_inputs_and_secrets_that_there_are(caller: str) -> None:
    job, workflow = called(caller)
    takes = workflow["on"]["workflow_call"] or {}
    assert set(job.get("with", {})) <= set(takes.get("inputs", {}))
    assert set(job.get("secrets", {})) <= set(takes.get("secrets", {}))


@pytest.mark.parametrize("caller", CALLERS)
def test_an_example_grants_what_the_jobs_ask_and_no_more(caller: str) -> None:
    job, workflow = called(caller)
    granted = job.get("permissions") or load(caller)["permissions"]
    asked: dict[str, str] = {}
    for job in workflow["jobs"].values():
        for name, level in job["permissions"].items():
            asked[name] = max(asked.get(name, "none"), level, key=LEVELS.__getitem__)
    assert granted == asked


@pytest.mark.parametrize("caller", CALLERS)
def test_each_event_of_an_example_reaches_a_job(caller: str) -> None:
    job, _ = called(caller)
    events = set(load(caller)["on"])
    path = job["uses"].partition("evalsuite/")[2].partition("@")[0]
    reached = {event for each in jobs(path, load(FILES[path]), FILES) for event in each.events}
    assert events <= reached


@pytest.mark.parametrize("example", PINNED)
def test_an_example_keeps_the_rules(example: str) -> None:
    assert violations({**FILES, ".github/workflows/example.yml": example}) == []


def test_a_caller_may_ask_for_no_arguments_and_is_not_given_the_example_of_this_repository() -> (
    None
):
    """An empty text is as good as none to an expression, so that a default there overrides it."""
    shown = [
        filled(hole, {"inputs": {"python": "3.13", "arguments": "", "drift": "", "extras": ""}}, {})
        for text in FILES.values()
        for hole in re.findall(r"\$\{\{[^}]*askacme[^}]*\}\}", text)
    ]
    assert len(shown) == 5
    assert set(shown) == {""}


def test_what_propose_takes_is_said() -> None:
    for name in ("baseline", "calibrate"):
        asked = {
            f"{right}: {level}"
            for job in load(FILES[f".github/workflows/{name}.yml"])["jobs"].values()
            for right, level in job["permissions"].items()
        }
        said = re.search(r"need `permissions: (\{actions.*?\})`", PAGE)
        assert said
        given = {f"{right}: {level}" for right, level in yaml.safe_load(said[1]).items()}
        assert asked - {"contents: read"} <= given


def test_every_input_of_an_evaluation_is_in_the_table() -> None:
    declared = load(FILES[".github/workflows/evals.yml"])["on"]["workflow_call"]["inputs"]
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(declared)
