"""All cases as a list that is filtered and searched; those that moved or failed open in place.

Rows stand in parts of one kind each: a filter hides whole parts, and a browser lays out only the
parts that are on the screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice

from evalsuite.records import CHECKS
from evalsuite.report import figures
from evalsuite.report.blocks import Answer, Answers, CaseLine, Cases, Found, Heat
from evalsuite.report.cases import KINDS
from evalsuite.report.escape import html, line, shorten
from evalsuite.report.markup import anchor, diff, lines, section, table, text

Documents = Mapping[tuple[str, str], str]
"""Where each text of a document stands, by its id and text: it is told once."""

_PART = 100
"""Rows of a part; `report.css` has their height."""

_FIRST = 90
"""Characters of a document that name it, or stand beside its name."""

_PRINTED = 10
"""Cases that paper has in full."""

_STORED = 1_000_000
"""Characters of documents that a page holds."""

_LATER = (
    " Answers, trials and evidence are here for the {count} cases that moved most, or failed;"
    " of the others the run's folder has them."
)
_KEYS = "Search: / · next, previous: j k · open: Enter · close, clear: Esc · help: ?"


def stored(answers: Iterable[Answer]) -> Documents:
    """The documents that the answers had, as far as a page has room for them."""
    places: dict[tuple[str, str], str] = {}
    room = _STORED
    for answer in answers:
        for found in answer.found:
            if (found.id, found.text) not in places and room > len(found.text):
                places[found.id, found.text] = f"document-{len(places) + 1}"
                room -= len(found.text)
    return places


def documents(places: Documents) -> str:
    """Their section; nothing without documents."""
    parts = [
        f'<details id="{place}" class="answer"><summary>{_begins(id_, words)}</summary>'
        f'<p class="words">{html(words)}</p></details>'
        for (id_, words), place in places.items()
    ]
    if not parts:
        return ""
    inside = "\n".join(parts)
    body = (
        f'<details class="more"><summary>{figures.many(len(parts), "text")}</summary>\n{inside}'
        "</details>"
    )
    return section("Documents", body, "What the answers above were given, each text once.")


def _begins(id_: str, words: str) -> str:
    """A document's id and first words; where it has no id these are its name."""
    first = _first(words)
    return f'<b>{html(id_)}</b> <span class="tags">{first}</span>' if id_ else first


def _first(words: str) -> str:
    return html(shorten(line(words[: 4 * _FIRST]), _FIRST)) or "no words"


def cases(block: Cases, answers: Answers, heat: Heat, places: Documents) -> str:
    """The list with what filters it."""
    opened = {each.id: each for each in (*answers.items, *answers.still)}
    inside: dict[str, list[int]] = {}
    for at, row in enumerate(heat.rows[1:]):
        for id_ in row.cases:
            inside.setdefault(id_, []).append(at)
    checks = block.metrics.index(CHECKS) if CHECKS in block.metrics else None
    marked = [
        (line.kind, checks is not None and _fails(line, checks), line) for line in block.lines
    ]
    marked.sort(key=lambda each: (KINDS.index(each[0]), not each[1]))
    names = [html(name) for name in block.metrics]
    bad = (one.id for kind, fails, one in marked if fails or kind in ("worse", "error"))
    printed = set(islice((id_ for id_ in bad if id_ in opened), _PRINTED))
    parts: list[str] = []
    for (kind, fails), group in groupby(marked, key=lambda each: each[:2]):
        rows = [
            _case(
                line,
                names,
                inside.get(line.id, ()),
                _body(opened.get(line.id), places),
                printed=line.id in printed,
            )
            for _, _, line in group
        ]
        parts += _parts(rows, kind, " failing" * fails)
    note = text(block.note)
    if len(opened) < sum(kind != "same" or fails for kind, fails, _ in marked):
        note += html(_LATER.format(count=figures.number(len(opened))))
    body = f'{_search(heat)}\n<div class="filter">{_kinds(marked)}{_HEADS}{"".join(parts)}</div>'
    return section(block.title, body, note, "cases")


_HEADS = (
    '<p class="heads" aria-hidden=true><span>Case</span><span>What</span><span>Scores</span>'
    "<span>Slices</span><span>Note</span></p>"
)


def _fails(line: CaseLine, checks: int) -> bool:
    seen = line.after[checks]
    return seen is not None and seen < 1


def _parts(rows: Sequence[str], kind: str, state: str) -> Iterable[str]:
    for at in range(0, len(rows), _PART):
        part = rows[at : at + _PART]
        size = " further" * (at > 0) + " long" * (len(part) == _PART)
        yield f'<ol class="cases {kind}{state}{size}">{"".join(part)}</ol>\n'


