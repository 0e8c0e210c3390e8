"""Long simulations in parts: on all processors, each part a line of a file, to go on from there."""

from __future__ import annotations

import gc
import json
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

Counts = Mapping[str, float]


class Part(NamedTuple):
    """Some runs of a cell, by its name: those with the numbers from `start`."""

    cell: str
    start: int
    runs: int

    def seeds(self, seed: int) -> list[list[int]]:
        """A seed for each run, which no other cell has."""
        cell = zlib.crc32(self.cell.encode())
        return [[seed, cell, number] for number in range(self.start, self.start + self.runs)]


def parts(cells: Iterable[tuple[str, int]], size: int = 100) -> list[Part]:
    """All parts of cells, whose names come with how many runs each is to have. They take turns, so
    that all cells are known roughly before any is known well."""
    wanted = [
        Part(cell, start, min(size, runs - start))
        for cell, runs in cells
        for start in range(0, runs, size)
    ]
    return sorted(wanted, key=lambda part: part.start)


def read(out: Path) -> dict[Part, Counts]:
    """What a file holds already; a line that was cut off is none."""
    found = {}
    for line in out.read_text(encoding="utf-8").splitlines() if out.is_file() else ():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        found[Part(value["cell"], value["start"], value["runs"])] = value["counts"]
    return found


def measure(
    wanted: list[Part], work: Callable[[Part], Counts], out: Path, processes: int
) -> dict[str, Counts]:
    """Sums of what `work` counts, by cell; `runs` among them. Parts in `out` are not done again."""
    done = read(out)
    missing = [part for part in wanted if part not in done]
    out.parent.mkdir(parents=True, exist_ok=True)
    # What the runs make is freed as it goes; looking for more takes a fifth of the time.
    with (
        ProcessPoolExecutor(processes, initializer=gc.disable) as pool,
        out.open("a", encoding="utf-8") as file,
    ):
        jobs = {pool.submit(work, part): part for part in missing}
        for number, job in enumerate(as_completed(jobs), 1):
            done[jobs[job]] = counts = job.result()
            line = json.dumps({**jobs[job]._asdict(), "counts": counts})
            file.write(f"\n{line}")  # begun anew, whatever was cut off before
            file.flush()
            if sys.stderr.isatty() or number % 20 == 0:
                sys.stderr.write(f"\r{number} of {len(jobs)} parts")
                sys.stderr.flush()
    return sums(done, wanted)


def sums(done: Mapping[Part, Counts], wanted: Iterable[Part]) -> dict[str, Counts]:
    """By cell, over those of its parts that are done."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for part in wanted:
        if part in done:
            total[part.cell].update({"runs": part.runs, **done[part]})  # type: ignore[dict-item]
    return dict(total)
