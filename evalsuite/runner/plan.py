"""What is about to run: a suite with its settings, cases, checks and identities, all validated.

Every error in data is found here, at collection, before anything is spent.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evalsuite import checks, golden, registry, scoring, snapshot
from evalsuite.canonical import canonical, key
from evalsuite.checks import Check
from evalsuite.config import Config, load_config
from evalsuite.errors import DataError, GoldenError, SnapshotError, SuiteError, did_you_mean
from evalsuite.gate import validate
from evalsuite.gate.rules import AGAIN
from evalsuite.golden import Dataset
from evalsuite.judging.setting import Setting
from evalsuite.policy import Gate
from evalsuite.records import CHECKS, COMPLETION, Case, Extent, Metric, Part, Run, Standing
from evalsuite.runner.fingerprint import input_parts
from evalsuite.runner.itself import Itself, place_of, read_itself
from evalsuite.runner.released import release_of
from evalsuite.runner.standings import standings_of
from evalsuite.suites import Suite, variants_of


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A suite made ready. `inputs` and `covered` come from its declared inputs, `baseline` from
    the committed snapshot; `specs` maps a role to the spec of its backend; `itself` is what the
    suite's last check of unchanged code against itself found. `tiers` are plans of its parts, whose
    own `tier` is their name and `extent` what a run says of them."""

    suite: Suite
    config: Config
    dataset: Dataset
    specs: Mapping[str, str]
    inputs: Mapping[str, Part]
    covered: Sequence[str]
    external: str | None
    suite_checks: Sequence[Check]
    scorers: Sequence[Any]
    baseline: Run | None
    nodeid: str = ""
    notes: list[str] = field(default_factory=list)
    keys_by_checks: dict[str, dict[str, str]] = field(default_factory=dict)
    standings: Mapping[str, Standing] = field(default_factory=dict)
    itself: Itself | None = None
    tiers: Mapping[str, Plan] = field(default_factory=dict)
    tier: str = ""
    extent: Extent | None = None

    @property
    def snapshot_folder(self) -> Path:
        return self.config.snapshot_dir / self.suite.name

    @property
    def place(self) -> str:
        """The node id as pytest gives it in the settings' folder: what is kept of a run does not
        depend on where it was started."""
        file = self.suite.file
        if file.is_relative_to(self.config.root):
            file = file.relative_to(self.config.root)
        return f"{file.as_posix()}::{self.suite.name}"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics known beforehand; scorers that return several add theirs as they come."""
        own = [metric for scorer in self.scorers for metric in scoring.metrics_of(scorer)]
        return (Metric(CHECKS), Metric(COMPLETION), *own)

    def checks_of(self, case: Case) -> tuple[Check, ...]:
        return (*checks.compile_checks(case.checks), *self.suite_checks)

    def scorer_keys(self, case: Case) -> dict[str, str]:
        """scorer.key per metric; a case's checks have one of their own. Cases with the same checks
        share one dictionary."""
        place = self.dataset.keys[case.id].checks
        keys = self.keys_by_checks.get(place)
        if keys is None:
            keys = self.keys_by_checks[place] = {
                CHECKS: checks.checks_key(case.checks, self.suite_checks),
                COMPLETION: key("scorer", COMPLETION),
            }
            for scorer in self.scorers:
                names = [metric.name for metric in scoring.metrics_of(scorer)]
                keys |= dict.fromkeys(names, scoring.scorer_key(scorer))
        return keys


def make_plans(
    suite: Suite, config: Config, *, module: str, chosen: Mapping[str, str] | None = None
) -> list[Plan]:
    """A plan per variant; `module` is the node id of the suite's module. The golden dataset is
    read once."""
    plans: list[Plan] = []
    for each in variants_of(suite):
        dataset = plans[0].dataset if plans else None
        nodeid = f"{module}::{each.name}"
        plans.append(make_plan(each, config, nodeid=nodeid, chosen=chosen, dataset=dataset))
    return plans


def make_plan(
    suite: Suite,
    config: Config,
    *,
    nodeid: str = "",
    chosen: Mapping[str, str] | None = None,
    dataset: Dataset | None = None,
) -> Plan:
    """Read and check all that a suite needs. `chosen` are the command line's backends by role:
    they win over the suite's, which win over the settings'. `dataset` is the suite's golden
    dataset where it is read already.

    Raises:
        DataError: golden set, inputs, gate or snapshot; the message names file and remedy.
    """
    for name in set(config.formats) - registry.names("formats"):
        registry.find("formats", name)  # says what is known; those that are load when they print
    where = f"{suite.file}:{suite.line}: suite {suite.name}"
    trials = config.trials or suite.trials
    suite = replace(suite, trials=trials, gate=leveled(suite.gate, config))
    dataset = dataset or _dataset(suite, config, where)
    if not dataset.cases:
        raise SuiteError(f"{where}: golden dataset {suite.golden} has no case")
    specs = {**config.backends, **suite.backend, **(chosen or {})}
    baseline = None if config.afresh else _baseline(suite, config)
    itself = read_itself(place_of(config.snapshot_dir, suite.name))
    unknown = bool(config.release) and not config.afresh and release_of(config, suite.name) is None
    inputs: dict[str, Part] = {}
    covered: list[str] = []
    try:
        prepare = getattr(getattr(suite.target, "func", suite.target), "prepare", None)
        if prepare is not None:
            prepare()
        for name, value in suite.inputs.items():
            parts, files = input_parts(name, value, suite.file.parent)
            inputs |= parts
            covered += files
        inputs |= _param_parts(suite)
        external = None
        if suite.external is not None:
            parts, _ = input_parts("external", suite.external, suite.file.parent)
            external = key("external", {name: part.key for name, part in parts.items()})
        own = [scorer for scorer in suite.scorers if isinstance(scorer, Check)]
        setting = Setting(
            config=config,
            specs=specs,
            suite=suite.name,
            cases=dataset.cases,
            baseline=baseline,
            source=config.snapshot_dir / suite.name,
        )
        others = [_bound(each, setting) for each in suite.scorers if not isinstance(each, Check)]
        names = _metric_names(others)
        validate(suite.gate, metrics=names, slices=slices_of(dataset.cases))
        standings = standings_of(others, config)
    except DataError as error:
        raise SuiteError(f"{where}: {error}") from error
    return Plan(
        suite=suite,
        config=config,
        dataset=dataset,
        specs=specs,
        inputs=inputs,
        covered=covered,
        external=external,
        suite_checks=own,
        scorers=others,
        baseline=baseline,
        nodeid=nodeid or f"{suite.file.name}::{suite.name}",
        notes=[f"{config.release} has no snapshot of this suite: no release to compare with"]
        if unknown
        else [],
        standings=standings,
        itself=itself,
    )


def leveled(gate: Gate, config: Config) -> Gate:
    """With a release that gates there are two families, half of the level each."""
    two = config.release and config.release_gates
    return replace(gate, level=gate.level / 2) if two else gate


def slices_of(cases: Iterable[Case]) -> set[str]:
    return {f"{name}={value}" for case in cases for name, value in case.slices.items()}


def _dataset(suite: Suite, config: Config, where: str) -> Dataset:
    """The golden cases; what is wrong with the name of the dataset is said of the suite."""
    try:
        return golden.load_spec(suite.golden, config.golden_dir, validate_checks=checks.problems)
    except GoldenError as error:
        folder = config.golden_dir / suite.golden.partition("@")[0]
        if os.path.isdir(folder):  # noqa: PTH112 (of any text, and never an error)
            raise
        raise SuiteError(f"{where}: golden: {error}") from None


def _param_parts(suite: Suite) -> dict[str, Part]:
    """A variant's parameters are of the subject, as its model is: answers depend on them."""
    parts = {}
    for name, value in suite.params.items():
        label = value if isinstance(value, str) else canonical(value).decode()
        parts[f"variant.{name}"] = Part(key("input", value), scoring.clip(label, 60))
    return parts


