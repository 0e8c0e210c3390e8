"""What is said of where a change comes from: retrieval, or generation."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.gate import OVERALL, Finding
from evalsuite.gate.attribution import Attribution, Share
from evalsuite.gate.verdict import BAD
from evalsuite.records import COMPLETION
from evalsuite.report import figures
from evalsuite.report.blocks import Line, Name, Table, TableRow, Text, joined
from evalsuite.report.documents import alone
from evalsuite.report.escape import line, shorten
from evalsuite.report.material import Material, reds

_WORDS = 400
_SAME = "retrieval returned the same documents: the change is the generation's"
_READING = (
    "In points, over the same pairs. Generation: what the new pipeline changes on the baseline's"
    " documents. Retrieval: what its own documents change then. Together they are the change."
)


_ALONE = "Metrics that look only at the documents are left out: their change is the retrieval's."


def of(material: Material, metric: str, part: str) -> Attribution | None:
    """The attribution of a metric in a slice."""
    for each in material.attributions:
        if (each.metric, each.slice) == (metric, part):
            return each
    return None


def cause(material: Material, lead: Finding | None) -> Line | None:
    """Where the gravest regression that can be told apart comes from. A metric of documents alone
    tells only that they changed, so one of the answer is preferred."""
    red = [each for each in reds(material.verdict) if each.kind != "must_pass"]
    for finding in sorted(red, key=lambda each: alone(each.metric)):
        found = of(material, finding.metric, finding.slice)
        if found is not None and finding.kind in ("relative", "floor"):
            name: Text = () if finding is lead else (Name(finding.name), ": ")
            return Line("comes from", (*name, *told(found)))
    return None


def shares(material: Material, finding: Finding) -> str:
    """The parts in a few words, for beside the figures of a change; "" where retrieval returned the
    same documents, or nothing can be told."""
    found = of(material, finding.metric, finding.slice)
    if found is None or found.total is None or finding.kind not in ("relative", "floor"):
        return ""
    if alone(found.metric):  # no part of it could be the generation's
        return ""
    return _parts(found, intervals=False) if found.documents or found.missing else ""


def told(found: Attribution) -> Text:
    """of -8.1 points, retrieval -7.4 (95% CI -11.0 to -3.7), generation -0.7 (95% CI ...)."""
    if found.total is None:
        return ("not told apart: ", Name(found.reason))
    if not found.documents and not found.missing:
        return (_SAME,)
    said = f"of {figures.points(found.total.effect)} points, {_parts(found, intervals=True)}"
    if not found.missing:
        return (said,)
    left = figures.many(found.missing, "further pair")
    return (f"{said}; {left} not told apart: ", Name(found.reason))


def _parts(found: Attribution, *, intervals: bool) -> str:
    both = ("retrieval", found.retrieval), ("generation", found.generation)
    return ", ".join(
        f"{name} {figures.points(share.effect)}" + (f" (95% CI {_ends(share)})" * intervals)
        for name, share in both
        if share is not None
    )


def _ends(share: Share) -> str:
    return figures.interval(share.low, share.high)


def table(material: Material) -> Table | None:
    """A row per metric over all cases, and per slice that has a gate or is red."""
    if not material.attributions:
        return None
    wanted = {
        (each.metric, each.slice)
        for each in material.verdict.findings
        if each.slice == OVERALL or each.declared or each.result in BAD
    }
    known = [each for each in material.attributions if (each.metric, each.slice) in wanted]
    shown = [each for each in known if not alone(each.metric)]
    shown = [each for each in shown if each.metric != COMPLETION or _moved(each)]
    columns = ["Of", "Change", "Retrieval, 95% CI", "Generation, 95% CI", "n", "Other documents"]
    notes = [_READING, *_lacking(shown)]
    if len(shown) < len(known):
        notes.append(_ALONE)
    if shown and not any(each.documents or each.missing for each in shown):
        notes.append(f"{_SAME[0].upper()}{_SAME[1:]}.")
    return Table(
        "Retrieval and generation", columns, [_row(each) for each in shown], " ".join(notes)
    )


def _moved(found: Attribution) -> bool:
    shares = (found.retrieval, found.generation)
    return bool(found.missing) or any(share is not None and share.effect for share in shares)


def _lacking(shown: Sequence[Attribution]) -> list[str]:
    """Why pairs are not told apart: the reasons are a target's or a provider's words, which stand
    in the rows."""
    return ["A pair that has no answer to the baseline's documents is left out and counted."] * any(
        each.missing for each in shown
    )


def _row(found: Attribution) -> TableRow:
    name = found.metric if found.slice == OVERALL else f"{found.metric}, {found.slice}"
    count: Text = (figures.number(found.n),)
    if found.missing:
        reason = Name(shorten(line(found.reason), 100))
        count = (f"{figures.number(found.n)}, {figures.number(found.missing)} not: ", reason)
    return TableRow(
        [
            (Name(name),),
            (figures.points(found.total.effect if found.total else None),),
            (_share(found.retrieval),),
            (_share(found.generation),),
            count,
            (figures.number(found.documents),),
        ]
    )


def _share(share: Share | None) -> str:
    if share is None:
        return figures.UNKNOWN
    return f"{figures.points(share.effect)} ({_ends(share)})"


def crossed_answer(material: Material, id_: str) -> Text:
    """What a case's answer to the baseline's documents is; nothing where these were its own."""
    row, output = material.after.get(id_), material.crossed.get(id_)
    before = material.before.get(id_)
    if row is None or row.crossed is None or before is None:
        return ()
    if [*before.outputs[:1]] != [*row.crossed.against[:1]]:  # it was crossed with another snapshot
        return ()
    answer = row.crossed.outputs[0]
    if answer is None or answer in row.outputs[:1]:
        return ()
    if answer == row.crossed.against[0]:
        return ("the same answer as before.",)
    scores = joined(
        (Name(name), f" {figures.score(trials[0])}")
        for name, trials in row.crossed.scores.items()
        if name != COMPLETION and trials and trials[0] is not None
    )
    words = shorten(line((output.text if output else "")[: 4 * _WORDS]), _WORDS)
    return (*scores, ": " if scores else "", Name(words)) if words else scores
