"""`evalsuite rate NAME`: people rate outputs in a browser, for a judge to be measured by."""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.screen import show
from evalsuite.config import Config, load_config
from evalsuite.errors import MissingExtra, OptionError, did_you_mean, plain
from evalsuite.wording import shown

if TYPE_CHECKING:
    from evalsuite.calibration.records import Item
    from evalsuite.judging.records import Card
    from evalsuite.rating.exporting import Exported
    from evalsuite.rating.links import Links
    from evalsuite.rating.log import Log
    from evalsuite.rating.opening import Place
    from evalsuite.rating.server import Server

PORT = 8642
PAIRS = 40
MAX_ITEMS = 100_000


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command; it sets `run`: from the arguments to an exit status."""
    command = subparsers.add_parser(
        "rate",
        help="rate outputs in the browser, so that a judge can be measured",
        description="Serves the items of judges/NAME/ on this machine until Ctrl-C, one personal "
        "link per rater, and appends what was rated to judges/NAME/labels.jsonl. Nothing that was "
        "saved is lost if it is killed: start it again.",
        epilog="example: evalsuite rate correctness --from-run last --raters r1,r2",
    )
    command.add_argument("judge", metavar="NAME", help="the judge whose card is rated by")
    command.add_argument("--from-run", metavar="REF", help="choose items of a run: an id, or last")
    command.add_argument("--suite", metavar="SUITE", help="the run's suite, where it has several")
    command.add_argument(
        "-n",
        dest="count",
        metavar="N",
        type=int,
        help="how many items there shall be, those that are there included; default: as many as "
        "the next certificate needs",
    )
    command.add_argument(
        "--pairs",
        action="store_true",
        help=f"choose cases whose answers differ from the snapshot's, both answers of each "
        f"(default: {PAIRS} cases)",
    )
    command.add_argument("--raters", metavar="NAMES", help="r1,r2; default: you alone")
    command.add_argument("--overlap", type=float, default=0.2, metavar="SHARE", help="for all: 0.2")
    command.add_argument("--repeats", type=float, default=0.15, metavar="SHARE", help="twice: 0.15")
    command.add_argument("--port", type=int, help=f"on 127.0.0.1; default {PORT}")
    command.add_argument("--link", metavar="RATER", help="print a new link, and end")
    command.add_argument("--revoke", metavar="RATER", help="make a rater's links void, and end")
    command.add_argument("--export", action="store_true", help="export what was rated, and end")
    command.add_argument("--no-open", action="store_true", help="don't open a browser")
    command.set_defaults(run=_rate)


def _rate(args: argparse.Namespace) -> int:
    try:
        from evalsuite.rating import opening, serving  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("evalsuite rate", "rating") from None
    _checked(args)
    config = load_config(Path.cwd())
    card, place = opening.place_of(config, args.judge)
    if args.export or args.link or args.revoke:
        return _aside(args, card, place)
    # What can fail does so before items are written.
    port = PORT if args.port is None else args.port
    with opening.only_one(place), serving.listen(port) as listening:
        if args.from_run:
            show(_choose(args, config, card, place))
        return _session(args, config, card, place, listening)


def _checked(args: argparse.Namespace) -> None:
    from evalsuite.rating import names  # noqa: PLC0415

    for share in ("overlap", "repeats"):
        if not 0 <= getattr(args, share) <= 1:
            raise OptionError(f"--{share} must be a share from 0 to 1")
    if args.raters is not None:
        names.named(args.raters)
    if args.port is not None and not 0 <= args.port <= 65_535:
        raise OptionError("--port must be from 0 to 65535")
    if args.count is not None and not 1 <= args.count <= MAX_ITEMS:
        raise OptionError(f"-n must be from 1 to {MAX_ITEMS}")
    if not args.from_run and (args.pairs or args.count is not None or args.suite):
        raise OptionError("-n, --pairs and --suite choose items of a run: name it by --from-run")


def _aside(args: argparse.Namespace, card: Card, place: Place) -> int:
    """What can be done beside a server that runs."""
    from evalsuite.rating import exporting, opening  # noqa: PLC0415

    log = opening.existing_log(place)
    try:
        if args.export:
            show(_exported(exporting.export(log, place.folder, card), place))
        if args.revoke:
            log.revoke(_known(args.revoke, log))
            show(plain(f"{args.revoke}: links and sessions are void from now on"))
        if args.link:
            name = _known(args.link, log)
            show(_link(_links(place), log, name, args.port or opening.last_port(place) or PORT))
    finally:
        log.close()
    return 0


def _known(name: str, log: Log) -> str:
    raters = log.raters()
    if name not in raters:
        raise OptionError(f"no rater {shown(name)} in this session: {did_you_mean(name, raters)}")
    return name


def _exported(done: Exported, place: Place) -> str:
    from evalsuite.report.figures import many  # noqa: PLC0415
    from evalsuite.wording import shown_path  # noqa: PLC0415

    where = shown_path(place.folder / "labels.jsonl")
    said = f"{many(done.ratings, 'new rating')} in {where}"
    if not done.added:
        said = f"{where} holds all labels"
    if done.added or (place.folder / "labels.jsonl").exists():
        said += f"\nnext: evalsuite judge calibrate {place.judge} --certify"
    if done.orphans:
        said += (
            f"\n{done.orphans} more stay in the session alone: items.jsonl lacks their item, or the"
            " card their criterion or level (restore them from git, then: --export)"
        )
    return said


def _links(place: Place) -> Links:
    from evalsuite.rating.links import Links, read_secret  # noqa: PLC0415

    return Links(read_secret(place.state), place.judge)


def _link(links: Links, log: Log, name: str, port: int) -> str:
    from evalsuite.rating.server import LEAD  # noqa: PLC0415

    role, rater = ("lead", LEAD) if name == LEAD else ("rate", name)
    token = links.link(rater, role, log.epoch(rater) or 0)  # type: ignore[arg-type]
    return f"http://127.0.0.1:{port}/join/{token}"


def _choose(args: argparse.Namespace, config: Config, card: Card, place: Place) -> str:
    """Add items of a run to items.jsonl."""
    from evalsuite.calibration.choosing import choose  # noqa: PLC0415
    from evalsuite.calibration.labels import append_items, read_items  # noqa: PLC0415
    from evalsuite.rating import opening, sampling  # noqa: PLC0415
    from evalsuite.report.figures import many  # noqa: PLC0415

    run = sampling.stored(config, args.from_run, args.suite)
    pairs = args.pairs or card.kind == "pairwise"
    baseline = sampling.baseline_of(config, run) if pairs else None
    found = sampling.candidates(config, card, run, baseline, arms=args.pairs)
    there = read_items(place.folder)
    opening.fitting(card, [*there.values(), *found[0].items])
    taken = {item.id for each in found for item in each.items if item.id in there}
    of_run = sum(all(item.id in taken for item in each.items) for each in found)
    if args.pairs:
        count = args.count or PAIRS
    else:
        more = args.count - len(there) if args.count else _wanted(config, card, place, there)
        count = of_run + more
    chosen = choose(found, max(count, of_run), config.seed, taken)
    added = append_items(place.folder, chosen)
    return plain(
        f"{card.name}: {many(len(added), 'item')} added of "
        f"{many(len(found), 'case')}{' whose answers differ' if pairs else ''} of run "
        f"{run[0].manifest.run}; {len(there) + len(added)} in all"
    )


def _wanted(config: Config, card: Card, place: Place, items: dict[str, Item]) -> int:
    from evalsuite.calibration.bar import bar_of  # noqa: PLC0415
    from evalsuite.calibration.labels import effective, read_labels  # noqa: PLC0415
    from evalsuite.rating.outlook import wanted  # noqa: PLC0415

    labels = effective(read_labels(place.folder, card))
    return wanted(card, labels, items, bar_of(config.bar))


def _raters(args: argparse.Namespace, log: Log) -> list[str]:
    from evalsuite.rating import names  # noqa: PLC0415
    from evalsuite.rating.server import LEAD  # noqa: PLC0415

    if args.raters is None:
        known = [name for name in log.raters() if name != LEAD]
        return known or [names.me()]
    return names.named(args.raters)


def _session(
    args: argparse.Namespace, config: Config, card: Card, place: Place, listening: socket.socket
) -> int:
    from evalsuite.rating import exporting, opening, serving  # noqa: PLC0415

    log = opening.open_log(place)
    try:
        with _ended_by_signals():
            server = _server(_raters(args, log), args, config, card, place, log)
            port = listening.getsockname()[1]
            opening.remember_port(place, port)
            ready = partial(_ready, server, port, not args.no_open)
            serving.serve(server, listening, ready)
        show(_exported(exporting.export(log, place.folder, card), place))
    finally:
        log.close()
    return 0


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends a session as Ctrl-C does: with an export."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _server(
    raters: Sequence[str],
    args: argparse.Namespace,
    config: Config,
    card: Card,
    place: Place,
    log: Log,
) -> Server:
    from evalsuite.calibration.bar import bar_of  # noqa: PLC0415
    from evalsuite.calibration.measurable import card_of  # noqa: PLC0415
    from evalsuite.rating import opening  # noqa: PLC0415
    from evalsuite.rating.outlook import outlook  # noqa: PLC0415
    from evalsuite.rating.queue import Shares  # noqa: PLC0415
    from evalsuite.rating.server import LEAD, Server  # noqa: PLC0415

    shares = Shares(overlap=args.overlap, repeats=args.repeats, seed=config.seed)
    session = opening.open_session(card, place, log, raters, shares)
    log.add_raters([LEAD])
    return Server(
        session=session,
        log=log,
        links=_links(place),
        judge=place.judge,
        reload=partial(card_of, config.judge_dir, place.judge),
        outlook=partial(outlook, bar=bar_of(config.bar)),
        own_card=(place.folder / "judge.md").is_file,
    )


def _ready(server: Server, port: int, browse: bool) -> None:
    from evalsuite.rating.server import LEAD  # noqa: PLC0415
    from evalsuite.report.figures import many  # noqa: PLC0415

    raters = list(server.session.desks)
    links = {name: _link(server.links, server.log, name, port) for name in [*raters, LEAD]}
    width = max(map(len, links))
    lines = [
        f"{server.judge}: {many(len(server.session.items), 'item')}; links are good for 7 days"
    ]
    lines += [f"  {name.ljust(width)}  {link}" for name, link in links.items()]
    lines.append("Ctrl-C ends it and exports; what is saved stays saved if it is killed.")
    show(plain("\n".join(lines)))
    if browse and len(raters) == 1:
        import webbrowser  # noqa: PLC0415

        webbrowser.open(links[raters[0]])
