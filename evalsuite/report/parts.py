"""The sections of a comment below its first screen, and what each weighs where room is scarce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from evalsuite.report import figures
from evalsuite.report.about import About
from evalsuite.report.blocks import (
    Answer,
    Answers,
    Cases,
    Facts,
    Headline,
    Heat,
    Line,
    Name,
    Table,
    TableRow,
    Text,
)
from evalsuite.report.markdown import (
    Limits,
    answer_lines,
    fact_lines,
    folded,
    item,
    named,
    rows,
    section,
    words,
)
from evalsuite.report.material import reds
from evalsuite.report.overview import maintainer, regressed
from evalsuite.report.reports import Block, Report, block_of
from evalsuite.report.shell import fill

_EXPLAINED = 6
"""Red gates for which the command is told that explains them."""

_VERDICTS = 6
"""Lines of what judges said that are shown of a case, of the metrics that moved."""


@dataclass(frozen=True, slots=True)
class Section:
    """`weight` 0 gets its room first; `render` prints as much as the limits allow, or ""."""

    title: str
    weight: int
    render: Callable[[Limits], str]


def compared(about: About) -> str:
    """Which commits stand against each other."""
    if not about.head and not about.base:
        return ""
    said = f"Compared: head {_sha(about.head, about)} with "
    if about.found and not about.base:
        return f"{said}{words((about.found,))}."
    said += f"base {_sha(about.base, about)}"
    return f"{said}, {words((about.found,))}." if about.found else f"{said}."


def _sha(sha: str, about: About) -> str:
    url = about.commit(sha)
    short = named(sha[:10]) if sha else "unknown"
    return f"[{short}](<{url}>)" if url else short


def parts(report: Report, about: About) -> list[Section]:
    """All that is said of one suite, in the order of reading."""
    made = (_part(block, report, about) for block in report.blocks)
    first = Section("What was compared", 6, lambda _: _basis(report))
    return [first, *(each for each in made if each is not None)]


def accepted_parts(report: Report, about: About) -> list[Section]:
    """What a snapshot that the pull request changes says against the base's."""
    title: Text = ("Accepted: the snapshot of ", Name(report.suite), " before and after")
    gates = next(each for each in report.blocks if isinstance(each, Table))

    def body(limits: Limits) -> str:
        return "\n\n".join(filter(None, (_gates(gates, limits), _cases(report, about, limits))))

    return [Section("Accepted changes", 3, lambda limits: folded(title, body(limits)))]


def _part(block: Block, report: Report, about: About) -> Section | None:  # noqa: PLR0911
    match block:
        case Table(title="Gates"):
            return Section("Gates", 3, lambda limits: _gates(block, limits))
        case Table(title="Judges"):
            return Section("Judges", 7, lambda limits: _shut(block, limits))
        case Table(title="Cost and latency"):
            return Section(block.title, 8, lambda limits: _shut(block, limits))
        case Table():
            return Section(block.title, 9, lambda limits: _shut(block, limits))
        case Answers():
            return Section("Regressed cases", 5, lambda limits: _cases(report, about, limits))
        case Heat():
            return Section("Slices", 8, lambda limits: section(block, report.suite, limits))
        case Facts(title="What to do"):
            return Section("What to do", 4, lambda _: _actions(block, report, about))
        case Facts(title="Errors, missing, flaky, stale, new"):
            return Section(block.title, 4, lambda _: _trouble(block))
        case Facts():
            return Section(block.title, 9, lambda limits: section(block, report.suite, limits))
    return None


def _gates(table: Table, limits: Limits) -> str:
    """What stands out as it is, what held folded."""
    held = [row for row in table.rows if row.tone not in ("bad", "warn") and not _improved(row)]
    odd = [row for row in table.rows if row not in held]
    shown = section(replace(table, rows=odd, note="" if held else table.note), "", limits)
    shut = rows(replace(table, rows=held), limits)
    count = figures.many(len(held), "gate")
    title = f"{count} held" if odd else f"Gates: {count} held"
    return "\n\n".join(filter(None, (shown, folded((f"{title}",), shut) if shut else "")))


