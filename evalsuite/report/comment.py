"""What a pull request shows of a run: one comment on all its suites, the step's summary, and marks
on the golden files' lines.

    Reports, About --comment, summary--> Markdown

The host refuses a comment beyond 65,536 characters as a whole, and a summary beyond 1 MiB, so both
keep well below it. What weighs most gets its room first; a section that does not fit is printed
shorter, then left out and named. Sections are whole, so that no fence and no fold stays open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from evalsuite.report.about import About, address
from evalsuite.report.annotations import Annotation, annotations, command
from evalsuite.report.blocks import Cases, Headline, Name, Text
from evalsuite.report.markdown import BUDGET, Limits, folded, mark, named, words
from evalsuite.report.overview import alert, all_suites, by_gravity, first_lines, worst_suites
from evalsuite.report.parts import Section, accepted_parts, compared, parts
from evalsuite.report.reports import Report, block_of

__all__ = [
    "About",
    "Annotation",
    "annotations",
    "anything",
    "command",
    "comment",
    "key_of",
    "summary",
]

SUMMARY_BYTES = 900_000
_RESERVE = 2_400 * "\U0010ffff"
"""Room for the note on what is left out, and for the foot, in the longest of characters."""

Size = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class _Group:
    """The sections of one suite; without a title they stand for themselves."""

    sections: Sequence[Section]
    title: Text = ()
    closed: bool = False

    def printed(self, texts: Sequence[str]) -> str:
        body = "\n\n".join(texts)
        if not self.title:
            return body
        return folded(self.title, body) if self.closed else f"### {words(self.title)}\n\n{body}"


def comment(
    reports: Sequence[Report], about: About, accepted: Sequence[Report] = (), limit: int = BUDGET
) -> str:
    """One comment on all suites of a run, of at most `limit` characters (of some 5,000 it takes
    what it needs to be one); its first line is a hidden mark. `accepted` holds, for each snapshot
    that the pull request itself changes, a report on the new one against the base's."""
    return _page(reports, about, accepted, Limits(rest="in the step's summary"), limit, len)


def summary(reports: Sequence[Report], about: About, accepted: Sequence[Report] = ()) -> str:
    """The same for the step's summary: ten times as much of everything, at most 900,000 bytes of
    UTF-8."""
    limits = Limits(rest="in the run's files").times(10)
    return _page(reports, about, accepted, limits, SUMMARY_BYTES, lambda text: len(text.encode()))


def anything(reports: Sequence[Report], accepted: Sequence[Report] = ()) -> bool:
    """Whether there is something to say: a run in which every case has its stored answer and every
    gate is decided needs no comment."""
    return bool(accepted) or any(_speaks(each) for each in reports)


def _speaks(report: Report) -> bool:
    if report.verdict.result != "unchanged" or block_of(report, Headline).level != "tip":
        return True
    return any(each.kind != "same" for each in block_of(report, Cases).lines)


def key_of(about: About) -> str:
    """The hidden first line of the comment on a pull request."""
    return mark(about.workflow or "evals")


def _page(
    reports: Sequence[Report],
    about: About,
    accepted: Sequence[Report],
    limits: Limits,
    budget: int,
    size: Size,
) -> str:
    ordered = by_gravity(reports)
    limits = replace(limits, answers=max(3, limits.answers // max(1, len(reports))))
    top = [key_of(about), alert(ordered, accepted)]
    groups = _groups(ordered, about, accepted)
    room = budget - size(_RESERVE) - sum(size(each) + 2 for each in top)
    texts, left_out = _chosen(groups, limits, room, size)
    body = [group.printed(each) for group, each in zip(groups, texts, strict=True) if each]
    return "\n\n".join([*top, *body, *_rest(left_out, about), _foot(ordered, about)]) + "\n"


def _groups(reports: Sequence[Report], about: About, accepted: Sequence[Report]) -> list[_Group]:
    first = [Section("Suites", 0, lambda _: worst_suites(reports))]
    if reports:
        first.append(Section("First screen", 1, lambda _: first_lines(reports[0], about, accepted)))
    first.append(Section("All suites", 2, lambda limits: all_suites(reports, limits.rows)))
    first.append(Section("Commits", 2, lambda _: compared(about)))
    groups = [_Group(first), *(_Group(accepted_parts(each, about)) for each in accepted)]
    for at, each in enumerate(reports):  # the worst is open, the others are a click away
        word = block_of(each, Headline).word
        title: Text = (Name(each.suite), f": {word}") if len(reports) > 1 else ()
        groups.append(_Group(parts(each, about), title, closed=at > 0))
    return groups


def _chosen(
    groups: Sequence[_Group], limits: Limits, room: int, size: Size
) -> tuple[list[list[str]], list[tuple[Text, str]]]:
    """The texts that fit, by group, and what does not: (suite, section)."""
    texts: list[dict[int, str]] = [{} for _ in groups]
    left_out = []
    places = [(g, s) for g, group in enumerate(groups) for s in range(len(group.sections))]
    for g, s in sorted(places, key=lambda each: (groups[each[0]].sections[each[1]].weight, each)):
        group, section = groups[g], groups[g].sections[s]
        around = 0 if texts[g] else size(group.printed([""])) + 2
        for shorter in (limits, limits.times(1 / 3), limits.times(0)):
            said = section.render(shorter)
            if not said or size(said) + 2 + around <= room:
                break
        else:
            left_out.append((group.title, section.title))
            continue
        if said:
            texts[g][s] = said
            room -= size(said) + 2 + around
    return [[each[at] for at in sorted(each)] for each in texts], left_out


def _rest(left_out: Sequence[tuple[Text, str]], about: About) -> list[str]:
    """What is not in here, and where it is."""
    if not left_out:
        return []
    told = [f"{words(suite[:1])} {title}".strip() for suite, title in left_out[:5]]
    more = f" and {len(left_out) - len(told)} more sections" if len(left_out) > len(told) else ""
    return [f"*Left out for length: {', '.join(told)}{more}. {_where(about)}*"]


def _where(about: About) -> str:
    run, file = address(about.run_url), address(about.artifact_url)
    summary_ = f"[the step's summary](<{run}>)" if run else "the step's summary"
    files = f"[the run's files](<{file}>)" if file else "the run's files"
    return f"More is in {summary_}, all in {files}."


def _foot(reports: Sequence[Report], about: About) -> str:
    said = []
    if reports:
        run = reports[0].candidate
        version = run.versions.get("evalsuite", "")
        seconds = sum(each.candidate.operations.seconds for each in reports)
        said += [f"evalsuite {named(version)}"] if version else ["evalsuite"]
        said.append(f"{words((f'{seconds:.0f} s',))}")
    said.append(_where(about))
    return f"<sub>{' · '.join(said)}</sub>"
