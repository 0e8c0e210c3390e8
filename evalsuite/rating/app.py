"""The pages of a rater, as an ASGI app. `create_app` joins them with the lead's.

A page is made on the server and works without scripts; the script adds the keyboard, the timer, and
sends a form again until the server has confirmed it.
"""

from __future__ import annotations

import time
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from evalsuite.rating.form import Filled, choices, elapsed, first_problem, read, sent_for
from evalsuite.rating.guard import Guard
from evalsuite.rating.lead import ROUTES as LEAD_ROUTES
from evalsuite.rating.links import Identity, Ticket, new_ticket
from evalsuite.rating.log import Event
from evalsuite.rating.pages import STATIC
from evalsuite.rating.queue import Entry
from evalsuite.rating.server import Server, see
from evalsuite.rating.session import Desk
from evalsuite.rating.showing import names_shown, show

MESSAGES = {
    400: "That request can't be read.",
    401: "Open your personal link: this browser has no session, or its link has expired or was "
    "revoked. The person who leads the session can send you a new one.",
    403: "That was refused, and nothing was saved. Open your personal link again.",
    404: "There is nothing here.",
    405: "That can't be done here.",
    413: "That is too much text at once. Nothing was saved.",
    415: "That request can't be read.",
    429: "Too many requests at once. Wait a few seconds, then go on.",
    500: "Something failed here. What was confirmed before is saved; load the page again.",
}


