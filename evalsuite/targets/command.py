"""A command as a target: JSON in, text or JSON out, a process per case and trial."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalsuite.errors import SuiteError
from evalsuite.records import Case, Json, Output
from evalsuite.targets.reply import Paths, TargetError, at_place
from evalsuite.targets.template import compiled, given
from evalsuite.wording import shown


def command_target(
    command: Sequence[str],
    template: Json = None,
    *,
    text: str | None = None,
    value: str | None = None,
    contexts: str | None = None,
    tool_calls: str | None = None,
    model: str | None = None,
    name: str = "command_target",
) -> Callable[..., Any]:
    """A target that starts a command for each case and trial, in the folder of the calling module.

    It reads one line of JSON (`template` filled in; by default {"id", "input", "slices",
    "variant"}) and prints its answer: text, or JSON if any path is given. Paths and template are
    those of `http_target`.

    A status other than 0, more than 10 MiB, or a reply without what was promised are outcomes of
    the command; one that can't be started is an error and never a score. At the suite's timeout
    it is killed with its children. Secrets belong in the environment, not in arguments.

    Raises:
        SuiteError: a path or command that can't be used.
    """
    paths = Paths(text, value, contexts, tool_calls, model)
    if isinstance(command, str) or not command or not all(isinstance(c, str) for c in command):
        raise SuiteError(f"command must be a list of texts, not {shown(command)}")
    words = list(command)
    caller = sys._getframe(1)
    folder = Path(caller.f_code.co_filename).parent

    @functools.cache
    def prepare() -> Callable[[Mapping[str, Json]], Json]:
        if template is not None:
            return compiled(template)
        return lambda data: {**data["case"], "variant": data["variant"]}

    async def target(case: Case, variant: Mapping[str, Json] = {}) -> Output:
        from evalsuite.targets.process import answer  # noqa: PLC0415 (asyncio: only in a run)

        sent = prepare()(given(case, variant))
        try:
            return paths.read(await answer(words, folder, json.dumps(sent).encode() + b"\n"))
        except TargetError as error:
            raise TargetError(f"{words[0]}: {error}") from None

    return at_place(target, name, caller, prepare)
