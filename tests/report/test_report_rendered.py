"""A comment as the host renders it: whatever the text, the same page of the same parts, on which
nothing of others acts. Looked at as HTML and, in a real browser, as a picture."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from browser import browser
from gfm import page, rendered
from hypothesis import example, given, settings
from hypothesis import strategies as st
from poison import poisoned, said
from report_samples import HOSTILE, askacme, must_pass
from test_report_comment import ABOUT, sourced

from evalsuite.report import Commands, Report
from evalsuite.report.comment import comment, summary
from evalsuite.report.escape import visible

OURS = {
    *("div", "p", "ul", "li", "strong", "em", "code", "pre", "sub", "h3", "h4", "br"),
    *("details", "summary", "table", "thead", "tbody", "tr", "th", "td", "a"),
}
LIVE = re.compile(r"(?<![\w`])@\w|#\d|\bGH-\d|https?://|\bwww\.", re.IGNORECASE)
"""What the host makes mentions, references and links of, in text outside code."""

WORSE = (
    *HOSTILE,
    "",
    " ",
    "\n\n",
    "#" * 7 + " heading\n===\n---\n",
    "> [!TIP]\n> all is well",
    "[!CAUTION]",
    "</summary></details><details open><summary>x",
    "--> <!-- ",
    "`" * 500,
    "~~~\n" * 9,
    "&lt;img src=x&gt; &#60;b&#62; &amp;",
    "<https://evil.example> www.evil.example a@evil.example mailto:a@evil.example",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u05e9\u05dc\u05d5\u05dd",
    "a\u200d\u200b\u2060\u00adb",
    "[x]: http://evil.example\n\n[x] [^1]\n\n[^1]: y",
    "- [ ] task\n1. one\n\n    code",
    "$$x$$ :tada: ^up^ ==mark== ||spoiler||",
    "\\" * 9 + "|" + "\\",
    "*_*__" * 20,
    "\x00\udfff\ufffe",
    "x" * 100_000,
    "\udc80" * 3_000 + "`|<" * 3_000,
    "a\n" * 20_000,
)
SHORT = [each for each in WORSE if each.strip() and len(each) < 100]
"""Texts that leave every section its room."""

TEXTS = st.one_of(
    st.sampled_from(WORSE),
    st.text(max_size=60),
    st.text(st.sampled_from("`|\\<>@#:[]()!\n\t \x1b\u202e=+-~*_$&a/.w1"), max_size=50),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=8), st.just(9_000)),
)


class Page(HTMLParser):
    """Tags in order, the attributes that matter, and the text outside code."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.comments: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("br", "hr", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
        self.tags.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if not {"code", "pre", "a"} & set(self.open):
            self.text += data


@cache
def sample() -> Report:
    made = sourced(askacme(24))
    findings = [*made.verdict.findings, must_pass("legal-000", "failed", "2 of 5")]
    return made.with_verdict(findings=findings).report()


def filled(text: str) -> Report:
    return poisoned(said(sample(), text), text)


def held(source: str) -> Page:
    """The page, if all of it is ours and whole."""
    found = Page(rendered(source))
    assert set(found.tags) <= OURS | {f"/{each}" for each in OURS}, set(found.tags) - OURS
    assert not found.open
    assert len(found.comments) == 1
    assert not LIVE.search(found.text), LIVE.search(found.text)
    for tag, name, value in found.attributes:
        if name == "href":
            assert value.startswith("https://github.com/acme/bot/")
        else:
            assert name in ("class", "align"), (tag, name)
    alerts = [value for _, name, value in found.attributes if name == "class"]
    assert sum(each.startswith("markdown-alert ") for each in alerts) == 1
    return found


@settings(max_examples=60)
@given(TEXTS)
@example("x" * 100_000)
@example("</details>\n\n```\n\n<img src=x>")
def test_any_text_in_any_field_leaves_a_whole_and_inert_comment(text: str) -> None:
    report = filled(text)
    source = comment([report, sample()], ABOUT, [report])
    assert len(source) <= 60_000
    assert source.startswith("<!-- evalsuite:report v1 key=evals -->\n\n> [!")
    source.encode()
    held(source)


@pytest.mark.parametrize("text", SHORT)
def test_hostile_text_makes_the_parts_that_harmless_text_makes(text: str) -> None:
    assert parts(text) == parts("harmless")


def parts(text: str) -> list[str]:
    """The tags of a page; a word diff is one element, however many lines it has."""
    return held(comment([filled(text)], ABOUT, [filled(text)])).tags


@given(TEXTS)
@example("\U0001f600" * 5_000)
@settings(max_examples=10)
def test_a_summary_of_any_text_is_whole_and_below_its_limit(text: str) -> None:
    source = summary([filled(text)] * 3, ABOUT)
    assert len(source.encode()) <= 900_000
    held(source)


def test_the_trap_itself_works() -> None:
    found = Page(rendered("> [!TIP]\n> @octocat <img src=x> http://evil.example #1"))
    assert {"img", "a"} <= set(found.tags)
    assert LIVE.search(found.text)


STILL = "* { color: transparent !important } code { line-break: anywhere }"
"""Boxes only, and code broken where the line ends, whatever the characters."""

DRAWN = [each for each in SHORT if visible(each) == each and each.isascii()]
"""Texts whose characters are as wide as any: each is one of a font of equal widths."""


@browser
def test_hostile_text_makes_the_picture_that_harmless_text_makes(chromium: Any) -> None:
    """To the pixel, with every fold open: as text itself is made transparent, these are the boxes
    of all parts, on any machine's fonts."""
    tab = chromium.new_page(viewport={"width": 880, "height": 900})
    asked: Counter[str] = Counter()
    tab.on("request", lambda request: asked.update([request.url]))
    for at in range(0, len(DRAWN), 5):
        text = " ".join(DRAWN[at : at + 5])
        harmless = re.sub(r"\S", "x", text)
        assert picture(tab, text) == picture(tab, harmless), text
    assert picture(tab, "x" * 40) != picture(tab, "x" * 80)
    assert not asked
    tab.close()


@browser
def test_figures_after_a_name_from_right_to_left_keep_their_order(chromium: Any) -> None:
    tab = chromium.new_page()
    source = comment([poisoned(sample(), "\u05e9\u05dc\u05d5\u05dd")], ABOUT)
    wrong = source.replace("\u200e", "")
    for text, order in ((source, True), (wrong, False)):
        tab.set_content(page(text))
        assert tab.evaluate(_PLACES) == order
    tab.close()


_PLACES = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const at = walk.currentNode.data.indexOf('1 → 0');
    if (at < 0) continue;
    const left = [at, at + 4].map((start) => {
      const range = document.createRange();
      range.setStart(walk.currentNode, start);
      range.setEnd(walk.currentNode, start + 1);
      return range.getBoundingClientRect().left;
    });
    return left[0] < left[1];
  }
}"""
"""Whether the figure before the arrow is to the left of the one after it."""


def picture(tab: Any, text: str) -> bytes:
    report = replace(poisoned(sample(), text), commands=Commands())  # these quote by the text
    tab.set_content(page(comment([report], ABOUT)))
    tab.add_style_tag(content=STILL)
    tab.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    return bytes(tab.screenshot(full_page=True))
