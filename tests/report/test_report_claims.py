"""What a reader of the report sees of claims, quotes and contexts."""

from __future__ import annotations

import pytest

from evalsuite.report.cases import spoken
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
    (line,) = spoken(("faithfulness", 1, [evidence]))
    assert plain(line.text) == said
