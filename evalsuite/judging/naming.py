"""`ev.judge` and `ev.jury`: judges as a suite names them.

A module full of suites is imported in every run of pytest, so that this reads no card and loads
nothing: `bind` does, when the suite is made ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.judging.names import MAX_VOTES, NAME, Against, Band, How
from evalsuite.records import Case, Metric, Output
from evalsuite.wording import shown

if TYPE_CHECKING:
    from evalsuite.judging.jury import BoundJury
    from evalsuite.judging.scorer import BoundJudge
    from evalsuite.judging.setting import Setting

UNBOUND = "a judge scores within a suite: put it into scorers=[...]"


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A judge that a suite names; `bind` makes it one that can be asked."""

    name: str
    against: Against | None = None
    gates: bool = True
    role: str | None = None
    votes: int | None = None

    @property
    def metric(self) -> Metric:
        return Metric(self.name)

    async def __call__(self, case: Case, output: Output, llm: Any) -> Any:
        raise EvalsuiteError(UNBOUND)

    def bind(self, setting: Setting) -> BoundJudge:
        """Read the card and check it against the suite's models and cases.

        Raises:
            SuiteError: the card, `against`, or cases that lack what it needs.
        """
        from evalsuite.judging.scorer import bind_judge  # noqa: PLC0415 (only once it is used)

        return bind_judge(
            setting,
            name=self.name,
            against=self.against,
            gates=self.gates,
            role=self.role,
            votes=self.votes,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Jury:
    """A jury that a suite names; `bind` makes it one that can be asked. `cascade` None: all members
    are asked."""

    name: str
    members: Sequence[Judge]
    how: How
    weights: Sequence[float]
    cascade: Band | None
    gates: bool

    @property
    def metric(self) -> Metric:
        return Metric(self.name)

    async def __call__(self, case: Case, output: Output, llm: Any) -> Any:
        raise EvalsuiteError(UNBOUND)

    def bind(self, setting: Setting) -> BoundJury:
        """Bind every member; SuiteError if one of them can't be, or if they can't be compared."""
        from evalsuite.judging.jury import bind_jury  # noqa: PLC0415 (only once it is used)

        return bind_jury(
            [each.bind(setting) for each in self.members],
            name=self.name,
            how=self.how,
            weights=self.weights,
            cascade=self.cascade,
            gates=self.gates,
        )


def judge(
    name: str,
    *,
    against: Against | None = None,
    gate: bool = True,
    role: str | None = None,
    votes: int | None = None,
) -> Judge:
    """A judge card as a scorer: judges/NAME/judge.md, else the shipped one.

    Args:
        name: the card's.
        against: for pairwise cards, what the output is compared with: "baseline" (the default: the
            snapshot's output of the case), "expected", the name of another suite or variant that
            has a snapshot, or a function of (case) or (case, llm).
        gate: False: its values inform and never block.
        role: of the backend that is asked; default: the card's, else "default".
        votes: how often each verdict is asked for; default: the card's.

    Raises:
        SuiteError: at import; the card itself is read when the suite is collected.
    """
    if not isinstance(name, str) or not name:
        raise SuiteError(f"judge: its name must be text, not {shown(name)}")
    if votes is not None and (type(votes) is not int or not 1 <= votes <= MAX_VOTES):
        raise SuiteError(f"judge {name}: votes must be from 1 to {MAX_VOTES}, not {shown(votes)}")
    if against is not None and not isinstance(against, str) and not callable(against):
        raise SuiteError(f"judge {name}: against must be a name or a function")
    if role is not None and not isinstance(role, str):
        raise SuiteError(f"judge {name}: role must be text, not {shown(role)}")
    return Judge(name, against, bool(gate), role, votes)


def jury(
    members: Sequence[Judge],
    *,
    how: How = "majority",
    weights: Sequence[float] | None = None,
    cascade: bool | Band = False,
    name: str | None = None,
    gate: bool = True,
) -> Jury:
    """Several judges as one scorer.

    Args:
        members: two or more of `ev.judge(...)`, of different cards or roles.
        how: "majority" (most frequent value), "median" or "mean" of the members' values.
        weights: one number above 0 a member; default: all equal.
        cascade: True: the first of two members is asked, the second only where the first has no
            verdict, or its votes or orders disagree; (low, high): also where its value is within.
        name: of the metric; default: the members' common name, else "jury".
        gate: False: its values inform and never block.

    Raises:
        SuiteError: at import.
    """
    if isinstance(members, Judge | str) or not all(isinstance(each, Judge) for each in members):
        raise SuiteError("jury: its members are a list of ev.judge(...)")
    names = {each.name for each in members}
    own = name if name is not None else names.pop() if len(names) == 1 else "jury"
    problem = _problem(members, how, weights, cascade, own)
    if problem:
        raise SuiteError(f"jury {own}: {problem}")
    band = None if cascade is False else (2.0, -1.0) if cascade is True else cascade
    given = tuple(weights) if weights is not None else (1.0,) * len(members)
    return Jury(own, tuple(members), how, given, band, bool(gate))


def _problem(  # noqa: PLR0911 (one line a mistake)
    members: Sequence[Judge],
    how: object,
    weights: Sequence[float] | None,
    cascade: object,
    name: object,
) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return "its name must be lower-case letters, digits, - and _"
    if len(members) < 2:
        return "it needs two members or more"
    if how not in ("majority", "median", "mean"):
        return f'how must be "majority", "median" or "mean", not {shown(how)}'
    if weights is not None and len(weights) != len(members):
        return f"it has {len(members)} members and {len(weights)} weights"
    if weights is not None and not all(_number(each) and each > 0 for each in weights):
        return "weights must be numbers above 0"
    if cascade is False:
        return ""
    if len(members) != 2 or weights is not None:
        return "a cascade has two members, the cheap one first, and no weights"
    if cascade is not True:
        band = cascade if isinstance(cascade, tuple | list) else ()
        if len(band) != 2 or not all(map(_number, band)) or not 0 <= band[0] <= band[1] <= 1:
            return f"cascade must be True or (low, high) within 0 to 1, not {shown(cascade)}"
    return ""


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
