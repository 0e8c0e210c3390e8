"""Verdicts on claims, contexts and citations as sentences, with the quotes that they rest on."""

from __future__ import annotations

from collections.abc import Mapping

from evalsuite.records import Json

_ABOUT = ("claim", "context", "sentence", "citation")


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
