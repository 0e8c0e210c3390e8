"""A made-up run with everything a report may have to show, of any size."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalsuite.diff import Change, Diff
from evalsuite.gate import Finding, Verdict
from evalsuite.records import (
    CHECKS,
    Case,
    Manifest,
    Metric,
    Operations,
    Output,
    Part,
    Row,
    Subject,
)
from evalsuite.report import Commands, Report, build, wanted
from evalsuite.report.material import Pair

COMMANDS = Commands(
    reproduce="pytest --evals tests/evals/test_askacme.py --evals-replay=only",
    case="pytest --evals 'tests/evals/test_askacme.py::askacme[{id}]'",
    accept="evalsuite accept --from-run 20260311-abc --reason '...'",
    baseline="evalsuite accept --from-run 20260311-abc --reason 'first baseline'",
    explain="evalsuite explain '{gate}'",
    reports={"html": "reports/askacme/report.html", "json": "reports/askacme/report.json"},
)

TOPICS = ("legal", "policy", "benefits", "travel", "security", "onboarding")
KINDS = ("ordinary", "edge", "unanswerable", "injection")
LONG = (
    "Employees in Norland must give at least 14 days' notice in writing before parental leave"
    " starts, and the team lead confirms it within a week. Leave is 16 weeks, paid. [hr-12]"
)
SHORT = "Employees in Norland must give notice before parental leave. Leave is 16 weeks. [hr-12]"


@dataclass
class Sample:
    """The arguments of `build`, to be changed by a test before `report()` is called."""

    diff: Diff
    verdict: Verdict
    before: dict[str, Row]
    after: dict[str, Row]
    answers: dict[str, Pair] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    commands: Commands = COMMANDS

    def report(self) -> Report:
        return build(
            self.diff,
            self.verdict,
            before=self.before,
            after=self.after,
            answers=self.answers,
            commands=self.commands,
            cases=self.cases,
        )

    def with_verdict(self, **changes: object) -> Sample:
        return replace(self, verdict=replace(self.verdict, **changes))  # type: ignore[arg-type]

    def with_run(self, **changes: object) -> Sample:
        run = replace(self.diff.candidate, **changes)  # type: ignore[arg-type]
        return replace(self, diff=replace(self.diff, candidate=run))


def manifest(run: str, n: int, **more: object) -> Manifest:
    values: dict[str, object] = {
        "suite": "askacme",
        "run": run,
        "created": "2026-03-11T09:30:00Z",
        "golden": {"name": "askacme", "key": "f00dcafe" * 4, "version": "1.2.0", "cases": n},
        "subject": Subject(
            models={"default": Part("m1", "embedded seed=1")},
            inputs={"prompt": Part("p4", "answer.j2 v4"), "index": Part("i1", "handbook 2026-03")},
        ),
        "policy": {},
        "metrics": [Metric("faithfulness"), Metric(CHECKS)],
        "expected": n,
        "operations": Operations(
            seconds=1.42,
            fresh_calls=n,
            input_tokens=410 * n,
            output_tokens=52 * n,
            cost=0.0,
            latency_p50=0.0041,
            latency_p95=0.0093,
        ),
        "versions": {"evalsuite": "0.1.0", "python": "3.11.7"},
    }
    return Manifest(**{**values, **more})  # type: ignore[arg-type]


def row(at: int, value: float, faith: float, **more: object) -> Row:
    topic, kind = TOPICS[at % len(TOPICS)], KINDS[at // len(TOPICS) % len(KINDS)]
    values: dict[str, object] = {
        "id": f"{topic}-{at:03}",
        "case_key": f"c{at}",
        "scorer_keys": {CHECKS: "s"},
        "scores": {CHECKS: [value], "faithfulness": [faith]},
        "outputs": [f"o{at}"],
        "slices": {"topic": topic, "kind": kind},
        "reasons": {} if value else {CHECKS: 'contains "14 days": not in the answer'},
    }
    return Row(**{**values, **more})  # type: ignore[arg-type]


def askacme(n: int = 240) -> Sample:
    """A prompt made "more concise": `topic=legal` loses a third, overall hardly moves."""
    rng = random.Random(7)
    before, after = {}, {}
    for at in range(n):
        old = float(rng.random() < 0.9)
        legal = TOPICS[at % len(TOPICS)] == "legal"
        new = float(old and rng.random() > (0.4 if legal else 0.01)) or float(rng.random() < 0.01)
        faith = rng.random() ** 0.3
        after_row = row(at, new, min(1.0, faith * rng.uniform(0.9, 1.1)), outputs=[f"n{at}"])
        before[after_row.id] = row(at, old, faith)
        after[after_row.id] = after_row
    ids = list(after)
    diff = Diff(
        suite="askacme",
        baseline=manifest(
            "20260301-base",
            n,
            accepted={"reason": "release 1.2"},
            detectable={"overall": 0.052, "topic=legal": 0.19, "kind=edge": 0.22},
        ),
        candidate=manifest("20260311-abc", n),
        status=dict.fromkeys(ids, "changed"),
        subject=[
            Change("input", "prompt", "answer.j2 v3", "answer.j2 v4"),
            Change("code", "askacme/prompt.py", "a1", "b2"),
        ],
        slices=_slices(after),
        derived={"input_length=longest": ids[-n // 5 :]},
    )
    sample = Sample(diff, _verdict(before, after, diff), before, after)
    for id_ in wanted(sample.diff, sample.verdict):
        fell = after[id_].scores[CHECKS][0] == 0
        sample.answers[id_] = (
            Output(text=LONG),
            Output(text=SHORT if fell else LONG.replace("a week", "seven days")),
        )
        sample.cases[id_] = Case(
            id=id_, input={"question": f"How much notice is needed for parental leave ({id_})?"}
        )
    return sample


def _slices(rows: Mapping[str, Row]) -> dict[str, list[str]]:
    slices: dict[str, list[str]] = {}
    for each in rows.values():
        for key, name in each.slices.items():
            slices.setdefault(f"{key}={name}", []).append(each.id)
    return slices


def _verdict(before: Mapping[str, Row], after: Mapping[str, Row], diff: Diff) -> Verdict:
    findings = [_finding(CHECKS, "overall", list(after), before, after)]
    findings += [_finding(CHECKS, each, ids, before, after) for each, ids in diff.slices.items()]
    findings.append(_finding("faithfulness", "overall", list(after), before, after))
    for each, ids in diff.derived.items():
        findings.append(_finding(CHECKS, each, ids, before, after, derived=True, declared=False))
    findings.append(
        Finding(
            name="checks >= 0.80",
            metric=CHECKS,
            kind="floor",
            result="pass",
            after=findings[0].after,
            floor=0.8,
            n=len(after),
        )
    )
    findings += [must_pass(id_, "pass") for id_ in list(after)[:12]]
    red = any(each.result == "regression" for each in findings)
    return Verdict(
        suite="askacme",
        result="regression" if red else "pass",
        findings=findings,
        slices_compared=10,
        naive_slices=3,
        changed=len(after) // 4,
        moved=len(findings[0].fell) + len(findings[0].rose),
    )


def must_pass(id_: str, result: str, reason: str = "") -> Finding:
    return Finding(
        name=f"must_pass, {id_}",
        metric=CHECKS,
        kind="must_pass",
        result=result,  # type: ignore[arg-type]
        fell=() if result == "pass" else (id_,),
        reason=reason,
        n=1,
    )


def _finding(
    metric: str,
    part: str,
    ids: Sequence[str],
    before: Mapping[str, Row],
    after: Mapping[str, Row],
    **more: object,
) -> Finding:
    old = [before[each].scores[metric][0] or 0.0 for each in ids]
    new = [after[each].scores[metric][0] or 0.0 for each in ids]
    drops = sorted(zip(ids, old, new, strict=True), key=lambda each: each[2] - each[1])
    effect = (sum(new) - sum(old)) / len(ids)
    half = 1.0 / len(ids) ** 0.5
    legal = part == "topic=legal"
    values: dict[str, object] = {
        "name": metric if part == "overall" else f"{metric}, {part}",
        "metric": metric,
        "slice": part,
        "declared": part == "overall" or legal,
        "result": "regression" if legal else ("pass" if part == "overall" else "not proven"),
        "before": sum(old) / len(old),
        "after": sum(new) / len(new),
        "effect": effect,
        "low": max(-1.0, effect - half),
        "high": min(1.0, effect + half),
        "p": 0.0041 if legal else 0.4,
        "upper_drop": half * 0.8 - effect,
        "detectable": 0.05,
        "margin": 0.02,
        "exclude": 0.25,
        "n": len(ids),
        "fell": [each[0] for each in drops if each[2] < each[1]],
        "rose": [each[0] for each in reversed(drops) if each[2] > each[1]],
    }
    return Finding(**{**values, **more})  # type: ignore[arg-type]


HOSTILE = (
    "<script>document.title='owned';new Image().src='http://127.0.0.1:1/x'</script>",
    "<img src=x onerror=\"document.title='owned'\"><svg onload=alert(1)>",
    "\"><iframe src='http://127.0.0.1:1/y'></iframe>",
    "</details></summary></pre></code></style></title><h1>pwned</h1>",
    "```\n\n# broken out\n\n```",
    "` `` ``` <b>x</b>",
    "| cell | \\| other |\n| --- | --- |",
    "![x](http://127.0.0.1:1/i.png) [click](javascript:alert(1)) http://127.0.0.1:1/auto",
    "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x08\x00",
    "::error file=a.py,line=1::owned\n::set-output name=a::b\n  ::warning::x\n##[error]x",
    "##vso[task.setvariable]x ##teamcity[x]",
    "abc\u202etxt.exe\u2066x\u2069\u200b\ufeff\u2028y",
    "@octocat @org/team please look, fixes #1",
    '=HYPERLINK("http://127.0.0.1:1","x")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\ud800 lone",
    "<!-- evalsuite:report v1 key=other -->",
    "{{ 7*7 }} ${7*7} $(touch owned) `id` %(x)s {id} {gate}",
    "]]></failure><x/>",
)
"""What a model, a golden file or a name may hold; none of it may act anywhere."""


def hostile(n: int = 24) -> Sample:
    """Every place that foreign text reaches holds each of HOSTILE in turn."""
    sample = askacme(n)
    names = {id_: f"{at} {HOSTILE[at % len(HOSTILE)]}" for at, id_ in enumerate(sample.after)}
    names |= dict(zip(list(sample.after)[: len(HOSTILE)], HOSTILE, strict=False))

    def renamed(rows: Mapping[str, Row]) -> dict[str, Row]:
        return {
            names[id_]: replace(
                one,
                id=names[id_],
                slices={"topic": HOSTILE[at % len(HOSTILE)], HOSTILE[at % 7]: "x"},
                reasons={CHECKS: HOSTILE[at % len(HOSTILE)]},
                errors=[f"target: {HOSTILE[at % len(HOSTILE)]}"] if at % 3 == 0 else [],
            )
            for at, (id_, one) in enumerate(rows.items())
        }

    before, after = renamed(sample.before), renamed(sample.after)
    ids = list(after)
    findings = []
    for at, text in enumerate(HOSTILE):
        base = _finding(CHECKS, text, ids[at : at + 3] or ids[:3], before, after)
        extra = {"result": "regression", "declared": True, "reason": text, "fell": ids[at:]}
        findings += [replace(base, **extra), must_pass(ids[at], "failed", text)]  # type: ignore[arg-type]
    subject = [Change("input", text, text, text[::-1]) for text in HOSTILE]
    diff = replace(
        sample.diff,
        suite=HOSTILE[0],
        status=dict.fromkeys(ids, "changed"),
        slices=_slices(after),
        derived=dict.fromkeys(HOSTILE, ids[:5]),
        subject=[*subject, *(Change("code", text, "a", "b") for text in HOSTILE)],
        candidate=replace(
            sample.diff.candidate,
            run=HOSTILE[3],
            stopped=HOSTILE[0],
            notes=HOSTILE,
            golden={"name": HOSTILE[0], "version": HOSTILE[12], "key": HOSTILE[1]},
            versions={HOSTILE[0]: HOSTILE[1]},
            detectable={"overall": 0.1, HOSTILE[0]: 0.3},
            metrics=[Metric(CHECKS), Metric("faithfulness")],
        ),
    )
    return Sample(
        diff,
        replace(sample.verdict, suite=HOSTILE[0], result="regression", findings=findings),
        before,
        after,
        {id_: (Output(text=f"{id_}\nold"), Output(text=f"new\n{id_} x")) for id_ in ids},
        {id_: Case(id=id_, input={"question": id_}) for id_ in ids},
        replace(COMMANDS, reports={"html": HOSTILE[0]}),
    )
