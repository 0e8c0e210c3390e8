"""Which run of a workflow is told of, and on which pull requests: from the event, never from what
the run left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalsuite.errors import DataError, HubError
from evalsuite.hub.api import Client
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse

MAX_EVENT = 16 * 2**20
EVALUATED = ("success", "failure", "timed_out")
"""How a run ends that had something to say."""

_UPLOAD = re.compile(r"evalsuite-run(-[\w.-]{1,80})?", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A finished run of a workflow. `pulls` are numbers of pull requests as far as the event has
    them (none of a fork's), `fork` is OWNER/NAME of the repository that the branch is in, `event`
    what started the run, `workflow` the number of its workflow, `default` the repository's default
    branch."""

    head: str
    branch: str
    fork: str
    run: int
    number: int
    attempt: int
    url: str
    conclusion: str
    event: str
    workflow: int
    default: str
    pulls: Sequence[int] = ()


def read_event(file: Path) -> Trigger:
    """The run that a `workflow_run` event is about.

    Raises:
        DataError: it is no such event; names file and field.
    """
    try:
        with file.open("rb") as handle:
            data = handle.read(MAX_EVENT + 1)
    except OSError as error:
        raise DataError(f"{file}: can't be read: {error.strerror}") from None
    try:
        if len(data) > MAX_EVENT:
            raise Malformed(f"is larger than {MAX_EVENT >> 20} MB")
        event = parse(data.decode("utf-8"))
        run = event.get("workflow_run") if isinstance(event, dict) else None
        if not isinstance(run, dict):
            raise Malformed("is missing: run this on workflow_run").within("workflow_run")
        return _trigger(run, _repository(event.get("repository")))
    except UnicodeDecodeError:
        raise DataError(f"{file}: not UTF-8") from None
    except Malformed as error:
        raise DataError(f"{file}: {error.field + ': ' if error.field else ''}{error}") from None


def _repository(given: Json) -> Mapping[str, Json]:
    if not isinstance(given, dict) or not isinstance(given.get("default_branch"), str):
        raise Malformed("must be text").within("repository.default_branch")
    return given


def _trigger(run: Mapping[str, Json], repository: Mapping[str, Json]) -> Trigger:
    head = _field(run, "head_sha", str)
    if not _SHA.fullmatch(head):
        raise Malformed("is not a commit").within("workflow_run.head_sha")
    fork = run.get("head_repository")
    listed = run.get("pull_requests")
    return Trigger(
        head=head,
        branch=_field(run, "head_branch", str),
        fork=str(fork.get("full_name", "")) if isinstance(fork, dict) else "",
        run=_field(run, "id", int),
        number=_field(run, "run_number", int),
        attempt=_field(run, "run_attempt", int),
        url=str(run.get("html_url", "")),
        conclusion=str(run.get("conclusion", "")),
        event=str(run.get("event", "")),
        workflow=_field(run, "workflow_id", int),
        default=str(repository["default_branch"]),
        pulls=sorted({_number(each, repository) for each in listed} - {0})
        if isinstance(listed, list)
        else (),
    )


def _field(run: Mapping[str, Json], name: str, kind: type) -> Any:
    value = run.get(name)
    if type(value) is not kind:
        wanted = "text" if kind is str else "a whole number"
        raise Malformed(f"must be {wanted}").within(f"workflow_run.{name}")
    return value


def _number(listed: Json, repository: Mapping[str, Json]) -> int:
    """0 for a pull request that a fork opened within itself: the event lists those too."""
    listed = listed if isinstance(listed, dict) else {}
    number, url = listed.get("number"), str(listed.get("url", "")).lower()
    ours = f"/repos/{repository.get('full_name')}/pulls/{number}".lower()
    return number if type(number) is int and number > 0 and url.endswith(ours) else 0


def evaluated(client: Client, repository: str, trigger: Trigger) -> int:
    """The number of the run that evaluated the commit; 0 where none has, or none is done yet.

    It is the event's own. But where branches are evaluated when they are pushed, a pull request's
    run skips all of its jobs, and what there is to tell was found by the newest push of the commit.
    """
    if not _skipped(client, repository, trigger):
        return trigger.run
    runs = client.pages(
        f"/repos/{repository}/actions/workflows/{trigger.workflow}/runs",
        "workflow_runs",
        head_sha=trigger.head,
        event="push",
        status="completed",
    )
    done = [each for each in runs if each.get("conclusion") in EVALUATED]
    newest = max(done, key=lambda each: int(each.get("run_number", 0)), default={})
    return int(newest.get("id", 0))


