"""Calls a target: whatever it returns or raises becomes an Output, and nothing ends the loop.

Failures become data here, and only here: a target's own exception is an outcome, what the provider
or the harness did wrong is an error that is never a score.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalsuite.backends.recording import MissingReply
from evalsuite.errors import BackendError, EvalsuiteError
from evalsuite.records import Case, Failure, Output
from evalsuite.snapshot.codec import decoder, dump, parse, to_json
from evalsuite.strictjson import Malformed
from evalsuite.suites import Suite
from evalsuite.wording import blot

MISSING = "missing reply"
"""The detail of the failure that makes a case missing, not scored: a reply that is not stored."""

MAX_MESSAGE = 500
MAX_CAUSES = 100
_PACKAGE = str(Path(__file__).parent.parent)


class Raised(Exception):
    """A target raised `error`. Carried so, because some exceptions (SystemExit, StopIteration, a
    cancellation of its own) would end a thread, a task or the whole loop instead."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


async def call_target(
    suite: Suite,
    case: Case,
    arguments: Mapping[str, Any],
    *,
    context: contextvars.Context,
    threads: ThreadPoolExecutor,
    limit: float,
) -> Output:
    """One call within `limit` seconds; raises nothing but the cancellation of this task."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limit):
            if inspect.iscoroutinefunction(suite.target):
                coming = _awaited(suite.target(case=case, **arguments))
                returned = await loop.create_task(coming, context=context)
            else:
                returned = await loop.run_in_executor(
                    threads, context.run, _called, lambda: suite.target(case=case, **arguments)
                )
        output = as_output(returned)
        if output.error is not None:  # the target's own words for what went wrong
            message, detail = blot(output.error.message), blot(output.error.detail)
            output = Output(error=replace(output.error, message=message, detail=detail))
        return output
    except Raised as raised:
        return Output(error=failure(raised.error))
    except TimeoutError:
        return Output(error=Failure("timeout", f"no answer within {limit:g} s"))
    except (TypeError, ValueError, RecursionError) as error:
        return Output(error=Failure("target", f"{_said(error)} ({suite.file}:{suite.line})"))


def _called(target: Callable[[], Any]) -> Any:
    try:
        return target()
    except BaseException as error:  # noqa: BLE001 (SystemExit and StopIteration too)
        raise Raised(error) from None


async def _awaited(answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except GeneratorExit:  # nobody waits for it any more
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise Raised(error) from None


def as_output(returned: object) -> Output:
    """What a target may return, an Output or text, as it will be read back from the store: a
    scorer sees the same whether the target ran or not. Half characters become "?".

    Raises TypeError, ValueError or RecursionError for anything else.
    """
    if isinstance(returned, str):
        returned = Output(text=returned)
    if not isinstance(returned, Output):
        raise TypeError(f"a target returns an Output or text, not {type(returned).__name__}")
    try:
        output: Output = decoder(Output)(parse(dump(to_json(returned))))
    except Malformed as bad:
        field = f"{bad.field} " if bad.field else ""
        raise TypeError(f"the Output that a target returned: {field}{bad.message}") from None
    return output


def failure(error: BaseException) -> Failure:
    """What a target raised: its own fault, unless the cause is the provider's or the harness's."""
    causes = list(_causes(error))
    if any(isinstance(cause, MissingReply) for cause in causes):
        return Failure("harness", _text(error), MISSING)
    if any(isinstance(cause, BackendError) for cause in causes):
        return Failure("provider", _text(error))
    if isinstance(error, EvalsuiteError):
        return Failure("harness", _text(error))
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((_PACKAGE, "<"))]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    detail = blot("".join(traceback.format_exception(error)))[-4000:]
    return Failure("target", _said(error) + place, detail)


def _causes(error: BaseException, seen: set[int] | None = None) -> Iterator[BaseException]:
    """The exception, what led to it, and the members of a group (of asyncio.TaskGroup, say)."""
    seen = set() if seen is None else seen
    if id(error) in seen or len(seen) > MAX_CAUSES:
        return
    seen.add(id(error))
    yield error
    context = None if error.__suppress_context__ else error.__context__
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for each in (error.__cause__, context, *members):
        if each is not None:
            yield from _causes(each, seen)


def _said(error: BaseException) -> str:
    name = type(error).__name__
    text = _text(error)
    return blot(f"{name}: {text}" if text else name)[:MAX_MESSAGE]


def _text(error: BaseException) -> str:
    """The message without what must stay secret; an exception may fail to print itself."""
    try:
        return blot(str(error))
    except Exception:  # noqa: BLE001 (a class of the user's)
        return ""
