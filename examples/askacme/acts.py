"""AskAcme in three acts: what the gate lets pass, and what it stops.

    python examples/askacme/acts.py            play the acts
    python examples/askacme/acts.py breaks     make each change of breaks.toml, compare what is red
                                               and which part is named as the cause

Each act is an ordinary `pytest --evals` in a process of its own; what is printed is the first
screen of that run's report. The exit status is 0 only if each went as it should. Changes are made
in copies below .evalsuite/, which git ignores.
"""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "examples/askacme"
MODULES = {"askacme": "test_askacme.py", "askacme_tools": "test_tools.py"}
NEEDED = ("pyproject.toml", "examples", "golden", "judges", "snapshots")
SCREEN = 15
"""Lines of a first screen, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of one file. `red` names the gates and cases of `suite` that fail with it, `part` is
    where the drop comes from: "retrieval" or "generation", "" where the two are not told apart."""

    name: str
    what: str
    file: str
    line: str
    becomes: str
    red: Sequence[str]
    part: str = ""
    suite: str = "askacme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a run left. `report` is its JSON report, {} if it wrote none; `red` what failed by its
    junit file, `told` the same by what it printed, `shown` by its HTML report (gates only)."""

    exit: int
    printed: str
    screen: Sequence[str]
    report: dict[str, Any]
    red: frozenset[str]
    told: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()


def play(folder: Path, *options: str, suite: str = "askacme") -> Played:
    """Run a suite in `folder`, which is the project or a copy of it."""
    junit = folder / ".evalsuite" / "junit.xml"
    written = folder / "reports" / suite / "report.json"
    page = written.with_suffix(".html")
    for old in (written, page, junit):
        old.unlink(missing_ok=True)
    # As addopts, so that the command that the report shows is the one that people type.
    addopts = shlex.join(["-q", "--color=no", f"--junitxml={junit}"])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--evals", f"{FOLDER}/{MODULES[suite]}", *options],
        cwd=folder,
        env={
            **os.environ,
            "COLUMNS": "100",
            "PYTEST_ADDOPTS": addopts,
            "PYTHONIOENCODING": "utf-8",
        },
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Played(
        exit=done.returncode,
        printed=done.stdout + done.stderr,
        screen=first_screen(done.stdout, suite),
        report=json.loads(written.read_text("utf-8")) if written.exists() else {},
        red=failures(junit) if junit.exists() else frozenset(),
        told=failed_lines(done.stdout),
        shown=red_rows(page.read_text("utf-8")) if page.exists() else frozenset(),
    )


def first_screen(printed: str, suite: str = "askacme") -> list[str]:
    """The line below the heading "evals: SUITE", and the indented ones that follow it."""
    lines = iter(printed.splitlines())
    for line in lines:
        if re.fullmatch(rf"[=-]+ evals: {suite} [=-]+", line):
            break
    return [*islice(lines, 1), *takewhile(lambda line: line.startswith("  "), lines)]


def failures(junit: Path) -> frozenset[str]:
    """The names of what failed: "checks, topic=legal" for a gate, "askacme[id]" for a case."""
    found = set()
    for case in ElementTree.parse(junit).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            name = case.get("name", "")
            gate = re.fullmatch(r"gate\[(.*)\]", name)
            found.add(gate[1] if gate else name)
    return frozenset(found)


def failed_lines(printed: str) -> frozenset[str]:
    """The same names, from the lines at the end that begin with FAILED."""
    found = re.findall(
        r"^(?:FAILED|ERROR) .+?::(\w+\[.*?\]|\w+::gate\[.*?\])", printed, re.MULTILINE
    )
    return frozenset(re.sub(r"^\w+::gate\[(.*)\]$", r"\1", name) for name in found)


def red_rows(page: str) -> frozenset[str]:
    """The gates that the HTML report's table marks as bad."""
    table = re.search(r'<table class="gates">.*?</table>', page, re.DOTALL)
    row = r'<tr class="bad"[^>]*><td[^>]*>(?:<a [^>]*>)?<code>(.*?)</code>'
    rows = re.findall(row, table[0] if table else "")
    return frozenset(map(html.unescape, rows))


def copy(name: str, change: Change) -> Path:
    """A fresh copy of the project with `change` made in it."""
    folder = ROOT / ".evalsuite" / "acts" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for each in NEEDED:
        source = ROOT / each
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(source, folder / each, ignore=ignored)
        elif source.exists():
            shutil.copyfile(source, folder / each)
    file = folder / change.file
    text = file.read_text("utf-8")
    if text.count(change.line) != 1:
        raise SystemExit(f"breaks.toml: [{change.name}] {change.file} has no line {change.line!r}")
    file.write_text(text.replace(change.line, change.becomes), "utf-8")
    return folder


def undo(folder: Path, change: Change) -> None:
    shutil.copyfile(ROOT / change.file, folder / change.file)


def changes() -> dict[str, Change]:
    """What breaks.toml lists, by name."""
    table = tomllib.loads((ROOT / FOLDER / "breaks.toml").read_text("utf-8"))
    return {name: Change(name=name, **fields) for name, fields in table.items()}


