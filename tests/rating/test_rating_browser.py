"""Rating in a real browser: by keyboard alone, through crashes, two at once, under attack, and
without a barrier that axe-core knows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from browser import browser
from rating_keeper import Keeper
from rating_samples import place_at
from rating_serve import hostile

from evalsuite.calibration.records import Label
from evalsuite.judging.records import UNSURE
from evalsuite.rating.log import Log
from evalsuite.rating.session import labels_of

pytestmark = browser

HOME = re.compile(r"^http://[^/]+/(rate|lead)$")
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    made = Keeper()
    yield made
    made.close()


@contextmanager
def joined(chromium: Any, link: str, **settings: Any) -> Iterator[Any]:
    """A browser of one person's own, at the page that their link opens."""
    context = chromium.new_context(viewport=DESKTOP, **settings)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(link)
    page.wait_for_url(HOME)
    page.wait_for_load_state()
    yield page
    context.close()


def at(page: Any, title: str) -> None:
    """Wait until the page is that one."""
    from playwright.sync_api import Error

    seen = ""
    for _ in range(1500):
        try:
            seen = page.title()
            if re.search(title, seen):
                page.wait_for_load_state()
                return
        except Error:  # it is being left
            pass
        page.wait_for_timeout(10)
    raise AssertionError(f"not {title}: {seen}")


def labels(root: Path, judge: str = "correctness") -> list[Label]:
    log = Log(place_at(root, judge).log)
    try:
        return labels_of(log.events())
    finally:
        log.close()


def test_thirty_items_are_rated_by_keyboard_alone(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, count=30, raters=["r1"])
    wanted = []
    with joined(chromium, links["r1"]) as page:
        keys = page.keyboard
        for number in range(30):
            at(page, f"^{number + 1} of 30 ")
            if number % 3 == 0:
                keys.press("1")
                keys.press("c")
                keys.type(f"wrong 1 2 z {number}")  # in a critique, keys are letters
                keys.press("Enter")
                wanted.append(("fail", f"wrong 1 2 z {number}"))
            elif number % 3 == 1:
                keys.press("1")  # a slip, before it is saved
                keys.press("2")
                keys.press("Enter")
                wanted.append(("pass", ""))
            else:
                keys.press("u")
                keys.press("c")
                keys.type("not in the handbook")
                keys.press("Shift+Enter")
                keys.type("at all")
                keys.press("Enter")
                wanted.append((UNSURE, "not in the handbook\nat all"))
            if number == 10:
                at(page, "^12 of 30 ")
                keys.press("z")
                at(page, "^11 of 30 ")
                keys.press("2")
                keys.press("Enter")
        at(page, "^All rated")
        assert "Everything is saved" in page.inner_text("main")
    found = labels(tmp_path)
    undone = next(place for place, each in enumerate(found) if each.value is None)
    kept = found[: undone - 1] + found[undone + 1 :]
    wanted[10] = ("pass", "")
    assert [(each.value, each.critique) for each in kept] == wanted
    assert len({each.item for each in kept}) == 30
    assert all(each.seconds is not None and each.seconds < 30 for each in kept)


def test_a_fail_without_a_critique_and_no_answer_at_all_are_stopped_by_keyboard_too(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, "both", raters=["r1"])
    with joined(chromium, links["r1"]) as page:
        keys = page.keyboard
        keys.press("Enter")
        assert page.inner_text("#p0") == "Choose an answer"
        keys.press("1")
        assert page.inner_text("#p0") == ""
        assert page.evaluate("document.activeElement.id") != "c0"
        keys.press("Enter")
        assert "a critique is needed" in page.inner_text("#p0")
        assert page.evaluate("document.activeElement.id") == "c0"
        keys.type("why")
        keys.press("Enter")  # on to the other question
        keys.press("3")
        keys.press("Enter")
        at(page, "^2 of 8 ")
    values = [(each.criterion, each.value, each.critique) for each in labels(tmp_path)]
    assert values == [("correctness", "fail", "why"), ("tone", "warm", "")]


def test_a_slip_is_corrected_by_the_next_key_and_c_opens_the_critique(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, raters=["r1"])
    with joined(chromium, links["r1"]) as page:
        keys = page.keyboard
        for key in ("1", "2", "Enter"):
            keys.press(key)
        at(page, "^2 of 8 ")
        for key in ("1", "Enter", "Escape", "2", "Enter"):  # also after it was asked for
            keys.press(key)
        at(page, "^3 of 8 ")
        assert page.inner_text(".critique kbd") == "c"
        for key in ("1", "c", "x", "Enter"):
            keys.press(key)
        at(page, "^4 of 8 ")
    said = [(each.value, each.critique) for each in labels(tmp_path)]
    assert said == [("pass", ""), ("pass", ""), ("fail", "x")]


