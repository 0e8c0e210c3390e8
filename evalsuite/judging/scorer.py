"""A judge as a scorer of a suite, bound to its card, its model and what pairs are compared with."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite.backends.llm import LLM
from evalsuite.canonical import key
from evalsuite.errors import SuiteError
from evalsuite.judging.against import Lacking, Other, other_of
from evalsuite.judging.asking import hear, of_llm
from evalsuite.judging.card import keyed, load_card
from evalsuite.judging.keys import JudgeKeys, judge_keys
from evalsuite.judging.names import Against
from evalsuite.judging.records import Card
from evalsuite.judging.setting import Setting, role_of
from evalsuite.judging.statements import statements_of
from evalsuite.judging.subjects import lacking, subject_of
from evalsuite.judging.verdict import Verdict, evidence_of, settle
from evalsuite.records import Case, Metric, Output, Score
from evalsuite.wording import shown


def bind_judge(
    setting: Setting,
    *,
    name: str,
    against: Against | None,
    gates: bool,
    role: str | None,
    votes: int | None,
) -> BoundJudge:
    """A judge that can be asked, its card checked against the suite's models and cases.

    Raises:
        SuiteError: the card, `against`, or cases that lack what it needs.
    """
    card = load_card(setting.config.judge_dir, name)
    if votes is not None:
        card = keyed(replace(card, votes=votes))
    if card.kind != "pairwise" and against is not None:
        raise SuiteError(f"judge {card.name} is {card.kind}: against= is for pairwise judges")
    _check_cases(card, setting.cases)
    if role is not None and role not in setting.specs:
        there = ", ".join(sorted(setting.specs))
        remedy = f'there are {there}; add {role} = "BACKEND" under backends in [tool.evalsuite]'
        raise SuiteError(f'judge {card.name}: no backend has the role "{role}" ({remedy})')
    asked = role_of(role or card.role, setting.specs)
    other = None
    if card.kind == "pairwise":
        other = other_of("baseline" if against is None else against, setting)
        if against == "expected" and not any(each.expected for each in setting.cases):
            raise SuiteError(f"judge {card.name}: no case has an expected answer")
    return BoundJudge(card, asked, judge_keys(card, setting.specs[asked]), other, gates)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a judge said of one output. `lack`: it was not asked, and why; `void`: since
    there is nothing for it to judge."""

    verdicts: Sequence[Verdict] = ()
    lack: str = ""
    void: bool = False
    left_out: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BoundJudge:
    """A judge ready to be asked. `key` is the judge's own (a certificate names it), `measure` that
    of its scores: it also says what pairs are compared with."""

    card: Card
    role: str
    keys: JudgeKeys
    other: Other | None
    gates: bool

    @property
    def key(self) -> str:
        return self.keys.key

    @property
    def measure(self) -> str:
        return key("scorer", ["judge", self.key, self.other.key]) if self.other else self.key

    @property
    def metric(self) -> Metric:
        return self.metrics[0]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return metrics_of(self.card)

    async def __call__(self, case: Case, output: Output, llm: LLM) -> Mapping[str, Score]:
        """A score per metric."""
        return scores_of(self.card, await self.opinion(case, output, llm), case.id)

    async def opinion(self, case: Case, output: Output, llm: LLM) -> Opinion:
        """Ask the model of the judge's role, unless something is lacking."""
        other = None
        if self.other is not None:
            try:
                other = await self.other.find(case, llm)
            except Lacking as error:
                return Opinion(lack=str(error))
        subject = subject_of(case, output, other)
        lack = lacking(self.card, subject)
        if lack:
            return Opinion(lack=lack, void=True)
        heard = await hear(self.card, subject, of_llm(llm[self.role]))
        return Opinion(settle(self.card, heard.judgements), left_out=heard.left_out)


def metrics_of(card: Card) -> tuple[Metric, ...]:
    """All metrics that a judge can give; its own is the first."""
    pair = card.kind == "pairwise"
    center = 0.5 if pair else None
    made = [Metric(card.name, center=center)]
    if len(card.criteria) > 1:
        made += [
            Metric(f"{card.name}.{each.name}", role="detail", center=center)
            for each in card.criteria
        ]
    diagnostics = ["consistent", "first"] if pair and card.orders == 2 else []
    diagnostics += ["agreement"] if card.votes > 1 else []
    return (*made, *(Metric(f"{card.name}.{each}", role="diagnostic") for each in diagnostics))


def scores_of(card: Card, opinion: Opinion, case_id: str) -> dict[str, Score]:
    """A score per metric of a judge. What was not asked has no diagnostics: a tie of equal outputs
    says nothing of the orders."""
    name = card.name
    if opinion.lack:
        return {name: Score(case_id, 1, name, None, opinion.lack, void=opinion.void)}
    value, reason = weighted(card, opinion.verdicts)
    evidence = evidence_of(opinion.verdicts)
    if opinion.left_out:
        evidence.append({"left out": dict(opinion.left_out)})
    made = {name: Score(case_id, 1, name, value, reason, evidence)}
    for each in opinion.verdicts if len(card.criteria) > 1 else ():
        metric = f"{name}.{each.criterion}"
        made[metric] = Score(case_id, 1, metric, each.value, each.reason or each.critique)
    known = {metric.name for metric in metrics_of(card)}
    for diagnostic in ("consistent", "first", "agreement"):
        metric, found = f"{name}.{diagnostic}", diagnostic_of(opinion.verdicts, diagnostic)
        if metric in known and found is not None:
            made[metric] = Score(case_id, 1, metric, found)
    return made


def weighted(card: Card, verdicts: Sequence[Verdict]) -> tuple[float | None, str]:
    """The weighted mean of a card's criteria, and the critique; no mean over what is left where one
    of them has no value."""
    if len(verdicts) == 1:
        only = verdicts[0]
        return only.value, "; ".join(filter(None, [only.reason, only.critique]))
    lacking = [each for each in verdicts if each.value is None]
    if lacking:
        return None, "; ".join(f"{each.criterion}: {each.reason}" for each in lacking)
    pairs = [(each.value or 0.0, card.criterion(each.criterion).weight) for each in verdicts]
    value = sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs)
    worst = sorted(verdicts, key=lambda each: each.value or 0.0)
    return value, "; ".join(
        f"{each.criterion}: {each.critique}" for each in worst if each.value != 1.0
    )


def diagnostic_of(verdicts: Sequence[Verdict], name: str) -> float | None:
    """The mean of a diagnostic over the criteria that have it."""
    found = [float(value) for each in verdicts if (value := getattr(each, name)) is not None]
    return statistics.fmean(found) if found else None


def _check_cases(card: Card, cases: Sequence[Case]) -> None:
    """What no case of the dataset has is said before anything is spent."""
    if not cases or "expected" not in card.needs:
        return
    given = [case for case in cases if case.expected not in (None, "", [], {})]
    if not given:
        raise SuiteError(f"judge {card.name} needs expected answers, and no case has one")
    if card.kind != "expectations":
        return
    for case in given:
        if isinstance(case.expected, str):
            continue
        try:
            statements_of(case.expected)
        except ValueError as error:
            raise SuiteError(f"judge {card.name}: case {shown(case.id)}: {error}") from None
    if all(isinstance(case.expected, str) for case in given):
        wanted = 'write {"must": ["…"], "must_not": ["…"]} as a case\'s expected'
        raise SuiteError(f"judge {card.name} needs statements, and no case has any ({wanted})")
