"""The first screen of a comment: may this be merged, what got worse, how sure is that, and what to
look at first, of all suites of a run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from evalsuite.gate import Finding
from evalsuite.gate.verdict import BAD
from evalsuite.report import figures
from evalsuite.report.about import HERE, About
from evalsuite.report.blocks import (
    Answer,
    Answers,
    Cases,
    Headline,
    Level,
    Line,
    Name,
    Table,
    TableRow,
    Text,
    Tone,
    joined,
)
from evalsuite.report.markdown import PAGE, answer_lines, folded, item, named, rows, words
from evalsuite.report.material import case_of, reds, suspects
from evalsuite.report.reports import Report, block_of
from evalsuite.report.sections import FATES, fate, listed
from evalsuite.report.sentences import counts, spread, subject_of

WORST = 5
"""Suites of the first screen."""

LEVELS: Sequence[Level] = ("caution", "warning", "note", "tip")
_TONES: dict[Level, Tone] = {"caution": "bad", "warning": "warn", "note": "plain", "tip": "good"}
_FIRST = ("changed", "state", "also red", "comes from", "suspect", "overall", "apart")
_REPLAY = re.compile(r" --evals-replay[= ]only\b")
_TYPED = ("baseline", "if meant", "go on")
_ACCEPTED = 8
"""Red gates of an accepted snapshot that are named."""

_KINDS = {
    "worse": "worse",
    "error": "with errors",
    "missing": "missing",
    "better": "better",
    "changed": "with other words",
    "new": "new",
    "gone": "gone",
    "stale": "stale",
    "same": "unchanged",
}
"""What of cases is counted, in this order, and how it is said."""


def level_of(report: Report) -> Level:
    return block_of(report, Headline).level


def by_gravity(reports: Sequence[Report]) -> list[Report]:
    """The worst suite first; of equals the one that was given first."""
    return sorted(reports, key=lambda each: LEVELS.index(level_of(each)))


def alert(reports: Sequence[Report], accepted: Sequence[Report]) -> str:
    """The verdict on the worst suite in one sentence, the counts of all, and what the pull request
    itself accepts. `reports` has the worst suite first."""
    if not reports and not accepted:
        return "> [!NOTE]\n> **Not evaluated**: no suite was run."
    level: Level = level_of(reports[0]) if reports else "note"
    if any(each.verdict.result in BAD for each in accepted):
        level = min(level, "warning", key=LEVELS.index)
    told = [f"**Accepted here**: {words(_accepted(each))}" for each in accepted[:5]]
    if len(accepted) > 5:
        told.append(f"{len(accepted) - 5} more snapshots are changed here.")
    if reports:
        head = block_of(reports[0], Headline)
        word = head.word[:1].upper() + head.word[1:]
        said: Text = (" · ", Name(reports[0].suite), " · ", *head.sentence)
        first = level_of(reports[0]) == level
        told.insert(0 if first else len(told), f"**{words((word,))}**{words(said)}")
        told += _strict(reports)
        told.append(_counts(reports))
    return "\n>\n".join([f"> [!{level.upper()}]\n> {told[0]}", *(f"> {each}" for each in told[1:])])


def _strict(reports: Sequence[Report]) -> list[str]:
    """The cases that must pass and fail beside what the sentence is about: each blocks alone."""
    found = [
        (each.suite, one)
        for each in reports
        for one in block_of(each, Headline).lines
        if one.label == "must_pass"
    ]
    told = []
    for suite, one in found[:5]:
        of: Text = (" of ", Name(suite)) if len(reports) > 1 else ()
        told.append(f"**{words(('must_pass',))}**{words((*of, ': ', *one.text))}")
    return told


def _counts(reports: Sequence[Report]) -> str:
    gates = Counter(said for each in reports for said in _gates(each))
    kinds: Counter[str] = Counter()
    for each in reports:
        kinds += cases_by_kind(each)
    told = [f"{figures.number(gates[each])} {each}" for each in FATES if gates[each]]
    cases = [f"{figures.number(kinds[each])} {_KINDS[each]}" for each in _KINDS if kinds[each]]
    parts = [("gates", told), ("cases", cases)]
    said = " · ".join(f"{name}: {', '.join(each)}" for name, each in parts if each)
    return said.capitalize()


def cases_by_kind(report: Report) -> Counter[str]:
    """How many cases are of each kind. What a run only lacks is "missing": no case is gone of which
    the suite still expects a result."""
    found: Counter[str] = Counter(each.kind for each in block_of(report, Cases).lines)
    run = report.candidate
    without = found["gone"] + found["missing"]
    missing = 0 if run.partial else max(0, run.expected - (found.total() - without))
    found["gone"] = max(0, without - missing)
    found["missing"] = missing
    return found


def _gates(report: Report) -> list[str]:
    odd = {each.name for each in suspects(report.verdict)}
    return [fate(each, odd) for each in listed(report.verdict)]


def _accepted(report: Report) -> Text:
    """That the pull request changes a snapshot, why, and what that means against the base's."""
    reason = str(report.candidate.accepted.get("reason") or "")
    why: Text = ("for the reason ", Name(reason)) if reason else ("without a reason",)
    kinds = cases_by_kind(report)
    told = [f"{figures.number(kinds[each])} {_KINDS[each]}" for each in _KINDS if kinds[each]]
    start: Text = ("the snapshot of ", Name(report.suite), " changes, ", *why, ": ")
    cases = f"; cases: {', '.join(told)}." if told else "."
    return (*start, *joined(_gravest(report)), cases)


