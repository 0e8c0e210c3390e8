"""What a golden set can and can't show, of `evalsuite plan`."""

from __future__ import annotations

from collections import Counter

from evalsuite.cli.screen import table
from evalsuite.config import Config
from evalsuite.errors import GoldenError, OptionError
from evalsuite.gate import Gate, Sight, policy_json, sights
from evalsuite.gate.sensitivity import gate_name
from evalsuite.records import CHECKS, COMPLETION, Metric, Row, Run, Subject
from evalsuite.records import Manifest as Head

FAILS = 5
"""Without a run one case in so many is taken to fail."""

_LISTED = 8


def assumed(config: Config, suite: str) -> tuple[Run, str]:
    """A run of a suite that has none, out of the golden set of its name, and what is assumed."""
    from evalsuite import golden  # noqa: PLC0415

    try:
        cases = golden.load_spec(suite, config.golden_dir).cases
    except GoldenError as error:
        raise OptionError(
            f"{suite}: no run is here, and no golden set of that name can be read to plan one "
            f"from ({error}): run pytest --evals, or name the golden set"
        ) from None
    rows = {
        case.id: Row(
            id=case.id,
            case_key="",
            scorer_keys={CHECKS: ""},
            scores={CHECKS: [0.0 if place % FAILS == FAILS - 1 else 1.0]},
            outputs=[case.id],
            slices=case.slices,
            cluster=case.cluster,
        )
        for place, case in enumerate(sorted(cases, key=lambda each: each.id))
    }
    head = Head(
        suite=suite,
        run="",
        created="",
        golden={"name": suite},
        subject=Subject(),
        policy=policy_json(Gate()),
        metrics=[Metric(CHECKS)],
        expected=len(rows),
    )
    told = (
        f"{suite} has no run yet: its golden cases are taken as if checks alone were gated by the "
        f"default policy, held in 4 of {FAILS} cases and flipped by chance in 6 % from run to run"
    )
    return Run(head, rows), told


def seen(run: Run, policy: Gate, told: str) -> str:
    """Per gate the smallest drop that is found, and what a smaller one takes."""
    trials = f"{run.manifest.trials} trials each" if run.manifest.trials > 1 else "1 trial each"
    title = f"{told}: {len(run.rows)} cases, {trials}"
    found = [each for each in sights(run, policy) if each.metric != COMPLETION]
    if not found:
        return f"{title}\n\nNo gate rests on a score: there is none, or judges only inform."
    rows = [("gate", "cases", "smallest drop", "to see less")]
    rows += [
        (gate_name(each.metric, each.slice), str(each.n), _drop(each), _takes(each))
        for each in found
    ]
    note = "Drops of that size are found in 4 of 5 runs. New cases are taken to be like those here."
    return "\n\n".join([title, table(rows), "\n".join([note, *_small(run, policy)])])


def _drop(each: Sight) -> str:
    return "none" if each.drop is None else f"{100 * each.drop:.1f} points"


def _takes(each: Sight) -> str:
    if each.smaller is None:
        return "less is within the gate's margin"
    ways = [f"about {each.cases:,} cases"] if each.cases else []
    ways += [f"{each.trials} trials each"] if each.trials else []
    asked = f"{100 * each.smaller:.3g} points"
    return f"{asked}: {' or '.join(ways)}" if ways else f"{asked}: not with 30 times as many cases"


def _small(run: Run, policy: Gate) -> list[str]:
    """Which slices have no gate, for want of cases."""
    sizes = Counter(
        f"{name}={value}" for row in run.rows.values() for name, value in row.slices.items()
    )
    small = sorted(
        f"{name} ({n})"
        for name, n in sizes.items()
        if n < policy.min_cases and name not in policy.slices
    )
    if not small:
        return []
    more = f" and {len(small) - _LISTED} more" if len(small) > _LISTED else ""
    listed = ", ".join(small[:_LISTED])
    return [f"Slices of fewer than {policy.min_cases} cases have no gate: {listed}{more}."]
