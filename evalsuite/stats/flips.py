"""The gate's test: paired sign flips, with one guarantee over a whole family of hypotheses.

If a change does nothing, swapping the two runs of a case is as likely as not, so every pattern of
signs over the cases that moved is equally likely, whatever the scores look like and however much
the slices overlap. Comparing the smallest p of the family with the smallest p of every pattern
keeps false alarms over the whole family at the level that was asked for.

Method: P. Westfall, S. Young, "Resampling-Based Multiple Testing" (1993), step-down min-p, with
the sign-flip (one-sample permutation) distribution of E. Pitman and R. Fisher.
"""

from __future__ import annotations

import numpy as np

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

DRAWS = 10_000
"""Sign patterns to draw; all of them are enumerated where there are no more than this."""

BLOCKS = 2_048
"""Units that are flipped one by one; of more, some are flipped together. The spread of a sum is
then known to 1.6 % (one standard deviation), and a gate of a million cases takes no longer."""

_UNITS, _PATTERNS = 512, 1_000
"""Signs that are laid out at a time."""

_QUANTUM = 1e8
"""Contributions become whole multiples of 1e-8, so that sums are exact in any order."""

_ROUND = 1e4
"""Sums are compared in steps of 1e-4: thirds that add up to one tie with one."""

STEADY = 0.05
"""Within-case variance at which the weight of a case is halved."""


def flip_ranks(
    contributions: Floats, *, rng: np.random.Generator, draws: int = DRAWS, placed: bool = False
) -> Ints:
    """How low each hypothesis' sum is among all sign patterns: an integer rank, low is a drop.

    `contributions` (units, hypotheses) holds the differences that a unit (a case, or a cluster
    that is flipped whole) adds to each hypothesis' sum. The result is (hypotheses, patterns);
    pattern 0 is what was observed; ranks count the patterns whose sum is at most as large, ties
    included, so rank / patterns is the one-sided p. Where no unit moved there is one pattern.
    With `placed` a unit's signs belong to its row, moved or not: tables of one number of rows are
    flipped by the same patterns, as stages of one test must be.
    """
    exact = np.rint(contributions * _QUANTUM)
    if not placed:
        exact = exact[np.any(exact != 0, axis=1)]
    different, which = _distinct(exact)
    ranks = _ranks(_sums(different, rng, draws))
    return np.asarray(ranks[which], dtype=np.int64)


def blocks(units: int) -> Ints:
    """(units,) which block each unit is flipped with: its own, or one of BLOCKS if there are more.

    Patterns that flip whole blocks are some of all sign patterns, closed under combination, so the
    test stays exact; which units share a block is drawn, and knows nothing of their differences.
    """
    if units <= BLOCKS:
        return np.arange(units)
    return np.random.default_rng(units).permutation(units) % BLOCKS


def _distinct(exact: Floats) -> tuple[Floats, Ints]:
    """The columns that differ, and for each column which of them it is."""
    columns = np.ascontiguousarray(exact.T)
    numbers: dict[bytes, int] = {}
    which = [numbers.setdefault(column.tobytes(), len(numbers)) for column in columns]
    first = [which.index(number) for number in range(len(numbers))]
    return np.ascontiguousarray(columns[first].T), np.array(which, dtype=np.int64)


def _sums(exact: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """(hypotheses, patterns): the products are of whole numbers under 2**53, so exact, and the same
    on every machine. Signs are made for some units and patterns at a time: memory does not grow
    with the suite."""
    units = len(exact)
    everything = units < 63 and 2**units <= draws
    patterns = 2**units if everything else draws
    flipped = np.zeros((patterns, exact.shape[1]))
    for start in range(0, units, _UNITS):
        some = exact[start : start + _UNITS]
        groups = range(start, start + len(some), 8)
        if everything:
            flips = [(np.arange(patterns) >> each & 255).astype(np.uint8) for each in groups]
        else:
            flips = [np.frombuffer(rng.bytes(patterns), dtype=np.uint8) for _ in groups]
        moved = np.flatnonzero(np.any(some != 0, axis=1))
        if not len(moved):
            continue
        which = slice(len(some)) if len(moved) == len(some) else moved  # a slice copies nothing
        signs, some = np.stack(flips, axis=1), some[moved]
        for at in range(0, patterns, _PATTERNS):
            bits = np.unpackbits(signs[at : at + _PATTERNS], axis=1, bitorder="little")
            flipped[at : at + _PATTERNS] += bits[:, which].astype(np.float64) @ some
    if not everything:
        flipped[0] = 0.0
    sums = (exact.sum(axis=0) - 2 * flipped) * (_ROUND / _QUANTUM)
    return np.ascontiguousarray(np.rint(sums).T)


def _ranks(sums: Floats) -> Ints:
    """Per row, how many of its sums are at most as large as each."""
    ranks = np.empty(sums.shape, dtype=np.int64)
    for row, own in zip(sums, ranks, strict=True):  # one fits into a processor's cache
        order = np.argsort(row)
        ordered = row[order]
        last = np.append(ordered[1:] != ordered[:-1], [True])
        ends = np.flatnonzero(last) + 1
        own[order] = np.repeat(ends, np.diff(ends, prepend=0))
    return ranks


def lowest_ranks(ranks: Ints, order: Ints) -> Ints:
    """The rows of `ranks` in this order, each the smallest of its own and of those after it."""
    lowest = ranks[order]
    for row in range(len(lowest) - 2, -1, -1):
        np.minimum(lowest[row], lowest[row + 1], out=lowest[row])
    return lowest


def step_down(ranks: Ints) -> Floats:
    """Family-wise adjusted one-sided p per hypothesis (rows of `ranks`), by step-down min-p.

    With arms that are exchangeable per unit, the chance that any true null gets p <= a is at
    most a. The result is (hypotheses,), each in (0, 1].
    """
    hypotheses, patterns = ranks.shape
    adjusted = np.ones(hypotheses)
    order = np.argsort(ranks[:, 0], kind="stable")
    lowest = lowest_ranks(ranks, order)
    below = np.count_nonzero(lowest <= ranks[order, :1], axis=1) / patterns
    adjusted[order] = np.maximum.accumulate(below)
    return adjusted


def steadiness(before: Floats, before_seen: Bools, after: Floats, after_seen: Bools) -> Floats:
    """A weight in (0, 1] per case: flaky cases weigh less, equally for both arms.

    All arguments are (n, k), the masks say which trials have a score. Being symmetric in the arms,
    the weights leave the sign-flip test exact.
    """
    variance = (_variance(before, before_seen) + _variance(after, after_seen)) / 2
    return STEADY / (variance + STEADY)


def _variance(values: Floats, seen: Bools) -> Floats:
    count = np.maximum(seen.sum(axis=1), 1)
    mean = np.where(seen, values, 0.0).sum(axis=1) / count
    spread = np.where(seen, values - mean[:, None], 0.0)
    return np.asarray((spread**2).sum(axis=1) / count, dtype=np.float64)
