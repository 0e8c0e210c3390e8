"""A run of any size with all that a case can be opened for: trials, verdicts in both orders,
claims, documents, tool calls, what answers took. The verdict is the gate's own."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from report_samples import COMMANDS, KINDS, LONG, SHORT, TOPICS, manifest

from evalsuite.diff import Change, compare
from evalsuite.gate import Gate, decide
from evalsuite.policy import Slice
from evalsuite.records import (
    CHECKS,
    Case,
    Document,
    Metric,
    Operations,
    Output,
    Row,
    Run,
    Spent,
    Standing,
    ToolCall,
)
from evalsuite.report import Report, build, failing, wanted
from evalsuite.report.material import Pair, Shown

TRIALS = 3
FAITHFUL, GRACE = "faithfulness", "correctness"
HANDBOOK = [
    Document(f"hr-{at}", f"Chapter {at} of the handbook. " + f"{LONG} " * 4) for at in range(40)
]


def large_run(n: int = 240) -> Report:
    """`topic=legal` loses a third of its answers, of all others one in a hundred moves."""
    rng = random.Random(11)
    before, after = {}, {}
    for at in range(n):
        legal = TOPICS[at % len(TOPICS)] == "legal"
        moved = rng.random() < (0.5 if legal else 0.01)
        old = float(rng.random() < 0.92)
        new = float(old and rng.random() > 0.7) if moved else old
        one = _row(at, old, 0.9 - 0.3 * rng.random(), "o", rng)
        faith = [each if each is None else 0.8 * each for each in one.scores[FAITHFUL]]
        scores = {CHECKS: [new] * TRIALS, FAITHFUL: faith, GRACE: [new] * TRIALS}
        other = _row(at, new, 0.0, "n", rng)
        two = replace(one, spent=other.spent)
        if moved:
            reason = 'contains "14 days": not in the answer' if not new else ""
            reasons = {CHECKS: reason} if reason else {}
            two = replace(other, scores=scores, reasons=reasons)
        before[one.id], after[two.id] = one, two
    metrics = [Metric(CHECKS), Metric(FAITHFUL), Metric(GRACE)]
    pairs = [
        (float(rng.random() < (0.85 if judge else 0.2)), judge, 1.0) for judge in [1.0, 0] * 40
    ]
    worth = {GRACE: Standing(state="trusted", judge=GRACE, says="80 labels", pairs=pairs)}
    spent = Operations(seconds=84.2, fresh_calls=3 * n, input_tokens=1230 * n, output_tokens=90 * n)
    old_run = Run(manifest("20260301-base", n, metrics=metrics, trials=TRIALS), before)
    new_run = Run(
        manifest("20260311-abc", n, metrics=metrics, trials=TRIALS, judges=worth, operations=spent),
        after,
    )
    diff = compare(old_run, new_run)
    changed = [Change("input", "prompt", "answer.j2 v3", "answer.j2 v4")]
    diff = replace(diff, subject=changed)
    verdict = decide(diff, Gate(min={CHECKS: 0.8}, slices={"topic=legal": Slice()}))
    ids = wanted(diff, verdict)
    ids += failing(diff, after, ids)
    return build(
        diff,
        verdict,
        before=before,
        after=after,
        answers={id_: _pair(at, after[id_]) for at, id_ in enumerate(ids)},
        further={id_: [_pair(at + 1, after[id_])] for at, id_ in enumerate(ids) if at % 5 == 0},
        cases={id_: _case(id_) for id_ in ids},
        evidence={id_: _evidence(id_) for id_ in ids},
        commands=COMMANDS,
    )


def _row(at: int, value: float, faith: float, side: str, rng: random.Random) -> Row:
    topic, kind = TOPICS[at % len(TOPICS)], KINDS[at // len(TOPICS) % len(KINDS)]
    slow = 1.0 if side == "o" else 1.3
    return Row(
        id=f"{topic}-{at:05}",
        case_key=f"c{at}",
        scorer_keys={CHECKS: "s", FAITHFUL: "f", GRACE: "g"},
        scores={CHECKS: [value] * TRIALS, FAITHFUL: [faith] * TRIALS, GRACE: [value] * TRIALS},
        outputs=[f"{side}{at}-{trial}" for trial in range(TRIALS)],
        slices={"topic": topic, "kind": kind},
        spent=[
            Spent(
                fresh=True,
                latency=slow * rng.lognormvariate(0.2, 0.4),
                first_token=slow * rng.lognormvariate(-1.2, 0.3),
                tokens=440 + at % 90,
                cost=0.0011 * slow,
            )
            for _ in range(TRIALS)
        ],
    )


def _case(id_: str) -> Case:
    return Case(id=id_, input={"question": f"How much notice does parental leave need ({id_})?"})


def _pair(at: int, row: Row) -> Pair:
    failed = row.scores[CHECKS][0] == 0
    found = [HANDBOOK[(at * 3 + place) % len(HANDBOOK)] for place in range(4)]
    call = ToolCall("search", {"query": "parental leave notice", "limit": 4}, "4 documents")
    again = ToolCall("search", {"query": "notice", "limit": 8}, error="timeout after 2 s")
    new = SHORT if failed else LONG.replace("a week", "seven days")
    return (
        Output(text=LONG, contexts=found, tool_calls=[call]),
        Output(
            text=new,
            contexts=[*found[1:], HANDBOOK[(at * 3 + 17) % len(HANDBOOK)]],
            tool_calls=[call, again],
        ),
    )


def _evidence(id_: str) -> Sequence[Shown]:
    claim: Mapping[str, object] = {
        "claim": "Leave is 16 weeks, paid.",
        "verdict": "supported",
        "quotes": [{"quote": "16 weeks, paid", "contexts": ["hr-12"]}],
    }
    other = {"claim": "Notice may be given by phone.", "verdict": "unsupported"}
    said = [
        {
            "criterion": GRACE,
            "order": "ab",
            "label": "no",
            "critique": "It leaves out the 14 days.",
        },
        {"criterion": GRACE, "order": "ba", "label": "no", "critique": f"No deadline in {id_}."},
    ]
    return [(FAITHFUL, 1, [claim, other]), (GRACE, 1, said)]  # type: ignore[list-item]
