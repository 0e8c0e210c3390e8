"""Readers of seven public layouts of judge and human data, and the figures of each.

A layout is known by its fields, so other files of the same layouts are read alike. Every figure
comes from `evalsuite.stats`; what is here only picks rows and columns. `asked` holds names that
carry parameters ("JUDGE vs JUDGE", "ragas>=0.5") beyond those that are always computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from evalsuite.stats.agreement import classification, cohen_kappa, confusion
from evalsuite.stats.correlation import correlations, within_clusters
from evalsuite.stats.raters import (
    fleiss_kappa,
    krippendorff_alpha,
    majority,
    means,
    medians,
    pair_agreement,
    pairwise_kappas,
)
from evalsuite.stats.rates import mcnemar, rates, share
from evalsuite.stats.stability import stability
from evalsuite.stats.swaps import swaps

Row = Mapping[str, Any]
Figures = dict[str, Any]

PAIR = ("A", "B", "tie")


def pairs(rows: Sequence[Row], asked: Iterable[str]) -> Figures:
    """LLMBar: two-order verdicts of many judges, with gold; per subset of the rows."""
    subsets = {name: [row for row in rows if row["subset"] == name] for name in _in(rows, "subset")}
    found: Figures = {"per_subset": {}, "wilson95_acc_ab": {}}
    for subset, members in subsets.items():
        judges = {judge: None for row in members for judge in row["verdicts"]}
        right = {judge: _right(members, judge) for judge in judges}
        found["per_subset"][subset] = {judge: _swapped(members, judge) for judge in judges}
        found["wilson95_acc_ab"][subset] = {}
        for judge in judges:
            bounds = share(list(right[judge].values()))
            found["wilson95_acc_ab"][subset][judge] = [bounds.low, bounds.high]
        tests = {}
        for name in {*asked, *_same_model(judges)}:
            one, versus, two = name.partition(" vs ")
            if versus and one in right and two in right:
                both = [row for row in right[one] if row in right[two]]
                test = mcnemar([right[one][row] for row in both], [right[two][row] for row in both])
                tests[name] = {"table": [list(line) for line in test.table], "exact_p": test.p}
        found[f"mcnemar_order_ab_{subset.replace('-', '')}"] = dict(sorted(tests.items()))
    return found


def _same_model(judges: Iterable[str]) -> list[str]:
    """Every two prompts of one model, in both directions."""
    return [
        f"{one} vs {two}"
        for one in judges
        for two in judges
        if one != two and one.partition("/")[0] == two.partition("/")[0]
    ]


def _right(rows: Sequence[Row], judge: str) -> dict[str, bool]:
    """By row id, whether the judge is right in order ab; rows that it did not see are out."""
    return {
        row["id"]: row["verdicts"][judge][0] == row["gold"]
        for row in rows
        if judge in row["verdicts"]
    }


def _swapped(rows: Sequence[Row], judge: str) -> Figures:
    seen = [row for row in rows if judge in row["verdicts"]]
    ab, ba = ([row["verdicts"][judge][order] for row in seen] for order in (0, 1))
    found = swaps(ab, ba, [row["gold"] for row in seen], nulls="agree")
    gold = found.gold
    assert gold is not None
    return {
        "n": found.n,
        "correct_ab": gold.correct_ab,
        "correct_ba": gold.correct_ba,
        "acc_ab": gold.acc_ab,
        "acc_ba": gold.acc_ba,
        "acc_avg": gold.acc_avg,
        "correct_both": gold.correct_both,
        "both_wrong": gold.both_wrong,
        "agree": found.agree,
        "agreement": found.agreement,
        "invalid_ab": found.invalid_ab,
        "invalid_ba": found.invalid_ba,
        "kappa_ab_gold": gold.kappa_ab_gold,
        "kappa_ba_gold": gold.kappa_ba_gold,
        "kappa_ab_ba": found.kappa_ab_ba,
        "first_shown_rate": found.first_share.value,
        "n_consistent": found.n_consistent,
        "acc_when_consistent": gold.acc_when_consistent,
        "flips_to_first": found.flips_to_first,
        "flips_to_second": found.flips_to_second,
        "published_statistics_json": {
            "kappa_agreement": cohen_kappa(ab, ba, PAIR, invalid=("as", "B"))
        },
    }


def votes(rows: Sequence[Row], asked: Iterable[str]) -> Figures:
    """PandaLM: several people and judges with ties, one order."""
    humans = [row["human"] for row in rows]
    voted = zip(rows, majority(humans, PAIR), strict=True)
    gold = [label or row.get("gold") for row, label in voted]
    decided = [place for place, label in enumerate(gold) if label is not None]
    kappas = {f"{a + 1}-{b + 1}": k for (a, b), k in pairwise_kappas(humans, PAIR).items()}
    judges: dict[str, dict[int, Any]] = {}
    for place in decided:
        for verdict in rows[place]["verdicts"]:
            judges.setdefault(verdict["judge"], {})[place] = verdict["ab"]
    figures = {
        judge: _classified([gold[place] for place in seen], list(seen.values()))
        for judge, seen in judges.items()
    }
    said = [gold[place] for place in decided]
    return {
        "n": len(rows),
        "gold_counts": {label: said.count(label) for label in PAIR if label in said},
        "human_kappa": kappas,
        "krippendorff_nominal": krippendorff_alpha(humans, PAIR),
        "fleiss_kappa": fleiss_kappa(humans, PAIR),
        "judges": figures,
        "published_gold_counts": {label: said.count(label) for label in PAIR if label in said},
        "published_human_kappa": kappas,
        "published_paper": {judge: _as_published(each) for judge, each in figures.items()},
    }


def _classified(truth: Sequence[str], judged: Sequence[str | None]) -> Figures:
    own = classification(truth, judged, PAIR, invalid="own")
    tie = classification(truth, judged, PAIR, invalid=("as", "tie"))
    return {
        "n_invalid": own.n_invalid,
        "acc_invalid_as_wrong": own.accuracy,
        "kappa_invalid_own_category": own.kappa,
        "invalid_as_tie": {
            "accuracy": tie.accuracy,
            "macro_precision": tie.macro_precision,
            "macro_recall": tie.macro_recall,
            "macro_f1": tie.macro_f1,
            "kappa": tie.kappa,
        },
        "confusion_gold_rows_A_B_tie__cols_A_B_tie_invalid": [
            list(row) for row in confusion(truth, judged, PAIR).counts
        ],
        "baseline_accuracy": own.baseline_accuracy,
    }


def _as_published(judge: Figures) -> Figures:
    tie = judge["invalid_as_tie"]
    return {
        "accuracy": tie["accuracy"],
        "precision": tie["macro_precision"],
        "recall": tie["macro_recall"],
        "f1": tie["macro_f1"],
    }


def repeats(rows: Sequence[Row], asked: Iterable[str]) -> Figures:
    """AMEL: repeated calls, the order at random."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(f"{row['pilot']}/{row['judge']}/{row['regime']}", []).append(row)
    found = {name: _repeated(members) for name, members in groups.items()}
    counts = {name: [each["n_correct"], each["n_parsed"]] for name, each in found.items()}
    return {"groups": found, "published_accuracy": counts}


