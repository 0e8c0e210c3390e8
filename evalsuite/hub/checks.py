"""The check on a commit: one per name and run, its annotations in batches, none of them twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evalsuite.errors import HubError
from evalsuite.hub.api import Client, Unclear
from evalsuite.hub.marks import State, digest
from evalsuite.records import Json

Conclusion = Literal["success", "failure", "neutral", "action_required"]
MAX_SUMMARY = 65_535
_BATCH, _ROUNDS = 50, 12
_ID = re.compile(r"evalsuite/(\d{1,15})/(\d{1,6})/(\d{1,18})/(\w{0,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Check:
    """`summary` is Markdown of at most 65,535 characters; `annotations` as the API takes them."""

    name: str
    state: State
    conclusion: Conclusion
    title: str
    summary: str
    url: str = ""
    annotations: Sequence[dict[str, Json]] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """The newest check of a name on a commit: its text, and the app that wrote it."""

    summary: str
    app: str
    order: tuple[int, int]


def put(client: Client, repository: str, check: Check) -> Placed:
    """Write the check, or leave the one of a later run as it is; what then stands there.

    What is missing is sent until nothing is: a reply may be lost after any step.
    """
    url = f"/repos/{repository}/check-runs"
    name = _external(check)
    for _ in range(_ROUNDS):
        found = _newest(client, repository, check.state.head, check.name)
        if found and _order(found) > check.state.order:
            return _placed(found)
        mine = found if found and _order(found) == check.state.order else None
        sent = _sent(mine) if mine else 0
        batch = check.annotations[sent : sent + _BATCH]
        if mine and mine.get("external_id") == name and not batch:
            return _placed(mine)
        output = {"title": check.title[:250], "summary": check.summary, "annotations": batch}
        body: dict[str, Json] = {
            "name": check.name,
            "status": "completed",
            "conclusion": check.conclusion,
            "external_id": name,
            "output": output,
        }
        if check.url.startswith("https://"):
            body["details_url"] = check.url
        try:
            if mine:  # annotations add up, so a lost reply must not repeat them
                client.once("PATCH", f"{url}/{mine['id']}", body)
            else:
                client.once("POST", url, {**body, "head_sha": check.state.head})
        except Unclear:
            client.pause()
    raise HubError(f"the check {check.name} could not be completed")


def text_on(client: Client, repository: str, head: str, name: str) -> str:
    """What the newest check of this name on a commit says; "" where there is none."""
    found = _newest(client, repository, head, name)
    return _placed(found).summary if found else ""


def _external(check: Check) -> str:
    state = check.state
    text = digest(f"{check.conclusion}\n{check.title}\n{check.summary}")
    return f"evalsuite/{state.number}/{state.attempt}/{state.run}/{text}"


def _newest(client: Client, repository: str, head: str, name: str) -> dict[str, Any] | None:
    path = f"/repos/{repository}/commits/{head}/check-runs"
    found = client.pages(path, "check_runs", check_name=name, filter="all")
    ours = [each for each in found if _order(each) >= (0, 0) and type(each.get("id")) is int]
    return max(ours, key=lambda each: (_order(each), -each["id"]), default=None)


def _order(check: dict[str, Any]) -> tuple[int, int]:
    """(-1, -1) for what is not ours."""
    found = _ID.fullmatch(str(check.get("external_id", "")))
    return (int(found[1]), int(found[2])) if found else (-1, -1)


def _sent(check: dict[str, Any]) -> int:
    output = check.get("output")
    count = output.get("annotations_count") if isinstance(output, dict) else 0
    return count if type(count) is int and count >= 0 else 0


def _placed(check: dict[str, Any]) -> Placed:
    app, output = check.get("app"), check.get("output")
    return Placed(
        summary=str(output.get("summary") or "") if isinstance(output, dict) else "",
        app=str(app.get("slug") or "") if isinstance(app, dict) else "",
        order=_order(check),
    )
