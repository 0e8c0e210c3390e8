"""Foreign text is shown and does not act, wherever it is put."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_samples import HOSTILE

from evalsuite.report import escape

TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from("`|\\<>@#:[]()\n\t \x1b\u202e=+-~*_$&a"), max_size=40),
    st.sampled_from(HOSTILE),
)


@given(TEXTS)
def test_visible_text_has_no_controls_and_no_reordering(text: str) -> None:
    shown = escape.visible(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n"]
    assert not [c for c in shown if unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRI")]


def test_joiners_and_pictures_survive() -> None:
    assert escape.visible("می‌خواهم 👩‍💻 ✔️") == "می‌خواهم 👩‍💻 ✔️"


@given(TEXTS)
def test_terminal_text_is_one_line_that_starts_no_command(text: str) -> None:
    shown = escape.terminal(text)
    assert len(shown.splitlines()) <= 1
    assert not shown.lstrip().startswith("::")
    assert "##[" not in shown
    assert "##vso[" not in shown


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


@given(TEXTS)
def test_html_text_opens_no_element(text: str) -> None:
    parser = _Text()
    parser.feed(f'<p title="{escape.html(text)}">{escape.html(text)}</p>')
    parser.close()
    assert parser.tags == ["p"]


def tokens(source: str) -> list[str]:
    """Types of all tokens, inline ones too, as a host with tables and bare links sees them."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = []
    for block in parser.parse(source):
        found += [block.type, *(child.type for child in block.children or ())]
    return found


@given(TEXTS)
def test_a_code_span_holds_whatever_is_in_it(text: str) -> None:
    inner = ["paragraph_open", "inline", "text", "code_inline", "text", "paragraph_close"]
    assert tokens(f"a {escape.code_span(text)} b") == inner


@given(TEXTS)
def test_a_code_span_stays_in_its_table_cell(text: str) -> None:
    source = f"| a | b |\n| --- | --- |\n| {escape.code_span(text, cell=True)} | y |"
    found = tokens(source)
    assert found.count("td_open") == 2
    assert found.count("code_inline") == 1
    assert "html_inline" not in found


@given(TEXTS)
def test_a_fence_holds_whatever_is_in_it(text: str) -> None:
    assert tokens(f"{escape.fenced(text)}\n\nafter") == [
        "fence",
        "paragraph_open",
        "inline",
        "text",
        "paragraph_close",
    ]


@given(TEXTS)
def test_plain_markdown_text_is_only_text(text: str) -> None:
    source = f"a {escape.markdown(text)} b"
    kinds = {"paragraph_open", "inline", "text", "text_special", "paragraph_close"}
    assert set(tokens(source)) <= kinds
    assert "@o" not in source


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "\n=1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert escape.csv_field(text).startswith("'")


def test_ordinary_cells_are_left_alone() -> None:
    assert escape.csv_field("leave-parental-01") == "leave-parental-01"
