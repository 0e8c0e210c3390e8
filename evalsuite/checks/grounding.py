"""Whether the answer stands on what was retrieved: refusals, citations, quotes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

from evalsuite.checks.define import Test, around, bad, define, quoted
from evalsuite.checks.patterns import TooSlow, compiled, find_all
from evalsuite.records import Case, Output
from evalsuite.scoring import Outcome, clip

MOST = 1_000
"""Citations and quotes looked at in one answer."""

OPENING = 400
"""A refusal shows within this many characters of the answer's beginning."""

_REFUSALS = (
    r"\bI(?:'m| am) (?:sorry|afraid),? (?:but )?I\b",
    r"\bI(?:'m| am) (?:not able|unable|not allowed|not permitted) to\b",
    r"\bI (?:can't|cannot|can not|won't|will not) (?:help|assist|answer|provide|share|discuss)\b",
    r"\bI (?:can't|cannot|can not|won't|will not) (?:disclose|reveal|do that|comply|tell|find)\b",
    r"\bI (?:must|have to) (?:decline|refuse)\b",
    r"\bI (?:don't|do not) (?:have|know|see|find) (?:that|this|it|enough|any|access|an? answer)\b",
    r"\bI(?:'m| am) (?:only|just) able to\b",
    r"\bAs an AI\b",
    r"\bIch kann (?:Ihnen |dir )?(?:dabei |damit |das |diese Frage )?(?:leider )?nicht\b",
    r"\bDazu (?:habe|finde) ich (?:leider )?(?:nichts|keine)\b",
    r"\bJe (?:ne peux|suis désolée?)\b",
    r"\bLo siento\b|\bNo puedo (?:ayudar|responder|proporcionar)",
)
_EDITORIAL = frozenset({"sic", "...", "…", "x", "X", "emphasis", "!", "?"})
_BRACKET = re.compile(r"\[([^\[\]\n]{1,300})\](?![(:])")
_QUOTE = re.compile(
    r'"([^"\n]{1,2000})"|“([^“”\n]{1,2000})”|„([^„“”\n]{1,2000})[“”]|«([^«»\n]{1,2000})»'
    r"|「([^「」\n]{1,2000})」"
)


@define(version=1)
def refusal(phrases: Sequence[str] | None = None) -> Test:
    """The answer declines: by its finish reason, or by how it begins.

    `phrases` are looked for too, anywhere and case-folded: an assistant's own way to say no. The
    built-in ones are common English, German, French and Spanish forms in the first person.
    """
    own = [(each, _plain(each)) for each in phrases or ()]
    usual = re.compile("|".join(_REFUSALS), re.IGNORECASE)

    def test(case: Case, output: Output) -> Outcome:
        if output.finish_reason in ("refusal", "content_filter"):
            return Outcome(True, f'the answer ended by "{output.finish_reason}"')
        text = _plain(output.text)
        for phrase, folded in own:
            if folded in text:
                return Outcome(True, f"the answer says {quoted(phrase)}", {"matched": clip(phrase)})
        match = usual.search(output.text[:OPENING].replace("’", "'"))
        if match:
            evidence = {"matched": around(output.text, *match.span())}
            return Outcome(True, f"the answer says {quoted(match.group())}", evidence)
        return Outcome(False, "the answer does not decline", {"answer": clip(output.text)})

    return test


@define(version=1)
def citation(*, min: int = 1, pattern: str | None = None) -> Test:  # noqa: A002 - golden word
    """At least `min` citations, and every one names a retrieved document.

    A citation is a document's id in brackets, [leave#parental], several by comma or semicolon.
    Brackets with spaces in them that name no document are prose. `pattern` is a regular expression
    for another form, with one group around the id.
    """
    rex = compiled(pattern, "citation.pattern") if pattern else None
    if rex is not None and rex.groups != 1:
        raise bad("citation.pattern", f"has {rex.groups} groups", "put one around the id")
    if min < 1:
        raise bad("citation.min", "must be at least 1", "leave it out")

    def test(case: Case, output: Output) -> Outcome:
        known = {document.id for document in output.contexts}
        try:
            cited = list(islice(citations_in(output.text, known, rex), MOST))
        except TooSlow as error:
            return Outcome(None, str(error))
        invented = [each for each in cited if each not in known]
        evidence = {"cited": [clip(each, 80) for each in dict.fromkeys(cited)][:10]}
        if invented:
            names = ", ".join(quoted(each, 60) for each in dict.fromkeys(invented[:3]))
            return Outcome(False, f"{names} is no retrieved document", evidence)
        if len(cited) < min:
            return Outcome(False, f"the answer has {len(cited)} citations, wanted {min}", evidence)
        said = f"the answer has {len(cited)} citations of retrieved documents"
        return Outcome(True, said, evidence)

    return test


def citations_in(text: str, known: Collection[str], rex: Any = None) -> Iterator[str]:
    """What a text cites, in its order: ids in brackets, or what `rex` has in its group."""
    if rex is not None:
        yield from ((match.group(1) or "").strip() for match in find_all(rex, text))
        return
    for match in _BRACKET.finditer(text):
        inside = match.group(1).strip()
        if inside in known:
            yield inside
            continue
        parts = [part.strip() for part in re.split(r"[,;]", inside)]
        if any(part in known for part in parts) or not any(" " in part for part in parts):
            yield from (part for part in parts if part and part not in _EDITORIAL)


@define(version=1)
def quotes(*, min: int = 1, min_words: int = 3) -> Test:  # noqa: A002 - golden word
    """At least `min` quoted passages, and every one is verbatim in a retrieved context.

    A passage stands in "…", “…”, „…“, «…» or 「…」 on one line; shorter ones than `min_words`
    words are taken for terms. White space and the form of apostrophes don't count.
    """
    for name, each in (("min", min), ("min_words", min_words)):
        if each < 0:
            raise bad(f"quotes.{name}", "must not be negative", "use 0 or more")

    def test(case: Case, output: Output) -> Outcome:
        passages = []
        for match in islice(_QUOTE.finditer(output.text), MOST):
            passage = next(group for group in match.groups() if group)
            if len(passage.split()) >= min_words or (passage.strip() and "「" in match.group()):
                passages.append(passage)
        contexts = [_spaced(document.text) for document in output.contexts]
        wrong = [each for each in passages if not _within(_spaced(each), contexts)]
        if wrong:
            evidence = {"not in the contexts": [clip(each) for each in wrong[:5]]}
            return Outcome(False, f"{quoted(wrong[0])} is in no retrieved context", evidence)
        if len(passages) < min:
            return Outcome(False, f"the answer has {len(passages)} quotes, wanted {min}")
        evidence = {"quotes": [clip(each) for each in passages[:5]]}
        return Outcome(True, f"{len(passages)} quotes are verbatim in the contexts", evidence)

    return test


def _within(passage: str, contexts: Sequence[str]) -> bool:
    bare = passage.rstrip(".,;:!? ")
    return any(passage in context or (bare and bare in context) for context in contexts)


def _spaced(text: str) -> str:
    return " ".join(text.replace("’", "'").replace("‘", "'").split())


def _plain(text: str) -> str:
    return _spaced(text).casefold()
