"""A failure of an SDK, a server or a connection becomes a BackendError that says whom it concerns.

Everything that a server sends is foreign: a message of it may repeat the key that it was sent, and
be of any length and shape. Errors are told by status, type and code, never by their wording,
but for the few that servers tell by wording alone.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from evalsuite.backends.calls import ATTEMPT
from evalsuite.errors import BackendError, Fault

_SHOWN = 300
"""Characters of a server's own message that an error repeats."""

_OVERLAP = 8
"""A run of this many characters of the key counts as showing it."""

_KEY = "check the key in the environment"
_MODEL = "check the model's name and the URL"
_MONEY = "add credit or raise the account's limit"
_HOST = "check the URL and this machine's network"

_NAMED: Mapping[str, tuple[Fault, str]] = {
    "insufficient_quota": ("provider", _MONEY),
    "billing_error": ("provider", _MONEY),
    "billing_hard_limit_reached": ("provider", _MONEY),
    "billing_not_active": ("provider", _MONEY),
    "enforced_spend_limit_reached": ("provider", _MONEY),
    "contract_spend_limit_reached": ("provider", _MONEY),
    "linked_organization_spend_limit_reached": ("provider", _MONEY),
    "organization_on_hold": ("provider", _MONEY),
    "invalid_api_key": ("provider", _KEY),
    "authentication_error": ("provider", _KEY),
    "permission_error": ("provider", _KEY),
    "model_not_found": ("provider", _MODEL),
    "not_found_error": ("provider", _MODEL),
    "context_length_exceeded": ("request", ""),
    "content_filter": ("request", ""),
    "content_policy_violation": ("request", ""),
    "rate_limit_exceeded": ("throttled", ""),
    "rate_limit_error": ("throttled", ""),
    "overloaded_error": ("throttled", ""),
    "api_error": ("transient", ""),
    "timeout_error": ("transient", ""),
    "server_error": ("transient", ""),
    "invalid_request_error": ("request", ""),
}
"""Whom an error concerns, by its code or type; what an error of fault "provider" asks of people."""

_WORDED = (
    (re.compile(r"Your credit balance is too low"), "billing_error"),
    (
        re.compile(r"(The )?model\b[^.]{0,120} (does not exist|not found)", re.IGNORECASE),
        "model_not_found",
    ),
)
"""How some servers begin what they tell by a message alone: Anthropic on billing, others on an
unknown model. Only the beginning counts, since a message may quote the request."""

_TRANSIENT = frozenset({408, 409, 425, 499})
_THROTTLED = frozenset({429, 529})
_STATUS: Mapping[int, str] = {
    401: _KEY,
    402: _MONEY,
    403: _KEY,
    404: _MODEL,
}


class _Told(NamedTuple):
    """What an error response says of itself, as far as it can be read."""

    status: int
    codes: tuple[str, ...]
    message: str
    headers: Mapping[str, str]


def failure(provider: str, error: Exception, key: str) -> BackendError:
    """What an SDK or its transport raised, in one line: kind, status, code, the server's words,
    never the key. What a server says of a refused key is left out, since it may quote it in part.
    """
    told = _told(error)
    heard(told.headers)
    if told.status or told.codes:
        fault, remedy = _of_reply(told)
    else:
        fault, remedy = _of_transport(error)
    kind = type(error).__name__ + (f" {told.status}" if told.status else "")
    if told.codes:
        kind += f" ({told.codes[0]})"
    said = told.message
    if remedy == _KEY:
        said = "the key was refused"
    elif not said and not told.status:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        said = f"{error}{cause}"
    shown = without(" ".join(said.split()), key)[:_SHOWN]
    message = f"{provider}: {without(kind, key)}{f': {shown}' if shown else ''}"
    after = None if fault in ("request", "provider") else retry_after(told.headers, time.time())
    return BackendError(message + (f" ({remedy})" if remedy else ""), fault=fault, after=after)


