"""What a comparison holds; it is made by `evalsuite.diff.compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalsuite.records import Manifest, Spent
from evalsuite.stats.flips import Bools, Floats, Ints

Status = Literal["same", "changed", "new", "gone", "stale"]


@dataclass(frozen=True, slots=True)
class Change:
    """A part of the subject that differs. `kind` is "model", "input" or "code"; None: absent."""

    kind: Literal["model", "input", "code"]
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """One metric's comparable cases, sorted by id.

    `before` (n, kb) and `after` (n, kc) hold values in [0, 1], higher is better, with 0.0 where
    the masks `before_seen`, `after_seen` are False. `identical` (n,) marks cases whose outputs
    and scorer are the same on both sides, so that their difference is exactly 0. `clusters` is
    empty where every case stands for itself. `crossed` (n, k) with `crossed_seen` are the values of
    the candidate's target on the baseline's documents, `other` (n,) marks cases whose documents
    differ; all three are None where nothing was crossed. `again` (n, r) with `again_seen` are the
    candidate's further trials of the cases `asked` (n,) again; None where none was. `silent` (n,)
    is 1 where only the candidate has nothing to judge, -1 where only the baseline had, else 0;
    None where it is 0 everywhere.
    """

    metric: str
    ids: Sequence[str]
    before: Floats
    after: Floats
    before_seen: Bools
    after_seen: Bools
    identical: Bools
    clusters: Sequence[str | None] = ()
    crossed: Floats | None = None
    crossed_seen: Bools | None = None
    other: Bools | None = None
    again: Floats | None = None
    again_seen: Bools | None = None
    asked: Bools | None = None
    silent: Ints | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One metric's value of every candidate case, compared or not: what floors are held against.

    `values` (n,) in [0, 1], higher is better, is what a case's trials say together, 0.0 where
    `seen` is False.
    A trial in which the target raised counts as the worst value here, since it can't have met a
    floor; what only the harness lost is not seen. Sorted by id; `clusters` as in Pairs. Cases that
    hold nothing to judge are left out: `void` counts them, `fallen` by how many more answers fell
    silent against the baseline than began to speak.
    """

    metric: str
    ids: Sequence[str]
    values: Floats
    seen: Bools
    clusters: Sequence[str | None] = ()
    void: int = 0
    fallen: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """What one trial took, and whether its checks hold (None: nothing tells)."""

    spent: Spent
    success: bool | None


@dataclass(frozen=True, slots=True)
class Took:
    """One case of the candidate that asked anything afresh, trial by trial; `before` is empty where
    the baseline has nothing to compare with."""

    case: str
    cluster: str | None
    before: Sequence[Trial]
    after: Sequence[Trial]


@dataclass(frozen=True, slots=True)
class Diff:
    """`stale` names the metrics per case that can't be compared; `slices` and `derived` map a name
    ("topic=legal", "input_length=longest") to the ids of its cases in the candidate.

    `must_pass` holds per strict case what each trial said (None: can't be told); `lost` counts
    cases that the candidate's suite selects but that have no row; `form` says how the form of the
    answers shifted, "" if it did not; `uncrossed` why cases have no crossed answer. `earlier` are
    the comparisons at the earlier looks of a sequential run. `took` is what was asked afresh.
    """

    suite: str
    baseline: Manifest | None
    candidate: Manifest
    status: Mapping[str, Status]
    stale: Mapping[str, Sequence[str]] = field(default_factory=dict)
    subject: Sequence[Change] = ()
    pairs: Mapping[str, Pairs] = field(default_factory=dict)
    slices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    derived: Mapping[str, Sequence[str]] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    must_pass: Mapping[str, Sequence[bool | None]] = field(default_factory=dict)
    lost: int = 0
    form: str = ""
    uncrossed: Mapping[str, str] = field(default_factory=dict)
    earlier: Sequence[Diff] = ()
    took: Sequence[Took] = ()
