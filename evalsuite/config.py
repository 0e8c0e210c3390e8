"""Settings: `[tool.evalsuite]` in pyproject.toml, or an evalsuite.toml, nearest to the suite.

In a repository of many packages each has its own settings, golden sets and snapshots, found from
the suite's folder upward.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from evalsuite.errors import OptionError, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`root` holds the settings' file; the folders are relative to it.

    `backends` maps a role to a spec such as "embedded" or "embedded?noise=0.1"; `concurrency` is
    the number of answers at once; `timeout` the seconds one case may take; `seed` the root seed.
    `outputs` is how much of the answers `accept` commits: "full", "redacted" (their lengths) or
    "hash" (their keys alone). `patience` is how many seconds a provider may fail every call before
    the run stops. `limits` and `prices` are by "PROVIDER:MODEL" or "PROVIDER": requests_per_minute,
    tokens_per_minute and concurrency; US dollars per million tokens as input, cached and output.
    `trials` is how often each case is asked, 0: as its suite says.
    `budget` ends the run, each as "2.50usd", "500calls", "200000tokens" or "10minutes".
    `recordings` are committed files of replies, read where the store has none. `judges` is the
    folder of judge cards, `bar` what a certificate asks (see `judging.bar`), `strict_judges` makes
    a gating judge without one an error.
    `release` is the pinned run that each run is compared with too, such as "git:v1.2", and
    `release_gates` (an option alone) lets it block. `tier` is the part of each suite that runs, "":
    all of it. `afresh` is no setting: trials are numbered
    from after it, where code is compared with itself.
    """

    root: Path
    golden: str = "golden"
    snapshots: str = "snapshots"
    reports: str = "reports"
    state: str = ".evalsuite"
    judges: str = "judges"
    backends: Mapping[str, str] = field(default_factory=lambda: {"default": "embedded"})
    concurrency: int = 20
    timeout: float = 300.0
    seed: int = 0
    trials: int = 0
    replay: str = ""
    formats: tuple[str, ...] = ("html", "markdown", "json")
    outputs: Literal["full", "redacted", "hash"] = "full"
    patience: float = 120.0
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    budget: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    bar: Mapping[str, float] = field(default_factory=dict)
    strict_judges: bool = False
    release: str = ""
    release_gates: bool = False
    tier: str = ""
    afresh: int = 0

    @property
    def judge_dir(self) -> Path:
        return self.root / self.judges

    @property
    def golden_dir(self) -> Path:
        return self.root / self.golden

    @property
    def snapshot_dir(self) -> Path:
        return self.root / self.snapshots

    @property
    def report_dir(self) -> Path:
        return self.root / self.reports

    @property
    def state_dir(self) -> Path:
        return self.root / self.state


_SPOKEN: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    list: "a list",
    bool: "true or false",
}

_LISTS = {
    "budget": '["2.50usd", "500calls"]',
    "formats": '["html", "markdown", "json"]',
    "recordings": '["recordings/a.jsonl"]',
}

_TYPES: dict[str, tuple[type, ...]] = {
    "golden": (str,),
    "snapshots": (str,),
    "reports": (str,),
    "state": (str,),
    "backends": (dict,),
    "concurrency": (int,),
    "timeout": (int, float),
    "seed": (int,),
    "trials": (int,),
    "replay": (str,),
    "formats": (list,),
    "outputs": (str,),
    "patience": (int, float),
    "limits": (dict,),
    "prices": (dict,),
    "budget": (list,),
    "recordings": (list,),
    "judges": (str,),
    "bar": (dict,),
    "strict_judges": (bool,),
    "release": (str,),
    "tier": (str,),
}

_RATES = {
    "limits": ("requests_per_minute", "tokens_per_minute", "concurrency"),
    "prices": ("input", "cached", "output"),
}


@cache
def load_config(start: Path) -> Config:
    """The settings that hold for a suite in folder `start`; OptionError names file and setting.

    Without settings on the way up the root is the nearest folder with a .git or a pyproject.toml,
    else the nearest with a folder of golden datasets, else `start` itself.
    """
    fallback: Path | None = None
    for folder in (start, *start.parents):
        for name in ("evalsuite.toml", "pyproject.toml"):
            file = folder / name
            if not file.is_file():
                continue
            table: Any = _read(file)
            if name == "pyproject.toml":
                tool = table.get("tool")
                table = tool.get("evalsuite") if isinstance(tool, dict) else None
            if table is not None:
                return config_from(table, folder, str(file))
            fallback = fallback or folder
        if fallback is None and (folder / ".git").exists():
            fallback = folder
    if fallback is None:
        ways = (start, *start.parents)
        fallback = next((each for each in ways if Config(root=each).golden_dir.is_dir()), start)
    return Config(root=fallback)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"{file}: can't be read: {error.strerror}") from None
    except RecursionError:
        raise OptionError(f"{file}: not valid TOML: nested too deeply") from None
    except ValueError as error:  # of TOML, of UTF-8, of a number without end
        raise OptionError(f"{file}: not valid TOML: {str(error)[:200]}") from None


