"""`evalsuite golden`: list, add, lint, diff, release and count golden cases."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evalsuite.config import load_config
from evalsuite.errors import GoldenError, OptionError, Problem
from evalsuite.golden import Dataset, load, load_spec
from evalsuite.golden.add import add
from evalsuite.golden.case import ValidateChecks
from evalsuite.golden.compare import compare
from evalsuite.golden.fields import FIELDS
from evalsuite.golden.lines import MAX_CASE_BYTES, decode
from evalsuite.golden.lint import lint
from evalsuite.golden.packaged import is_packaged, packaged, place_of
from evalsuite.golden.release import Release, latest_release, level, write_release
from evalsuite.records import Case, Json
from evalsuite.strictjson import Malformed, parse
from evalsuite.wording import printable, shown, shown_path

_EACH = "may be given several times"


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `golden` and its commands; each sets `run`: from the arguments to an exit code."""
    golden = subparsers.add_parser(
        "golden",
        help="list, add, lint, diff, release and count golden cases",
        description="Works on the datasets below the folder golden/; lint, diff and stats also "
        "read those of installed packages, PACKAGE:NAME.",
    )
    commands = golden.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser(
        "list",
        help="the datasets that a suite can name",
        description="Lists the project's datasets and those that come with evalsuite, or those of "
        "another installed package.",
    )
    command.add_argument("package", metavar="PACKAGE", nargs="?", help="an installed package")
    command.set_defaults(run=_list)

    command = commands.add_parser(
        "add",
        help="append a case",
        description="Appends a case to golden/NAME, which is made if it is missing. The case comes "
        "from the options, or as a JSON object from stdin.",
        epilog="""example: evalsuite golden add hr --input 'When?' --check '{"contains": "5"}'""",
    )
    command.add_argument("name", metavar="NAME", help="the dataset")
    command.add_argument("--input", metavar="TEXT", help="text, or a JSON object of fields")
    command.add_argument("--expected", metavar="TEXT", help="the reference answer")
    command.add_argument("--check", metavar="JSON", action="append", default=[], help=_EACH)
    command.add_argument("--slice", metavar="KEY=VALUE", action="append", default=[], help=_EACH)
    command.add_argument("--must-pass", action="store_true", help="it fails the build if it fails")
    command.add_argument("--provenance", metavar="TEXT", help="where the case comes from")
    command.set_defaults(run=_add)

    command = commands.add_parser(
        "lint",
        help="find mistakes",
        description="Finds duplicates, contradictory checks, empty slices, unknown fields, and "
        "expected answers that leak into the prompt. Exit status 1 if there are errors.",
    )
    command.add_argument("names", metavar="NAME", nargs="*", help="default: all datasets")
    command.set_defaults(run=_lint)

    command = commands.add_parser(
        "diff",
        help="what changed between two datasets",
        description="Lists added, removed and changed cases, and the version step that they make.",
        epilog="example: evalsuite golden diff askacme@1.2.0 askacme",
    )
    command.add_argument("before", metavar="A", help="NAME, NAME@VERSION, PACKAGE:NAME, a folder")
    command.add_argument("after", metavar="B", help="what A is compared with, named likewise")
    command.set_defaults(run=_diff)

    command = commands.add_parser(
        "release",
        help="freeze the cases under the derived version",
        description="Writes golden/NAME/releases/VERSION.json, the hashes of the cases: a minor "
        "step if cases were added, a major one if expectations changed.",
    )
    command.add_argument("name", metavar="NAME", help="the dataset, or its folder")
    command.set_defaults(run=_release)

    command = commands.add_parser("stats", help="count cases, slices and checks")
    command.add_argument("name", metavar="NAME", help="the dataset, or NAME@VERSION")
    command.set_defaults(run=_stats)


def _golden_dir() -> Path:
    return load_config(Path.cwd()).golden_dir


def _problems(checks: Any) -> Any:
    from evalsuite.checks import problems  # noqa: PLC0415 (most commands need no checks)

    return problems(checks)


def _list(args: argparse.Namespace) -> int:
    names = packaged(args.package) if args.package else [*_own(), *packaged("evalsuite")]
    for name in names:
        try:
            said = _title(load_spec(name, _golden_dir()))
        except GoldenError:
            said = f"{name}: can't be read; evalsuite golden lint {name} says why"
        print(printable(said))
    return 0


def _own() -> list[str]:
    """The project's datasets: the folders below golden/."""
    found = (each.name for each in _golden_dir().glob("*/"))
    return sorted(each for each in found if not each.startswith("."))


def _add(args: argparse.Namespace) -> int:
    _ours(args.name)
    written = _from_stdin(args) if args.input is None else _from_options(args)
    added = add(_golden_dir(), args.name, written, validate_checks=_problems)
    for file in added.created:
        print(f"created {shown_path(file)}")
    print(f"added {added.case.id} to {shown_path(added.file)}")
    return 0


def _from_stdin(args: argparse.Namespace) -> Mapping[str, Json]:
    if any((args.expected, args.check, args.slice, args.must_pass, args.provenance)):
        raise OptionError("these options need --input; a JSON object on stdin holds all fields")
    if sys.stdin.isatty():
        raise OptionError('give --input TEXT, or a JSON object such as {"input": "…"} on stdin')
    data = sys.stdin.buffer.read(MAX_CASE_BYTES + 1)
    try:
        if len(data) > MAX_CASE_BYTES:
            raise Malformed(f"more than {MAX_CASE_BYTES:,} bytes", "keep documents in files")
        value = parse(decode(data))
    except Malformed as bad:
        raise GoldenError([Problem("stdin", 0, bad.field, bad.message, bad.remedy)]) from None
    if not isinstance(value, dict):
        remedy = 'write {"input": "…"}'
        raise GoldenError([Problem("stdin", 0, "", "a case is a JSON object", remedy)])
    return value


