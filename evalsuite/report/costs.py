"""What a run cost: as a whole, by who asked which model, and by slice, beside the snapshot's run.

Of prices and times only what was asked afresh tells, and what is not known is said to be so: a dash
or "unknown", never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from evalsuite.diff import Diff
from evalsuite.gate.costs import BY_SLICE, RATES, TIMES, Cost, Move
from evalsuite.gate.operating import amount, more
from evalsuite.policy import OBJECTIVES
from evalsuite.records import Manifest, ModelCalls, Operations
from evalsuite.report import figures
from evalsuite.report.blocks import Name, Table, TableRow, Text, compact
from evalsuite.report.figures import UNKNOWN

_NAMES = {
    "cost": "cost per answer",
    "cost_per_success": "cost per success",
    "tokens": "tokens per answer",
    **{name: name.replace("_", " ") for name in (*TIMES, *RATES)},
}

SLICES = 20
"""Slices that are shown; JSON has all."""

PARTS = {
    "crossed": "answers to the snapshot's documents",
    "checkup": "judges' checkup",
    "sample": "whether equal requests get equal answers",
}


def account(diff: Diff, found: Sequence[Cost]) -> Table:
    """The run as a whole: calls, tokens, money and time beside those of the snapshot's run and the
    budget; then what a fresh answer took."""
    new, old = diff.candidate.operations, _known(diff.baseline)
    whole = found[0] if found else None
    shares = _shares(new)
    rows = []
    for name, tell in _TOLD.items():
        now, before = tell(new), tell(old) if old else ""
        if name == "money":
            now = money(new, whole)
        if now or before:
            rows.append([name, now, before, "", shares.get(name, "")])
    rows += filter(None, (_moved(*each) for each in (whole.moves.items() if whole else ())))
    note = "Prices and times are of what was asked afresh; a change is over the same cases."
    if not new.fresh_calls and not (whole and whole.answers):
        note = "Nothing was asked afresh, so that prices and times tell nothing."
    columns = ["Figure", "This run", "Snapshot's run", "Change", "Of the budget"]
    cells = [TableRow([(cell,) for cell in each]) for each in rows]
    return compact(Table("Cost and latency", columns, cells, note))


def _known(baseline: Manifest | None) -> Operations | None:
    """What the snapshot's run took; one that was merged of two took nothing that is known."""
    spent = baseline.operations if baseline else None
    return spent if spent is not None and spent.seconds else None


def _moved(name: str, move: Move) -> list[str]:
    unit = OBJECTIVES[name]
    if name in RATES and not move.now:
        return []
    change = ""
    if move.before is not None and move.after is not None:
        rise = move.after - move.before if unit == "share" else None
        if unit != "share" and move.before > 0:
            rise = move.after / move.before - 1
        said = UNKNOWN if rise is None else f"{'+' if rise > 0 else ''}{more(rise, unit)}"
        change = f"{said}, {figures.many(move.cases, 'case')}"
    before = amount(move.before, unit) if move.before is not None else ""
    return [_NAMES[name], amount(move.now, unit), before, change, ""]


def _failed(spent: Operations) -> str:
    """Attempts that got no reply, most of which were made again."""
    kinds = ", ".join(f"{count} {fault}" for fault, count in sorted(spent.failed_attempts.items()))
    return f"{figures.number(sum(spent.failed_attempts.values()))} ({kinds})" if kinds else ""


def _tokens(spent: Operations) -> str:
    sent, got = figures.number(spent.input_tokens), figures.number(spent.output_tokens)
    return f"{sent} in, {got} out"


def money(spent: Operations, whole: Cost | None) -> str:
    """What a run cost. Of a target that asks by itself its answers tell, or nobody does."""
    if spent.fresh_calls + spent.stored_calls == 0 and whole is not None and whole.answers:
        return _price(whole.known, whole.unknown)
    return figures.dollars(spent.cost, spent.cost_known)


def _price(known: float, unknown: int) -> str:
    return figures.dollars(None if unknown else known, known)


def _time(name: str) -> Callable[[Operations], str]:
    def tell(spent: Operations) -> str:
        value = getattr(spent, name)
        return "" if value is None else figures.seconds(value)

    return tell