def config_from(table: object, root: Path, file: str) -> Config:
    """Check a settings table; every problem of it in one OptionError."""
    if not isinstance(table, dict):
        raise OptionError(f"{file}: [tool.evalsuite] must be a table")
    problems = []
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in _TYPES:
            problems.append(f'unknown setting "{name}": {did_you_mean(name, list(_TYPES))}')
        elif not isinstance(value, _TYPES[name]) or (
            isinstance(value, bool) and bool not in _TYPES[name]
        ):
            wanted = " or ".join(_SPOKEN[kind] for kind in _TYPES[name])
            given = _SPOKEN.get(type(value), f"a {type(value).__name__}")
            such = f" such as {_LISTS[name]}" if name in _LISTS else ""
            problems.append(f"{name} must be {wanted}{such}, not {given}")
        else:
            values[name] = value
    problems += _limits(values)
    if problems:
        raise OptionError("\n".join(f"{file}: [tool.evalsuite] {problem}" for problem in problems))
    if "backends" in values:
        values["backends"] = {"default": "embedded", **values["backends"]}
    for name in ("formats", "budget", "recordings"):
        if name in values:
            values[name] = tuple(values[name])
    return Config(root=root, **values)


def _folders(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the folders: the state folder is git-ignored as a whole, what lies in any
    of them is no source of the target, and none may overwrite another's files."""
    problems = []
    places: dict[str, Path] = {}
    for each in fields(Config):
        if each.name in ("golden", "snapshots", "reports", "state", "judges"):
            folder = values.get(each.name, each.default)
            path = Path(folder)
            if not path.parts or path.is_absolute() or ".." in path.parts:
                problems.append(f"{each.name} must be a folder below the root, not {folder!r}")
            elif not folder.isprintable():
                problems.append(f"{each.name} must be a folder's name, not {folder!r}")
            elif path in places.values():
                problems.append(f"{each.name} must be a folder of its own, not {folder!r}")
            places[each.name] = path
    problems += [
        f"{name} must not lie in the folder of state, which git ignores"
        for name in ("golden", "snapshots", "judges")
        if places["state"].parts and places[name].is_relative_to(places["state"])
    ]
    return problems


def _limits(values: Mapping[str, Any]) -> list[str]:
    problems = _folders(values)
    if not 1 <= values.get("concurrency", 1) <= 10_000:
        problems.append("concurrency must be from 1 to 10000")
    if not 0 < values.get("timeout", 1) <= 86_400:
        problems.append("timeout must be seconds, from above 0 to 86400")
    if not 1 <= values.get("trials", 1) <= 100:
        problems.append("trials must be from 1 to 100")
    if values.get("replay", "") not in ("", "only"):
        problems.append('replay must be "only" or left out')
    if values.get("outputs", "full") not in ("full", "redacted", "hash"):
        problems.append('outputs must be "full", "redacted" or "hash"')
    if not 0 < values.get("patience", 1) <= 86_400:
        problems.append("patience must be seconds, from above 0 to 86400")
    for name, known in _RATES.items():
        for model, rates in values.get(name, {}).items():
            problems += _rates(f"{name}.{model}", rates, known)
    return problems + _texts(values)


def _texts(values: Mapping[str, Any]) -> list[str]:
    problems = []
    for name in ("backends", "formats", "budget", "recordings"):
        inner = values.get(name, ())
        inner = inner.values() if isinstance(inner, dict) else inner
        if not all(isinstance(each, str) for each in inner):
            problems.append(f"{name} must hold text only")
        elif name == "budget":
            problems += _budget(inner)[1]
    return problems


_BUDGET = re.compile(r"(\d+(?:\.\d+)?|\.\d+) ?(usd|calls?|tokens?|minutes?)", re.ASCII)


def budget_limits(texts: Iterable[str]) -> dict[str, float]:
    """What a run may spend, by "usd", "calls", "tokens" and "minutes", of a valid setting."""
    return _budget(texts)[0]


def _budget(texts: Iterable[str]) -> tuple[dict[str, float], list[str]]:
    """The limits, and what is wrong with them."""
    limits: dict[str, float] = {}
    problems = []
    for text in (part.strip() for each in texts for part in each.split(",")):
        found = _BUDGET.fullmatch(text.lower())
        value = float(found[1]) if found else 0.0
        unit = "usd" if found and found[2] == "usd" else f"{found[2].rstrip('s')}s" if found else ""
        if not found or not math.isfinite(value):
            wanted = '"2.50usd", "500calls", "200000tokens" or "10minutes"'
            problems.append(f"budget must be such as {wanted}, not {text[:40]!r}")
        elif value <= 0 or (unit in ("calls", "tokens") and value != int(value)):
            problems.append(
                f"budget must be above 0, and calls and tokens whole numbers, not {text!r}"
            )
        elif unit in limits:
            problems.append(f"budget has two limits in {unit}")
        limits[unit] = value
    return limits, problems


def _rates(where: str, rates: object, known: tuple[str, ...]) -> list[str]:
    """What is wrong with one table of numbers."""
    if not isinstance(rates, dict):
        return [f"{where} must be a table of {', '.join(known)}"]
    problems = []
    for name, value in rates.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name not in known:
            problems.append(f'{where} has no "{name}": {did_you_mean(name, known)}')
        elif not number or not 0 <= value < float("inf"):
            problems.append(f"{where}.{name} must be a number from 0 up")
    return problems
