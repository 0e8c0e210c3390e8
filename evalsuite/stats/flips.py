"""The gate's test: paired sign flips, with one guarantee over a whole family of hypotheses.

If a change does nothing, swapping the two runs of a case is as likely as not, so every pattern of
signs over the cases that moved is equally likely, whatever the scores look like and however much
the slices overlap. Comparing the smallest p of the family with the smallest p of every pattern
keeps false alarms over the whole family at the level that was asked for.

Method: P. Westfall, S. Young, "Resampling-Based Multiple Testing" (1993), step-down min-p, with
the sign-flip (one-sample permutation) distribution of E. Pitman and R. Fisher.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

DRAWS = 10_000
"""Sign patterns to draw; all of them are enumerated where there are no more than this."""

BLOCKS = 1_024
"""Units that are flipped one by one; of more, some are flipped together. The spread of a sum is
then known to 2.2 % (one standard deviation), and a gate of a million cases takes no longer."""

_LAID_OUT = 250_000
"""Signs that are laid out at a time."""

_HELD = 640_000
"""Sums that are held at a time: of 64 hypotheses, or of fewer with more patterns."""

_QUANTUM = 1e8
"""Contributions become whole multiples of 1e-8, so that sums are exact in any order."""

_ROUND = 1e4
"""Sums are compared in steps of 1e-4: thirds that add up to one tie with one."""

STEADY = 0.05
"""Within-case variance at which the weight of a case is halved."""


class SignFlips:
    """A family's sums under all sign patterns, worked out for some hypotheses at a time.

    `contributions` (units, hypotheses) holds the differences that a unit (a case, or a cluster
    that is flipped whole) adds to each hypothesis' sum. Pattern 0 is what was observed; where no
    unit moved there is no other. With `placed` a unit's signs belong to its row, moved or not:
    tables of one number of rows are flipped by the same patterns, as stages of one test must be.

    `which` (hypotheses,) numbers the columns that differ: equal ones are one hypothesis.
    """

    def __init__(
        self,
        contributions: Floats,
        *,
        rng: np.random.Generator,
        draws: int = DRAWS,
        placed: bool = False,
    ) -> None:
        exact = np.rint(contributions * _QUANTUM)
        if not placed:
            exact = exact[np.any(exact != 0, axis=1)]
        units = len(exact)
        everything = units < 63 and 2**units <= draws
        self.patterns = 2**units if everything else draws
        starts = range(0, units, 8)
        kept = [start for start in starts if np.any(exact[start : start + 8])]
        self._signs = np.empty((self.patterns, len(kept)), dtype=np.uint8)
        for start in starts:
            if everything:
                flips = (np.arange(self.patterns) >> start & 255).astype(np.uint8)
            else:
                flips = np.frombuffer(rng.bytes(self.patterns), dtype=np.uint8)
            if start in kept:
                self._signs[:, kept.index(start)] = flips
        if not everything:
            self._signs[0] = 0
        different, self.which = _distinct(exact)
        rows = np.arange(units) // 8 * 8
        self._exact = different[np.isin(rows, kept)]

    def falling(self) -> Iterator[tuple[int, Ints]]:
        """The hypotheses that differ, by number, that with the largest observed p first, with
        their ranks (patterns,): how many patterns have a sum that is at most as large, ties
        included. Rank / patterns is the one-sided p; low is a drop."""
        numbers = np.arange(self._exact.shape[1])
        together = max(1, _HELD // self.patterns)
        few = len(numbers) <= together
        alone = self._together(numbers) if few else np.empty((0, 0))
        observed = np.count_nonzero(alone <= alone[:, :1], axis=1) if few else self._observed()
        order = np.argsort(observed, kind="stable")[::-1]
        for start in range(0, len(order), together):
            some = order[start : start + together]
            for number, sums in zip(
                some.tolist(), alone[some] if few else self._together(some), strict=True
            ):
                yield number, _ranks(sums)

    def _observed(self) -> Ints:
        """(hypotheses,) the rank of what was observed."""
        numbers = np.arange(self._exact.shape[1])
        ranks = np.zeros(len(numbers), dtype=np.int64)
        first: Floats | None = None
        for _, sums in self._sums(numbers):
            first = sums[0] if first is None else first
            ranks += np.count_nonzero(sums <= first, axis=0)
        return ranks

    def _together(self, numbers: Ints) -> Floats:
        """Their sums (numbers, patterns)."""
        sums = np.empty((len(numbers), self.patterns))
        for at, some in self._sums(numbers):
            sums[:, at] = some.T
        return sums

    def _sums(self, numbers: Ints) -> Iterator[tuple[slice, Floats]]:
        """Sums (some patterns, numbers) of these hypotheses, with the patterns' places. Products
        are of whole numbers under 2**53, so exact, and the same on every machine."""
        exact = np.ascontiguousarray(self._exact[:, numbers])
        step = max(1, _LAID_OUT // max(1, len(exact)))
        for start in range(0, self.patterns, step):
            at = slice(start, min(start + step, self.patterns))
            bits = np.unpackbits(self._signs[at], axis=1, bitorder="little", count=len(exact))
            flipped = bits.astype(np.float64) @ exact
            yield at, np.rint((exact.sum(axis=0) - 2 * flipped) * (_ROUND / _QUANTUM))


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


def _ranks(sums: Floats) -> Ints:
    """(patterns,) how many of the sums are at most as large as each."""
    order = np.argsort(sums)
    ordered = sums[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True])) + 1
    ranks = np.empty(len(sums), dtype=np.int64)
    ranks[order] = np.repeat(ends, np.diff(ends, prepend=0))
    return ranks


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