def _from_options(args: argparse.Namespace) -> Mapping[str, Json]:
    slices = dict(_pair(each) for each in args.slice)
    if len(slices) != len(args.slice):
        raise OptionError("--slice: a dimension has one value per case")
    given = {
        "input": _json("--input", args.input) if args.input.startswith("{") else args.input,
        "expected": args.expected,
        "checks": [_json("--check", each) for each in args.check],
        "slices": slices,
        "must_pass": args.must_pass,
        "provenance": args.provenance,
    }
    return {name: value for name, value in given.items() if value or name == "input"}


def _json(option: str, text: str) -> Json:
    try:
        return parse(text)
    except Malformed as bad:
        raise OptionError(f"{option} {shown(text)}: {bad.message} ({bad.remedy})") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise OptionError(f"--slice {shown(text)}: write KEY=VALUE")
    return name, value


def _lint(args: argparse.Namespace) -> int:
    folder = _golden_dir()
    names = args.names or _own()
    if not names:
        remedy = "evalsuite golden add NAME --input '…'"
        raise GoldenError([Problem(shown_path(folder), 0, "", "no golden dataset", remedy)])
    failed = False
    for name in names:
        place, label = place_of(name, folder)
        found = lint(place, label=label, validate_checks=_problems)
        for finding in found:
            print(finding)
        counts = Counter(each.severity for each in found)
        failed = failed or counts["error"] > 0
        parts = ", ".join(_count(counts[each], each) for each in ("error", "warning", "note"))
        print(f"{printable(name)}: {parts}")
    return 1 if failed else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _open(text: str, *, validate_checks: ValidateChecks | None = None) -> Dataset:
    """A dataset by name, or by its folder where the text is a path."""
    if Path(text).name != text:
        return load(Path(text).absolute(), validate_checks=validate_checks)
    return load_spec(text, _golden_dir(), validate_checks=validate_checks)


def _diff(args: argparse.Namespace) -> int:
    before, after = _open(args.before), _open(args.after)
    found = compare(before, after)
    old = {case.id: case for case in before.cases}
    new = {case.id: case for case in after.cases}
    print(f"{_title(before)} -> {_title(after)}")
    for name in found.removed:
        print(f"- {name}: {shown(old[name].input)}")
    for name in found.added:
        print(f"+ {name}: {shown(new[name].input)}")
    for name, fields in found.changed.items():
        print(f"~ {name}: {', '.join(_edit(old[name], new[name], each) for each in fields)}")
    counts = f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed"
    print(f"{counts}: {'equal' if found.level == 'same' else found.level}")
    return 0


def _title(dataset: Dataset) -> str:
    return f"{dataset.name} {dataset.version} ({_count(len(dataset.cases), 'case')})"


def _edit(old: Case, new: Case, field: str) -> str:
    return f"{field} {shown(getattr(old, field), 40)} -> {shown(getattr(new, field), 40)}"


def _ours(name: str) -> None:
    if is_packaged(name):
        raise OptionError(
            f"{shown(name)[1:-1]} comes with an installed package and is only read here: copy its "
            "files into a folder below golden/; in the package's own sources, name the folder"
        )


def _release(args: argparse.Namespace) -> int:
    _ours(args.name)
    dataset = _open(args.name.partition("@")[0], validate_checks=_problems)
    latest = latest_release(dataset.path)
    if latest is not None and latest.key == dataset.key:
        print(f"{dataset.name} {latest.version} is released already; nothing changed since")
        return 0
    release = Release(dataset.version.partition("-")[0], dataset.key, dataset.keys)
    file = write_release(dataset.path, release)
    step = "first release" if latest is None else level(latest.keys, dataset.keys)
    print(
        f"released {dataset.name} {release.version} ({step}, {_count(len(dataset.cases), 'case')})"
    )
    print(f"commit {shown_path(file)} together with the cases: git restores them from there")
    return 0


def _stats(args: argparse.Namespace) -> int:
    dataset = load_spec(args.name, _golden_dir())
    print(f"{_title(dataset)}, key {dataset.key}")
    if dataset.licence:
        print(f"licence: {printable(dataset.licence)}")
    cases = dataset.cases
    filled = ("expected", "checks", "contexts", "relevant", "must_pass", "provenance", "cluster")
    for field in (each for each in FIELDS if each in filled):
        print(f"{sum(1 for case in cases if _filled(case, field)):>7} with {field}")
    _table("check", (kind for case in cases for kind in map(_kind, case.checks)))
    for name in sorted({name for case in cases for name in case.slices}):
        _table(name, (case.slices.get(name, "(none)") for case in cases))
    return 0


def _filled(case: Case, field: str) -> bool:
    value = getattr(case, field)
    return value is not None and value is not False and value not in ((), {})


def _kind(check: Mapping[str, Json]) -> str:
    ((kind, value),) = check.items()
    return f"not {_kind(value)}" if kind == "not" else kind


def _table(title: str, values: Iterable[str]) -> None:
    counts = Counter(values)
    if counts:
        print(f"\n{title}")
    for value, number in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        print(f"{number:>7} {printable(value)}")
