"""The little that the embedded model knows of language: which words carry no topic, in four
languages; what asks for a number; where a sentence ends; which sentence limits the one before.
"""

from __future__ import annotations

import re

from evalsuite.retrieval import tokens

_FUNCTION_WORDS = {
    "en": (
        "a an the and or but if then than so of to in on at by for from with without about into"
        " as is are was were be been being am do does did doing done have has had having can could"
        " may might must shall should will would not no yes i me my mine you your we us our he she"
        " it its they them their this that these those there here what which who whom whose when"
        " where why how much many long often any some all also just only very more most please"
        " tell know want need like get got take give make let go happen happens mean"
        " use used using allowed allow possible able anything something someone anyone exactly"
        " ever still ok okay thanks hello hi hey up out off over per each every own other another"
        " one am's i'm what's it's don't can't isn't after before while during because don t s m re"
        " ve ll d last lasts"
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer eines und oder aber wenn dann als so"
        " von zu in im an am auf für mit ohne über um aus bei nach vor ist sind war waren sein bin"
        " hat habe haben hatte kann können darf dürfen muss müssen soll sollte will werden wird"
        " wurde nicht kein keine ja nein ich mich mir mein meine meinen du sie wir uns unser unsere"
        " er es ihr man dies diese dieser was welche welcher welches wer wie wo wann warum viel"
        " viele lange oft bitte gibt geben bekomme bekommen mache machen brauche brauchen auch nur"
        " zum zur pro"
    ),
    "fr": (
        "le la les l un une des du de d et ou mais si alors que qu qui quoi quel quelle quels"
        " quelles dont où quand comment pourquoi combien à au aux en dans sur par pour avec sans ce"
        " cet cette ces c est sont était être suis a avons avez ont avoir peut peux pouvons"
        " doit dois faut ne n pas non oui je j me m mon ma mes tu vous votre vos nous notre nos il"
        " elle ils elles on se s son sa ses leur y fait faire puis très plus"
    ),
    "es": (
        "el la los las un una unos unas y o pero si entonces que qué quién quiénes cuál cuáles"
        " cuándo cuánto cuántos cuánta cuántas cómo dónde por para con sin de del a al en es son"
        " era ser soy está están estar hay he ha han haber tiene tengo tener puede puedo pueden"
        " debe debo no sí yo me mi mis tú te su sus nos nuestro nuestra lo le les se este esta"
        " estos estas eso más muy hacer hace"
    ),
}

TOPICLESS = frozenset(token for text in _FUNCTION_WORDS.values() for token in tokens(text))
_BY_LANGUAGE = {
    language: frozenset(re.findall(r"[^\W\d_]+", text))
    for language, text in _FUNCTION_WORDS.items()
}

_letters = re.compile(r"[^\W\d_]+")
_asks_number = re.compile(
    r"\bhow (?:long|many|much|often|old|far|late|early|soon|high|big|large)\b"
    r"|\b(?:when|what time|deadline|limit|maximum|minimum|amount)\b"
    r"|\bwie (?:lange?|viele?|oft|hoch|spät)\b|\bwann\b|\bcombien\b|\bquand\b|\bquelle heure\b"
    r"|\bcu[aá]nt[oa]s?\b|\bcu[aá]ndo\b",
    re.IGNORECASE,
)
_number = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|half|zwei|drei|vier|fünf|deux"
    r"|trois|quatre|cinq|dos|tres|cuatro|cinco)\b",
    re.IGNORECASE,
)
_qualifies = re.compile(
    r"\W*(?:however|except|exceptions?|the (?:only )?exceptions?|unless|but|only|this does not"
    r"|this rule|that rule|in that case|without|jedoch|allerdings|ausnahmen?|ausgenommen|außer|nur"
    r"|cependant|toutefois|sauf|exceptions?|sin embargo|excepto|salvo|la excepción)\b",
    re.IGNORECASE,
)
_boundary = re.compile(
    r"(?:(?<=[.!?…])|(?<=[.!?…][\"”»)\]]))(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bz\.B\.)\s+"
    r"(?=[^\Wa-zß-öø-ÿ_]|[\"“«(\[¿¡])|(?<=[。！？])"
)


def language(text: str) -> str | None:
    """ "en", "de", "fr" or "es" by its function words; None if they don't tell."""
    found = _letters.findall(text[:2_000].casefold())
    counts = {name: sum(word in words for word in found) for name, words in _BY_LANGUAGE.items()}
    best, second = sorted(counts.values(), reverse=True)[:2]
    return max(counts, key=lambda name: counts[name]) if best > second else None


def asks_number(question: str) -> bool:
    return bool(_asks_number.search(question))


def has_number(sentence: str) -> bool:
    return bool(_number.search(sentence))


def qualifies(sentence: str) -> bool:
    """Whether a sentence opens as an exception to the one before it."""
    return bool(_qualifies.match(sentence))


def sentences(paragraph: str) -> list[str]:
    """A paragraph without line breaks, cut into sentences."""
    return [part for piece in _boundary.split(paragraph) if (part := piece.strip())]
