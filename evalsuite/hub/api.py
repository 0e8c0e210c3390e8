"""GitHub's REST API over HTTP: every page of a list, bounded patience, and no guess about a write
whose reply was lost.

The token goes to the API's own origin only, and into no message.
"""

from __future__ import annotations

import functools
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from evalsuite.backends.faults import retry_after, without
from evalsuite.backends.muting import muted
from evalsuite.errors import HubError, MissingExtra, OptionError
from evalsuite.records import Json

if TYPE_CHECKING:
    import httpx2

ATTEMPTS = 5
PATIENCE = 300.0
"""Seconds that one client waits in all, whatever it is asked to wait for."""

_SECONDARY = 60.0
"""Seconds to wait where a limit does not say how long: GitHub asks for at least a minute."""

_SETTLED = 2.0
_PAGES = 500
_SHOWN = 200
_LOCAL = ("127.0.0.1", "localhost", "::1")


class Unclear(HubError):
    """A write was sent and its reply never came: it was done, or it was not."""


class Client:
    """Asks `base` (https://api.github.com) with a token.

    Reads and repeatable writes are asked up to 5 times. `sleep` and `now` are the clock's.

    Raises, in each method:
        HubError: it was refused, or never answered; `status` is 0 without a reply.
        Unclear: of a write that must not be repeated.
    """

    def __init__(
        self,
        base: str,
        token: str,
        *,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not re.fullmatch(r"[!-~]{8,4096}", token):
            raise OptionError("GITHUB_TOKEN is missing, or is no token: pass one to this step")
        where = urlsplit(base)
        safe = where.scheme == "https" or where.hostname in _LOCAL
        if not safe or not where.hostname or where.username or where.query:
            raise OptionError(f"GITHUB_API_URL must be an https URL, not {base!r:.80}")
        self._base, self._token = base.rstrip("/"), token
        self._sleep, self._now, self._left = sleep, now, PATIENCE
        self._http = _client(token)

    def get(self, path: str, **query: str) -> Json:
        return self._ask("GET", self._base + path, query=query)[0]

    def pages(self, path: str, inside: str = "", **query: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page; `inside` names the list where an object has it."""
        url, query = self._base + path, {**query, "per_page": "100"}
        for _ in range(_PAGES):
            value, following = self._ask("GET", url, query=query)
            items = value.get(inside) if inside and isinstance(value, dict) else value
            if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
                raise HubError(f"GET {path}: the reply is not a list")
            yield from items
            if not following:
                return
            if not following.startswith(self._base + "/"):
                raise HubError(f"GET {path}: the next page is on another host")
            url, query = following, {}
        raise HubError(f"GET {path}: more than {_PAGES} pages")

    def patch(self, path: str, body: Mapping[str, Json]) -> dict[str, Any]:
        return self._object("PATCH", path, body, again=True)

    def once(self, method: str, path: str, body: Mapping[str, Json]) -> dict[str, Any]:
        """A write that must not be done twice: repeated only where it surely was not done."""
        return self._object(method, path, body, again=False)

    def delete(self, path: str) -> None:
        self._ask("DELETE", self._base + path, again=True)

    def pause(self) -> None:
        """Let a write become visible, done or not."""
        self._wait("a write", "its reply was lost", _SETTLED)

    def close(self) -> None:
        self._http.close()

    def _object(
        self, method: str, path: str, body: Mapping[str, Json], *, again: bool
    ) -> dict[str, Any]:
        value, _ = self._ask(method, self._base + path, body=body, again=again)
        if not isinstance(value, dict):
            raise HubError(f"{method} {path}: the reply is not an object")
        return value

    def _ask(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
        again: bool = True,
    ) -> tuple[Json, str]:
        """The reply's value, and the URL of the next page or ""."""
        what = f"{method} {urlsplit(url).path}"
        for attempt in range(ATTEMPTS):
            reply, failure = self._once(method, url, query, body)
            if reply is not None and reply.is_success:
                try:
                    following = reply.links.get("next", {}).get("url", "")
                    return (reply.json() if reply.content else None), following
                except ValueError:
                    failure = "a reply that is not JSON"
            limited = self._limited(reply)
            if reply is not None and not reply.is_success:
                failure = f"status {reply.status_code}{self._said(reply)}"
                if limited is None and reply.status_code < 500:
                    raise HubError(f"{what}: {failure}{_remedy(reply)}", reply.status_code)
            if not again and limited is None and failure != _NOT_SENT:
                raise Unclear(f"{what}: {failure}", reply.status_code if reply is not None else 0)
            if attempt + 1 < ATTEMPTS:
                self._wait(what, failure, 2.0**attempt if limited is None else limited)
        raise HubError(f"{what}: {failure}, {ATTEMPTS} times")

    def _once(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Json] | None,
    ) -> tuple[httpx2.Response | None, str]:
        import httpx2  # noqa: PLC0415 (an optional package)

        try:
            with muted():
                return self._http.request(method, url, params=query or None, json=body), ""
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return None, _NOT_SENT
        except httpx2.TransportError as error:
            return None, f"no reply ({type(error).__name__})"
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            said = without(str(error), self._token)[:_SHOWN]
            raise HubError(f"{method} {urlsplit(url).path}: {said}") from None

    def _limited(self, reply: httpx2.Response | None) -> float | None:
        """Seconds until a limit lets the same request through; None where it is no limit."""
        if reply is None or reply.status_code not in (403, 429):
            return None
        asked = retry_after(reply.headers, self._now())
        if asked is not None:
            return asked
        reset = reply.headers.get("x-ratelimit-reset", "")
        if reply.headers.get("x-ratelimit-remaining") == "0" and re.fullmatch(r"\d{1,12}", reset):
            return max(0.0, int(reset) - self._now()) + 1
        limited = reply.status_code == 429 or "secondary rate limit" in reply.text.lower()
        return _SECONDARY if limited else None

    def _wait(self, what: str, failure: str, seconds: float) -> None:
        self._left -= seconds
        if self._left < 0:
            raise HubError(f"{what}: {failure}; to wait {seconds:.0f} s more is too long")
        self._sleep(seconds)

    def _said(self, reply: httpx2.Response) -> str:
        try:
            value = reply.json()
        except ValueError:
            return ""
        value = value if isinstance(value, dict) else {}
        errors = value.get("errors")
        named = [value, *(errors if isinstance(errors, list) else [])]
        told = [
            str(each["message"]) for each in named if isinstance(each, dict) and "message" in each
        ]
        said = without(" ".join("; ".join(told).split()), self._token)[:_SHOWN]
        return f" ({said})" if said else ""


_NOT_SENT = "no connection"


def _remedy(reply: httpx2.Response) -> str:
    """What people do about a refusal."""
    status = reply.status_code
    if status == 401:
        return ": the token is not valid, or has expired"
    if status == 403:
        return (
            ": the token may not. Give this job `permissions: pull-requests: write, checks: "
            "write`; a pull request from a fork has no token that writes, so its report is "
            "posted by a workflow on workflow_run"
        )
    if status == 404:
        return ": not there, or hidden from this token"
    return ": was the repository renamed?" if status in (301, 307, 308) else ""


def _client(token: str) -> httpx2.Client:
    try:
        import httpx2  # noqa: PLC0415 (an optional package)
    except ImportError:
        raise MissingExtra("evalsuite ci", "http") from None
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "evalsuite",
    }
    patience = httpx2.Timeout(30.0, connect=10.0)
    return httpx2.Client(headers=headers, timeout=patience, verify=_trust())


@functools.cache
def _trust() -> ssl.SSLContext:
    """Read once: it takes 20 ms."""
    import httpx2  # noqa: PLC0415 (an optional package)

    return httpx2.create_ssl_context()
