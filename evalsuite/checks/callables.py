"""A check of the user's own: a function, named in a golden line.

A golden file that names a function runs it, so golden files are reviewed as code is.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

from evalsuite.canonical import key
from evalsuite.checks.define import Check, bad
from evalsuite.records import Case, Json, Output
from evalsuite.scoring import Outcome, clip, complaint, scorer_key

_CALL = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def python(call: str, **parameters: Json) -> Check:
    """Call "module:function" with (case, output, **parameters).

    It returns True or False, (True or False, reason), an Outcome, or None for "can't be decided";
    what it raises is "can't be decided" too. The check's key is that of the function's source and
    of what it names in the project (see `scoring.scorer_key`).
    """
    function = _function(call)
    wrong = [name for name in parameters if not name.isidentifier()]
    if wrong:
        raise bad(
            "python",
            f'"{clip(wrong[0], 40)}" is no name of a parameter',
            "name it as the function does",
        )
    try:
        inspect.signature(function).bind(None, None, **parameters)
    except TypeError as error:
        raise bad("python", f"{call}: {complaint(error)}", "it gets (case, output)") from None
    except ValueError:  # no signature to look at
        pass

    def test(case: Case, output: Output) -> Outcome:
        return _outcome(function(case, output, **parameters), call)

    return Check("python", key("check", ["python", call, parameters, scorer_key(function)]), test)


def _function(call: str) -> Callable[..., Any]:
    if not isinstance(call, str) or not _CALL.fullmatch(call):
        said = clip(call, 80) if isinstance(call, str) else type(call).__name__
        raise bad("python", f"must name a function, not {said}", 'write "module:function"')
    module, _, path = call.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - importing runs a user's code
        remedy = "it must be importable from where pytest runs"
        raise bad("python", f"can't import {module}: {complaint(error)}", remedy) from None
    for name in path.split("."):
        if not hasattr(found, name):
            raise bad("python", f"{module} has no {path}", "check the name after the colon")
        found = getattr(found, name)
    if not callable(found) or inspect.iscoroutinefunction(found):
        raise bad("python", f"{call} is no plain function", "write def, not async def")
    return found  # type: ignore[no-any-return]


def _outcome(result: object, call: str) -> Outcome:
    if isinstance(result, Outcome):
        return result
    reason = ""
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        result, reason = result
    if result is None:
        return Outcome(None, reason or f"{call} returned None")
    if isinstance(result, bool) or type(result).__module__ == "numpy":
        return Outcome(bool(result), reason or f"{call} returned {bool(result)}")
    return Outcome(None, f"{call} returned {type(result).__name__}, not True, False or None")