def test_a_server_killed_after_each_of_thirty_submits_loses_and_doubles_nothing(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, count=30, raters=["r1"])
    with joined(chromium, links["r1"]) as page:
        for number in range(30):
            at(page, f"^{number + 1} of 30 ")
            page.keyboard.press("2" if number % 2 else "u")
            page.keyboard.press("Enter")
            if number % 3:
                time.sleep(0.004 * (number % 5))  # in the middle of whatever it is doing
            else:
                at(page, "^All" if number == 29 else f"^{number + 2} of")
            keeper.kill(tmp_path)
            time.sleep(0.01)
            keeper.start(tmp_path, count=30, raters=["r1"], port=int(links["port"]))
            if page.title() == "" or "chrome-error" in page.url:
                page.goto(f"http://127.0.0.1:{links['port']}/rate")
        at(page, "^All rated")
    found = labels(tmp_path)
    assert [each.value for each in found] == ["pass" if n % 2 else UNSURE for n in range(30)]
    assert len({each.item for each in found}) == 30


def test_two_raters_at_once_see_nothing_of_each_other(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, "pair", count=6)
    with joined(chromium, links["r1"]) as r1, joined(chromium, links["r2"]) as r2:
        for number in range(6):
            for page, key in ((r1, "a"), (r2, "b")):
                at(page, f"^{number + 1} of 6 ")
                assert page.locator(".choice input:checked").count() == 0
                page.keyboard.press(key)
                page.keyboard.press("Enter")
        at(r1, "^All")
        at(r2, "^All")
    found = labels(tmp_path, "preference")
    for rater, side in (("r1", "ab"), ("r2", "ba")):
        mine = [each for each in found if each.rater == rater]
        assert len({each.item for each in mine}) == len(mine) == 6
        assert all(each.value == ("A" if each.order == side else "B") for each in mine)
    orders = {each.item: set() for each in found}
    for each in found:
        orders[each.item].add(each.order)
    assert {"ab", "ba"} in orders.values(), "each rater has sides of their own"


class Attack(BaseHTTPRequestHandler):
    page = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.page.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def attacking(page: str) -> Iterator[int]:
    """A page on another port of this machine."""
    handler = type("Handler", (Attack,), {"page": page})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield serving.server_address[1]
        serving.shutdown()
        thread.join()


def test_a_foreign_page_can_neither_rate_nor_read_nor_frame(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, raters=["r1"])
    base = f"http://127.0.0.1:{links['port']}"
    with joined(chromium, links["r1"]) as page:
        fields = page.evaluate(
            "[...new FormData(document.getElementById('rating')).entries()]"
        )  # even a page that knew a whole form
        inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields)
        body = (
            f'<form method="post" action="{base}/rate">{inputs}<input name="v0" value="pass">'
            f'</form><iframe src="{base}/rate"></iframe>'
        )
        with attacking(body) as port:
            page.goto(f"http://127.0.0.1:{port}/")
            read = page.evaluate(
                "base => fetch(base + '/rate', {credentials: 'include'})"
                ".then(each => each.text(), () => 'refused')",
                base,
            )
            assert read == "refused"
            form = "new URLSearchParams(new FormData(document.forms[0]))"
            settings = f"{{method: 'POST', body: {form}, mode: 'no-cors', credentials: 'include'}}"
            page.evaluate(f"base => fetch(base + '/rate', {settings}).catch(() => 0)", base)
            frame = page.frames[1]
            assert "Answer" not in (frame.content() if frame.url.startswith(base) else "")
            with page.expect_navigation():
                page.evaluate("document.forms[0].submit()")
            assert "must come from a page of this server" in page.inner_text("body")
        assert labels(tmp_path) == []
        page.goto(f"{base}/rate")
        at(page, "^1 of 8 ")


