"""A rating session in memory: whose turn is what, made out of the events that are on disk.

Nothing is kept here that `replay` could not make again: a server that is killed loses nothing.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalsuite.calibration.labels import effective
from evalsuite.calibration.records import ADJUDICATED, Item, Label
from evalsuite.judging.records import UNSURE, Card, Order
from evalsuite.rating.log import Event
from evalsuite.rating.queue import Entry, Shares, seed_of, side_of
from evalsuite.records import Json


@dataclass(slots=True)
class Desk:
    """One rater's work. `places` tells where in `queue` an entry is whose item is still there,
    `pending` what is left, the next one first; `history` the ratings that can be undone, the last
    one last; `drafts` what an undone rating said."""

    seed: int
    queue: Sequence[Entry]
    pending: deque[Entry]
    places: Mapping[Entry, int]
    done: dict[Entry, Event] = field(default_factory=dict)
    history: list[Event] = field(default_factory=list)
    drafts: dict[Entry, Mapping[str, Json]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change of the rubric: its number from 1, what the lead says of it, when, whether the card
    was another one, how many ratings were queued again."""

    version: int
    note: str
    time: str
    changed: bool
    queued: int


class Session:
    """Items, desks and rubric of one judge. `card` is replaced when the rubric is amended; `before`
    are the lines of labels.jsonl when the session was opened, also what was taken back."""

    def __init__(
        self,
        card: Card,
        items: Mapping[str, Item],
        queues: Mapping[str, Sequence[Entry]],
        *,
        shares: Shares,
        before: Sequence[Label] = (),
    ) -> None:
        self.card = card
        self.items = items
        self.shares = shares
        self.before = before
        self.events: list[Event] = []
        self.amendments: list[Amendment] = []
        self.desks = {
            rater: Desk(
                seed_of(rater, shares),
                queue,
                deque(entry for entry in queue if entry.item in items),
                {entry: at for at, entry in enumerate(queue) if entry.item in items},
            )
            for rater, queue in queues.items()
        }

    @property
    def rubric(self) -> int:
        """The rubric's version: how often it was amended."""
        return len(self.amendments)

    @property
    def rated(self) -> int:
        """How many ratings hold by the rubric as it is."""
        return sum(len(desk.done) for desk in self.desks.values())

    def side(self, rater: str, entry: Entry) -> Order:
        """What this rater sees on the left; "" where there is no pair."""
        if self.items[entry.item].subject.other is None:
            return ""
        return side_of(entry, self.desks[rater].seed)

    def replay(self, events: Sequence[Event]) -> None:
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Take in what was just written to the log."""
        self.events.append(event)
        if event.kind == "amend":
            self._amend(event)
            return
        desk = self.desks.get(event.rater)
        entry = Entry(event.item, event.occasion)
        if desk is None or event.item not in self.items:
            return
        if event.kind == "rate" and self._fits(event):
            _take(desk.pending, entry)
            desk.done[entry] = event
            desk.history.append(event)
            desk.drafts.pop(entry, None)
        elif event.kind == "undo":
            _undo(desk, entry)

    def _fits(self, event: Event) -> bool:
        """Whether it answers the card's criteria: an earlier card may have had others."""
        values = event.body["values"]
        return values.keys() == {each.name for each in self.card.criteria} and all(
            values[each.name] in (UNSURE, *(level.label for level in each.scale))
            for each in self.card.criteria
        )

    def _amend(self, event: Event) -> None:
        """What was rated by the old rubric is queued again, behind what is new."""
        note, changed = str(event.body.get("note", "")), bool(event.body.get("changed", True))
        self.amendments.append(
            Amendment(len(self.amendments) + 1, note, event.time, changed, self.rated)
        )
        for desk in self.desks.values():
            waiting = set(desk.pending)
            again = [each for each in desk.places if each in desk.done and each not in waiting]
            desk.pending.extend(again)
            desk.done.clear()
            desk.history.clear()

    def labels(self) -> list[Label]:
        """All that holds so far: what labels.jsonl would say after an export, whose lines of this
        session's own events are not there twice."""
        names = {each.name for each in self.card.criteria}
        there = set(self.before)
        mine = [each for each in labels_of(list(self.events)) if each.criterion in names]
        return effective([*self.before, *(each for each in mine if each not in there)])


def _take(pending: deque[Entry], entry: Entry) -> None:
    if pending and pending[0] == entry:
        pending.popleft()
        return
    with contextlib.suppress(ValueError):  # rated again, in another window
        pending.remove(entry)


def _undo(desk: Desk, entry: Entry) -> None:
    last = next((each for each in reversed(desk.history) if _entry(each) == entry), None)
    if last is None:
        return
    desk.history.remove(last)
    desk.done.pop(entry, None)
    desk.drafts[entry] = last.body
    _take(desk.pending, entry)
    desk.pending.appendleft(entry)


def _entry(event: Event) -> Entry:
    return Entry(event.item, event.occasion)


def labels_of(events: Sequence[Event]) -> list[Label]:
    """The lines of labels.jsonl that the events stand for, in their order."""
    return [label for event in events for label in _labels(event)]


def _labels(event: Event) -> list[Label]:
    if event.kind == "amend":
        return []
    body = event.body
    values: Mapping[str, str] = body.get("values", {})
    critiques: Mapping[str, str] = body.get("critiques", {})
    seconds = body.get("seconds")
    taken_back = event.kind == "undo"
    return [
        Label(
            item=event.item,
            rater=ADJUDICATED if event.kind == "adjudicate" else event.rater,
            criterion=name,
            value=None if taken_back else value,
            critique="" if taken_back else critiques.get(name, ""),
            # The item's time is shared among its criteria: they add up to it.
            seconds=None if seconds is None or taken_back else round(seconds / len(values), 2),
            order=body.get("order", ""),
            seed=int(body.get("seed", 0)),
            time=event.time,
            occasion=event.occasion,
        )
        for name, value in values.items()
    ]


def is_fail(card: Card, criterion: str, value: str) -> bool:
    """Whether it is in the worst half of its scale, so that a critique is asked for. Neither side
    of a pair is a failure."""
    if card.kind == "pairwise" or value == UNSURE:
        return False
    found = card.criterion(criterion).value(value)
    return found is not None and found < 0.5
