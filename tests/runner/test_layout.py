"""How an answer is laid out, told of any text in a moment."""

from __future__ import annotations

import time

import pytest

from evalsuite.runner.facts import layout


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("30 days.", "plain"),
        ("Two ways:\n- by post\n- by mail", "list"),
        ("1. by post\n2) by mail", "list"),
        ("- only one", "plain"),
        ("a | b\n---|---\n1 | 2", "table"),
        ("| a |\n|:---|\n| 1 |", "table"),
        ("```\nx = 1\n```", "code"),
        ('{"days": 30}', "data"),
        ("", "plain"),
    ],
)
def test_layouts_are_told_apart(text, kind):
    assert layout(text) == kind


@pytest.mark.parametrize("piece", [" ", "\n", "\t\n", "-", "|", "| \n", "- \n", "1", ":-", "\r"])
def test_a_megabyte_is_told_in_a_moment(piece):
    began = time.process_time()
    layout(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 5
