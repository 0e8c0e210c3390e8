"""The first screen: the verdict, what changed, one answer, and what to type. At most 15 lines."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.diff import Change, Diff
from evalsuite.gate import Finding, Verdict
from evalsuite.gate.sensitivity import drops_of
from evalsuite.records import CHECKS
from evalsuite.report import figures, operated
from evalsuite.report.attribution import cause, shares
from evalsuite.report.blocks import Answer, Answers, Headline, Line, Name, Text, joined, prose
from evalsuite.report.costs import money
from evalsuite.report.escape import line, shorten
from evalsuite.report.material import (
    Material,
    acceptable,
    broken,
    case_of,
    finding_of,
    helped_by_accepting,
    reds,
    suspects,
)
from evalsuite.report.repeats import Variances, said
from evalsuite.report.sentences import (
    counts,
    lead,
    level,
    main_finding,
    sentence,
    spread,
    standing,
    strict_case,
    subject_of,
    word,
)
from evalsuite.report.states import states
from evalsuite.report.trouble import Trouble, summary

MOST = 12
"""Lines below the sentence."""

_LABEL = 60
_STRICT, _REASON = 3, 120


def headline(
    material: Material, answers: Answers, found: Sequence[Trouble], varies: Variances
) -> Headline:
    """1 sentence, at most 12 lines, and an example of 2."""
    lines = [
        changed(material),
        _strict(material),
        states(material),
        _also(material),
        cause(material, lead(material)),
        _watch(material),
        _overall(material),
        _counts(material, said(material, varies)),
        _sensitivity(material),
        summary(found),
        _cost(material),
        _next(material, found),
        _typed("reproduce", material.commands.reproduce),
        _typed("report", _path(material)),
    ]
    trouble = any(each.tone == "warn" for each in found)
    told = [each for each in lines if each is not None]
    for label in ("would see", "suspect"):  # the table of gates says it too
        if len(told) > MOST:
            told = [each for each in told if each.label != label]
    return Headline(
        level=level(material, trouble=trouble or bool(material.diff.candidate.stopped)),
        word=word(material),
        sentence=sentence(material),
        lines=told,
        example=_example(material, answers),
    )


def changed(material: Material) -> Line:
    """What differs of the subject; this is always the second line."""
    if material.diff.baseline is None:
        return Line("changed", ("not known: there is nothing to compare with",))
    order = {"input": 0, "model": 1, "code": 2}
    parts = sorted(material.diff.subject, key=lambda each: order[each.kind])
    named = [_change(each) for each in parts if each.kind != "code"]
    code: list[Text] = [
        (Name(shorten(each.name, _LABEL)),) for each in parts if each.kind == "code"
    ]
    said = named[:4]
    if len(named) > 4:
        said.append((f"{len(named) - 4} more parts",))
    if code:
        more = f" and {len(code) - 3} more" if len(code) > 3 else ""
        said.append(("code ", *joined(code[:3], ", "), more))
    return Line("changed", joined(said) or ("nothing that is tracked",))


def _change(change: Change) -> Text:
    kind = "model " if change.kind == "model" else ""
    name = Name(shorten(change.name, _LABEL))
    if change.before == change.after:
        label: Text = (" ", Name(shorten(change.after, _LABEL))) if change.after else ()
        return (kind, name, *label, " (content differs)")
    if change.before is None:
        return (kind, name, " added: ", Name(shorten(change.after or "", _LABEL)))
    before = Name(shorten(change.before, _LABEL))
    if change.after is None:
        return (kind, name, " removed, was ", before)
    return (kind, name, " ", before, " → ", Name(shorten(change.after, _LABEL)))


def _strict(material: Material) -> Line | None:
    """The cases that must pass and fail, where the sentence is about something graver."""
    found = [each for each in broken(material.verdict) if each is not lead(material)]
    if not found:
        return None
    said = [_failed(each, material) for each in found[:_STRICT]]
    if len(found) > _STRICT:
        said.append((f"and {len(found) - _STRICT} more",))
    return Line("must_pass", joined(said), "bad")


def _failed(finding: Finding, material: Material) -> Text:
    row = material.after.get(case_of(finding))
    reason = (row.reasons.get(CHECKS, "") if row else "") or finding.reason
    why: Text = (": ", Name(shorten(line(reason[: 4 * _REASON]), _REASON))) if reason else ()
    return (*strict_case(finding, material), *why)


def _also(material: Material) -> Line | None:
    first = lead(material)
    others = [
        each
        for each in reds(material.verdict)
        if each is not first and counts(each) and each.kind != "must_pass"
    ]
    return Line("also red", _listed(material, others), "bad") if others else None


def _watch(material: Material) -> Line | None:
    said = (lead(material), main_finding(material))
    found = [each for each in suspects(material.verdict) if each not in said]
    if not found:
        return None
    first = found[0]
    fall = f": {figures.percent(first.before)} → {figures.percent(first.after)}"
    p = "" if first.p is None else f", adjusted p {figures.chance(first.p)}"
    more = f"; {len(found) - 1} more below" if len(found) > 1 else ""
    return Line(
        "suspect",
        (*subject_of(first), f"{fall} (n = {first.n}{p}), not blocking{more}", *_worth(first)),
        "warn",
    )


def _worth(finding: Finding) -> Text:
    said = standing(finding)
    return ("; ", *prose(said)) if said else ()


def _listed(material: Material, findings: Sequence[Finding], limit: int = 4) -> Text:
    said: list[Text] = []
    for finding in findings[:limit]:
        change = "" if finding.effect is None else f" {figures.points(finding.effect)} points"
        if finding.kind == "operation":
            change = f" {operated.move(finding)}"
        parts = shares(material, finding)
        said.append((Name(finding.name), change, f" ({parts})" if parts else ""))
    if len(findings) > limit:
        said.append((f"and {len(findings) - limit} more",))
    return joined(said)


def _overall(material: Material) -> Line | None:
    first, main = lead(material), main_finding(material)
    if first is not None:
        main = finding_of(material.verdict, first.metric) or main
    if main is None or main is first or main.before is None:
        return None
    parts = shares(material, main) if reds(material.verdict) else ""
    return Line("overall", (Name(main.metric), f" {spread(main)}", f"; {parts}" if parts else ""))


def _counts(material: Material, repeats: str) -> Line | None:
    verdict = material.verdict
    if material.diff.baseline is None:
        return Line("answers", (repeats,)) if repeats else None
    text = f"{figures.number(verdict.changed)} of {figures.number(_compared(material))} changed"
    main = finding_of(verdict, CHECKS)
    if main is not None and (main.fell or main.rose):
        worse, better = figures.number(len(main.fell)), figures.number(len(main.rose))
        text += f", by {CHECKS} {worse} now worse, {better} better"
    if verdict.slices_compared and not material.diff.candidate.partial:
        blocked = f"{verdict.naive_slices} of {figures.many(verdict.slices_compared, 'slice')}"
        text += f"; a 3-point rule would have blocked {blocked}"
    return Line("answers", (f"{text}; {repeats}" if repeats else text,))


def _compared(material: Material) -> int:
    return sum(status in ("same", "changed") for status in material.diff.status.values())


def _sensitivity(material: Material) -> Line | None:
    """The smallest drop that would have been seen: overall, and where it is worst or matters."""
    first = lead(material)
    drops = detectable(material.diff, material.verdict)
    main = first or main_finding(material)
    metric = main.metric if main is not None and main.metric in drops else CHECKS
    if metric not in drops:
        return None
    of: Text = ("drops from",) if metric == CHECKS else ("drops of ", Name(metric), " from")
    text: Text = (*of, f" {100 * drops[metric]:.1f} points overall")
    start = f"{metric}, "
    parts = {name[len(start) :]: drop for name, drop in drops.items() if name.startswith(start)}
    if parts:
        name = max(parts, key=lambda each: (parts[each], each))
        if first is not None and first.slice in parts:
            name = first.slice
        text = (*text, f", {100 * parts[name]:.1f} on ", Name(name))
    return Line("would see", (*text, " (80% power)"))


def detectable(diff: Diff, verdict: Verdict) -> dict[str, float]:
    """By name of the gate: as the snapshot's manifest says, else as the gates say. It is that of
    all cases: nothing of a run that had, or needed, fewer."""
    early = diff.candidate.looks is not None and not diff.candidate.looks.last
    if early or diff.candidate.partial:
        return {}
    for manifest in (diff.baseline, diff.candidate):
        if manifest is not None and manifest.detectable:
            widened = {name for name, shock in diff.candidate.shocks.items() if shock}
            return {k: v for k, v in drops_of(manifest).items() if k not in widened}
    return {each.name: each.detectable for each in verdict.findings if each.detectable is not None}


def _cost(material: Material) -> Line:
    spent = material.diff.candidate.operations
    calls = spent.fresh_calls + spent.stored_calls
    text = f"{figures.many(calls, 'model call')} ({figures.number(spent.fresh_calls)} fresh)"
    if spent.reused_outputs:
        text += f", {figures.many(spent.reused_outputs, 'stored output')} reused"
    tokens = figures.number(spent.input_tokens + spent.output_tokens)
    cost = money(spent, next(iter(material.costs), None))
    text += f", {tokens} tokens, {cost}, {figures.seconds(spent.seconds)}"
    return Line("cost", (text,))


def _next(material: Material, found: Sequence[Trouble]) -> Line | None:
    """The one command that helps in this state."""
    commands = material.commands
    if material.diff.candidate.stopped:
        return _typed("go on", commands.reproduce)
    if not acceptable(material):
        return None
    if material.diff.baseline is None:
        return _typed("baseline", commands.baseline)
    verdict = material.verdict
    stale = any(each.label in ("stale", "new") for each in found)
    asked = verdict.blocks or stale or verdict.result == "incomparable"
    if asked and helped_by_accepting(verdict):
        return _typed("if meant", commands.accept)
    return None


def _typed(label: str, command: str) -> Line | None:
    return Line(label, (Name(command),)) if command else None


def _path(material: Material) -> str:
    reports = material.commands.reports
    return reports.get("html") or next(iter(reports.values()), "")


def _example(material: Material, answers: Answers) -> Answer | None:
    """The first answer with two different texts; where there is nothing to compare with, the first
    that is not as it should be."""
    for answer in answers.items:
        if any(piece.op != "same" for piece in answer.pieces):
            return answer
    alone = material.diff.baseline is None
    return next((each for each in answers.items if alone and each.pieces), None)
