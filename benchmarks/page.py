"""Measures the HTML report in Chromium: how large it is, how long it takes to open, filter, search.

    python benchmarks/page.py [--cases 10000] [--times 5] [--keep FOLDER]

The run is made up: three trials a case, three metrics, claims, verdicts, documents and tool calls
for what moved or failed; the verdict is the gate's own. What is timed is from the click, or the
last key, to the frame after it; `--keep` leaves the page in a folder.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "report")]

from browser import ARGUMENTS, CHROMIUM  # noqa: E402
from large_run import large_run  # noqa: E402

from evalsuite.report import html, plots  # noqa: E402

OPENED = """() => {
    const [load] = performance.getEntriesByType("navigation");
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return [paint.startTime, load.loadEventEnd];
}"""
TIMED = """([id, value, event, pause]) => new Promise((done) => {
    const node = document.getElementById(id);
    if (value !== null) node.value = value;
    const began = performance.now();
    event === "click" ? node.click() : node.dispatchEvent(new Event(event));
    const seen = () =>
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - began - pause)));
    pause ? setTimeout(seen, pause) : seen();
})"""
PAUSE = 61
"""Milliseconds that the page waits for a further key."""

ACTS = {
    "filter: same": ["k-same", None, "click", 0],
    "filter: failing": ["k-failing", None, "click", 0],
    "filter: all": ["k-all", None, "click", 0],
    "filter: a slice": ["slice", "topic=legal", "change", 0],
    "filter: no slice": ["slice", "", "change", 0],
    "search: a third of them": ["q", "kind=edge", "input", PAUSE],
    "search: one case": ["q", "legal-00012", "input", PAUSE],
    "search: an answer's words": ["q", "deadline", "input", PAUSE],
    "search: cleared": ["q", "", "input", PAUSE],
}


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    made = act()
    return time.perf_counter() - began, made


def measured(file: Path, times: int) -> dict[str, list[float]]:
    """Milliseconds by what is done, each time in a window of its own."""
    found: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for _ in range(times):
            context = chromium.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(file.as_uri())
            painted, loaded = page.evaluate(OPENED)
            found.setdefault("first paint", []).append(painted)
            found.setdefault("opened", []).append(loaded)
            for name, act in ACTS.items():
                found.setdefault(name, []).append(page.evaluate(TIMED, act))
            assert asked == [file.as_uri()], asked
            context.close()
        chromium.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    report = large_run(given.cases)
    loading, _ = timed(plots._library)
    drawing, text = timed(lambda: html.render(report))
    plots.available = lambda: False
    bare, _ = timed(lambda: html.render(report))
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        file = place / "report.html"
        file.write_text(text, encoding="utf-8")
        size, drawn = len(text.encode()), text.count("<svg")
        print(f"{given.cases:,} cases: {size / 1e6:.2f} MB, written in {drawing:.2f} s")
        print(f"{drawn} plots: {drawing - bare:.2f} s, the library's import {loading:.2f} s")
        for name, values in measured(file.resolve(), given.times).items():
            print(f"{name:28}{statistics.median(values):7.0f} ms, at most {max(values):.0f}")


if __name__ == "__main__":
    main()
