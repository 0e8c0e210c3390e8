"""No job with the right to write or with a secret runs what a pull request brings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from rights import folder, jobs, load, violations

ROOT = Path(__file__).resolve().parents[2]
FILES = folder(ROOT)
NAME = ".github/workflows/planted.yml"
HASH = "0" * 40
CHECKOUT = {"uses": f"actions/checkout@{HASH}", "with": {"persist-credentials": False}}
WRITE = {"contents": "write"}
KEY = {"KEY": "${{ secrets.KEY }}"}
INSTALL = {"uses": "$/.github/actions/install"}
DOWNLOAD = f"actions/download-artifact@{HASH}"
REPORT = "evalsuite ci comment --artifact DIR"


def planted(on: object, *steps: object, **fields: object) -> list[str]:
    """What is said of a workflow with one job, beside this repository's own actions."""
    job = {"permissions": {"contents": "read"}, "steps": list(steps), **fields}
    text = yaml.safe_dump({"on": on, "permissions": {}, "jobs": {"job": job}}, sort_keys=False)
    actions = {path: each for path, each in FILES.items() if "/actions/" in path}
    return violations({**actions, NAME: text})


def checkout(**inputs: object) -> dict[str, object]:
    return {**CHECKOUT, "with": {"persist-credentials": False, **inputs}}


def test_this_repository_keeps_the_rules() -> None:
    assert violations(FILES) == []


def test_every_workflow_grants_nothing_beyond_what_its_jobs_ask_and_every_job_ends() -> None:
    for path, text in FILES.items():
        if "/workflows/" in path:
            workflow = load(text)
            assert workflow["permissions"] == {}, path
            assert "concurrency" in workflow, path
            for job in workflow["jobs"].values():
                assert job["timeout-minutes"] <= 360, path
                assert job["permissions"], path


def test_every_pinned_action_names_its_release_and_one_release_has_one_hash() -> None:
    uses = {
        use
        for text in FILES.values()
        for use in re.findall(r"^[ -]*uses: (\w.+)", text, re.MULTILINE)
    }
    assert uses
    assert [each for each in uses if not re.fullmatch(r"[\w/-]+@\w{40} # v[\d.]+", each)] == []
    pins = {tuple(each.split("@")) for each in uses}
    assert len({action for action, _ in pins}) == len(pins)


def test_every_workflow_and_action_was_read_and_the_rules_bear_on_some() -> None:
    found = [
        job
        for path, text in FILES.items()
        if "/workflows/" in path
        for job in jobs(path, load(text), FILES)
    ]
    assert {"pull-request", "branch", "report"} <= {job.name for job in found}
    assert any(job.writes for job in found)
    assert any(job.secrets for job in found)
    assert any("pull_request" in job.events for job in found)
    assert len(FILES) == len([*(ROOT / ".github").rglob("*.yml")])


@pytest.mark.parametrize(
    ("on", "steps", "fields"),
    [
        (["pull_request"], [CHECKOUT, {"run": "pip install ."}], {}),
        (["push"], [CHECKOUT, {"run": "make test", "env": KEY}], {}),
        (["workflow_run"], [INSTALL, {"run": REPORT}], {"permissions": WRITE}),
        (
            ["pull_request", "push"],
            [CHECKOUT, {"run": "make", "env": KEY}],
            {"if": "github.event_name == 'push' && true"},
        ),
    ],
)  # fmt: skip
def test_what_keeps_the_rules_is_let_be(on: object, steps: list[object], fields: dict) -> None:
    assert planted(on, *steps, **fields) == []


