"""Slices that nobody tagged."""

from hypothesis import given
from hypothesis import strategies as st
from paired_runs import row, run_of

from evalsuite.diff import compare
from evalsuite.diff.derived import derived_slices


def test_numbers_become_quartiles():
    facts = {f"c{n:02d}": {"input_length": n, "citations": n} for n in range(1, 9)}
    found = derived_slices(facts)
    assert found["input_length=short"] == ("c01", "c02")
    assert found["input_length=longest"] == ("c07", "c08")
    assert found["citations=highest"] == ("c07", "c08")


def test_few_distinct_numbers_text_and_booleans_are_sliced_by_value():
    facts = {
        "a": {"documents": 3, "language": "de", "relevant_retrieved": True},
        "b": {"documents": 0, "language": "fr", "relevant_retrieved": False},
    }
    assert derived_slices(facts) == {
        "documents=0": ("b",),
        "documents=3": ("a",),
        "language=de": ("a",),
        "language=fr": ("b",),
        "relevant_retrieved=false": ("b",),
        "relevant_retrieved=true": ("a",),
    }


def test_text_that_names_every_case_is_no_slice():
    assert derived_slices({f"c{n}": {"title": f"title {n}"} for n in range(60)}) == {}


json = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([10**400, -(10**400), [1]]),
)


@given(
    st.dictionaries(st.text(max_size=4), st.dictionaries(st.sampled_from("ab"), json), max_size=12)
)
def test_a_fact_puts_a_case_in_at_most_one_of_its_slices(facts):
    seen = [
        (name.partition("=")[0], case)
        for name, cases in derived_slices(facts).items()
        for case in cases
    ]
    assert len(seen) == len(set(seen))


def test_the_candidates_own_answers_do_not_move_cases_between_slices():
    before = run_of([row("a", 1.0, output_facts={"documents": 2}), row("gone", 1.0)])
    after = run_of([row("a", 1.0, output_facts={"documents": 9}, facts={"language": "de"})])
    assert compare(before, after).derived == {"documents=2": ("a",), "language=de": ("a",)}
    assert compare(None, after).derived == {"language=de": ("a",)}


def test_a_dimension_that_is_tagged_is_not_derived_again():
    run = run_of([row("a", 1.0, slices={"language": "German"}, facts={"language": "de"})])
    assert compare(None, run).derived == {}


def test_a_count_that_nearly_all_cases_share_is_not_called_the_lowest():
    facts = {f"c{n:02d}": {"documents": 6 if n > 4 else n} for n in range(40)}
    assert len(derived_slices(facts)["documents=6"]) == 35


def test_few_distinct_lengths_are_still_short_and_long_not_figures():
    facts = {f"c{n:03}": {"input_length": 5000 + n % 2 if n % 7 == 0 else 20} for n in range(140)}
    found = derived_slices(facts)
    assert set(found) <= {f"input_length={name}" for name in ("short", "medium", "long", "longest")}
    assert len(found["input_length=longest"]) == 20
