"""The one comment of a pull request: found again, updated in place, never of an older commit.

GitHub can't write a comment only if it still is what was read. So each writer looks again after it
wrote, until there is nothing left to do: the pull request's present head says whose report belongs
there. A writer that finds a newer head puts that head's report back, which its check holds since it
was written before the comment. Whoever comes last leaves the newest report, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evalsuite.errors import HubError
from evalsuite.hub import checks, marks
from evalsuite.hub.api import Client, Unclear

Outcome = Literal["created", "updated", "up to date", "superseded", "nothing to say"]
LIMIT = 60_000
"""Characters of a comment's text; GitHub refuses a comment beyond 65,536."""

_ROUNDS, _LEAST = 12, 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where a comment belongs: `author` is the login that the token writes as, `key` tells the
    comment from others of that author, `check` names the check that holds the text of a commit."""

    repository: str
    number: int
    author: str
    key: str
    check: str


@dataclass(frozen=True, slots=True)
class Post:
    """What a run has to say. `text` is the text within a number of characters. Where a run is
    `quiet`, it has nothing to tell that would be worth a first comment."""

    state: marks.State
    text: Callable[[int], str]
    quiet: bool = False


def put(client: Client, place: Place, post: Post) -> Outcome:
    """Leave exactly one comment of ours, with the newest report.

    Raises:
        HubError: GitHub refused, did not answer, or did not come to rest.
    """
    outcome: Outcome = "up to date"
    for _ in range(_ROUNDS):
        mine = _own(client, place)
        head = _head(client.get(f"/repos/{place.repository}/pulls/{place.number}"))
        wanted = post
        if head != post.state.head:
            found = _of_newer(client, place, head) if outcome in ("created", "updated") else None
            if found is None:  # it was not touched, or will be written by a run under way
                return "superseded"
            wanted = found
        step = _step(client, place, wanted, mine)
        if step in ("up to date", "superseded", "nothing to say"):
            if outcome == "up to date":
                outcome = step
            return outcome if head == post.state.head else "superseded"
        outcome = "created" if "created" in (step, outcome) else "updated"
    raise HubError(f"the comment on pull request {place.number} did not come to rest")


def _step(client: Client, place: Place, post: Post, mine: Sequence[dict[str, Any]]) -> Outcome:
    """At most one write of the text, where `mine` are our comments."""
    if not mine:
        return "nothing to say" if post.quiet else _create(client, place, post)
    first, *others = mine
    for each in others:  # of two writers that both found none
        _gone(client, place, each)
    stored = marks.state_of(first["body"])
    if stored is not None and stored.head == post.state.head and stored.order > post.state.order:
        return "superseded"
    if stored == post.state:
        return "updated" if others else "up to date"
    url = f"/repos/{place.repository}/issues/comments/{first['id']}"
    try:
        _short_enough(place, post, lambda body: client.patch(url, {"body": body}))
    except HubError as error:
        if error.status not in (404, 410):  # deleted since it was found
            raise
    return "updated"


def _create(client: Client, place: Place, post: Post) -> Outcome:
    url = f"/repos/{place.repository}/issues/{place.number}/comments"
    try:
        _short_enough(place, post, lambda body: client.once("POST", url, {"body": body}))
    except Unclear:  # the next look tells
        client.pause()
    return "created"


def _short_enough(place: Place, post: Post, write: Callable[[str], object]) -> None:
    limit = LIMIT
    while True:
        try:
            write(marks.body(place.key, post.state, post.text(limit)))
        except HubError as error:
            limit //= 2
            if error.status != 422 or limit < _LEAST:
                raise
        else:
            return


def _own(client: Client, place: Place) -> list[dict[str, Any]]:
    """Our comments, the oldest first: by our author, and marked on the first line."""
    found = client.pages(f"/repos/{place.repository}/issues/{place.number}/comments")
    return sorted(
        (each for each in found if _is_own(each, place)),
        key=lambda each: int(each["id"]),
    )


def _is_own(comment: dict[str, Any], place: Place) -> bool:
    user, body = comment.get("user"), comment.get("body")
    login = user.get("login") if isinstance(user, dict) else None
    known = type(comment.get("id")) is int and isinstance(body, str)
    return known and login == place.author and marks.is_marked(str(body), place.key)


def _gone(client: Client, place: Place, comment: dict[str, Any]) -> None:
    try:
        client.delete(f"/repos/{place.repository}/issues/comments/{comment['id']}")
    except HubError as error:
        if error.status not in (404, 410):
            raise


def _of_newer(client: Client, place: Place, head: str) -> Post | None:
    """What the report of another commit wrote into its check."""
    text = checks.text_on(client, place.repository, head, place.check)
    state = marks.state_of(text)
    if state is None or state.head != head or not marks.is_marked(text, place.key):
        return None
    said = text.split("\n", 2)[2].removeprefix("\n")
    return Post(state, lambda limit: said[:limit])


def _head(pull: Any) -> str:
    head = pull.get("head") if isinstance(pull, dict) else None
    sha = head.get("sha") if isinstance(head, dict) else None
    if not isinstance(sha, str):
        raise HubError("the pull request's head could not be read")
    return sha
