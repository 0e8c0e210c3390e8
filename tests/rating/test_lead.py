"""The lead: who is how far, how far raters agree, what is settled, and a rubric that moves."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rating_samples import BOTH, CARD, PAIR, PASS, items, make_server
from test_rating_app import Browser

from evalsuite.calibration.bar import Bar
from evalsuite.calibration.records import Item, Label
from evalsuite.calibration.splits import split_of
from evalsuite.errors import SuiteError
from evalsuite.judging.records import UNSURE, Card, Level
from evalsuite.rating.agreeing import agreement, disagreements
from evalsuite.rating.outlook import outlook, wanted
from evalsuite.rating.server import LEAD, Server
from evalsuite.rating.session import ADJUDICATED, labels_of


def label(item: int, rater: str, value: str, criterion: str = "correctness", **rest: int) -> Label:
    return Label(item=f"{item:016x}", rater=rater, criterion=criterion, value=value, **rest)  # type: ignore[arg-type]


def test_agreement_of_two_raters_is_percent_and_kappa() -> None:
    pairs = [("pass", "pass")] * 4 + [("fail", "fail")] * 4 + [("pass", "fail")] * 2
    labels = [
        label(at, rater, value)
        for at, pair in enumerate(pairs)
        for rater, value in zip(("r1", "r2"), pair, strict=True)
    ]
    (found,) = agreement(CARD, labels)
    assert (found.items, found.same, found.figure) == (10, 0.8, "kappa")
    assert found.value == pytest.approx(0.32 / 0.52)


def test_more_raters_get_alpha_and_unsure_counts_for_nothing() -> None:
    labels = [
        label(at, rater, value, "tone")
        for at, said in enumerate(["rrr", "nnn", "www", "rnn", "wwu"])
        for rater, value in zip(
            ("r1", "r2", "cleo"),
            ({"r": "rude", "n": "neutral", "w": "warm", "u": UNSURE}[each] for each in said),
            strict=True,
        )
    ]
    found = agreement(BOTH, labels)
    assert found[0].items == 0
    assert found[0].same is None
    assert (found[1].items, found[1].figure) == (5, "alpha")
    assert found[1].same == pytest.approx(22 / 26)
    assert found[1].value is not None
    assert 0.7 < found[1].value < 0.95


def test_self_agreement_is_that_of_hidden_repeats() -> None:
    labels = [
        *(label(at, "r1", "pass") for at in range(4)),
        *(label(at, "r1", "pass", occasion=1) for at in range(3)),
        label(3, "r1", "fail", occasion=1),
    ]
    (found,) = agreement(CARD, labels)
    assert (found.repeats, found.stable, found.items) == (4, 0.75, 0)


def test_disagreements_are_listed_widest_first_until_they_are_settled() -> None:
    labels = [
        label(1, "r1", "neutral", "tone"),
        label(1, "r2", "warm", "tone"),
        label(2, "r1", "rude", "tone"),
        label(2, "r2", "warm", "tone"),
        label(3, "r1", "warm", "tone"),
        label(3, "r2", "warm", "tone"),
        label(3, "r1", "rude", "tone", occasion=1),
    ]
    assert [(each.item[-1], each.gap) for each in disagreements(BOTH, labels)] == [
        ("2", 1.0),
        ("1", 0.5),
    ]
    labels.append(label(2, ADJUDICATED, "warm", "tone"))
    assert [each.item[-1] for each in disagreements(BOTH, labels)] == ["1"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = make_server(tmp_path)
    yield made
    made.log.close()


def differ(server: Server) -> tuple[Browser, Browser, str]:
    """Anna passes everything; r2 fails one item. The lead, r1 and that item."""
    r1, r2 = Browser(server), Browser(server, "r2")
    wrong = server.session.desks["r2"].pending[2].item
    for _ in range(6):
        r1.rate()
        now = server.session.desks["r2"].pending[0].item
        r2.rate(v0="fail" if now == wrong else "pass", c0="BENS REASON")
    return Browser(server, LEAD), r1, wrong


def test_the_lead_sees_progress_agreement_and_what_to_settle(server: Server) -> None:
    lead, _, wrong = differ(server)
    page = lead.get().text
    assert page.count("6 of 6") == 2
    assert "83 %" in page
    assert f'href="/lead/item/{wrong}"' in page
    item = lead.get(f"/lead/item/{wrong}").text
    assert "BENS REASON" in item
    for word in ("SECRET", "candidate"):
        assert word not in page + item


def test_an_item_is_headed_by_its_question_and_nothing_compared_is_no_agreement(
    server: Server,
) -> None:
    lead = Browser(server, LEAD)
    assert "No item was rated by several yet" in lead.get().text
    one = items(6)[2]
    page = lead.get(f"/lead/item/{one.id}").text
    assert "<title>Adjudicate: How long is leave number 2? ·" in page
    assert "Adjudicate: <bdi>How long is leave number 2?</bdi></h1>" in page
    for name in ("r1", "r2"):
        for _ in range(6):
            Browser(server, name).rate()
    assert "Raters agree wherever several rated" in lead.get().text


def test_commands_can_be_copied(server: Server) -> None:
    page = Browser(server, LEAD).get().text
    found = re.search("<code>evalsuite rate correctness --from-run last -n ([0-9]+)</code>", page)
    assert found
    assert int(found[1]) > 130
    assert "REF" not in page


def test_a_decision_is_a_label_of_its_own_and_settles_the_item(server: Server) -> None:
    lead, r1, wrong = differ(server)
    path = f"/lead/item/{wrong}"
    form = lead.form(path, path)
    assert lead.post(path, form).status_code == 422
    other = f"/lead/item/{items(6)[0].id}"
    if other != path:
        assert lead.post(other, {**form, "v0": "pass"}).status_code == 403
    for _ in range(2):
        assert lead.post(path, {**form, "v0": "fail", "c0": "r2 is right"}).status_code == 303
    decided = [each for each in labels_of(server.log.events()) if each.rater == ADJUDICATED]
    assert [(each.item, each.value, each.critique) for each in decided] == [
        (wrong, "fail", "r2 is right")
    ]
    assert "1 adjudicated" in lead.get().text
    assert "r2 is right" not in r1.get().text


def amend(server: Server, card: Card | Exception) -> Callable[[], Card]:
    def reload() -> Card:
        if isinstance(card, Exception):
            raise card
        return card

    server.reload = reload
    return reload


def test_an_amended_rubric_is_told_and_earlier_items_are_queued_again(server: Server) -> None:
    lead, r1 = Browser(server, LEAD), Browser(server)
    for _ in range(4):
        r1.rate()
    open_form = {**r1.form(), "v0": "fail", "c0": "half written"}
    stricter = replace(PASS, question="Is every number right?")
    amend(server, replace(CARD, criteria=(stricter,), key="k9"))
    form = {**lead.form("/lead/amend"), "note": "Round numbers are wrong now."}
    unasked = lead.post("/lead/amend", form)
    assert unasked.status_code == 422
    assert "Tick that 4 ratings shall be queued again" in unasked.text
    assert "Round numbers are wrong now." in unasked.text
    form["again"] = "yes"
    for _ in range(2):
        assert lead.post("/lead/amend", form).status_code == 303
    said = " ".join(lead.get().text.split())
    assert "The card was read again and is the new one. 4 ratings were queued again." in said
    late = r1.post("/rate", open_form)
    assert late.status_code == 409
    assert "rubric was changed" in late.text
    assert "half written" in late.text
    page = r1.get().text
    assert "1 of 6" in page
    assert "Round numbers are wrong now." in page
    assert "Is every number right?" in page
    assert "what you rated before comes again" in page
    for _ in range(6):
        r1.rate(v0="fail", c0="by the new rubric")
        assert "comes again" not in r1.get().text
    held = [each for each in server.session.labels() if each.rater == "r1"]
    assert [each.value for each in held] == ["fail"] * 6
    assert "All 6 are rated" in r1.get().text


def test_an_amendment_of_nothing_is_refused_and_one_of_the_note_alone_says_so(
    server: Server,
) -> None:
    lead = Browser(server, LEAD)
    assert 'name="again"' not in lead.get().text
    for status in (303, 422):
        form = {**lead.form("/lead/amend"), "note": "clearer"}
        assert lead.post("/lead/amend", form).status_code == status
    assert len(server.session.amendments) == 1
    said = " ".join(lead.get().text.split())
    assert "The card was read again; it had not changed. 0 ratings were queued again." in said


def test_a_shipped_card_is_copied_before_it_is_amended(server: Server) -> None:
    lead = Browser(server, LEAD)
    assert "judge new" not in lead.get().text
    server.own_card = lambda: False
    assert "<code>evalsuite judge new correctness</code> copies it" in lead.get().text


def test_new_items_come_before_those_that_are_queued_again(server: Server) -> None:
    lead, r1 = Browser(server, LEAD), Browser(server)
    order = [entry.item for entry in server.session.desks["r1"].pending]
    for _ in range(4):
        r1.rate()
    lead.post("/lead/amend", {**lead.form("/lead/amend"), "note": "clearer", "again": "yes"})
    pending = [entry.item for entry in server.session.desks["r1"].pending]
    assert pending == order[4:] + order[:4]


def test_an_amendment_outlives_the_process(tmp_path: Path) -> None:
    first = make_server(tmp_path)
    lead, r1 = Browser(first, LEAD), Browser(first)
    for _ in range(4):
        r1.rate()
    lead.post("/lead/amend", {**lead.form("/lead/amend"), "note": "clearer", "again": "yes"})
    r1.rate()
    pending = list(first.session.desks["r1"].pending)
    first.log.close()
    second = make_server(tmp_path)
    assert list(second.session.desks["r1"].pending) == pending
    assert [each.note for each in second.session.amendments] == ["clearer"]
    second.log.close()


@pytest.mark.parametrize(
    ("card", "note", "said"),
    [
        (CARD, "  ", "what changes"),
        (CARD, "x" * 2001, "what changes"),
        (SuiteError("judge.md:3: no scale"), "better", "judge.md:3: no scale"),
        (BOTH, "better", "can&#x27;t be mixed"),
        (
            replace(CARD, criteria=(replace(PASS, scale=(Level("no", 0), Level("pass", 1))),)),
            "better",
            "can&#x27;t be mixed",
        ),
    ],
)
def test_an_amendment_that_would_spoil_ratings_is_refused(
    server: Server, card: Card | Exception, note: str, said: str
) -> None:
    lead = Browser(server, LEAD)
    amend(server, card)
    answer = lead.post("/lead/amend", {**lead.form("/lead/amend"), "note": note})
    assert answer.status_code == 422
    assert said in answer.text
    assert not server.log.events()


def test_a_pair_is_settled_by_its_outputs(tmp_path: Path) -> None:
    server = make_server(tmp_path, PAIR)
    lead = Browser(server, LEAD)
    path = f"/lead/item/{next(iter(server.session.items))}"
    lead.post(path, {**lead.form(path, path), "v0": "right"})
    assert labels_of(server.log.events())[0].value == "B"
    server.log.close()


def rated(server: Server, count: int, name: str = "r1") -> None:
    browser = Browser(server, name)
    for _ in range(count):
        browser.rate(seconds="0")


def test_the_way_to_a_certificate_is_counted_on_the_test_split(tmp_path: Path) -> None:
    many: list[Item] = items(80)
    server = make_server(tmp_path, rated=many, raters=("r1",))
    server.requests = type(server.requests)(1e6, 1000)
    bar = Bar(provisional_labels=30, trusted_labels=50)
    first = outlook(server.session, bar)
    assert first[0].startswith("provisional: 0 of 30 labelled items of the test split; 30 more")
    assert "about 22 min" in first[0]
    assert "1 more rater" not in first[0]
    assert first[1].endswith("and 1 more rater.")
    rated(server, 80)
    count = sum(split_of(each) == "test" for each in many)
    after = outlook(server.session, bar)
    assert after[0].startswith(f"provisional: enough labels ({count} of 30)")
    assert "evalsuite judge calibrate correctness --certify" in after[0]
    assert after[1].endswith("test split; 1 more rater.")
    server.log.close()


def test_a_session_that_is_too_small_for_trust_says_so(server: Server) -> None:
    assert any("--from-run" in line for line in outlook(server.session, Bar()))


def test_how_many_items_are_wanted_follows_the_bar() -> None:
    assert wanted(CARD, [], {}, Bar()) == 80
    many = {each.id: each for each in items(100)}
    test = sum(split_of(each) == "test" for each in many.values())
    assert wanted(CARD, [], many, Bar()) == 0, "enough are waiting"

    def rated(value: str) -> list[Label]:
        return [Label(item=name, rater="a", criterion="correctness", value=value) for name in many]

    assert wanted(CARD, rated("pass"), many, Bar()) == math.ceil((100 - test) * 1.2 / 0.75)
    assert wanted(CARD, rated(UNSURE), many, Bar()) == 80, "who is unsure has not rated"
    assert wanted(CARD, rated("pass"), many, Bar(trusted_labels=60)) == 40
