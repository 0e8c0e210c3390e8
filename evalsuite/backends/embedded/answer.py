"""From a prompt to a draft, and from a draft to text: pure, so that an answer can be explained.

A draft is what noise works on: the sentences chosen, those that nearly were, and how to end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from evalsuite import retrieval
from evalsuite.backends.embedded import commands, words
from evalsuite.backends.embedded.prompt import Prompt, Rules, before, failed
from evalsuite.records import Document

COVERED = 0.55
"""The share of a question's words, by rarity, that an answer and its heading must hold; under it
the documents count as silent."""

HEADING = 0.5
"""What a word of the question is worth that stands in the heading, next to one in the sentence."""

LEAD = 0.3
"""How much the first sentence of a passage is preferred; the second by half of it, and so on."""

NEAR = 0.6
"""A sentence with this share of the best one's score could have been said instead, or besides."""

UNSURE = "As a rule, companies decide this case by case."
"""Said besides a poor answer by a model that was not told to keep to the documents."""

NOTHING = "I can't tell from what I was given."


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """`follows` is the next sentence of the paragraph if that limits this one. Two are equal only
    if they are the same: such chains may be long."""

    text: str
    tokens: Sequence[str]
    command: bool = False
    number: bool = False
    follows: Sentence | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A document as it is read; `heading` holds the tokens of its headings."""

    heading: frozenset[str]
    sentences: Sequence[Sentence]
    language: str | None


@dataclass(frozen=True, slots=True)
class Pick:
    """A sentence and the document that it stands in."""

    source: str
    sentence: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`fixed` is text that is not drawn from the documents, and then all of the answer. `picks`
    are what to quote, `rest` the runners-up, best first; `focus` the question's tokens."""

    fixed: str | None = None
    opening: str = ""
    picks: Sequence[Pick] = ()
    rest: Sequence[Pick] = ()
    closing: str = ""
    cite: bool = False
    focus: frozenset[str] = frozenset()


