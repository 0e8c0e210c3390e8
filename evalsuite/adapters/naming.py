"""A metric of another library as a suite names it.

A module full of suites is imported in every run of pytest, so that this loads neither the library
nor anything else: `bind` does, when the suite is made ready.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.records import Case, Json, Metric, Output
from evalsuite.wording import shown

if TYPE_CHECKING:
    from evalsuite.adapters.binding import BoundForeign
    from evalsuite.judging.setting import Setting

Library = Literal["ragas", "deepeval"]

EMBEDDINGS = "embed"
"""The role whose vectors are compared; never the default one: a model that chats has none."""

UNBOUND = "a metric of another library scores within a suite: put it into scorers=[...]"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,98}[a-z0-9])?", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}", re.ASCII)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True, eq=False)
class Foreign:
    """A metric that a suite names; `bind` makes it one that can be asked. `theirs` is its name in
    the library, `params` go to it as they are. `python`: the interpreter of an environment of its
    own that the library runs in."""

    library: Library
    theirs: str
    name: str
    params: Mapping[str, Json] = field(default_factory=dict)
    role: str | None = None
    embeddings: str = EMBEDDINGS
    python: str | None = None

    @property
    def metric(self) -> Metric:
        return Metric(self.name)

    async def __call__(self, case: Case, output: Output, llm: Any) -> Any:
        raise EvalsuiteError(UNBOUND)

    def bind(self, setting: Setting) -> BoundForeign:
        """Load the library and check the metric against the suite's models and cases.

        Raises:
            MissingExtra: the library is not installed.
            SuiteError: another version, an unknown metric or parameter, no such role, or no case
                has what the metric needs.
        """
        from evalsuite.adapters.binding import bind  # noqa: PLC0415 (only once it is used)

        return bind(
            setting,
            library=self.library,
            theirs=self.theirs,
            name=self.name,
            params=self.params,
            role=self.role,
            embeddings=self.embeddings,
            python=self.python,
        )


def foreign(
    library: Library,
    theirs: str,
    *,
    name: str | None,
    role: str | None,
    embeddings: str,
    python: str | None,
    params: Mapping[str, Json],
    more: Mapping[str, Json],
) -> Foreign:
    """A metric by its class's name ("NoiseSensitivity") or in lower case ("noise_sensitivity").

    Raises:
        SuiteError: a name or a parameter that can't be used.
    """
    if not isinstance(theirs, str) or not _IDENTIFIER.fullmatch(theirs):
        raise SuiteError(f"{library}: the name of a metric is a word, not {shown(theirs)}")
    own = f"{library}.{friendly(theirs)}" if name is None else name
    if not isinstance(own, str) or not _NAME.fullmatch(own):
        raise SuiteError(
            f"{library}.{theirs}: name must be lower-case letters, digits and . _ -, "
            f"not {shown(own)}"
        )
    for what, value in (("role", role), ("embeddings", embeddings)):
        if value is not None and (not isinstance(value, str) or not value):
            raise SuiteError(f"{own}: {what} must be the name of a role, not {shown(value)}")
    if python is not None and (not isinstance(python, str) or not python):
        raise SuiteError(f"{own}: python must be the path of an interpreter, not {shown(python)}")
    try:
        kept = json.loads(json.dumps({**params, **more}, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise SuiteError(
            f"{own}: its parameters must be JSON, since they are part of its identity: texts for "
            "enums, objects for models"
        ) from None
    return Foreign(library, theirs, own, kept, role, embeddings, python)


def friendly(theirs: str) -> str:
    """The name of a metric as ours are written: GEval is "geval", BleuScore "bleu_score"."""
    words = _WORD.sub("_", theirs.removesuffix("Metric") or theirs).lower()
    return re.sub(r"(^|_)g_eval\b", r"\1geval", words)
