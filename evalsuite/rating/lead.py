"""The lead's pages: who is how far, how far raters agree, what is to be adjudicated, and the
rubric. Only the lead sees what raters said, and even here not what the judge did."""

from __future__ import annotations

from statistics import median
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from evalsuite.calibration.records import ADJUDICATED, Label
from evalsuite.errors import EvalsuiteError
from evalsuite.judging.records import Card, Order
from evalsuite.rating.agreeing import agreement, disagreements
from evalsuite.rating.form import Filled, choices, elapsed, read, sent_for
from evalsuite.rating.links import Identity, new_ticket
from evalsuite.rating.log import Event
from evalsuite.rating.server import Server, see
from evalsuite.rating.session import Session
from evalsuite.rating.showing import names_shown, show
from evalsuite.report.figures import many

MAX_NOTE = 2_000
LISTED = 50
"""Disagreements on the page; more are counted."""


async def _overview(server: Server, request: Request) -> Response:
    who = server.who(request, "lead")
    # Beside the raters' pages: figures of many thousand labels take a while.
    return await run_in_threadpool(_page, server, who)


def _page(server: Server, who: Identity, status: int = 200, **values: Any) -> Response:
    session = server.session
    labels = session.labels()
    apart = disagreements(session.card, labels)
    agreed = agreement(session.card, labels)
    shown = {
        "card": session.card,
        "amendments": session.amendments,
        "raters": [_progress(server, name) for name in session.desks],
        "agreement": agreed,
        "apart": [(each, _headline(session, each.item)) for each in apart[:LISTED]],
        "more": max(0, len(apart) - LISTED),
        "compared": max(each.items for each in agreed),
        "settled": sum(1 for each in {a.item for a in labels if a.rater == ADJUDICATED} if each),
        "outlook": server.outlook(session),
        "rated": session.rated,
        "own_card": server.own_card(),
        "ticket": server.links.ticket(who, new_ticket("amend", session.rubric, server.stamp())),
        "problem": "",
        "note": "",
    }
    return server.page("lead.html", who, status, **{**shown, **values})


def _headline(session: Session, item: str) -> str:
    """The first words of what was asked, to know an item by."""
    shown = show(session.items[item], ("input",)).asked
    text = " ".join(" ".join(piece.text for piece in each.pieces) for each in shown[-1:])
    return " ".join(text.split())[:120] or item


def _progress(server: Server, name: str) -> dict[str, Any]:
    desk = server.session.desks[name]
    done = list(desk.done.values())  # a copy: others rate meanwhile
    seconds = [each.body["seconds"] for each in done if each.body.get("seconds") is not None]
    values = [value for each in done for value in each.body["values"].values()]
    typical = median(seconds) if seconds else None
    left = len(desk.pending)
    return {
        "name": name,
        "done": len(desk.places) - left,
        "total": len(desk.places),
        "unsure": sum(value == "unsure" for value in values),
        "typical": typical,
        "left": None if typical is None else typical * left,
    }


async def _item(server: Server, request: Request) -> Response:
    who = server.who(request, "lead")
    return _adjudication(server, who, _known(server, request), Filled())


def _known(server: Server, request: Request) -> str:
    item: str = request.path_params["item"]
    if item not in server.session.items:
        raise HTTPException(404)
    return item


def _adjudication(
    server: Server, who: Identity, item: str, filled: Filled, status: int = 200
) -> Response:
    session = server.session
    order = _order(session, item)
    said = [each for each in session.labels() if each.item == item]
    criteria = [
        {
            "criterion": criterion,
            "choices": choices(session.card, criterion),
            "chosen": sent_for(filled.values.get(criterion.name, ""), order),
            "critique": filled.critiques.get(criterion.name, ""),
            "problem": filled.problems.get(criterion.name, ""),
            "said": [
                _said(session.card, each) for each in said if each.criterion == criterion.name
            ],
        }
        for criterion in session.card.criteria
    ]
    ticket = new_ticket(item, session.rubric, server.stamp())
    return server.page(
        "item.html",
        who,
        status,
        card=session.card,
        item=item,
        headline=_headline(session, item),
        shown=show(session.items[item], names_shown(session.card), order),
        criteria=criteria,
        ticket=server.links.ticket(who, ticket),
    )