def finding(played: Played, name: str) -> dict[str, Any]:
    found = (each for each in played.report.get("findings", ()) if each["name"] == name)
    return next(found, {})


# The acts. Each says what is not as it should be.


def committed(played: Played) -> list[str]:
    told = {line["label"] for line in played.report.get("lines", ())}
    return unmet(
        (played.exit == 0, f"exit status {played.exit}, not 0"),
        (played.report.get("result") in ("pass", "unchanged"), "the verdict is not pass"),
        ("would see" in told, "the smallest drop that it would have seen is not named"),
    )


def resampled(played: Played) -> list[str]:
    counts = played.report.get("counts", {})
    return unmet(
        (played.exit == 0, f"exit status {played.exit}, not 0"),
        (played.report.get("result") == "pass", "the verdict is not pass"),
        (counts.get("changed", 0) >= 24, f"only {counts.get('changed', 0)} answers changed"),
        (counts.get("naive_slices", 0) > 0, "a 3-point rule would have blocked nothing"),
        ("3-point rule" in "\n".join(played.screen), "the 3-point rule is not mentioned"),
    )


def concise(played: Played) -> list[str]:
    overall = finding(played, "checks").get("effect")
    parts = {change["name"] for change in played.report.get("changes", ())}
    return unmet(
        (played.exit == 1, f"exit status {played.exit}, not 1"),
        ("topic=legal" in " ".join(played.screen[:1]), "the verdict does not name topic=legal"),
        ("checks, topic=legal" in played.red, "the gate of topic=legal is not red"),
        (overall is not None and overall >= -0.04, f"overall moved by {overall}, not a little"),
        ("prompt" in parts, "the prompt is not named as what changed"),
    )


def attributed(played: Played, change: Change) -> list[str]:
    """What is wrong with where the report says that the red gates' drops come from: the named part
    carries the drop, and the other one's interval holds no change at all."""
    wrong = []
    for each in played.report.get("attributions", ()):
        overall = each["slice"] == "overall"
        name = each["metric"] if overall else f"{each['metric']}, {each['slice']}"
        if name in change.red and each["total"] is not None:
            (other,) = {"retrieval", "generation"} - {change.part}
            total, carried, rest = (each[part] for part in ("total", change.part, other))
            wrong += unmet(
                (carried["effect"] <= 0.9 * total["effect"] < 0, f"{name} is not {change.part}'s"),
                (rest["low"] <= 0 <= rest["high"], f"{name}: {other} moved too"),
            )
    told = {
        (each["metric"], each["slice"])
        for each in played.report.get("attributions", ())
        if each["total"] is not None
    }
    return [*wrong, *unmet((("checks", "overall") in told, "no part of the change is told"))]


def unmet(*wanted: tuple[bool, str]) -> list[str]:
    return [otherwise for holds, otherwise in wanted if not holds]


def act(title: str, folder: Path, judge: Callable[[Played], list[str]], *options: str) -> bool:
    print(f"\n{title}", flush=True)
    played = play(folder, *options)
    wrong = judge(played)
    if len(played.screen) > SCREEN:
        wrong.append(f"the first screen has {len(played.screen)} lines, not at most {SCREEN}")
    print("\n".join(played.screen[:SCREEN]) or played.printed[-2_000:])
    print("NOT as it should be: " + "; ".join(wrong) if wrong else "As it should be.", flush=True)
    return not wrong


def acts() -> bool:
    change = changes()["concise"]
    third = copy("3", change)
    place = third.relative_to(ROOT).as_posix()
    return all(
        [
            act("ACT 1. The committed state.", ROOT, committed),
            act("ACT 2. The same code, another seed.", ROOT, resampled, "--evals-seed=2"),
            act(
                f'ACT 3. One line of the prompt becomes "{change.becomes}" (in {place}).',
                third,
                concise,
            ),
        ]
    )


def breaks() -> bool:
    good = True
    for change in changes().values():
        folder = copy(change.name, change)
        played = play(folder, suite=change.suite)
        undo(folder, change)
        undone = play(folder, suite=change.suite)
        wrong = unmet(
            (played.exit == 1, f"exit status {played.exit}, not 1"),
            (undone.exit == 0, f"undone, exit status {undone.exit}, not 0"),
        )
        wrong += attributed(played, change) if change.part else []
        gates = {name for name in change.red if not name.endswith("]")}
        for where, red, wanted in (
            ("junit", played.red, set(change.red)),
            ("the terminal", played.told, set(change.red)),
            ("HTML", played.shown, gates),
        ):
            missing, extra = sorted(wanted - red), sorted(red - wanted)
            wrong += unmet(
                (not missing, f"not red in {where}: {missing}"),
                (not extra, f"red in {where} beside: {extra}"),
            )
        print(f"{change.name}: {change.what}")
        print(f"    red: {'; '.join(sorted(played.red)) or 'nothing'}")
        print("    NOT as listed: " + "; ".join(wrong) if wrong else "    as listed", flush=True)
        good = good and not wrong
    return good


def main(arguments: Sequence[str]) -> int:
    if list(arguments) not in ([], ["breaks"]):
        print(__doc__, file=sys.stderr)
        return 2
    return 0 if (breaks() if arguments else acts()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
