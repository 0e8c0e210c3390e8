"""Cards, items and servers for tests of the rating app."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

from evalsuite.calibration.bar import Bar
from evalsuite.calibration.labels import append_items, item_id
from evalsuite.calibration.records import Item
from evalsuite.judging.records import Card, Criterion, Level, Subject
from evalsuite.rating.links import Links, read_secret
from evalsuite.rating.log import Log
from evalsuite.rating.opening import Place, open_session
from evalsuite.rating.outlook import outlook
from evalsuite.rating.queue import Shares
from evalsuite.rating.server import LEAD, Server
from evalsuite.records import Document

PASS = Criterion(
    "correctness",
    "Is the answer right?",
    (
        Level("fail", 0.0, "A fact is wrong or missing."),
        Level("pass", 1.0, "Every fact is there."),
    ),
)
TONE = Criterion(
    "tone",
    "Does it sound as it should?",
    (Level("rude", 0.0), Level("neutral", 0.5), Level("warm", 1.0)),
)
SIDES = Criterion(
    "preference",
    "Which answer is better?",
    (Level("B", 0.0), Level("tie", 0.5), Level("A", 1.0)),
)
TEMPLATE = "{{ input }} {{ expected }} {{ contexts }} and the answers"
CARD = Card(name="correctness", kind="reference", criteria=(PASS,), template=TEMPLATE, key="k1")
BOTH = replace(CARD, criteria=(PASS, TONE))
PAIR = Card(name="preference", kind="pairwise", criteria=(SIDES,), template=TEMPLATE, key="k2")

HANDBOOK = (
    Document("leave#parental", "Leave is 16 weeks, paid. It starts on the day of birth."),
    Document("hr-12", "Notice is given in writing. Give it at least 14 days before."),
)


def item(number: int, *, pair: bool = False, **fields: Any) -> Item:
    """Item `number`; `output`, `other` and so on replace what its subject would hold."""
    subject = Subject(
        input={"question": f"How long is leave number {number}?"},
        output=fields.pop("output", f"It is {number} weeks, paid [leave#parental]."),
        other=fields.pop("other", f"Leave takes {number} weeks." if pair else None),
        expected=fields.pop("expected", f"{number} weeks"),
        contexts=fields.pop("contexts", HANDBOOK),
    )
    return Item(
        id=item_id(subject),
        subject=subject,
        case=fields.pop("case", f"c{number:03}"),
        arm="candidate",
        judged={"correctness": "SECRET-VERDICT"},
        run="SECRET-RUN",
        **fields,
    )


def items(count: int, **fields: Any) -> list[Item]:
    return [item(number, **fields) for number in range(count)]


class Clock:
    """A time that only tests move."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def place_at(root: Path, judge: str = "correctness") -> Place:
    return Place(judge, root / "judges" / judge, root / ".evalsuite" / "rating")


def make_server(
    root: Path,
    card: Card = CARD,
    rated: Sequence[Item] | None = None,
    raters: Sequence[str] = ("r1", "r2"),
    *,
    reload: Callable[[], Card] | None = None,
    **settings: Any,
) -> Server:
    """A server over a project at `root`; opened again, it goes on."""
    shares = Shares(
        overlap=settings.pop("overlap", 1.0),
        repeats=settings.pop("repeats", 0.0),
        seed=settings.pop("seed", 0),
    )
    place = place_at(root, card.name)
    if rated is None:
        rated = items(6, pair=card.kind == "pairwise")
    append_items(place.folder, rated)
    log = Log(place.log)
    session = open_session(card, place, log, raters, shares)
    log.add_raters([LEAD])
    return Server(
        session=session,
        log=log,
        links=Links(read_secret(place.state), place.judge),
        judge=place.judge,
        reload=reload or (lambda: card),
        outlook=partial(outlook, bar=Bar()),
        **settings,
    )


def token(server: Server, name: str) -> str:
    role = "lead" if name == LEAD else "rate"
    return server.links.link(name, role, server.log.epoch(name) or 0)  # type: ignore[arg-type]


def fields_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the page's form with this action."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert found, f"no form {action}"
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[0])
    return {name: unescape(value) for name, value in hidden}
