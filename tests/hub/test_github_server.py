"""The stand-in for GitHub holds what GitHub's documentation says of pages and limits."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from github_server import BODY, GitHub

HEAD = "a" * 40


def ask(hub: GitHub, method: str, path: str, body: Any = None) -> tuple[int, Any, Any]:
    headers = {"Authorization": f"Bearer {hub.token}", "User-Agent": "test"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(hub.url + path, data, headers, method=method)) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text else None, reply.headers
    except HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


@pytest.mark.parametrize(("size", "pages"), [("", 9), ("?per_page=100", 3), ("?per_page=500", 3)])
def test_lists_come_in_pages_with_links(hub: GitHub, size: str, pages: int) -> None:
    number = hub.pull(HEAD)
    for at in range(250):
        hub.write(number, str(at))
    url, seen, read = f"/repos/acme/askacme/issues/{number}/comments{size}", [], 0
    while url:
        _, found, headers = ask(hub, "GET", url)
        seen += [each["body"] for each in found]
        read += 1
        links = headers.get("Link", "")
        url = links.partition(">")[0].removeprefix(f"<{hub.url}") if 'rel="next"' in links else ""
    assert (read, seen) == (pages, [str(at) for at in range(250)])


def test_what_is_too_long_or_not_allowed_is_refused_as_a_whole(hub: GitHub) -> None:
    number = hub.pull(HEAD)
    path = f"/repos/acme/askacme/issues/{number}/comments"
    assert ask(hub, "POST", path, {"body": "x" * (BODY + 1)})[0] == 422
    assert ask(hub, "POST", path, {"body": "x" * BODY})[0] == 201
    hub.writable = set()
    assert ask(hub, "POST", path, {"body": "x"})[0] == 403
    hub.token = "another"
    assert ask(hub, "GET", path.replace(str(number), "1"))[0] == 404
    assert len(hub.comments[number]) == 1


def test_a_lost_reply_was_done_and_a_reset_one_was_not(hub: GitHub) -> None:
    number = hub.pull(HEAD)
    hub.faults = {0: "lost", 1: "reset", 2: "secondary", 3: "limit"}
    path = f"/repos/acme/askacme/issues/{number}/comments"
    for _ in range(2):
        with pytest.raises(OSError):  # noqa: PT011 - whatever urllib makes of it
            ask(hub, "POST", path, {"body": "x"})
    assert len(hub.comments[number]) == 1
    assert ask(hub, "POST", path, {"body": "x"})[2]["Retry-After"] == "1"
    assert ask(hub, "POST", path, {"body": "x"})[2]["x-ratelimit-remaining"] == "0"