_TOLD: Mapping[str, Callable[[Operations], str]] = {
    "fresh calls": lambda spent: figures.number(spent.fresh_calls),
    "stored calls": lambda spent: figures.number(spent.stored_calls),
    "reused outputs": lambda spent: figures.number(spent.reused_outputs),
    "failed attempts": _failed,
    "tokens": _tokens,
    "money": lambda spent: money(spent, None) if spent.fresh_calls + spent.stored_calls else "",
    "time": _time("seconds"),
    "call p50": _time("call_p50"),
    "call p95": _time("call_p95"),
    "call's first token p50": _time("first_token_p50"),
}


def _shares(spent: Operations) -> dict[str, str]:
    """How much of each limit of the run's budget this suite took; one it has is never unknown."""
    tokens = sum(each.input_tokens + each.output_tokens for each in spent.models.values())
    took = {
        "calls": ("fresh calls", spent.fresh_calls),
        "tokens": ("tokens", tokens),
        "usd": ("money", spent.cost_known),
        "minutes": ("time", spent.seconds / 60),
    }
    said = {}
    for unit, limit in spent.budget.items():
        name, value = took[unit]
        least = "at least " if unit == "usd" and spent.cost is None else ""
        whole = f"{limit:.2f} USD" if unit == "usd" else f"{limit:,.0f} {unit}"
        said[name] = f"{least}{100 * value / limit:.0f}% of {whole}"
    return said


def asked(diff: Diff) -> Table | None:
    """A row for who asked which model: the target, each scorer, what judges are tested on."""
    new, old = diff.candidate.operations, _known(diff.baseline)
    if not any(new.parts.values()):
        return None
    rows = []
    for part in sorted(new.parts, key=lambda each: (each != "target", each)):
        for model, calls in new.parts[part].items():
            before = old.parts.get(part, {}).get(model) if old else None
            rows.append(TableRow(_asked(part, model, calls, before)))
    columns = ["Asked by", "Model", "Fresh", "Stored", "Tokens in", "out", "cached", "Cost"]
    note = "Tokens and cost are those of fresh calls."
    return compact(Table("Calls by part and model", [*columns, "Snapshot's run"], rows, note))


def _asked(part: str, model: str, calls: ModelCalls, before: ModelCalls | None) -> list[Text]:
    was = (
        f"{_price(before.cost, before.unpriced)} for {figures.many(before.calls, 'call')}"
        if before
        else ""
    )
    cached = figures.number(calls.cached_tokens) if calls.cached_tokens else ""
    return [
        (PARTS[part],) if part in PARTS else (Name(part),),
        (Name(model),),
        (figures.number(calls.calls),),
        (figures.number(calls.stored),),
        (figures.number(calls.input_tokens),),
        (figures.number(calls.output_tokens),),
        (cached,),
        (_price(calls.cost, calls.unpriced),),
        (was,),
    ]


def sliced(found: Sequence[Cost]) -> Table | None:
    """A row for each declared slice with fresh answers, the dearest first."""
    parts = [each for each in found[1:] if each.answers]
    if not parts:
        return None
    names = [name for name in BY_SLICE if any(name in each.moves for each in parts)]
    rows = [
        TableRow(
            [
                (Name(each.slice),),
                (figures.number(each.answers),),
                (_price(each.known, each.unknown),),
                *((_cell(each.moves.get(name), OBJECTIVES[name]),) for name in names),
            ]
        )
        for each in parts[:SLICES]
    ]
    more_of = len(parts) - SLICES
    note = "Of fresh answers: before → after over the same cases, or this run's alone."
    if more_of > 0:
        note += f" {figures.many(more_of, 'slice')} that took less: see the JSON report."
    columns = ["Slice", "Fresh answers", "Cost", *(_NAMES[name].capitalize() for name in names)]
    return Table("Cost by slice", columns, rows, note)


def _cell(move: Move | None, unit: str) -> str:
    if move is None:
        return UNKNOWN
    if move.before is None or move.after is None:
        return amount(move.now, unit)
    return f"{amount(move.before, unit)} → {amount(move.after, unit)}"
