"""What is said of a run, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalsuite.diff import Diff
from evalsuite.gate import Verdict
from evalsuite.gate.attribution import attributions
from evalsuite.gate.costs import costs_of
from evalsuite.gate.guarding import points
from evalsuite.records import Case, Output, Row
from evalsuite.report import (
    attribution,
    basis,
    costs,
    failures,
    guardrails,
    opened,
    pictures,
    repeats,
    sections,
    trouble,
)
from evalsuite.report.cases import case_list, heat
from evalsuite.report.headline import headline
from evalsuite.report.judges import judges
from evalsuite.report.material import Material, Pair, Shown
from evalsuite.report.reports import Block, Commands, Report
from evalsuite.stats.flakiness import Unstable


def build(  # noqa: PLR0913 (all that a report may show comes in here)
    diff: Diff,
    verdict: Verdict,
    *,
    before: Mapping[str, Row],
    after: Mapping[str, Row],
    answers: Mapping[str, Pair],
    commands: Commands,
    cases: Mapping[str, Case] | None = None,
    evidence: Mapping[str, Sequence[Shown]] | None = None,
    crossed: Mapping[str, Output] | None = None,
    further: Mapping[str, Sequence[Pair]] | None = None,
    unstable: Sequence[Unstable] = (),
) -> Report:
    """Decide what is said of a run.

    `before` and `after` are the rows of the two runs by id. `answers` holds the two outputs of the
    cases in `wanted(diff, verdict)`, None where one is not at hand, and of those in `failing`.
    `cases` adds the questions, `evidence` what scorers showed for the candidate's answers,
    `crossed` its answers to the baseline's documents, `further` the two outputs of each trial after
    the first, `unstable` the cases that flipped over stored runs of the same subject.
    """
    material = Material(
        diff=diff,
        verdict=verdict,
        before=before,
        after=after,
        answers=answers,
        cases=cases or {},
        commands=commands,
        evidence=evidence or {},
        crossed=crossed or {},
        further=further or {},
        attributions=attributions(diff, verdict.findings),
        costs=costs_of(diff, after),
    )
    listed = case_list(material)
    varies = repeats.variances(material, listed)
    tried = repeats.tried(material)
    shown = opened.answers(material, listed)
    failed = failures.failed(material)
    found = trouble.troubles(material)
    guarded = points(diff.candidate.metrics, after)
    blocks: list[Block | None] = [
        headline(material, shown, found, varies),
        basis.comparability(material),
        sections.gates(material, varies),
        attribution.table(material),
        guardrails.table(guarded),
        failures.table(failed, compared=diff.baseline is not None),
        repeats.table(tried),
        repeats.flaky(unstable),
        judges(material),
        shown,
        heat(material, listed, varies),
        pictures.quality(material, listed),
        costs.account(diff, material.costs),
        costs.asked(diff),
        costs.sliced(material.costs),
        pictures.operations(material),
        trouble.section(material, found),
        sections.actions(material),
        listed,
        sections.footer(material),
    ]
    return Report(
        suite=diff.suite,
        verdict=verdict,
        candidate=diff.candidate,
        baseline=diff.baseline,
        subject=diff.subject,
        commands=commands,
        blocks=tuple(each for each in blocks if each is not None),
        tried=tried,
        failed=failed,
        attributions=material.attributions,
        guarded=guarded,
        costs=material.costs,
    )
