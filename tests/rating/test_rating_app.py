"""The rating app, request by request: blind, safe to repeat, and closed to everybody else."""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from rating_samples import (
    BOTH,
    CARD,
    PAIR,
    Clock,
    fields_of,
    item,
    items,
    make_server,
    place_at,
    token,
)
from starlette.testclient import TestClient

from evalsuite.errors import DataError
from evalsuite.judging.records import UNSURE
from evalsuite.rag.cards import QUESTIONS, SHARES, metric_card
from evalsuite.rating.app import create_app
from evalsuite.rating.links import SECRET, Limiter, read_secret
from evalsuite.rating.server import LEAD, MAX_BODY, Server
from evalsuite.rating.session import labels_of

ORIGIN = "http://127.0.0.1:8642"


class Browser:
    """A client with one person's session, who sends what a browser would."""

    def __init__(self, server: Server, name: str = "r1", *, join: bool = True) -> None:
        self.server = server
        self.client = TestClient(
            create_app(server),
            base_url=ORIGIN,
            follow_redirects=False,
            raise_server_exceptions=True,
        )
        self.home = "/lead" if name == LEAD else "/rate"
        if join:
            answer = self.client.get(f"/join/{token(server, name)}")
            assert answer.status_code == 303

    def get(self, path: str = "", **settings: Any) -> Any:
        return self.client.get(path or self.home, **settings)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Any:
        sent = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.client.post(path, data=fields, headers=sent)

    def form(self, path: str = "/rate", page: str = "") -> dict[str, str]:
        return fields_of(self.get(page or self.home).text, path)

    def rate(self, **answers: str) -> Any:
        return self.post("/rate", {**self.form(), "v0": "pass", **answers})

    def undo(self) -> Any:
        return self.post("/rate/undo", self.form("/rate/undo"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = make_server(tmp_path, now=Clock())
    yield made
    made.log.close()


def values(server: Server) -> list[tuple[str, str, str | None]]:
    return [(each.rater, each.item, each.value) for each in labels_of(server.log.events())]


# --- rating


def test_a_rating_is_saved_and_the_next_item_follows(server: Server) -> None:
    r1 = Browser(server)
    first, second = (entry.item for entry in list(server.session.desks["r1"].pending)[:2])
    assert "1 of 6" in r1.get().text
    answer = r1.rate(v0="fail", c0="It is 12 weeks", seconds="3.2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/rate")
    assert "2 of 6" in r1.get().text
    r1.rate(v0=UNSURE)
    assert values(server) == [("r1", first, "fail"), ("r1", second, UNSURE)]


def test_a_metric_is_rated_by_its_own_question_and_scale(tmp_path: Path) -> None:
    made = make_server(tmp_path, metric_card("faithfulness"))
    page = unescape(Browser(made).get().text)
    assert QUESTIONS["faithfulness"] in page
    assert all(f'value="{level.label}"' in page for level in SHARES)
    assert "leave#parental" in page, "the contexts that the answer is compared with"
    lead = Browser(made, LEAD).get().text
    made.log.close()
    assert "The question and the scale are the metric's own." in unescape(lead)
    assert "judge.md" not in lead


def test_a_form_that_is_sent_again_is_saved_once(server: Server) -> None:
    r1 = Browser(server)
    form = {**r1.form(), "v0": "pass"}
    for _ in range(3):
        assert r1.post("/rate", form).status_code == 303
    assert r1.post("/rate", {**form, "v0": UNSURE}).status_code == 303
    assert [value for _, _, value in values(server)] == ["pass"]
    assert "2 of 6" in r1.get().text


def test_two_windows_at_once_never_double_a_rating(server: Server) -> None:
    r1 = Browser(server)
    form = {**r1.form(), "v0": "pass"}
    clients = [Browser(server) for _ in range(4)]
    for each in clients:
        each.client.cookies = r1.client.cookies
    threads = [
        threading.Thread(target=each.post, args=("/rate", form)) for each in clients for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(values(server)) == 1


def test_what_is_missing_is_said_and_what_was_written_stays(server: Server) -> None:
    r1 = Browser(server)
    answer = r1.rate(v0="fail", c0="", seconds="7")
    assert answer.status_code == 422
    assert "a critique is needed" in answer.text
    assert 'data-key="1" data-fail checked' in answer.text
    assert not values(server)
    answer = r1.post("/rate", {**r1.form(), "c0": "  kept <b>&  "})
    assert "Choose an answer" in answer.text
    assert "kept &lt;b&gt;&amp;" in answer.text


def test_undo_takes_the_last_rating_back_and_shows_what_it_said(server: Server) -> None:
    r1 = Browser(server)
    r1.rate()
    r1.rate(v0="fail", c0="wrong year")
    form = r1.form("/rate/undo")
    for _ in range(2):  # a second click takes back no more
        r1.post("/rate/undo", form)
    page = r1.get().text
    assert "2 of 6" in page
    assert "wrong year</textarea>" in page
    assert [each.value for each in server.session.labels()] == ["pass"]
    r1.rate(v0="pass")
    assert [each.value for each in server.session.labels()] == ["pass", "pass"]
    assert "3 of 6" in r1.get().text


def test_undo_to_the_beginning_and_from_the_end(server: Server) -> None:
    r1 = Browser(server)
    for _ in range(6):
        r1.rate()
    assert "All 6 are rated" in r1.get().text
    assert "judge calibrate" not in r1.get().text, "others still rate"
    for _ in range(6):
        r1.undo()
    assert "1 of 6" in r1.get().text
    assert not server.session.labels()


def test_who_rates_alone_is_told_what_comes_next(tmp_path: Path) -> None:
    server = make_server(tmp_path, rated=[item(1)], raters=("r1",))
    r1 = Browser(server)
    r1.rate()
    assert "<code>evalsuite judge calibrate correctness --certify</code>" in r1.get().text
    server.log.close()


def test_a_session_goes_on_where_it_was_in_a_new_process(tmp_path: Path) -> None:
    first = make_server(tmp_path)
    r1 = Browser(first)
    for value in ("pass", "pass", UNSURE):
        r1.rate(v0=value)
    r1.undo()
    page, cookies = r1.get().text, r1.client.cookies
    first.log.close()
    second = make_server(tmp_path)
    again = Browser(second, join=False)
    again.client.cookies = cookies
    strip = re.compile(r'value="[^"]*"')
    assert strip.sub("", again.get().text) == strip.sub("", page)
    second.log.close()


def test_a_form_from_before_a_crash_can_be_sent_to_the_next_process(tmp_path: Path) -> None:
    first = make_server(tmp_path)
    r1 = Browser(first)
    form = {**r1.form(), "v0": "pass"}
    r1.post("/rate", form)  # saved, and the answer was lost
    first.log.close()
    second = make_server(tmp_path)
    again = Browser(second, join=False)
    again.client.cookies = r1.client.cookies
    assert again.post("/rate", form).status_code == 303
    assert len(values(second)) == 1
    second.log.close()


def test_the_time_is_the_browsers_but_no_longer_than_the_servers(server: Server) -> None:
    r1, clock = Browser(server), server.now
    for waited, sent, kept in ((20.0, "12.5", 12.5), (20.0, "5000", 20.0), (20.0, "abc", None)):
        form = r1.form()
        clock.wait(waited)  # type: ignore[attr-defined]
        r1.post("/rate", {**form, "v0": "pass", "seconds": sent})
        assert labels_of(server.log.events())[-1].seconds == kept


def test_several_criteria_are_one_submit_and_a_label_each(tmp_path: Path) -> None:
    server = make_server(tmp_path, BOTH)
    r1 = Browser(server)
    assert r1.rate(v1="rude").status_code == 422
    assert r1.rate(v1="warm", seconds="0").status_code == 303
    labels = labels_of(server.log.events())
    assert [(each.criterion, each.value) for each in labels] == [
        ("correctness", "pass"),
        ("tone", "warm"),
    ]
    server.log.close()


def test_a_pair_is_kept_by_its_outputs_and_seen_by_the_raters_sides(tmp_path: Path) -> None:
    server = make_server(tmp_path, PAIR)
    r1 = Browser(server)
    for _ in range(6):
        entry = server.session.desks["r1"].pending[0]
        page = r1.get().text
        subject = server.session.items[entry.item].subject
        left = page.index(subject.output.split("[")[0]) < page.index(str(subject.other))
        r1.rate(v0="left")
        label = labels_of(server.log.events())[-1]
        assert (label.value, label.order) == (("A", "ab") if left else ("B", "ba"))
        assert label.seed == server.session.desks["r1"].seed
    assert {each.order for each in labels_of(server.log.events())} == {"ab", "ba"}
    server.log.close()


def test_hidden_repeats_look_like_any_item_and_are_labelled_as_repeats(tmp_path: Path) -> None:
    server = make_server(tmp_path, rated=items(20), raters=("r1",), repeats=0.3)
    r1 = Browser(server)
    pages: dict[str, list[str]] = {}
    for _ in range(26):
        page = r1.get().text
        question = re.search(r"leave number \d+", page)
        assert question
        hidden = re.compile(r'(?:name="(?:csrf|ticket|last)" )?value="[^"]*"|\d+ of \d+|max="\d+"')
        pages.setdefault(question[0], []).append(hidden.sub("", page))
        r1.rate()
    twice = [found for found in pages.values() if len(found) == 2]
    assert len(twice) == 6
    later = [found for found in twice if "Saved" in found[0]]
    assert later
    for one, two in later:
        assert re.sub(" disabled", "", one) == re.sub(" disabled", "", two)
    assert sum(label.occasion for label in labels_of(server.log.events())) == 6
    server.log.close()


# --- blind


def test_no_page_of_a_rater_tells_arm_judge_run_or_other_ratings(tmp_path: Path) -> None:
    server = make_server(tmp_path)
    r2 = Browser(server, "r2")
    for _ in range(6):
        r2.rate(v0="fail", c0="BENS-CRITIQUE")
    r1 = Browser(server)
    pages = []
    for _ in range(6):
        pages.append(r1.get().text)
        pages.append(r1.rate(v0="fail", c0="").text)
        r1.rate()
    pages += [r1.get().text, r1.undo().text, r1.get("/static/x/y").text, r1.get("/").text]
    for page in pages:
        said = re.sub(r'type="hidden" name="\w+" value="[^"]*"|/static/\w+', "", page)
        for word in ("SECRET", "candidate", "BENS", "r2", "c00"):
            assert not re.search(rf"{word}(?!eath)", said)
    server.log.close()


@pytest.mark.parametrize("path", ["/lead", "/lead/item/{item}"])
def test_a_rater_has_no_way_to_the_leads_pages(server: Server, path: str) -> None:
    r1 = Browser(server)
    path = path.format(item=items(1)[0].id)
    assert r1.get(path).status_code == 401
    cookie = r1.client.cookies[server.cookie_name("rate")]
    for headers in (
        {"Cookie": f"{server.cookie_name('lead')}={cookie}"},
        {"Cookie": f"{server.cookie_name('rate')}={cookie}"},
    ):
        bare = TestClient(create_app(server), base_url=ORIGIN)
        assert bare.get(path, headers=headers).status_code == 401
        answer = bare.post(path, data={}, headers={**headers, "Origin": ORIGIN})
        assert answer.status_code in (401, 405)


@pytest.mark.parametrize("path", ["/lead/amend", "/lead/revoke"])
def test_a_rater_can_not_do_what_the_lead_does(server: Server, path: str) -> None:
    r1 = Browser(server)
    cookie = r1.client.cookies[server.cookie_name("rate")]
    fields = {**r1.form(), "note": "all pass", "rater": "r2"}
    answer = r1.post(path, fields, Cookie=f"{server.cookie_name('lead')}={cookie}")
    assert answer.status_code == 401
    assert server.log.epoch("r2") == 0
    assert not server.log.events()


def test_a_ticket_or_a_csrf_token_of_another_rater_is_worth_nothing(server: Server) -> None:
    r1, r2 = Browser(server), Browser(server, "r2")
    mine, his = r1.form(), r2.form()
    for stolen in ({"ticket": his["ticket"]}, {"csrf": his["csrf"]}, his):
        assert r1.post("/rate", {**mine, "v0": "pass", **stolen}).status_code == 403
    assert not server.log.events()


# --- links and sessions


def test_a_link_opens_a_session_and_leaves_the_address(server: Server) -> None:
    browser = Browser(server, join=False)
    answer = browser.client.get(f"/join/{token(server, 'r1')}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/start/rate")
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/rate"):
        assert part in cookie
    page = browser.get("/start/rate")
    assert 'http-equiv="refresh" content="0; url=/rate"' in page.text
    assert browser.get("/start/elsewhere").status_code == 404


def test_a_forged_link_or_one_of_another_judge_is_refused(tmp_path: Path, server: Server) -> None:
    good = token(server, "r1")
    other = make_server(tmp_path / "b", replace(CARD, name="other"))
    same_secret = type(server.links)(read_secret(place_at(tmp_path).state), "other")
    forged = [
        "x",
        good[:-2] + ("aa" if good[-2:] != "aa" else "bb"),
        good.replace(".", "", 1),
        token(other, "r1"),
        same_secret.link("r1", "rate", 0),
        server.links.link("nobody", "rate", 0),
        server.links.link("r1", "rate", 1),
        server.links.cookie(server.links.join(good)),  # type: ignore[arg-type]
    ]
    for each in forged:
        browser = Browser(server, join=False)
        assert browser.client.get(f"/join/{each}").status_code == 401
        assert browser.get("/rate").status_code == 401
    other.log.close()


def test_links_and_the_sessions_that_they_open_expire(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    link, r1, now = token(server, "r1"), Browser(server), time.time()
    day = 24 * 3600.0
    monkeypatch.setattr(time, "time", lambda: now + 6.9 * day)
    assert r1.get().status_code == 200
    assert Browser(server, join=False).client.get(f"/join/{link}").status_code == 303
    monkeypatch.setattr(time, "time", lambda: now + 7.1 * day)
    assert Browser(server, join=False).client.get(f"/join/{link}").status_code == 401
    cookie = {"Cookie": f"{server.cookie_name('rate')}={server.links.cookie(_who(server, now))}"}
    assert (
        TestClient(create_app(server), base_url=ORIGIN).get("/rate", headers=cookie).status_code
        == 401
    )


def _who(server: Server, now: float) -> Any:
    from evalsuite.rating.links import LIFETIME, Identity

    return Identity("r1", "rate", 0, "s", int(now) + LIFETIME)


def test_revoking_ends_links_and_sessions_of_that_rater_alone(server: Server) -> None:
    r1, r2, lead = Browser(server), Browser(server, "r2"), Browser(server, LEAD)
    old = token(server, "r1")
    assert r1.get().status_code == 200
    fields = {**lead.form("/lead/revoke"), "rater": "r1"}
    assert lead.post("/lead/revoke", fields).status_code == 303
    assert r1.get().status_code == 401
    assert Browser(server, join=False).client.get(f"/join/{old}").status_code == 401
    assert r2.get().status_code == 200
    assert Browser(server).get().status_code == 200  # by a new link


def test_the_secret_is_kept_from_others(tmp_path: Path) -> None:
    first = read_secret(tmp_path / "state")
    file = tmp_path / "state" / SECRET
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_secret(tmp_path / "state") == first
    file.chmod(0o644)
    with pytest.raises(DataError, match="others can read"):
        read_secret(tmp_path / "state")


# --- requests that are refused


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": "https://127.0.0.1:8642"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_write_from_elsewhere_is_refused(server: Server, headers: dict[str, str]) -> None:
    r1 = Browser(server)
    form = {**r1.form(), "v0": "pass"}
    for path in ("/rate", "/rate/undo", "/lead/amend", "/lead/revoke"):
        sent = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", **headers}
        assert r1.client.post(path, data=form, headers=sent).status_code == 403
    assert not server.log.events()


def test_a_form_without_scripts_has_no_origin_but_comes_from_our_page(server: Server) -> None:
    r1 = Browser(server)
    form = {**r1.form(), "v0": "pass"}
    assert r1.client.post("/rate", data=form, headers={"Origin": "null"}).status_code == 403
    assert r1.post("/rate", form, Origin="null").status_code == 303


def test_a_write_that_does_not_say_where_it_comes_from_is_refused(server: Server) -> None:
    r1 = Browser(server)
    assert r1.client.post("/rate", data={**r1.form(), "v0": "pass"}).status_code == 403
    assert not server.log.events()


@pytest.mark.parametrize("csrf", ["", "0" * 64, None])
def test_a_write_needs_the_sessions_token(server: Server, csrf: str | None) -> None:
    r1 = Browser(server)
    for path in ("/rate", "/rate/undo"):
        form = {**r1.form(), "v0": "pass", "csrf": csrf}
        if csrf is None:
            del form["csrf"]
        assert r1.post(path, form).status_code == 403  # type: ignore[arg-type]
    assert not server.log.events()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", ""]
)
def test_another_host_name_is_refused(server: Server, host: str) -> None:
    r1 = Browser(server)
    assert r1.get(headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8642", "127.0.0.1:9000", "[::1]:1", "localhost"])
def test_loopback_goes_by_every_name_and_port_of_a_tunnel(server: Server, host: str) -> None:
    assert Browser(server).get("/start/rate", headers={"Host": host}).status_code == 200


def test_reading_changes_nothing_and_other_methods_are_refused(server: Server) -> None:
    r1 = Browser(server)
    for path in ("/rate", "/rate/undo", "/lead/revoke", "/lead/amend"):
        r1.client.get(path)
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            assert r1.client.request(method, path, headers={"Origin": ORIGIN}).status_code == 405
    assert not server.log.events()


def test_a_body_without_end_or_of_another_kind_is_refused(server: Server) -> None:
    r1 = Browser(server)
    assert r1.rate(c0="x" * (MAX_BODY + 1)).status_code == 413
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
    assert r1.client.post("/rate", content=b"{}", headers=headers).status_code == 415
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    for body in (b"a=\xff", b"&".join(b"a=1" for _ in range(300))):
        assert r1.client.post("/rate", content=body, headers=headers).status_code == 400
    assert not server.log.events()


def test_every_answer_has_the_policy_and_is_not_kept(server: Server) -> None:
    r1, lead = Browser(server), Browser(server, LEAD)
    answers = [
        r1.get(),
        r1.get("/nowhere"),
        r1.rate(),
        lead.get(),
        lead.get(f"/lead/item/{items(1)[0].id}"),
        r1.get(headers={"Host": "evil.example"}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        for part in (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ):
            assert part in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "<script>" not in answer.text
        assert " style=" not in answer.text


def test_too_many_requests_at_once_are_slowed_down_for_that_rater_alone(server: Server) -> None:
    server.requests = Limiter(0.001, 5)
    r1, r2 = Browser(server), Browser(server, "r2")
    assert [r1.get().status_code for _ in range(6)] == [200] * 5 + [429]
    assert r2.get().status_code == 200


def test_guessing_links_is_slowed_down_and_a_good_link_opens_all_the_same(server: Server) -> None:
    server.attempts = Limiter(0.001, 3)
    guesser = Browser(server, join=False)
    found = [guesser.client.get(f"/join/x{n}").status_code for n in range(5)]
    assert found == [401, 401, 401, 429, 429]
    Browser(server, "r2")


def test_a_page_that_fails_says_so_and_shows_nothing_of_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.session, "side", lambda *_: 1 / 0)
    r1 = Browser(server)
    r1.client = TestClient(
        create_app(server),
        base_url=ORIGIN,
        raise_server_exceptions=False,
        cookies=r1.client.cookies,
    )
    answer = r1.get()
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text


HOSTILE = (
    "<script>alert(1)</script>",
    "</textarea></form><form action=http://evil.example><input name=v0>",
    "<style>body{display:none}</style>",
    "<svg onload=alert(1)><image href='http://evil.example/x'/></svg>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    '" onmouseover="alert(1)',
    "\u202egnp.exe\u202c \u2066\x00\x1b[31m",
    "{{ 7*7 }}{% raw %}",
    "half \ud83d pair",
)


def test_hostile_texts_are_shown_and_never_markup(tmp_path: Path) -> None:
    every = " ".join(HOSTILE)
    card = replace(PAIR, description=every, criteria=(replace(PAIR.criteria[0], question=every),))
    document = replace(item(0).subject.contexts[0], id=f"[{every}]", text=every)
    typed = every.replace("\ud83d", "")
    one = item(1, output=every, other=every + "?", expected=every, contexts=(document,))
    server = make_server(tmp_path, card, [one], raters=("r1",))
    r1, lead = Browser(server), Browser(server, LEAD)
    for page in (
        r1.get().text,
        r1.rate(v0="no side", c0=typed).text,
        lead.get(f"/lead/item/{one.id}").text,
        lead.get().text,
        lead.post("/lead/amend", {**lead.form("/lead/amend"), "note": typed * 20}).text,
    ):
        assert "alert(1)" in page
        assert page.count("<script") == page.count("<link") == 1
        assert page.count("<meta") == 4
        assert not re.search(r"<(?!/?(?:ins|del)>)[^<>]*\son\w+=", page)
        assert not re.search(r"<(svg|style|image|iframe|object|embed|base)", page)
        assert set(re.findall(r'action="([^"]*)"', page)) <= {
            "/rate",
            "/rate/undo",
            "/lead/amend",
            "/lead/revoke",
            f"/lead/item/{one.id}",
        }
        for raw in ("\u202e", "\u2066", "\x00", "\x1b"):
            assert raw not in page
        assert "\\u202egnp.exe" in page
        assert "{{ 7*7 }}" in page
    server.log.close()