def _repeated(rows: Sequence[Row]) -> Figures:
    found = stability(
        [row["item"] for row in rows],
        [row["order"] for row in rows],
        [row["verdict"] for row in rows],
        [row["gold"] for row in rows],
    )
    return {
        "n": found.n,
        "n_parsed": found.n_parsed,
        "n_correct": found.n_correct,
        "accuracy_parsed": found.accuracy.value if found.accuracy else None,
        "first_shown_rate": found.first_share.value,
        "items_unanimous": found.unanimous.value,
        "same_order_repeat_agreement": found.same_order.value,
        "n_same_order_pairs": found.same_order.n,
        "cross_order_agreement": found.cross_order.value,
        "n_cross_pairs": found.cross_order.n,
    }


def rag(rows: Sequence[Row], asked: Iterable[str]) -> Figures:
    """MTRAG: some people rate some systems' answers on several dimensions, beside metrics."""
    answers = [answer for row in rows for answer in row["answers"]]
    dimensions = {name: None for answer in answers for name in answer["human"]}
    found: Figures = {"n_tasks": len(rows), "n_answers": len(answers)}
    for dimension in dimensions:
        if dimension != "win-rate":
            found[dimension] = _dimension(answers, dimension, asked)
    return found


def _dimension(answers: Sequence[Row], dimension: str, asked: Iterable[str]) -> Figures:
    raters = {name: None for each in answers for name in each["human"].get(dimension) or {}}
    rated = [
        each
        for each in answers
        if any(value is not None for value in (each["human"].get(dimension) or {}).values())
    ]
    ratings = [[each["human"][dimension].get(name) for name in raters] for each in rated]
    levels = sorted({value for row in ratings for value in row if value is not None} | {1, 2, 3, 4})
    middle = [value or 0.0 for value in medians(ratings)]
    systems = {
        system: [m for m, each in zip(middle, rated, strict=True) if each["system"] == system]
        for system in _in(rated, "system")
    }
    metrics = {name: None for each in rated for name in each["auto"]}
    human = means(ratings)
    return {
        "mean_of_medians": _mean(middle),
        "krippendorff_ordinal": krippendorff_alpha(ratings, levels, metric="ordinal"),
        "krippendorff_interval": krippendorff_alpha(ratings, levels, metric="interval"),
        "exact_pair_agreement": pair_agreement(ratings, levels),
        "per_system_mean_of_medians": {name: _mean(each) for name, each in systems.items()},
        "auto_vs_human_mean": {
            name: _coefficients([_number(each["auto"].get(name)) for each in rated], human)
            for name in metrics
        },
        "binary_median_ge3": _thresholds(rated, middle, asked),
    }


