"""`evalsuite correlate`: a metric's values beside people's ratings, in files of any layout."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli import correlate_asking
from evalsuite.cli.judge_asking import check_extra
from evalsuite.cli.judge_known import read_file
from evalsuite.cli.screen import show, table
from evalsuite.errors import OptionError, plain
from evalsuite.wording import shown, shown_path

if TYPE_CHECKING:
    from evalsuite.calibration.columns import Column, People, Unit
    from evalsuite.calibration.correlation_words import Told

EPILOG = """\
examples:
  evalsuite correlate qags.jsonl --human human_consistency --value judge_unieval
  evalsuite correlate mtrag.jsonl --each answers --human human.faithfulness --value 'auto.*' \\
      --cluster conversation --by system
  evalsuite correlate chat.jsonl --human 'human_mean.*' --value 'judge.*' --cluster dialogue
  evalsuite correlate mtrag.jsonl --each answers --human human.faithfulness \\
      --metric faithfulness --input question --output answer --contexts contexts
"""


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command; it sets `run`: from the arguments to an exit status."""
    command = subparsers.add_parser(
        "correlate",
        help="correlate metrics with people's ratings, from files",
        description="Reads JSON Lines with people's ratings and metrics' values, and prints "
        "Pearson's r, Spearman's rho and Kendall's tau-b with 95 % intervals. A FIELD is a name or "
        "a path such as human.faithfulness; auto.* is every field of auto. If --human and --value "
        "both end so, fields of one name are compared.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("files", metavar="FILE", nargs="+", help="JSON Lines")
    many = {"action": "append", "default": [], "metavar": "FIELD"}
    command.add_argument(
        "--human",
        required=True,
        help="people's ratings: a number, or an object or list of one per rater, whose mean counts",
        **many,
    )
    command.add_argument(
        "--value", help="a metric's stored value; may be given several times", **many
    )
    command.add_argument(
        "--each",
        metavar="FIELD",
        default="",
        help="a list of outputs in each row: fields are those of its elements, else the row's",
    )
    command.add_argument(
        "--cluster",
        metavar="FIELD",
        default="",
        help="what outputs depend on each other by (a dialogue, a document): intervals heed it, "
        "and the mean within clusters is told too",
    )
    command.add_argument("--by", metavar="FIELD", default="", help="each value of it apart too")
    command.add_argument(
        "--passing", type=_number, metavar="RATING", help="people's median from which it passes"
    )
    command.add_argument(
        "--cut",
        type=_number,
        action="append",
        default=[],
        metavar="VALUE",
        help="with --passing: a metric's value from which it passes; may be given several times",
    )
    correlate_asking.register(command)
    command.add_argument("--json", action="store_true", help="print JSON, with all digits")
    command.set_defaults(run=_correlate)


def _number(text: str) -> float:
    value = float(text)  # argparse names the option of what is no number
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _correlate(args: argparse.Namespace) -> int:
    from evalsuite.calibration.columns import names_of, units_of  # noqa: PLC0415

    if args.cut and args.passing is None:
        raise OptionError("--cut needs --passing RATING: people's median from which it passes")
    if not args.value and not args.metric:
        raise OptionError("--value FIELD names a metric's values in the file, --metric one to ask")
    check_extra("correlating with people's ratings")
    units: list[Unit] = []
    for file in dict.fromkeys(args.files):
        units += units_of(read_file(Path(file)), shown_path(Path(file)), args.each)
    place = Place(
        clusters=names_of(units, args.cluster) if args.cluster else None,
        groups=names_of(units, args.by, nameless="(none)") if args.by else None,
    )
    people, pairs = _pairs(args, units)
    asked = correlate_asking.asked_of(args, units) if args.metric else correlate_asking.Asked()
    if asked.status:
        return asked.status
    pairs += [(each, column) for column in asked.columns for each in people]
    told = _told(args, units, place, pairs, asked.notes)
    show(_json(told) if args.json else _page(told))
    return 0


@dataclass(frozen=True, slots=True)
class Place:
    """What each unit belongs to."""

    clusters: Sequence[str] | None
    groups: Sequence[str] | None


def _told(
    args: argparse.Namespace,
    units: Sequence[Unit],
    place: Place,
    pairs: Sequence[tuple[People, Column]],
    notes: Sequence[str],
) -> Told:
    from evalsuite.calibration.correlating import agreed, correlated  # noqa: PLC0415
    from evalsuite.calibration.correlation_words import Told  # noqa: PLC0415

    where = {"clusters": place.clusters, "groups": place.groups, "passing": args.passing}
    people = {each.name: each for each, _ in pairs}
    return Told(
        files=[shown_path(Path(file)) for file in dict.fromkeys(args.files)],
        rows=len({(unit.path, unit.line) for unit in units}),
        units=len(units),
        clusters=args.cluster,
        n_clusters=len(set(place.clusters or ())),
        by=args.by,
        people=[agreed(each, **where) for each in people.values()],
        found=[
            one
            for each, column in pairs
            for one in correlated(each, column, **where, cuts=args.cut)
        ],
        notes=notes,
    )


def _pairs(
    args: argparse.Namespace, units: Sequence[Unit]
) -> tuple[list[People], list[tuple[People, Column]]]:
    """People's ratings, and with which values of the file each is compared: of two patterns the
    fields of one name, else all with all."""
    from evalsuite.calibration.columns import expand, people_of, values_of  # noqa: PLC0415

    humans = {name: each for each in args.human for name in expand(units, each, people=True)}
    values = {name: each for each in args.value for name in expand(units, each, people=False)}
    wanted = [
        (human, value)
        for human, one in humans.items()
        for value, two in values.items()
        if human != value and (human == one or value == two or _last(human) == _last(value))
    ]
    if values and not wanted:
        names = ", ".join(shown(_last(each)) for each in list(humans)[:8])
        remedy = "name the fields of one side one by one"
        raise OptionError(f"--value has no field of the same name as --human ({names}): {remedy}")
    compared = humans if args.metric else dict.fromkeys(each for each, _ in wanted)
    people = {name: people_of(units, name) for name in compared}
    columns = {name: values_of(units, name) for name in dict.fromkeys(each for _, each in wanted)}
    return list(people.values()), [(people[human], columns[value]) for human, value in wanted]


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _page(told: Told) -> str:
    from evalsuite.calibration.correlation_words import (  # noqa: PLC0415
        cut_rows_of,
        lines_of,
        missing_of,
        rows_of,
    )

    parts = [plain("\n".join(lines_of(told))), table(rows_of(told))]
    if cuts := cut_rows_of(told):
        parts.append(table(cuts))
    if missing := missing_of(told):
        parts.append(plain("\n".join(missing)))
    return "\n\n".join(parts)


def _json(told: Told) -> str:
    from evalsuite.calibration.correlation_words import json_of  # noqa: PLC0415

    return json.dumps(json_of(told), indent=1, ensure_ascii=True, allow_nan=False)