def _order(session: Session, item: str) -> Order:
    """The lead sees a pair as it is stored: the output under judgement on the left."""
    return "ab" if session.items[item].subject.other is not None else ""


def _said(card: Card, label: Label) -> dict[str, str]:
    sent = sent_for(label.value or "", "ab") if card.kind == "pairwise" else label.value
    names = {each.sent: each.label for each in choices(card, card.criterion(label.criterion))}
    again = " (again)" if label.occasion else ""
    value = names.get(sent or "", label.value or "")
    return {"rater": label.rater + again, "value": value, "critique": label.critique}


async def _adjudicate(server: Server, request: Request) -> Response:
    who = server.who(request, "lead")
    item = _known(server, request)
    fields = await server.form(request, who)
    ticket = server.links.read_ticket(who, fields.get("ticket", ""))
    if ticket is None or ticket.place != item:
        raise HTTPException(403)
    session = server.session
    order = _order(session, item)
    filled = read(session.card, fields, order, elapsed(ticket.shown, server.now()))
    if filled.problems:
        return _adjudication(server, who, item, filled, 422)
    await server.append(
        Event(
            submission=ticket.submission,
            rater=who.name,
            kind="adjudicate",
            time=server.stamp(),
            item=item,
            body={
                "values": dict(filled.values),
                "critiques": {name: text for name, text in filled.critiques.items() if text},
                "seconds": filled.seconds,
                "order": order,
            },
        )
    )
    return see("/lead")


async def _amend(server: Server, request: Request) -> Response:
    """The card is read again from its file, so that the judge and the raters keep one rubric."""
    who = server.who(request, "lead")
    fields = await server.form(request, who)
    ticket = server.links.read_ticket(who, fields.get("ticket", ""))
    if ticket is None or ticket.place != "amend":
        raise HTTPException(403)
    if any(each.submission == ticket.submission for each in server.session.events):
        return see("/lead")  # sent twice: done
    note = fields.get("note", "").replace("\r\n", "\n").strip()
    if not note or len(note) > MAX_NOTE:
        problem = f"Say in 1 to {MAX_NOTE} characters what changes: raters read it"
        return _page(server, who, 422, problem=problem, note=note[:MAX_NOTE])
    try:
        card = server.reload()
    except EvalsuiteError as error:
        return _page(server, who, 422, problem=str(error), note=note)
    problem = _refusal(server.session, card, note, again="again" in fields)
    if problem:
        return _page(server, who, 422, problem=problem, note=note)
    body = {
        "note": note.encode("utf-8", "replace").decode("utf-8"),
        "card": card.key,
        "changed": card.key != server.session.card.key,
    }
    event = Event(
        submission=ticket.submission, rater=who.name, kind="amend", time=server.stamp(), body=body
    )
    if await server.append(event):
        server.session.card = card
    return see("/lead")


def _refusal(session: Session, card: Card, note: str, *, again: bool) -> str:
    """Why the rubric is not amended; "" if it is."""
    if scales(card) != scales(session.card):
        return "The card's criteria or levels are others now: ratings by them can't be mixed."
    last = session.amendments[-1].note if session.amendments else ""
    if card.key == session.card.key and note == last:
        return "Nothing changed since the last time, neither the card nor the note."
    if session.rated and not again:
        return f"Tick that {many(session.rated, 'rating')} shall be queued again. Nothing was sent."
    return ""


def scales(card: Card) -> list[tuple[str, list[str]]]:
    """What ratings depend on: the criteria's names and their levels."""
    return [(each.name, [level.label for level in each.scale]) for each in card.criteria]


async def _revoke(server: Server, request: Request) -> Response:
    who = server.who(request, "lead")
    fields = await server.form(request, who)
    name = fields.get("rater", "")
    if name not in server.session.desks:
        raise HTTPException(404)
    server.log.revoke(name)
    return see("/lead")


ROUTES = (
    ("/lead", _overview, "GET"),
    ("/lead/item/{item}", _item, "GET"),
    ("/lead/item/{item}", _adjudicate, "POST"),
    ("/lead/amend", _amend, "POST"),
    ("/lead/revoke", _revoke, "POST"),
)