def _thresholds(answers: Sequence[Row], middle: Sequence[float], asked: Iterable[str]) -> Figures:
    """The metrics cut at a threshold against people's median of at least 3: "ragas" is any metric
    whose name starts so."""
    truth = [value >= 3 for value in middle]
    found: Figures = {"prevalence": _mean([float(each) for each in truth])}
    for name in sorted({*asked, "ragas>=0.5", "ragas>=0.8", "ragas>=1.0"}):
        cut = re.fullmatch(r"(\w+)>=([0-9.]+)", name)
        metrics = {metric: None for each in answers for metric in each["auto"]}
        metric = next((each for each in metrics if cut and each.startswith(cut[1])), None)
        if cut is None or metric is None:
            continue
        kept = [place for place, each in enumerate(answers) if each["auto"].get(metric) is not None]
        said = [float(answers[place]["auto"][metric]) >= float(cut[2]) for place in kept]
        people = [truth[place] for place in kept]
        figures = rates(people, said)
        found[name] = {
            "acc": figures.accuracy.value,
            "kappa": cohen_kappa(people, said, (False, True)),
            "sens": figures.tpr.value,
            "spec": figures.tnr.value,
        }
    return found


def dialogues(rows: Sequence[Row], asked: Iterable[str]) -> Figures:
    """UniEval on Topical-Chat: people's means and a judge's scores, systems within a dialogue."""
    found: Figures = {"n": len(rows), "dims": {}}
    judge = next(name for name in rows[0] if name.startswith("judge_"))
    clusters = [row["dialogue"] for row in rows]
    for dimension in {name: None for row in rows for name in row[judge]}:
        if dimension not in rows[0]["human_mean"]:
            continue
        people = [_number(row["human_mean"].get(dimension)) for row in rows]
        said = [_number(row[judge].get(dimension)) for row in rows]
        inside = within_clusters(people, said, clusters)
        found["dims"][dimension] = {
            **_coefficients(people, said),
            "per_dialogue": {
                "n_used": inside.n_used,
                "pearson": inside.pearson,
                "spearman": inside.spearman,
                "kendall_b": inside.kendall_b,
            },
        }
    pooled = {name: [each["pearson"], each["spearman"]] for name, each in found["dims"].items()}
    found["published"] = {"*": pooled}
    return found


def scored(rows: Sequence[Row], asked: Iterable[str]) -> Figures:
    """QAGS: one human number and one judge's number a row."""
    human = next(name for name in rows[0] if name.startswith("human_"))
    judge = next(name for name in rows[0] if name.startswith("judge_"))
    found = _coefficients([_number(r[human]) for r in rows], [_number(r[judge]) for r in rows])
    published = [found["pearson"], found["spearman"], found["kendall_b"]]
    return {"n": len(rows), **found, f"published_{judge.removeprefix('judge_')}": published}


def crowds(rows: Sequence[Row], asked: Iterable[str]) -> Figures:
    """DICES and the like: units by raters, codes that only label categories."""
    found: Figures = {}
    for dimension in _in(rows, "dim"):
        ratings = [row["ratings"] for row in rows if row["dim"] == dimension]
        levels = sorted({value for row in ratings for value in row if value is not None})
        one = len(levels) < 2
        found[f"{dimension}_nominal"] = None if one else krippendorff_alpha(ratings, levels)
    if len(found) == 1:
        found["published"] = next(iter(found.values()))
    return found


def _coefficients(one: Sequence[float | None], two: Sequence[float | None]) -> Figures:
    found = correlations(one, two)
    return {
        "pearson": found.pearson,
        "spearman": found.spearman,
        "kendall_b": found.kendall_b,
    }


def _in(rows: Sequence[Row], field: str) -> list[str]:
    return list({row[field]: None for row in rows})


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


Layout = Callable[[Sequence[Row], Iterable[str]], Figures]

LAYOUTS: tuple[tuple[Callable[[Row], bool], Layout], ...] = (
    (lambda row: isinstance(row.get("verdicts"), dict), pairs),
    (lambda row: isinstance(row.get("verdicts"), list) and "human" in row, votes),
    (lambda row: {"item", "order", "verdict", "repetition"} <= set(row), repeats),
    (lambda row: isinstance(row.get("answers"), list), rag),
    (lambda row: isinstance(row.get("human_mean"), dict) and "dialogue" in row, dialogues),
    (lambda row: "ratings" in row, crowds),
    (lambda row: {name.partition("_")[0] for name in row} >= {"human", "judge"}, scored),
)


def layout(row: Row) -> Layout | None:
    """Which of the above reads a file, by the fields of its first row; None if none does."""
    return next((reads for is_one, reads in LAYOUTS if is_one(row)), None)
