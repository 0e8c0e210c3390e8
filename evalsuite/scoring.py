"""What a scorer may return, folded into scores; and what a scorer is, folded into a key.

A scorer is any callable of (case, output), plain or async: users write functions, not classes. One
that asks a model has a third parameter `llm`. Whatever it returns becomes a Score here, in one
place; what can't be a score is "no score" with the reason, never 0.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar

from evalsuite.canonical import canonical, key
from evalsuite.records import CHECKS, COMPLETION, Json, Metric, Score
from evalsuite.wording import blot

Scorer = Callable[..., Any]
_Scorer = TypeVar("_Scorer", bound=Callable[..., Any])

SNIPPET = 200
"""Characters kept of any text that is quoted in a reason or in evidence."""

EVIDENCE = 65_536
"""Bytes of evidence that one score may carry."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A yes or no. `holds` None: could not be decided, `reason` says why; never a guess.

    The reason describes what was found either way, since a negated check reports it too.
    """

    holds: bool | None
    reason: str
    evidence: Mapping[str, Json] = field(default_factory=dict)


def nothing(reason: str) -> Score:
    """What a scorer returns where there is nothing to judge: no score, and none is missing."""
    return Score("", 1, "", None, reason, void=True)


def measures(metric: Metric | str) -> Callable[[_Scorer], _Scorer]:
    """Decorate a scorer with the metric that it measures: its name, range and direction."""

    def declare(scorer: _Scorer) -> _Scorer:
        scorer.metric = metric  # type: ignore[attr-defined]
        return scorer

    return declare


def metric_of(scorer: Scorer) -> Metric:
    """What a scorer measures: its `metric` (text or a Metric), else its name, in [0, 1]."""
    metric = getattr(scorer, "metric", None)
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, str) and metric:
        return Metric(metric)
    inner = getattr(scorer, "func", scorer)
    return Metric(getattr(inner, "__name__", type(inner).__name__))


def scorer_name(scorer: Scorer) -> str:
    """The metric's name under which a scorer's single value is kept."""
    return metric_of(scorer).name


def metrics_of(scorer: Scorer) -> tuple[Metric, ...]:
    """All metrics that a scorer says beforehand that it gives; its own is the first."""
    given = getattr(scorer, "metrics", None)
    if isinstance(given, tuple) and given and all(isinstance(each, Metric) for each in given):
        return given
    return (metric_of(scorer),)


def clip(text: str, limit: int = SNIPPET) -> str:
    """At most `limit` characters, safe to encode: half characters become "?"."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")


def complaint(error: BaseException) -> str:
    """ "Type: message" of an exception, one line, clipped."""
    try:
        message = f": {error}" if str(error) else ""
    except Exception:  # noqa: BLE001 - an exception of a user's class may fail to print itself
        message = ""
    return clip(" ".join(blot(type(error).__name__ + message).split()))


def takes_llm(scorer: Scorer) -> bool:
    """Whether a scorer asks models itself: it has a parameter `llm`."""
    try:
        return "llm" in inspect.signature(scorer).parameters
    except (TypeError, ValueError):  # made by C code, which says nothing of its parameters
        return False


def fold(result: object, metric: Metric, case_id: str, trial: int) -> list[Score]:
    """One or more scores out of what a scorer returned.

    Accepted: a number, True or False, None, a Score, an Outcome, (one of those, reason), or a
    mapping from metric name to any of these. A value outside the metric's range, NaN or infinite
    is no score; metrics beside the declared one range over [0, 1].
    """
    if isinstance(result, Mapping):
        if not result:
            return [Score(case_id, trial, metric.name, None, "the scorer returned no metric")]
        return [_entry(name, each, metric, case_id, trial) for name, each in result.items()]
    return [_score(result, metric, case_id, trial)]


def _entry(name: object, result: object, metric: Metric, case_id: str, trial: int) -> Score:
    if not isinstance(name, str) or not name or name in (CHECKS, COMPLETION):
        reason = f"the scorer returned a metric named {clip(repr(name), 60)}, which can't be used"
        return Score(case_id, trial, metric.name, None, reason)
    inner = metric if name == metric.name else Metric(name)
    return replace(_score(result, inner, case_id, trial), metric=name)


def _score(result: object, metric: Metric, case_id: str, trial: int) -> Score:
    reason = ""
    evidence: Sequence[Mapping[str, Json]] = ()
    void = False
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        result, reason = result
    if isinstance(result, Score):
        if result.metric not in ("", metric.name):
            if result.metric in (CHECKS, COMPLETION):
                return _entry(result.metric, None, metric, case_id, trial)
            metric = Metric(result.metric)
        reason, evidence, void = reason or result.reason, result.evidence, result.void
        result = result.value
    elif isinstance(result, Outcome):
        reason, evidence = reason or result.reason, [result.evidence] if result.evidence else ()
        result = result.holds
    value, wrong = _number(result, metric)
    if value is None:
        reason = f"{wrong} ({reason})" if reason and wrong else wrong or reason
        reason = reason or "the scorer returned None"
    void = void and value is None and not wrong
    shown = clip(reason, 400)
    return Score(case_id, trial, metric.name, value, shown, _evidence(evidence), void)


