"""Names in files and options become objects here, lazily, through entry points.

Python code passes objects; only golden files, settings and the command line use names. The
built-ins are registered as anybody's are (groups `evalsuite.backends`, `.scorers`, `.formats`).
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from evalsuite.errors import OptionError, did_you_mean


@cache
def names(kind: str) -> frozenset[str]:
    """What is installed of a kind: \"backends\", \"scorers\" or \"formats\"."""
    return frozenset(point.name for point in entry_points(group=f"evalsuite.{kind}"))


@cache
def find(kind: str, name: str) -> Any:
    """The object registered as `name`; OptionError with the nearest name if there is none."""
    for point in entry_points(group=f"evalsuite.{kind}", name=name):
        return point.load()
    raise OptionError(f'no {kind[:-1]} named "{name}": {did_you_mean(name, names(kind))}')
