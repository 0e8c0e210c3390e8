"""What k tries of a case are worth: pass@k, at least one of them holds; pass^k, all of them do.

Both are estimated without bias from n >= k trials of which c hold, by counting the choices of k
among the n: with n = k each is what was seen. Raising a rate c/n to a power instead is biased, most
where trials are few.

pass@k: M. Chen et al., Evaluating Large Language Models Trained on Code, arXiv:2107.03374 (2021).
pass^k: S. Yao et al., tau-bench, arXiv:2406.12045 (2024).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from math import comb

from evalsuite.stats.intervals import Estimate
from evalsuite.stats.rates import win_rate


def pass_at(n: int, c: int, k: int) -> float | None:
    """1 - C(n-c, k) / C(n, k), in [0, 1]; None for fewer than k trials.

    >>> pass_at(5, 2, 1), pass_at(5, 1, 5), pass_at(2, 1, 3)
    (0.4, 1.0, None)
    """
    chosen = _choices(n, c, k)
    return None if chosen is None else (chosen - comb(n - c, k)) / chosen


def pass_all(n: int, c: int, k: int) -> float | None:
    """pass^k: C(c, k) / C(n, k), in [0, 1]; None for fewer than k trials.

    >>> pass_all(5, 4, 2), pass_all(5, 4, 5), pass_all(5, 5, 5)
    (0.6, 0.0, 1.0)
    """
    chosen = _choices(n, c, k)
    return None if chosen is None else comb(c, k) / chosen


def _choices(n: int, c: int, k: int) -> int | None:
    if k < 1 or not 0 <= c <= n:
        raise ValueError(f"{c} of {n} trials hold, k = {k}: not 0 <= c <= n and k >= 1")
    return comb(n, k) or None


@dataclass(frozen=True, slots=True)
class Tries:
    """Both figures of k tries, each the mean over all cases with its interval by case; None, with
    the number of cases that `lack` k scored trials, unless there is none: a mean over the rest
    would be of the cases that went well."""

    k: int
    at_least_one: Estimate | None
    all: Estimate | None
    lack: int


def tries(
    counts: Sequence[tuple[int, int]], k: int, *, clusters: Sequence[Hashable] | None = None
) -> Tries:
    """Of cases, each as (scored trials, those that hold). ValueError without a case."""
    lack = sum(n < k for n, _ in counts)
    if lack:
        return Tries(k, None, None, lack)
    return Tries(k, _mean(pass_at, counts, k, clusters), _mean(pass_all, counts, k, clusters), 0)


def _mean(
    figure: Callable[[int, int, int], float | None],
    counts: Sequence[tuple[int, int]],
    k: int,
    clusters: Sequence[Hashable] | None,
) -> Estimate:
    values = [found for n, c in counts if (found := figure(n, c, k)) is not None]
    return replace(win_rate(values, clusters=clusters), baseline=None)
