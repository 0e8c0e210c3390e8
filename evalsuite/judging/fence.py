"""Everything under judgement is data: fenced, spelled out, and cut where it is very long.

The delimiter is a hash of all that is fenced in one prompt. Whoever wrote a part of that would have
to know the hash of a text which holds the hash, so nobody can close the fence from inside; and
equal content has an equal prompt, which the store answers. What looks like our own markup or like
the special tokens of chat models is written with another bracket: to be seen, and of no effect.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalsuite.canonical import canonical

TEXT_LIMIT = 40_000
"""Characters of one fenced text; what is longer loses its middle."""

CONTEXTS_LIMIT = 160_000
"""Characters of all contexts together, shared evenly."""

NOTE = 60
"""Characters that the note on what was left out takes."""

TAG = "data"
"""Fences are <data-HASH name="...">; a look-alike of that is written with another bracket."""

_LIKE = re.compile(
    rf"[<‹〈⟨《˂ᐸ❮❬](?=\s*[/\\]?\s*(?:{TAG}(?:\b|[-_])|(?:system|assistant|user|human)\b|s>)"
    r"|\s*\||<\s*/?\s*SYS|/?(?:tool|function)_call)",
    re.IGNORECASE,
)
_INST = re.compile(r"\[(?=\s*/?\s*(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\b)")
_ODD = re.compile(r"[^ -~\n\t]")
_JOINERS = "\u200c\u200d"
_SPELLED = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))


@dataclass(frozen=True, slots=True)
class Fenced:
    """One text in its fence, which is a part of it, so that no card can forget it."""

    name: str
    text: str
    mark: str
    left_out: int = 0

    def __str__(self) -> str:
        about = f' left-out="{self.left_out}"' if self.left_out else ""
        about += ' empty="yes"' if not self.text else ""
        tag = f"{TAG}-{self.mark}"
        return f'<{tag} name="{self.name}"{about}>\n{self.text}\n</{tag}>'


class Shown:
    """A fenced text as a template has it: to be put in as it is. The text itself is out of its
    reach, since a sandbox hides what begins with an underscore."""

    __slots__ = ("_fenced",)

    def __init__(self, fenced: Fenced) -> None:
        self._fenced = fenced

    def __str__(self) -> str:
        return str(self._fenced)


class ShownList(tuple[Shown, ...]):
    """Fenced texts, to be shown at once or one by one."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self))


@dataclass(frozen=True, slots=True)
class Cut:
    """A text ready to be fenced, and how many characters its middle lost."""

    text: str
    left_out: int = 0


def mark_of(texts: Iterable[str]) -> str:
    """The delimiter for these texts: 96 bits of their hash."""
    spelled = canonical(["fence", *texts])
    return hashlib.sha256(spelled).hexdigest()[:24]


def inert(text: str, limit: int = TEXT_LIMIT) -> Cut:
    """Text as the judge sees it: nothing invisible, no markup of ours, at most `limit` characters
    and the note on those that were left out."""
    text = text.replace("\r\n", "\n")
    shown, left_out = _cut(text, limit)
    shown = spelled(shown)
    if len(shown) > limit + NOTE:  # what is spelled out takes up to ten times its room
        shown, left_out = _cut(text, limit // 10)
        shown = spelled(shown)
    return Cut(neutral(shown), left_out)


def _cut(text: str, limit: int) -> tuple[str, int]:
    if len(text) <= limit:
        return text, 0
    half = limit // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out} characters left out …]\n{text[-half:]}", left_out


def neutral(text: str) -> str:
    """Look-alikes of fences and of chat models' tokens, written with another bracket."""
    plain = text if text.isascii() else "".join(map(_plain, text))
    hits = sorted((found.start(), "≺") for found in _LIKE.finditer(plain))
    hits += [(found.start(), "⁅") for found in _INST.finditer(plain)]
    letters = list(text)
    for place, bracket in hits:
        letters[place] = bracket
    return "".join(letters)


def _plain(letter: str) -> str:
    """A full-width or styled letter as the plain one; others as they are."""
    found = unicodedata.normalize("NFKC", letter)
    return found if len(found) == 1 else letter


def spelled(text: str) -> str:
    """Control, direction and zero-width characters by their number, but for line ends and tabs.

    A joiner between two letters of scripts that need it, or in an emoji, stays.
    """
    return _ODD.sub(_spelling, text)


def _spelling(found: re.Match[str]) -> str:
    letter = found[0]
    if unicodedata.category(letter) not in _SPELLED:
        return letter
    if letter in _JOINERS and _joins(found.string, found.start()):
        return letter
    return f"[U+{ord(letter):04X}]"


def _joins(text: str, place: int) -> bool:
    around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    return len(around) == 2 and all(
        ord(each) > 0x2FF and unicodedata.category(each) not in _SPELLED for each in around
    )


def outside(prompt: str, mark: str) -> str:
    """What of a prompt is in no fence of this mark: the instructions, if the fences are whole."""
    tag = f"{TAG}-{mark}"
    return re.sub(rf"<{tag} [^\n]*>\n.*?\n</{tag}>", "", prompt, flags=re.DOTALL)


def whole(prompt: str, mark: str, fenced: Sequence[Fenced]) -> bool:
    """Whether a prompt holds the fenced texts as they are: none cut open by a template."""
    for each in fenced:
        prompt = prompt.replace(str(each), "")
    return mark not in prompt.lower()
