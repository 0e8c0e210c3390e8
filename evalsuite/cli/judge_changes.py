"""`evalsuite judge compare | anchor`: is a judge still the one that it was?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.judge_asking import check_extra, consulted_of, write_page
from evalsuite.cli.judge_known import known
from evalsuite.cli.judge_named import Named, named
from evalsuite.cli.screen import show
from evalsuite.config import Config, load_config
from evalsuite.errors import DataError, OptionError, plain
from evalsuite.report.figures import many
from evalsuite.wording import shown_path

if TYPE_CHECKING:
    from evalsuite.calibration.measured import Judged
    from evalsuite.calibration.records import Item
    from evalsuite.judging.records import Card
    from evalsuite.judging.verdict import Verdict
    from evalsuite.records import Run
    from evalsuite.snapshot import Source

ANCHORS = 40


def register(commands: argparse._SubParsersAction[Any]) -> None:
    command = commands.add_parser(
        "compare",
        help="two judges, or one before and after a change, on a snapshot's stored outputs",
        description="OLD and NEW are each NAME, NAME@REVISION (the card as git has it there), with "
        "=SPEC behind it for another backend. No target is run. Writes "
        "reports/judges/NEW/compare.html and .md.",
        epilog="example: evalsuite judge compare correctness@main correctness --bridge --reason "
        '"clearer levels"',
    )
    command.add_argument("old", metavar="OLD")
    command.add_argument("new", metavar="NEW")
    command.add_argument("--snapshot", metavar="SUITE", help="needed where there are several")
    command.add_argument("--offline", action="store_true", help="verdicts from the store alone")
    command.add_argument(
        "--bridge",
        action="store_true",
        help="give the snapshot's outputs NEW's scores, so that the next run compares with them",
    )
    command.add_argument("--reason", metavar="TEXT", help="for --bridge: why the judge changed")
    command.set_defaults(run=_compare)

    command = commands.add_parser(
        "anchor",
        help="freeze outputs with the verdicts they got, to be judged again in each run",
        description="Writes judges/NAME/anchors.jsonl from a stored run, without a call. A run "
        "that asks the judge anyway asks these too: a shift there is the judge's own.",
        epilog="example: evalsuite judge anchor correctness --from-run last -n 40",
    )
    command.add_argument("name", metavar="NAME")
    command.add_argument("--from-run", metavar="REF", required=True)
    command.add_argument("--suite", metavar="SUITE", help="needed where the run has several")
    command.add_argument("-n", dest="count", type=int, default=ANCHORS, metavar="N")
    command.set_defaults(run=_anchor)


def _compare(args: argparse.Namespace) -> int:
    from evalsuite.calibration.comparing import compare_judges  # noqa: PLC0415
    from evalsuite.calibration.comparison_page import page  # noqa: PLC0415
    from evalsuite.calibration.labels import effective, read_items, read_labels  # noqa: PLC0415

    if args.bridge and not (args.reason or "").strip():
        raise OptionError("--bridge needs --reason TEXT: why the judge changed")
    check_extra("comparing judges")
    config = load_config(Path.cwd())
    old, new = named(config, args.old), named(config, args.new)
    if old.keys == new.keys:
        raise OptionError(
            f"{args.old} and {args.new} are one judge: name another card, its state at a revision "
            "(NAME@main), or another backend (NAME=SPEC)"
        )
    pairs = {each.card.kind == "pairwise" for each in (old, new)}
    if pairs != {False}:
        raise OptionError(
            "pairwise judges compare with a baseline and are not compared on a snapshot: calibrate "
            "both on the same labels"
        )
    run, source = _snapshot(config, args.snapshot)
    there = _places(config, new.card, run, source)
    items = {item.id: item for item in there.values()}
    folder = config.judge_dir / new.card.name
    labels = effective(read_labels(folder, new.card))
    said_of = {label.item for label in labels}
    rated = {each: item for each, item in read_items(folder).items() if each in said_of}
    everything = {**rated, **items}
    said = []
    for judge in (old, new):
        found, status = consulted_of(
            config,
            judge.card,
            list(everything.values()),
            judge.spec,
            offline=args.offline,
            title=judge.text,
        )
        if status:
            return status
        said.append(found.verdicts)
    comparison = compare_judges(
        (old.card, new.card), items, (said[0], said[1]), labels, (rated, said[0], said[1])
    )
    stale = _what_it_means(run, old, new)
    write_page(config, page((old.text, new.text), new.card, comparison, stale), "compare")
    if args.bridge:
        _bridge(config, new, run, source, there, said[1], args.reason)
    return 0


def _snapshot(config: Config, suite: str | None) -> tuple[Run, Source]:
    from evalsuite.snapshot import open_ref  # noqa: PLC0415

    return open_ref("snapshot", config, suite)


def _places(config: Config, card: Card, run: Run, source: Source) -> dict[Any, Item]:
    """The snapshot's outputs as items; DataError says why there is none."""
    from evalsuite import golden, snapshot  # noqa: PLC0415
    from evalsuite.calibration.bridging import places  # noqa: PLC0415
    from evalsuite.golden.case import case_key  # noqa: PLC0415

    about = run.manifest.golden
    dataset = golden.load_spec(str(about.get("name")), config.golden_dir)
    cases = {
        case.id: case
        for case in dataset.cases
        if case.id in run.rows and case_key(case) == run.rows[case.id].case_key
    }
    kept = run.manifest.outputs
    keys = {key for row in run.rows.values() for key in row.outputs if key is not None}
    outputs = snapshot.read_outputs(source, keys) if kept == "full" else {}
    found = places(card, run, cases, outputs)
    if not found:
        reason = f"it keeps no answers (outputs = {kept})" if kept != "full" else "none fits"
        raise DataError(f"{snapshot.shown(source)}: no stored output can be judged: {reason}")
    return found


