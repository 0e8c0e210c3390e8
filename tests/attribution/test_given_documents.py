"""Which targets can be given documents is told from their parameters."""

from __future__ import annotations

from typing import Any

import pytest

import evalsuite as ev
from evalsuite.suites import Suite, variants_of


def made(target: Any, **arguments: Any) -> Suite:
    return ev.suite(golden="words", **arguments)(target)


def test_a_parameter_contexts_that_may_be_left_out_takes_documents() -> None:
    async def words(case: ev.Case, llm: ev.LLM, contexts: Any = None) -> str:
        return ""

    def plain(case: ev.Case, *, contexts: Any = None) -> str:
        return ""

    assert [(made(each).contexts, made(each).fixtures) for each in (words, plain)] == [
        (True, ()),
        (True, ()),
    ]


def test_one_without_a_default_stays_a_fixture() -> None:
    def words(case: ev.Case, contexts: Any) -> str:
        return ""

    def odd(case: ev.Case, contexts: Any = ()) -> str:
        return ""

    assert [(made(each).contexts, made(each).fixtures) for each in (words, odd)] == [
        (False, ("contexts",)),
        (False, ("contexts",)),
    ]


def test_a_variant_of_a_suite_takes_them_too() -> None:
    async def words(case: ev.Case, variant: Any, contexts: Any = None) -> str:
        return ""

    variants = {"a": ev.Variant(params={"prompt": "x"})}
    (one,) = variants_of(made(words, variants=variants))
    assert (one.contexts, one.fixtures) == (True, ())


def test_what_is_reached_from_outside_can_be_given_none() -> None:
    pytest.importorskip("httpx2")
    reached = ev.http_target("http://127.0.0.1:9/x", {"q": "1"}, contexts="$.c", name="reached")
    started = ev.command_target(["true"], contexts="$.c", name="started")
    assert [made(each).contexts for each in (reached, started)] == [False, False]
