"""Calls side by side: a case's trials and scorers, a judge's criteria, orders and votes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in the order of `work`; if one fails the others are cancelled, and its error is
    raised. A single one costs no task."""
    if len(work) <= 1:
        return [await each for each in work]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in tasks]