def _number(value: object, metric: Metric) -> tuple[float | None, str]:
    """The value as a float within the metric's range, or None and what is wrong with it."""
    if value is None:
        return None, ""
    if isinstance(value, (str, bytes)) or not hasattr(type(value), "__float__"):
        return None, f"the scorer returned {type(value).__name__}, which is no value"
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        return None, complaint(error)
    if not math.isfinite(number):
        return None, f"the scorer returned {number}"
    if not metric.low <= number <= metric.high:
        return None, f"{number:g} is outside [{metric.low:g}, {metric.high:g}]"
    return number, ""


def _evidence(evidence: Sequence[Mapping[str, Json]]) -> tuple[Mapping[str, Json], ...]:
    try:
        kept = tuple(dict(each) for each in evidence)
        if len(canonical(kept)) <= EVIDENCE:
            return kept
    except (ValueError, TypeError, RecursionError) as error:
        return ({"evidence left out": complaint(error)},)
    return ({"evidence left out": f"over {EVIDENCE} bytes"},)


def scorer_key(scorer: Scorer) -> str:
    """The identity of a scorer: its `measure` or `key` if it has one (text), else what can be seen
    of it.

    Seen are its source text, default arguments, the values it closes over, and the functions,
    classes, modules and constants of the project that its code names, as far as they lead; of
    installed packages only the names. Not seen: files that it reads, what it looks up by a
    computed name, state that changes later. A scorer that depends on such things says so in `key`.
    """
    for own in (getattr(scorer, "measure", None), getattr(scorer, "key", None)):
        if isinstance(own, str) and own:
            return own
    try:
        return _seen_key(scorer)
    except TypeError:  # not hashable, so not kept
        return key("scorer", _describe(scorer, {}))


@functools.lru_cache(maxsize=256)
def _seen_key(scorer: Scorer) -> str:
    return key("scorer", _describe(scorer, {}))


def _describe(value: Any, seen: dict[int, Any]) -> Json:
    """A value as JSON that changes when what it does changes, and not between processes."""
    if value is None or isinstance(value, (bool, int, float, complex, bytes, str)):
        return [type(value).__name__, repr(value)]
    if id(value) in seen or len(seen) > 2_000:
        return ["again", type(value).__qualname__]
    seen[id(value)] = value  # kept, so that no other object gets its id
    if isinstance(value, (FunctionType, type, ModuleType)):
        return _code(value, seen)
    kind = "a mapping" if isinstance(value, Mapping) else _describe(type(value), seen)
    return ["object", kind, [_describe(each, seen) for each in _state(value)]]


def _state(value: Any) -> Iterable[Any]:  # noqa: PLR0911 - one line a kind
    """What an object holds; of installed packages' objects nothing, it may differ by the hour."""
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, (set, frozenset)):
        return sorted(repr(each) for each in value)
    if isinstance(value, Mapping):
        return [part for item in value.items() for part in item]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if inspect.ismethod(value):
        return [value.__func__, value.__self__]
    if isinstance(value, re.Pattern):
        return [value.pattern, value.flags]
    if is_dataclass(value):
        return [getattr(value, each.name, None) for each in fields(value)]
    return [getattr(value, "__dict__", None)] if _of_project(type(value).__module__) else []


def _code(value: Any, seen: dict[int, Any]) -> Json:
    """A function, class or module: source and what it names if the project's own, else its name."""
    module = value.__name__ if isinstance(value, ModuleType) else value.__module__
    label = [type(value).__name__, str(module), getattr(value, "__qualname__", "")]
    if not _of_project(str(module)):
        return label
    if not isinstance(value, FunctionType):
        return [*label, _source(value)]
    scope = value.__globals__
    named = {each: scope[each] for each in sorted(set(_names(value.__code__))) if each in scope}
    held = [*_cells(value), value.__defaults__, value.__kwdefaults__, named]
    return [*label, _source(value.__code__), [_describe(each, seen) for each in held]]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _cells(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not yet filled
            yield None


def _source(value: Any) -> str:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):  # typed at a prompt or made by exec
        return value.co_code.hex() if isinstance(value, CodeType) else ""


def _of_project(module: str) -> bool:
    """Whether a module is neither installed, nor Python's, nor ours, whose checks have versions."""
    if module.partition(".")[0] == "evalsuite":
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return module not in sys.builtin_module_names and module != "builtins"
    path = Path(file)
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return not installed and not path.is_relative_to(sysconfig.get_path("stdlib"))