@pytest.mark.parametrize(
    ("on", "steps", "fields", "said"),
    [
        (["pull_request_target"], [CHECKOUT], {}, "pull_request_target"),
        (["pull_request"], [{"run": "make", "env": KEY}], {}, "pull_request reaches"),
        (["pull_request"], [CHECKOUT], {"env": KEY}, "pull_request reaches"),
        (["pull_request"], [CHECKOUT], {"permissions": WRITE}, "pull_request reaches"),
        (["pull_request"], [CHECKOUT], {"permissions": "write-all"}, "pull_request reaches"),
        (["pull_request"], [{"run": "x", "env": {"ALL": "${{ toJSON(secrets) }}"}}], {}, "reaches"),
        (["workflow_call"], [{"run": "make", "env": KEY}], {}, "pull_request reaches"),
        (
            ["pull_request", "push"],
            [CHECKOUT, {"run": "make", "env": KEY}],
            {"if": "github.event_name == 'push' || inputs.all"},
            "pull_request reaches",
        ),
        (
            ["workflow_run"],
            [checkout(ref="${{ github.event.workflow_run.head_sha }}")],
            {"permissions": WRITE},
            "checks out what a stranger",
        ),
        (["workflow_run"], [{"run": "make", "env": KEY}], {}, "secrets, and an event"),
        (["issue_comment"], [{"run": "make", "env": KEY}], {}, "secrets, and an event"),
        (
            ["workflow_dispatch"],
            [checkout(ref="refs/pull/${{ inputs.number }}/merge"), {"run": "make", "env": KEY}],
            {},
            "checks out another",
        ),
        (
            ["workflow_dispatch"],
            [checkout(ref="${{ inputs.ref }}"), {"run": "make", "env": KEY}],
            {},
            "checks out another",
        ),
        (["pull_request_review"], [{"run": "make", "env": KEY}], {}, "secrets, and an event"),
        (["discussion_comment"], [{"run": "make", "env": KEY}], {}, "secrets, and an event"),
        (
            ["discussion_comment"],
            [checkout(ref="${{ github.event.comment.body }}")],
            {"permissions": WRITE},
            "checks out what a stranger",
        ),
        (
            ["workflow_run"],
            [checkout(ref="${{ github.event.workflow_run.head_sha }}"), {"run": "make"}],
            {},
            "beside main's caches",
        ),
        (["issue_comment"], [{"run": "gh pr checkout 7 && make"}], {}, "beside main's caches"),
        (["pull_request_target"], [{"run": "make"}], {}, "pull_request_target"),
        (
            ["pull_request", "push"],
            [CHECKOUT, {"run": "make", "env": KEY}],
            {"if": "github.event_name == 'push' && inputs.x != '(' || inputs.all"},
            "pull_request reaches",
        ),
        (["push"], [{"run": "evalsuite aa it"}], {"permissions": WRITE}, "runs evalsuite aa"),
        (
            ["workflow_run"],
            [INSTALL],
            {"permissions": WRITE, "container": "acme/image"},
            "has container",
        ),
        (
            ["workflow_run"],
            [INSTALL],
            {"permissions": WRITE, "defaults": {"run": {"shell": "bash base/x.sh {0}"}}},
            "has defaults",
        ),
        (
            ["workflow_run"],
            [{"run": REPORT, "env": {"NODE_OPTIONS": "--require run/x.js"}}],
            {"permissions": WRITE},
            "sets NODE_OPTIONS",
        ),
        (
            ["workflow_run"],
            [{"run": REPORT, "working-directory": "run"}],
            {"permissions": WRITE},
            "another folder",
        ),
        (
            ["workflow_run"],
            [{"uses": DOWNLOAD, "with": {"path": "${{ runner.temp }}/../tool", "run-id": 1}}],
            {"permissions": WRITE},
            "puts an artifact",
        ),
        (
            ["push"],
            [checkout(ref="${{ inputs.branch }}"), {"run": "python -m pip install --quiet x"}],
            {"permissions": WRITE},
            "runs python -m pip",
        ),
        (["push"], [{"run": "git fetch origin pull/7/head", "env": KEY}], {}, "fetches"),
        (["push"], [CHECKOUT, {"run": "pip install ."}], {"permissions": WRITE}, "runs pip"),
        (["push"], [{"run": "evalsuite x; make"}], {"permissions": WRITE}, "evalsuite x"),
        (["push"], [{"run": "evalsuite $(cat it)"}], {"permissions": WRITE}, "runs evalsuite $("),
        (["workflow_run"], [{"run": "bash run/script.sh"}], {"permissions": WRITE}, "runs bash"),
        (
            ["workflow_run"],
            [{"run": REPORT, "shell": "python run/it.py {0}"}],
            {"permissions": WRITE},
            "another shell",
        ),
        (
            ["workflow_run"],
            [{"run": REPORT, "env": {"PYTHONPATH": "run"}}],
            {"permissions": WRITE},
            "sets PYTHONPATH",
        ),
        (["push"], [CHECKOUT, {"uses": "./action"}], {"permissions": WRITE}, "uses ./action"),
        (["push"], [{"uses": "$/.github/actions/evals"}], {"permissions": WRITE}, "pytest"),
        (
            ["workflow_run"],
            [{"uses": DOWNLOAD, "with": {"path": ".", "run-id": 1}}],
            {"permissions": WRITE},
            "puts an artifact",
        ),
        (
            ["push"],
            [{"uses": DOWNLOAD, "with": {"run-id": 1}}, {"run": "make", "env": KEY}],
            {},
            "takes what another run made",
        ),
        (["push"], [{"uses": f"actions/cache@{HASH}"}], {"permissions": WRITE}, "uses act"),
        (["push"], [{"uses": "actions/checkout@v7"}], {}, "not pinned"),
        (["push"], [{"uses": f"actions/checkout@{HASH}"}], {}, "leaves its token"),
        (["push"], [{"run": "echo ${{ github.event.head_commit.message }}"}], {}, "an expression"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_found(
    on: object, steps: list[object], fields: dict, said: str
) -> None:
    assert any(said in line for line in planted(on, *steps, **fields)), planted(
        on, *steps, **fields
    )


def test_a_job_reaches_as_far_as_the_job_that_it_needs() -> None:
    text = f"""
        on: [pull_request, push]
        permissions: {{}}
        jobs:
          first:
            if: github.event_name == 'push'
            permissions: {{contents: read}}
            steps: [{{run: make}}]
          second:
            needs: first
            permissions: {{contents: write}}
            steps: [{{run: {REPORT}}}]
    """
    assert violations({NAME: text}) == []
    assert violations(
        {NAME: text.replace("needs: first", "needs: first\n            if: always()")}
    )


def test_a_foreign_workflow_gets_no_secret_and_no_right_to_write() -> None:
    job = {"uses": f"someone/else/.github/workflows/x.yml@{HASH}"}
    called = {"on": "pull_request", "permissions": {"contents": "read"}, "jobs": {"job": job}}
    assert violations({NAME: yaml.safe_dump(called)}) == []
    for more in ({"secrets": {"KEY": "${{ secrets.KEY }}"}}, {"permissions": WRITE}):
        text = yaml.safe_dump({**called, "jobs": {"job": {**job, **more}}})
        assert any("pull_request reaches" in line for line in violations({NAME: text}))


def test_a_called_workflow_that_inherits_secrets_is_found() -> None:
    text = f"""
        on: pull_request
        permissions: {{}}
        jobs:
          evals:
            uses: acme/evalsuite/.github/workflows/evals.yml@{HASH}
            secrets: inherit
    """
    assert any("secrets, and an event" in line for line in violations({NAME: text}))
