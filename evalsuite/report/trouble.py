"""What is not simply "compared": errors, gaps, flaky, stale, new and gone cases.

Each is counted apart and said with its effect on the verdict, so that none can hide in a mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalsuite.gate.family import informs
from evalsuite.records import Row
from evalsuite.report import figures
from evalsuite.report.blocks import Facts, Line, Name, Text, Tone, joined
from evalsuite.report.cases import brief
from evalsuite.report.material import Material, case_of, gone


@dataclass(frozen=True, slots=True)
class Trouble:
    """`count` cases, of which `ids` are known by name."""

    label: str
    ids: Sequence[str]
    count: int
    effect: str
    tone: Tone = "warn"

    @property
    def words(self) -> tuple[str, str]:
        """The label for one case, and for more."""
        return self.label.removesuffix("s"), self.label


_LEFT_OUT = (
    "Left out of the test and counted; a pass must also hold with each of them at its worst,"
    " and over 2% of measurements that failed make the verdict inconclusive."
)


SILENT = "without a label or claim"

_VOID = (
    "A metric has nothing to judge there (no label, no claim), nor had in the snapshot: left out."
)


def troubles(material: Material) -> list[Trouble]:
    """All kinds that are not empty."""
    status, after = material.diff.status, material.after
    harness = [id_ for id_, row in after.items() if _errs(row, target=False)]
    target = [id_ for id_, row in after.items() if _errs(row, target=True)]
    void = [id_ for id_, row in after.items() if _void(material, row)]
    silent = [id_ for id_, row in after.items() if _silent(material, row)]
    flaky = [case_of(each) for each in material.verdict.findings if each.result == "flaky"]
    stale = list(material.diff.stale) or [each for each in status if status[each] == "stale"]
    absent = [each for each in status if each not in after and status[each] != "gone"]
    manifest = material.diff.candidate
    short = 0 if manifest.partial else max(material.diff.lost, len(absent))
    found = [
        Trouble("errors", harness, len(harness), f"Not an outcome of the target. {_LEFT_OUT}"),
        Trouble(
            "target errors",
            target,
            len(target),
            "The target's own code raised: an outcome, counted by the metric completion.",
        ),
        Trouble("not scored", silent, len(silent), _LEFT_OUT),
        Trouble(SILENT, void, len(void), _VOID, "plain"),
        Trouble("missing", absent, short, f"No result in this run. {_LEFT_OUT}"),
        Trouble("flaky", flaky, len(flaky), "Failed once, then held: shown, not blocking."),
        Trouble(
            "stale",
            stale,
            len(stale),
            "Case, check or scorer differs from the snapshot: neither compared nor passed,"
            " until the snapshot is accepted anew.",
        ),
    ]
    if material.diff.baseline is not None:
        found += _churn(material)
    return [each for each in found if each.count]


def _churn(material: Material) -> list[Trouble]:
    status = material.diff.status
    new = [each for each in status if status[each] == "new"]
    left, count = gone(material.diff)
    return [
        Trouble("new", new, len(new), "Not in the snapshot: not compared.", "plain"),
        Trouble("gone", left, count, "In the snapshot only: not compared.", "plain"),
    ]


def _errors(row: Row) -> list[str]:
    return [error for error in row.errors if error]


def _errs(row: Row, *, target: bool) -> bool:
    return any(error.startswith("target:") == target for error in _errors(row))


def _silent(material: Material, row: Row) -> list[str]:
    """The metrics that gates rest on and that a case has no value of, though it was answered."""
    if any(row.errors):
        return []
    aside = {*_aside(material), *_void(material, row)}
    return [
        name
        for name, values in row.scores.items()
        if name not in aside and all(each is None for each in values)
    ]


def _void(material: Material, row: Row) -> list[str]:
    """The metrics that gates rest on and that have nothing to judge in a case, nor had before."""
    aside, before = _aside(material), material.before.get(row.id)
    was = before.scores if before is not None else {}
    spoke = {
        name
        for name in row.void
        if before is not None
        and name not in before.void
        and any(each is not None for each in was.get(name, ()))
    }
    return [name for name in row.void if name not in aside and name not in spoke]


def _aside(material: Material) -> set[str]:
    run = material.diff.candidate
    return {each.name for each in run.metrics if each.role != "gate" or informs(run, each.name)}


def summary(found: Sequence[Trouble]) -> Line | None:
    """One line for the first screen; that a metric is not about some cases is no trouble there."""
    found = [each for each in found if each.label != SILENT]
    if not found:
        return None
    text = ", ".join(figures.many(each.count, *each.words) for each in found)
    tone: Tone = "warn" if any(each.tone == "warn" for each in found) else "plain"
    return Line("apart", (text,), tone)


def section(material: Material, found: Sequence[Trouble]) -> Facts | None:
    """Each kind with its cases and its effect, then the commonest messages."""
    if not found:
        return None
    lines = [
        Line(
            each.label,
            (f"{figures.many(each.count, 'case')}", *_names(each.ids), f". {each.effect}"),
            each.tone,
        )
        for each in found
    ]
    for reason, ids in _voids(material).items():
        lines.append(
            Line("nothing to judge", (Name(reason), f", {figures.many(len(ids), 'case')}"))
        )
    groups = _groups(material)
    for message, ids in list(groups.items())[:10]:
        lines.append(
            Line("message", (Name(message), f", {figures.many(len(ids), 'case')}"), "warn")
        )
    if len(groups) > 10:
        lines.append(Line("message", (f"and {len(groups) - 10} more",), "warn"))
    return Facts("Errors, missing, flaky, stale, new", lines)


def _names(ids: Sequence[str], limit: int = 5) -> Text:
    if not ids:
        return ()
    more = f" and {len(ids) - limit} more" if len(ids) > limit else ""
    return (": ", *joined([(Name(each),) for each in ids[:limit]], ", "), more)


def _voids(material: Material) -> dict[str, list[str]]:
    """Ids by the reason why there is nothing to judge."""
    found: dict[str, list[str]] = {}
    for id_, row in material.after.items():
        reasons = dict.fromkeys(row.reasons.get(name, "") for name in _void(material, row))
        for reason in filter(None, reasons):
            found.setdefault(brief(reason), []).append(id_)
    return found


def _groups(material: Material) -> dict[str, list[str]]:
    """Ids by error message, or by the reason why there is no score; the commonest first."""
    groups: dict[str, list[str]] = {}
    for id_, row in material.after.items():
        silent = _silent(material, row)
        said = [row.reasons[name] for name in silent if name in row.reasons] or _errors(row)
        for error in dict.fromkeys(said):
            groups.setdefault(brief(error), []).append(id_)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))
