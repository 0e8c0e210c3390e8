"""What moves a judge beside quality: the length of what it reads.

People like longer answers somewhat too, so a preference for length is a bias only beyond theirs.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from evalsuite.errors import MissingExtra
from evalsuite.stats.figures import shift
from evalsuite.stats.flips import Bools, Floats
from evalsuite.stats.intervals import Estimate, coefficient
from evalsuite.stats.labels import Label
from evalsuite.stats.rates import share


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthBias:
    """How a pairwise judge treats the longer output.

    Shares are over pairs of outputs of different length on which the judge gives a verdict for one
    of them: `longer` over all of them, `when_people_longer` where people prefer the longer,
    `when_people_shorter` where they prefer the shorter (an unbiased judge that agrees with people
    has 1 and 0; what matters is that both miss it by as much). `people_longer` is the people's own
    share. `excess` is the judge's share less the people's over the pairs that both decide: 0
    without bias beyond theirs. `controlled` is the agreement with people when both kinds of pairs
    weigh the same, so that a judge gains nothing by choosing the longer.
    """

    longer: Estimate
    people_longer: Estimate
    when_people_longer: Estimate
    when_people_shorter: Estimate
    excess: Estimate
    controlled: Estimate


def length_bias(
    people: Sequence[Label | None],
    judged: Sequence[Label | None],
    length_a: Sequence[float],
    length_b: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
) -> LengthBias:
    """Figures of pairs; verdicts are "A", "B", "tie" or None, lengths in any one unit."""
    n = len(people)
    longer = [
        "A" if a > b else "B" if b > a else "" for a, b in zip(length_a, length_b, strict=True)
    ]
    decided = [bool(it) and said in {"A", "B"} for it, said in zip(longer, judged, strict=True)]
    wanted = [bool(it) and said in {"A", "B"} for it, said in zip(longer, people, strict=True)]
    chose = [said == it for it, said in zip(longer, judged, strict=True)]
    liked = [said == it for it, said in zip(longer, people, strict=True)]
    shared = [decided[row] and wanted[row] for row in range(n)]

    def of(hits: Sequence[bool], kept: Sequence[bool]) -> Estimate:
        return share(hits, kept=kept, clusters=clusters, baseline=None)

    up = of(chose, [shared[row] and liked[row] for row in range(n)])
    down = of(chose, [shared[row] and not liked[row] for row in range(n)])
    taken = [float(each) if mine else None for each, mine in zip(chose, shared, strict=True)]
    kinds = np.array(
        [[mine and it, mine and not it] for it, mine in zip(liked, shared, strict=True)]
    )
    return LengthBias(
        longer=of(chose, decided),
        people_longer=of(liked, wanted),
        when_people_longer=up,
        when_people_shorter=down,
        excess=shift([float(each) for each in liked], taken, clusters=clusters),
        controlled=_controlled(kinds.reshape(n, 2), chose, clusters),
    )


def _controlled(
    kinds: Bools, chose: Sequence[bool], clusters: Sequence[Hashable] | None
) -> Estimate:
    """Half the agreement where people prefer the longer (first column), half that of the rest."""
    rows = np.flatnonzero(kinds.any(axis=1))
    kind = kinds[rows].astype(np.float64)
    right = kind * np.stack([np.array(chose)[rows], ~np.array(chose, dtype=bool)[rows]], axis=1)

    def figure(weights: Floats) -> Floats:
        held = weights @ kind
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(held > 0, weights @ right / held, np.nan).mean(axis=1))

    named = None if clusters is None else [clusters[row] for row in rows.tolist()]
    return coefficient(figure, len(rows), clusters=named, chance=0.5, baseline=0.5)


def length_partial(
    people: Sequence[float],
    judged: Sequence[float],
    lengths: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
) -> Estimate:
    """The correlation of a judge's score with length where people's score is held equal, in
    [-1, 1]: 0 without bias beyond theirs.

    Partial correlation of ranks, for judges of single outputs. None where a side is constant or
    people's score leaves nothing over.
    """
    try:
        from scipy.stats import rankdata  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("the bias for length", "calibration") from None
    columns = np.stack([rankdata(each) for each in (judged, lengths, people)], axis=1)
    return coefficient(lambda w: _partial(columns, w), len(columns), clusters=clusters)


def _partial(columns: Floats, weights: Floats) -> Floats:
    total = weights.sum(axis=1)
    mean = weights @ columns / total[:, None]
    moment = np.einsum("rn,ni,nj->rij", weights, columns, columns) / total[:, None, None]
    cov = moment - mean[:, :, None] * mean[:, None, :]
    spread = np.sqrt(np.maximum(np.einsum("rii->ri", cov), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = cov / (spread[:, :, None] * spread[:, None, :])
        below = np.sqrt((1 - r[:, 0, 2] ** 2) * (1 - r[:, 1, 2] ** 2))
        found = (r[:, 0, 1] - r[:, 0, 2] * r[:, 1, 2]) / below
    return np.where(below > 1e-9, found, np.nan)