def test_a_replayed_post_and_a_bad_link_get_nowhere(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, raters=["r1"])
    with joined(chromium, links["r1"]) as page:
        page.keyboard.press("2")
        with page.expect_request(lambda each: each.method == "POST") as caught:
            page.keyboard.press("Enter")
        at(page, "^2 of 8 ")
        sent = caught.value
        for _ in range(3):
            answer = page.request.post(
                sent.url, data=sent.post_data, headers=sent.all_headers(), max_redirects=0
            )
            assert answer.status == 303
        assert len(labels(tmp_path)) == 1
        for link in (links["r1"][:-3] + "abc", links["lead"].replace("/join/", "/join/x")):
            other = chromium.new_context()
            bad = other.new_page()
            assert bad.goto(link).status == 401
            assert "has no session" in bad.inner_text("main")
            assert other.cookies() == []
            other.close()
    keeper.kill(tmp_path)
    old = keeper.start(tmp_path, raters=["r1"], lifetime=-5)
    context = chromium.new_context()
    assert context.new_page().goto(old["r1"]).status == 401
    context.close()


def test_a_link_in_a_mail_on_another_site_opens_the_session(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, raters=["r1"])
    with attacking(f'<a href="{links["r1"]}">rate</a>') as port:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"http://localhost:{port}/")
        page.click("a")
        page.wait_for_url(HOME)
        at(page, "^1 of 8 ")
        assert "join" not in page.evaluate("document.referrer + location.href")
        context.close()


def test_hostile_outputs_are_inert(
    chromium: Any, keeper: Keeper, tmp_path: Path, server: tuple[int, list[str]]
) -> None:
    trap, seen = server
    links = keeper.start(tmp_path, "hostile", trap=trap, raters=["r1"])
    with joined(chromium, links["r1"]) as page:
        events: list[str] = []
        page.on("dialog", lambda each: (events.append(each.message), each.dismiss()))
        page.on("popup", lambda each: events.append("popup"))
        page.on("request", lambda each: events.append(each.url) if str(trap) in each.url else None)
        style = "getComputedStyle(document.body)"
        look = f"[{style}.display, {style}.backgroundImage, document.forms.length].join()"
        texts = set()
        for number in range(10):
            at(page, f"^{number + 1} of 10 · correctness$")
            assert page.evaluate(look) == "block,none,3"
            assert page.evaluate("document.querySelectorAll('main script, svg, img').length") == 0
            assert page.locator(".answer bdi, .answer .text").count() == 2
            texts.add(page.inner_text(".answer"))
            page.keyboard.press("2")
            page.keyboard.press("Enter")
        at(page, "^All rated")
        assert any("\\u202egnp.exe" in text for text in texts)
        assert any("alert(1)" in text for text in texts)
        assert not any("\u202e" in text for text in texts)
        assert events == []
    assert seen == []
    assert len(labels(tmp_path)) == 10


def test_the_trap_itself_works(chromium: Any, server: tuple[int, list[str]]) -> None:
    trap, seen = server
    texts = [each.subject.output for each in hostile(trap)]
    context = chromium.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("dialog", lambda each: (said.append(each.message), each.dismiss()))
    with attacking("<body>" + texts[0] + texts[1] + texts[3]) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_timeout(300)
        assert page.title() == "owned"
    context.close()
    assert said
    assert "/script" in seen


def test_very_long_and_right_to_left_texts_leave_the_page_usable(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, "long", raters=["r1"])
    with joined(chromium, links["r1"]) as page:
        for _ in range(3):
            page.wait_for_load_state()
            wide = "document.documentElement.scrollWidth <= innerWidth"
            high = "document.documentElement.scrollHeight < 4000"
            for size in (DESKTOP, PHONE):
                page.set_viewport_size(size)
                assert page.evaluate(wide)
                assert page.evaluate(high)
            page.set_viewport_size(DESKTOP)
            box = page.locator(".save").bounding_box()
            assert box["y"] + box["height"] <= DESKTOP["height"]
            if "إجازة" in page.inner_text(".answer"):
                direction = "getComputedStyle(document.querySelector('.answer .text')).direction"
                assert page.evaluate(direction) == "rtl"
                assert page.inner_text(".answer .cite") == "[leave#parental]"
            page.keyboard.press("2")
            page.keyboard.press("Enter")
            page.wait_for_timeout(300)
        at(page, "^All rated")


def test_it_works_without_scripts(chromium: Any, keeper: Keeper, tmp_path: Path) -> None:
    links = keeper.start(tmp_path, raters=["r1"])
    with joined(chromium, links["r1"], java_script_enabled=False) as page:
        page.check("input[value=fail]")
        page.click(".save")
        assert "a critique is needed" in page.inner_text(".problem")
        assert page.is_checked("input[value=fail]")
        page.fill("textarea", "by mouse")
        page.click(".save")
        assert "2 of 8" in page.inner_text("h1")
        page.click("text=Undo")
        assert page.input_value("textarea") == "by mouse"
        page.click(".save")
        assert "2 of 8" in page.inner_text("h1")
    assert [each.value for each in labels(tmp_path)] == ["fail", None, "fail"]


