"""`evalsuite judge`: cards, their labels, and what they are worth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from evalsuite.cli import judge_attack, judge_calibrate, judge_changes
from evalsuite.cli.judge_known import known, read_file
from evalsuite.cli.screen import show, table
from evalsuite.config import load_config
from evalsuite.errors import DataError, OptionError, did_you_mean, plain
from evalsuite.report.figures import many
from evalsuite.wording import shown_path


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `judge` and its commands; each sets `run`: from the arguments to an exit status."""
    judge = subparsers.add_parser(
        "judge",
        help="list, calibrate, compare and attack judges; import and export labels",
        description="Works on the folder judges/. Calls are made by calibrate, compare and attack, "
        "which say first how many they take at most.",
    )
    commands = judge.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser("list", help="every judge with its standing")
    command.set_defaults(run=_list)

    command = commands.add_parser("show", help="one judge: card, labels, certificate, standing")
    command.add_argument("name", metavar="NAME")
    command.set_defaults(run=_show)

    command = commands.add_parser(
        "new",
        help="copy a card into judges/, to be changed",
        epilog="example: evalsuite judge new politeness --from tone",
    )
    command.add_argument("name", metavar="NAME", help="the new judge")
    command.add_argument("--from", metavar="CARD", dest="card", help="default: the shipped NAME")
    command.set_defaults(run=_new)

    command = commands.add_parser(
        "labels",
        help="import or export ratings",
        description="Items are told by their id, or by their texts where the file has no id.",
        epilog="example: evalsuite judge labels tone import ratings.csv --format csv "
        "--map answer=output --map annotator=rater",
    )
    command.add_argument("name", metavar="NAME")
    command.add_argument("what", choices=("import", "export"))
    command.add_argument("file", metavar="FILE")
    command.add_argument(
        "--format", dest="layout", required=True, metavar="NAME", help="csv, argilla, label-studio"
    )
    command.add_argument(
        "--map",
        dest="names",
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="a column, field or question of the file, and what it is here: input, output, other, "
        "expected, contexts, case, cluster, rater, or a criterion; may be given several times",
    )
    command.set_defaults(run=_labels)
    judge_calibrate.register(commands)
    judge_changes.register(commands)
    judge_attack.register(commands)


def _list(args: argparse.Namespace) -> int:
    from evalsuite.calibration.measurable import rated_names  # noqa: PLC0415
    from evalsuite.judging.card import SHIPPED  # noqa: PLC0415

    config = load_config(Path.cwd())
    rows = [("judge", "kind", "from", "labels", "standing", "why")]
    broken: list[DataError] = []
    for name in rated_names(config.judge_dir):
        try:
            found = known(config, name)
        except DataError as error:  # the others are listed all the same
            broken.append(error)
            rows.append((name, "", "", "", "unusable", "see below"))
            continue
        standing = found.standings[name]
        own = (config.judge_dir / name / "judge.md").is_file()
        where = "project" if own or not (SHIPPED / name).is_dir() else "shipped"
        where = "ev.rag" if found.card.kind == "metric" else where
        count = str(len(found.labels))
        rows.append((name, found.card.kind, where, count, standing.state, standing.says))
    show(table(rows))
    for each in broken:
        show(f"\n{each}")
    return 2 if broken else 0


def _show(args: argparse.Namespace) -> int:
    from evalsuite.calibration.splits import looks, spoken  # noqa: PLC0415

    config = load_config(Path.cwd())
    found = known(config, args.name)
    card = found.card
    lines = [f"{card.name}: {card.kind}, {shown_path(Path(card.path))}", f"  {card.description}"]
    for each in card.criteria:
        levels = ", ".join(level.label for level in each.scale)
        lines.append(f"  {each.name} (weight {each.weight:g}): {each.question} [{levels}]")
    raters = len({label.rater for label in found.labels})
    rated = f"{many(len(found.labels), 'label')} of {many(raters, 'rater')}"
    lines.append(f"  {many(len(found.items), 'item')}, {rated}")
    if found.certificate is not None:
        dates = f"{found.certificate.created} to {found.certificate.expires}"
        lines.append(f"  certificate: {dates}")
    for metric, standing in found.standings.items():
        lines.append(f"  {metric}: {standing.state}: {standing.says}")
    remedy = found.standings[card.name].remedy
    lines += [f"  next: {remedy}"] if remedy else []
    looked = spoken(looks(config.judge_dir / card.name))
    lines += [f"  {looked}"] if looked else []
    show(plain("\n".join(line for line in lines if line.strip())))
    return 0


