"""Calls side by side: a case's trials and scorers, a judge's criteria, orders and votes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar, cast

T = TypeVar("T")


async def together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in the order of `work`. If one fails the others go on to their end, since calls
    that are under way are paid for, and then its error is raised; a single one costs no task."""
    if len(work) <= 1:
        return [await each for each in work]
    found = await asyncio.gather(*work, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return cast("list[T]", found)