def _bound(scorer: Any, setting: Setting) -> Any:
    """A judge knows its card, model and baseline from here on; other scorers need nothing."""
    bind = getattr(scorer, "bind", None)
    return scorer if bind is None else bind(setting)


def _metric_names(scorers: Sequence[Any]) -> set[str]:
    names = {CHECKS, COMPLETION}
    for metric in (metric for scorer in scorers for metric in scoring.metrics_of(scorer)):
        if metric.name in names:
            wrong = f'scorers: "{metric.name}" is the name of another metric: rename this one'
            raise SuiteError(wrong)
        if not -math.inf < metric.low < metric.high < math.inf:
            raise SuiteError(f'scorers: the range of metric "{metric.name}" must be low < high')
        names.add(metric.name)
    return names


def _baseline(suite: Suite, config: Config) -> Run | None:
    """The committed snapshot; None only where there never was one."""
    folder = config.snapshot_dir / suite.name
    if folder.exists():
        run = snapshot.load(folder)
        if run.manifest.suite != suite.name:
            raise SnapshotError(
                f"{snapshot.shown(folder)}/manifest.json: suite: it is {run.manifest.suite!r}, not "
                f"{suite.name!r} (if the suite was renamed, write its new name there)"
            )
        return run
    reason = snapshot.expected_snapshot(config, suite.name)
    if reason:
        raise DataError(reason)
    return None


def further(plan: Plan) -> int:
    """How many further trials a case that moved may get: none if the baseline has none to compare
    with, or if the suite asks often anyway."""
    old = plan.baseline
    stored = old is not None and old.manifest.trials > AGAIN
    return AGAIN if stored and plan.suite.trials == 1 else 0


def unnamed_roles(plans: Iterable[Plan], chosen: Mapping[str, str]) -> list[str]:
    """The command line's roles that neither a suite nor its settings name: most likely a slip."""
    known = {"default"}
    for plan in plans:
        known |= {*plan.suite.backend, *load_config(plan.config.root).backends}
    return [
        f'no suite and no setting names the role "{role}" of --evals-backend: '
        f"{did_you_mean(role, known)}"
        for role in chosen
        if role not in known
    ]


def with_options(config: Config, options: Mapping[str, Any]) -> Config:
    """Settings with what the command line gives; None means not given."""
    given = {name: value for name, value in options.items() if value is not None}
    if "backends" in given:
        given["backends"] = {**config.backends, **given["backends"]}
    return replace(config, **given)


def safe_name(text: str) -> str:
    """Text as a part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "x"
