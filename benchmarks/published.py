"""Computes published figures of judges and people from the published data, and compares them.

    python benchmarks/published.py DIR [--expected FILE] [--json]

Every .jsonl file in DIR whose layout is known is read, whatever its name (`published_formats.py`
says which layouts there are), and each figure comes from `evalsuite.stats`. With --expected (or an
expected.json in DIR) every number of it is compared: counts exactly, other figures to 1e-6,
published values to the precision in which they are printed. Exit status 1 names each mismatch, and
each figure that is expected and was not computed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from published_formats import layout

from evalsuite.calibration.columns import units_of
from evalsuite.errors import DataError, EvalsuiteError

TOLERANCE = 1e-6

WRONG_UPSTREAM = {"kappa_False", "kappa_True"}
"""Published, and wrong: LLMBar maps the verdict "2" to 0 while its gold keeps 1 and 2."""

WORDS = {"note"}
"""Keys of expected figures that hold a remark."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one figure, by its path of keys; `found` is None where it was not computed."""

    path: tuple[str, ...]
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"{' > '.join(self.path)}: expected {self.expected}, found {self.found}"


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file; DataError names the line that is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
    return [dict(unit.row) for unit in units_of(data, str(path))] if data.strip() else []


def figures(path: Path, asked: Sequence[str]) -> dict[str, Any] | None:
    """All figures of a file; None where its layout is not known."""
    rows = read(path)
    compute = layout(rows[0]) if rows else None
    if compute is None:
        return None
    try:
        return compute(rows, asked)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        reason = f"lacks the field {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path}: a row is not like the first: {reason}") from error


def names(expected: Any) -> Iterator[str]:
    """All keys at any depth."""
    if isinstance(expected, Mapping):
        for name, value in expected.items():
            yield name
            yield from names(value)


def compare(
    expected: Any, found: Any, path: tuple[str, ...] = (), *, published: bool = False
) -> Iterator[Difference | None]:
    """For each value that is expected: None if it was found, else the difference."""
    if isinstance(expected, Mapping):
        for name, value in expected.items():
            if name in WRONG_UPSTREAM or name in WORDS or name.startswith("_"):
                continue
            inner = found.get(name, found.get("*")) if isinstance(found, Mapping) else None
            below = published or name.startswith("published")
            yield from compare(value, inner, (*path, name), published=below)
    elif isinstance(expected, list):
        same = isinstance(found, Sequence) and len(found) == len(expected)
        for place, value in enumerate(expected):
            inner = found[place] if same else None
            yield from compare(value, inner, (*path, str(place)), published=published)
    else:
        equal = _equal(expected, found, published=published)
        yield None if equal else Difference(path, expected, found)


def _equal(expected: Any, found: Any, *, published: bool) -> bool:
    """Numbers with a point are Decimal here; NaN is how some write what is undefined."""
    if expected is None or (isinstance(expected, float) and math.isnan(expected)):
        return found is None
    if not isinstance(expected, Decimal):
        return isinstance(expected, bool) == isinstance(found, bool) and bool(expected == found)
    if found is None or isinstance(found, str):
        return False
    digits = -int(expected.as_tuple().exponent)
    tolerance = max(1e-9, 0.5 * 10.0**-digits + 1e-12) if published else TOLERANCE
    return abs(float(expected) - found) <= tolerance


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--expected", type=Path, help="what to compare with")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    options = parser.parse_args(arguments)
    try:
        return run(options.folder, options.expected, full=options.json)
    except EvalsuiteError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def run(folder: Path, against: Path | None, *, full: bool) -> int:
    """Prints figures and differences; 1 if there is one, or no figure at all."""
    if against is None and (folder / "expected.json").is_file():
        against = folder / "expected.json"
    expected: dict[str, Any] = {}
    if against is not None:
        try:
            expected = json.loads(against.read_text("utf-8"), parse_float=Decimal)
        except (OSError, ValueError) as error:
            raise DataError(f"{against}: can't be read as JSON: {error}") from error
    found, asked = {}, sorted(set(names(expected)))
    for path in sorted(folder.glob("*.jsonl")):
        each = figures(path, asked)
        if each is None:
            sys.stderr.write(f"skipped: {path.name} has no layout that is known\n")
        else:
            found[path.stem] = each
    if not found:
        raise DataError(f"{folder}: no .jsonl file of a known layout")
    if full:
        sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return report(expected, found) if expected else table(found)


def report(expected: Mapping[str, Any], found: Mapping[str, Any]) -> int:
    """One line per expected file, then each difference."""
    wrong = []
    for name, values in expected.items():
        if name.startswith("_"):
            continue
        results = list(compare(values, found.get(name), (name,)))
        differences = [each for each in results if each is not None]
        wrong += differences
        equal = len(results) - len(differences)
        sys.stderr.write(f"{name}: {equal} of {len(results)} expected figures found\n")
    for difference in wrong:
        sys.stderr.write(f"mismatch: {difference}\n")
    return 1 if wrong else 0


def table(found: Mapping[str, Any]) -> int:
    """How many figures each file gave, where there is nothing to compare with."""
    for name, values in found.items():
        sys.stderr.write(f"{name}: {len(list(compare(values, values)))} figures\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
