"""Holds the gate's verdicts against reference intervals, on answers and ratings of real systems.

    python benchmarks/real_data.py [--data DIR] [--swaps 10]

DIR holds published data, all judged by people or by models: answers of RAG systems (mtRAG) and
of dialogue systems (Topical-Chat, with people's means and UniEval's scores), people's preferences
between seven models and two judges of them (PandaLM), verdicts of evaluators with known answers
(LLMBar), and judges that were asked repeatedly (AMEL). Every pair of systems goes through real
records, `compare` and `decide` in both directions, a metric at a time.

The reference is computed apart from the gate: a one-sided p by scipy's permutation test over
clusters, and bounds of the difference by a bootstrap of whole clusters. Red: p <= 0.05 and a drop
of 2 points; green: otherwise, if a drop of 5 points is under the one-sided 95 % bound; else open.
Unchanged systems are repetitions of one judge, two people who rate the same answers, and the same
pairs with the systems of every cluster exchanged by chance, `--swaps` times. It needs scipy.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from regimes import Drawn, Floats, Ints, runs

from evalsuite.diff import compare
from evalsuite.gate import Finding, Gate, decide
from evalsuite.records import CHECKS

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
GATE = Gate()
DRAWS = 4_000


class Pair(NamedTuple):
    """A metric of two systems on the same cases: (cases, trials) in [0, 1], NaN is no score.
    `same` says that both are the same system."""

    source: str
    name: str
    before: Floats
    after: Floats
    clusters: Ints | None = None
    same: bool = False


class Reference(NamedTuple):
    p: float
    effect: float
    low: float
    high: float
    upper_drop: float

    @property
    def says(self) -> str:
        if self.p <= GATE.level and -self.effect >= GATE.margin:
            return "red"
        return "green" if self.upper_drop < GATE.exclude else "open"


def rows(data: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / f"{name}.jsonl").read_text("utf-8").splitlines()]


def pairs(data: Path) -> Iterator[Pair]:
    """All pairs of systems, metric by metric, in both directions."""
    yield from _mtrag(rows(data, "mtrag_dev"))
    yield from _dialogues(rows(data, "topical_chat_unieval"))
    yield from preferences(rows(data, "pandalm"))
    yield from evaluators(rows(data, "llmbar_dev"))
    yield from _repeated(rows(data, "amel_repeats"))


def _between(
    source: str, systems: Mapping[str, Floats], clusters: Ints | None = None, *, same: bool = False
) -> Iterator[Pair]:
    for one, other in permutations(systems, 2):
        yield Pair(
            source, f"{one} -> {other}", systems[one], systems[other], clusters=clusters, same=same
        )


def _mtrag(tasks: Sequence[dict[str, Any]]) -> Iterator[Pair]:
    """Turns of a conversation are a cluster; of people's ratings their mean counts."""
    clusters = np.unique([task["conversation"] for task in tasks], return_inverse=True)[1]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for task in tasks:
        for answer in task["answers"]:
            for name, value in answer["auto"].items():
                found[name][answer["system"]].append(min(max(value, 0.0), 1.0))
            for name, ratings in answer["human"].items():
                if name != "win-rate":
                    mean = float(np.mean(list(ratings.values())))
                    found[f"people's {name}"][answer["system"]].append((mean - 1) / 3)
    yield from _each_metric("mtRAG", found, clusters)


_RATED = dict.fromkeys(("understandability", "groundedness"), (0, 1))
_RATED |= dict.fromkeys(("naturalness", "coherence", "engagingness"), (1, 3)) | {"overall": (1, 5)}
_SCORED = ("understandability", "naturalness", "coherence", "groundedness")


def _dialogues(answers: Sequence[dict[str, Any]]) -> Iterator[Pair]:
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in sorted(answers, key=lambda each: each["dialogue"]):
        for name, (low, high) in _RATED.items():
            value = (each["human_mean"][name] - low) / (high - low)
            found[f"people's {name}"][each["system"]].append(value)
        for name in _SCORED:
            found[name][each["system"]].append(each["judge_unieval"][name])
    yield from _each_metric("Topical-Chat", found)


