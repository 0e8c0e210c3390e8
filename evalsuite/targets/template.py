"""What is sent: a JSON template whose texts may hold Jinja, filled in for each case."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evalsuite.canonical import canonical
from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.records import Case, Json
from evalsuite.wording import shown

if TYPE_CHECKING:
    from jinja2 import Environment

Fill = Callable[[Mapping[str, Json]], Json]

_ALONE = re.compile(r"\s*\{\{-?(.*?)-?\}\}\s*", re.DOTALL)


def given(case: Case, variant: Mapping[str, Json]) -> dict[str, Json]:
    """What a template sees: plain values, and nothing that the answer is judged by."""
    asked = {"id": case.id, "input": case.input, "slices": dict(case.slices)}
    return {"case": asked, "variant": dict(variant)}


def compiled(template: Json) -> Fill:
    """The template as a function. Text that is one expression alone ("{{ case.input.messages }}")
    becomes that value, any other text becomes text.

    Raises:
        SuiteError: a text is no Jinja, named by its place.
    """
    return _part(_environment(), template, "template")


def _environment() -> Environment:
    from jinja2 import StrictUndefined  # noqa: PLC0415 (only for templates)
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Plain(ImmutableSandboxedEnvironment):
        def getattr(self, obj: Any, attribute: str) -> Any:
            """A field wins over a dict's method: `case.input.items` is what the case says."""
            if isinstance(obj, dict) and attribute in obj:
                return obj[attribute]
            return super().getattr(obj, attribute)

    return Plain(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)


def _part(env: Environment, part: Json, where: str) -> Fill:
    if isinstance(part, str):
        return _text(env, part, where)
    if isinstance(part, Mapping):
        fields = {name: _part(env, each, f"{where}[{shown(name)}]") for name, each in part.items()}
        return lambda data: {name: fill(data) for name, fill in fields.items()}
    if isinstance(part, list | tuple):
        items = [_part(env, each, f"{where}[{place}]") for place, each in enumerate(part)]
        return lambda data: [fill(data) for fill in items]
    if part is None or isinstance(part, bool | int | float):
        return lambda data: part
    raise SuiteError(f"{where} must be JSON, not {shown(part)}")


def _text(env: Environment, text: str, where: str) -> Fill:
    from jinja2 import TemplateError, Undefined  # noqa: PLC0415

    found = _ALONE.fullmatch(text)
    alone = found is not None and "{{" not in found[1] and "}}" not in found[1]
    try:
        if found is not None and alone:
            make: Any = env.compile_expression(found[1].strip(), undefined_to_none=False)
        else:
            make = env.from_string(text).render
    except TemplateError as error:
        raise SuiteError(f"{where}: {error}") from None

    def fill(data: Mapping[str, Json]) -> Json:
        try:
            value = make(**data)
            if isinstance(value, Undefined):
                str(value)  # says what is missing
            canonical(value)
        except Exception as error:  # noqa: BLE001 (whatever a filter raises)
            case = data["case"]["id"]
            raise EvalsuiteError(f"{where}: {error} (case {shown(case)})") from None
        return value

    return fill
