"""What a check of unchanged code against itself found, kept beside a suite's snapshot.

It is bound to the models that answered and to how they are scored: of others it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalsuite import snapshot
from evalsuite.canonical import key
from evalsuite.errors import SnapshotError
from evalsuite.records import Json, Metric, Part
from evalsuite.snapshot.codec import decoder, parse, pretty, to_json
from evalsuite.strictjson import Malformed

ENDING = ".aa.json"

_LEAST = 3
"""Runs from which a shock is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One metric's shock, as `stats.shocks.Shock` has it, and the key of how it is measured."""

    measure: str
    sd: float
    low: float
    high: float
    upper: float
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Itself:
    """`models` holds the key of each role's model, `shocks` what was found by metric; `pairs` and
    `exchanged` are [blocked, compared, low, high] of the false alarms."""

    suite: str
    created: str
    runs: int
    models: Mapping[str, str]
    shocks: Mapping[str, Found] = field(default_factory=dict)
    pairs: Sequence[float] = ()
    exchanged: Sequence[float] = ()


def place_of(snapshots: Path, suite: str) -> Path:
    """Beside the suite's snapshot, which is replaced as a whole, or may not be there yet."""
    return snapshots / f"{suite}{ENDING}"


def read_itself(file: Path) -> Itself | None:
    """What was committed; None where there is nothing.

    Raises:
        SnapshotError: the file is damaged; the message names it and the remedy.
    """
    if not file.is_file():
        return None
    try:
        value = parse(file.read_bytes())
        found: Itself = decoder(Itself)(value)
    except (Malformed, OSError) as error:
        raise _damaged(file, str(error)) from None
    numbers = [each for one in found.shocks.values() for each in (one.sd, one.upper)]
    if found.runs < _LEAST or not all(0 <= each <= 1 for each in numbers):
        raise _damaged(file, f"a shock is a share from 0 to 1, of {_LEAST} runs or more")
    return found


def _damaged(file: Path, why: str) -> SnapshotError:
    remedy = f"restore it from git, or measure anew: evalsuite aa {file.name.removesuffix(ENDING)}"
    return SnapshotError(f"{snapshot.shown(file)}: {why} ({remedy})")


def write_itself(file: Path, found: Itself) -> None:
    """Keep it where the gate reads it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.new")
    value: Json = to_json(found)
    new.write_bytes(pretty(value))
    new.replace(file)


def measure_of(metric: Metric) -> str:
    """The key of how a metric is measured."""
    return key("measure", to_json(metric))


def shocks_of(
    found: Itself | None, models: Mapping[str, Part], metrics: Sequence[Metric]
) -> tuple[Mapping[str, float], Sequence[str]]:
    """By metric what the gate's margin is widened by, and notes on what no longer holds."""
    if found is None:
        return {}, ()
    again = f"the A/A check of {found.created[:10]} widens no margin any more"
    now = {role: part.key for role, part in models.items()}
    if now != dict(found.models):
        return {}, (f"{again}, the model is another one: evalsuite aa {found.suite}",)
    known = {metric.name: measure_of(metric) for metric in metrics}
    held = {
        name: one.upper
        for name, one in found.shocks.items()
        if name in known and known[name] == one.measure
    }
    lost = sorted(found.shocks.keys() & known.keys() - held.keys())
    notes = [f"{again} of {', '.join(lost)}, measured differently: evalsuite aa {found.suite}"]
    return {name: upper for name, upper in held.items() if upper}, notes if lost else ()
