"""What the sides of both libraries share. It runs where the library is: here, or in a process of
an environment that holds neither our other modules' packages nor our settings (`child.py`), so it
and `inside_*.py` import the standard library and `evalsuite.errors` alone.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from evalsuite.errors import MissingExtra, SuiteError, did_you_mean

Json = Any


class Unanswered(Exception):
    """A question has no answer that can be used; the message says why."""


class Model(Protocol):
    """Whoever answers the metric's questions."""

    async def chat(self, prompt: str, schema: Mapping[str, Json] | None) -> Json:
        """The reply as JSON if there is a schema, else as text."""
        ...

    async def weigh(self, prompt: str, top: int) -> Mapping[str, Json]:
        """The reply's "text", and its "logprobs": one {"token", "logprob", "top": {token:
        logprob}} per token, with that many alternatives."""
        ...

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector per text."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What a library says of a metric. `needs` are names of fields that must be there, as
    `fields.py` has them; `embeds`: it compares vectors."""

    version: str
    theirs: str
    needs: Sequence[str]
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool = True
    embeds: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A metric's value, None with the reason where it has none."""

    value: float | None
    reason: str = ""


@dataclass(slots=True, eq=False)
class Answers:
    """Answers as a library's model gives them. `trouble` is what went wrong first: libraries try
    again or go on with what is left, and a value made so is none. Without a model nothing is
    asked: the metric only says what it is."""

    model: Model | None
    trouble: list[str] = field(default_factory=list)
    embedded: int = 0

    async def chat(self, prompt: object, schema: Any = None) -> Any:
        """An instance of the pydantic model `schema`, or text.

        Raises:
            Unanswered: always in place of a TypeError, which deepeval takes for a model that knows
                no schema, and asks again without one.
        """
        try:
            if not isinstance(prompt, str):
                raise Unanswered("it asks with images or sound, which are not passed on")
            given = None if schema is None else schema.model_json_schema()
            assert self.model is not None
            value = await self.model.chat(prompt, given)
            return value if schema is None else schema.model_validate(value)
        except Unanswered as error:
            self.trouble.append(str(error))
            raise
        except Exception as error:
            self.trouble.append(f"{getattr(schema, '__name__', 'text')}: {said_by(error)}")
            raise Unanswered(self.trouble[-1]) from error

    async def weigh(self, prompt: object, top: int) -> Mapping[str, Json]:
        """A reply with its log probabilities, as `Model` has it; Unanswered if there is none."""
        try:
            assert self.model is not None
            assert isinstance(prompt, str)
            return await self.model.weigh(prompt, top)
        except Exception as error:
            self.trouble.append(str(error) if isinstance(error, Unanswered) else said_by(error))
            raise Unanswered(self.trouble[-1]) from error

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded += len(texts)
        try:
            assert self.model is not None
            return [list(each) for each in await self.model.embed(texts)]
        except Exception as error:
            self.trouble.append(said_by(error))
            raise Unanswered(self.trouble[-1]) from error

    def found(self, value: object, reason: object, low: float, high: float) -> Found:
        """The value as a number; None where an answer lacked or it is none. A value that is beyond
        its range by rounding alone (a cosine of equal vectors) is put back."""
        if self.trouble:
            return Found(None, self.trouble[0])
        why = reason if isinstance(reason, str) else ""
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return Found(None, why or "the library gave no number")
        if number != number:  # noqa: PLR0124 (not a number)
            return Found(None, why or "the library's value is not a number: nothing to judge")
        if low - ROUNDING <= number <= high + ROUNDING:
            number = min(max(number, low), high)
        return Found(number, why)


ROUNDING = 1e-6


def said_by(error: BaseException) -> str:
    """An exception in one short line. Those of pydantic list values, which may be long."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 300 else text[:299] + "…"


def installed(package: str, least: tuple[int, ...], below: tuple[int, ...]) -> str:
    """The version of a package, which is also the name of its extra.

    Raises:
        MissingExtra: it is not installed.
        SuiteError: it is, in a version whose metrics are not known.
    """
    try:
        found = version(package)
    except PackageNotFoundError:
        raise MissingExtra(f"a metric of {package}", package) from None
    numbers = tuple(int(each) for each in re.findall(r"\d+", found)[:3])
    if not least <= numbers < below:
        low, high = (".".join(map(str, each)) for each in (least, below))
        raise SuiteError(
            f"{package} {found} is installed, and its metrics are known from {low} to below "
            f"{high}: pip install 'evalsuite[{package}]'"
        )
    return found


def broken(package: str, found: str, error: BaseException, pins: str) -> SuiteError:
    """The library is there and can't be imported."""
    return SuiteError(
        f"{package} {found} can't be imported: {said_by(error)}; pip install "
        f"'evalsuite[{package}]' again, which pins {pins}"
    )


def class_of(library: str, name: str, classes: Iterable[str], suffix: str = "") -> str:
    """The class that is meant by a name, however it is written; SuiteError if there is none."""
    plain = {_plain(each.removesuffix(suffix) if suffix else each): each for each in classes}
    found = plain.get(_plain(name.removesuffix(suffix) if suffix else name))
    if found is None:
        known = sorted(plain.values())
        raise SuiteError(f'{library} has no metric "{name}": {did_you_mean(name, known)}')
    return found


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def check_params(
    name: str, params: Iterable[str], takes: Iterable[str], ours: Iterable[str]
) -> None:
    """SuiteError for a parameter that the class does not take, or that is set here."""
    known = set(takes) - set(ours)
    for each in params:
        if each not in known:
            what = "is set here" if each in ours else did_you_mean(each, known)
            raise SuiteError(f'{name} has no parameter "{each}" ({what})')


def converted(label: str, params: Mapping[str, Json], shape: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the class wants them: texts as enums, objects as models; SuiteError for one
    that is none."""
    made = dict(params)
    for name, value in params.items():
        hint = shape[name].annotation
        if isinstance(hint, str):  # not to be had at run time
            continue
        from pydantic import TypeAdapter  # noqa: PLC0415 (the library's own)

        try:
            made[name] = TypeAdapter(hint).validate_python(value)
        except Exception as error:
            raise SuiteError(f"{label}: {name}: {said_by(error)}") from error
    return made


def muted(package: str) -> None:
    """Warnings of the library's modules go nowhere: what they say, a score's reason says, and
    filters of `warnings` belong to pytest."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == package and getattr(module, "warnings", None) is warnings:
            vars(module)["warnings"] = _SILENT


class _Silent:
    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)

    def warn(self, *_: object, **__: object) -> None:
        """Nothing."""


_SILENT = _Silent()
