"""`evalsuite store stats | verify | gc | export | import`: look after what was paid for."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evalsuite.cli.screen import show, table
from evalsuite.config import Config, load_config
from evalsuite.errors import DataError, OptionError, plain

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE = re.compile(r"(\d{1,9})\s*(kB|MB|GB)")
_DAYS = re.compile(r"(\d{1,5})\s*d")

LISTED = 20
"""Damaged and foreign entries that are named of an import."""


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `store` and its commands; each sets `run`: from the arguments to an exit status."""
    store = subparsers.add_parser(
        "store",
        help="count, check, trim, export and import stored replies",
        description="Works on the store in the folder of state, .evalsuite/.",
    )
    commands = store.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser("stats", help="entries, sizes, ages, damage")
    command.set_defaults(run=_stats)

    command = commands.add_parser("verify", help="read and check every entry; exit status 0 or 2")
    command.set_defaults(run=_verify)

    command = commands.add_parser(
        "gc",
        help="delete what was not used for longest",
        description="Deletes entries by the day of their last use, and the files that were set "
        "aside as damaged. What a later run needs of it is asked for again. The folders of runs "
        "hold their own answers and stay.",
        epilog="example: evalsuite store gc --older-than 90d --max-size 500MB --dry-run",
    )
    command.add_argument("--max-size", metavar="SIZE", help="keep this much: 500MB, 2GB")
    command.add_argument("--older-than", metavar="DAYS", help="delete what was last used then: 90d")
    command.add_argument("--dry-run", action="store_true", help="say it, and delete nothing")
    command.set_defaults(run=_gc)

    command = commands.add_parser(
        "export",
        help="write the replies that runs need, as a file to commit",
        description="Writes one line per reply, sorted, so that git shows what changed. Name the "
        "file in the setting recordings, and the same cases run without a key.",
        epilog="example: evalsuite store export --run last recordings/askacme.jsonl",
    )
    command.add_argument(
        "--run",
        metavar="REF",
        dest="runs",
        action="append",
        required=True,
        help='a run\'s id, or "last"; may be given several times',
    )
    command.add_argument("file", metavar="FILE", help="ending in .gz, it is compressed")
    command.set_defaults(run=_export)

    command = commands.add_parser(
        "import",
        help="add the replies of recordings and of other stores, such as a matrix's shards",
        description="What is stored already stands. In whatever order files are named, the same "
        "replies stand in the end. Damaged and foreign entries are named and left out; then the "
        "exit status is 2. A forged reply can't be told from a true one: import what you trust.",
        epilog="example: evalsuite store import shards/*/store.db",
    )
    command.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="+",
        help="a recording, a store's file of any name, or its folder",
    )
    command.set_defaults(run=_import)


def _stats(args: argparse.Namespace) -> int:
    from evalsuite.store.upkeep import stats  # noqa: PLC0415

    found = stats(_config().state_dir)
    rows = [("kind", "entries", "bytes", "last used")]
    for share in found.shares:
        days = f"{_date(share.oldest)} to {_date(share.newest)}"
        rows.append((share.kind, f"{share.entries:,}", f"{share.bytes:,}", days))
    lines = [table(rows), "", f"on disk: {found.bytes:,} bytes"]
    if found.in_use:
        lines.append("a run is using it now")
    if found.sides:
        lines.append(f"files beside it that the next run merges: {found.sides}")
    lines += [f"set aside as damaged: {name}" for name in found.damaged]
    show(plain("\n".join(lines)))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from evalsuite.store.upkeep import verify  # noqa: PLC0415

    count, damage = verify(_config().state_dir)
    lines = [*damage, f"{count:,} entries read, {len(damage) or 'no'} damaged"]
    if damage:
        lines.append("the next run saves what can be read, and makes the rest again")
    show(plain("\n".join(lines)))
    return 2 if damage else 0


def _gc(args: argparse.Namespace) -> int:
    from evalsuite.store.sides import this_hour  # noqa: PLC0415
    from evalsuite.store.upkeep import let_go  # noqa: PLC0415

    if args.max_size is None and args.older_than is None:
        raise OptionError("say what may go: --max-size 500MB, --older-than 90d, or both")
    size = None if args.max_size is None else _size(args.max_size)
    before = 0 if args.older_than is None else this_hour() - 24 * _days(args.older_than)
    folder = _config().state_dir
    entries, freed, aside = let_go(folder, show, max_bytes=size, before=before, dry=args.dry_run)
    verb = "would delete" if args.dry_run else "deleted"
    files = f" and {', '.join(aside)}" if aside else ""
    show(plain(f"{verb} {entries:,} entries{files}: {freed:,} bytes"))
    return 0


def _export(args: argparse.Namespace) -> int:
    from evalsuite.snapshot import calls_of  # noqa: PLC0415
    from evalsuite.store.recording import load_recordings, write_recording  # noqa: PLC0415
    from evalsuite.store.upkeep import replies  # noqa: PLC0415

    config = _config()
    keys = sorted({key for run in args.runs for key in calls_of(run, config)})
    found = load_recordings([config.root / each for each in config.recordings])
    found = {key: found[key] for key in keys if key in found} | replies(config.state_dir, keys)
    if missing := len(keys) - len(found):
        raise DataError(
            f"{missing} of {len(keys)} replies are no longer stored: run pytest --evals again, "
            "then export that run"
        )
    write_recording(Path(args.file), found)
    show(plain(f"{len(found):,} replies written to {args.file}"))
    return 0


def _import(args: argparse.Namespace) -> int:
    from evalsuite.store.imports import take_in  # noqa: PLC0415

    sources = [Path(each) for each in args.sources]
    for source in sources:
        if not source.exists():
            raise DataError(f"{source}: there is no such file or folder")
    new, problems = take_in(_config().state_dir, sources, show)
    lines = [*map(str, problems[:LISTED]), f"{new:,} replies taken over; the others were there"]
    if problems:
        more = f", of which {LISTED} are listed" if len(problems) > LISTED else ""
        lines.append(f"left out: {len(problems):,}{more}")
    show(plain("\n".join(lines)))
    return 2 if problems else 0


def _config() -> Config:
    return load_config(Path.cwd())


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise OptionError(f"--max-size is a number of kB, MB or GB such as 500MB, not {text!r:.40}")
    return int(match[1]) * _UNITS[match[2]]


def _days(text: str) -> int:
    match = _DAYS.fullmatch(text.strip())
    if match is None:
        raise OptionError(f"--older-than is a number of days such as 90d, not {text!r:.40}")
    return int(match[1])


def _date(hour: int) -> str:
    return f"{datetime.fromtimestamp(0, UTC) + timedelta(hours=hour):%Y-%m-%d}"
