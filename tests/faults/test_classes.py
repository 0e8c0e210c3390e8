"""Whom a failure concerns, from what a server says and from what the network does."""

from __future__ import annotations

import ssl
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest

from evalsuite.backends.faults import failure, retry_after, without


class Refused(Exception):
    """As an SDK's error for a reply."""

    def __init__(self, status: int, body: Any = None, **headers: str) -> None:
        super().__init__("refused")
        self.status_code = status
        self.body = body
        self.response = SimpleNamespace(
            headers={k.replace("_", "-"): v for k, v in headers.items()}
        )


def said(code: str, message: str = "no") -> dict[str, Any]:
    return {"error": {"type": code, "code": code, "message": message}}


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (Refused(408), "transient"),
        (Refused(409), "transient"),
        (Refused(500), "transient"),
        (Refused(503, retry_after="3"), "throttled"),
        (Refused(429), "throttled"),
        (Refused(529, said("overloaded_error")), "throttled"),
        (Refused(429, said("insufficient_quota")), "provider"),
        (Refused(402), "provider"),
        (Refused(400, {"error": {"message": "Your credit balance is too low."}}), "provider"),
        (Refused(401), "provider"),
        (Refused(403), "provider"),
        (Refused(404, {"message": "The model `m` does not exist.", "code": 404}), "provider"),
        (Refused(400, said("context_length_exceeded")), "request"),
        (Refused(400, {"error": {"message": "in your prompt: model x not found"}}), "request"),
        (Refused(413), "request"),
        (Refused(422), "request"),
        (Refused(500, said("server_error"), x_should_retry="false"), "request"),
        (Refused(404, said("invalid_request_error")), "provider"),
        (Refused(500, said("invalid_api_key")), "transient"),
        (Refused(200, said("overloaded_error")), "throttled"),
        (ConnectionResetError("reset"), "transient"),
        (TimeoutError(), "transient"),
        (TypeError("no such argument"), "request"),
    ],
)
def test_an_error_says_whom_it_concerns(error: Exception, fault: str) -> None:
    assert failure("p", error, "").fault == fault


def test_a_certificate_and_a_name_that_are_wrong_stay_wrong() -> None:
    error = ConnectionError("Connection error.")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    assert failure("p", error, "").fault == "provider"


def test_waits_are_read_in_every_form_and_nonsense_is_none() -> None:
    assert retry_after({"retry-after": "7"}, 0.0) == 7.0
    assert retry_after({"retry-after-ms": "250", "retry-after": "7"}, 0.0) == 0.25
    assert retry_after({"retry-after": formatdate(1_030, usegmt=True)}, 1_000.0) == 30.0
    assert retry_after({"retry-after": formatdate(900, usegmt=True)}, 1_000.0) == 0.0
    for odd in ("", "-5", "soon", "1e400", "nan", "9" * 50):
        assert retry_after({"retry-after": odd}, 0.0) is None


def test_no_run_of_the_key_is_shown() -> None:
    key = "sk-canary-7f3a9b1c5d2e"
    error = failure("p", Refused(400, said("bad", f"you sent {key[3:]} and\n{key}")), key)
    assert "canary" not in str(error)
    assert "\n" not in str(error)
    assert without(key, key) == "[key]"