def unreadable(provider: str, error: Exception, key: str) -> BackendError:
    """A reply of status 200 that is none: cut short, or not the JSON that was expected."""
    shown = without(f"{type(error).__name__}: {error}", key)[:_SHOWN]
    message = f"{provider}: a reply that can't be read ({shown})"
    return BackendError(" ".join(message.split()), fault="transient")


def heard(headers: Mapping[str, str]) -> None:
    """Hand a reply's headers to the lane that the call goes through, if there is one."""
    attempt = ATTEMPT.get()
    if attempt is not None:
        attempt.headers = headers


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a reply asks to wait (`retry-after-ms`, `Retry-After` in seconds or as a date);
    None if it does not say, or nothing that makes sense. `now` is in seconds since 1970."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            return float(value) / unit
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def without(text: str, key: str) -> str:
    """`text` with every run of characters that it shares with the key blotted out."""
    size = min(_OVERLAP, len(key))
    runs = {key[start : start + size] for start in range(len(key) - size + 1)}
    if not size or not any(run in text for run in runs):
        return text
    hidden = [False] * len(text)
    for run in runs:
        for found in re.finditer(f"(?={re.escape(run)})", text):
            hidden[found.start() : found.start() + size] = [True] * size
    blotted = "".join("\0" if hide else letter for letter, hide in zip(text, hidden, strict=True))
    return re.sub("\0+", "[key]", blotted)


def _told(error: Exception) -> _Told:
    status = getattr(error, "status_code", None)
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else body
    inner = inner if isinstance(inner, dict) else {}
    details = inner.get("details")
    detailed = details.get("error_code") if isinstance(details, dict) else None
    message = inner.get("message")
    codes = [each for each in (detailed, inner.get("code"), inner.get("type")) if _is_code(each)]
    message = message if isinstance(message, str) else ""
    codes += [code for words, code in _WORDED if words.match(message)]
    response = getattr(error, "response", None)
    return _Told(
        status if isinstance(status, int) else 0,
        tuple(map(str, codes)),
        message,
        getattr(response, "headers", None) or {},
    )


def _is_code(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\w{1,80}", value, re.ASCII) is not None


def _of_reply(told: _Told) -> tuple[Fault, str]:
    """Whom an answered failure concerns, and the remedy if that is everyone."""
    for code in told.codes:
        if code in _NAMED and _fits(code, told.status):
            return _NAMED[code]
    status, asked = told.status, told.headers.get("x-should-retry", "")
    if status in _THROTTLED:
        return "throttled", ""
    if status in _STATUS:
        return "provider", _STATUS[status]
    if asked == "false":
        return "request", ""
    if asked == "true" or status in _TRANSIENT or status >= 500:
        return ("throttled" if "retry-after" in told.headers else "transient"), ""
    return ("request" if status >= 300 else "transient"), ""


def _fits(code: str, status: int) -> bool:
    """Whether a code says more than the status beside it: "invalid_request_error" stands in most
    of OpenAI's errors, and who calls its own failure by a request's name is not believed."""
    if status < 300:
        return True
    fault, _ = _NAMED[code]
    if fault == "transient" or code == "invalid_request_error":
        return False
    return fault == "throttled" or 400 <= status < 500


def _of_transport(error: Exception) -> tuple[Fault, str]:
    """Whom a failure without a reply concerns: a wrong certificate or name stays wrong."""
    if isinstance(error, TypeError | ValueError) and not _is_cut(error):
        return "request", ""
    for each in _causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return "provider", "the server's certificate is not trusted: " + _HOST
        if isinstance(each, socket.gaierror) and each.errno != socket.EAI_AGAIN:
            return "provider", "the host's name is not known: " + _HOST
        if type(each).__name__ in ("UnsupportedProtocol", "InvalidURL"):
            return "provider", _HOST
        if type(each).__name__ == "CredentialsError":
            return "provider", _KEY
    return "transient", ""


def _is_cut(error: Exception) -> bool:
    """JSON or text that ends or breaks in the middle: what arrived, not what was asked."""
    return type(error).__name__ in ("JSONDecodeError", "UnicodeDecodeError")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
