"""Everything that makes a run another thing than a full fresh one, in a few words each."""

from __future__ import annotations

from evalsuite.records import Looks, Manifest
from evalsuite.report import figures
from evalsuite.report.blocks import Line, Name, Text, joined
from evalsuite.report.material import Material


def states(material: Material) -> Line | None:
    """The line of the first screen; None for a full fresh run."""
    manifest = material.diff.candidate
    meant = _stages(material)
    said: list[Text] = []
    if manifest.partial:
        ran = f"{figures.number(len(material.after))} of {figures.number(manifest.expected)}"
        said.append((f"partial: {ran} cases, gates wait, and the report is of these alone",))
    if manifest.stopped:
        said.append(("stopped: ", Name(manifest.stopped)))
    elif not manifest.complete and not manifest.partial:
        on = "replies are missing" if manifest.replayed else "the same command goes on"
        said.append((f"incomplete: {on}",))
    if manifest.replayed:
        said.append(("replayed: latency and cost are recorded ones",))
    if material.diff.baseline is None and material.verdict.result != "no baseline":
        said.append(("no baseline",))
    if not said and not meant:
        return None
    return Line("state", joined([*meant, *said]), "warn" if said else "plain")


def _stages(material: Material) -> list[Text]:
    """Its tier, that it was looked at on its way, and which of its cases were asked again."""
    manifest = material.diff.candidate
    said: list[Text] = [_tier(manifest)] if manifest.tier else []
    if manifest.looks is not None and manifest.looks.ended:
        said.append((_looks(manifest.looks),))
    if asked := sum(bool(row.again) for row in material.after.values()):
        cases = figures.many(asked, "case")
        said.append((f"{cases} that moved asked {manifest.again} times more",))
    return said


def _tier(manifest: Manifest) -> Text:
    """What part of its suite the run is."""
    tier, whole = manifest.tiers[manifest.tier], manifest.golden.get("cases")
    of = f" of {figures.number(whole)}" if isinstance(whole, int) else ""
    said = f": {figures.number(manifest.expected)}{of} cases"
    said += f", {manifest.trials} trials" if manifest.trials > 1 else ""
    without = (", without ", *joined([(Name(each),) for each in tier.without], ", "))
    return ("tier ", Name(manifest.tier), said, *(without if tier.without else ()))


def _looks(looks: Looks) -> str:
    of = f"{figures.number(looks.read)} of {figures.many(len(looks.order), 'case')}"
    decided = "decided" if looks.reason else "ended"
    return f"sequential: {decided} at look {looks.ended} of {len(looks.sizes)} ({of})"