_block = re.compile(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-*+•|#]|[0-9]+[.)] ))")
_named = re.compile(r"(?<=[\w,] )[A-ZÄÖÜ][\w-]*|\b\w+-\w*[0-9]\w*")
_bullet = re.compile(r"\A(?:[-*+•]|[0-9]+[.)])\s+")


def read_passage(text: str) -> Passage:
    """Headings, and sentences by paragraph or list item. What stands after a command in the same
    paragraph belongs to the command."""
    heading: set[str] = set()
    found: list[Sentence] = []
    for block in _block.split(text):
        titled = block.lstrip().startswith("#")
        title, _, below = block.strip().partition("\n") if titled else ("", "", block)
        heading.update(retrieval.tokens(title))
        if line := " ".join(below.split()):
            found += _paragraph(_bullet.sub("", line))
    return Passage(frozenset(heading) - words.TOPICLESS, found, words.language(text))


def _paragraph(line: str) -> list[Sentence]:
    parts = words.sentences(line)
    commands_from = next(
        (place for place, part in enumerate(parts) if commands.is_command(part)), len(parts)
    )
    found: list[Sentence] = []
    follows: Sentence | None = None
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        sentence = Sentence(
            part,
            retrieval.tokens(part),
            place >= commands_from,
            words.has_number(part),
            follows if follows and not follows.command else None,
        )
        follows = sentence if words.qualifies(part) else None
        found.append(sentence)
    return found[::-1]


def draft(prompt: Prompt, read: Callable[[str], Passage]) -> Draft:
    """Choose what to say. `read` is `read_passage`, or a memory of it."""
    rules = prompt.rules
    passages = [(source, read(text)) for source, text in prompt.documents]
    asked = [part for line in prompt.question.splitlines() for part in words.sentences(line)]
    orders = [] if "question" in rules.wary else _from_first_command(asked)
    if "documents" not in rules.wary:
        for _, passage in passages:
            orders += [sentence.text for sentence in passage.sentences if sentence.command]
    if orders:
        return Draft(fixed=commands.obey(orders, prompt.instructions))
    if prompt.objection and not rules.firm:
        return Draft(fixed=commands.concede(prompt.objection))
    if rules.failed is not None and any(map(failed, prompt.results)):
        return Draft(fixed=rules.failed)
    asked = [part for part in asked if not commands.is_command(part)]
    # What was asked before helps a little, but not whom it was asked of.
    if earlier := _named.sub("", before(prompt)):
        asked += [earlier.replace("?", ".") if _topic(asked) else earlier]
    if rules.same_language:
        passages = _in_language(words.language(" ".join(asked)), passages)
    return _extract(asked, passages, rules)


def _from_first_command(sentences: Sequence[str]) -> list[str]:
    found = (place for place, each in enumerate(sentences) if commands.is_command(each))
    return list(sentences[next(found, len(sentences)) :])


def _in_language(
    language: str | None, passages: list[tuple[str, Passage]]
) -> list[tuple[str, Passage]]:
    same = [each for each in passages if language and each[1].language == language]
    return same or passages


def _extract(asked: Sequence[str], passages: list[tuple[str, Passage]], rules: Rules) -> Draft:
    questions = [part for part in asked if part.endswith("?")] or asked
    focus = dict.fromkeys(_topic(questions), 1.0)
    query = {**dict.fromkeys(_topic(asked), 0.3), **focus}
    ranked, index = _rank(query, passages, words.asks_number(" ".join(questions)))
    headings = {source: passage.heading for source, passage in passages}
    chosen, covered = _choose(ranked, focus, index, headings)
    sure = covered >= COVERED
    if not sure and rules.absent is not None:
        return Draft(fixed=rules.absent, rest=[pick for _, pick in ranked[:4]], cite=rules.cite)
    if not chosen:
        return Draft(fixed=NOTHING if rules.only_context else UNSURE)
    picks = _with_exceptions(chosen) if rules.fully else chosen
    near = [pick for score, pick in ranked if score >= NEAR * ranked[0][0]]
    return Draft(
        picks=picks[: rules.sentences],
        rest=[pick for pick in near if pick not in picks][:4],
        closing="" if sure or rules.only_context else UNSURE,
        cite=rules.cite,
        focus=frozenset(focus),
    )


def _topic(sentences: Sequence[str]) -> list[str]:
    return [
        token
        for part in sentences
        for token in retrieval.tokens(part)
        if token not in words.TOPICLESS
    ]


def _rank(
    query: Mapping[str, float], passages: list[tuple[str, Passage]], number: bool
) -> tuple[list[tuple[float, Pick]], retrieval.Index]:
    """Sentences that share a word with the question, or whose heading does, best first.

    BM25 over sentences, plus the words of the heading. The first sentence of a passage and the
    first of the passages are preferred, and by a question for a number what holds one.
    """
    places = [
        (order, place, source, passage)
        for order, (source, passage) in enumerate(passages)
        for place, sentence in enumerate(passage.sentences)
        if not sentence.command
    ]
    tokens = {text.text: text.tokens for _, passage in passages for text in passage.sentences}
    index = retrieval.index(
        (Document(source, passage.sentences[place].text) for _, place, source, passage in places),
        lambda text: list(tokens[text]),
    )
    found = retrieval.scores(index, query)
    ranked = []
    for at, (order, place, source, passage) in enumerate(places):
        sentence = passage.sentences[place]
        titled = sorted(passage.heading.intersection(query))
        score = found.get(at, 0.0) + HEADING * sum(
            query[token] * retrieval.rarity(index, token) for token in titled
        )
        if score:
            liking = 1.25 if number and sentence.number else 1.0
            liking *= (1 + LEAD / (1 + place)) * (1 - 0.04 * min(order, 10))
            ranked.append((score * liking, Pick(source, sentence)))
    ranked.sort(key=lambda each: -each[0])
    return ranked, index


def _choose(
    ranked: Sequence[tuple[float, Pick]],
    focus: Mapping[str, float],
    index: retrieval.Index,
    headings: Mapping[str, frozenset[str]],
) -> tuple[list[Pick], float]:
    """The best sentence, and a second if it is about as good and says what the first leaves out;
    with the share of the focus, by rarity, that they and their headings cover."""
    worth = {token: min(retrieval.rarity(index, token), 3.0) for token in focus}
    total = sum(worth.values())
    if not ranked or not total:
        return [], 0.0
    best, first = ranked[0]
    picks = [first]
    covered = focus.keys() & (headings[first.source] | set(first.sentence.tokens))
    for score, pick in ranked[1:6]:
        adds = focus.keys() & set(pick.sentence.tokens) - covered
        if score >= NEAR * best and sum(worth[token] for token in sorted(adds)) >= 0.15 * total:
            picks.append(pick)
            covered |= adds
            break
    return picks, sum(worth[token] for token in sorted(covered)) / total


def _with_exceptions(picks: Sequence[Pick]) -> list[Pick]:
    """Each pick with up to two sentences after it that limit it."""
    full: list[Pick] = []
    for pick in picks:
        step: Sentence | None = pick.sentence
        for _ in range(3):
            if step is not None:
                if (each := Pick(pick.source, step)) not in full:
                    full.append(each)
                step = step.follows
    return full


def render(draft: Draft, words_limit: int | None) -> str:
    """The answer's text. A word limit counts neither citations nor a fixed text."""
    if draft.fixed is not None:
        return draft.fixed
    texts = [pick.sentence.text for pick in draft.picks]
    quoted = texts if words_limit is None else _fit(texts, words_limit, draft.focus)
    parts = [draft.opening] if draft.opening else []
    for place, text in enumerate(quoted):
        parts.append(text)
        source = draft.picks[place].source
        last = place + 1 == len(quoted) or draft.picks[place + 1].source != source
        if draft.cite and last:
            parts.append(f"[{source}]")
    if draft.closing and words_limit is None:
        parts.append(draft.closing)
    return " ".join(parts)


def _fit(texts: Sequence[str], limit: int, focus: frozenset[str]) -> list[str]:
    """As many whole sentences as fit; of a first one that is too long, its densest stretch."""
    fitting: list[str] = []
    left = limit
    for text in texts:
        left -= len(text.split())
        if left < 0:
            break
        fitting.append(text)
    return fitting or [_densest(text, limit, focus) for text in texts[:1]]


def _densest(text: str, limit: int, focus: frozenset[str]) -> str:
    parts = text.split()
    worth = [
        len(focus.intersection(retrieval.tokens(part))) + 1.5 * words.has_number(part)
        for part in parts
    ]
    sums = list(accumulate(worth, initial=0.0))
    starts = range(max(len(parts) - limit, 0) + 1)
    start = max(starts, key=lambda place: sums[min(place + limit, len(parts))] - sums[place])
    return " ".join(parts[start : start + limit]).rstrip(",;:")
