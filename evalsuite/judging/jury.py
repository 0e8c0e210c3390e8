"""Several judges of one output: as a jury that votes, or as a cascade that asks the dear one only
where the cheap one is uncertain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite.backends.llm import LLM
from evalsuite.backends.together import together
from evalsuite.canonical import key
from evalsuite.errors import SuiteError
from evalsuite.judging.keys import JudgeKeys
from evalsuite.judging.names import Band, How
from evalsuite.judging.records import Card
from evalsuite.judging.scorer import BoundJudge, Opinion, diagnostic_of, scores_of, weighted
from evalsuite.judging.votes import agreeing, combined
from evalsuite.records import Case, Metric, Output, Score


def bind_jury(
    members: Sequence[BoundJudge],
    *,
    name: str,
    how: How,
    weights: Sequence[float],
    cascade: Band | None,
    gates: bool,
) -> BoundJury:
    """A jury of judges that can be asked; SuiteError if they can't be compared."""
    if len({each.card.kind == "pairwise" for each in members}) > 1:
        raise SuiteError(f"jury {name}: a pairwise judge and one of a single output differ")
    return BoundJury(name, members, _names(members), how, weights, cascade, gates)


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
    """A jury ready to be asked. `names` are what its members are called in it; `cascade` None: all
    of them are asked."""

    name: str
    members: Sequence[BoundJudge]
    names: Sequence[str]
    how: How
    weights: Sequence[float]
    cascade: Band | None
    gates: bool

    @property
    def card(self) -> Card | None:
        """The members' card, if it is one."""
        cards = {each.card.key: each.card for each in self.members}
        return next(iter(cards.values())) if len(cards) == 1 else None

    @property
    def keys(self) -> JudgeKeys:
        """Of all members, in their order."""
        own = [self.how, list(self.weights), self.cascade]
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
        name = self.name
        center = self.members[0].metric.center
        both = all(each.card.orders == 2 for each in self.members)
        diagnostics = ["consistent", "first"] if center is not None and both else []
        diagnostics.append("agreement" if self.cascade is None else "escalated")
        return (
            Metric(name, center=center),
            *(Metric(f"{name}.{each}", role="detail", center=center) for each in self.names),
            *(Metric(f"{name}.{each}", role="diagnostic") for each in diagnostics),
        )

    async def __call__(self, case: Case, output: Output, llm: LLM) -> Mapping[str, Score]:
        """A score per metric."""
        if self.cascade is None:
            work = [each.opinion(case, output, llm) for each in self.members]
            return self._voted(await together(work), case.id)
        cheap, dear = self.members
        opinions = [await cheap.opinion(case, output, llm)]
        if escalates(cheap.card, opinions[0], self.cascade):
            opinions.append(await dear.opinion(case, output, llm))
        return self._cascaded(opinions, case.id)

    def _voted(self, opinions: Sequence[Opinion], case_id: str) -> dict[str, Score]:
        name = self.name
        made = self._details(opinions, case_id)
        values = {each: made[f"{name}.{each}"].value for each in self.names}
        value, reason = combined(values, self.weights, self.how)
        evidence = [
            {**each, "criterion": f"{own}: {each['criterion']}"}
            if "criterion" in each
            else {"member": own, **each}
            for own, score in zip(self.names, made.values(), strict=True)
            for each in score.evidence
        ]
        made[name] = Score(case_id, 1, name, value, reason, evidence)
        share = agreeing(list(values.values()), self.weights, value)
        if share is not None:
            made[f"{name}.agreement"] = Score(case_id, 1, f"{name}.agreement", share)
        return made | self._orders(opinions, case_id)

    def _cascaded(self, opinions: Sequence[Opinion], case_id: str) -> dict[str, Score]:
        name = self.name
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
            metric = f"{self.name}.{own}"
            made[metric] = replace(said, metric=metric)
        return made

    def _orders(self, opinions: Sequence[Opinion], case_id: str) -> dict[str, Score]:
        known = {metric.name for metric in self.metrics}
        verdicts = [verdict for each in opinions for verdict in each.verdicts]
        made = {}
        for diagnostic in ("consistent", "first"):
            metric, value = f"{self.name}.{diagnostic}", diagnostic_of(verdicts, diagnostic)
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
