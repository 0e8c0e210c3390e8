"""A comment as a host shows it: GitHub flavoured Markdown, rendered by comrak with the same
extensions, the tag filter and raw HTML among them, on a page with a style like GitHub's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STYLE = Path(__file__).with_name("gfm.css").read_text(encoding="utf-8")
_DIFF = re.compile(r'(<code class="language-diff">)(.*?)(</code>)', re.DOTALL)


def rendered(source: str) -> str:
    """The HTML of a comment, before the host's own sanitizer, which only takes away."""
    comrak = pytest.importorskip("comrak")
    extensions, settings = comrak.ExtensionOptions(), comrak.RenderOptions()
    for name in ("alerts", "autolink", "footnotes", "strikethrough", "table", "tagfilter"):
        setattr(extensions, name, True)
    extensions.tasklist = extensions.shortcodes = extensions.math_dollars = True
    settings.unsafe_ = True
    return str(
        comrak.render_markdown(source, extension_options=extensions, render_options=settings)
    )


def page(source: str) -> str:
    """A whole document with the comment in its only `div.comment`."""
    body = _DIFF.sub(lambda found: found[1] + _coloured(found[2]) + found[3], rendered(source))
    return (
        f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>'
        f'<body><div class="comment">{body}</div>'
    )


def _coloured(lines: str) -> str:
    kinds = {"-": "old", "+": "new"}
    return "\n".join(
        f'<span class="{kinds[each[:1]]}">{each}</span>' if each[:1] in kinds else each
        for each in lines.split("\n")
    )
