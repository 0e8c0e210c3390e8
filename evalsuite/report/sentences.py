"""The verdict as one sentence, with this run's figures."""

from __future__ import annotations

from dataclasses import replace

from evalsuite.gate import OVERALL, Finding
from evalsuite.gate.verdict import BAD
from evalsuite.records import CHECKS
from evalsuite.report import figures, operated
from evalsuite.report.blocks import Level, Name, Text, prose
from evalsuite.report.material import (
    Material,
    case_of,
    finding_of,
    measured,
    origin,
    reds,
    value,
)

_WORDS = {
    "pass": "pass",
    "unchanged": "pass (unchanged)",
    "flaky": "pass (flaky)",
    "inconclusive": "inconclusive",
    "incomparable": "incomparable",
    "no baseline": "no baseline",
    "partial": "not decided (partial)",
    "not proven": "not proven",
}


def word(material: Material) -> str:
    """One or two words for a badge."""
    if material.verdict.blocks:
        return "blocked"
    if material.verdict.result in BAD:
        return "would be blocked (observe)"
    return _WORDS[material.verdict.result]


def level(material: Material, *, trouble: bool) -> Level:
    """How loud: blocked, needs a look, not decided, clear."""
    verdict = material.verdict
    if verdict.blocks:
        return "caution"
    if verdict.result in BAD or verdict.exit_code:
        return "warning"
    if verdict.result not in ("pass", "unchanged"):
        return "warning" if verdict.result == "flaky" else "note"
    return "warning" if trouble else "tip"


def lead(material: Material) -> Finding | None:
    """The finding that the sentence is about."""
    red = [each for each in reds(material.verdict) if counts(each)]
    if red and material.verdict.result in BAD:
        return red[0]
    if material.verdict.result == "inconclusive":
        open_ = [
            each
            for each in material.verdict.findings
            if each.result == "inconclusive" and not each.informs and each.kind != "operation"
        ]
        return min(open_, key=lambda each: (not each.critical, not each.declared), default=None)
    return main_finding(material)


def counts(finding: Finding) -> bool:
    """Whether the verdict hangs on it: a derived slice only informs until it is declared, and a
    judge until it is certified."""
    return (finding.declared or not finding.derived) and not finding.informs


def main_finding(material: Material) -> Finding | None:
    """`checks` over all cases, else the first metric over all cases, those that gate first."""
    names = dict.fromkeys((CHECKS, *(metric.name for metric in measured(material))))
    found = [each for name in names if (each := finding_of(material.verdict, name)) is not None]
    return min(found, key=lambda each: each.informs, default=None)


def sentence(material: Material) -> Text:
    """What the verdict is, and the figures that it rests on."""
    verdict, finding = material.verdict, lead(material)
    if finding is not None and verdict.result in BAD:
        return _red(finding, material)
    if verdict.result in ("pass", "unchanged", "flaky", "not proven"):
        return _clear(material, finding)
    if verdict.result == "inconclusive":
        return _open(material, finding)
    if verdict.result == "no baseline":
        return (
            "No snapshot to compare with: floors and must_pass decide alone. ",
            *level_of(material),
        )
    if verdict.result == "partial":
        ran, expected = len(material.after), material.diff.candidate.expected
        return (f"{figures.number(ran)} of {figures.many(expected, 'case')} ran: gates need all.",)
    reason = verdict.reason or "nothing on the two sides can be compared"
    return ("Not comparable: ", Name(reason))


def standing(finding: Finding) -> str:
    """What the judge of a metric may decide; the way to more is told once, beside the judge."""
    return replace(finding, remedy="").worth


def subject_of(finding: Finding) -> Text:
    """(metric, " on ", slice)."""
    if finding.slice == OVERALL:
        return (Name(finding.metric), " overall")
    kind = "derived slice " if finding.derived else ""
    return (Name(finding.metric), f" on {kind}", Name(finding.slice))