def _new(args: argparse.Namespace) -> int:
    from evalsuite.judging.card import SHIPPED, card_names, load_card, read_card  # noqa: PLC0415
    from evalsuite.judging.names import NAME  # noqa: PLC0415
    from evalsuite.rag.names import METRICS  # noqa: PLC0415

    config = load_config(Path.cwd())
    name = args.name
    if not NAME.fullmatch(name):
        raise OptionError("NAME: lower-case letters, digits, - and _, up to 64")
    if name in METRICS:
        raise OptionError(
            f"{name} is a metric of ev.rag, with a folder of its own: name it otherwise"
        )
    file = config.judge_dir / name / "judge.md"
    if file.exists():
        raise OptionError(f"{shown_path(file)} is there already: edit it")
    source = args.card or name
    if source not in card_names(config.judge_dir):
        remedy = did_you_mean(source, card_names(config.judge_dir))
        raise OptionError(f"no card {source[:64]!r} to start from: {remedy} (--from CARD)")
    load_card(config.judge_dir, source)
    places = (folder / source / "judge.md" for folder in (config.judge_dir, SHIPPED))
    written = next(each for each in places if each.is_file()).read_text(encoding="utf-8-sig")
    read_card(written, shown_path(file), name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(written, encoding="utf-8", newline="\n")
    show(plain(f"{shown_path(file)} is the card {source}: change it, then evalsuite rate {name}"))
    return 0


def _labels(args: argparse.Namespace) -> int:
    from evalsuite.calibration import exchange  # noqa: PLC0415
    from evalsuite.calibration.measurable import card_of  # noqa: PLC0415

    config = load_config(Path.cwd())
    card = card_of(config.judge_dir, args.name)
    if args.layout not in exchange.FORMATS:
        known_ = did_you_mean(args.layout, exchange.FORMATS)
        raise OptionError(f"--format has no {args.layout[:40]!r}: {known_}")
    file = Path(args.file)
    if args.what == "export":
        if args.names:
            raise OptionError("--map is for import: an export has our names")
        return _export(config.judge_dir / card.name, card, args.layout, file)
    return _import(config.judge_dir / card.name, card, args, file)


def _export(folder: Path, card: Any, layout: str, file: Path) -> int:
    from evalsuite.calibration import exchange  # noqa: PLC0415
    from evalsuite.calibration.exchange.label_studio import config as label_config  # noqa: PLC0415
    from evalsuite.calibration.labels import read_items  # noqa: PLC0415

    if not read_items(folder):
        raise OptionError(f"{shown_path(folder)} holds no items: evalsuite rate {card.name} first")
    files = {file: exchange.export(folder, layout, card)}
    if layout == "label-studio":
        pair = card.kind == "pairwise"
        if file.suffix == ".xml":
            raise OptionError("FILE is for the tasks, as JSON: the configuration gets .xml itself")
        files[file.with_suffix(".xml")] = label_config(card, pair=pair).encode()
    for each in files:
        if each.exists():
            raise OptionError(f"{shown_path(each)} is there already: name another file")
    for each, data in files.items():
        each.write_bytes(data)
        show(plain(f"wrote {shown_path(each)}"))
    return 0


def _import(folder: Path, card: Any, args: argparse.Namespace, file: Path) -> int:
    from evalsuite.calibration import exchange  # noqa: PLC0415
    from evalsuite.calibration.labels import read_items  # noqa: PLC0415

    names = dict(_pair(each) for each in args.names)
    targets = exchange.targets(card)
    for theirs, ours in names.items():
        if ours not in targets:
            remedy = did_you_mean(ours, targets)
            written = f"{theirs[:80]}={ours[:80]}"
            raise OptionError(f"--map {written}: there is no {ours[:80]!r} here: {remedy}")
    data = read_file(file)
    imported = exchange.read(args.layout, data, shown_path(file), card, read_items(folder), names)
    taken = exchange.take(folder, card, imported)
    said = f"{card.name}: {many(taken.labels, 'label')} and {many(taken.items, 'item')} added"
    if taken.same:
        said += f", {many(taken.same, 'label was', 'labels were')} there"
    if taken.unrated:
        said += f", {many(taken.unrated, 'row has', 'rows have')} no rating"
    show(plain(said))
    return 0


def _pair(text: str) -> tuple[str, str]:
    theirs, equals, ours = text.partition("=")
    if not equals or not theirs or not ours:
        raise OptionError(f"--map {text[:80]!r}: write THEIRS=OURS, such as answer=output")
    return theirs, ours
