"""What a run knows of its cases, of itself, and of what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, TypeVar

from evalsuite.records.case import Json, Metric, Standing

T = TypeVar("T")


def shared(mapping: Mapping[str, T]) -> Mapping[str, T]:
    """One object for equal mappings to hashables: thousands of rows have the same scores, keys and
    slices. A record is never changed, so it doesn't matter who else has it."""
    return _shared(tuple(mapping.items()))  # type: ignore[return-value]


@lru_cache(maxsize=4096)
def _shared(items: tuple[tuple[str, object], ...]) -> Mapping[str, object]:
    return dict(items)


DECIMALS = 6


def kept(value: float | None) -> float | None:
    """A score as a row has it, to 6 decimals: what a run compares is what it stores, or a third
    would have moved from its own snapshot."""
    return None if value is None else round(float(value), DECIMALS) + 0.0


@dataclass(frozen=True, slots=True)
class Crossed:
    """What a case's answers are where the target is given the documents that the baseline
    retrieved; one entry per trial that the suite declares.

    `against` is the baseline's output.key, None without an answer. `outputs` is the output.key of
    the crossed answer: the row's own where both retrieved the same documents, `against` where the
    baseline's answer came again, None where there is none, and `errors` says why. Other answers
    have `scores` as in Row; for these two they are the run's own or the baseline's.
    """

    against: Sequence[str | None]
    outputs: Sequence[str | None]
    scores: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    errors: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class ModelCalls:
    """What calls to one model were: answered ones, the seconds they took together, tokens, US
    dollars of those whose price is known; `unpriced` counts the others. `stored` counts the replies
    that came from the store beside them."""

    calls: int = 0
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    stored: int = 0

    def __add__(self, other: ModelCalls) -> ModelCalls:
        return ModelCalls(
            self.calls + other.calls,
            self.seconds + other.seconds,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
            self.stored + other.stored,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What one part of a trial (its target, a scorer) asked models over a network, by
    "PROVIDER:MODEL": stored replies count as fresh ones do, with what they took when they were.
    `shared` of the calls were made by another part of the run too, which asked first."""

    models: Mapping[str, ModelCalls] = field(default_factory=dict)
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one trial took, of what was asked afresh: its line's part in `operations.jsonl`.

    `fresh`: the target ran, and none of its replies came from the store. `latency` and
    `first_token` are seconds, `cost` US dollars; None is not known, never nothing. `lost`: provider
    or harness failed it. Of judges that were asked afresh: `flips` of `swaps` pairs got another
    verdict in the other order, and `unparsable` of `verdicts` judgements could not be read.

    `asked` is by part ("target", a scorer's metric, "crossed" before either) what all of the trial
    takes where nothing is stored, whatever was: from it is told what a later run will take. Equal
    answers are judged once, which is told of the first one's trial.
    """

    fresh: bool = False
    latency: float | None = None
    first_token: float | None = None
    tokens: int | None = None
    cost: float | None = None
    failed_attempts: int = 0
    lost: bool = False
    swaps: int = 0
    flips: float = 0.0
    verdicts: int = 0
    unparsable: int = 0
    asked: Mapping[str, Asked] = field(default_factory=dict)

    @property
    def measured(self) -> bool:
        """Whether anything was asked afresh."""
        return replace(self, asked={}) != Spent()


@dataclass(frozen=True, slots=True)
class Row:
    """All that a run knows of one case: one line of `scores.jsonl`.

    `scores` holds one value per metric and trial (None: not scored), `reasons` the first reason per
    metric, `outputs` the output.key per trial (None: no output), `errors` "kind: message" per
    trial or None. `facts` describe the case, `output_facts` the first trial's output: numbers, text
    and booleans from which derived slices are cut. `void` names the metrics that find nothing to
    judge here: what lacks their value lacks nothing. `crossed` is of runs alone: a snapshot has
    none. `again` are values of further trials, from the second on, for which a case that moved was
    asked: they enter the gate's test alone, and no snapshot has them. `spent`, per trial, is stored
    in a file of its own and is no part of what a case is: it differs from run to run.
    """

    id: str
    case_key: str
    scorer_keys: Mapping[str, str]
    scores: Mapping[str, Sequence[float | None]]
    outputs: Sequence[str | None] = ()
    errors: Sequence[str | None] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    output_facts: Mapping[str, Json] = field(default_factory=dict)
    must_pass: bool = False
    cluster: str | None = None
    void: Sequence[str] = ()
    crossed: Crossed | None = None
    again: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    spent: Sequence[Spent] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One named part of the subject: a prompt, an index, a model's parameters.

    `key` is compared; `label` is what a person reads ("answer.j2 v3", "embedded seed=1").
    """

    key: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is being compared, by part. `models` by role, `inputs` as declared, `code` by file."""

    models: Mapping[str, Part] = field(default_factory=dict)
    inputs: Mapping[str, Part] = field(default_factory=dict)
    code: Mapping[str, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operations:
    """What a run cost; volatile, so apart from scores. Seconds, tokens, US dollars or None.

    Tokens are those of fresh and stored calls, money and time those of fresh ones. `cost` is None
    once a price is unknown, `cost_known` the part of it that is known. `latency` is a target's,
    `call` one call's; `failed_attempts` are counted by their fault, `models` by "PROVIDER:MODEL".
    `samples` holds, by model, how many of how many equal requests got the same answer. `parts` are
    the same calls by who asked ("target", "crossed" for answers to the snapshot's documents,
    "checkup" for what judges are tested on, "sample" for `samples`, a scorer's metric) and model,
    stored replies included. `budget` is what the run was allowed, by "usd", "calls", "tokens" and
    "minutes".
    """

    seconds: float = 0.0
    fresh_calls: int = 0
    stored_calls: int = 0
    reused_outputs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    cost_known: float = 0.0
    call_p50: float | None = None
    call_p95: float | None = None
    first_token_p50: float | None = None
    failed_attempts: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, ModelCalls] = field(default_factory=dict)
    samples: Mapping[str, Sequence[int]] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, ModelCalls]] = field(default_factory=dict)
    budget: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looks:
    """How a sequential run went. `order` are all cases as they were to be taken, `sizes` how many
    of them are read at each look, the last one all. `ended` counts the looks that were taken, and
    `reason` says why the last of them decided; the cases after it were not needed."""

    order: Sequence[str]
    sizes: Sequence[int]
    ended: int = 0
    reason: str = ""

    @property
    def read(self) -> int:
        """How many cases were needed."""
        return self.sizes[self.ended - 1] if self.ended else len(self.order)

    @property
    def last(self) -> bool:
        """Whether all cases were needed."""
        return self.read == len(self.order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A tier of a suite: what it asks, and what its gates see.

    `cases` is how many it has, 0: all; `without` names the metrics that it leaves out; `trials` 0
    are the suite's; `policy` and `detectable` (written by accept) are as in Manifest.
    """

    cases: int = 0
    without: Sequence[str] = ()
    trials: int = 0
    policy: Mapping[str, Json] = field(default_factory=dict)
    detectable: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a run was: the head of a run folder and of a snapshot, which share one format.

    `golden` is {"name", "key", "version", "cases"}; `expected` the number of cases that the suite
    selects; `partial` says that only a part of them was asked for; `complete` that none is missing.
    `policy` is the gate's policy as JSON, so that a finished run can be decided again without its
    suite. `detectable` (written by accept) maps the name of a gate to the smallest drop that it
    finds with 80 % power; an old one maps a slice to that of `checks`. `accepted` says why a
    snapshot was taken. `judges` says by metric what a judge's values are worth. `looks` is of
    sequential runs. `again` is how many further trials a case that moved is asked for before a gate
    is left undecided, 0: none are. `shocks` is by metric what runs of unchanged code were seen to
    lose as a whole, in shares of 1. `afresh` is of runs of such a check, whose trials are numbered
    from after it. `tiers` are those of the suite; `tier` is the one that ran, "" for all of the
    suite, and `among` the ids of its cases, empty where it has all.
    """

    suite: str
    run: str
    created: str
    golden: Mapping[str, Json]
    subject: Subject
    policy: Mapping[str, Json]
    metrics: Sequence[Metric]
    expected: int
    nodeid: str = ""
    command: str = ""
    trials: int = 1
    seed: int = 0
    partial: bool = False
    complete: bool = True
    replayed: bool = False
    stopped: str = ""
    notes: Sequence[str] = ()
    operations: Operations = Operations()
    versions: Mapping[str, str] = field(default_factory=dict)
    outputs: Literal["full", "redacted", "hash"] = "full"
    detectable: Mapping[str, float] = field(default_factory=dict)
    accepted: Mapping[str, Json] = field(default_factory=dict)
    judges: Mapping[str, Standing] = field(default_factory=dict)
    looks: Looks | None = None
    again: int = 0
    shocks: Mapping[str, float] = field(default_factory=dict)
    afresh: int = 0
    tier: str = ""
    tiers: Mapping[str, Extent] = field(default_factory=dict)
    among: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A manifest and one row per case, by id. A Snapshot is a Run that was reviewed."""

    manifest: Manifest
    rows: Mapping[str, Row]


Snapshot = Run
