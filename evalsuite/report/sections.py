"""The sections between the first screen and the list of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from evalsuite.gate import OVERALL, Finding, Verdict
from evalsuite.gate.verdict import BAD
from evalsuite.records import Manifest, Part
from evalsuite.report import figures, operated
from evalsuite.report.blocks import (
    Facts,
    Line,
    Name,
    Table,
    TableRow,
    Text,
    Tone,
    compact,
    joined,
    prose,
)
from evalsuite.report.headline import changed, detectable
from evalsuite.report.material import AMBER, Material, case_of, helped_by_accepting, reds, suspects
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


def comparability(material: Material) -> Facts:
    """What was compared with what, and how much of it."""
    new, old = material.diff.candidate, material.diff.baseline
    lines = [Line("this run", (Name(new.run), f", {new.created}, seed {new.seed}"))]
    if old is None:
        lines.append(Line("baseline", ("none",)))
    else:
        reason = old.accepted.get("reason")
        why: Text = (", accepted: ", Name(str(reason))) if reason else ()
        lines.append(Line("baseline", (Name(old.run), f", {old.created}", *why)))
        lines.append(changed(material))
    lines.append(Line("golden", _golden(new, old)))
    lines += _measure(material)
    lines += _parts("model", new.subject.models) + _parts("input", new.subject.inputs)
    lines += _served(material)
    lines.append(Line("answers", (_supply(new),)))
    lines += [Line("note", (Name(note),), "warn") for note in new.notes]
    return Facts("What was compared", lines)


def _supply(manifest: Manifest) -> str:
    spent = manifest.operations
    fresh = figures.many(spent.fresh_calls, "fresh call")
    stored = f"{figures.number(spent.stored_calls)} stored"
    reused = f"{figures.many(spent.reused_outputs, 'output')} reused"
    return f"{figures.many(manifest.trials, 'trial')} per case; {fresh}, {stored}, {reused}"


def _served(material: Material) -> list[Line]:
    """Which models answered, where a router or a fallback made them several."""
    found = Counter(
        model
        for row in material.after.values()
        if isinstance(model := row.output_facts.get("model"), str)
    )
    if len(found) < 2:
        return []
    parts: list[Text] = [
        (Name(model), f" {figures.many(count, 'case')}") for model, count in found.most_common(5)
    ]
    if len(found) > 5:
        parts.append((f"{len(found) - 5} more",))
    return [Line("served by", joined(parts, ", "))]


def _measure(material: Material) -> list[Line]:
    status = list(material.diff.status.values())
    if material.diff.baseline is None:
        return [Line("cases", (f"{figures.many(len(material.after), 'case')}, none compared",))]
    parts = [f"{figures.number(status.count('same') + status.count('changed'))} compared"]
    others = [each for each in ("new", "gone", "stale") if each in status]
    parts += [f"{figures.number(status.count(each))} {each}" for each in others]
    tone: Tone = "warn" if "stale" in status else "plain"
    return [Line("cases", (", ".join(parts),), tone)]


def _golden(new: Manifest, old: Manifest | None) -> Text:
    name = f"{new.golden.get('name', '')}@{new.golden.get('version', '')}"
    key = str(new.golden.get("key", ""))[:12]
    text: Text = (Name(name), ", key ", Name(key), f", {figures.many(new.expected, 'case')}")
    if old is not None and old.golden.get("key") != new.golden.get("key"):
        was = str(old.golden.get("version", ""))
        return (*text, "; the snapshot was taken with ", Name(was), ", other content")
    return text


def _parts(label: str, parts: Mapping[str, Part]) -> list[Line]:
    """A line per part; the files of one declared folder ("handbook/leave.md") share a line."""
    folders = Counter(name.partition("/")[0] for name in parts)
    lines: dict[str, Line] = {}
    for name, part in parts.items():
        top = name.partition("/")[0]
        if "/" in name and folders[top] > 1:
            lines[top] = Line(label, (Name(top), f": {figures.many(folders[top], 'file')}"))
        else:
            lines[name] = Line(label, (Name(name), ": ", Name(part.label or part.key[:12])))
    return list(lines.values())


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
        (figures.number(finding.n) + (f", {finding.missing} missing" if finding.missing else ""),),
        ("" if seen is None else f"{100 * seen:.1f}",),
        *([("" if varied is None else figures.variance(varied),)] if varies else []),
        (f"{result} (", *prose(worth), ")") if (worth := standing(finding)) else (result,),
    ]
    part = "" if finding.kind in ("must_pass", "operation") else finding.slice
    case = next(iter(finding.fell), "") if finding.kind == "must_pass" else ""
    return TableRow(cells, tone, gate=finding.name, slice=part, case=case)


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
    if material.diff.baseline is None and commands.baseline:
        lines.append(_command("baseline", commands.baseline))
    elif commands.accept and helped_by_accepting(material.verdict):
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
