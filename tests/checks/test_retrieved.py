"""Retrieved documents: what makes one too old, a double or forbidden, and that this blocks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite import checks
from evalsuite.errors import ProblemsError
from evalsuite.records import Case, Document, Json, Output

CASE = Case(id="c", input="?")


def found(check: checks.Check, *documents: Document) -> tuple[bool | None, str]:
    outcome = check(CASE, Output(contexts=documents))
    return outcome.holds, outcome.reason


def of(name: str = "a", text: str = "", **metadata: Json) -> Document:
    return Document(name, text, metadata=metadata)


FRESH = checks.documents_fresh(30, as_of="2026-11-30")
DATED = checks.documents_fresh(as_of="2026-11-30")


@pytest.mark.parametrize(
    ("check", "document", "says"),
    [
        (FRESH, of(updated="2026-10-30"), '"a": 31 days old ("updated" is 2026-10-30), at most 30'),
        (FRESH, of(), '"a": has no date "updated", and may be of any age'),
        (FRESH, of(updated=None), '"a": has no date "updated", and may be of any age'),
        (FRESH, of(updated="last week"), '"a": "updated" is "last week", which is no date'),
        (FRESH, of(updated=1764460800), '"a": "updated" is 1764460800, which is no date'),
        (FRESH, of(updated="2026-11-29", expires="2026-11-29"), '"a": expired on 2026-11-29'),
        (FRESH, of(updated="2026-11-29", expires="soon"), '"expires" is "soon", which is no date'),
        (DATED, of(expires="2026-11-29T12:00:00Z"), '"a": expired on 2026-11-29'),
        (DATED, of(updated="2026-11-29"), '"a": has no date "expires" (null says never)'),
        (FRESH, of(updated="2026-10-31"), None),
        (FRESH, of(updated="2027-01-01", expires=None), None),
        (FRESH, of(updated="20261130T080000+0100"), None),
        (DATED, of(expires="2026-11-30"), None),
        (DATED, of(expires=None), None),
    ],
)
def test_a_document_is_fresh_on_a_day(
    check: checks.Check, document: Document, says: str | None
) -> None:
    holds, reason = found(check, document)
    assert holds is (says is None)
    assert (says or "1 document retrieved, all of them fresh on 2026-11-30") in reason


ACME = checks.documents_allowed(metadata={"tenant": ["acme", "public"]})


@pytest.mark.parametrize(
    ("check", "document", "says"),
    [
        (ACME, of("p", tenant="globex"), '"p": "tenant" is "globex", allowed is "acme", "public"'),
        (ACME, of("p", tenant="ACME"), '"tenant" is "ACME"'),
        (ACME, of("p"), '"p": has no "tenant", and may be anybody\'s'),
        (ACME, of("p", tenant=None), '"tenant" is null'),
        (ACME, of("p", tenant=[]), '"tenant" is []'),
        (ACME, of("p", tenant={"acme": True}), '"tenant" is {"acme": true}'),
        (ACME, of("p", tenant=["globex", "acme"]), None),
        (checks.documents_allowed(metadata={"level": [1]}), of(level=True), '"level" is true'),
        (checks.documents_allowed(metadata={"level": 1}), of(level=1.0), None),
        (checks.documents_allowed(["a", "b/*"]), of("b/x"), None),
        (checks.documents_allowed(["a", "b/*"]), of("ab/x"), '"ab/x": its id is not allowed'),
        (checks.documents_allowed(["a"]), of(""), '"": its id is not allowed'),
    ],
)
def test_a_document_is_allowed_by_id_and_metadata(
    check: checks.Check, document: Document, says: str | None
) -> None:
    holds, reason = found(check, document)
    assert holds is (says is None)
    assert (says or "all of them allowed") in reason


def test_both_ids_and_metadata_must_allow_it() -> None:
    check = checks.documents_allowed(["acme/*"], metadata={"tenant": "acme"})
    assert found(check, of("acme/a", tenant="acme"))[0] is True
    assert found(check, of("acme/a", tenant="globex"))[0] is False
    assert found(check, of("globex/a", tenant="acme"))[0] is False


@given(
    st.lists(st.text("ab", max_size=3), min_size=1, max_size=4),
    st.lists(st.text("ab*", max_size=3), min_size=3, max_size=3),
    st.text("ab", max_size=8),
)
def test_a_star_stands_for_any_text(parts: list[str], between: list[str], other: str) -> None:
    import re

    pattern = "*".join(parts) or "*"
    check = checks.documents_allowed([pattern])
    whole = "".join(part + fill for part, fill in zip(parts, [*between, ""], strict=False))
    for name in (whole, other):
        wanted = ".*".join(map(re.escape, pattern.split("*")))
        assert found(check, of(name))[0] is (re.fullmatch(wanted, name) is not None)


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        ((of("a", "one"), of("b", "two"), of("a", "three")), '"a" is at ranks 1 and 3'),
        (
            (of("a", "Leave is 16 weeks, paid."), of("b", "leave is 16 weeks - PAID")),
            '"b" at rank 2 says what "a" at rank 1 says (100% alike)',
        ),
        ((of("", "one"), of("", "two")), None),
        ((of("a", ""), of("b", "")), None),
        ((of("a", " "), of("b", "\n")), None),
        ((of("a", "🎉 ☕"), of("b", "🎉\n☕")), '"b" at rank 2 says what "a" at rank 1 says (100%'),
        (
            (of("a", "🎉"), of("b", "☕"), of("c", "!!!"), of("d", "🎉")),
            '"d" at rank 4 says what "a"',
        ),
        (
            (of("a", "The limit of level 3 is 40 EUR"), of("b", "The limit of level 4 is 40 EUR")),
            None,
        ),
    ],
)
def test_doubles_are_found_by_id_and_by_text(
    documents: tuple[Document, ...], says: str | None
) -> None:
    holds, reason = found(checks.documents_unique(), *documents)
    assert holds is (says is None)
    assert (says or "none of them twice") in reason


def test_too_many_documents_to_compare_are_undecided() -> None:
    documents = [of(str(number)) for number in range(1_001)]
    assert found(checks.documents_unique(), *documents) == (
        None,
        "1001 documents; up to 1000 are compared",
    )


@pytest.mark.parametrize("check", [FRESH, DATED, ACME, checks.documents_unique()])
def test_where_nothing_was_retrieved_nothing_is_wrong_with_it(check: checks.Check) -> None:
    assert found(check)[0] is True


def test_a_reason_names_the_first_three_and_counts_the_others() -> None:
    holds, reason = found(ACME, *(of(f"d{number}", tenant="globex") for number in range(5)))
    assert holds is False
    assert reason.count("globex") == 3
    assert reason.endswith("; and 2 more")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"documents_fresh": 30}, "missing a required argument: 'as_of'"),
        ({"documents_fresh": {"as_of": "today"}}, 'as_of: "today" is no date'),
        ({"documents_fresh": {"days": -1, "as_of": "2026-01-01"}}, "days: must not be negative"),
        ({"documents_allowed": True}, "nothing says what is allowed"),
        ({"documents_allowed": []}, "must not be empty (list at least one, or leave it out)"),
        ({"documents_allowed": {"metadata": {}}}, "nothing says what is allowed"),
        ({"documents_allowed": {"metadata": {"tenant": []}}}, "metadata.tenant: must be a list"),
        ({"documents_allowed": {"metadata": {"tenant": [["a"]]}}}, "must be a list of values"),
        ({"documents_allowed": {"tenant": ["acme"]}}, 'unknown parameter "tenant"'),
        ({"documents_unique": 0.5}, "must be from 0.7 to 1"),
    ],
)
def test_a_wrong_parameter_is_an_error_with_its_field(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        checks.compile_checks([spec])
    assert says in str(caught.value)


RETRIEVER = """
import evalsuite as ev

