"""`evalsuite judge calibrate`: a judge against the people who rated for it."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.judge_asking import check_extra, consulted_of, lines_of, write_page
from evalsuite.cli.judge_known import read_file, today
from evalsuite.cli.screen import show
from evalsuite.config import Config, load_config
from evalsuite.errors import DataError, OptionError, plain
from evalsuite.report.figures import many
from evalsuite.wording import shown_path

if TYPE_CHECKING:
    from evalsuite.calibration.consulting import Consulted
    from evalsuite.calibration.measured import Judged
    from evalsuite.calibration.records import Item, Label, Split
    from evalsuite.judging.keys import JudgeKeys
    from evalsuite.judging.records import Card
    from evalsuite.report.blocks import Line

UNANSWERED = 0.2
"""The share of rated items without a verdict above which no certificate is given."""

SPLITS = ("dev", "test", "all")


class Refused(DataError):
    """A judge that is not certified, with nothing wrong in what was given."""

    exit_code = 1


def register(commands: argparse._SubParsersAction[Any]) -> None:
    command = commands.add_parser(
        "calibrate",
        help="measure a judge against people's ratings",
        description="Compares the judge's verdicts on the rated items with people's: from the "
        "store, or asked for now. Writes reports/judges/NAME/report.html and report.md. Looks at "
        "figures of the test split are written down; a certificate is given on it alone.",
        epilog="example: evalsuite judge calibrate correctness --certify",
    )
    command.add_argument("name", metavar="NAME")
    command.add_argument(
        "--certify",
        action="store_true",
        help="write certificate.json, or exit with 1: too many rated items have no verdict",
    )
    command.add_argument(
        "--split", choices=SPLITS, help="of which items: all, or with --certify test; dev is to try"
    )
    command.add_argument("--offline", action="store_true", help="verdicts from the store alone")
    command.add_argument(
        "--fresh", action="store_true", help="ask anew (once a day), whatever the store holds"
    )
    command.add_argument("--scores", metavar="FILE", help="verdicts that were made elsewhere")
    command.add_argument("--backend", metavar="SPEC", help="default: that of the card's role")
    command.add_argument("--votes", type=int, metavar="N", help="as a suite's ev.judge(votes=N)")
    command.set_defaults(run=_calibrate)


def _calibrate(args: argparse.Namespace) -> int:
    from evalsuite.calibration.bar import bar_of  # noqa: PLC0415
    from evalsuite.calibration.labels import effective, read_items, read_labels  # noqa: PLC0415
    from evalsuite.calibration.measurable import card_of, keys_of  # noqa: PLC0415
    from evalsuite.judging.card import keyed  # noqa: PLC0415
    from evalsuite.judging.names import MAX_VOTES  # noqa: PLC0415
    from evalsuite.judging.setting import role_of  # noqa: PLC0415

    asks = args.certify or args.offline or args.backend or args.votes or args.fresh
    if args.scores and asks:
        raise OptionError(
            "--scores: no certificate can be bound to a judge that is asked elsewhere, and nobody "
            "is asked here (leave out the other options)"
        )
    if args.fresh and args.offline:
        raise OptionError("--fresh asks, and --offline asks nobody: give one of them")
    check_extra("calibrating a judge")
    config = load_config(Path.cwd())
    bar_of(config.bar)
    card = card_of(config.judge_dir, args.name)
    if args.votes is not None:
        if card.kind == "metric":
            raise OptionError(f"--votes: {card.name} is a metric, which is asked once")
        if not 1 <= args.votes <= MAX_VOTES:
            raise OptionError(f"--votes must be from 1 to {MAX_VOTES}")
        card = keyed(replace(card, votes=args.votes))
    folder = config.judge_dir / card.name
    items = read_items(folder)
    labels = effective(read_labels(folder, card, items))
    if not labels:
        raise OptionError(
            f"{shown_path(folder)} holds no labels: evalsuite rate {card.name} --from-run last, or "
            f"evalsuite judge labels {card.name} import FILE --format csv"
        )
    spec = args.backend or config.backends[role_of(card.role, config.backends)]
    keys = keys_of(card, spec)
    replaced = _replaced(folder, keys, certify=args.certify)
    judged, remarks, status = _verdicts(args, config, card, items, labels, spec)
    if status:
        return status
    _told(args, config, card, keys, (items, labels, judged), remarks)
    if replaced:
        show(plain(f"replaced: the certificate {replaced}"))
    return 0


def _replaced(folder: Path, keys: JudgeKeys, *, certify: bool) -> str:
    """What a certificate that is there says, read before anybody is asked; "" if none is written
    over. One that can't be read is refused, and may be written anew."""
    from evalsuite.calibration.certificate import read_certificate  # noqa: PLC0415

    try:
        there = read_certificate(folder, keys.model)
    except DataError:
        if not certify:
            raise
        return "that could not be read"
    if there is None or there.model != keys.model or not certify:
        return ""
    return f"of {there.created} ({', '.join(f'{n} {state}' for n, state in there.states.items())})"


