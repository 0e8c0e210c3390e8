"""The process that runs a library's metrics in an environment of its own: JSON Lines in and out.

    python -I child.py ragas

    <- {"know": "Faithfulness", "params": {...}}
    -> {"known": {...}} | {"refused": "..."}
    <- {"measure": 1, "about": {...}, "params": {...}, "fields": {...}}
    -> {"measure": 1, "ask": 1, "prompt": "...", "schema": {...}}
       | {..., "prompt": "...", "top": 20} | {..., "texts": [...]}
    <- {"ask": 1, "value": ...} | {"ask": 1, "unanswered": "..."}
    -> {"measure": 1, "value": 0.5, "reason": "..."}
    <- {"cancel": 1}

It ends when its input does. Nothing of evalsuite is on its path: only the modules here that need
the standard library alone are loaded, from the folder that this file lies in.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO


def bring_evalsuite() -> None:
    """Make `evalsuite` importable without its folder's neighbours, which are of another
    environment."""
    home = Path(__file__).parent.parent
    spec = importlib.util.spec_from_file_location("evalsuite", home / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["evalsuite"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def out_of_the_way() -> TextIO:
    """The real standard output; what libraries print goes to the standard error."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return lines


class Parent:
    """Whoever started this process, as a model that answers."""

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    def send(self, message: Mapping[str, Any]) -> None:
        self._lines.write(json.dumps(message, ensure_ascii=True) + "\n")

    def answered(self, message: Mapping[str, Any]) -> None:
        waiting = self._waiting.pop(message["ask"], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    async def ask(self, message: Mapping[str, Any]) -> Any:
        from evalsuite.adapters.inside import Unanswered  # noqa: PLC0415 (brought by main)

        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.send({**message, "ask": number})
        reply = await waiting
        if "unanswered" in reply:
            raise Unanswered(reply["unanswered"])
        return reply["value"]


class Questions:
    """The questions of one measurement."""

    def __init__(self, parent: Parent, number: int) -> None:
        self._parent = parent
        self._number = number

    async def chat(self, prompt: str, schema: Mapping[str, Any] | None) -> Any:
        return await self._parent.ask({"measure": self._number, "prompt": prompt, "schema": schema})

    async def weigh(self, prompt: str, top: int) -> Any:
        return await self._parent.ask({"measure": self._number, "prompt": prompt, "top": top})

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        vectors = await self._parent.ask({"measure": self._number, "texts": list(texts)})
        return list(vectors)


def know(library: Any, message: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the library says of a metric, or why it can't be had."""
    try:
        return {"known": asdict(library.known(message["know"], message["params"]))}
    except Exception as error:  # noqa: BLE001 (whatever a library raises is told)
        return {"refused": str(error)}


async def serve(library: Any, parent: Parent) -> None:
    """Answer lines until there are no more."""
    from evalsuite.adapters.inside import Known  # noqa: PLC0415 (brought by main)

    loop = asyncio.get_running_loop()
    running: dict[int, asyncio.Task[None]] = {}

    async def measure(number: int, message: Mapping[str, Any]) -> None:
        about, questions = Known(**message["about"]), Questions(parent, number)
        found = await library.measure(about, message["params"], message["fields"], questions)
        parent.send({"measure": number, "value": found.value, "reason": found.reason})
        running.pop(number, None)

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        message = json.loads(line)
        if "ask" in message:
            parent.answered(message)
        elif "know" in message:
            parent.send(know(library, message))
        elif "cancel" in message:
            if task := running.pop(message["cancel"], None):
                task.cancel()
        else:
            number = message["measure"]
            running[number] = asyncio.create_task(measure(number, message))


def main(name: str) -> None:
    lines = out_of_the_way()
    bring_evalsuite()
    library = importlib.import_module(f"evalsuite.adapters.inside_{name}")
    asyncio.run(serve(library, Parent(lines)))
    lines.flush()
    os._exit(0)  # what a library wants to do at its end (report, upload) is not done


if __name__ == "__main__":
    main(sys.argv[1])
