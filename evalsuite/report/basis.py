"""What was compared with what: runs, golden data, models, and where the answers are from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from evalsuite.records import Manifest, Part
from evalsuite.report import figures
from evalsuite.report.blocks import Facts, Line, Name, Text, Tone, joined
from evalsuite.report.headline import changed
from evalsuite.report.material import Material, gone


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
    counts = {each: status.count(each) for each in ("new", "gone", "stale")}
    counts["gone"] = gone(material.diff)[1]
    parts += [f"{figures.number(count)} {each}" for each, count in counts.items() if count]
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
