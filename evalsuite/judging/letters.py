"""What is judged hides no letter, and nothing in it passes for our markup or chat models' tokens.

Look-alikes are found in the text as it is seen: without marks and hidden letters, every letter as
the plain one that it looks like. The time for it is linear in the text, whatever that is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

TAG = "data"
"""Fences are <data-HASH name="...">; a look-alike of that is written with another bracket."""

_BETWEEN = r"[\s/\\!?]*"
"""What may stand between a bracket and its word: no bracket, so that no two scans overlap, and
nothing that begins a word, so that there is one way to match."""

_GAP = r"[\W_]{0,3}"
_WORDS = (
    rf"(?:{TAG}|system|assistant|user|human|developer|sys|bos|eos|pad|unk|think(?:ing)?)(?![a-z])"
    rf"|(?:tool|function){_GAP}(?:call|response|result|use|output)"
    rf"|(?:start|begin|end){_GAP}of{_GAP}(?:turn|text|sentence|image|audio)"
    r"|s[\s/\\]*>|\|"
)
_ANGLE = re.compile(
    rf"<(?={_BETWEEN}(?:{_WORDS}))|«(?=[\s!?]*[/\\]{_BETWEEN}(?:{_WORDS})|\s*{TAG}-)"
)
_SQUARE = re.compile(
    rf"\[(?={_BETWEEN}(?:inst|sys|think|system{_GAP}prompt|available{_GAP}tools"
    rf"|tool{_GAP}(?:calls|results|content))[\s/\\]*\])"
)
_ODD = re.compile(r"[^ -~\n\t]")
_JOINERS = "\u200c\u200d"
_PICTURES = "\ufe0e\ufe0f"
"""Variation selectors: the letter before as text, as a picture."""

_SPELLED = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point: shown as nothing, assigned or not."""

_NAMED = re.compile(r".*\b(?:LATIN|INDICATOR)\b.*\b([A-Z])(?: WITH .*)?")
_LESS = re.compile(r"(?!.*EQUAL).*LESS-THAN.*|.*LEFT.*\bANGLE (?:BRACKET|QUOTATION).*")
_LIKE = {
    like: plain
    for plain, likes in {
        "<": "˂ᐸᚲ𝈶",
        ">": "›〉⟩》⟫˃ᐳ❯❭❱⧽≻",
        "[": "【〖⟦❲〔⦋",
        "]": "】〗⟧❳〕⦌",
        "«": "«⟪《",
        "/": "⁄∕╱⧸⟋⧵╲⟍丿",
        "|": "¦ǀ∣│┃❘❙丨",
        "-": "‐‒–—―−",
        "_": "▁‗",
        " ": "\u2800",
        "a": "аАαΑɑꓮᎪ",
        "b": "вВΒЬꓐ",
        "c": "сСϲϹꓚᏟ",
        "d": "ԁԀժꓓᎠ",
        "e": "еЕεΕꓰᎬ",
        "f": "ϝꓝ",
        "g": "ցԌꓖᏀ",
        "h": "һнНΗհꓧᎻ",
        "i": "іІιΙӏꓲᏆ",
        "k": "кКκΚꓗᏦ",
        "l": "ⅼꓡᏞ",
        "m": "мМΜꓟᎷ",
        "n": "пηΝոꓠ",
        "o": "оОοΟօՕꓳ",
        "p": "рРρΡꓑᏢ",
        "r": "гꓣᎡ",
        "s": "ѕЅՏꓢᏚ",
        "t": "тТτΤꓔᎢ",
        "u": "υμսՍꓴ",
        "v": "ѵνꓦᏙ",
        "x": "хХχΧꓫ",
        "y": "уУүҮΥγꓬᎩ",
    }.items()
    for like in likes
}
"""By letter the plain one that it looks like, where neither Unicode's forms nor its name say so."""


def neutral(text: str) -> str:
    """Look-alikes of fences and of chat models' tokens, written with another bracket."""
    if _ODD.search(text) is None:
        plain, places = text.lower(), list(range(len(text)))
    else:
        seen = [(each, place) for place, letter in enumerate(text) for each in _seen(letter)]
        plain, places = "".join(each for each, _ in seen), [place for _, place in seen]
    letters = list(text)
    for pattern, bracket in ((_ANGLE, "≺"), (_SQUARE, "⁅")):
        for found in pattern.finditer(plain):
            letters[places[found.start()]] = bracket
    return "".join(letters)


@lru_cache(maxsize=4_096)
def _seen(letter: str) -> str:
    """The plain letters that a letter looks like; none if it is hidden, or a mark on another."""
    return letter if letter in "\n\t" else "".join(_plain(letter))


def _plain(letter: str) -> Iterator[str]:
    for part in letter if letter in _LIKE else unicodedata.normalize("NFKD", letter):
        if part in _LIKE:
            yield _LIKE[part]
        elif part.isascii():
            yield from "" if _hidden(part) else part.lower()
        elif not (_hidden(part) or unicodedata.category(part).startswith("M")):
            name = unicodedata.name(part, "")
            found = _NAMED.fullmatch(name)
            yield found[1].lower() if found else "<" if _LESS.fullmatch(name) else part


def _hidden(letter: str) -> bool:
    return unicodedata.category(letter) in _SPELLED or _IGNORABLE.match(letter) is not None


def spelled(text: str) -> str:
    """Control, direction and all letters that are shown as nothing by their number, but for line
    ends and tabs.

    A joiner between two letters of scripts that need it, or in an emoji, stays, and so does the
    selector of an emoji's form.
    """
    return _ODD.sub(_spelling, text)


def _spelling(found: re.Match[str]) -> str:
    letter, text, place = found[0], found.string, found.start()
    if not _hidden(letter):
        return letter
    if letter in _JOINERS and _joins(text, place):
        return letter
    if letter in _PICTURES and _depicts(text, place):
        return letter
    return f"[U+{ord(letter):04X}]"


def _joins(text: str, place: int) -> bool:
    around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    return len(around) == 2 and all(
        ord(each) > 0x2FF and (each in _PICTURES or not _hidden(each)) for each in around
    )


def _depicts(text: str, place: int) -> bool:
    """Whether the letter before can be an emoji: a symbol, or a key such as 1 in its frame."""
    before, after = text[max(0, place - 1) : place], text[place + 1 : place + 2]
    if before and before in "#*0123456789":
        return after == "\u20e3"
    return before != "" and (before in "‼⁉ℹ↔〰〽◻◼◽◾⤴⤵" or unicodedata.category(before) == "So")
