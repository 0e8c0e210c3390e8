"""The one place where foreign text is made harmless, one function for each place it goes to.

Model output, golden data and names may hold markup, terminal escapes, workflow commands,
mentions, formulas, or characters that reorder what a person reads. All of it is shown; none of
it acts.
"""

from __future__ import annotations

import html as _html
import re

from evalsuite.report.blocks import Name, Text

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufe00-\ufe0e\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Controls, bidi marks and overrides, invisible characters, what XML can't hold. Not the joiners
and the emoji selector, which scripts and pictures need."""

_WORKFLOW = re.compile(r"##(?=\[|vso\[|teamcity\[)")
_FORMULA = re.compile(r"\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_COMMAND = re.compile(r"^(?=[^\S\n]*::)", re.MULTILINE)
_BACKTICKS = re.compile("`+")
_LEFTWARD = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_MARKDOWN = re.compile(r"([\\`*_\[\]#|<>~$&])")
_LIVE = re.compile(r"@|:(?=//)|\bwww(?=\.)|\bGH-(?=\d)|#(?=\d)", re.IGNORECASE)
"""What hosts make mentions, links and references of, though no markup says so."""


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """Control and invisible characters spelled out; tab and line feed stay."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(_spell, text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """As `visible`, and on one line: white space runs become one space."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text
    return " ".join(visible(text).split())


def plain(text: Text) -> str:
    """Spans as one line without markup."""
    return line("".join(span.text if isinstance(span, Name) else span for span in text))


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them an ellipsis if something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def html(text: str) -> str:
    """For element content and quoted attributes."""
    return _html.escape(visible(text), quote=True)


def terminal(text: str) -> str:
    """One line that holds no escape sequence and no workflow command of a build host.

    `::command` acts at the start of a line only, with or without spaces before it.
    """
    one = _WORKFLOW.sub("# #", line(text))
    return f"·{one}" if one.startswith("::") else one


def markdown(text: str) -> str:
    """Our own words in Markdown: nothing in them is markup, a mention or a reference."""
    one = _dead(visible(text).replace("\n", " "))
    return _MARKDOWN.sub(r"\\\1", one)


def _dead(text: str) -> str:
    return _LIVE.sub(lambda match: f"{match[0]}\u200b", text)


def summary(text: Text) -> str:
    """For the `<summary>` of a folded part: one line of HTML, foreign text as code."""
    return "".join(
        _closed(f"<code>{html(line(span.text))}</code>")
        if isinstance(span, Name)
        else html(_dead(span))
        for span in text
    )


def code_span(text: str, *, cell: bool = False) -> str:
    """Foreign text as a Markdown code span, where mentions, links and HTML are inert.

    Hosts disagree about a bar after a backslash in a table's `cell`, so there it is broken.
    """
    one = line(text) or " "
    if cell:
        one = one.replace("|", "¦")
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(one)), default=0))
    pad = " " if one.startswith("`") or one.endswith("`") else ""
    return _closed(f"{fence}{pad}{one}{pad}{fence}")


def _closed(text: str) -> str:
    """With the end of a text from right to left marked: figures after it would else be shown from
    right to left too, and "1 → 0" would be read as "0 → 1"."""
    return f"{text}\u200e" if _LEFTWARD.search(text) else text


def fenced(text: str, language: str = "") -> str:
    """Foreign text as a fenced Markdown block, with a fence longer than any run inside; printed in
    a job's log, no line of it is a command."""
    body = _COMMAND.sub("·", visible(text))
    fence = "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(body)), default=0))
    return f"{fence}{language}\n{body}\n{fence}"


def csv_field(text: str) -> str:
    """A cell that a spreadsheet takes as text, never as a formula."""
    shown = visible(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown
