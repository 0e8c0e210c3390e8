"""What a case shows when it is opened: the words before and after, its trials with their scores,
what scorers said of it, the tools that were called, the documents that were found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from evalsuite.canonical import alike
from evalsuite.records import CHECKS, Case, Document, Json, Output, Row, Spent, ToolCall
from evalsuite.report import figures
from evalsuite.report.attribution import crossed_answer
from evalsuite.report.blocks import (
    Answer,
    Answers,
    CaseLine,
    Cases,
    Found,
    Further,
    Line,
    Name,
    Piece,
    Table,
    TableRow,
    Text,
    compact,
)
from evalsuite.report.cases import moves
from evalsuite.report.claims import spoken
from evalsuite.report.documents import differences, names
from evalsuite.report.escape import line, plain, shorten
from evalsuite.report.material import Material, Pair, failing, wanted
from evalsuite.report.shell import fill
from evalsuite.report.words import compare

_VERDICTS = 40
"""How many verdicts are shown of an answer."""

_TRIALS, _CALLS, _DOCUMENTS = 10, 20, 50
_WORDS = 300
_TEXT = 2_000
"""Characters of a document that are shown."""


def answers(material: Material, cases: Cases) -> Answers:
    """The cases that matter most before and after, as far as their outputs are at hand; then those
    that fail as they did."""
    by_id = {one.id: one for one in cases.lines}
    ids = wanted(material.diff, material.verdict)
    still = failing(material.diff, material.after, ids)
    made = {
        id_: _answer(by_id[id_], pair, cases.metrics, material)
        for id_ in (*ids, *still)
        if (pair := material.answers.get(id_)) is not None and id_ in by_id
    }
    return Answers(
        "Answers before and after",
        [made[id_] for id_ in ids if id_ in made],
        [made[id_] for id_ in still if id_ in made],
    )


def _answer(one: CaseLine, pair: Pair, names: Sequence[str], material: Material) -> Answer:
    id_, case = one.id, material.cases.get(one.id)
    pieces, remark = _words(pair)
    said = spoken(material.evidence.get(id_, ()))
    told = one.note and any(one.note in plain(each.text) for each in said)
    if len(said) > _VERDICTS:
        more = f"{len(said) - _VERDICTS} further verdicts are in the run's evidence.jsonl"
        said = [*said[:_VERDICTS], Line("more", (more,))]
    return Answer(
        id=id_,
        kind=one.kind,
        scores=moves(one, names),
        slices=", ".join(f"{key}={name}" for key, name in one.slices.items()),
        question=shorten(line(_question(case)[:2000]), 300) if case else "",
        pieces=pieces,
        remark=remark,
        reason="" if told else one.note,  # a judge's own words are shown once
        command=fill(material.commands.case, id=id_),
        said=said,
        crossed=crossed_answer(material, id_),
        documents=differences(pair),
        tries=_tries(material.before.get(id_), material.after.get(id_)),
        strict=one.strict,
        source=case.source if case else None,
        trials=_trials(material.before.get(id_), material.after.get(id_)),
        further=_further(pair, material.further.get(id_, ())),
        calls=_calls(pair),
        found=_found(pair),
    )


def _words(pair: Pair) -> tuple[Sequence[Piece], str]:
    """The words of both, and what is to be said of them."""
    before, after = (None if output is None else _spoken(output) for output in pair)
    pieces = compare(before, after) if before is not None and after is not None else ()
    remark = _remark(before, after)
    if pieces and all(piece.op == "same" for piece in pieces):
        remark = "The words are the same; white space or other parts of the output differ."
        if pair[0] == pair[1]:
            remark = "The answer is the same."
    return pieces or compare(after or before or "", after or before or ""), remark


def _tries(before: Row | None, after: Row | None) -> Text:
    """How many trials held their checks on either side, and of those that were asked after; of a
    single trial nothing is to be told."""
    sides = [row.scores.get(CHECKS, ()) if row else () for row in (before, after)]
    again = after.again.get(CHECKS, ()) if after else ()
    said = []
    if any(len(values) > 1 for values in sides):
        said.append(" → ".join(_held(values) for values in sides if values) + " trials held")
    if again:
        said.append(f"asked {figures.many(len(again), 'time')} more: {_held(again)} held")
    return ("; ".join(said),) if said else ()


def _held(values: Sequence[float | None]) -> str:
    known = [each for each in values if each is not None]
    return f"{sum(each >= 1 for each in known)} of {len(known)}"


def _remark(before: str | None, after: str | None) -> str:
    if before is None and after is None:
        return "Neither answer is at hand."
    if before is None:
        return "The answer before is not at hand; this is the answer of this run."
    if after is None:
        return "This run has no answer here; this is the answer before."
    return ""


def _spoken(output: Output) -> str:
    """What a person would compare: the text, else the error, the value, the calls or the documents
    of what only retrieves."""
    if output.error is not None:
        return f"[{output.error.kind} error] {output.error.message}"
    if output.text:
        return output.text
    if output.value is not None:
        return str(output.value)
    calls = [f"{call.name}({call.arguments})" for call in output.tool_calls]
    found = [f"{each.id}: {shorten(line(each.text[:2000]), 300)}" for each in output.contexts]
    return "\n".join(calls or found) or "[empty answer]"


def _question(case: Case) -> str:
    """The input's text, or its longest field, or its last message."""
    given = case.input
    if isinstance(given, Mapping) and isinstance(given.get("messages"), list):
        given = given["messages"][-1] if given["messages"] else ""
    if isinstance(given, Mapping):
        texts = [each for each in given.values() if isinstance(each, str)]
        for name in ("question", "content", "query"):
            if isinstance(given.get(name), str):
                return str(given[name])
        return max(texts, key=len, default=str(given))
    return str(given)


