"""What is said of an answer's documents, and which metrics look at nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evalsuite.rankings.metrics import MEASURES
from evalsuite.records import Document
from evalsuite.report.blocks import Name, Text, joined
from evalsuite.report.escape import line, shorten
from evalsuite.report.material import Pair

_OF_CONTEXTS = frozenset(
    {
        "context_precision",
        "context_recall",
        "context_relevance",
        "contextual_precision",
        "contextual_recall",
        "contextual_relevancy",
    }
)
_SHOWN, _WORDS = 10, 80


def alone(metric: str) -> bool:
    """Whether a metric looks only at the documents, so that no change of it can be the
    generation's: `recall@5`, `context_recall`, `ragas.context_precision`."""
    return metric.partition("@")[0] in MEASURES or metric.rpartition(".")[2] in _OF_CONTEXTS


def names(documents: Sequence[Document]) -> list[str]:
    """The ids of an answer's documents, "" for each if they say no more than its place: documents
    that are given as texts alone are numbered."""
    if all(each.id in ("", str(rank)) for rank, each in enumerate(documents, 1)):
        return [""] * len(documents)
    return [each.id or f"#{rank}" for rank, each in enumerate(documents, 1)]


def differences(pair: Pair) -> Text:
    """Which documents an answer lost and gained, and which moved, each by its rank from 1; nothing
    where they are the same in the same order, or a side is not at hand."""
    before, after = pair
    if before is None or after is None:
        return ()
    old, new = _ranks(before.contexts), _ranks(after.contexts)
    lost: list[Text] = [
        (Name(_id(each)), f" (rank {old[each]})") for each in old if each not in new
    ]
    gained: list[Text] = [
        (Name(_id(each)), f" (rank {new[each]})") for each in new if each not in old
    ]
    moved: list[Text] = [
        (Name(_id(each)), f" (rank {old[each]} → {new[each]})")
        for each in old
        if each in new and old[each] != new[each]
    ]
    texts = _texts(before.contexts), _texts(after.contexts)
    other: list[Text] = [
        (Name(_id(each)),) for each in old if each in new and texts[0][each] != texts[1][each]
    ]
    parts = {"lost": lost, "gained": gained, "moved": moved, "other text of": other}
    return joined((f"{word} ", *_listed(found)) for word, found in parts.items() if found)


def _ranks(documents: Sequence[Document]) -> dict[str, int]:
    """The best rank of each id."""
    ranks: dict[str, int] = {}
    for rank, name in enumerate(_named(documents), 1):
        ranks.setdefault(name, rank)
    return ranks


def _texts(documents: Sequence[Document]) -> Mapping[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, each in zip(_named(documents), documents, strict=True):
        texts.setdefault(name, []).append(each.text)
    return texts


def _named(documents: Sequence[Document]) -> Iterable[str]:
    """What tells a document from others: its id, else its text."""
    for rank, (name, each) in enumerate(zip(names(documents), documents, strict=True), 1):
        yield name or each.text or f"#{rank}"


def _id(id_: str) -> str:
    return shorten(line(id_[: 4 * _WORDS]), _WORDS)


def _listed(found: Sequence[Text]) -> Iterable[str | Name]:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (*joined(found[:_SHOWN], ", "), more)