def _each_metric(
    source: str,
    found: Mapping[str, Mapping[str, Sequence[float]]],
    clusters: Ints | None = None,
) -> Iterator[Pair]:
    for metric, systems in found.items():
        columns = {f"{metric}: {name}": np.array(v)[:, None] for name, v in systems.items()}
        yield from _between(source, columns, clusters)


_WON = {"A": 0.0, "tie": 0.5, "B": 1.0}


def preferences(items: Sequence[dict[str, Any]]) -> Iterator[Pair]:
    """People's preference for one of two models, as a metric that compares; people among
    themselves, who rate the same answers; and judges by how often they say what people say."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for each in items:
        groups[tuple(each["systems"])].append(each)
    for (one, other), group in groups.items():
        won = np.array([[_WON[each["gold"]]] for each in group])
        even = np.full_like(won, 0.5)
        yield Pair("PandaLM, people", f"{one} -> {other}", even, won)
        yield Pair("PandaLM, people", f"{other} -> {one}", even, 1 - won)
        said = [[_WON[label] for label in each["human"]] for each in group]
        people = {f"{one}, {other}: person {n}": np.array(said)[:, [n]] for n in range(3)}
        yield from _between("PandaLM, two people", people, same=True)
    judges: dict[str, Floats] = {}
    for number, verdict in enumerate(items[0]["verdicts"]):
        right = [[float(each["verdicts"][number]["ab"] == each["gold"])] for each in items]
        judges[verdict["judge"]] = np.array(right)
    yield from _between("PandaLM, judges", judges)


def evaluators(items: Sequence[dict[str, Any]], subset: str = "") -> Iterator[Pair]:
    """Whether evaluators choose the better answer, in both orders: two trials. Pairs of judges with
    one prompt, and of prompts of one judge."""
    some = [each for each in items if each["subset"] in ((subset,) if subset else _SUBSETS)]
    names = sorted(set.intersection(*(set(each["verdicts"]) for each in some)))
    right = {
        name: np.array([[v == each["gold"] for v in each["verdicts"][name]] for each in some])
        for name in names
    }
    for one, other in permutations(names, 2):
        same_judge = one.partition("/")[0] == other.partition("/")[0]
        if same_judge or one.partition("/")[2] == other.partition("/")[2] == "Vanilla":
            before, after = right[one].astype(float), right[other].astype(float)
            yield Pair("LLMBar, evaluators", f"{one} -> {other}", before, after)


_SUBSETS = ("Natural", "Adv-Neighbor", "Adv-GPTInst")


def _repeated(calls: Sequence[dict[str, Any]]) -> Iterator[Pair]:
    """Judges that chose between two answers several times: their repetitions, and one another."""
    found: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for each in calls:
        value = float("nan") if each["verdict"] is None else float(each["verdict"] == each["gold"])
        group = f"{each['pilot']} {each['judge']} {each['regime']}"
        found[group][each["item"]][each["repetition"]] = value
    columns = {
        group: np.array([[item[n] for n in sorted(item)] for _, item in sorted(items.items())])
        for group, items in found.items()
    }
    for group, values in columns.items():
        each = {f"{group} {n}": values[:, [n]] for n in range(values.shape[1])}
        yield from _between("AMEL, repetitions", each, same=True)
    for pilot in ("v1", "v2"):
        of = {group: values for group, values in columns.items() if group.startswith(pilot)}
        yield from _between("AMEL, judges", of)


def verdict(pair: Pair) -> Finding:
    """What the gate says of the metric over all cases."""
    before, after = {CHECKS: pair.before}, {CHECKS: pair.after}
    return decide(compare(*runs(Drawn(before, after, {}, pair.clusters))), GATE).findings[0]


def differences(pair: Pair) -> tuple[Floats, Floats]:
    """Per cluster: the sum of its cases' mean differences, and how many cases have one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a case without any score
        each = np.nanmean(pair.after - pair.before, axis=1)
    known = ~np.isnan(each)
    clusters = np.arange(len(each)) if pair.clusters is None else pair.clusters
    size = np.bincount(clusters[known])
    total = np.bincount(clusters[known], each[known])
    return total[size > 0], size[size > 0].astype(float)


