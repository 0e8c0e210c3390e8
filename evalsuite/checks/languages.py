"""In which language the answer is written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from importlib.util import find_spec

from evalsuite.checks.define import Test, bad, define
from evalsuite.errors import MissingExtra, did_you_mean
from evalsuite.records import Case, Output
from evalsuite.scoring import Outcome, clip

READ = 10_000
"""Characters read: more don't change the guess."""

LETTERS = 20
"""Fewer letters than this decide nothing."""

SURE = 0.5
"""The share of probability below which the best guess is not believed."""

_CODES = (
    "af am an ar as az ba be bg bn br bs ca cs cy da de dz el en eo es et eu fa fi fo fr fy "
    "ga gd gl gu ha he hi hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lb lg ln lo "
    "lt lv mg mk ml mn mr ms mt my ne nl nn no oc om or pa pl ps pt qu ro ru rw sa se si sk "
    "sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz vi vo wa xh yo zh zu "
)
CODES = frozenset(_CODES.split())
"""What the model can tell apart, of ISO 639-1."""
_NOISE = re.compile(r"https?://\S+|`[^`\n]{0,500}`|\[[^\[\]\n]{0,300}\]|\S+@\S+")


@define(version=1)
def language(code: str | Sequence[str]) -> Test:
    """The answer is written in the language (ISO 639-1), or in one of several.

    py3langid's model decides, on text without links, code and brackets. Undecided with fewer than
    20 letters, or if no language gets half of the probability.
    """
    codes = [code] if isinstance(code, str) else list(code)
    for each in codes:
        if each not in CODES:
            raise bad("language", f'unknown code "{clip(each, 20)}"', did_you_mean(each, CODES))
    if find_spec("py3langid") is None:
        raise MissingExtra("the check language", "text")

    def test(case: Case, output: Output) -> Outcome:
        text = _NOISE.sub(" ", output.text[:READ])
        letters = sum(each.isalpha() for each in text)
        if letters < LETTERS and not any(each >= "\u2e80" for each in text if each.isalpha()):
            return Outcome(None, f"too short to tell the language ({letters} letters)")
        found, share = _guess(text)
        evidence = {"language": found, "share": round(share, 3), "answer": clip(output.text)}
        if share < SURE:
            return Outcome(None, f"the language can't be told (perhaps {found})", evidence)
        wanted = " or ".join(codes)
        return Outcome(found in codes, f"the answer is in {found}, wanted {wanted}", evidence)

    return test


def _guess(text: str) -> tuple[str, float]:
    """The likeliest language and its share, softened by the root of the length.

    The model's log likelihoods grow with the text, as if its features were independent; without
    the root every guess would look certain.
    """
    import py3langid  # noqa: PLC0415 (loads a model)

    ranked = py3langid.rank(text)
    top = float(ranked[0][1])
    scale = math.sqrt(len(text.encode("utf-8", "replace")) or 1)
    total = sum(math.exp((float(score) - top) / scale) for _, score in ranked)
    return str(ranked[0][0]), 1 / total
