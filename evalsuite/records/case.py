"""What a golden case asks, what a target answers, and what a scorer makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
"""None, bool, int, finite float, str, list or dict with str keys, nested."""

CHECKS = "checks"
"""The metric that all checks of a case form together: 1 if every one holds, else 0."""

COMPLETION = "completion"
"""1 if the target returned, 0 if its own code raised: a crash is an outcome, not a gap."""


STYLE = ("answer_characters", "answer_format")
"""Facts of an output that tell its form: judges are known to grade a new form differently."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a case was written: for messages and annotations, never part of its identity."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One golden example.

    `input` is text, an object of fields, or {"messages": [...]}. `checks` are as written in the
    golden file. `relevant` maps ids of documents that should be retrieved to their grade (> 0).
    `slices` maps a dimension to this case's value, e.g. {"topic": "policy"}. Cases with the same
    `cluster` (one document, one dialogue) fail together and are resampled together.
    """

    id: str
    input: Json
    expected: Json = None
    checks: Sequence[Mapping[str, Json]] = ()
    contexts: Sequence[str] = ()
    relevant: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)
    must_pass: bool = False
    provenance: Json = None
    cluster: str | None = None
    source: Source | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A retrieved piece of text; `id` is what citations and relevance labels name.

    `metadata` is what else is known of it, as JSON: {"tenant": "acme", "expires": "2026-06-30"}.
    """

    id: str
    text: str
    score: float | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.metadata, Mapping):
            raise TypeError(f"a document's metadata must be a dict, not {self.metadata!r:.60}")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One step of a trajectory, in the order in which the target made it."""

    name: str
    arguments: Json = None
    result: Json = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Counted by the backend. Tokens are the backend's own; `calls` counts requests.

    Input includes what was read from the provider's cache (`cached_tokens`) and what was written
    to it (`cache_write_tokens`): each has a price of its own. Output includes reasoning.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    calls: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.calls + other.calls,
            self.cache_write_tokens + other.cache_write_tokens,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer. Only kind "target" is an outcome; the others are the harness's."""

    kind: Literal["target", "provider", "timeout", "harness"]
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What the target pipeline returned for one case and trial.

    `contexts` may be given as Documents or plain strings. `latency` and `first_token` are seconds,
    `cost` is US dollars, None where unknown; these and `usage` are no part of `output.key`.
    """

    text: str = ""
    value: Json = None
    contexts: Sequence[Document] = ()
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    model: str | None = None
    usage: Usage | None = None
    cost: float | None = None
    latency: float | None = None
    first_token: float | None = None
    error: Failure | None = None

    def __post_init__(self) -> None:
        if isinstance(self.contexts, str) or not isinstance(self.contexts, Iterable):
            said = "one text" if isinstance(self.contexts, str) else type(self.contexts).__name__
            raise TypeError(
                f"contexts must be a list of Documents or texts, not {said}; [] if there are none"
            )
        documents = tuple(
            Document(str(place), context) if isinstance(context, str) else context
            for place, context in enumerate(self.contexts, 1)
        )
        object.__setattr__(self, "contexts", documents)
        object.__setattr__(self, "tool_calls", tuple(self.tool_calls))


@dataclass(frozen=True, slots=True)
class Score:
    """One metric's value for one case and trial.

    `value` is in the metric's range, or None: could not be scored, `reason` says why. `evidence`
    is what a reviewer would look at: matched text, claims, the checks that did not hold. `void`:
    there is no value since there is nothing to judge (no label, no claim), for want of nothing.
    """

    case_id: str
    trial: int
    metric: str
    value: float | None
    reason: str = ""
    evidence: Sequence[Mapping[str, Json]] = ()
    void: bool = False


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured. Gated values are mapped to [0, 1], higher is better.

    `role`: "gate" is compared with the baseline and may block; "detail" is shown beside what it is
    a part of; "diagnostic" is about the measurement (a judge's consistency, say); "class" is 1
    where the output failed in a way that is counted. Floors can be put on each. `center` is for
    values that are themselves comparisons with the baseline (a preference over its answer): what
    "as good" is, taken as the baseline's value of every case. `threshold`, of a guardrail's score:
    from there on its rule fires.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool = True
    role: Literal["gate", "detail", "diagnostic", "class"] = "gate"
    center: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the values of a judge's metric are worth, in one run.

    "uncertified" informs; "provisional" blocks only beyond a margin widened by `error`; "trusted"
    gates. `says` is why, `remedy` the shortest way to a better one. `error` in [0, 1] bounds the
    mean difference between judge and people. `pairs` are (human, judge, weight) values from which
    the last of `corrected` is made: a run's rate with its 95 % interval by people's ratings of some
    of its outputs, and the rate by the judge's known errors (Rogan and Gladen); each may be None.
    `gates` False: the suite asks it only to inform. `broken` says why its values can't be compared
    at all: it drifted, or follows what it judges; `checked` what was asked to know that.
    """

    state: Literal["uncertified", "provisional", "trusted"] = "uncertified"
    judge: str = ""
    says: str = ""
    remedy: str = ""
    error: float = 0.0
    pairs: Sequence[Sequence[float]] = ()
    corrected: Sequence[float | None] = ()
    gates: bool = True
    broken: str = ""
    checked: str = ""
