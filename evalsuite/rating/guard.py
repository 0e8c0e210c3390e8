"""What every request must be, and what every answer says, whatever the page.

The server listens on loopback only, but any page that a rater's browser opens can send requests
there, under a name of its own as well. So the host must be this machine, a write must come from
our own pages, and no answer can be framed, kept, sniffed or run anything that isn't ours.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'none'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        wrong = refusal(scope["method"], Headers(scope=scope))
        if wrong is None:
            await self.app(scope, receive, answer)
        else:
            status, why = wrong
            await PlainTextResponse(f"{why}\n", status)(scope, receive, answer)


def refusal(method: str, headers: Headers) -> tuple[int, str] | None:
    """Status and reason, if the request is not from one of our own pages on this machine."""
    host = headers.get("host", "")
    name = host[: host.rfind(":")] if host.rpartition(":")[2].isdigit() else host
    if name.lower() not in HOSTS or len(headers.getlist("host")) != 1:
        return 421, "This server answers to 127.0.0.1 and localhost only."
    if method in ("GET", "HEAD"):
        return None
    if method != "POST":
        return 405, "Only GET and POST are served."
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is None and site is None:
        return 403, "A write must say where it comes from (Origin)."
    # A form that is sent without scripts has no origin where referrers are off; pages can't set
    # what the browser says of it.
    known = (f"http://{host}", None, "null") if site == "same-origin" else (f"http://{host}",)
    if origin not in known or site not in (None, "same-origin"):
        return 403, "A write must come from a page of this server."
    return None
