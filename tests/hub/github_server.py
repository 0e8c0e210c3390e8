"""A server on this machine that answers as GitHub's REST API does: pull requests, their comments,
check runs, pages of 30 or up to 100, limits of length and of rate, and what goes wrong.

    with serving() as hub:
        pull = hub.pull(head="a" * 40)
        hub.faults[2] = "lost"          # the third request is done, and its reply lost
        ...                             # GITHUB_API_URL=hub.url GITHUB_TOKEN=hub.token
        hub.comments[pull]              # as people would see them
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

BODY, SUMMARY, ANNOTATIONS = 65_536, 65_535, 50
FAULTS = ("reset", "lost", "500", "502", "garbage", "limit", "secondary", "429", "slow")
"""What may become of a request. With `reset`, a number or a limit it is not done, with `lost` and
`garbage` it is, and the reply comes to nothing; limits name a time to wait; `slow` takes one."""

Value = dict[str, Any]


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.status, self.value = status, {"message": message, "documentation_url": "https://docs"}


class GitHub:
    """One repository. `faults` maps the number of a request, from 0, to what becomes of it;
    `before` is called ahead of each with its number, method and path, and may change anything.

    `runs` are those of workflows, each with its "jobs" and the names of its "artifacts".
    `asked` has (method, path, status), `files` what a pull request changes, `branches` whether
    each is protected, `writable` the permissions of the token. An app's token
    (`app`) has a name but no user; without an app it is a person's, who has no check runs.
    """

    def __init__(self) -> None:
        self.repository = "acme/askacme"
        self.token = "ghs_NeverShownToAnybody0123456789"
        self.app = "github-actions"
        self.login = "github-actions[bot]"
        self.writable = {"pulls", "checks", "contents"}
        self.pulls: dict[int, Value] = {}
        self.files: dict[int, list[str]] = {}
        self.branches = {"main": True}
        self.comments: dict[int, list[Value]] = {}
        self.checks: list[Value] = []
        self.runs: list[Value] = []
        self.asked: list[tuple[str, str, int]] = []
        self.faults: dict[int, str] = {}
        self.before: Callable[[int, str, str], object] = lambda *_: None
        self.wait = 1
        self.slow = 0.05
        self.longest = BODY
        self.url = ""
        self._ids = iter(range(1001, 10**9))

    def pull(self, head: str, *, branch: str = "topic", fork: str = "", base: str = "main") -> int:
        """Open a pull request; its number."""
        number = len(self.pulls) + 7
        full = fork or self.repository
        self.pulls[number] = {
            "number": number,
            "state": "open",
            "title": "",
            "body": "",
            "html_url": f"https://github.example/{self.repository}/pull/{number}",
            "user": {"login": self.login},
            "head": {
                "sha": head,
                "ref": branch,
                "label": f"{full.partition('/')[0]}:{branch}",
                "repo": {"full_name": full},
            },
            "base": {"sha": "b" * 40, "ref": base, "repo": {"full_name": self.repository}},
        }
        self.comments[number] = []
        return number

    def push(self, number: int, head: str) -> None:
        """Another commit is the pull request's head now, whatever was there before."""
        self.pulls[number]["head"]["sha"] = head

    def write(self, number: int, body: str, login: str = "someone") -> Value:
        """A comment by another author, or by the token's own `login`."""
        comment = {
            "id": next(self._ids),
            "body": body,
            "user": {"login": login, "type": "Bot" if login.endswith("]") else "User"},
            "html_url": f"https://github.example/{self.repository}/pull/{number}#issuecomment",
        }
        self.comments[number].append(comment)
        return comment

    def event(self, number: int, *, run: int = 5, attempt: int = 1) -> Value:
        """What a `workflow_run` event says of an evaluation of the pull request's present head."""
        pull = self.pulls[number]
        there = pull["head"]["repo"]["full_name"] == self.repository
        url = f"https://api.github.example/repos/{self.repository}/pulls/{number}"
        listed = {"number": number, "url": url, "head": pull["head"], "base": pull["base"]}
        return {
            "action": "completed",
            "workflow_run": {
                "id": 9000 + run,
                "name": "evals",
                "run_number": run,
                "run_attempt": attempt,
                "event": "pull_request",
                "workflow_id": 77,
                "conclusion": "success",
                "head_sha": pull["head"]["sha"],
                "head_branch": pull["head"]["ref"],
                "head_repository": {"full_name": pull["head"]["repo"]["full_name"]},
                "html_url": f"https://github.example/{self.repository}/actions/runs/{9000 + run}",
                "pull_requests": [listed] if there else [],
            },
            "repository": {"full_name": self.repository, "default_branch": "main"},
        }

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, value and headers for one request, as if nothing went wrong on the way."""
        split = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        root = f"/repos/{self.repository}"
        if (method, split.path) == ("GET", "/user"):
            if self.app:
                raise Refused(403, "Resource not accessible by integration")
            return 200, {"login": self.login}, {}
        if split.path == root:
            return 200, {"full_name": self.repository, "default_branch": "main"}, {}
        path = split.path.removeprefix(root)
        for pattern, verbs, handle in _ROUTES:
            found = re.fullmatch(pattern, path) if path != split.path else None
            if found and method in verbs:
                value, status = handle(self, method, found.groups(), body, query)
                return self._paged(target, query, value) if status == 0 else (status, value, {})
        raise Refused(404, "Not Found")

    def _paged(
        self, target: str, query: dict[str, str], items: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """The asked page of a list, and of the list that an object has."""
        size = min(max(int(query.get("per_page", "30")), 1), 100)
        page = max(int(query.get("page", "1")), 1)
        name, full = (
            next(((k, v) for k, v in items.items()), ("", []))
            if isinstance(items, dict)
            else ("", items)
        )
        part = full[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(full):
            path = urlsplit(target).path
            links = [
                f'<{self.url}{path}?{urlencode({**query, "page": str(number)})}>; rel="{rel}"'
                for rel, number in (("next", page + 1), ("last", -(-len(full) // size)))
            ]
            headers["Link"] = ", ".join(links)
        return 200, {"total_count": len(full), name: part} if name else part, headers

    def _may(self, what: str) -> None:
        if what not in self.writable or (what == "checks" and not self.app):
            raise Refused(403, "Resource not accessible by integration")

    def _pull(self, number: str) -> Value:
        if int(number) not in self.pulls:
            raise Refused(404, "Not Found")
        return self.pulls[int(number)]


def _comments(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    hub._pull(at[0])
    if method == "GET":
        return hub.comments[int(at[0])], 0
    hub._may("pulls")
    _short(hub, body)
    return hub.write(int(at[0]), body["body"], hub.login), 201


def _comment(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    for each in hub.comments.values():
        for comment in each:
            if comment["id"] == int(at[0]):
                if method == "GET":
                    return comment, 200
                hub._may("pulls")
                if method == "DELETE":
                    each.remove(comment)
                    return None, 204
                _short(hub, body)
                comment["body"] = body["body"]
                return comment, 200
    raise Refused(404, "Not Found")


def _short(hub: GitHub, body: Any) -> None:
    if not body.get("body"):
        raise Refused(422, "Validation Failed: body can't be blank")
    if len(body["body"]) > hub.longest:
        raise Refused(422, f"Validation Failed: body is too long (maximum is {BODY} characters)")


def _pulls(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    if method == "GET":
        found = [
            each
            for each in hub.pulls.values()
            if query.get("state", "open") in ("all", each["state"])
            and query.get("head", each["head"]["label"]) == each["head"]["label"]
            and query.get("base", each["base"]["ref"]) == each["base"]["ref"]
        ]
        return found, 0
    hub._may("pulls")
    open_now = [p for p in hub.pulls.values() if p["state"] == "open"]
    if any(p["head"]["ref"] == body["head"] and p["base"]["ref"] == body["base"] for p in open_now):
        raise Refused(422, f"Validation Failed: A pull request already exists for {body['head']}.")
    number = hub.pull("c" * 40, branch=body["head"], base=body["base"])
    hub.pulls[number] |= {"title": body["title"], "body": body["body"]}
    return hub.pulls[number], 201


def _one_pull(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    pull = hub._pull(at[0])
    if method == "PATCH":
        hub._may("pulls")
        pull |= {name: body[name] for name in ("title", "body", "state") if name in body}
    return pull, 200


def _commit_pulls(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    return [each for each in hub.pulls.values() if each["head"]["sha"] == at[0]], 0


def _branch(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    if at[0] not in hub.branches:
        raise Refused(404, "Branch not found")
    return {"name": at[0], "protected": hub.branches[at[0]]}, 200


def _files(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    hub._pull(at[0])
    return [{"filename": each} for each in hub.files.get(int(at[0]), [])], 0


def _commit_checks(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    found = [
        each
        for each in hub.checks
        if each["head_sha"] == at[0] and query.get("check_name", each["name"]) == each["name"]
    ]
    return {"check_runs": found[::-1]}, 0


def _check(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    hub._may("checks")
    output = body.get("output", {})
    if any(len(output.get(name) or "") > SUMMARY for name in ("summary", "text")):
        raise Refused(422, f"Invalid request: only {SUMMARY} characters are allowed")
    added = output.get("annotations", [])
    if len(added) > ANNOTATIONS:
        raise Refused(422, f"Invalid request: no more than {ANNOTATIONS} items are allowed")
    if method == "POST":
        check: Value = {
            "id": next(hub._ids),
            "app": {"slug": hub.app},
            "annotations": [],
            "output": {},
        }
        hub.checks.append(check)
    else:
        found = [each for each in hub.checks if each["id"] == int(at[0])]
        if not found:
            raise Refused(404, "Not Found")
        check = found[0]
    check["annotations"] += added
    check |= {name: value for name, value in body.items() if name != "output"}
    kept = {name: output[name] for name in ("title", "summary", "text") if name in output}
    check["output"] |= kept | {"annotations_count": len(check["annotations"])}
    return {name: check[name] for name in check if name != "annotations"}, 201


def _run(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    for each in hub.runs:
        if each["id"] == int(at[0]):
            return each, 200
    raise Refused(404, "Not Found")


def _jobs(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    return {"jobs": _run(hub, method, at, body, query)[0]["jobs"]}, 0


def _artifacts(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    names = _run(hub, method, at, body, query)[0]["artifacts"]
    return {"artifacts": [{"name": each, "expired": False} for each in names]}, 0


def _runs(hub: GitHub, method: str, at: Any, body: Any, query: Any) -> tuple[Any, int]:
    asked = {name: query[name] for name in ("head_sha", "event") if name in query}
    of_workflow = [each for each in hub.runs if each["workflow_id"] == int(at[0])]
    found = [each for each in of_workflow if asked.items() <= each.items()]
    return {"workflow_runs": found[::-1]}, 0


_ROUTES: tuple[tuple[str, str, Callable[..., tuple[Any, int]]], ...] = (
    (r"/issues/(\d+)/comments", "GET POST", _comments),
    (r"/issues/comments/(\d+)", "GET PATCH DELETE", _comment),
    (r"/pulls", "GET POST", _pulls),
    (r"/pulls/(\d+)", "GET PATCH", _one_pull),
    (r"/branches/(.+)", "GET", _branch),
    (r"/pulls/(\d+)/files", "GET", _files),
    (r"/commits/(\w+)/pulls", "GET", _commit_pulls),
    (r"/commits/(\w+)/check-runs", "GET", _commit_checks),
    (r"/check-runs(?:/(\d+))?", "POST PATCH", _check),
    (r"/actions/runs/(\d+)", "GET", _run),
    (r"/actions/runs/(\d+)/jobs", "GET", _jobs),
    (r"/actions/runs/(\d+)/artifacts", "GET", _artifacts),
    (r"/actions/workflows/(\d+)/runs", "GET", _runs),
)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: else each reply waits for the first one's receipt
    hub: GitHub
    lock: threading.Lock

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        with self.lock:
            number = len(self.hub.asked)
            self.hub.asked.append((self.command, self.path, 0))
            self.hub.before(number, self.command, self.path)
            fault = self.hub.faults.get(number, "")
            status, value, headers = self._faulty(fault) or self._answered(raw)
            self.hub.asked[number] = (self.command, self.path, status)
        if fault == "slow":
            time.sleep(self.hub.slow)
        if fault in ("reset", "lost"):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = b"" if status == 204 else json.dumps(value).encode()
        self._send(status, b"<html>" if fault == "garbage" else data, headers)

    def _answered(self, raw: bytes) -> tuple[int, Any, dict[str, str]]:
        try:
            if not self.headers.get("User-Agent"):
                raise Refused(403, "Request forbidden by administrative rules.")
            kind, _, token = self.headers.get("Authorization", "").partition(" ")
            if kind not in ("Bearer", "token") or token != self.hub.token:
                raise Refused(401, "Bad credentials")
            return self.hub.answer(self.command, self.path, json.loads(raw) if raw else {})
        except Refused as refused:
            return refused.status, refused.value, {}

    def _faulty(self, fault: str) -> tuple[int, Any, dict[str, str]] | None:
        wait = self.hub.wait
        if fault == "reset":
            return 0, None, {}
        if fault in ("500", "502"):
            return int(fault), {"message": "Server Error"}, {}
        if fault == "limit":
            reset = {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": str(int(time.time()) + wait),
            }
            return 403, {"message": "API rate limit exceeded for installation."}, reset
        if fault == "secondary":
            message = "You have exceeded a secondary rate limit. Please wait a few minutes."
            return 403, {"message": message}, {"Retry-After": str(wait)}
        if fault == "429":
            return 429, {"message": "Too Many Requests"}, {"Retry-After": str(wait)}
        return None

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        with contextlib.suppress(OSError):  # whoever asked may have gone
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

    def log_message(self, *_: Any) -> None: ...


@contextlib.contextmanager
def serving(hub: GitHub | None = None) -> Iterator[GitHub]:
    """Answer until the block ends."""
    hub = hub or GitHub()
    handler = type("Handler", (_Handler,), {"hub": hub, "lock": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