def _kinds(marked: Sequence[tuple[str, bool, CaseLine]]) -> str:
    """One choice per kind, as radio buttons that the style sheet itself obeys."""
    counts = Counter(kind for kind, _, _ in marked)
    failing = sum(fails for _, fails, _ in marked)
    choices = {"all": len(marked), **counts, **({"failing": failing} if failing else {})}
    return "".join(
        f'<input type=radio name=kind value={kind} id="k-{kind}"{" checked" * (kind == "all")}>'
        f'<label for="k-{kind}">{kind} <small>{figures.number(count)}</small></label>'
        for kind, count in choices.items()
    )


def _search(heat: Heat) -> str:
    slices = "".join(f"<option>{html(row.slice)}</option>" for row in heat.rows[1:])
    return (
        '<p id="find" hidden><input type=search id="q" placeholder="Search words  ( / )"'
        ' aria-label="Search the cases"> <select id="slice" aria-label="Slice">'
        f'<option value="">all slices</option>{slices}</select>'
        ' <button type=button id="keys" aria-label="Keys">?</button> <output id="shown"></output>'
        f'</p>\n<dialog id="help" aria-label="Keys"><p>{html(_KEYS)}</p><form method=dialog>'
        "<button>Close</button></form></dialog>"
    )


def _case(
    line: CaseLine, names: Sequence[str], slices: Sequence[int], body: str, *, printed: bool
) -> str:
    place = anchor("case", line.id)
    scores = " ".join(map(_move, names, line.before, line.after))
    tags = html(" ".join([f"{key}={value}" for key, value in line.slices.items()]))
    rest = (
        f"<i>{line.kind}</i><span>{scores}</span><span>{tags}</span><span>{html(line.note)}</span>"
    )
    inside = f' data-s="{" ".join(map(str, slices))}"' if slices else ""
    name = html(line.id) + ' <em class="kind">must_pass</em>' * bool(line.strict)
    row = f'<a href="#{place}">{name}</a>{rest}'
    if body:
        kind = ' class="printed"' * printed
        row = f"<details{kind}><summary><b>{name}</b>{rest}</summary>\n{body}</details>"
    return f'<li id="{place}"{inside}>{row}\n'


def _move(name: str, before: float | None, after: float | None) -> str:
    if before is None and after is None:
        return ""
    if before is None or before == after:
        return f"{name} {figures.score(after)}"
    if after is None:
        return f"{name} {figures.score(before)} → {figures.UNKNOWN}"
    return f"<b>{name} {figures.score(before)} → {figures.score(after)}</b>"


def _body(answer: Answer | None, places: Documents) -> str:
    """What an opened case shows, from the words to what the words rest on."""
    if answer is None:
        return ""
    parts = [words(answer, listed=True)]
    if answer.trials:
        note = f'<p class="note">{html(answer.trials.note)}</p>' if answer.trials.note else ""
        parts += [table(answer.trials, "trials"), note]
    for each in answer.further:
        remark = f" {html(each.remark)}" if each.remark else ""
        parts.append(f'<p class="note">Trial {each.trial}.{remark}</p>{diff(each.pieces)}')
    if answer.said:
        parts.append(lines(answer.said))
    if answer.calls:
        parts.append(lines(answer.calls))
    if answer.found:
        found = "".join(_found(each, places) for each in answer.found)
        parts.append(
            f'<div class="ranks"><p class="note">Documents, by rank</p><ul class="found">{found}'
            "</ul></div>"
        )
    if answer.command:
        parts.append(f"<pre tabindex=0>{html(answer.command)}</pre>")
    link = f'<p class="key"><a href="#{anchor("case", answer.id)}">link to this case</a></p>'
    return "\n".join([*filter(None, parts), link])


def words(answer: Answer, *, listed: bool = False) -> str:
    """The question, the words before and after, and what is to be said of them; the list says the
    id and the reason itself."""
    parts = []
    if answer.question:
        name = "" if listed else f"<b>{html(answer.id)}</b> "
        parts.append(f'<p class="asked">{name}{html(answer.question)}</p>')
    if answer.strict:
        parts.append(f'<p class="note">{html(answer.strict)}</p>')
    parts.append(diff(answer.pieces))
    if answer.remark:
        parts.append(f'<p class="note">{html(answer.remark)}</p>')
    if answer.reason and not listed:
        parts.append(f'<p class="reason">{html(answer.reason)}</p>')
    if answer.tries:
        parts.append(f'<p class="note">{text(answer.tries)}</p>')
    if answer.documents:
        parts.append(f'<p class="note">{text(("Documents: ", *answer.documents))}</p>')
    if answer.crossed:
        crossed = text(("On the baseline's documents: ", *answer.crossed))
        parts.append(f'<p class="note">{crossed}</p>')
    return "\n".join(filter(None, parts))


def _found(found: Found, places: Documents) -> str:
    place = places.get((found.id, found.text))
    name = html(found.id) if found.id else _first(found.text)
    name = f'<a href="#{place}">{name}</a>' if place else name
    if found.before == found.after:
        return f"<li>{found.after} {name}"
    if found.after is None:
        return f'<li class="bad">lost, was {found.before}: {name}'
    was = "new" if found.before is None else f"was {found.before}"
    return f'<li class="warn">{found.after} ({was}) {name}'
