"""The HTML report in a real browser: nothing foreign runs, nothing leaves, it works without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import armed, browser, dom
from report_samples import HOSTILE, Sample, askacme, hostile

from evalsuite.records import Output
from evalsuite.report import html


@browser
def test_the_trap_itself_works(tmp_path: Path, server: tuple[int, list[str]]) -> None:
    port, seen = server
    page = tmp_path / "bare.html"
    page.write_text(armed(f"<title>safe</title>{HOSTILE[0]}", port), encoding="utf-8")
    assert "<title>owned</title>" in dom(page, tmp_path)
    assert seen == ["/x"]


@browser
def test_hostile_answers_run_nothing_and_ask_nobody(
    tmp_path: Path, server: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, seen = server
    page = tmp_path / "report.html"
    page.write_text(armed(html.render(hostile().report()), port), encoding="utf-8")
    after = dom(page, tmp_path)
    assert "<title>owned</title>" not in after
    assert 'id="find" hidden' not in after, "our own script must run"
    assert not re.search(r"<(iframe|img|h1>pwned|svg onload)", after)
    assert seen == []


@browser
def test_the_policy_stops_a_script_even_if_it_got_in(
    tmp_path: Path, server: tuple[int, list[str]]
) -> None:
    port, seen = server
    page = tmp_path / "report.html"
    text = html.render(askacme(12).report())
    broken = text.replace("<main>", f"<main>{HOSTILE[0]}{HOSTILE[1]}{HOSTILE[7]}", 1)
    page.write_text(armed(broken, port), encoding="utf-8")
    assert "<title>owned</title>" not in dom(page, tmp_path)
    assert seen == []


@browser
def test_search_hides_the_rows_that_do_not_match(tmp_path: Path) -> None:
    text = html.render(askacme(24).report())
    typing = "q.value='topic=legal kind=edge';q.dispatchEvent(new Event('input'))"
    page = tmp_path / "report.html"
    page.write_text(
        re.sub(r"<meta http-equiv[^>]*>", "", text).replace(
            "</body>", f"<script>{typing}</script>"
        ),
        encoding="utf-8",
    )
    after = dom(page, tmp_path)
    rows = re.findall(r'<tr class="[^"]*"( hidden="")?><td>(?:<a[^>]*>)?([a-z]+-\d+)', after)
    shown = [name for gone, name in rows if not gone]
    assert len(rows) == 24
    assert shown
    assert all(name.startswith("legal") for name in shown)
    assert len(shown) < 24
    assert f"{len(shown)} found" in after


@browser
@pytest.mark.parametrize("sample", [askacme(24), hostile()], ids=["askacme", "hostile"])
def test_a_phone_needs_no_sideways_scrolling(tmp_path: Path, sample: Sample) -> None:
    text = re.sub(r"<meta http-equiv[^>]*>", "", html.render(sample.report()))
    wide = "document.querySelectorAll('details').forEach((each) => (each.open = true));"
    wide += "document.title = document.documentElement.scrollWidth <= innerWidth"
    page = tmp_path / "report.html"
    page.write_text(text.replace("</body>", f"<script>{wide}</script>"), encoding="utf-8")
    assert "<title>true</title>" in dom(page, tmp_path, width=500)


@browser
def test_no_kind_of_case_is_broken_over_two_lines(tmp_path: Path) -> None:
    from evalsuite.report.cases import KINDS

    text = re.sub(r"<meta http-equiv[^>]*>", "", html.render(askacme(24).report()))
    fill = f"const kinds = {list(KINDS)};"
    fill += "const cells = [...document.querySelectorAll('.cases td:nth-child(2)')];"
    fill += "cells.forEach((cell, at) => (cell.textContent = kinds[at % kinds.length]));"
    fill += "const lines = (cell) => { const all = document.createRange();"
    fill += "all.selectNodeContents(cell); return all.getClientRects().length; };"
    fill += "document.title = cells.length >= kinds.length && cells.every("
    fill += "(cell) => lines(cell) === 1 && cell.scrollWidth <= cell.clientWidth)"
    page = tmp_path / "report.html"
    page.write_text(text.replace("</body>", f"<script>{fill}</script>"), encoding="utf-8")
    assert "<title>true</title>" in dom(page, tmp_path)


def test_the_page_is_complete_without_scripts() -> None:
    text = html.render(askacme(48).report())
    still = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    for words in ("Merging would regress", "<del>", "<ins>", "<svg", "topic=legal", "All cases"):
        assert words in still
    assert len(re.findall(r'<tr class="\w+( failing)?"><td>', still)) == 48
    for kind in ("worse", "failing", "better"):
        assert f'id="k-{kind}"' in still
        assert f"#k-{kind}:checked" in still


def test_nothing_in_the_page_points_outside() -> None:
    text = html.render(askacme(48).report())
    assert not re.findall(r'(?:src|href|action)="(?!#)', text)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert not re.findall(r"<[^>]+ style=", text)


def test_every_kind_of_case_can_be_filtered() -> None:
    from evalsuite.report.cases import KINDS

    style = html.render(askacme(4).report()).split("<style>")[1].split("</style>")[0]
    for kind in KINDS:
        assert f"#k-{kind}:checked~.wide tbody tr:not(.{kind})" in style


def test_the_answers_error_and_an_empty_answer_are_shown() -> None:
    sample = askacme(12)
    first = next(iter(sample.answers))
    sample.answers = {first: (Output(text="before"), Output(text=""))}
    assert "[empty answer]" in html.render(sample.report()).replace("</ins>", "").replace(
        "<ins>", ""
    )