# --- accessibility


def barriers(page: Any, where: str) -> list[str]:
    """What axe-core calls serious or critical, in light and wide, dark and narrow: colours
    do not depend on the width."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = []
    for scheme, size in (("light", DESKTOP), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        for each in axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]:
            if each["impact"] in ("serious", "critical"):
                targets = [node["target"] for node in each["nodes"]][:3]
                found.append(f"{where} {scheme} {size['width']}: {each['id']} {targets}")
    page.set_viewport_size(DESKTOP)
    return found


def test_axe_finds_no_serious_barrier_on_any_screen(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    found = []
    one = keeper.start(tmp_path / "a", count=2)
    with joined(chromium, one["r1"]) as page, joined(chromium, one["r2"]) as r2:
        found += barriers(page, "item")
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        found += barriers(page, "problem")
        page.keyboard.type("why")
        page.keyboard.press("Enter")
        at(page, "^2 of")
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open]")
        found += barriers(page, "help")
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        page.keyboard.press("Enter")
        at(page, "^All")
        found += barriers(page, "done")
        for number in range(2):
            at(r2, f"^{number + 1} of")
            r2.keyboard.press("2")
            r2.keyboard.press("Enter")
        at(r2, "^All")
    with joined(chromium, one["lead"]) as page:
        found += barriers(page, "lead")
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        table = "document.querySelector('.wide')"
        assert page.evaluate(f"{table}.scrollWidth > {table}.clientWidth")
        assert "gradient" in page.evaluate(f"getComputedStyle({table}).backgroundImage")
        page.set_viewport_size(DESKTOP)
        page.click(".apart a")
        at(page, "^Adjudicate")
        found += barriers(page, "adjudicate")
        page.goto(f"http://127.0.0.1:{one['port']}/nowhere")
        found += barriers(page, "message")
    pair = keeper.start(tmp_path / "b", "pair")
    with joined(chromium, pair["r1"]) as page:
        page.keyboard.press("d")
        page.wait_for_selector("#differences[open]")
        found += barriers(page, "pair")
    several = keeper.start(tmp_path / "c", "both")
    with joined(chromium, several["r1"]) as page:
        found += barriers(page, "several criteria")
    long = keeper.start(tmp_path / "d", "long")
    with joined(chromium, long["r1"]) as page:
        found += barriers(page, "long")
    assert found == []


def test_keys_work_on_other_layouts_and_can_be_switched_off(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, raters=["r1"])
    event = "new KeyboardEvent('keydown', {key, code, bubbles: true})"
    press = f"([key, code]) => document.body.dispatchEvent({event})"
    with joined(chromium, links["r1"]) as page:
        page.evaluate(press, ["г", "KeyU"])  # Cyrillic
        assert page.is_checked(f"input[value={UNSURE}]")
        page.evaluate(press, ["é", "Digit2"])  # French: digits with Shift
        assert page.is_checked("input[value=pass]")
        page.keyboard.press("?")
        page.uncheck("#keys-on")
        page.keyboard.press("Escape")
        page.keyboard.press("u")
        assert page.is_checked("input[value=pass]")
        page.click(".save")
        at(page, "^2 of 8 ")
        page.keyboard.press("u")
        assert page.locator(".choice input:checked").count() == 0
        page.focus("input[value=fail]")
        page.keyboard.press("ArrowDown")  # what every radio button does
        page.keyboard.press("Enter")
        at(page, "^3 of 8 ")


def test_a_closed_browser_goes_on_by_the_same_link(
    chromium: Any, keeper: Keeper, tmp_path: Path
) -> None:
    links = keeper.start(tmp_path, raters=["r1"])
    with joined(chromium, links["r1"]) as page:
        for number in (1, 2):
            at(page, f"^{number} of 8 ")
            page.keyboard.press("2")
            page.keyboard.press("Enter")
        at(page, "^3 of 8 ")
        asked = page.inner_text(".asked")
    with joined(chromium, links["r1"]) as page:
        at(page, "^3 of 8 ")
        assert page.inner_text(".asked") == asked
        page.keyboard.press("z")
        at(page, "^2 of 8 ")
        assert page.is_checked("input[value=pass]")
