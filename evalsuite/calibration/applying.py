"""A metric of ours on outputs that lie in a file: as in a run, but without suite and target.

The replies are kept in the store, so that asking again, or after Ctrl-C, pays for what is missing.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evalsuite import scoring
from evalsuite.backends.calls import TALLY, Tally
from evalsuite.backends.clients import MODELS
from evalsuite.backends.llm import LLM
from evalsuite.calibration.columns import ABSENT, Column, Unit, demand, field_of
from evalsuite.calibration.consulting import VOTE
from evalsuite.calibration.consulting import calls_of as calls
from evalsuite.calibration.journal import refuse
from evalsuite.calibration.labels import item_id
from evalsuite.calibration.records import Item
from evalsuite.config import Config
from evalsuite.errors import BackendError, Problem, RunStopped
from evalsuite.judging.scorer import BoundJudge
from evalsuite.judging.subjects import subject_of
from evalsuite.records import Case, Document, Json, Output, Score
from evalsuite.strictjson import Malformed
from evalsuite.wording import shown

Pair = tuple[Case, Output]

TEXTS = ("text", "content", "page_content", "passage")
"""What the text of a context is called where it is an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Which fields of a unit are what; several of `input` make an object of them, none means that
    nothing was asked. Of those that are "" there is none. `slices` are every case's."""

    input: Sequence[str]
    output: str
    contexts: str = ""
    reference: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Applied:
    """What came of it: by the place of a unit, a score per metric. `failed` are the units for which
    a call had no reply, with the reason; `fresh` and `stored` count calls; `stopped` says why the
    rest was not asked."""

    scores: dict[int, dict[str, Score]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    fresh: int = 0
    stored: int = 0
    stopped: str = ""


def pairs_of(units: Sequence[Unit], fields: Fields) -> list[Pair | None]:
    """Each unit as a case with its output, None where it has no output; the case's id is a hash of
    what is in it, so that equal questions are equal calls wherever they stand.

    Raises:
        ProblemsError: fields that no unit has, and every value that can't be what it is to be.
    """
    for name in (*fields.input, fields.output, fields.contexts, fields.reference):
        if name:
            demand(units, name)
    problems: list[Problem] = []
    found: list[Pair | None] = []
    for unit in units:
        try:
            found.append(_pair(unit, fields))
        except Malformed as bad:
            problems.append(Problem(unit.path, unit.line, bad.field, bad.message, bad.remedy))
    refuse(problems)
    return found


def _pair(unit: Unit, fields: Fields) -> Pair | None:
    asked = {name.rpartition(".")[2]: _held(unit, name) for name in fields.input}
    text = _held(unit, fields.output)
    if text is None:
        return None
    if not isinstance(text, str):
        remedy = "name the field with the output's text by --output"
        raise Malformed(f"must be text, not {shown(text)}", remedy, fields.output)
    case = Case(
        id="",
        input=asked if len(asked) > 1 else next(iter(asked.values()), ""),
        expected=_held(unit, fields.reference),
        slices=fields.slices,
    )
    output = Output(text=text, contexts=_documents(_held(unit, fields.contexts), fields.contexts))
    return replace(case, id=item_id(subject_of(case, output))), output


def _held(unit: Unit, name: str) -> Json:
    """A field, None where there is none."""
    held = field_of(unit, name) if name else None
    return None if held is ABSENT else held


def _documents(held: Json, name: str) -> list[Document]:
    """Contexts: a text, or a list of texts or of objects with a text and perhaps an id."""
    if held is None:
        return []
    if isinstance(held, str):
        held = [held]
    if not isinstance(held, list):
        remedy = "a list of texts, or of objects with id and text"
        raise Malformed(f"must be a list, not {shown(held)}", remedy, name)
    return [_document(each, place, f"{name}[{place - 1}]") for place, each in enumerate(held, 1)]


def _document(held: Json, place: int, where: str) -> Document:
    if isinstance(held, str):
        return Document(str(place), held)
    if isinstance(held, dict):
        text = next((held[name] for name in TEXTS if isinstance(held.get(name), str)), None)
        if text is not None:
            name = held.get("id")
            return Document(name if isinstance(name, str) and name else str(place), text)
    remedy = f"write it as text, or as an object with a text ({', '.join(TEXTS)})"
    raise Malformed("is no context", remedy, where)


def calls_of(scorer: Any, pairs: Sequence[Pair]) -> int | None:
    """How many calls the scorer makes if none is stored; None where it doesn't know."""
    if isinstance(scorer, BoundJudge):
        subjects = [subject_of(*pair) for pair in pairs]
        return calls(scorer.card, [Item(id=item_id(each), subject=each) for each in subjects])
    counted = getattr(scorer, "calls", None)
    return sum(counted(*pair) for pair in pairs) if callable(counted) else None


async def apply(
    scorer: Any,
    pairs: Sequence[Pair | None],
    llm: LLM,
    config: Config,
    found: Applied,
    *,
    said: Callable[[int], None] = lambda done: None,
) -> None:
    """Score every pair, into `found`; `said` is told how many are done. No failure goes through:
    what has no score is named."""
    free = asyncio.Semaphore(config.concurrency)
    done = 0

    async def one(place: int, pair: Pair) -> None:
        nonlocal done
        async with free:
            await _scored(scorer, place, pair, llm, config, found)
        done += 1
        said(done)

    async with asyncio.TaskGroup() as group:
        for place, pair in enumerate(pairs):
            if pair is not None:
                group.create_task(one(place, pair))


async def _scored(
    scorer: Any, place: int, pair: Pair, llm: LLM, config: Config, found: Applied
) -> None:
    case, output = pair
    if found.stopped:
        found.failed[place] = found.stopped
        return
    tally = Tally(case.id, VOTE, config.seed)
    context = contextvars.copy_context()
    context.run(TALLY.set, tally)
    context.run(MODELS.set, llm)
    metric = scoring.metric_of(scorer)
    try:
        given = {"llm": llm} if scoring.takes_llm(scorer) else {}
        came = context.run(scorer, case, output, **given)
        if asyncio.iscoroutine(came):
            came = await asyncio.create_task(came, context=context)
        scores = scoring.fold(came, metric, case.id, VOTE)
        if tally.failed is not None:  # a scorer may have swallowed it
            raise tally.failed
        found.scores[place] = {each.metric: each for each in scores}
    except RunStopped as error:
        found.stopped = found.failed[place] = str(error)
    except BackendError as error:
        found.failed[place] = str(error)
    except Exception as error:  # noqa: BLE001 (a library's or a user's code)
        found.failed[place] = scoring.complaint(error)
    finally:
        tally.over = True
        found.fresh += tally.fresh
        found.stored += tally.stored


def columns_of(scorer: Any, found: Applied, count: int) -> list[Column]:
    """A column per metric that is more than a diagnostic, its own first, in the order of what it
    gave."""
    aside = {each.name for each in scoring.metrics_of(scorer) if each.role == "diagnostic"}
    names = [each.name for each in scoring.metrics_of(scorer)]
    names += [name for place in sorted(found.scores) for name in found.scores[place]]
    made = []
    for name in dict.fromkeys(names):
        scores = [found.scores.get(place, {}).get(name) for place in range(count)]
        if name not in aside and any(scores):
            made.append(Column(name, [each.value if each else None for each in scores]))
    return made


def reasons_of(found: Applied, name: str) -> Mapping[str, int]:
    """Why outputs have no value of a metric, and how many of each, the most common first."""
    counts: dict[str, int] = {}
    for reason in found.failed.values():
        counts[f"no reply: {reason}"] = counts.get(f"no reply: {reason}", 0) + 1
    for scores in found.scores.values():
        score = scores.get(name)
        if score is None or score.value is None:
            reason = (score.reason if score else "") or "the metric gave no value"
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda each: -each[1]))
