"""Everything under judgement is data: fenced, spelled out, and cut where it is very long.

The delimiter is a hash of all that is fenced in one prompt. Whoever wrote a part of that would have
to know the hash of a text which holds the hash, so nobody can close the fence from inside; and
equal content has an equal prompt, which the store answers. What looks like our own markup or like
the special tokens of chat models is written with another bracket: to be seen, and of no effect.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalsuite.canonical import canonical
from evalsuite.judging.letters import TAG, neutral, spelled

TEXT_LIMIT = 40_000
"""Characters of one fenced text; what is longer loses its middle."""

CONTEXTS_LIMIT = 160_000
"""Characters of all contexts together, shared evenly."""

NOTE = 60
"""Characters that the note on what was left out takes."""


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
    if len(spelled(shown)) > limit + NOTE:  # what is spelled out takes up to ten times its room
        shown, left_out = _cut(text, limit // 10)
    # A hidden letter may stand in a word, and one that is spelled out may end it
    return Cut(neutral(spelled(neutral(shown))), left_out)


def _cut(text: str, limit: int) -> tuple[str, int]:
    if len(text) <= limit:
        return text, 0
    half = limit // 2
    left_out = len(text) - 2 * half
    return (
        f"{text[:half]}\n[… {left_out} characters left out …]\n{text[len(text) - half :]}",
        left_out,
    )


def outside(prompt: str, mark: str) -> str:
    """What of a prompt is in no fence of this mark: the instructions, if the fences are whole."""
    tag = f"{TAG}-{mark}"
    return re.sub(rf"<{tag} [^\n]*>\n.*?\n</{tag}>", "", prompt, flags=re.DOTALL)


def whole(prompt: str, mark: str, fenced: Sequence[Fenced]) -> bool:
    """Whether a prompt holds the fenced texts as they are: none cut open by a template."""
    tag, known = f"{TAG}-{mark}", frozenset(map(str, fenced))
    fences = re.compile(rf"<{tag} .*?\n</{tag}>", re.DOTALL)
    left = fences.sub(lambda found: "" if found[0] in known else found[0], prompt)
    return mark not in left.lower()
