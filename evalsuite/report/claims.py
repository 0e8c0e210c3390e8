"""Verdicts on claims, contexts and citations as sentences, with the quotes that they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalsuite.records import Json
from evalsuite.report.blocks import Line, Name
from evalsuite.report.escape import line, shorten
from evalsuite.report.material import Shown

_ABOUT = ("claim", "context", "sentence", "citation")
_FIRST = ("fault", "reference")
"""What is told before a scorer's other fields, which may be long: why it is as it is."""

_WORDS = 400
"""How much is shown of a verdict."""


def spoken(found: Sequence[Shown]) -> list[Line]:
    """What scorers showed, a line per verdict: "correct, order ba: no. It leaves out ...". What is
    equal in several trials is told once."""
    alike: dict[str, list[Shown]] = {}
    for each in found:
        alike.setdefault(repr((each[0], each[2])), []).append(each)
    metrics = [same[0][0] for same in alike.values()]
    lines = []
    for same in alike.values():
        metric, _, evidence = same[0]
        label = metric
        if metrics.count(metric) > 1 and (trials := [each[1] for each in same]) != [1]:
            noun = "trial" if len(trials) == 1 else "trials"
            label = f"{metric}, {noun} {', '.join(map(str, trials))}"
        lines += _lines(label, evidence)
    return lines


def _lines(label: str, evidence: Sequence[Mapping[str, Json]]) -> list[Line]:
    lines = []
    for each in evidence:
        inner = each.get("said")
        if isinstance(inner, list) and inner:  # of a jury: what each member said
            lines += _lines(f"{label}, {each.get('member')}", inner)
        else:
            lines.append(Line(label, (Name(shorten(line(_verdict(each)), _WORDS)),)))
    return lines


def _verdict(evidence: Mapping[str, Json]) -> str:
    """A judge's verdict, or one on a claim, as a sentence; other evidence as its fields."""
    if "criterion" not in evidence:
        names = sorted(evidence, key=_rank)
        return told(evidence) or "; ".join(f"{name}: {evidence[name]}" for name in names)
    order = f", order {evidence['order']}" if evidence.get("order") else ""
    vote = f", vote {evidence['vote']}" if evidence.get("vote", 1) != 1 else ""
    label = evidence.get("label")
    said = f"{evidence['criterion']}{order}{vote}: {'no verdict' if label is None else label}"
    rest = [evidence.get(name) for name in ("critique", "reason", "raw")]
    return ". ".join([said, *(str(each) for each in rest if each)])


def _rank(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def told(evidence: Mapping[str, Json]) -> str:
    """ "supported: It is 16 weeks. “is 16 weeks” in leave"; "" for evidence of another kind."""
    about = next((name for name in _ABOUT if name in evidence), "")
    if not about or "verdict" not in evidence:
        return ""
    said = str(evidence[about])
    if about in ("context", "citation"):
        said = f"{about} {said}"
    if "rank" in evidence:
        said += f" at rank {evidence['rank']}"
    parts = [f"{evidence['verdict']}: {said}"]
    if evidence.get("critique"):
        parts.append(str(evidence["critique"]))
    quotes = evidence.get("quotes")
    if isinstance(quotes, list) and quotes:
        parts.append("; ".join(_quote(each) for each in quotes if isinstance(each, Mapping)))
    return " – ".join(parts)


def _quote(quote: Mapping[str, Json]) -> str:
    places = quote.get("contexts")
    where = ", ".join(map(str, places)) if isinstance(places, list) and places else ""
    return f"“{quote.get('quote')}” " + (f"in {where}" if where else "stands in no context")
