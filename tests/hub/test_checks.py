"""One check per commit, name and run, with every annotation once, whatever fails on the way."""

from __future__ import annotations

from github_server import FAULTS, GitHub, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.errors import HubError
from evalsuite.hub import checks, marks
from evalsuite.hub.api import Client

HEAD = "a" * 40
NOTES = [
    {
        "path": "golden/hr/cases.jsonl",
        "start_line": line,
        "end_line": line,
        "annotation_level": "failure",
        "message": f"case {line}",
    }
    for line in range(1, 121)
]


def check(number: int = 1, attempt: int = 1, title: str = "clear") -> checks.Check:
    state = marks.State(HEAD, 9000 + number, number, attempt, "clear")
    return checks.Check("evals", state, "success", title, "all is well", annotations=NOTES)


def put(hub: GitHub, wanted: checks.Check) -> checks.Placed:
    client = Client(hub.url, hub.token, sleep=lambda _: None)
    try:
        return checks.put(client, hub.repository, wanted)
    finally:
        client.close()


def lines(hub: GitHub, at: int = -1) -> list[int]:
    return [each["start_line"] for each in hub.checks[at]["annotations"]]


def test_annotations_go_in_batches_and_never_twice(hub: GitHub) -> None:
    assert put(hub, check()).app == "github-actions"
    assert lines(hub) == [*range(1, 121)]
    asked = len(hub.asked)
    put(hub, check())
    assert [method for method, *_ in hub.asked[asked:]] == ["GET"]
    put(hub, check(title="other words"))
    assert len(hub.checks) == 1
    assert hub.checks[0]["output"]["title"] == "other words"
    assert lines(hub) == [*range(1, 121)]


def test_a_later_run_has_a_check_of_its_own_and_an_earlier_one_leaves_it(hub: GitHub) -> None:
    put(hub, check(2, 2))
    assert put(hub, check(2, 1)).order == (2, 2)
    assert put(hub, check(1, 9)).order == (2, 2)
    put(hub, check(3))
    assert [each["external_id"].split("/")[1] for each in hub.checks] == ["2", "3"]


@settings(max_examples=40)
@given(st.dictionaries(st.integers(0, 12), st.sampled_from(FAULTS), max_size=8))
def test_any_faults_leave_each_annotation_once_or_a_clear_error(faults: dict[int, str]) -> None:
    with serving() as hub:
        hub.slow = 0.0
        hub.faults = faults
        try:
            put(hub, check())
        except HubError:
            hub.faults = {}
            put(hub, check())
        assert len(hub.checks) == 1
        assert lines(hub) == [*range(1, 121)]


def test_a_check_of_somebody_else_is_left_alone(hub: GitHub) -> None:
    put(hub, check())
    hub.checks[0]["external_id"] = "another/1/1/9001/"
    put(hub, check())
    assert [lines(hub, at) for at in (0, 1)] == [[*range(1, 121)]] * 2