def _further(first: Pair, pairs: Sequence[Pair]) -> list[Further]:
    """Trials that answered other words than any before them."""
    seen = {_told(first)}
    made = []
    for trial, pair in enumerate(pairs[: _TRIALS - 1], 2):
        if pair[1] is not None and (words := _told(pair)) not in seen:
            seen.add(words)
            made.append(Further(trial, *_words(pair)))
    return made


def _told(pair: Pair) -> str | None:
    return None if pair[1] is None else _spoken(pair[1])


def _trials(before: Row | None, after: Row | None) -> Table | None:
    """A row per metric, details and diagnostics among them, and a column per trial."""
    if after is None:
        return None
    count = max(len(after.errors), len(after.outputs), *map(len, after.scores.values()), 1)
    shown = range(min(count, _TRIALS))
    rows = [
        TableRow(
            [(Name(name),), *(_moved(name, before, after, at) for at in shown), _why(after, name)]
        )
        for name in after.scores
    ]
    rows += _spent(after, shown)
    if any(after.errors):
        errors = [error or "" for error in after.errors[: len(shown)]]
        errors += [""] * (len(shown) - len(errors))
        rows.append(TableRow([("error",), *((Name(_cut(each)),) for each in errors), ()], "bad"))
    columns = ["Score", *(f"Trial {at + 1}" for at in shown), "Reason"]
    rest = count - len(shown)
    note = f"{figures.many(rest, 'further trial')} in the run." if rest else ""
    return compact(Table("Trials", columns, rows, note))


def _moved(name: str, before: Row | None, after: Row, at: int) -> Text:
    values = after.scores[name]
    new = figures.score(values[at] if at < len(values) else None)
    was = before.scores.get(name, ()) if before is not None else ()
    if at >= len(was) or (old := figures.score(was[at])) == new:
        return (new,)
    return (f"{old} → {new}",)


def _why(row: Row, name: str) -> Text:
    reason = row.reasons.get(name, "")
    return (Name(_cut(reason)),) if reason else ()


def _spent(row: Row, shown: Iterable[int]) -> list[TableRow]:
    """What the trials took that were asked afresh."""
    told: dict[str, Callable[[Spent], str]] = {
        "latency": lambda one: "" if one.latency is None else figures.seconds(one.latency),
        "tokens": lambda one: "" if one.tokens is None else figures.number(one.tokens),
        "cost": lambda one: "" if one.cost is None else figures.dollars(one.cost),
    }
    fresh = {at: each for at, each in enumerate(row.spent) if each.fresh}
    rows = []
    for label, tell in told.items():
        texts = [tell(fresh[at]) if at in fresh else "" for at in shown]
        if any(texts):
            rows.append(TableRow([(label,), *((text,) for text in texts), ()]))
    return rows


def _calls(pair: Pair) -> list[Line]:
    """The tools that were called, in their order; what only one side called says so."""
    before, after = ([] if each is None else list(map(_call, each.tool_calls)) for each in pair)
    lines = []
    for op, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        lines += [Line("call", (Name(each),)) for each in after[k:m] if op == "equal"]
        if op != "equal":
            lines += [Line("only before", (Name(each),), "bad") for each in before[i:j]]
            lines += [Line("only now", (Name(each),), "warn") for each in after[k:m]]
    return lines[:_CALLS]


def _call(call: ToolCall) -> str:
    said = f"{call.name}({_json(call.arguments)})"
    if call.error is not None:
        return f"{said} failed: {_cut(call.error)}"
    return said if call.result is None else f"{said} → {_json(call.result)}"


def _json(value: Json) -> str:
    return _cut(value if isinstance(value, str) else alike(value) or str(value))


def _cut(text: str) -> str:
    return shorten(line(text[: 4 * _WORDS]), _WORDS)


def _found(pair: Pair) -> list[Found]:
    """The documents of both sides, by their rank now, then those that were lost."""
    sides = [[] if output is None else list(_ranked(output.contexts)) for output in pair]
    was = {(id_, text): rank for rank, id_, text in sides[0]}
    made = [Found(id_, text, was.pop((id_, text), None), rank) for rank, id_, text in sides[1]]
    lost = [Found(id_, text, rank, None) for (id_, text), rank in was.items()]
    return [*made, *lost][:_DOCUMENTS]


def _ranked(documents: Sequence[Document]) -> Iterable[tuple[int, str, str]]:
    for rank, (name, each) in enumerate(zip(names(documents), documents, strict=True), 1):
        yield rank, shorten(line(name[:400]), 80), each.text[:_TEXT]
