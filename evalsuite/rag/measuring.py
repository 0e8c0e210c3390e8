"""Verdicts as scores: the value by its definition, why it is what it is, and what shows that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from evalsuite.rag import metrics
from evalsuite.rag.material import Known
from evalsuite.rag.names import CITATIONS, GIVEN, REFERENCE
from evalsuite.rag.records import Coverage, Grounding, Heard, Material, Quote
from evalsuite.records import Json, Score
from evalsuite.scoring import clip

ROOM = 12_000
"""Characters of claims and quotes in the evidence of one score; many of them share it."""

CONTRARY = "the verdicts contradict each other"
"""How reasons begin where a reply can't be right as a whole: that is no want of claims."""


_OF_CLAIMS = ("faithfulness", "answer_relevancy", *CITATIONS)

_FROM = {
    "supported": "from a context",
    "unverified": "from a context by a quote that is unverified",
}
"""Where a wrong claim comes from, by what is said of it. A quote that can't be found must not make
an answer look better, and so counts as one that was."""

Evidence = list[dict[str, Json]]
Found = tuple[float | None, str, Evidence]


def scores_of(
    names: Collection[str],
    material: Material,
    known: Mapping[str, Known],
    heard: Heard,
    case_id: str,
) -> dict[str, Score]:
    """A score per metric: known beforehand, from the verdicts, or none where there are none."""
    made = {}
    for name in names:
        call = "coverage" if name in REFERENCE else "grounding"
        if name in known:
            found = known[name]
            made[name] = Score(case_id, 1, name, found.value, found.reason, void=found.void)
        elif call in heard.unread:
            unread = heard.unread[call]
            made[name] = Score(case_id, 1, name, None, unread.reason, [{"raw": unread.raw}])
        else:
            value, reason, evidence = _found(name, material, heard)
            if heard.left_out:
                evidence = [*evidence, {"left out": dict(heard.left_out)}]
            void = value is None and not reason.startswith(CONTRARY)
            made[name] = Score(case_id, 1, name, value, reason, evidence, void)
    return made


def _found(name: str, material: Material, heard: Heard) -> Found:
    ids = [each.id for each in material.contexts]
    if name in REFERENCE:
        assert heard.coverage is not None
        return _of_coverage(name, heard.coverage, ids)
    assert heard.grounding is not None
    return _of_grounding(name, heard.grounding, ids)


def _of_grounding(name: str, said: Grounding, ids: Sequence[str]) -> Found:
    if name in _OF_CLAIMS and not said.claims and any(each.claims for each in said.cited):
        return None, f"{CONTRARY}: no claim is made, and a sentence claims something", []
    if name == "faithfulness":
        return _faithfulness(said, ids)
    if name == "answer_relevancy":
        return _relevancy(said)
    if name in ("context_relevance", "context_precision"):
        return _contexts(name, said, ids)
    if name == "unanswerable_refusal":
        value = metrics.unanswerable_refusal(declines=said.declines)
        return value, "the answer declines" if said.declines else "the answer does not decline", []
    return _citations(name, said, ids)


def _faithfulness(said: Grounding, ids: Sequence[str]) -> Found:
    supports = [each.support for each in said.claims]
    room = _room(said.claims)
    evidence = [_claim(each.text, each.support, each.quotes, ids, room) for each in said.claims]
    value = metrics.faithfulness(supports)
    return value, _counted(supports, "the answer makes no claim"), evidence


def _relevancy(said: Grounding) -> Found:
    addresses = [each.addresses for each in said.claims]
    value = metrics.answer_relevancy(addresses, declines=said.declines)
    room = _room(said.claims)
    words = {True: "addresses the question", False: "beside the question"}
    evidence: Evidence = [
        {"claim": clip(each.text, room), "verdict": words[each.addresses]} for each in said.claims
    ]
    if said.declines:
        return value, "the answer declines", evidence
    if value is None:
        return value, "the answer makes no claim", evidence
    return value, f"{sum(addresses)} of {len(addresses)} claims address the question", evidence


def _contexts(name: str, said: Grounding, ids: Sequence[str]) -> Found:
    relevant = [each.relevant for each in said.relevance]
    value = {
        "context_relevance": metrics.context_relevance,
        "context_precision": metrics.context_precision,
    }[name](relevant)
    room = _room(said.relevance)
    evidence: Evidence = [
        {
            "context": clip(id_, room),
            "rank": rank,
            "verdict": "relevant" if each.relevant else "irrelevant",
            "critique": clip(each.critique, room),
        }
        for rank, (id_, each) in enumerate(zip(ids, said.relevance, strict=True), 1)
    ]
    reason = f"{sum(relevant)} of {len(relevant)} contexts are relevant"
    if name == "context_precision" and any(relevant):
        ranks = [str(rank) for rank, each in enumerate(relevant, 1) if each]
        reason += f", at rank {', '.join(ranks)}"
    return value, reason, evidence