def _verdicts(
    args: argparse.Namespace,
    config: Config,
    card: Card,
    items: Mapping[str, Item],
    labels: Sequence[Label],
    spec: str,
) -> tuple[Judged, list[Line], int]:
    """What the judge says of the rated items, and what is to be said of that."""
    from evalsuite.report.blocks import Line  # noqa: PLC0415

    if args.scores:
        from evalsuite.calibration.scores import read_scores  # noqa: PLC0415

        file = Path(args.scores)
        found = read_scores(read_file(file), shown_path(file), card, items)
        return found, [Line("verdicts", (f"{len(found)} made elsewhere",))], 0
    rated = [items[each] for each in dict.fromkeys(label.item for label in labels)]
    consulted, status = consulted_of(
        config, card, rated, spec, offline=args.offline, fresh=args.fresh
    )
    if args.certify and consulted.failed and not status:
        reason = next(iter(consulted.failed.values()))
        raise DataError(
            f"{card.name}: {many(len(consulted.failed), 'rated item has', 'rated items have')} no "
            f"reply, and a certificate needs all: {reason} (run it again: what was "
            "answered is kept)"
        )
    if args.certify and not status:
        _answered(card, rated, consulted)
    return consulted.verdicts, lines_of(consulted), status


def _answered(card: Card, rated: Sequence[Item], consulted: Consulted) -> None:
    """Refused if the judge has no verdict on too many items that a certificate would be of."""
    from evalsuite.calibration.splits import split_of  # noqa: PLC0415

    tested = [item.id for item in rated if split_of(item) == "test"]
    reasons = [consulted.reason(each) for each in tested]
    silent = Counter(each for each in reasons if each)
    if silent.total() > UNANSWERED * len(tested):
        reason, count = silent.most_common(1)[0]
        raise Refused(
            f"{card.name}: {silent.total()} of {len(tested)} rated items of the test split have no "
            f"verdict, and a certificate bears {UNANSWERED:.0%}: {reason} ({count} times). Nothing "
            "is written; change the card or the model"
        )


def _told(
    args: argparse.Namespace,
    config: Config,
    card: Card,
    keys: JudgeKeys,
    given: tuple[Mapping[str, Item], Sequence[Label], Judged],
    remarks: list[Line],
) -> None:
    """Calibrate, certify, and write the page."""
    from evalsuite.calibration.calibrate import calibrate  # noqa: PLC0415
    from evalsuite.calibration.splits import looks, split_of, spoken  # noqa: PLC0415
    from evalsuite.calibration.telling import page  # noqa: PLC0415
    from evalsuite.report.blocks import Line  # noqa: PLC0415

    items, labels, judged = given
    folder = config.judge_dir / card.name
    cuts, said = _thresholds(card, items, labels, judged)
    remarks += said
    if args.certify:
        remarks += _certified(config, card, keys, given, cuts)
    asked: Any = args.split or ("test" if args.certify else "all")
    split: Split | None = None if asked == "all" else asked
    found = calibrate(
        card,
        items,
        labels,
        judged,
        split=split,
        thresholds=cuts,
        readable=lambda item: args.split == "test" or split_of(item) == "dev",
    )
    if not any(each.counts.n for each in found.criteria):
        raise DataError(f"{card.name}: no rated item of this split has a verdict")
    certificate_alone = args.certify and args.split is None
    if split != "dev" and not certificate_alone:
        _look(folder, keys, labels)
    if looked := spoken(looks(folder)):
        remarks.append(Line("test split", (looked,)))
    standing = _standings(config, card, keys, items, labels)
    write_page(config, page(card, found, standing, remarks), "report")


