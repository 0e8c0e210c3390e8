"""One finding in plain words: what it means and what to do, with this run's figures."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.diff import Diff
from evalsuite.errors import OptionError, did_you_mean
from evalsuite.gate import OVERALL, Finding, Verdict
from evalsuite.gate.attribution import attributions
from evalsuite.gate.verdict import BAD
from evalsuite.report import figures, operated
from evalsuite.report.attribution import told
from evalsuite.report.escape import line, plain, terminal
from evalsuite.report.headline import detectable
from evalsuite.report.material import case_of
from evalsuite.report.sentences import spread


def explain(diff: Diff, verdict: Verdict, name: str) -> str:
    """Text for a terminal on the finding called `name`; OptionError names the nearest one."""
    found = next((each for each in verdict.findings if each.name == name), None)
    if found is None:
        known = [each.name for each in verdict.findings]
        hint = terminal(did_you_mean(name, known))
        raise OptionError(f'no gate "{terminal(name)}" in suite {terminal(diff.suite)}: {hint}')
    state = "blocks the merge" if found.blocks else "does not block"
    if found.critical and found.mode == "block" and found.result == "inconclusive":
        state = "stops the run (exit status 10)"
    parts = [[f"{terminal(found.name)}: {found.result}, {state}"]]
    if found.kind == "operation":
        parts += operated.explained(found, _cause(diff))
    else:
        parts += [
            ["What was seen", *_seen(found)],
            *_origin(found, diff, verdict),
            ["What it means", *_meaning(found, _seen_from(found, diff, verdict))],
            ["What to do", *_advice(found, diff)],
        ]
    return "\n\n".join("\n  ".join(part) for part in parts) + "\n"


def _origin(finding: Finding, diff: Diff, verdict: Verdict) -> list[list[str]]:
    """Whether it is the retrieval's or the generation's, where that can be told."""
    if finding.kind == "must_pass":
        return []
    return [
        ["Where it comes from", line(terminal(plain(told(each))))]
        for each in attributions(diff, verdict.findings)
        if (each.metric, each.slice) == (finding.metric, finding.slice)
    ]


def _seen(finding: Finding) -> list[str]:
    if finding.kind == "must_pass" and not finding.fell:
        said = [f"{figures.many(finding.n, 'strict case')} held."]
    elif finding.kind == "must_pass":
        said = [f"Case {terminal(case_of(finding))}."]
    elif finding.kind == "floor":
        said = [f"{spread(finding)}; the floor is {figures.percent(finding.floor)}."]
    elif finding.effect is None:
        said = ["There are no two values to compare."]
    else:
        said = [f"{terminal(finding.metric)}, {_where(finding)}: {spread(finding)}."]
    if finding.fell and finding.kind == "relative":
        said.append(f"{figures.many(len(finding.fell), 'case')} fell: {_ids(finding.fell)}.")
    if finding.rose:
        said.append(f"{figures.many(len(finding.rose), 'case')} rose: {_ids(finding.rose)}.")
    if finding.missing:
        said.append(f"{figures.many(finding.missing, 'pair')} had no score and was left out.")
    if finding.worth:
        said.append(line(terminal(f"{finding.worth[0].upper()}{finding.worth[1:]}.")))
    if finding.reason:
        said.append(line(terminal(finding.reason[:1].upper() + finding.reason[1:])))
    return said


def _where(finding: Finding) -> str:
    if finding.slice == OVERALL:
        return "all compared cases"
    kind = "derived slice" if finding.derived else "slice"
    return f"{kind} {terminal(finding.slice)}"


def _ids(ids: Sequence[str]) -> str:
    shown = ", ".join(terminal(each) for each in ids[:8])
    return f"{shown} and {len(ids) - 8} more" if len(ids) > 8 else shown


def _meaning(finding: Finding, drop_seen: float | None) -> list[str]:
    said = list(_MEANINGS[finding.result])
    if "blind pairs" in finding.reason:
        said = ["The judge alone is no evidence here: it may grade a new form, not the quality."]
    if finding.kind == "must_pass" and finding.result == "pass":
        said = ["A case that must never break again held."]
    if finding.kind == "relative" and finding.p is not None:
        said.append(_chance(finding.p))
    if finding.margin is not None and finding.result in ("regression", "pass", "inconclusive"):
        said.append(f"A block also needs a drop of at least {100 * finding.margin:.1f} points.")
    if finding.upper_drop is not None:
        drop = max(0.0, 100 * finding.upper_drop)
        said.append(f"With 95% confidence the true drop is under {drop:.1f} points{_bar(finding)}.")
    if drop_seen is not None:
        said.append(f"A drop of {100 * drop_seen:.1f} points is found here in 4 runs of 5.")
    if finding.informs and finding.kind == "release":
        said.append("It compares with the pinned release, and informs in this run.")
    elif finding.informs:
        said.append("No gate rests on this judge: it informs.")
    elif finding.result in BAD and not finding.blocks:
        said.append("This gate observes: it says what it would have blocked, and never fails.")
    return said


def _seen_from(finding: Finding, diff: Diff, verdict: Verdict) -> float | None:
    if finding.kind == "relative":
        return detectable(diff, verdict).get(finding.name, finding.detectable)
    return finding.detectable


def _chance(p: float) -> str:
    share = "under 0.1%" if p < 0.001 else f"{100 * p:.1f}%"
    return (
        f"Had nothing changed, {share} of runs would show a slice or metric that looks as bad"
        " as this one; all that were looked at are counted in that."
    )


def _bar(finding: Finding) -> str:
    if finding.exclude is None:
        return ""
    return f"; a pass asks for under {100 * finding.exclude:.1f}"


_MEANINGS = {
    "pass": ("No regression was seen, and a drop of the size that matters is ruled out.",),
    "unchanged": ("Every answer is the stored one under the same checks: there is no difference.",),
    "regression": ("Answers to the same questions got worse by more than chance explains.",),
    "below": ("Even allowing for chance, the rate is under the floor that the suite asks for.",),
    "over": ("Even allowing for chance, the figure is over what the suite asks for.",),
    "inconclusive": ("No regression was shown, but one of a size that matters isn't ruled out.",),
    "incomparable": ("The two sides were not measured alike, so no difference can be told.",),
    "no baseline": ("There is no snapshot yet; only floors and must_pass cases decide.",),
    "partial": ("Only a part of the cases ran; gates decide on all of them.",),
    "not proven": ("No regression was seen here, and too few cases exist to rule one out.",),
    "failed": ("A case that must never break again failed on every account that counts.",),
    "flaky": ("A case that must never break failed once and then held in the repeats.",),
}


def _cause(diff: Diff) -> list[str]:
    changes = ", ".join(terminal(each.name) for each in diff.subject[:5])
    return [f"What changed: {changes}."] if changes else []


def _advice(finding: Finding, diff: Diff) -> list[str]:
    look = "Read the answers before and after in the report"
    look += f": start with {terminal(finding.fell[0])}." if finding.fell else "."
    cause = _cause(diff)
    meant = (
        "If the new answers are right, correct the cases; if the loss is meant, evalsuite accept."
    )
    again = "Running again until it is green proves nothing: attempts on one commit are pooled."
    match finding.result:
        case "regression":
            steps = [look, *cause, meant, again]
        case "below" | "over":
            lower = "If the loss is meant, lower the floor in the suite's gate; no snapshot does."
            steps = [look, *cause, lower]
        case "failed":
            right = "If the new answer is right, correct the case's checks; no snapshot excuses it."
            steps = [look, *cause, right]
        case "inconclusive" | "not proven" if "blind pairs" in finding.reason:
            steps = [
                "Let people rate blind pairs: their ratings and the judge's decide together.",
                f"evalsuite rate {terminal(finding.judge)} --pairs --from-run last",
            ]
        case "inconclusive" | "not proven":
            steps = [
                "Add cases to this slice, or trials per case; evalsuite plan says how many.",
                "Or ask for less: a larger exclude for this slice in the suite's gate.",
            ]
        case "incomparable":
            steps = ["See which cases are stale or missing, then evalsuite accept a full run."]
        case "no baseline":
            steps = ["Make one: run the suite, then evalsuite accept that run."]
        case "partial":
            steps = ["Run the suite without -k, --lf or a case's name."]
        case "flaky":
            steps = [look, "Make the answer steady, or the check fair to all good answers."]
        case _:
            steps = ["Nothing."]
    return [f"{place}. {step}" for place, step in enumerate(steps, 1)]
