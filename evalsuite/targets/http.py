"""An HTTP endpoint as a target."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from string import Template
from typing import TYPE_CHECKING, Any

from evalsuite.backends.muting import muted
from evalsuite.errors import BackendError, EvalsuiteError, MissingExtra, SuiteError
from evalsuite.records import Case, Json, Output
from evalsuite.targets.reply import LIMIT, Paths, TargetError, at_place
from evalsuite.targets.template import compiled, given
from evalsuite.wording import SHORTEST, shown

if TYPE_CHECKING:
    import httpx2

_REFUSED = frozenset({401, 403, 407, 429})
"""The app says that it may not be asked (so): nothing about its answers."""

_REDIRECTS = 5
_EXCERPT = 200


def http_target(  # noqa: PLR0913 (the one place where a user describes an endpoint)
    url: str,
    template: Json = None,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    text: str | None = "$.answer",
    value: str | None = None,
    contexts: str | None = None,
    tool_calls: str | None = None,
    model: str | None = None,
    name: str = "http_target",
) -> Callable[..., Any]:
    """A target that asks an HTTP endpoint: `ev.suite(...)(ev.http_target(...))`, or awaited in one.

    Args:
        url: may name environment variables, as headers may.
        template: the JSON body, or with GET the query; its texts are Jinja templates that see
            `case` (id, input, slices) and `variant`.
        headers: "Bearer $TOKEN" takes the environment's TOKEN; its value is shown nowhere, and
            stays with the host that it was meant for.
        text: where the answer is in the reply; None: the whole reply is the answer.
        value: where a structured answer is.
        contexts: where the documents are: texts, or objects with text, id, score and metadata.
        tool_calls: where the steps are: objects with name, arguments, result and error.
        model: where the reply says which model served it.
        name: of the suite, for its snapshot and ids.

    Status 4xx and 5xx, and a reply without what was promised, are outcomes of the app. A
    connection that fails, and status 401, 403, 407 and 429, are errors and never a score. The
    suite's timeout holds; a reply may have up to 10 MiB.

    Raises:
        SuiteError: a path, header or method that can't be used.
    """
    paths = Paths(text, value, contexts, tool_calls, model)
    named = dict(headers or {})
    if method not in ("GET", "POST", "PUT", "PATCH"):
        raise SuiteError(f"method must be GET, POST, PUT or PATCH, not {shown(method)}")
    if not all(isinstance(part, str) for part in (url, *named, *named.values())):
        raise SuiteError("http_target: url and headers must be text")
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise SuiteError("http_target: no user or password in a URL: use a header and a variable")

    @functools.cache
    def prepare() -> Callable[[Mapping[str, Json]], Json]:
        _httpx()
        return compiled(template)

    async def target(case: Case, variant: Mapping[str, Json] = {}) -> Output:
        sent = prepare()(given(case, variant))
        used: dict[str, str] = {}
        try:
            where, sending = _expand(url, used), {k: _expand(v, used) for k, v in named.items()}
            with muted():
                body = await _ask(method, where, sending, sent)
            return paths.read(body, lambda said: _without(said, used))
        except (TargetError, EvalsuiteError) as error:
            raise _retold(error, f"{method} {url}: {_without(str(error), used)}") from None

    return at_place(target, name, sys._getframe(1), prepare)


def _retold(error: Exception, said: str) -> Exception:
    if isinstance(error, BackendError):
        return BackendError(said, fault=error.fault)
    return TargetError(said) if isinstance(error, TargetError) else EvalsuiteError(said)


async def _ask(method: str, url: str, headers: Mapping[str, str], sent: Json) -> bytes:
    """The body of a good reply; TargetError or BackendError for any other."""
    httpx2 = _httpx()
    content: dict[str, Any] = {} if sent is None else {"json": sent}
    if method == "GET" and sent is not None:
        content = {"params": sent}
    try:
        # A client for one case: connections and cookies of one are no other's.
        async with httpx2.AsyncClient(verify=_trust(), timeout=None) as client:
            request = client.build_request(method, url, headers=headers, **content)
            for _ in range(_REDIRECTS + 1):
                response = await client.send(request, stream=True)
                following = response.next_request
                if following is None:
                    return await _body(response)
                await response.aclose()
                if _origin(following.url) != _origin(request.url):
                    for each in headers:
                        following.headers.pop(each, None)
                request = following
    except httpx2.InvalidURL as error:
        raise EvalsuiteError(f"not a URL: {error}") from None
    except UnicodeError:
        raise EvalsuiteError("a header holds letters that headers can't hold") from None
    except httpx2.HTTPError as error:
        said = f"{type(error).__name__} {error}".strip()
        raise BackendError(said, fault="transient") from None
    raise TargetError(f"more than {_REDIRECTS} redirects")


async def _body(response: httpx2.Response) -> bytes:
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LIMIT:
                raise TargetError(f"the reply is longer than {LIMIT // 1024 // 1024} MiB")
    finally:
        await response.aclose()
    status = response.status_code
    if 200 <= status < 300:
        return bytes(body)
    said = f"status {status}: {shown(body[:_EXCERPT].decode('utf-8', 'replace'), _EXCERPT)}"
    if status in _REFUSED:
        raise BackendError(said, fault="throttled" if status == 429 else "request")
    raise TargetError(said)


def _httpx() -> Any:
    try:
        import httpx2  # noqa: PLC0415 (an optional package)
    except ImportError:
        raise MissingExtra("http_target", "http") from None
    return httpx2


@functools.cache
def _trust() -> Any:
    """Read once: it takes 20 ms."""
    return _httpx().create_ssl_context()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _expand(text: str, used: dict[str, str]) -> str:
    """Text with the environment's variables; `used` gets those that may be secrets."""
    found = {name: each.strip() for name, each in os.environ.items()}
    template = Template(text)
    try:
        names = template.get_identifiers()
        made = template.substitute(found)
    except KeyError as missing:
        raise EvalsuiteError(
            f"the environment has no {missing.args[0]} (a $ alone is written $$)"
        ) from None
    except ValueError:
        raise EvalsuiteError("a $ alone is written $$") from None
    used.update({name: found[name] for name in names if len(found[name]) >= SHORTEST})
    return made


def _without(text: str, used: Mapping[str, str]) -> str:
    """An app may send back what it was sent."""
    for name, secret in used.items():
        text = text.replace(secret, f"[{name}]")
    return text
