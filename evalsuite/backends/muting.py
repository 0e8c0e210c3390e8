"""HTTP libraries log URLs and headers, which may hold a key: not of our own requests."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_MUTED: ContextVar[bool] = ContextVar("evalsuite_muted", default=False)

_LOGGERS = (
    "openai._base_client",
    "anthropic._base_client",
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
)


@contextmanager
def muted() -> Iterator[None]:
    """Inside, these libraries log nothing; what a target's own clients say is left alone."""
    _install()
    token = _MUTED.set(True)
    try:
        yield
    finally:
        _MUTED.reset(token)


@functools.cache
def _install() -> None:
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_heard)


def _heard(_: logging.LogRecord) -> bool:
    return not _MUTED.get()