def _thresholds(
    card: Card, items: Mapping[str, Item], labels: Sequence[Label], judged: Judged
) -> tuple[dict[str, float], list[Line]]:
    """Of a judge that gives numbers: chosen on the development split."""
    from evalsuite.calibration.thresholds import choose_threshold  # noqa: PLC0415
    from evalsuite.report.blocks import Line  # noqa: PLC0415

    cuts, lines = {}, []
    for criterion in card.criteria:
        own = [each[criterion.name] for each in judged.values() if criterion.name in each]
        numbers = any(each.value is not None and each.label is None for each in own)
        levels = any(each.label is not None for each in own)
        if not criterion.binary or not numbers or levels or card.kind == "pairwise":
            continue
        try:
            chosen = choose_threshold(card, criterion.name, items, labels, judged)
        except DataError as error:
            lines.append(Line("threshold", (f"the middle of the scale: {error}",), "warn"))
            continue
        cuts[criterion.name] = chosen.value
        figures = f"TPR {chosen.tpr:.2f}, TNR {chosen.tnr:.2f}, n={chosen.n}"
        text = f"{chosen.value:g}, chosen on the development split ({figures})"
        lines.append(Line("threshold", (text,)))
    return cuts, lines


def _certified(
    config: Config,
    card: Card,
    keys: JudgeKeys,
    given: tuple[Mapping[str, Item], Sequence[Label], Judged],
    cuts: Mapping[str, float],
) -> list[Line]:
    from evalsuite.calibration.bar import bar_of  # noqa: PLC0415
    from evalsuite.calibration.calibrate import calibrate  # noqa: PLC0415
    from evalsuite.calibration.certificate import certify, write_certificate  # noqa: PLC0415
    from evalsuite.calibration.splits import in_split, labels_in  # noqa: PLC0415
    from evalsuite.report.blocks import Line, Name  # noqa: PLC0415

    items, labels, judged = given
    tested = labels_in(labels, in_split(items, "test"))
    if not tested:
        raise DataError(f"{card.name}: no item of the test split is rated yet: rate more")
    found = calibrate(card, items, labels, judged, split="test", thresholds=cuts)
    made = certify(card, keys, found, tested, bar_of(config.bar), today=today())
    file = write_certificate(config.judge_dir / card.name, made)
    states = ", ".join(f"{name} {state}" for name, state in made.states.items())
    about = f"{states}; until {made.expires}; commit "
    return [Line("certificate", (about, Name(shown_path(file))))]


def _look(folder: Path, keys: JudgeKeys, labels: Sequence[Label]) -> None:
    from evalsuite.calibration.splits import Look, log_look  # noqa: PLC0415

    now = datetime.now(UTC).isoformat(timespec="seconds")
    log_look(folder, Look(time=now, why="calibrate", judge=keys.key, labels=len(labels)))


def _standings(
    config: Config,
    card: Card,
    keys: JudgeKeys,
    items: Mapping[str, Item],
    labels: Sequence[Label],
) -> Mapping[str, Any]:
    from evalsuite.calibration.bar import bar_of  # noqa: PLC0415
    from evalsuite.calibration.certificate import read_certificate  # noqa: PLC0415
    from evalsuite.calibration.standing import standings  # noqa: PLC0415

    return standings(
        card,
        keys,
        read_certificate(config.judge_dir / card.name, keys.model),
        items=items,
        labels=labels,
        bar=bar_of(config.bar),
        today=today(),
    )
