"""The crossed run of a trial: the target once more, given the documents of the baseline's answer.

What it loses against the baseline is the generation's doing, and what the candidate's own answer
loses against it is the retrieval's. Only where the documents differ is anything run. Its tally is
its own, so that a generation that did not change asks exactly what the baseline asked: it is
answered from the store, and equals the baseline's answer. Nothing of it touches the run's scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalsuite import scoring, snapshot
from evalsuite.backends.calls import QUIET, Tally
from evalsuite.checks import Check
from evalsuite.errors import SnapshotError
from evalsuite.records import Case, Crossed, Document, Failure, Output, Score, kept, shared
from evalsuite.runner.answer import Bench, answer
from evalsuite.runner.score import score

MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class Crossing:
    """One trial of `Crossed`. `output` is what the crossed run gave, None where none was needed or
    made; `tallies` count what it and its scorers asked."""

    against: str | None
    own: str | None = None
    key: str | None = None
    output: Output | None = None
    scores: Sequence[Score] = ()
    error: str = ""
    tallies: Sequence[Tally] = field(default_factory=tuple)

    @property
    def new(self) -> bool:
        """Whether its answer is neither the run's nor the baseline's."""
        return self.output is not None and self.key != self.against


async def cross(bench: Bench, case: Case, trial: int, output: Output) -> Crossing | None:
    """The crossed run of a trial that has been answered by `output`, not yet scored; None where
    there is nothing to compare with."""
    plan = bench.plan
    if not plan.suite.contexts or plan.baseline is None or trial > plan.suite.trials:
        return None
    row = plan.baseline.rows.get(case.id)
    if row is None or row.case_key != plan.dataset.keys[case.id].case:
        return None
    against = row.outputs[trial - 1] if trial <= len(row.outputs) else None
    own = None if output.error else snapshot.output_key(output)
    if against is None or own == against:
        return Crossing(against, own, against)
    return await _apart(bench, case, trial, output, Crossing(against, own))


async def _apart(
    bench: Bench, case: Case, trial: int, output: Output, crossing: Crossing
) -> Crossing:
    """Of an answer that is not the baseline's."""
    if output.error is not None and output.error.kind != "target":
        return replace(crossing, error=f"this run has no answer: {output.error.kind}")
    stored = _stored(bench).get(crossing.against or "")
    if stored is None or not stored.contexts:
        return replace(crossing, error="the snapshot keeps no documents of its answer")
    if output.error is None and _documents(output) == _documents(stored):
        return replace(crossing, key=crossing.own)
    tally = Tally(case.id, trial, bench.plan.config.seed, part="crossed")
    made, _ = await answer(bench, case, tally, stored.contexts)
    tally.account.answers = {}  # how long it took tells nothing of the run's own answers
    crossing = replace(crossing, tallies=[tally])
    if made.error is not None:
        crashed = made if made.error.kind == "target" else None
        return replace(crossing, output=crashed, error=_said(made.error))
    if _documents(made) != _documents(stored):
        wrong = "given other documents, the target did not return them as its contexts"
        return replace(crossing, error=wrong)
    return replace(crossing, output=made, key=snapshot.output_key(made))


def documents_before(bench: Bench, case: Case, trial: int) -> Sequence[Document]:
    """The documents of the baseline's answer that a crossed run would be given; none where there
    is nothing to compare with."""
    plan = bench.plan
    row = plan.baseline.rows.get(case.id) if plan.suite.contexts and plan.baseline else None
    if row is None or trial > len(row.outputs) or row.case_key != plan.dataset.keys[case.id].case:
        return ()
    stored = _stored(bench).get(row.outputs[trial - 1] or "")
    return stored.contexts if stored else ()


async def scored(
    bench: Bench, case: Case, trial: int, crossing: Crossing | None, compiled: Sequence[Check]
) -> Crossing | None:
    """The same with the scores of an answer that neither side has yet."""
    if crossing is None or crossing.output is None or not crossing.new:
        return crossing
    found, tallies = await score(bench, case, crossing.output, compiled, trial)
    return replace(crossing, scores=found, tallies=[*crossing.tallies, *tallies])


def crossed_of(made: Sequence[Crossing | None]) -> Crossed | None:
    """What a row keeps of its trials; None where every answer is the baseline's own, or there is
    nothing to compare with."""
    found = [each or Crossing(None) for each in made]
    if not any(each.against is not None and each.own != each.against for each in found):
        return None
    metrics = dict.fromkeys(score.metric for each in found for score in each.scores)
    by_trial = [{score.metric: kept(score.value) for score in each.scores} for each in found]
    errors = tuple(each.error or None for each in found)
    return Crossed(
        against=tuple(each.against for each in found),
        outputs=tuple(each.key for each in found),
        scores=shared({name: tuple(each.get(name) for each in by_trial) for name in metrics}),
        errors=errors if any(errors) else (),
    )


def _documents(output: Output) -> list[Document]:
    """What was retrieved, whatever it was ranked by."""
    return [replace(each, score=None) for each in output.contexts]


def _stored(bench: Bench) -> Mapping[str, Output]:
    """The snapshot's outputs by key, read when the first is asked for: most runs change none. Empty
    where it keeps none in full; what is damaged is said by the report."""
    if bench.before is None:
        bench.before = {}
        baseline, trials = bench.plan.baseline, bench.plan.suite.trials
        rows = baseline.rows.values() if baseline else ()
        wanted = {name for row in rows for name in row.outputs[:trials] if name is not None}
        token = QUIET.set(True)
        try:
            if baseline is not None and baseline.manifest.outputs == "full":
                bench.before = snapshot.read_outputs(bench.plan.snapshot_folder, wanted)
        except SnapshotError:
            pass
        finally:
            QUIET.reset(token)
    return bench.before


def _said(failure: Failure) -> str:
    return scoring.clip(f"{failure.kind}: {failure.message}", MAX_REASON)