INDEX = {
    "acme/leave": ("Leave is 16 weeks.", {"tenant": "acme", "expires": None}),
    "acme/rates": ("Mileage is 0.30 EUR.", {"tenant": "acme", "expires": "2025-12-31"}),
    "globex/pay": ("Globex pays on the 1st.", {"tenant": "globex", "expires": None}),
}

@ev.suite(golden="words")
def words(case):
    found = [(name, *INDEX[name]) for name in case.input.split()]
    return ev.Output(contexts=[ev.Document(id, text, metadata=known) for id, text, known in found])
"""
TENANT = {"documents_allowed": {"metadata": {"tenant": ["acme", "public"]}}}
EXPIRY = {"documents_fresh": {"as_of": "2026-11-30"}}


def outcome(project: Any, retrieves: str) -> pytest.RunResult:
    project.write("test_words.py", RETRIEVER)
    case = {"id": "leave", "input": retrieves, "must_pass": True, "checks": [TENANT, EXPIRY]}
    project.cases([case])
    result: pytest.RunResult = project.run()
    return result


def test_a_leak_between_tenants_blocks_and_names_the_document(project: Any) -> None:
    result = outcome(project, "acme/leave globex/pay")
    assert result.ret == 1
    says = '"globex/pay": "tenant" is "globex", allowed is "acme", "public"'
    result.stdout.fnmatch_lines([f"must_pass case leave: documents_allowed: {says}"])


def test_an_expired_document_blocks_and_is_named_with_its_date(project: Any) -> None:
    result = outcome(project, "acme/leave acme/rates")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ['must_pass case leave: documents_fresh: "acme/rates": expired on 2025-12-31']
    )


def test_documents_that_may_be_seen_and_are_fresh_pass(project: Any) -> None:
    assert outcome(project, "acme/leave").ret == 0
