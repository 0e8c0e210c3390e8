"""What a provider's headers say of its limits: OpenAI's `x-ratelimit-*`, Anthropic's
`anthropic-ratelimit-*`. Foreign text: what can't be read is not said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple


class Left(NamedTuple):
    """Of one limit: its size, what is left of it, and the units a second at which it fills; None
    where the headers don't tell."""

    limit: float
    remaining: float
    rate: float | None


_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SPAN = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[dhms]))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)


def left(headers: Mapping[str, str], now: float) -> tuple[Left | None, Left | None]:
    """What is left of requests and of tokens; `now` is in seconds since 1970."""
    return _left(headers, "requests", now), _left(headers, "tokens", now)


def _left(headers: Mapping[str, str], kind: str, now: float) -> Left | None:
    for limit, remaining, reset in (
        (f"x-ratelimit-{each}-{kind}" for each in ("limit", "remaining", "reset")),
        (f"anthropic-ratelimit-{kind}-{each}" for each in ("limit", "remaining", "reset")),
    ):
        size, rest = _number(headers.get(limit)), _number(headers.get(remaining))
        if size is None or rest is None or size <= 0.0:
            continue
        span = _seconds(headers.get(reset), now)
        rate = (size - rest) / span if span and size > rest else None
        return Left(size, min(rest, size), rate)
    return None


def _number(text: str | None) -> float | None:
    return float(text) if text and _NUMBER.fullmatch(text) else None


def _seconds(text: str | None, now: float) -> float | None:
    """How long until the limit is whole again: "6m0s", "20ms", seconds, or a moment in time."""
    if not text:
        return None
    if _NUMBER.fullmatch(text):
        return float(text)
    if _SPAN.fullmatch(text):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - now) if moment.tzinfo else None
