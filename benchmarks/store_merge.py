"""Measures what a CI job does with the stores of its matrix: many are imported into one, whose size
is then brought under a limit.

    python benchmarks/store_merge.py [--shards 50] [--entries 2000] [--size 1000] [--folder PATH]
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from evalsuite.canonical import key
from evalsuite.store import Store
from evalsuite.store.imports import take_in
from evalsuite.store.upkeep import let_go

SHARED = 0.1
"""The part of a shard's entries that all of them have, half of it with other replies."""


def shard(folder: Path, number: int, entries: int, size: int) -> None:
    store = Store(folder)
    common = round(SHARED * entries)
    for place in range(entries):
        name = place if place < common else number * entries + place
        value = bytes(size) if place < common // 2 else secrets.token_bytes(size)
        store.put("call", key("call", name), value)
    store.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shards", type=int, default=50)
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="default: a temporary one")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        root = Path(folder)
        shards = [root / f"shard-{number}" for number in range(args.shards)]
        for number, each in enumerate(shards):
            shard(each, number, args.entries, args.size)
        began, used = time.perf_counter(), time.process_time()
        new, problems = take_in(root / "main", shards, print)
        took, used = time.perf_counter() - began, time.process_time() - used
        assert not problems
        file = root / "main" / "store.db"
        whole = file.stat().st_size
        limit = whole // 2
        started = time.perf_counter()
        gone, _, _ = let_go(root / "main", print, max_bytes=limit, before=0, dry=False)
        trimmed = time.perf_counter() - started
        left = file.stat().st_size
    sys.stdout.write(
        f"{args.shards} stores of {args.entries:,} entries of {args.size} bytes: {new:,} replies, "
        f"{whole / 1e6:.0f} MB\n"
        f"import: {took:.2f} s, processor {used:.2f} s\n"
        f"gc to {limit / 1e6:.0f} MB: {trimmed:.2f} s, {gone:,} entries let go, "
        f"{left / 1e6:.1f} MB left\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