def reference(pair: Pair, rng: np.random.Generator) -> Reference:
    """Without the gate's code: scipy's sign flips, and a bootstrap of clusters."""
    from scipy.stats import permutation_test  # noqa: PLC0415 (of this part alone)

    total, size = differences(pair)
    tested = permutation_test(
        (np.round(total, 8),),
        lambda values, axis: np.round(values.sum(axis=axis), 6),
        permutation_type="samples",
        alternative="less",
        n_resamples=9_999,
        vectorized=True,
        rng=rng,
    )
    drawn = rng.integers(0, len(total), (DRAWS, len(total)))
    means = total[drawn].sum(axis=1) / size[drawn].sum(axis=1)
    low, least, high = np.quantile(means, (0.025, 0.05, 0.975))
    effect = total.sum() / size.sum()
    return Reference(float(tested.pvalue), float(effect), float(low), float(high), -float(least))


def swapped(pair: Pair, rng: np.random.Generator) -> Pair:
    """The pair with both systems of every cluster exchanged by the toss of a coin."""
    cases = len(pair.before)
    clusters = np.arange(cases) if pair.clusters is None else pair.clusters
    coin = rng.random(int(clusters.max()) + 1)[clusters][:, None] < 0.5
    before = np.where(coin, pair.after, pair.before)
    return pair._replace(before=before, after=np.where(coin, pair.before, pair.after), same=True)


SAYS = {"regression": "red", "pass": "green"}
SHOWN = {
    "red red": "both red",
    "green green": "both green",
    "open open": "both open",
    "open green": "gate open, reference green",
    "open red": "gate open, reference red",
    "green open": "gate green, reference open",
    "red open": "gate red, reference open",
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the data")
    parser.add_argument("--swaps", type=int, default=10, help="exchanged copies of each pair")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        sys.stdout.write(f"skipped: there are no data at {options.data}\n")
        return 0
    rng = np.random.default_rng(options.seed)
    said: dict[str, Counter[str]] = defaultdict(Counter)
    alarms: dict[str, Counter[str]] = defaultdict(Counter)
    for pair in pairs(options.data):
        gate = SAYS.get(verdict(pair).result, "open")
        told = reference(pair, rng).says
        said[pair.source][f"{gate} {told}"] += 1
        if gate != told:
            sys.stderr.write(f"{pair.source}, {pair.name}: gate {gate}, reference {told}\n")
        if pair.same:
            alarms[pair.source][gate] += 1
        for _ in range(options.swaps):
            again = SAYS.get(verdict(swapped(pair, rng)).result, "open")
            alarms["systems exchanged"][again] += 1
    return report(said, alarms)


def report(said: Mapping[str, Counter[str]], alarms: Mapping[str, Counter[str]]) -> int:
    """Prints where gate and reference agree; 1 if one is red where the other is green, or if more
    than 5 % of pairs of the same system are red beyond chance."""
    sys.stdout.write(f"| source | pairs | {' | '.join(SHOWN.values())} | red against green |\n")
    sys.stdout.write("|---" * (3 + len(SHOWN)) + "|\n")
    said = {**said, "together": sum(said.values(), Counter())}
    for source, counts in said.items():
        total = counts.total()
        cells = [*(counts[each] for each in SHOWN), total - sum(counts[each] for each in SHOWN)]
        sys.stdout.write(f"| {source} | {total} | {' | '.join(map(str, cells))} |\n")
    sys.stdout.write("\n| the same system twice | pairs | red % | open % |\n|---|---|---|---|\n")
    wrong = said["together"]["red green"] + said["together"]["green red"]
    for source, counts in alarms.items():
        n = counts.total()
        red, left = counts["red"] / n, counts["open"] / n
        sys.stdout.write(f"| {source} | {n} | {100 * red:.1f} | {100 * left:.1f} |\n")
        wrong += red > 0.05 + 3 * (0.05 * 0.95 / n) ** 0.5
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