def _improved(row: TableRow) -> bool:
    return row.cells[-1][:1] in (("improved",), ("improved (",))


def _trouble(facts: Facts) -> str:
    """What needs a look, and what is new or gone; the rest folded."""
    open_ = [each for each in facts.lines if each.tone != "plain" or each.label in ("new", "gone")]
    rest = [each for each in facts.lines if each not in open_]
    said = [f"#### {facts.title}\n\n{fact_lines(replace(facts, lines=open_))}"] if open_ else []
    said += [folded(("Nothing to judge",), fact_lines(replace(facts, lines=rest)))] if rest else []
    return "\n\n".join(said)


def _shut(table: Table, limits: Limits) -> str:
    body = rows(table, limits)
    return folded((table.title,), body) if body else ""


def _basis(report: Report) -> str:
    """Golden set, trials, seed and where the answers come from, in one line."""
    run = report.candidate
    golden = f"{run.golden.get('name', '')}@{run.golden.get('version', '')}"
    spent = run.operations
    said: Text = (
        "Golden set ",
        Name(golden),
        f", {figures.many(run.expected, 'case')}, {figures.many(run.trials, 'trial')}, ",
        f"seed {run.seed}; {figures.many(spent.fresh_calls, 'fresh call')}, ",
        f"{figures.number(spent.stored_calls)} stored.",
    )
    return words(said)


def _cases(report: Report, about: About, limits: Limits) -> str:
    """The regressed cases, each folded."""
    shown = regressed(report)
    if not shown:
        return ""
    found = sum(each.kind in ("worse", "error") for each in block_of(report, Cases).lines)
    told = [_case(each, about) for each in shown[: limits.answers]]
    hidden = max(found, len(shown)) - len(told)
    if hidden:
        told.append(f"{figures.number(hidden)} more {limits.rest}.")
    return "\n\n".join(["#### Regressed cases", *told])


def _case(shown: Answer, about: About) -> str:
    title: list[str | Name] = [Name(shown.id), " · ", *shown.scores]
    if shown.strict:
        title += [" · ", Name(shown.strict)]
    if shown.tries:
        title += [" · ", *shown.tries]
    if shown.slices:
        title += [" · ", Name(shown.slices)]
    lines = answer_lines(shown)
    moved = {each.text for each in shown.scores if isinstance(each, Name)}
    why = [each for each in shown.said if any(_of(each, name) for name in moved)][:_VERDICTS]
    lines += ["", *map(item, why)] if why else []
    if shown.command:
        lines += ["", f"Run it: {named(shown.command)}"]
    if url := about.line(shown.source):
        lines += ["", f"[The golden file's line](<{url}>)"]
    return folded(tuple(title), "\n".join(lines).strip("\n"))


def _of(said: Line, metric: str) -> bool:
    """Whether it is about the metric: its label may go on with trial or member."""
    return said.label == metric or said.label.startswith(f"{metric}, ")


def _actions(facts: Facts, report: Report, about: About) -> str:
    paths = report.commands.reports
    lines = [each for each in facts.lines if each.label not in paths]
    if block_of(report, Headline).level == "tip":  # nothing is to be accepted
        lines = [each for each in lines if each.label != "if meant"]
    at = next((at for at, each in enumerate(lines) if each.label == "understand"), None)
    if at is not None and report.commands.explain:
        red = reds(report.verdict)[1:_EXPLAINED]
        told = [Name(fill(report.commands.explain, gate=each.name)) for each in red]
        lines[at + 1 : at + 1] = [Line("and", (each,)) for each in told]
    if need := maintainer(report, about):
        lines.insert(0, need)
    return "\n".join(["#### What to do", "", *map(item, lines)])
