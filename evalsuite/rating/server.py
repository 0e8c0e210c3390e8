"""What a request needs beside itself: who asks, what they sent, and how an answer is made."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from evalsuite.judging.records import Card
from evalsuite.rating.links import Identity, Limiter, Links, Role
from evalsuite.rating.log import Event, Log
from evalsuite.rating.pages import Pages
from evalsuite.rating.session import Session

MAX_BODY = 256 * 1024
LEAD = "lead"


def utc() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Server:
    """One judge's session, its log, and the tools of its pages. `reload` reads the card again,
    `own_card` tells whether it is the project's and not the package's, `outlook` says what a
    certificate still needs."""

    session: Session
    log: Log
    links: Links
    judge: str
    reload: Callable[[], Card]
    outlook: Callable[[Session], list[str]]
    own_card: Callable[[], bool] = lambda: True
    pages: Pages = field(default_factory=Pages)
    now: Callable[[], datetime] = utc
    requests: Limiter = field(default_factory=lambda: Limiter(10.0, 100))
    attempts: Limiter = field(default_factory=lambda: Limiter(0.2, 10))
    turn: threading.Lock = field(default_factory=threading.Lock)

    async def append(self, event: Event) -> bool:
        """Write an event, then know it; whether it is new. What is not on disk is not known."""
        return await run_in_threadpool(self._append, event)

    def _append(self, event: Event) -> bool:
        """One at a time, so that the session sees events in the log's order."""
        with self.turn:
            _, new = self.log.append(event)
            if new:
                self.session.apply(event)
            return new

    def stamp(self) -> str:
        return self.now().isoformat(timespec="microseconds").replace("+00:00", "Z")

    def cookie_name(self, role: Role) -> str:
        """Browsers keep one for all ports of this machine: two judges have two."""
        return f"evalsuite_{role}_{hashlib.sha256(self.judge.encode()).hexdigest()[:8]}"

    def who(self, request: Request, role: Role) -> Identity:
        """Whose session it is; 401 without one, 429 for one that asks too often."""
        cookie = request.cookies.get(self.cookie_name(role), "")
        found = self.links.identity(cookie, role) if cookie else None
        if found is None or self.log.epoch(found.name) != found.epoch:
            raise HTTPException(401)
        if not self.requests.allows(f"{role} {found.name}", time.monotonic()):
            raise HTTPException(429, headers={"Retry-After": "1"})
        return found

    async def form(self, request: Request, who: Identity) -> dict[str, str]:
        """What was sent, its CSRF token checked."""
        fields = await sent(request)
        if not self.links.csrf_holds(who, fields.get("csrf", "")):
            raise HTTPException(403)
        return fields

    def page(self, template: str, who: Identity, status: int = 200, **values: Any) -> Response:
        text = self.pages.render(
            template, judge=self.judge, csrf=self.links.csrf(who), me=who, **values
        )
        return HTMLResponse(text.encode("utf-8", "replace"), status)


async def sent(request: Request) -> dict[str, str]:
    """The fields of a urlencoded form of bounded size; the first of a name holds."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=200, errors="replace"
        )
    except ValueError:
        raise HTTPException(400) from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def see(path: str) -> Response:
    """After a write: look there."""
    return RedirectResponse(path, 303)