def _gravest(report: Report) -> list[Text]:
    """All that is accepted though it is red, with its figures; else how the metrics stand."""
    verdict = report.verdict
    if report.baseline is None:
        return [("it is the first one",)]
    overall = [each for each in verdict.findings if each.kind == "relative" and each.declared]
    red = [each for each in reds(verdict) if counts(each)]
    found = red or overall[:1]
    told = [_standing(each) for each in found[:_ACCEPTED]]
    if len(found) > _ACCEPTED:
        told.append((f"and {len(found) - _ACCEPTED} more gates are red",))
    return told or [("nothing of the two can be compared",)]


def _standing(finding: Finding) -> Text:
    if finding.kind == "must_pass":
        return ("the must_pass case ", Name(case_of(finding)), " fails")
    if finding.kind == "floor":
        under = f" is below its floor of {figures.percent(finding.floor)}: "
        return (*subject_of(finding), f"{under}{spread(finding)}")
    return (*subject_of(finding), f" {spread(finding)}")


def suites(reports: Sequence[Report]) -> Table:
    """A row per suite, where there are several."""
    made = [
        TableRow(
            [
                (Name(each.suite),),
                (block_of(each, Headline).word,),
                block_of(each, Headline).sentence,
            ],
            _TONES[level_of(each)],
        )
        for each in reports
        if len(reports) > 1
    ]
    return Table("Suites", ["Suite", "Verdict", "Worst finding"], made)


def worst_suites(reports: Sequence[Report]) -> str:
    """Of several, those that the first screen has room for."""
    table = suites(reports)
    more = f"{len(reports) - WORST} more suites are below." if len(reports) > WORST else ""
    return rows(replace(table, rows=table.rows[:WORST], note=more), PAGE)


def all_suites(reports: Sequence[Report], most: int) -> str:
    """Folded, where they are more than the first screen has."""
    if len(reports) <= WORST:
        return ""
    table = rows(suites(reports), PAGE.times(most / PAGE.rows))
    return folded((f"All {len(reports)} suites",), table)


def first_lines(report: Report, about: About, accepted: Sequence[Report] = ()) -> str:
    """What changed, what else stands out, what to look at first and what to type, of one suite.
    Where the snapshot changes too, what changed is told against the base's."""
    head = block_of(report, Headline)
    need = maintainer(report, about)
    own = [each for each in head.lines if each.label in _FIRST]
    for each in accepted:
        if each.suite == report.suite:
            own[:1] = [line for line in block_of(each, Headline).lines if line.label == "changed"]
    told = [*([need] if need else []), *own]
    if head.level == "tip":
        told += [each for each in head.lines if each.label == "would see"]
    lines = [item(each) for each in told]
    first = next(iter(regressed(report)), None)
    typed = [each for each in head.lines if each.label in _TYPED]
    if first is not None and first.command:
        typed.insert(0, Line("reproduce", (Name(first.command),)))
    lines += map(item, [*_there(report, about, need), *typed])
    if first is not None:
        question = f": {named(first.question)}" if first.question else ""
        strict = f" ({named(first.strict)})" if first.strict else ""
        name = f"{case_link(first, about)}{strict} {words(first.scores)}{question}"
        lines += [f"- **look at first**: {name}", *difference(first)]
    return "\n".join(lines)


def _there(report: Report, about: About, need: Line | None) -> list[Line]:
    """What brings a checkout to where the commands hold: a pull request's head, with the run's
    files. It is told once; what a maintainer must run is typed anywhere."""
    steps = []
    if about.pull.isdecimal():
        steps.append(f"gh pr checkout {about.pull}")
    if HERE in report.commands.explain + report.commands.accept:
        steps += filter(None, [about.download()])
    if not steps or (block_of(report, Headline).level == "tip" and need is None):
        return []
    where = "for this pull request's head" if about.pull.isdecimal() else "on this commit"
    return [Line("first", (f"the commands are {where}: ", Name(" && ".join(steps))))]


def difference(shown: Answer) -> list[str]:
    """The word diff alone."""
    bare = Answer(shown.id, shown.kind, (), pieces=shown.pieces)
    return answer_lines(bare) if any(each.op != "same" for each in shown.pieces) else []


def case_link(shown: Answer, about: About) -> str:
    """A case's id, leading to its line in the golden file where that is known."""
    url = about.line(shown.source)
    return f"[{named(shown.id)}](<{url}>)" if url else named(shown.id)


def regressed(report: Report) -> list[Answer]:
    """The shown cases that got worse, by gate, confidence and change."""
    fell = {id_ for each in report.verdict.findings if each.result in BAD for id_ in each.fell}
    items = block_of(report, Answers).items
    return [each for each in items if each.kind in ("worse", "error") or each.id in fell]


def maintainer(report: Report, about: About) -> Line | None:
    """What somebody who may write must do, where a run without keys lacks replies: a branch of the
    repository is evaluated with them, and exactly the commit that was read."""
    found = cases_by_kind(report)
    lacking = found["error"] + found["missing"]
    if not report.candidate.replayed or not (lacking or report.verdict.result == "incomparable"):
        return None
    told = f"{figures.many(lacking, 'case')} without a stored reply" if lacking else "replies lack"
    start = f"this run had no keys ({told}). Read the change, then "
    if about.pull.isdecimal() and about.commit(about.head):
        push = f"git push origin {about.head}:refs/heads/evals/pull-{about.pull}"
        command = f"git fetch origin pull/{about.pull}/head && {push}"
        return Line("a maintainer must run", (start, "push this commit: ", Name(command)), "warn")
    asking = Name(_asking(report.commands.reproduce))
    return Line("a maintainer must run", (start, "with keys: ", asking), "warn")


def _asking(command: str) -> str:
    """The command without the option that forbids calls."""
    return _REPLAY.sub("", command or "pytest --evals")
