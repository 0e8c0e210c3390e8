"""Who is asking: personal links, the sessions that they open, and what binds a form to one.

All of it is signed with a secret that never leaves the state folder, and names the rater's epoch,
which `revoke` raises: then nothing that was signed before is worth anything.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from evalsuite.errors import DataError
from evalsuite.records import Json
from evalsuite.wording import shown_path

LIFETIME = 7 * 24 * 3600
"""Seconds for which a link and the session that it opens are good."""

SECRET = "secret"  # noqa: S105 - a file's name

Role = Literal["rate", "lead"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A rater or the lead in one browser; `session` is random, `expires` seconds since 1970."""

    name: str
    role: Role
    epoch: int
    session: str
    expires: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a page lets its form say: this submission, of this place in the rater's queue (or, for
    the lead, of this item), shown at this time, by this rubric. Its `submission` is what makes a
    repeated form the same one. A ticket is signed but not sealed, and a place tells nothing."""

    submission: str
    place: int | str
    rubric: int
    shown: str


def read_secret(folder: Path) -> bytes:
    """The secret of a project's rating sessions, made when there is none. DataError if others of
    this machine can read it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / SECRET
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(handle, "wb") as new:
            new.write(secrets.token_bytes(32))
            new.flush()
            os.fsync(new.fileno())
    mode = file.lstat().st_mode
    path = shown_path(file)
    if not stat.S_ISREG(mode) or (os.name == "posix" and mode & 0o077):
        raise DataError(f"{path}: others can read this secret (delete it, and send new links)")
    found = file.read_bytes()
    if len(found) < 32:
        raise DataError(f"{path}: is cut off (delete it, and send new links)")
    return found


class Links:
    """Makes and reads what is signed for one judge's session. Reading gives None for what is
    forged, expired or of another judge."""

    def __init__(self, secret: bytes, judge: str, lifetime: int = LIFETIME) -> None:
        self._secret = hmac.digest(secret, judge.encode("utf-8", "replace"), "sha256")
        strong = {"digest_method": hashlib.sha256}
        self._links = URLSafeTimedSerializer(self._secret, salt="link", signer_kwargs=strong)
        self._cookies = URLSafeSerializer(self._secret, salt="cookie", signer_kwargs=strong)
        self._tickets = URLSafeSerializer(self._secret, salt="ticket", signer_kwargs=strong)
        self.lifetime = lifetime

    def link(self, name: str, role: Role, epoch: int) -> str:
        """The token of a personal link."""
        token = self._links.dumps([name, role, epoch])
        return token if isinstance(token, str) else token.decode("ascii")

    def join(self, token: str) -> Identity | None:
        """The session that a link opens; it ends when the link does."""
        try:
            value, signed = self._links.loads(
                token[:2000], max_age=self.lifetime, return_timestamp=True
            )
            name, role, epoch = value
        except (BadData, ValueError, TypeError):
            return None
        expires = int(signed.timestamp()) + self.lifetime
        return Identity(name, role, epoch, secrets.token_urlsafe(16), expires)

    def cookie(self, who: Identity) -> str:
        value = [who.name, who.role, who.epoch, who.session, who.expires]
        return self._dumped(self._cookies, value)

    def identity(self, cookie: str, role: Role) -> Identity | None:
        try:
            found = Identity(*self._cookies.loads(cookie[:4000]))
        except (BadData, ValueError, TypeError):
            return None
        return found if found.role == role and found.expires > time.time() else None

    def csrf(self, who: Identity) -> str:
        """What every form of this session carries; no other site can know it."""
        return hmac.new(self._secret, b"csrf\0" + who.session.encode(), hashlib.sha256).hexdigest()

    def csrf_holds(self, who: Identity, given: str) -> bool:
        return hmac.compare_digest(self.csrf(who).encode(), given.encode("utf-8", "replace"))

    def ticket(self, who: Identity, ticket: Ticket) -> str:
        value = [
            who.name,
            who.role,
            ticket.submission,
            ticket.place,
            ticket.rubric,
            ticket.shown,
        ]
        return self._dumped(self._tickets, value)

    def read_ticket(self, who: Identity, given: str) -> Ticket | None:
        """A ticket of this person: another's is worth nothing to them."""
        try:
            name, role, *rest = self._tickets.loads(given[:4000])
            ticket = Ticket(*rest)
        except (BadData, ValueError, TypeError):
            return None
        return ticket if (name, role) == (who.name, who.role) else None

    def _dumped(self, serializer: URLSafeSerializer, value: Json) -> str:
        token = serializer.dumps(value)
        return token if isinstance(token, str) else token.decode("ascii")


def new_ticket(place: int | str, rubric: int, shown: str) -> Ticket:
    return Ticket(secrets.token_urlsafe(16), place, rubric, shown)


class Limiter:
    """So many requests a second for each name, `burst` of them at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._left: dict[str, tuple[float, float]] = {}

    def allows(self, name: str, now: float) -> bool:
        left, since = self._left.get(name, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._rate)
        allowed = left >= 1.0
        self._left[name] = (left - 1.0 if allowed else left, now)
        return allowed