def _citations(name: str, said: Grounding, ids: Sequence[str]) -> Found:
    claiming = [each for each in said.cited if each.claims]
    room = _room([one for each in claiming for one in (each, *each.citations)])
    evidence: Evidence = []
    for each in claiming:
        verdict = "carried by what it cites" if each.carried else "not carried by what it cites"
        verdict = verdict if each.citations else "cites nothing"
        evidence.append({"sentence": clip(each.sentence, room), "verdict": verdict})
        for one in each.citations:
            line: dict[str, Json] = {"citation": clip(one.id, room), "verdict": one.carries}
            if one.quotes:
                line["quotes"] = [_quote(q, ids, room // len(one.quotes)) for q in one.quotes]
            evidence.append(line)
    if name == "citation_recall":
        value = metrics.citation_recall(said.cited)
        reason = (
            f"{sum(each.carried for each in claiming)} of {len(claiming)} sentences are carried"
        )
        return value, reason if claiming else "no sentence makes a claim", evidence
    value = metrics.citation_precision(said.cited)
    total = sum(len(each.citations) for each in claiming)
    if value is None:
        return value, "no citations: no sentence that makes a claim cites anything", evidence
    return value, f"{round(value * total)} of {total} citations count", evidence


def _of_coverage(name: str, said: Coverage, ids: Sequence[str]) -> Found:
    if name in GIVEN and not said.given and any(each.answered for each in said.wanted):
        return None, f"{CONTRARY}: the answer makes no claim, and one of the reference answer's", []
    if name == "context_recall":
        supports = [each.support for each in said.wanted]
        room = _room(said.wanted)
        evidence = [_claim(each.text, each.support, each.quotes, ids, room) for each in said.wanted]
        reason = _counted(supports, "the reference answer makes no claim")
        return metrics.context_recall(supports), reason, evidence
    if name == "answer_correctness":
        return _correctness(said)
    return _noise(said, ids)


def _correctness(said: Coverage) -> Found:
    correct = [each.reference == "supported" for each in said.given]
    answered = [each.answered for each in said.wanted]
    room = _room([*said.given, *said.wanted])
    words = {True: "in the reference answer", False: "not in the reference answer"}
    evidence: Evidence = [
        {
            "claim": clip(each.text, room),
            "verdict": "against the reference answer"
            if each.reference == "contradicted"
            else words[each.reference == "supported"],
        }
        for each in said.given
    ]
    evidence += [
        {"claim": clip(each.text, room), "verdict": "missing in the answer"}
        for each in said.wanted
        if not each.answered
    ]
    value = metrics.answer_correctness(correct, answered)
    if value is None:
        return value, "the reference answer makes no claim", evidence
    hits, missed = sum(correct), len(answered) - sum(answered)
    return value, f"{hits} right, {len(correct) - hits} wrong, {missed} missing claims", evidence


def _noise(said: Coverage, ids: Sequence[str]) -> Found:
    correct = [each.reference == "supported" for each in said.given]
    carried = [each.support in _FROM for each in said.given]
    room = _room(said.given)
    evidence = []
    for each, right in zip(said.given, correct, strict=True):
        verdict = "right" if right else f"wrong, {_FROM.get(each.support, 'from no context')}"
        evidence.append(_claim(each.text, verdict, each.quotes, ids, room))
    value = metrics.noise_sensitivity(correct, carried)
    if value is None:
        return value, "the answer makes no claim", evidence
    wrong = [each.support for each in said.given if each.reference != "supported"]
    noise, unverified = sum(each in _FROM for each in wrong), wrong.count("unverified")
    reason = f"{noise} of {len(correct)} claims are wrong and from a context"
    return value, f"{reason}, {unverified} of them unverified" if unverified else reason, evidence


def _counted(supports: Sequence[str], none: str) -> str:
    """ "2 of 3 claims are supported, 1 unverified"."""
    if not supports:
        return none
    counts = Counter(supports)
    others = [f"{counts[each]} {each}" for each in ("contradicted", "absent", "unverified")]
    said = [f"{counts['supported']} of {len(supports)} claims are supported"]
    return ", ".join([*said, *(each for each in others if not each.startswith("0 "))])


def _claim(
    text: str, verdict: str, quotes: Sequence[Quote], ids: Sequence[str], room: int
) -> dict[str, Json]:
    found: dict[str, Json] = {"claim": clip(text, room), "verdict": verdict}
    if quotes:
        found["quotes"] = [_quote(each, ids, room // len(quotes)) for each in quotes]
    return found


def _quote(quote: Quote, ids: Sequence[str], room: int) -> dict[str, Json]:
    """A quote with the ids of the contexts in which it stands."""
    names = dict.fromkeys(clip(ids[n - 1], 200) for n in quote.places[:5])
    return {"quote": clip(quote.text, room), "contexts": list(names)}


def _room(items: Sequence[object]) -> int:
    return max(40, ROOM // (2 * max(1, len(items))))