def _skipped(client: Client, repository: str, trigger: Trigger) -> bool:
    if trigger.conclusion == "skipped":
        return True
    if trigger.event != "pull_request":
        return False
    jobs = list(client.pages(f"/repos/{repository}/actions/runs/{trigger.run}/jobs", "jobs"))
    return bool(jobs) and all(each.get("conclusion") == "skipped" for each in jobs)


def uploads(client: Client, repository: str, run: int) -> list[str]:
    """The names of what a run's evaluations uploaded: evalsuite-run, or evalsuite-run-NAME."""
    found = client.pages(f"/repos/{repository}/actions/runs/{run}/artifacts", "artifacts")
    return sorted({name for each in found if _UPLOAD.fullmatch(name := str(each.get("name")))})


def as_run(client: Client, repository: str, trigger: Trigger, run: int) -> Trigger:
    """The event with another run of the same commit in the place of its own.

    Raises:
        HubError: there is none, or it is of another commit.
    """
    if run == trigger.run:
        return trigger
    found = client.get(f"/repos/{repository}/actions/runs/{run}")
    try:
        if not isinstance(found, dict) or found.get("head_sha") != trigger.head:
            raise Malformed("is of another commit")
        return replace(
            trigger,
            run=run,
            number=_field(found, "run_number", int),
            attempt=_field(found, "run_attempt", int),
            url=str(found.get("html_url", "")),
            conclusion=str(found.get("conclusion", "")),
        )
    except Malformed as error:
        raise HubError(f"run {run}: {error.field + ': ' if error.field else ''}{error}") from None


def pulls_of(client: Client, repository: str, trigger: Trigger) -> list[dict[str, Any]]:
    """The open pull requests that the run is about, as the API has them now; those into the default
    branch come first.

    The event lists those of the repository's own branches; a fork's are found by owner and branch.
    A maintainer may also have pushed a fork's commit to a branch of the repository, to evaluate it
    with keys: then the commit tells.
    """
    found = [each for each in _listed(client, repository, trigger) if _is_from(each, trigger)]
    if not found:
        head = f"{trigger.fork.partition('/')[0]}:{trigger.branch}"
        of_branch = client.pages(f"/repos/{repository}/pulls", state="open", head=head)
        found = [each for each in of_branch if _is_from(each, trigger)]
    if not found:
        found = [each for each in _of_commit(client, repository, trigger) if _is_at(each, trigger)]
    found = [each for each in found if _is_into(each, repository)]
    return sorted(found, key=lambda each: base_of(each) != trigger.default)


def base_of(pull: Mapping[str, Json]) -> str:
    """The branch that a pull request goes into."""
    base = pull.get("base")
    return str(base.get("ref", "")) if isinstance(base, dict) else ""


def _listed(client: Client, repository: str, trigger: Trigger) -> Iterator[dict[str, Any]]:
    for each in trigger.pulls:
        try:
            found = client.get(f"/repos/{repository}/pulls/{each}")
        except HubError as error:
            if error.status != 404:
                raise
        else:
            if isinstance(found, dict):
                yield found


def _of_commit(client: Client, repository: str, trigger: Trigger) -> list[dict[str, Any]]:
    try:
        found = list(client.pages(f"/repos/{repository}/commits/{trigger.head}/pulls"))
    except HubError as error:
        if error.status not in (404, 422):  # the commit was pushed over and is gone
            raise
        return []
    return [each for each in found if each.get("state") == "open"]


def _is_at(pull: Mapping[str, Json], trigger: Trigger) -> bool:
    head = pull.get("head")
    return isinstance(head, dict) and head.get("sha") == trigger.head


def _is_from(pull: Json, trigger: Trigger) -> bool:
    """Owner and branch could be another fork's of the same owner."""
    head = pull.get("head") if isinstance(pull, dict) else None
    if not isinstance(head, dict) or head.get("ref") != trigger.branch:
        return False
    there = head.get("repo")
    return not isinstance(there, dict) or there.get("full_name") == trigger.fork


def _is_into(pull: Mapping[str, Json], repository: str) -> bool:
    """The commit may also be that of pull requests within forks."""
    base = pull.get("base")
    there = base.get("repo") if isinstance(base, dict) else None
    return isinstance(there, dict) and str(there.get("full_name")).lower() == repository.lower()