def create_app(server: Server) -> Starlette:
    """The app of one judge's session."""

    def route(path: str, handler: Any, *methods: str) -> Route:
        async def call(request: Request) -> Response:
            answer: Response = await handler(server, request)
            return answer

        return Route(path, call, methods=list(methods))

    app = Starlette(
        routes=[
            route("/", _home, "GET"),
            route("/join/{token}", _join, "GET"),
            route("/start/{role}", _start, "GET"),
            route("/rate", _rate, "GET"),
            route("/rate", _submit, "POST"),
            route("/rate/undo", _undo, "POST"),
            *(route(path, handler, method) for path, handler, method in LEAD_ROUTES),
            route("/static/{version}/{name}", _static, "GET"),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={HTTPException: _message(server), 500: _failed(server)},
    )
    app.router.redirect_slashes = False
    return app


def _message(server: Server) -> Any:
    async def answer(request: Request, error: HTTPException) -> Response:
        said = MESSAGES.get(error.status_code, MESSAGES[400])
        text = server.pages.render("message.html", judge=server.judge, said=said)
        return HTMLResponse(text, error.status_code, headers=error.headers)

    return answer


def _failed(server: Server) -> Any:
    async def answer(request: Request, error: Exception) -> Response:
        text = server.pages.render("message.html", judge=server.judge, said=MESSAGES[500])
        return HTMLResponse(text, 500)

    return answer


async def _home(server: Server, request: Request) -> Response:
    raise HTTPException(401)


async def _join(server: Server, request: Request) -> Response:
    """A link that is good always opens; of others only so many are looked at."""
    who = server.links.join(request.path_params["token"])
    if who is None or server.log.epoch(who.name) != who.epoch:
        allowed = server.attempts.allows("join", time.monotonic())
        raise HTTPException(401 if allowed else 429)
    answer = RedirectResponse(f"/start/{who.role}", 303)
    answer.set_cookie(
        server.cookie_name(who.role),
        server.links.cookie(who),
        max_age=max(0, who.expires - int(time.time())),
        path=f"/{who.role}",
        httponly=True,
        samesite="strict",
    )
    return answer


async def _start(server: Server, request: Request) -> Response:
    """Goes on by itself: a browser sends a strict cookie only to what our own page opens, and the
    link was opened by a mail or a chat."""
    role = request.path_params["role"]
    if role not in ("rate", "lead"):
        raise HTTPException(404)
    return HTMLResponse(server.pages.render("start.html", judge=server.judge, role=role))


async def _static(server: Server, request: Request) -> Response:
    name = request.path_params["name"]
    if request.path_params["version"] != server.pages.version or name not in STATIC:
        raise HTTPException(404)
    headers = {"Cache-Control": "private, max-age=604800, immutable"}
    return Response(server.pages.static[name], media_type=STATIC[name], headers=headers)


def _desk(server: Server, who: Identity) -> Desk:
    desk = server.session.desks.get(who.name)
    if desk is None:
        raise HTTPException(401)
    return desk


async def _rate(server: Server, request: Request) -> Response:
    who = server.who(request, "rate")
    desk = _desk(server, who)
    if not desk.pending:
        alone = len(server.session.desks) == 1
        return server.page("done.html", who, alone=alone, **_around(server, desk))
    entry = desk.pending[0]
    draft = desk.drafts.get(entry, {})
    filled = Filled(draft.get("values", {}), draft.get("critiques", {}))
    return _item(server, who, entry, filled, _news(server, desk))


def _news(server: Server, desk: Desk) -> str:
    """What a rater is told of the rubric until they have rated by it."""
    if not server.session.amendments or desk.done:
        return ""
    note = server.session.amendments[-1].note
    return f"The rubric was changed, and what you rated before comes again. {note}"


def _item(
    server: Server, who: Identity, entry: Entry, filled: Filled, notice: str = "", status: int = 200
) -> Response:
    session, desk = server.session, _desk(server, who)
    order = session.side(who.name, entry)
    ticket = new_ticket(desk.places[entry], session.rubric, server.stamp())
    criteria = [
        {
            "criterion": criterion,
            "choices": choices(session.card, criterion),
            "chosen": sent_for(filled.values.get(criterion.name, ""), order),
            "critique": filled.critiques.get(criterion.name, ""),
            "problem": filled.problems.get(criterion.name, ""),
        }
        for criterion in session.card.criteria
    ]
    return server.page(
        "rate.html",
        who,
        status,
        shown=show(session.items[entry.item], names_shown(session.card), order),
        criteria=criteria,
        ticket=server.links.ticket(who, ticket),
        notice=notice,
        seconds=filled.seconds or 0,
        wrong=first_problem(filled, [each.name for each in session.card.criteria]),
        **_around(server, desk),
    )


def _around(server: Server, desk: Desk) -> dict[str, Any]:
    """What every page of a rater shows around the item."""
    session = server.session
    total = len(desk.places)
    done = total - len(desk.pending)
    last = desk.history[-1] if desk.history else None
    return {
        "card": session.card,
        "amendments": session.amendments,
        "place": min(done + 1, total),
        "done": done,
        "total": total,
        "undoable": last is not None,
        "undo": last.submission if last else "",
    }


async def _submit(server: Server, request: Request) -> Response:
    who = server.who(request, "rate")
    desk = _desk(server, who)
    fields = await server.form(request, who)
    ticket = server.links.read_ticket(who, fields.get("ticket", ""))
    if ticket is None:
        raise HTTPException(403)
    entry = _entry(desk, ticket)
    session = server.session
    order = session.side(who.name, entry)
    filled = read(session.card, fields, order, elapsed(ticket.shown, server.now()))
    if filled.problems:
        return _item(server, who, entry, filled, status=422)
    if ticket.rubric != session.rubric:
        notice = "The rubric was changed while this item was open. Look at it again, then save."
        return _item(server, who, entry, filled, notice, status=409)
    await server.append(_rating(server, who, ticket, filled))
    return see("/rate")


def _entry(desk: Desk, ticket: Ticket) -> Entry:
    place = ticket.place
    if isinstance(place, int) and 0 <= place < len(desk.queue):
        entry = desk.queue[place]
        if entry in desk.places:
            return entry
    raise HTTPException(404)


def _rating(server: Server, who: Identity, ticket: Ticket, filled: Filled) -> Event:
    entry = _entry(_desk(server, who), ticket)
    return Event(
        submission=ticket.submission,
        rater=who.name,
        kind="rate",
        time=server.stamp(),
        item=entry.item,
        occasion=entry.occasion,
        body={
            "values": dict(filled.values),
            "critiques": {name: text for name, text in filled.critiques.items() if text},
            "seconds": filled.seconds,
            "order": server.session.side(who.name, entry),
            "seed": _desk(server, who).seed,
            "rubric": ticket.rubric,
        },
    )


async def _undo(server: Server, request: Request) -> Response:
    """Take back the last rating; the form names it, so that a second click takes back no more."""
    who = server.who(request, "rate")
    desk = _desk(server, who)
    fields = await server.form(request, who)
    last = desk.history[-1] if desk.history else None
    if last is not None and fields.get("last") == last.submission:
        await server.append(
            Event(
                submission=f"undo {last.submission}",
                rater=who.name,
                kind="undo",
                time=server.stamp(),
                item=last.item,
                occasion=last.occasion,
                body={"values": dict(last.body["values"])},
            )
        )
    return see("/rate")
