"""The sections between the first screen and the list of cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from evalsuite.gate import OVERALL, Finding, Verdict
from evalsuite.gate.verdict import BAD
from evalsuite.report import figures, operated
from evalsuite.report.blocks import Facts, Line, Name, Table, TableRow, Text, Tone, compact, prose
from evalsuite.report.headline import detectable
from evalsuite.report.material import (
    AMBER,
    Material,
    acceptable,
    case_of,
    helped_by_accepting,
    reds,
    suspects,
)
from evalsuite.report.repeats import Variances
from evalsuite.report.sentences import peopled, standing
from evalsuite.report.shell import fill

_RESULTS = {
    "pass": "pass",
    "unchanged": "unchanged",
    "regression": "regressed",
    "below": "below floor",
    "over": "over objective",
    "not proven": "not proven",
}


_READING = (
    "Percent of the metric's range, higher is better. The change is after - before over the same"
    " cases; its interval is two-sided. The adjusted p counts all slices and metrics of the suite"
    " together. The variance is between the trials of a case, its mean over cases."
)


def gates(material: Material, varies: Variances) -> Table:
    """A row per declared gate, and per other slice that stands out; what blocks comes first."""
    odd = {each.name for each in suspects(material.verdict)}
    drops = detectable(material.diff, material.verdict)
    strict = [each for each in material.verdict.findings if _held(each)]
    rows = [_gate_row(each, odd, drops, varies) for each in listed(material.verdict)]
    held = sum(each.n for each in strict)
    note = [f"{figures.many(held, 'must_pass case')} held."] if held else []
    hidden = len(material.verdict.findings) - len(strict) - len(rows)
    if hidden:
        note.append(
            f"{figures.many(hidden, 'other slice')} without a finding of their own: see Slices."
        )
    columns = ["Gate", "Before → after", "Change, 95% CI", "Adj. p", "n", "Would see", "Verdict"]
    if varies:
        columns.insert(-1, "Variance")
    return compact(Table("Gates", columns, rows, " ".join(note)))


def listed(verdict: Verdict) -> list[Finding]:
    """The findings with a row of their own, in its order."""
    odd = {each.name for each in suspects(verdict)}
    return [
        each
        for each in sorted(verdict.findings, key=lambda each: _order(each, odd))
        if not _held(each)
        and (each.declared or each.slice == OVERALL or not each.informs)
        and (each.declared or each.name in odd or _apart(each))
    ]


def _held(finding: Finding) -> bool:
    return finding.kind == "must_pass" and finding.result not in (*BAD, *AMBER)


FATES = ("blocking", "red but not blocking", "suspect", "undecided", "improved", "held")
"""The gravest first."""


def fate(finding: Finding, odd: Collection[str]) -> str:
    """What became of a gate, in a word or two for counting; `odd` are the names of suspects."""
    tone, said = _result(finding, set(odd))
    if finding.blocks:
        return "blocking"
    if finding.result in BAD:
        return "red but not blocking"
    if finding.result == "partial":
        return "undecided"
    if tone == "warn":
        return "suspect" if said == "suspect" else "undecided"
    return "improved" if said == "improved" else "held"


def _apart(finding: Finding) -> bool:
    """What a slice that nobody declared says beyond its metric: it blocks, is red on its own, or
    rose. Derived slices of one drop only repeat it."""
    return finding.blocks or (finding.result in BAD and not finding.derived) or _rose(finding)


def _rose(finding: Finding) -> bool:
    return finding.kind == "relative" and finding.low is not None and finding.low > 0


def _order(finding: Finding, odd: set[str]) -> tuple[int, float, float, str]:
    rank = 5
    if finding.blocks:
        rank = 0
    elif finding.result in BAD:
        rank = 1
    elif finding.name in odd:
        rank = 2
    elif finding.result in AMBER:
        rank = 3
    elif _rose(finding):
        rank = 4
    p = 1.0 if finding.p is None or rank > 2 else finding.p
    if finding.kind == "must_pass":  # blocks alone, so it is not the last of those that do
        p = 0.0
    return rank, p, finding.effect or 0.0, finding.name


def _gate_row(
    finding: Finding, odd: set[str], drops: Mapping[str, float], varies: Variances
) -> TableRow:
    move, change = f"{figures.percent(finding.before)} → {figures.percent(finding.after)}", ""
    if finding.kind == "must_pass":
        move = ""
    elif finding.kind == "operation":
        move, change = operated.move(finding), operated.change(finding)
    elif finding.kind == "floor":
        move, change = figures.percent(finding.after), f"floor {figures.percent(finding.floor)}"
        if finding.low is not None and finding.high is not None:
            low, high = figures.percent(finding.low), figures.percent(finding.high)
            change = f"{low} to {high}, {change}"
    elif finding.effect is not None:
        interval = figures.interval(finding.low, finding.high)
        change = f"{figures.points(finding.effect)} ({interval}){peopled(finding)}"
    seen = finding.detectable
    if finding.kind == "relative":
        seen = drops.get(finding.name, seen)
    tone, result = _result(finding, odd)
    varied = varies.get((finding.metric, finding.slice)) if finding.kind != "must_pass" else None
    cells: list[Text] = [
        (Name(finding.name), " (derived)") if finding.derived else (Name(finding.name),),
        (move,),
        (change,),
        ("" if finding.p is None else figures.chance(finding.p),),
        (_count(finding),),
        ("" if seen is None else f"{100 * seen:.1f}",),
        *([("" if varied is None else figures.variance(varied),)] if varies else []),
        (f"{result} (", *prose(worth), ")") if (worth := standing(finding)) else (result,),
    ]
    part = "" if finding.kind in ("must_pass", "operation") else finding.slice
    case = next(iter(finding.fell), "") if finding.kind == "must_pass" else ""
    return TableRow(cells, tone, gate=finding.name, slice=part, case=case)


def _count(finding: Finding) -> str:
    """How many pairs of cases were compared; of a single case, how many trials it had."""
    single = finding.kind == "must_pass" and finding.fell
    said = figures.many(finding.n, "trial") if single else figures.number(finding.n)
    return said + (f", {finding.missing} missing" if finding.missing else "")


def _result(finding: Finding, odd: set[str]) -> tuple[Tone, str]:
    said = _RESULTS.get(finding.result, finding.result)
    if finding.blocks:
        return "bad", said
    if finding.result in BAD:
        return "warn", f"{said}, not blocking"
    if finding.name in odd and not (finding.critical and finding.result == "inconclusive"):
        return "warn", "suspect"
    if finding.result in AMBER:
        return "warn", said
    if _rose(finding):
        return "good", "improved"
    return ("good" if finding.result in ("pass", "unchanged") else "plain"), said


def actions(material: Material) -> Facts | None:
    """The commands for what one would do next."""
    commands, red = material.commands, reds(material.verdict)
    lines = []
    if red and commands.explain:
        lines.append(_command("understand", fill(commands.explain, gate=red[0].name)))
    fell = red[0].fell if red else ()
    first = case_of(red[0]) if red and red[0].kind == "must_pass" else next(iter(fell), "")
    if first and commands.case:
        lines.append(_command("one case", fill(commands.case, id=first)))
    if commands.reproduce:
        lines.append(_command("the run", commands.reproduce))
    if material.diff.baseline is None and commands.baseline and acceptable(material):
        lines.append(_command("baseline", commands.baseline))
    elif commands.accept and acceptable(material) and helped_by_accepting(material.verdict):
        lines.append(_command("if meant", commands.accept))
    lines += [_command(name, path) for name, path in commands.reports.items()]
    return Facts("What to do", lines) if lines else None


def _command(label: str, text: str) -> Line:
    return Line(label, (Name(text),))


def footer(material: Material) -> Facts:
    """Versions and how the numbers are meant."""
    manifest = material.diff.candidate
    versions = ", ".join(f"{name} {each}" for name, each in list(manifest.versions.items())[:6])
    lines = [Line("versions", (Name(versions),))] if versions else []
    lines.append(Line("figures", (_READING,)))
    return Facts("About this report", lines)
