"""What of a stored run can be rated, as candidates to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from evalsuite import golden, snapshot
from evalsuite.calibration.choosing import Candidate, Side
from evalsuite.calibration.labels import item_id
from evalsuite.calibration.records import Item
from evalsuite.config import Config
from evalsuite.errors import EvalsuiteError, OptionError, SnapshotError
from evalsuite.golden.case import case_key
from evalsuite.judging.records import Card
from evalsuite.judging.subjects import lacking, subject_of, text_of
from evalsuite.records import Case, Output, Row, Run

Stored = tuple[Run, snapshot.Source]
"""A run, and where its outputs are read from."""


def candidates(
    config: Config, card: Card, run: Stored, baseline: Stored | None, *, arms: bool
) -> list[Candidate]:
    """One for each case whose question and answer are at hand.

    With a `baseline` only cases whose answers differ: for a pairwise card the pair is one item;
    else, with `arms`, the answers of both sides are items that are chosen together.

    Raises:
        OptionError: there is none, and why.
    """
    cases = _cases(config, run[0])
    new, old = _answers(run), _answers(baseline) if baseline else {}
    found = []
    for name, row in run[0].rows.items():
        case, after, before = cases.get(name), new.get(name), old.get(name)
        if case is None or after is None or lacking(card, subject_of(case, after)):
            continue
        if baseline is None:
            found.append(_single(card, run[0], case, row, after))
        elif before is not None and text_of(before) != text_of(after):
            other = baseline[0].rows[name]
            make = _arms if arms and card.kind != "pairwise" else _pair
            found.append(make(card, (run[0], baseline[0]), case, (row, other), (after, before)))
    if not found:
        raise OptionError(_why(card, run, baseline, cases, new))
    return found


def _why(
    card: Card,
    run: Stored,
    baseline: Stored | None,
    cases: Mapping[str, Case],
    answers: Mapping[str, Output],
) -> str:
    name = run[0].manifest.run
    if not cases:
        about = run[0].manifest.golden.get("name")
        return f"run {name}: no case of golden/{about} is what was run: run the evals again"
    if not answers:
        return f"run {name} keeps no answers ({run[0].manifest.outputs}): run the evals again"
    if all(
        lacking(card, subject_of(cases[each], answers[each])) for each in cases.keys() & answers
    ):
        case = min(cases.keys() & answers.keys())
        return f"run {name}: {lacking(card, subject_of(cases[case], answers[case]))}"
    if baseline is not None:
        return f"run {name}: no answer that differs from one that the baseline keeps"
    return f"run {name} holds nothing to rate"


def _cases(config: Config, run: Run) -> dict[str, Case]:
    """The cases as they were asked: by the key of what was run, whatever else was edited since."""
    about = run.manifest.golden
    found: dict[str, Case] = {}
    for spec in (f"{about.get('name')}", f"{about.get('name')}@{about.get('version')}"):
        try:
            dataset = golden.load_spec(spec, config.golden_dir)
        except EvalsuiteError:
            continue
        for case in dataset.cases:
            row = run.rows.get(case.id)
            if row is not None and case.id not in found and case_key(case) == row.case_key:
                found[case.id] = case
        if len(found) == len(run.rows):
            break
    return found


def _answers(stored: Stored) -> dict[str, Output]:
    """The first trial's answer of each case, as far as its text is kept."""
    run, source = stored
    if run.manifest.outputs == "redacted":
        return {}
    keys = {name: row.outputs[0] for name, row in run.rows.items() if row.outputs}
    found = snapshot.read_outputs(source, {key for key in keys.values() if key is not None})
    return {name: found[key] for name, key in keys.items() if key in found}


def _single(
    card: Card,
    run: Run,
    case: Case,
    row: Row,
    output: Output,
    arm: Literal["candidate", "baseline", ""] = "",
) -> Candidate:
    subject = subject_of(case, output)
    item = Item(
        id=item_id(subject),
        subject=subject,
        case=case.id,
        output_key=row.outputs[0] or "",
        slices=row.slices,
        cluster=row.cluster,
        judged=_judged(card, row),
        arm=arm,
        run=run.manifest.run,
    )
    return Candidate(
        items=(item,), side=side_of(_value(row, card.name)), uncertain=unsure(card, row)
    )


Runs = tuple[Run, Run]
Rows = tuple[Row, Row]
Outputs = tuple[Output, Output]
"""Of the candidate and of the baseline."""


def _pair(card: Card, runs: Runs, case: Case, rows: Rows, outputs: Outputs) -> Candidate:
    """One item that holds both answers."""
    single = _single(card, runs[0], case, rows[0], outputs[0])
    subject = subject_of(case, outputs[0], text_of(outputs[1]))
    item = replace(
        single.items[0],
        id=item_id(subject),
        subject=subject,
        other_key=rows[1].outputs[0] or "",
        arm="candidate",
    )
    return replace(single, items=(item,))


def _arms(card: Card, runs: Runs, case: Case, rows: Rows, outputs: Outputs) -> Candidate:
    """An item for each answer; on which side they are says which one the judge finds better."""
    new = _single(card, runs[0], case, rows[0], outputs[0], "candidate")
    old = _single(card, runs[1], case, rows[1], outputs[1], "baseline")
    after, before = _value(rows[0], card.name), _value(rows[1], card.name)
    known = after is not None and before is not None
    difference = 0.5 + (after - before) / 2 if known else None  # type: ignore[operator]
    return Candidate(
        items=(*new.items, *old.items),
        side=side_of(difference),
        uncertain=new.uncertain or old.uncertain,
    )


def side_of(value: float | None) -> Side:
    if value is None or value == 0.5:
        return "between"
    return "low" if value < 0.5 else "high"


def unsure(card: Card, row: Row) -> bool:
    """Whether the orders or the votes disagree, or the judge was asked and gave no verdict."""
    values = row.scores.get(card.name)
    if not values:
        return False
    doubts = (_value(row, f"{card.name}.{name}") for name in ("consistent", "agreement"))
    return values[0] is None or any(each is not None and each < 1.0 for each in doubts)


def _value(row: Row, metric: str) -> float | None:
    """Of the first trial, whose answer is rated."""
    values: Sequence[float | None] = row.scores.get(metric, ())
    return values[0] if values else None


def _judged(card: Card, row: Row) -> dict[str, str | None]:
    """The judge's level by criterion, the nearest one of a mean of votes; nothing where the judge
    was not asked."""
    found: dict[str, str | None] = {}
    for criterion in card.criteria:
        metric = card.name if len(card.criteria) == 1 else f"{card.name}.{criterion.name}"
        if metric not in row.scores:
            continue
        value = _value(row, metric)
        found[criterion.name] = (
            None
            if value is None
            else min(criterion.scale, key=lambda level, at=value: abs(level.value - at)).label  # type: ignore[misc]
        )
    return found


def stored(config: Config, ref: str, suite: str | None) -> Stored:
    return snapshot.open_ref(ref, config, suite)


def baseline_of(config: Config, run: Stored) -> Stored:
    """The snapshot that the run is compared with; OptionError says how to get one."""
    suite = run[0].manifest.suite
    try:
        return snapshot.open_ref("snapshot", config, suite)
    except (OptionError, SnapshotError) as error:
        remedy = 'evalsuite accept --from-run last --reason "first baseline"'
        raise OptionError(
            f"pairs need the answers of a baseline: {error} ({remedy}, then a run whose answers "
            "differ)"
        ) from None
