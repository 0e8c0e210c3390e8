"""What a reader of the report sees of claims, quotes and contexts."""

from __future__ import annotations

import pytest

from evalsuite.report.claims import spoken
from evalsuite.report.escape import plain


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (
            {
                "claim": "It is 16 weeks.",
                "verdict": "supported",
                "quotes": [{"quote": "is 16 weeks", "contexts": ["leave", "faq"]}],
            },
            "supported: It is 16 weeks. – “is 16 weeks” in leave, faq",
        ),
        (
            {
                "claim": "It is 6 weeks.",
                "verdict": "unverified",
                "quotes": [{"quote": "6 weeks", "contexts": []}],
            },
            "unverified: It is 6 weeks. – “6 weeks” stands in no context",
        ),
        ({"claim": "It is blue.", "verdict": "absent"}, "absent: It is blue."),
        (
            {"context": "leave", "rank": 2, "verdict": "irrelevant", "critique": "On pay."},
            "irrelevant: context leave at rank 2 – On pay.",
        ),
        ({"citation": "pay", "verdict": "no"}, "no: citation pay"),
        ({"raw": "no JSON"}, "raw: no JSON"),
    ],
)
def test_a_verdict_is_told_with_what_it_rests_on(evidence: dict[str, object], said: str) -> None:
    (line,) = spoken([("faithfulness", 1, [evidence])])
    assert plain(line.text) == said


def test_why_a_way_is_wrong_is_told_before_how_long_it_was() -> None:
    way = " → ".join(f"search({at})" for at in range(100))
    evidence = {"called": way, "reference": "book", "fault": "planning: no booking"}
    (line,) = spoken([("trajectory.order", 1, [evidence])])
    assert plain(line.text).startswith("fault: planning: no booking; reference: book; called: ")
    assert len(plain(line.text)) <= 400


def test_trials_that_are_alike_are_told_once_and_others_by_their_number() -> None:
    yes, no = [{"fault": "x"}], [{"fault": "y"}]
    alike = spoken([("m", trial, yes) for trial in (1, 2, 3)])
    assert [(each.label, plain(each.text)) for each in alike] == [("m", "fault: x")]
    apart = spoken([("m", 1, yes), ("m", 2, no), ("m", 3, no), ("other", 1, yes)])
    assert [each.label for each in apart] == ["m", "m, trials 2, 3", "other"]
