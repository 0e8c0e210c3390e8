"""A report as a whole: its blocks and what they were made from; pages that are of no run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from evalsuite.records import Manifest
from evalsuite.report.blocks import Answers, Cases, Facts, Headline, Heat, Matrix, Readings, Table
from evalsuite.report.drawn import Intervals, Plots

if TYPE_CHECKING:  # a judge's page needs nothing that runs are compared with
    from evalsuite.diff import Change
    from evalsuite.gate import Verdict
    from evalsuite.gate.attribution import Attribution
    from evalsuite.gate.costs import Cost
    from evalsuite.gate.guarding import Point
    from evalsuite.stats.trials import Tries

Block = Headline | Facts | Table | Answers | Heat | Plots | Cases | Intervals | Matrix | Readings
_Always = TypeVar("_Always", Headline, Answers, Heat, Cases)


@dataclass(frozen=True, slots=True)
class Document:
    """A page that is not of a run: of a judge, say. `name` is what it is about."""

    name: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """What to type, as the shell would take it; "" where there is no such command.

    `case` and `explain` are templates with {id} and {gate}, quoted for the shell when filled in.
    `reports` maps a format to the path of the written file.
    """

    reproduce: str = ""
    case: str = ""
    accept: str = ""
    baseline: str = ""
    explain: str = ""
    reports: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is said of one suite's run. Made by `build`, printed by `FORMAT.render`.

    `tried` are the figures of repeated tries, one per k; `failed` maps a class of failure to the
    answers that failed so, before and after; `attributions` say what of changes is retrieval's,
    `guarded` what guardrails get wrong, `costs` what fresh answers took, as a whole and by slice.
    """

    suite: str
    verdict: Verdict
    candidate: Manifest
    baseline: Manifest | None
    subject: Sequence[Change]
    commands: Commands
    blocks: tuple[Block, ...]
    tried: Sequence[Tries] = ()
    failed: Mapping[str, Sequence[int]] = field(default_factory=dict)
    attributions: Sequence[Attribution] = ()
    guarded: Sequence[Point] = ()
    costs: Sequence[Cost] = ()


def block_of(report: Report, kind: type[_Always]) -> _Always:
    """The block of a kind that every report has exactly once."""
    return next(block for block in report.blocks if isinstance(block, kind))
