"""Several judges of one output: as a jury that votes, or as a cascade that asks the dear one only
where the cheap one is uncertain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite.backends.llm import LLM
from evalsuite.canonical import key
from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.judging.asking import side_by_side
from evalsuite.judging.keys import JudgeKeys
from evalsuite.judging.matter import NAME
from evalsuite.judging.records import Card
from evalsuite.judging.scorer import (
    UNBOUND,
    BoundJudge,
    Judge,
    Opinion,
    diagnostic_of,
    scores_of,
    weighted,
)
from evalsuite.judging.setting import Setting
from evalsuite.judging.votes import How, agreeing, combined
from evalsuite.records import Case, Metric, Output, Score
from evalsuite.wording import shown

Band = tuple[float, float]


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

    async def __call__(self, case: Case, output: Output, llm: LLM) -> Mapping[str, Score]:
        raise EvalsuiteError(UNBOUND)

    def bind(self, setting: Setting) -> BoundJury:
        """Bind every member; SuiteError if one of them can't be, or if they can't be compared."""
        members = [each.bind(setting) for each in self.members]
        pairs = {each.card.kind == "pairwise" for each in members}
        if len(pairs) > 1:
            raise SuiteError(
                f"jury {self.name}: a pairwise judge and one of a single output differ"
            )
        return BoundJury(self, members, _names(members))


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


def _names(members: Sequence[BoundJudge]) -> tuple[str, ...]:
    """What each member is called within the jury: by its card where that tells them apart."""
    cards = [each.card.name for each in members]
    if len(set(cards)) == len(cards):
        return tuple(cards)
    named = [f"{each.card.name}@{each.role}" for each in members]
    if len(set(named)) < len(named):
        raise SuiteError(
            f"jury: {named[0]} is there twice: give the members roles of their own that the "
            "settings' backends name, or one judge more votes"
        )
    return tuple(named)


@dataclass(frozen=True, slots=True, eq=False)
class BoundJury:
    """A jury ready to be asked."""

    jury: Jury
    members: Sequence[BoundJudge]
    names: Sequence[str]

    @property
    def gates(self) -> bool:
        return self.jury.gates

    @property
    def card(self) -> Card | None:
        """The members' card, if it is one."""
        cards = {each.card.key: each.card for each in self.members}
        return next(iter(cards.values())) if len(cards) == 1 else None

    @property
    def keys(self) -> JudgeKeys:
        """Of all members, in their order."""
        own = [self.jury.how, list(self.jury.weights), self.jury.cascade]
        return JudgeKeys(
            key("jury template", [*own, *(each.keys.template for each in self.members)]),
            key("jury model", [each.keys.model for each in self.members]),
            self.members[0].keys.parser,
        )

    @property
    def key(self) -> str:
        return self.keys.key

    @property
    def measure(self) -> str:
        return key("scorer", ["jury", self.key, *(each.measure for each in self.members)])

    @property
    def metric(self) -> Metric:
        return self.metrics[0]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        name = self.jury.name
        center = self.members[0].metric.center
        both = all(each.card.orders == 2 for each in self.members)
        diagnostics = ["consistent", "first"] if center is not None and both else []
        diagnostics.append("agreement" if self.jury.cascade is None else "escalated")
        return (
            Metric(name, center=center),
            *(Metric(f"{name}.{each}", role="detail", center=center) for each in self.names),
            *(Metric(f"{name}.{each}", role="diagnostic") for each in diagnostics),
        )

    async def __call__(self, case: Case, output: Output, llm: LLM) -> Mapping[str, Score]:
        """A score per metric."""
        if self.jury.cascade is None:
            work = [each.opinion(case, output, llm) for each in self.members]
            return self._voted(await side_by_side(work), case.id)
        cheap, dear = self.members
        opinions = [await cheap.opinion(case, output, llm)]
        if escalates(cheap.card, opinions[0], self.jury.cascade):
            opinions.append(await dear.opinion(case, output, llm))
        return self._cascaded(opinions, case.id)

    def _voted(self, opinions: Sequence[Opinion], case_id: str) -> dict[str, Score]:
        name = self.jury.name
        made = self._details(opinions, case_id)
        values = {each: made[f"{name}.{each}"].value for each in self.names}
        value, reason = combined(values, self.jury.weights, self.jury.how)
        evidence = [
            {"member": each, "value": score.value, "reason": score.reason, "said": score.evidence}
            for each, score in zip(self.names, made.values(), strict=True)
        ]
        made[name] = Score(case_id, 1, name, value, reason, evidence)
        share = agreeing(list(values.values()), self.jury.weights, value)
        if share is not None:
            made[f"{name}.agreement"] = Score(case_id, 1, f"{name}.agreement", share)
        return made | self._orders(opinions, case_id)

    def _cascaded(self, opinions: Sequence[Opinion], case_id: str) -> dict[str, Score]:
        name = self.jury.name
        made = self._details(opinions, case_id)
        last = list(made.values())[-1]
        made[name] = replace(last, metric=name)
        if not opinions[0].lack:
            metric = f"{name}.escalated"
            made[metric] = Score(case_id, 1, metric, float(len(opinions) > 1))
        return made | self._orders(opinions[-1:], case_id)

    def _details(self, opinions: Sequence[Opinion], case_id: str) -> dict[str, Score]:
        """What each member said, those that were not asked left out."""
        made = {}
        for member, own, opinion in zip(self.members, self.names, opinions, strict=False):
            said = scores_of(member.card, opinion, case_id)[member.card.name]
            metric = f"{self.jury.name}.{own}"
            made[metric] = replace(said, metric=metric)
        return made

    def _orders(self, opinions: Sequence[Opinion], case_id: str) -> dict[str, Score]:
        known = {metric.name for metric in self.metrics}
        verdicts = [verdict for each in opinions for verdict in each.verdicts]
        made = {}
        for diagnostic in ("consistent", "first"):
            metric, value = f"{self.jury.name}.{diagnostic}", diagnostic_of(verdicts, diagnostic)
            if metric in known and value is not None:
                made[metric] = Score(case_id, 1, metric, value)
        return made


def escalates(card: Card, opinion: Opinion, band: Band) -> bool:
    """Whether a cheap judge is uncertain: it can't tell, its votes or orders disagree, or its value
    is in the band. What lacks a part of the case is not uncertain: nobody could tell."""
    if opinion.lack:
        return False
    value, _ = weighted(card, opinion.verdicts)
    if value is None or band[0] <= value <= band[1]:
        return True
    return any(
        each.consistent is False or (each.agreement is not None and each.agreement < 1)
        for each in opinion.verdicts
    )
