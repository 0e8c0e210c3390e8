"""Retrieval metrics: the reference library's values on any ranking, and the cases that it leaves
open."""

from __future__ import annotations

import itertools
import math

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.rankings.metrics import MEASURES, gains, ranked
from evalsuite.rankings.naming import ranking
from evalsuite.records import Case, Document, Output

KS = (1, 2, 3, 5, 10, 30)
NAMES = [f"d{number}" for number in range(20)]
THEIRS = {"recall": "recall", "precision": "P", "hit_rate": "success", "map": "map_cut"}
WHOLE = {
    "recall": "set_recall",
    "precision": "set_P",
    "mrr": "recip_rank",
    "map": "map",
    "ndcg": "ndcg",
    "r_precision": "Rprec",
}

labels = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5), min_size=1, max_size=12)
rankings = st.lists(st.sampled_from(NAMES), unique=True, max_size=20)


def trec(relevant: dict[str, int], ids: list[str], measures: set[str]) -> dict[str, float]:
    """What trec_eval says of documents in this order."""
    evaluator = pytrec_eval.RelevanceEvaluator({"case": relevant}, measures)
    scores = {each: float(len(ids) - place) for place, each in enumerate(ids)}
    return dict(evaluator.evaluate({"case": scores})["case"])


def ours(name: str, relevant: dict[str, float], ids: list[str]) -> float:
    contexts = [Document(each, f"text of {each}") for each in ids]
    case = Case(id="c", input="?", relevant=relevant)
    value = ranking(name)(case, Output(contexts=contexts))[name].value
    assert value is not None
    return value


@settings(max_examples=300)
@given(labels, rankings)
def test_every_metric_is_that_of_trec_eval(relevant: dict[str, int], ids: list[str]) -> None:
    cuts = ",".join(map(str, KS))
    wanted = {f"{name}.{cuts}" for name in (*THEIRS.values(), "ndcg_cut")} | {*WHOLE.values()}
    theirs = trec(relevant, ids, wanted)
    expected = {f"{our}@{k}": theirs[f"{their}_{k}"] for our, their in THEIRS.items() for k in KS}
    expected |= {f"ndcg@{k}": theirs[f"ndcg_cut_{k}"] for k in KS}
    expected |= {our: theirs[their] for our, their in WHOLE.items()}
    expected["hit_rate"] = float(theirs["set_recall"] > 0)
    for k in KS:
        expected[f"mrr@{k}"] = trec(relevant, ids[:k], {"recip_rank"})["recip_rank"]
    made = {name: ours(name, dict(relevant), ids) for name in expected}
    assert made == pytest.approx(expected, rel=0, abs=1e-12)


@given(labels, st.lists(st.sampled_from([*NAMES, ""]), max_size=30))
def test_a_document_counts_once_at_its_first_rank(relevant: dict[str, int], ids: list[str]) -> None:
    """An id that is there twice is told apart from a ranking without it by nothing else."""
    once = [each for place, each in enumerate(ids) if not each or each not in ids[:place]]
    assert ranked(ids) == once
    named = [each or f"unnamed {place}" for place, each in enumerate(once)]
    for name in ("recall@3", "precision@3", "mrr", "map", "ndcg@5", "r_precision"):
        assert ours(name, dict(relevant), ids) == ours(name, dict(relevant), named)


def test_pieces_of_one_document_are_that_document_and_the_others_move_up() -> None:
    found = ["leave#parental", "leave#parental", "leave#sick"]
    relevant = {"leave#parental": 1.0, "leave#sick": 1.0}
    assert ours("recall@1", relevant, found) == 0.5
    assert ours("recall@2", relevant, found) == 1.0
    assert ours("precision@2", relevant, found) == 1.0
    assert ours("map", relevant, found) == 1.0


def test_pieces_without_an_id_take_a_rank_each_and_are_never_relevant() -> None:
    assert ours("mrr", {"a": 1.0, "": 1.0}, ["", "", "a"]) == pytest.approx(1 / 3)


@given(st.permutations(["a", "b", "c", "d"]), st.lists(st.none() | st.just(1.0), max_size=4))
def test_the_order_of_the_documents_is_the_ranking_whatever_their_scores(
    ids: list[str], scores: list[float | None]
) -> None:
    case = Case(id="c", input="?", relevant={"b": 1.0})
    contexts = [
        Document(each, "", score) for each, score in itertools.zip_longest(ids, scores) if each
    ]
    value = ranking("mrr")(case, Output(contexts=contexts))["mrr"].value
    assert value == 1 / (ids.index("b") + 1)


@pytest.mark.parametrize("name", [*MEASURES, "recall@5", "precision@5", "mrr@1", "ndcg@10"])
def test_where_nothing_was_retrieved_every_metric_is_0(name: str) -> None:
    assert ours(name, {"a": 1.0}, []) == 0.0


def test_k_beyond_what_was_retrieved_counts_for_precision_alone() -> None:
    relevant = {"a": 1.0, "b": 1.0}
    assert ours("precision@10", relevant, ["a", "b"]) == 0.2
    assert ours("precision", relevant, ["a", "b"]) == 1.0
    assert ours("recall@10", relevant, ["a", "b"]) == 1.0
    assert ours("r_precision", relevant, ["a"]) == 0.5


def test_the_gain_is_the_grade_itself() -> None:
    relevant = {"much": 3.0, "little": 1.0}
    reached = 1 / math.log2(2) + 3 / math.log2(3)
    best = 3 / math.log2(2) + 1 / math.log2(3)
    assert ours("ndcg", relevant, ["little", "much"]) == pytest.approx(reached / best)
    assert ours("ndcg@1", relevant, ["little", "much"]) == pytest.approx(1 / 3)


grades = st.floats(min_value=5e-324, max_value=1e308)


@given(
    st.dictionaries(st.sampled_from(NAMES), grades, min_size=1, max_size=8),
    st.lists(st.sampled_from(NAMES), max_size=20),
    st.none() | st.integers(1, 1_000),
)
def test_any_grades_give_a_value_within_0_and_1(
    relevant: dict[str, float], ids: list[str], k: int | None
) -> None:
    found = gains(ranked(ids), relevant)
    ideal = sorted(relevant.values(), reverse=True)
    for name, measure in MEASURES.items():
        assert 0.0 <= measure(found, ideal, k) <= 1.0, name
    for measure in MEASURES.values():
        assert measure(ideal, ideal, len(ideal)) == 1.0 or measure is MEASURES["mrr"]
