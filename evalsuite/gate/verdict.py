"""What the gates say: the records that `decide` makes and reports print.

Red means worse, green means that a drop of a stated size would have been seen, and where the
evidence is not enough the verdict says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalsuite.policy import OVERALL, Mode

Result = Literal[
    "pass",  # no regression, and a drop of `exclude` is ruled out
    "unchanged",  # every pair is the same stored output: pass, by identity
    "regression",  # significant over the whole family, and at least `margin`
    "below",  # a floor: even the upper bound of the rate is under it
    "over",  # an operational objective: even the lower bound of the figure is above it
    "inconclusive",  # not enough evidence for either
    "incomparable",  # nothing on the two sides can be compared
    "no baseline",  # no snapshot yet: only floors and must_pass decide
    "partial",  # only part of the cases ran: not decided
    "not proven",  # an undeclared slice: no regression seen, none excluded either
    "failed",  # a must_pass case that failed
    "flaky",  # a must_pass case that failed once and then held
]

BAD: tuple[Result, ...] = ("regression", "below", "over", "failed")
"""What fails the build in mode "block"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one gate says, with all the figures that a report may name.

    `name` is what people select by: "checks", "checks, topic=legal", "checks >= 0.80",
    "must_pass, leave-01". `effect` = after - before on the [0, 1] scale; `low`..`high` its
    two-sided 95 % interval; `p` the family-wise adjusted one-sided p; `upper_drop` the one-sided
    95 % upper bound of the drop; `detectable` the smallest drop found with 80 % power. `n` counts
    the pairs compared, `missing` those left out for lack of a score. `fell` and `rose` are ids of
    the cases that moved, the largest change first. Where a drop of `exclude` is not ruled out,
    `settling_cases` and `settling_trials` (of each case) would rule it out if they are like those
    that were seen; None: no number would, or it can't be told.

    Of a judge's metric `judge` is the judge's name and `standing` its state, `remedy` the shortest
    way to a better one; with `informs` nothing rests on it. `corrected` with its interval is the
    change as people's ratings of some pairs and the judge's of all give it. `shock` is the part of
    `margin` that unchanged code was seen to lose as a whole run; kind "release" compares with the
    pinned baseline instead of the snapshot.

    Of an operational gate `before` and `after` are in `unit`, `limit` is its `max` or its `rise`.
    With a rise `effect` is how much more the figure is, as a share of what it was (in a unit of
    shares the difference), and `low`..`high` its interval; with a max they are the figure's own.
    """

    name: str
    metric: str
    slice: str = OVERALL
    kind: Literal["relative", "floor", "must_pass", "operation", "release"] = "relative"
    declared: bool = True
    derived: bool = False
    critical: bool = False
    mode: Mode = "block"
    result: Result
    reason: str = ""
    before: float | None = None
    after: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    upper_drop: float | None = None
    detectable: float | None = None
    margin: float | None = None
    exclude: float | None = None
    floor: float | None = None
    settling_cases: int | None = None
    settling_trials: int | None = None
    n: int = 0
    missing: int = 0
    fell: Sequence[str] = ()
    rose: Sequence[str] = ()
    judge: str = ""
    standing: Literal["", "uncertified", "provisional", "trusted"] = ""
    informs: bool = False
    remedy: str = ""
    corrected: float | None = None
    corrected_low: float | None = None
    corrected_high: float | None = None
    unit: str = ""
    limit: float | None = None
    shock: float = 0.0

    @property
    def worth(self) -> str:
        """What is to be said of margin and judge beside the figures; "" for what needs no word."""
        return "; ".join(filter(None, (self._widened, self._judge)))

    @property
    def _widened(self) -> str:
        if not self.shock:
            return ""
        margin, shock = 100 * (self.margin or 0.0), 100 * self.shock
        return f"margin {margin:.1f} points, {shock:.1f} of them for shocks between runs"

    @property
    def _judge(self) -> str:
        if self.kind == "release" and self.informs:
            return "only informs"
        if self.standing in ("", "trusted") and not self.informs:
            return ""
        state = f"{self.standing} judge" if self.standing != "trusted" else "judge"
        said = f"{state}, only informs" if self.informs else state
        return f"{said}; {self.remedy}" if self.remedy else said

    @property
    def blocks(self) -> bool:
        """Whether this finding fails the build."""
        return self.mode == "block" and self.result in BAD

    @property
    def excusable(self) -> bool:
        """Whether a new snapshot can end it: what a floor, a limit, a case that must pass or the
        pinned baseline asks for, no snapshot changes."""
        return self.result == "regression" and self.kind != "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gates of one suite say together.

    `result` is the gravest of what counts: what blocks, then what keeps the run from being decided,
    then what was only observed; slices that nobody declared count only as regressions. `reason`
    says why a run as a whole is inconclusive or incomparable, "" where single gates are.
    `naive_slices` counts the slices that a fixed "3 points down" rule would have blocked, of
    `slices_compared`. `moved` counts comparable cases whose `checks` value differs, `changed`
    those whose output differs.
    """

    suite: str
    result: Result
    findings: Sequence[Finding]
    reason: str = ""
    slices_compared: int = 0
    naive_slices: int = 0
    changed: int = 0
    moved: int = 0

    @property
    def blocks(self) -> bool:
        """Whether any gate fails the build."""
        return any(finding.blocks for finding in self.findings)

    @property
    def would_block(self) -> int:
        """How many gates in mode "observe" would have failed the build."""
        return sum(
            finding.mode == "observe" and finding.result in BAD
            for finding in self.findings
            if (finding.declared or not finding.derived) and not finding.informs
        )

    @property
    def exit_code(self) -> int:
        """0 clear, 1 blocked, 10 inconclusive where that must stop, 11 incomparable.

        A gate that is inconclusive stops only if it is critical; a run that as a whole could not
        be decided always does.
        """
        if self.blocks:
            return 1
        if self.result == "incomparable":
            return 11
        critical = any(
            finding.critical and finding.mode == "block" and finding.result == "inconclusive"
            for finding in self.findings
        )
        return 10 if critical or (self.result == "inconclusive" and self.reason) else 0
