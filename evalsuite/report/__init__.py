"""From a verdict to what people read.

    Diff, Verdict --build--> Report --FORMAT.render--> text

What is said is decided once, in `build`, as a tuple of blocks; a format only prints them.
Nothing here reads a file, a clock or the network; outputs and commands are handed in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalsuite.report.building import build
    from evalsuite.report.explaining import explain
    from evalsuite.report.material import failing, wanted
    from evalsuite.report.reports import Commands, Report

__all__ = ["Commands", "Report", "build", "explain", "failing", "wanted"]

_HOMES = {
    "Commands": "reports",
    "Report": "reports",
    "build": "building",
    "explain": "explaining",
    "failing": "material",
    "wanted": "material",
}


def __getattr__(name: str) -> Any:
    """Loaded when it is used: a run prints at its end, and asks its first model long before."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"evalsuite.report.{_HOMES[name]}"), name)
