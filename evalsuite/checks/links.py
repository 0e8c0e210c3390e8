"""Where a text leads to, read as a browser reads it once the text is shown as Markdown or HTML.

Entities are resolved, tabs and line breaks within an address dropped, backslashes are slashes, and
control characters around it nothing (WHATWG URL Standard, basic URL parser): all of these hide an
address from a plain search, and none from a browser. Where two readings are possible, both count.
Time is linear in the text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlsplit

MOST = 10_000
"""Addresses that are looked at in one text."""

LONGEST = 2_000
"""Characters of an address that are read: a host that has not ended by then is none."""

_BARE = re.compile(
    r"(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}:[/\\]{1,4}|https?:|www\.)"
    r"[^\s<>\"'`|{}]{1,2000}(?:(?:[\"'`|{}>]|[^\S \t\r\n\f])[\w.%-]{0,200}@[^\s<>\"'`|{}]{1,200})?"
    r"|(?<=[(\"'=<])//[^\s<>\"'`|{}]{1,2000}"
    r"|(?<![\w])(?:javascript|vbscript):[^\s]{1,200}|(?<![\w])data:[a-z]+/[^\s]{1,200}",
    re.IGNORECASE,
)
"""An address as it stands in prose. Behind a quote mark it goes on where an @ follows: all before
that is a user's name to a browser."""

_MARKDOWN = re.compile(
    r"\](?:\(|:) ?(?:<(?P<angle>(?:\\[!-~]|[^<>\\]|\\){1,2000})"
    r"|(?P<plain>(?:\\[!-~]|[^ )\\]|\\){1,2000}))"
    r"|<(?P<auto>[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\x00-\x20<>]{1,2000})"
)
"""[text](address), [text](<address>), [label]: address, <address>."""

_ATTRIBUTE = re.compile(
    r"(?:(?P<list>srcset|ping|archive)|(?P<refresh>content)|src|href|action|background|by|cite|"
    r"classid|codebase|data|dynsrc|from|icon|longdesc|lowsrc|manifest|poster|profile|to|usemap)"
    r" ?= ?(?=\"(?P<double>[^\"]{1,2000})|'(?P<single>[^']{1,2000})"
    r"|(?P<plain>[^ >\"'][^ >]{0,1999}))",
    re.IGNORECASE,
)
"""An attribute of HTML or SVG that a browser follows; what ends in such a name counts too."""

_STYLE = re.compile(
    r"url\( ?(?:\"(?P<double>[^\"]{1,2000})|'(?P<single>[^']{1,2000})"
    r"|(?P<plain>(?:\\[0-9A-Fa-f]{1,6} |[^ )\"']){1,2000}))",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#[xX]?0*[0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,40});?")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_STYLED = re.compile(r"\\([0-9A-Fa-f]{1,6}) ?")
_REFRESH = re.compile(r"[\d. ]*[;,]? ?(?:url ?= ?)?[\"']?", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*(?=:)", re.IGNORECASE)
_CUT = re.compile(r"/?[\w+.-]*")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_CONTROLS = re.compile(r"[\x00-\x20]+")
_BREAKS = str.maketrans(dict.fromkeys("\t\r\n"))
_AROUND = "".join(map(chr, range(33)))
_SCRIPTS = ("javascript", "vbscript", "data")
_WEB = ("http", "https", "ftp", "ws", "wss")


class TooMany(Exception):
    """A text has more addresses than are looked at."""


def links_in(text: str) -> Iterator[tuple[str, str | None]]:
    """What a text leads to, each with the host that a browser would ask; None: a script, or what
    has no host. Addresses within a site are no links. The same link may come more than once.

    Raises:
        TooMany: after `MOST` addresses.
    """
    resolved = unescaped(text)
    for number, address in enumerate(_addresses(text, resolved)):
        if number >= MOST:
            raise TooMany(f"the answer has over {MOST} links")
        if _leads(address):
            yield address, host_of(address)


def _addresses(text: str, resolved: str) -> Iterator[str]:
    """What stands where prose, Markdown, HTML or a style has an address, as a browser takes it."""
    for each in (text, resolved) if resolved != text else (text,):
        yield from (_bare(match.group()) for match in _BARE.finditer(each))
    spaced = _SPACES.sub(" ", text)
    for match in _MARKDOWN.finditer(spaced):
        found = match["angle"] or match["plain"] or match["auto"]
        yield _taken(found)
        yield _taken(_ESCAPED.sub(r"\1", found), cut=len(found) >= LONGEST)
    for match in _ATTRIBUTE.finditer(spaced):
        yield from _spaced_values(match)
    for match in _ATTRIBUTE.finditer(_CONTROLS.sub(" ", text.translate(_BREAKS))):
        if match["double"] or match["single"]:
            yield _taken(match["double"] or match["single"])
    for each in (spaced, _SPACES.sub(" ", resolved)):
        for match in _STYLE.finditer(each):
            found = match["double"] or match["single"] or match["plain"]
            yield _taken(found)
            yield _taken(_STYLED.sub(_styled, found), cut=len(found) >= LONGEST)


def _bare(found: str) -> str:
    link = found.rstrip(".,;:!?)]*_")
    return _taken(f"//{link}" if link[:4].lower() == "www." else link, cut=len(found) >= LONGEST)


def _spaced_values(match: re.Match[str]) -> Iterator[str]:
    """Values in which white space counts: without quotes, or of several addresses."""
    quoted = match["double"] or match["single"]
    if not quoted:
        yield _taken(match["plain"])
    elif match["list"]:
        pieces = islice(unescaped(quoted).split(), LONGEST)
        yield from (_taken(each.strip(","), cut=len(quoted) >= LONGEST) for each in pieces)
    elif match["refresh"]:
        rest = unescaped(quoted)
        rest = rest[_REFRESH.match(rest).end() :].rstrip("\"'")  # type: ignore[union-attr]
        yield _taken(rest, cut=len(quoted) >= LONGEST)


def _taken(found: str, *, cut: bool | None = None) -> str:
    """An address as a browser takes it up. One that is cut off before its host has ended is made
    one without a host."""
    address = unescaped(found).translate(_BREAKS).replace("\\", "/").strip(_AROUND).strip()
    if not (len(found) >= LONGEST if cut is None else cut):
        return address
    return f"//{address}@" if _CUT.fullmatch(address) else f"{address}@"


def unescaped(text: str) -> str:
    """A text with its entities resolved; those of tabs and line breaks are dropped."""
    return _ENTITY.sub(lambda match: html.unescape(match.group()).translate(_BREAKS), text)


def _styled(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    return chr(point) if point < 0x110000 else "\ufffd"


def _leads(address: str) -> bool:
    """Whether it leads away, or runs a script."""
    found = _SCHEME.match(address)
    rest = address[found.end() + 1 :] if found else address
    if found and found.group().lower() in (*_SCRIPTS, *_WEB):
        return bool(rest)
    return rest.startswith("//") and bool(rest.strip("/ "))


def host_of(address: str) -> str | None:
    """The host that a browser would ask, in lower case, or None."""
    found = _SCHEME.match(address)
    if found and found.group().lower() in _SCRIPTS:
        return None
    rest = (address[found.end() + 1 :] if found else address).lstrip("/")
    try:
        return (urlsplit(f"//{rest}").hostname or "").rstrip(".") or None
    except ValueError:
        return None