def _what_it_means(run: Run, old: Named, new: Named) -> str:
    """What becomes of the snapshot's scores."""
    keys = {row.scorer_keys.get(new.card.name) for row in run.rows.values()} - {None}
    if not keys:
        return f"the snapshot has no scores of {new.card.name}: nothing there goes stale"
    if keys == {new.keys.key}:
        return "the snapshot's scores are NEW's already"
    if old.keys.key in keys:
        return (
            "the snapshot's scores are OLD's: with NEW they are stale, and its gates have no "
            "baseline until the snapshot is bridged (--bridge) or accepted anew"
        )
    return "the snapshot's scores are of another judge than both: they are stale with either"


def _bridge(
    config: Config,
    new: Named,
    run: Run,
    source: Source,
    there: Mapping[Any, Item],
    said: Judged,
    reason: str,
) -> None:
    from evalsuite import snapshot  # noqa: PLC0415
    from evalsuite.calibration.bridging import bridged  # noqa: PLC0415

    verdicts: dict[Any, Mapping[str, Verdict]] = {
        place: said[item.id] for place, item in there.items() if item.id in said
    }
    standings = known(config, new.card.name).standings
    made = bridged(new.card, new.keys.key, run, verdicts, standings)
    folder = snapshot.snapshot_folder(config, run.manifest.suite)
    snapshot.accept(made, [source], folder, reason=f"judge {new.card.name}: {reason}"[:200])
    snapshot.remember(config, run.manifest.suite, snapshot.read_head(folder).key)
    show(plain(f"{run.manifest.suite}: the snapshot has {new.card.name}'s scores; commit it"))


def _anchor(args: argparse.Namespace) -> int:
    from evalsuite.calibration.anchors import ANCHORS as FILE  # noqa: PLC0415
    from evalsuite.calibration.choosing import choose  # noqa: PLC0415
    from evalsuite.calibration.journal import replace_file  # noqa: PLC0415
    from evalsuite.rating import sampling  # noqa: PLC0415
    from evalsuite.snapshot.codec import dump, to_json  # noqa: PLC0415

    if not 1 <= args.count <= 1_000:
        raise OptionError("-n must be from 1 to 1000")
    config = load_config(Path.cwd())
    found = known(config, args.name)
    card = found.card
    if card.kind == "expectations":
        raise OptionError(f"{card.name} judges each case's own statements: it has no anchors")
    if card.kind == "metric":
        raise OptionError(f"{card.name} is a metric of ev.rag: anchors are for judges")
    run = sampling.stored(config, args.from_run, args.suite)
    keys = {row.scorer_keys.get(card.name) for row in run[0].rows.values()} - {None}
    if card.kind != "pairwise" and not keys:
        raise OptionError(
            f"suite {run[0].manifest.suite} did not ask {card.name}: add "
            f'ev.judge("{card.name}") to its scorers, run it, and anchor that run'
        )
    if card.kind != "pairwise" and found.keys.key not in keys:
        raise OptionError(
            f"run {run[0].manifest.run} has no verdicts of {card.name} as it is now: run it again"
        )
    pair = card.kind == "pairwise"
    baseline = sampling.baseline_of(config, run) if pair else None
    candidates = sampling.candidates(config, card, run, baseline, arms=False)
    names = [each.name for each in card.criteria]
    full = [
        each
        for each in candidates
        if all(each.items[0].judged.get(name) is not None for name in names)
    ]
    if not full:
        raise OptionError(f"run {run[0].manifest.run} has no output with {card.name}'s verdict")
    chosen = choose(full, args.count, config.seed)
    file = config.judge_dir / card.name / FILE
    frozen = [replace(item, weight=1.0, arm="", judge=found.keys.key) for item in chosen]
    before = _replaced(config.judge_dir / card.name, frozen)
    replace_file(file, b"".join(dump(to_json(item, sparse=True)) + b"\n" for item in frozen))
    show(
        plain(
            f"{shown_path(file)}: {many(len(frozen), 'output')} with their verdicts"
            f"{before}; commit it"
        )
    )
    return 0


def _replaced(folder: Path, frozen: Sequence[Item]) -> str:
    """What is said of the anchors that were there; "" if there were none."""
    from evalsuite.calibration.anchors import ANCHORS as FILE  # noqa: PLC0415
    from evalsuite.calibration.anchors import read_anchors  # noqa: PLC0415

    file = folder / FILE
    if not file.exists():
        return ""
    day = datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
    try:
        then = {item.id: item.judged for item in read_anchors(folder)}
    except DataError:
        return f"; replaced those of {day}, which could not be read"
    same = [item for item in frozen if item.id in then]
    differ = sum(dict(item.judged) != dict(then[item.id]) for item in same)
    return (
        f"; replaced {many(len(then), 'anchor')} of {day}, {len(same)} of them are anchors again, "
        f"{differ} with another verdict"
    )
