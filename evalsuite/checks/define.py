"""What a check is, and how one is written.

A check is a closure: parameters outside, case and output inside. `define` adds what all need:
parameters are checked against their annotations, and a key is made of kind, version and parameters.

    @define(version=1)
    def shouts(*, min: int = 1) -> Test:
        def test(case: Case, output: Output) -> Outcome:
            count = output.text.count("!")
            return Outcome(count >= min, f"the answer has {count} exclamation marks")
        return test
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeGuard, Union, get_args, get_origin, get_type_hints

from evalsuite.canonical import key
from evalsuite.errors import Problem, ProblemsError, did_you_mean
from evalsuite.records import Case, Json, Output
from evalsuite.scoring import Outcome, clip

P = ParamSpec("P")
Test = Callable[[Case, Output], Outcome]


@dataclass(frozen=True, slots=True)
class Check:
    """A yes-or-no question about an output. `key` changes with kind, parameters and version."""

    kind: str
    key: str
    test: Test = field(repr=False, compare=False)

    def __call__(self, case: Case, output: Output) -> Outcome:
        return self.test(case, output)

    @property
    def metric(self) -> str:
        return self.kind


def negate(check: Check) -> Check:
    """The check that holds where `check` does not; what can't be decided stays undecided.

    Raises:
        ProblemsError: it is no check.
    """
    if not isinstance(check, Check):
        said = getattr(check, "__name__", None) or _name_of(check)
        remedy = 'write ev.check.negate(ev.check.contains("16 weeks"))'
        raise bad("not", f"negates a check, not {clip(said, 60)}", remedy)

    def test(case: Case, output: Output) -> Outcome:
        found = check(case, output)
        holds = None if found.holds is None else not found.holds
        return Outcome(holds, found.reason, found.evidence)

    return Check(f"not {check.kind}", key("check", ["not", check.key]), test)


def define(
    *, version: int, limit: int | None = None
) -> Callable[[Callable[P, Test]], Callable[P, Check]]:
    """Make a function that returns a Test return a Check, named as the function is.

    Raise `version` whenever the same parameters may decide differently: scores made before become
    stale. Outputs over `limit` characters are undecided, for tests whose work grows too fast.
    The made function raises ProblemsError for parameters that don't fit their annotations.
    """

    def wrap(make: Callable[P, Test]) -> Callable[P, Check]:
        kind = make.__name__

        @functools.wraps(make)
        def factory(*args: P.args, **kwargs: P.kwargs) -> Check:
            given = _bind(make, args, kwargs)
            test = make(*args, **kwargs)
            if limit is not None:
                test = _bounded(test, kind, limit)
            return Check(kind, key("check", [kind, version, given]), test)

        return factory

    return wrap


def bad(where: str, message: str, remedy: str = "") -> ProblemsError:
    """The error for a wrong parameter; `where` is "kind" or "kind.parameter"."""
    return ProblemsError([Problem("check", 0, where, message, remedy)])


def quoted(text: str, limit: int = 80) -> str:
    """Text as it is named in a reason."""
    return f'"{clip(text, limit)}"'


def around(text: str, start: int, end: int) -> str:
    """What was found, with a little of what stands around it; at most 200 characters."""
    end = min(end, start + 120)
    before, after = max(0, start - 35), end + 35
    head = "…" if before else ""
    tail = "…" if after < len(text) else ""
    return clip(head + text[before:after] + tail)


def _bounded(test: Test, kind: str, limit: int) -> Test:
    def bounded(case: Case, output: Output) -> Outcome:
        if len(output.text) > limit:
            reason = f"the answer has {len(output.text)} characters, {kind} reads up to {limit}"
            return Outcome(None, reason)
        return test(case, output)

    return bounded


@functools.cache
def _shape(make: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, Any]]:
    return inspect.signature(make), get_type_hints(make)


def _bind(make: Callable[..., Test], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Json:
    """The parameters that were given, by name, without those left at their default."""
    signature, hints = _shape(make)
    kind, parameters = make.__name__, signature.parameters
    problems = [
        Problem("check", 0, kind, f'unknown parameter "{clip(str(name), 60)}"', hint)
        for name in kwargs
        if name not in parameters
        for hint in [did_you_mean(str(name), parameters)]
    ]
    if problems:
        raise ProblemsError(problems)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        raise bad(kind, str(error), f"parameters: {', '.join(parameters)}") from None
    for name, value in given.items():
        wrong = _misfit(value, hints[name], parameters[name].default)
        if wrong:
            problems.append(Problem("check", 0, f"{kind}.{name}", *wrong))
    if problems:
        raise ProblemsError(problems)
    return {
        name: value for name, value in given.items() if not _same(value, parameters[name].default)
    }


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default


def _misfit(value: object, hint: Any, default: object) -> tuple[str, str] | None:
    """(message, remedy) where a value is not what its annotation says."""
    if _same(value, default):
        return None
    if not _fits(value, hint):
        said, wanted = _name_of(value), _spoken(hint)
        lists = [each for each in (hint, *get_args(hint)) if get_origin(each) is Sequence]
        if isinstance(value, (list, tuple)) and lists:
            inner = get_args(lists[0])[0]
            wrong = next(each for each in value if not _fits(each, inner))
            said, wanted = _name_of(wrong), f"a list, each {_spoken(inner)}"
        return f"must be {wanted}, not {said}", "docs/checks.md shows how it is written"
    if hint is Any:
        return None
    if value in ([], ()):
        return "must not be empty", "list at least one, or leave it out"
    if value == "" or (isinstance(value, (list, tuple)) and "" in value):
        return "must not be empty", "an empty text is in every answer, and the name of nothing"
    return None


def _fits(value: object, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in args)
    if origin is Sequence:
        return isinstance(value, (list, tuple)) and all(_fits(each, args[0]) for each in value)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if hint is float:
        return is_number(value)
    kinds = {Any: object, str: str, int: int, bool: bool, Mapping: dict, NoneType: NoneType}
    kind = kinds[origin or hint]
    if kind is int and isinstance(value, bool):
        return False
    return isinstance(value, kind) and _is_json(value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number; true and false are none."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and _is_json(value)


def _is_json(value: object) -> bool:
    try:
        key("value", value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _spoken(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_spoken(each) for each in args if each is not NoneType)
    if origin is Literal:
        return "one of " + ", ".join(f'"{each}"' for each in args)
    if origin is Sequence:
        return f"a list of {_spoken(args[0]).removeprefix('a ')}"
    if origin is Mapping:
        return "an object"
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(hint, "plain JSON")


def _name_of(value: object) -> str:
    if isinstance(value, str):
        return f"text {quoted(value, 40)}"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()[:40]
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, (list, tuple)) else type(value).__name__
