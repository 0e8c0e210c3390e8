"""Measures the store: what a get and a put cost with 100,000 entries of 1 KB, and what claiming a
call adds.

    python benchmarks/store.py [--entries 100000] [--size 1000] [--batch 100] [--folder PATH]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from evalsuite.canonical import key
from evalsuite.store import Store


def fill(store: Store, entries: int, size: int, batch: int) -> list[float]:
    """Seconds per entry of every batch, its commit included."""
    taken = []
    for first in range(0, entries, batch):
        values = [(key("call", n), secrets.token_bytes(size)) for n in range(first, first + batch)]
        began = time.perf_counter()
        for name, value in values:
            store.put("call", name, value)
        store.flush()
        taken.append((time.perf_counter() - began) / batch)
    return taken


def look(store: Store, names: Sequence[str]) -> list[float]:
    taken = []
    for name in names:
        began = time.perf_counter()
        store.get("call", name)
        taken.append(time.perf_counter() - began)
    return taken


async def claim(store: Store, count: int) -> float:
    """Seconds per call that nobody else asks for: the claim, and the second look."""
    began = time.perf_counter()
    for number in range(count):
        name = f"missing {number}"
        async with store.claim(name):
            store.get("call", name, anew=True)
    return (time.perf_counter() - began) / count


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="default: a temporary one")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        store = Store(Path(folder))
        used = time.process_time()
        puts = fill(store, args.entries, args.size, args.batch)
        used = (time.process_time() - used) / args.entries
        store.close()
        began = time.perf_counter()
        store = Store(Path(folder))
        opened = time.perf_counter() - began
        chosen = random.Random(0).sample(range(args.entries), min(20_000, args.entries))
        gets = look(store, [key("call", number) for number in chosen])
        misses = look(store, [key("call", -number - 1) for number in range(20_000)])
        claimed = asyncio.run(claim(store, 20_000))
        store.close()
        size = sum(each.stat().st_size for each in Path(folder).iterdir())
    micro = 1e6
    sys.stdout.write(
        f"{args.entries} entries of {args.size} bytes, {size / 2**20:.0f} MiB\n"
        f"put, per entry in batches of {args.batch}: mean {micro * statistics.fmean(puts):.1f} µs, "
        f"p50 {micro * statistics.median(puts):.1f} µs, processor {micro * used:.1f} µs\n"
        f"open: {1000 * opened:.1f} ms\n"
        f"get: p50 {micro * statistics.median(gets):.1f} µs, "
        f"p99 {micro * statistics.quantiles(gets, n=100)[98]:.1f} µs\n"
        f"get of what is not there: p50 {micro * statistics.median(misses):.1f} µs\n"
        f"claim and second look: {micro * claimed:.1f} µs\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
