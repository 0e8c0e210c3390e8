"""Which run of a workflow is told of, and on which pull requests: from the event, never from what
the run left behind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalsuite.errors import DataError, HubError
from evalsuite.hub.api import Client
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse

MAX_EVENT = 16 * 2**20
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A finished run of a workflow. `pulls` are numbers of pull requests as far as the event has
    them (none of a fork's), `fork` is OWNER/NAME of the repository that the branch is in."""

    head: str
    branch: str
    fork: str
    run: int
    number: int
    attempt: int
    url: str
    conclusion: str
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
        return _trigger(run)
    except UnicodeDecodeError:
        raise DataError(f"{file}: not UTF-8") from None
    except Malformed as error:
        raise DataError(f"{file}: {error.field + ': ' if error.field else ''}{error}") from None


def _trigger(run: Mapping[str, Json]) -> Trigger:
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
        pulls=sorted({each for each in map(_number, listed or ()) if each})
        if isinstance(listed, list)
        else (),
    )


def _field(run: Mapping[str, Json], name: str, kind: type) -> Any:
    value = run.get(name)
    if type(value) is not kind:
        wanted = "text" if kind is str else "a whole number"
        raise Malformed(f"must be {wanted}").within(f"workflow_run.{name}")
    return value


def _number(listed: Json) -> int:
    number = listed.get("number") if isinstance(listed, dict) else None
    return number if type(number) is int and number > 0 else 0


def pulls_of(client: Client, repository: str, trigger: Trigger) -> list[dict[str, Any]]:
    """The open pull requests that the run is about, as the API has them now.

    The event lists those of the repository's own branches; a fork's are found by owner and branch.
    A maintainer may also have pushed a fork's commit to a branch of the repository, to evaluate it
    with keys: then the commit tells.
    """
    if trigger.pulls:
        found = [client.get(f"/repos/{repository}/pulls/{each}") for each in trigger.pulls]
    else:
        head = f"{trigger.fork.partition('/')[0]}:{trigger.branch}"
        found = list(client.pages(f"/repos/{repository}/pulls", state="open", head=head))
    found = [each for each in found if _is_from(each, trigger) and _is_into(each, repository)]
    if found:
        return found
    try:
        of_commit = list(client.pages(f"/repos/{repository}/commits/{trigger.head}/pulls"))
    except HubError as error:
        if error.status not in (404, 422):  # the commit was pushed over and is gone
            raise
        return []
    return [
        each
        for each in of_commit
        if each.get("state") == "open" and _is_at(each, trigger) and _is_into(each, repository)
    ]


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
    """The event also lists pull requests that forks opened within themselves."""
    base = pull.get("base")
    there = base.get("repo") if isinstance(base, dict) else None
    return isinstance(there, dict) and str(there.get("full_name")).lower() == repository.lower()
