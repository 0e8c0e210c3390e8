"""Calls a target: whatever it returns or raises becomes an Output, and nothing ends the loop.

Failures become data here, and only here: a target's own exception is an outcome, what the provider
or the harness did wrong is an error that is never a score.
"""

from __future__ import annotations

import contextvars
import functools
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalsuite.backends.calls import Tally
from evalsuite.backends.recording import MissingReply
from evalsuite.errors import BackendError, EvalsuiteError, RunStopped
from evalsuite.records import Case, Failure, Output
from evalsuite.runner.deadline import Deadline, Raised, call
from evalsuite.snapshot.codec import decoder, dump, parse, to_json
from evalsuite.strictjson import Malformed
from evalsuite.suites import Suite
from evalsuite.wording import blot

MISSING = "missing reply"
"""The detail of the failure that makes a case missing, not scored: a call that was not made."""

MAX_MESSAGE = 500
MAX_CAUSES = 100
_NOT_ASKED = (RunStopped, MissingReply)
_PACKAGE = str(Path(__file__).parent.parent)


async def call_target(
    suite: Suite,
    case: Case,
    arguments: Mapping[str, Any],
    *,
    context: contextvars.Context,
    threads: Executor,
    deadline: Deadline,
) -> Output:
    """One call within its deadline; raises nothing but the cancellation of this task."""
    target = functools.partial(suite.target, case=case, **arguments)
    try:
        output = as_output(await call(target, context=context, threads=threads, deadline=deadline))
        if output.error is not None:  # the target's own words for what went wrong
            message, detail = blot(output.error.message), blot(output.error.detail)
            output = Output(error=replace(output.error, message=message, detail=detail))
        return output
    except Raised as raised:
        return Output(error=failure(raised.error))
    except TimeoutError:
        return Output(error=Failure("timeout", f"no answer within {deadline.limit:g} s"))
    except (TypeError, ValueError, RecursionError) as error:
        return Output(error=Failure("target", f"{_said(error)} ({suite.file}:{suite.line})"))


def settled(output: Output, tally: Tally) -> Output:
    """An output in the light of the calls that it was made with. What a target makes of a call that
    failed is no answer, even if it swallowed the error; a later call that succeeded mends it."""
    stop = not_asked(tally)
    if stop is not None:
        return Output(error=missing(stop))
    if tally.failed is not None and (output.error is None or output.error.kind == "target"):
        return Output(error=Failure("provider", _text(tally.failed)))
    return output


def not_asked(tally: Tally) -> BackendError | None:
    """The first call that was not made, and that the case needs: the run has ended, or its reply is
    not stored."""
    if tally.aside:
        return None
    return next((each for each in tally.failures if isinstance(each, _NOT_ASKED)), None)


def missing(error: BaseException) -> Failure:
    """The failure of a case that has not been evaluated, and will be by another run."""
    return Failure("harness", _text(error), MISSING)


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
    if any(isinstance(cause, _NOT_ASKED) for cause in causes):
        return missing(error)
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
