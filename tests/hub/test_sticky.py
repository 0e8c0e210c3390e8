"""One comment, updated in place, whatever fails on the way and whoever else writes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from github_server import GitHub, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.errors import EvalsuiteError, HubError
from evalsuite.hub import checks, marks, sticky
from evalsuite.hub.api import Client

A, B, C = ("a" * 40, "b" * 40, "c" * 40)
HARMLESS = ("reset", "lost", "500", "502", "garbage", "limit", "secondary", "429")


def state(head: str = A, number: int = 1, attempt: int = 1, text: str = "") -> marks.State:
    return marks.State(head, 9000 + number, number, attempt, "clear", text)


def client_of(hub: GitHub, waits: list[float] | None = None) -> Client:
    return Client(hub.url, hub.token, sleep=(waits if waits is not None else []).append)


def place(hub: GitHub, number: int) -> sticky.Place:
    return sticky.Place(hub.repository, number, hub.login, "evals", "evals")


def put(hub: GitHub, number: int, run: marks.State, text: str, *, quiet: bool = False) -> str:
    client = client_of(hub)
    try:
        return sticky.put(client, place(hub, number), sticky.Post(run, lambda _: text, quiet))
    finally:
        client.close()


def report(hub: GitHub, number: int, run: marks.State, text: str) -> str:
    """Check and comment, as `evalsuite ci comment` writes them."""
    client = client_of(hub)
    try:
        whole = marks.body("evals", run, text)
        check = checks.Check("evals", run, "success", "clear", whole)
        checks.put(client, hub.repository, check)
        return sticky.put(client, place(hub, number), sticky.Post(run, lambda _: text))
    finally:
        client.close()


def ours(hub: GitHub, number: int) -> list[str]:
    return [
        each["body"]
        for each in hub.comments[number]
        if each["user"]["login"] == hub.login and marks.is_marked(each["body"], "evals")
    ]


def test_a_comment_is_created_once_and_then_updated_in_place(hub: GitHub) -> None:
    number = hub.pull(A)
    assert put(hub, number, state(), "first") == "created"
    there = hub.comments[number][0]["id"]
    assert put(hub, number, state(), "first") == "up to date"
    hub.push(number, B)
    assert put(hub, number, state(B, 2), "second") == "updated"
    [comment] = hub.comments[number]
    assert comment["id"] == there
    assert comment["body"].endswith("\n\nsecond")
    assert marks.state_of(comment["body"]) == state(B, 2)


def test_it_is_found_on_any_page_and_only_by_its_author(hub: GitHub) -> None:
    number = hub.pull(A)
    for at in range(205):
        hub.write(number, f"hello {at}")
    hub.write(number, marks.body("evals", state(), "look-alike"), "someone")
    put(hub, number, state(), "first")
    for at in range(205):
        hub.write(number, f"hello again {at}")
    hub.write(number, "quoted:\n" + marks.mark("evals"), hub.login)
    hub.write(number, marks.body("another", state(), "another workflow's"), hub.login)
    hub.push(number, B)
    before = [each["body"] for each in hub.comments[number]]
    assert put(hub, number, state(B, 2), "second") == "updated"
    after = [each["body"] for each in hub.comments[number]]
    changed = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert changed == [206]
    assert ours(hub, number)[0].endswith("second")


def test_nothing_to_say_posts_nothing_and_still_updates_what_stands(hub: GitHub) -> None:
    number = hub.pull(A)
    assert put(hub, number, state(), "all is well", quiet=True) == "nothing to say"
    assert not hub.comments[number]
    put(hub, number, state(), "worse")
    hub.push(number, B)
    assert put(hub, number, state(B, 2), "all is well", quiet=True) == "updated"
    assert ours(hub, number)[0].endswith("all is well")


def test_an_older_commit_or_attempt_never_replaces_a_newer_one(hub: GitHub) -> None:
    number = hub.pull(A)
    put(hub, number, state(A, 1, 2), "second attempt")
    assert put(hub, number, state(A, 1, 1), "first attempt") == "superseded"
    hub.push(number, B)
    assert put(hub, number, state(A, 1, 3), "late") == "superseded"
    put(hub, number, state(B, 2), "pushed")
    hub.push(number, A)  # forced back: the head is what counts, not the time
    assert put(hub, number, state(B, 2), "pushed again") == "superseded"
    assert put(hub, number, state(A, 3), "forced back") == "updated"
    assert ours(hub, number)[0].endswith("forced back")


def test_a_comment_that_was_edited_or_doubled_is_put_right(hub: GitHub) -> None:
    number = hub.pull(A)
    hub.write(number, marks.mark("evals") + "\nedited", hub.login)
    hub.write(number, marks.body("evals", state(), "doubled"), hub.login)
    assert put(hub, number, state(), "right") == "updated"
    [body] = ours(hub, number)
    assert body.endswith("right")


def test_a_comment_deleted_between_find_and_update_is_made_again(hub: GitHub) -> None:
    number = hub.pull(A)
    put(hub, number, state(), "first")
    hub.push(number, B)

    def vanish(_: int, method: str, path: str) -> None:
        if method == "PATCH":
            hub.comments[number].clear()
            hub.before = lambda *_: None

    hub.before = vanish
    put(hub, number, state(B, 2), "second")
    [body] = ours(hub, number)
    assert body.endswith("second")


def test_what_the_host_finds_too_long_is_shortened_until_it_fits(hub: GitHub) -> None:
    number = hub.pull(A)
    hub.longest = 20_000
    client = client_of(hub)
    sticky.put(client, place(hub, number), sticky.Post(state(), lambda limit: "x" * limit))
    client.close()
    [body] = ours(hub, number)
    assert body.endswith("x" * 15_000)
    hub.longest = 100
    hub.push(number, B)
    with pytest.raises(HubError, match="too long"):
        put(hub, number, state(B, 2), "y" * 101)
    assert ours(hub, number) == [body]


@pytest.mark.parametrize(
    ("status", "said"), [(403, "workflow_run"), (404, "not there"), (401, "expired")]
)
def test_a_refusal_is_one_clear_error(hub: GitHub, status: int, said: str) -> None:
    number = hub.pull(A)
    if status == 403:
        hub.writable = set()
    hub.token, token = ("ghs_another_token" if status == 401 else hub.token), hub.token
    client = Client(hub.url, token, sleep=lambda _: pytest.fail("waited"))
    where = place(hub, number if status != 404 else 4)
    with pytest.raises(HubError, match=said) as error:
        sticky.put(client, where, sticky.Post(state(), lambda _: "text"))
    client.close()
    assert error.value.status == status
    assert not hub.comments[number]


def test_limits_are_waited_for_as_long_as_they_say_but_not_for_ever(hub: GitHub) -> None:
    number = hub.pull(A)
    hub.wait = 7
    hub.faults = {0: "secondary", 1: "limit", 2: "429"}
    waits: list[float] = []
    client = client_of(hub, waits)
    sticky.put(client, place(hub, number), sticky.Post(state(), lambda _: "text"))
    assert waits[0] == waits[2] == 7
    assert 6 <= waits[1] <= 9
    hub.wait = 3600
    hub.faults = {len(hub.asked): "limit"}
    with pytest.raises(HubError, match="too long"):
        sticky.put(client, place(hub, number), sticky.Post(state(A, 2), lambda _: "text"))
    client.close()
    assert len(waits) == 3


def test_nothing_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving() as hub:
        number = hub.pull(A)
        client = client_of(hub)
    with pytest.raises(HubError, match="no connection, 5 times") as error:
        sticky.put(client, place(hub, number), sticky.Post(state(), lambda _: "text"))
    client.close()
    assert hub.token not in caplog.text + str(error.value)


@pytest.mark.parametrize("base", ["http://github.example", "ftp://x", "https://u:p@host", "", "x"])
def test_a_token_is_sent_nowhere_in_the_clear(base: str) -> None:
    with pytest.raises(EvalsuiteError, match="https"):
        Client(base, "ghs_" + "x" * 36)


@pytest.mark.parametrize("token", ["", "short", "ghs_with\nnewline", "ghs_with-ü-letter"])
def test_what_is_no_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(EvalsuiteError, match="GITHUB_TOKEN") as error:
        Client("https://api.github.example", token)
    assert not token or token not in str(error.value)


def test_a_next_page_elsewhere_is_not_asked(hub: GitHub) -> None:
    number = hub.pull(A)
    for at in range(101):
        hub.write(number, str(at))
    with serving() as other:
        hub.url, url = other.url, hub.url  # what the links are made of
        client = Client(url, hub.token, sleep=lambda _: None)
        with pytest.raises(HubError, match="another host"):
            sticky.put(client, place(hub, number), sticky.Post(state(), lambda _: "text"))
        client.close()
        assert not other.asked


@settings(max_examples=60)
@given(
    faults=st.dictionaries(st.integers(0, 14), st.sampled_from(HARMLESS), max_size=9),
    there=st.booleans(),
)
def test_any_faults_leave_one_comment_with_the_newest_text_or_a_clear_error(
    faults: dict[int, str], there: bool
) -> None:
    with serving() as hub:
        number = hub.pull(B)
        if there:
            hub.write(number, marks.body("evals", state(), "old"), hub.login)
        hub.faults = faults
        try:
            report(hub, number, state(B, 2), "new")
        except HubError:
            assert len(ours(hub, number)) <= 1 + ("lost" in faults.values())
            assert len(ours(hub, number)) >= there
            hub.faults = {}
            report(hub, number, state(B, 2), "new")
        [body] = ours(hub, number)
        assert marks.state_of(body) == state(B, 2)
        assert body.endswith("new")
        [check] = hub.checks
        assert check["conclusion"] == "success"


PUSH = "push"
STEPS = st.one_of(
    st.just((PUSH, 0, {})),
    st.tuples(
        st.just("report"),
        st.integers(0, 2),
        st.dictionaries(st.integers(0, 9), st.sampled_from(HARMLESS), max_size=4),
    ),
)


@settings(max_examples=60)
@given(steps=st.lists(STEPS, min_size=3, max_size=9))
def test_any_order_of_pushes_and_reports_that_fail_ends_with_the_newest(
    steps: list[tuple[str, int, dict[int, str]]],
) -> None:
    """A report may come late, of a commit that was pushed over, and break at any request."""
    with serving() as hub:
        newest, number = 0, hub.pull(f"{0:040x}")
        for what, back, faults in steps:
            if what == PUSH:
                newest += 1
                hub.push(number, f"{newest:040x}")
                continue
            at = max(0, newest - back)
            before = ours(hub, number)
            hub.faults = {len(hub.asked) + each: fault for each, fault in faults.items()}
            try:
                report(hub, number, state(f"{at:040x}", at + 1), f"report {at}")
            except HubError:
                assert at == newest or ours(hub, number) == before
                continue
            if at == newest:
                [body] = ours(hub, number)
                assert body.endswith(f"\n\nreport {at}")
            else:
                assert ours(hub, number) == before
        hub.faults = {}
        report(hub, number, state(f"{newest:040x}", newest + 1), f"report {newest}")
        [body] = ours(hub, number)
        assert body.endswith(f"\n\nreport {newest}")


def test_a_host_slower_than_patience_gets_no_second_comment(hub: GitHub) -> None:
    number = hub.pull(A)
    hub.slow = 0.4
    hub.faults = dict.fromkeys((0, 2), "slow")  # a list, and the comment
    client = client_of(hub)
    client._http.timeout = 0.2
    sticky.put(client, place(hub, number), sticky.Post(state(), lambda _: "text"))
    client.close()
    assert len(ours(hub, number)) == 1


def raced(hub: GitHub, number: int, at: int, meanwhile: Callable[[], object]) -> None:
    """A report of A; `meanwhile` happens before its request number `at`, or after all."""
    client = client_of(hub)
    ask, asked = client._once, 0

    def once(*arguments: Any) -> Any:
        nonlocal asked
        if asked == at:
            meanwhile()
        asked += 1
        return ask(*arguments)

    client._once = once  # type: ignore[method-assign]
    whole = marks.body("evals", state(A, 1), "A")
    checks.put(client, hub.repository, checks.Check("evals", state(A, 1), "success", "", whole))
    sticky.put(client, place(hub, number), sticky.Post(state(A, 1), lambda _: "A"))
    client.close()
    if asked <= at:
        meanwhile()


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("at", range(12))
def test_of_two_pushes_that_race_the_newer_ones_report_stands(
    hub: GitHub, at: int, there: bool
) -> None:
    number = hub.pull(A)
    if there:
        hub.write(number, marks.body("evals", state(C, 0), "before"), hub.login)

    def meanwhile() -> None:
        hub.push(number, B)
        report(hub, number, state(B, 2), "B")

    raced(hub, number, at, meanwhile)
    [body] = ours(hub, number)
    assert body.endswith("\n\nB")


@pytest.mark.parametrize("first", range(3, 8))
@pytest.mark.parametrize("second", range(0, 9, 2))
def test_two_reports_that_race_each_other_end_as_the_newer_one(
    hub: GitHub, first: int, second: int
) -> None:
    """B is reported within A's report, and A's goes on within B's own: at any step of both."""
    number = hub.pull(A)
    halves: list[threading.Thread] = []
    turn = threading.Semaphore(0)

    def meanwhile() -> None:
        hub.push(number, B)
        client = client_of(hub)
        ask, asked = client._once, 0

        def once(*arguments: Any) -> Any:
            nonlocal asked
            if asked == second:
                back.release()
                turn.acquire(timeout=5)
            asked += 1
            return ask(*arguments)

        client._once = once  # type: ignore[method-assign]

        def other() -> None:
            whole = marks.body("evals", state(B, 2), "B")
            check = checks.Check("evals", state(B, 2), "success", "", whole)
            checks.put(client, hub.repository, check)
            sticky.put(client, place(hub, number), sticky.Post(state(B, 2), lambda _: "B"))
            client.close()
            back.release()

        back = threading.Semaphore(0)
        halves.append(threading.Thread(target=other))
        halves[0].start()
        back.acquire(timeout=5)

    raced(hub, number, first, meanwhile)
    turn.release()
    halves[0].join(10)
    [body] = ours(hub, number)
    assert body.endswith("\n\nB")