def spread(finding: Finding) -> str:
    """91.2% → 74.0% (-17.2 points, 95% CI -28.1 to -6.4, adjusted p = 0.004, n = 34).

    Of a floor, and where nothing is compared, the rate of this run: 88.3% (n = 240).
    """
    if finding.kind == "operation":
        return operated.spread(finding)
    if finding.effect is None:
        return f"{rate(finding)} (n = {figures.number(finding.n)})"
    parts = [f"{figures.points(finding.effect)} points"]
    if finding.low is not None and finding.high is not None:
        parts.append(f"95% CI {figures.interval(finding.low, finding.high)}")
    if finding.p is not None:
        sign = "" if finding.p < 0.001 else "= "
        parts.append(f"adjusted p {sign}{figures.chance(finding.p)}")
    parts.append(f"n = {figures.number(finding.n)}")
    move = f"{figures.percent(finding.before)} → {figures.percent(finding.after)}"
    return f"{move} ({', '.join(parts)}){peopled(finding)}"


def peopled(finding: Finding) -> str:
    """What the change is with people's ratings of some pairs; "" where nobody rated."""
    if finding.corrected is None:
        return ""
    interval = figures.interval(finding.corrected_low, finding.corrected_high)
    change = figures.points(finding.corrected)
    return f", with people's ratings {change} points, 95% CI {interval}"


def rate(finding: Finding) -> str:
    """The value of this run alone, with its own interval where it has one."""
    text = figures.percent(finding.after)
    if finding.kind == "floor" and finding.low is not None and finding.high is not None:
        text += f" (95% CI {figures.percent(finding.low)} to {figures.percent(finding.high)})"
    return text


def strict_case(finding: Finding, material: Material) -> Text:
    """(leave-01, " (", incident 2026-01, ") failed")."""
    id_ = case_of(finding)
    where = origin(material.cases.get(id_))
    return (Name(id_), *((" (", Name(where), ")") if where else ()), " failed")


def _red(finding: Finding, material: Material) -> Text:
    if finding.kind == "must_pass":
        reason: Text = (": ", Name(finding.reason)) if finding.reason else (".",)
        return ("The must_pass case ", *strict_case(finding, material), *reason)
    if finding.kind == "floor":
        low = f" is below its floor of {figures.percent(finding.floor)}: "
        return (*subject_of(finding), f"{low}{spread(finding)}, more than chance explains.")
    if finding.kind == "release":
        return ("Worse than the release: ", Name(finding.name), f": {spread(finding)}.")
    if finding.kind == "operation":
        text: Text = (Name(finding.name), f" does not hold: {operated.spread(finding)}; ")
        return (*text, Name(finding.reason), ".")
    verb = "Merging would regress " if finding.blocks else "Seen, not blocked: a drop of "
    return (verb, *subject_of(finding), f": {spread(finding)}.")


def _clear(material: Material, finding: Finding | None) -> Text:
    if material.verdict.result == "unchanged":
        pairs = finding.n if finding else len(material.after)
        if pairs == 1:
            return ("The one compared answer is the stored one.",)
        return (f"All {figures.many(pairs, 'compared answer')} are the stored ones.",)
    if finding is None or finding.before is None:
        return ("No gate is red. ", *level_of(material))
    if finding.informs:
        return ("Nothing gates here: ", *subject_of(finding), f" only informs: {spread(finding)}.")
    sure = ""
    if finding.exclude is not None and (finding.upper_drop or 0.0) < finding.exclude:
        sure = f" A drop of {100 * finding.exclude:.1f} points is ruled out."
    return ("No regression: ", *subject_of(finding), f": {spread(finding)}.{sure}")


def _open(material: Material, finding: Finding | None) -> Text:
    if material.verdict.reason or finding is None:
        reason = material.verdict.reason or "not enough evidence"
        return ("Nothing is decided: ", Name(reason))
    floor = f" against the floor of {figures.percent(finding.floor)}" if finding.floor else ""
    text: Text = ("Not enough evidence on ", *subject_of(finding), f"{floor}: {spread(finding)}")
    return (*text, "; ", *prose(finding.reason)) if finding.reason else (*text, ".")


def level_of(material: Material) -> Text:
    """The main metric of this run alone: (checks, " is 88.3% over 240 cases.")."""
    for metric in measured(material):
        seen = [value(row, metric, material.diff.candidate) for row in material.after.values()]
        known = [each for each in seen if each is not None]
        if known:
            mean = figures.percent(sum(known) / len(known))
            return (Name(metric.name), f" is {mean} over {figures.many(len(known), 'case')}.")
    return ("No case was scored.",)
