"""Open a session: the card, its items, who rates what, and the log of what was rated."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from evalsuite.calibration.labels import effective, read_items, read_labels
from evalsuite.calibration.measurable import card_of
from evalsuite.calibration.records import ADJUDICATED, Item, Label
from evalsuite.config import Config
from evalsuite.errors import OptionError
from evalsuite.judging.records import Card
from evalsuite.rating.log import Log
from evalsuite.rating.queue import Shares, plan
from evalsuite.rating.session import Session
from evalsuite.store.place import check_place


@dataclass(frozen=True, slots=True)
class Place:
    """Where a judge's session is: `folder` holds what is committed, `state` what is not."""

    judge: str
    folder: Path
    state: Path

    @property
    def log(self) -> Path:
        return self.state / f"{self.judge}.db"


def place_of(config: Config, judge: str) -> tuple[Card, Place]:
    """The card, and its session's place. SuiteError if there is no such judge."""
    card = card_of(config.judge_dir, judge)
    return card, Place(judge, config.judge_dir / judge, config.state_dir / "rating")


def _prepare(place: Place) -> None:
    place.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_place(place.state)


def open_log(place: Place) -> Log:
    _prepare(place)
    return Log(place.log)


def existing_log(place: Place) -> Log:
    """OptionError if nobody rated for this judge here."""
    if not place.log.exists():
        raise OptionError(f"no rating session of {place.judge} here: evalsuite rate {place.judge}")
    return open_log(place)


@contextmanager
def only_one(place: Place) -> Iterator[None]:
    """While it is open, no other session of this judge is served; OptionError if one is."""
    _prepare(place)
    try:
        with FileLock(place.log.with_suffix(".serve.lock"), timeout=0):
            yield
    except Timeout:
        port, process = _last(place)
        where = f" (port {port}, process {process})" if port and process else ""
        raise OptionError(
            f"a session of {place.judge} is being served already{where}: end it with Ctrl-C there, "
            f"or join it: evalsuite rate {place.judge} --link RATER"
        ) from None


def remember_port(place: Place, port: int) -> None:
    """For links that are made beside the server, and for who asks which process it is."""
    file = place.log.with_suffix(".port")
    file.write_text(f"{port} {os.getpid()}\n", encoding="ascii")


def last_port(place: Place) -> int | None:
    return _last(place)[0]


def _last(place: Place) -> tuple[int | None, int | None]:
    """Port and process of the server that was started last."""
    try:
        said = place.log.with_suffix(".port").read_text(encoding="ascii").split()
        return int(said[0]), int(said[1]) if len(said) > 1 else None
    except (OSError, ValueError, IndexError):
        return None, None


def open_session(
    card: Card, place: Place, log: Log, raters: Sequence[str], shares: Shares
) -> Session:
    """The session with all that was rated so far; what is new is put into the raters' queues."""
    items = read_items(place.folder)
    if not items:
        raise OptionError(
            f"{place.judge} has no items to rate: evalsuite rate {place.judge} --from-run last"
        )
    fitting(card, items.values())
    before = read_labels(place.folder, card, items)
    log.add_raters(raters)
    queues = log.queues()
    owners = _owners(card, effective(before))
    for rater in raters:  # what somebody who is gone did not rate is given to others
        for entry in queues.get(rater, ()):
            owners.setdefault(entry.item, set()).add(rater)
    log.add_to_queues(plan(list(items.values()), raters, shares, owners))
    queues = log.queues()
    session = Session(
        card,
        items,
        {name: tuple(queues.get(name, ())) for name in raters},
        shares=shares,
        before=before,
    )
    session.replay(log.events())
    return session


def fitting(card: Card, items: Iterable[Item]) -> None:
    """OptionError if the items are pairs and the card asks of single answers, or the reverse."""
    pairwise = card.kind == "pairwise"
    for item in items:
        if (item.subject.other is not None) != pairwise:
            held, asked = ("pairs", "one answer") if not pairwise else ("single answers", "two")
            raise OptionError(f"items.jsonl of {card.name} holds {held}; its card asks of {asked}")


def _owners(card: Card, labels: Sequence[Label]) -> dict[str, set[str]]:
    """Who rated an item before, by every criterion."""
    given: dict[tuple[str, str], set[str]] = {}
    for label in labels:
        if label.occasion == 0 and label.rater != ADJUDICATED:
            given.setdefault((label.item, label.rater), set()).add(label.criterion)
    names = {each.name for each in card.criteria}
    owners: dict[str, set[str]] = {}
    for (item, rater), criteria in given.items():
        if names <= criteria:
            owners.setdefault(item, set()).add(rater)
    return owners
