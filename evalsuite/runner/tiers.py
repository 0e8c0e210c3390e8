"""A suite's tiers, planned: each is a whole of its own, with cases, scorers, repeats and gates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from evalsuite import scoring
from evalsuite.errors import OptionError, SuiteError, did_you_mean
from evalsuite.gate import needed_cases, policy_json, validate
from evalsuite.gate.rules import policy_from
from evalsuite.policy import DERIVED, Gate
from evalsuite.records import CHECKS, COMPLETION, Case, Extent, Row, Run
from evalsuite.runner.order import ranked
from evalsuite.runner.plan import Plan, leveled, slices_of
from evalsuite.runner.reach import excluded
from evalsuite.tiers import Tier
from evalsuite.wording import shown

C = TypeVar("C", Case, Row)

_JUDGED = ("swap_flip_rate", "unparsable_rate")
"""Operational figures that only judges have."""


def with_tiers(plan: Plan) -> Plan:
    """The plan of a whole suite, with one for each of its tiers.

    Raises:
        SuiteError: a tier's gate or scorers name what it does not have.
    """
    gate, cases = plan.suite.gate, plan.dataset.cases
    some = any(tier.cases is not None for tier in plan.suite.tiers.values())
    order = _order(cases, plan.config.seed, gate) if some else []
    return replace(plan, tiers={name: _tier(plan, name, order) for name in plan.suite.tiers})


def planned(plans: Collection[Plan], named: str | None = None) -> dict[Plan, Plan]:
    """What is run of each suite: its tier that is `named`, or that its settings name; all of it
    where it has none of that name, which a note says.

    Raises:
        OptionError: no suite has a tier of that name.
    """
    known = {name for plan in plans for name in plan.tiers}
    made = {}
    for plan in plans:
        name = plan.config.tier if named is None else named
        if plan.config.afresh:  # what unchanged code is seen to lose is of all cases
            name = ""
        if name and name not in known:
            said = did_you_mean(name, known) if known else "no suite here has tiers"
            raise OptionError(f"no suite has a tier {shown(name)}: {said}")
        if name and name not in plan.tiers:
            plan.notes.append(f"suite {plan.suite.name} has no tier {name}: all of it runs")
        made[plan] = plan.tiers.get(name, plan)
    return made


def _tier(plan: Plan, name: str, order: Sequence[str]) -> Plan:
    suite, tier = plan.suite, plan.suite.tiers[name]
    where = f'{suite.file}:{suite.line}: suite {suite.name}: tiers["{name}"]'
    scorers = _scorers(plan.scorers, tier, where)
    metrics = {metric.name for each in scorers for metric in scoring.metrics_of(each)}
    metrics |= {CHECKS, COMPLETION}
    cases = first_of(plan.dataset.cases, order, tier.cases or 0)
    standings = {metric: each for metric, each in plan.standings.items() if metric in metrics}
    gate, waiting = _gate(plan, tier, where, metrics, cases)
    if not standings:
        operations = {k: v for k, v in gate.operations.items() if k not in _JUDGED}
        gate = replace(gate, operations=operations)
    whose = f"suite {suite.name}, tier {name}"
    notes = [f"{whose}: no case of it is in {part}, which so has no gate" for part in waiting]
    if tier.cases is not None and len(cases) > tier.cases:
        notes.append(f"{whose}: has all {len(cases)} must_pass cases, more than {tier.cases}")
    trials = plan.config.trials or tier.trials or suite.trials
    return replace(
        plan,
        suite=replace(suite, gate=gate, trials=trials),
        dataset=replace(plan.dataset, cases=cases),
        scorers=scorers,
        standings=standings,
        notes=[*plan.notes, *notes],
        keys_by_checks={},
        tier=name,
        extent=Extent(
            cases=tier.cases or 0,
            without=tuple(each.name for each in plan.metrics if each.name not in metrics),
            trials=tier.trials or 0,
            policy=policy_json(gate),
        ),
    )


def _scorers(scorers: Sequence[Any], tier: Tier, where: str) -> list[Any]:
    """Those that measure what the tier names; a scorer of several metrics is asked for any."""
    if tier.scorers is None:
        return list(scorers)
    names = [[metric.name for metric in scoring.metrics_of(each)] for each in scorers]
    known = {CHECKS, *(name for each in names for name in each)}
    for name in tier.scorers:
        if name not in known:
            said = f'no scorer of the suite measures "{name}": {did_you_mean(name, known)}'
            raise SuiteError(f"{where}: scorers: {said}")
    asked = set(tier.scorers)
    return [one for one, own in zip(scorers, names, strict=True) if not asked.isdisjoint(own)]


def _order(cases: Collection[Case | Row], seed: int, gate: Gate) -> list[str]:
    """In which tiers take cases: of a declared slice they wish for as many as it takes to rule out
    its drop if nothing moves."""
    wanted = {name: needed_cases(excluded(gate, name)) for name in gate.slices}
    return ranked(cases, seed, wanted)


def first_of(cases: Collection[C], order: Sequence[str], count: int) -> tuple[C, ...]:
    """The first `count` of the order, and every must_pass one; 0: all. As they lie in the files."""
    if not count:
        return tuple(cases)
    kept = set(order[: max(count, sum(case.must_pass for case in cases))])
    return tuple(case for case in cases if case.id in kept)


def _gate(
    plan: Plan, tier: Tier, where: str, metrics: Collection[str], cases: Sequence[Case]
) -> tuple[Gate, list[str]]:
    """The tier's gate as far as it has cases and metrics, and the slices that have no case."""
    gate = plan.suite.gate
    if tier.gate is not None:
        gate = leveled(tier.gate, plan.config)
        try:
            validate(gate, metrics=metrics, slices=slices_of(plan.dataset.cases))
        except SuiteError as error:
            raise SuiteError(f"{where}: {error}") from None
    there = slices_of(cases)
    waiting = [
        name for name in gate.slices if name not in there and name.partition("=")[0] not in DERIVED
    ]
    gate = replace(
        gate,
        min={name: floor for name, floor in gate.min.items() if name in metrics},
        metrics={name: each for name, each in gate.metrics.items() if name in metrics},
        slices={name: each for name, each in gate.slices.items() if name not in waiting},
    )
    return gate, waiting


def tier_run(run: Run, name: str) -> Run:
    """What of a whole suite's run a tier of it would have been, as if it were its own: the same
    cases, since they follow from ids, slices and seed.

    Raises:
        OptionError: the run's suite has no such tier, or the run is one of another tier.
    """
    from evalsuite.diff.tier import of_tier  # noqa: PLC0415 (arrays: no plan needs them)

    head = run.manifest
    if head.tier == name:
        return run
    if head.tier:
        raise OptionError(f"run {head.run} is one of tier {head.tier}: name one of the whole suite")
    if name not in head.tiers:
        known = did_you_mean(name, head.tiers) if head.tiers else "its suite had none"
        raise OptionError(f'run {head.run} knows no tier "{name}": {known}')
    tier = head.tiers[name]
    rows = run.rows.values()
    kept = first_of(rows, _order(rows, head.seed, policy_from(head.policy)), tier.cases)
    part = of_tier(run, tier, [row.id for row in kept])
    head = replace(
        part.manifest,
        tier=name,
        trials=tier.trials or head.trials,
        policy=tier.policy,
        expected=len(part.rows),
        among=tuple(sorted(part.rows)) if len(part.rows) < len(run.rows) else (),
    )
    return Run(head, part.rows)
