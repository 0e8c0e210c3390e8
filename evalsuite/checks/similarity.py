"""How near the answer is to a reference text: four measures, each with a minimum in [0, 1].

The reference is the parameter, else the case's expected text; where that is a list of texts, the
nearest counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from evalsuite.checks.define import Test, bad, define
from evalsuite.errors import MissingExtra
from evalsuite.records import Case, Output
from evalsuite.scoring import Outcome, clip

WORK = 2_000_000_000
"""Products of two lengths up to which a quadratic measure is computed."""

_TOKEN = re.compile(r"\w+")


@define(version=1)
def levenshtein(min: float, *, reference: str | None = None) -> Test:  # noqa: A002 - golden word
    """1 - edit distance / length of the longer, by characters.

    Levenshtein, V. I. (1966): Binary codes capable of correcting deletions, insertions, reversals.
    """
    try:
        from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 (optional)
    except ImportError:
        raise MissingExtra("the check levenshtein", "text") from None

    def measure(text: str, wanted: str) -> float | None:
        if len(text) * len(wanted) > WORK:
            return None
        return Levenshtein.normalized_similarity(text, wanted)

    return _at_least("levenshtein", min, reference, measure)


@define(version=1)
def rouge_l(min: float, *, reference: str | None = None) -> Test:  # noqa: A002
    """F1 of the longest common subsequence of words, case-folded.

    Lin, C.-Y. (2004): ROUGE: a package for automatic evaluation of summaries; section 3 (beta 1).
    """

    def measure(text: str, wanted: str) -> float | None:
        left, right = _TOKEN.findall(text.casefold()), _TOKEN.findall(wanted.casefold())
        if not left or not right:
            return 0.0
        if len(left) * len(right) > WORK:
            return None
        return 2 * _common(left, right) / (len(left) + len(right))

    return _at_least("rouge_l", min, reference, measure)


@define(version=1, limit=100_000)
def bleu(min: float, *, reference: str | None = None) -> Test:  # noqa: A002
    """Sentence BLEU with sacrebleu's default tokens and exponential smoothing.

    Papineni et al. (2002): BLEU: a method for automatic evaluation of machine translation; Post,
    M. (2018): A call for clarity in reporting BLEU scores.
    """
    try:
        from sacrebleu import sentence_bleu  # noqa: PLC0415 (optional)
    except ImportError:
        raise MissingExtra("the check bleu", "text") from None

    def measure(text: str, wanted: str) -> float | None:
        return float(sentence_bleu(text, [wanted]).score) / 100

    return _at_least("bleu", min, reference, measure)


@define(version=1, limit=100_000)
def chrf(min: float, *, reference: str | None = None) -> Test:  # noqa: A002
    """chrF2: F-score of character n-grams up to 6, recall counted twice.

    Popović, M. (2015): chrF: character n-gram F-score for automatic MT evaluation.
    """
    try:
        from sacrebleu import sentence_chrf  # noqa: PLC0415 (optional)
    except ImportError:
        raise MissingExtra("the check chrf", "text") from None

    def measure(text: str, wanted: str) -> float | None:
        return float(sentence_chrf(text, [wanted]).score) / 100

    return _at_least("chrf", min, reference, measure)


def _at_least(
    kind: str,
    minimum: float,
    reference: str | None,
    measure: Callable[[str, str], float | None],
) -> Test:
    if not 0 < minimum <= 1:
        raise bad(f"{kind}.min", f"must be above 0 and at most 1, not {minimum:g}", "e.g. 0.6")

    def test(case: Case, output: Output) -> Outcome:
        references = _references(case.expected if reference is None else reference)
        if not references:
            return Outcome(None, "the case has no expected text to compare with")
        values = [measure(output.text.strip(), each.strip()) for each in references]
        known = [value for value in values if value is not None]
        if not known:
            return Outcome(None, f"the answer is too long for {kind}")
        best = max(known)
        said = f"{kind} is {best:.3f}, the minimum is {minimum:g}"
        wanted = clip(references[values.index(best)])
        evidence = {"similarity": round(best, 6), "reference": wanted, "answer": clip(output.text)}
        return Outcome(best >= minimum, said, evidence)

    return test


def _references(expected: object) -> list[str]:
    found = [expected] if isinstance(expected, str) else expected
    if not isinstance(found, (list, tuple)):
        return []
    return [each for each in found if isinstance(each, str) and each.strip()][:20]


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest common subsequence, one machine-word-parallel step a token.

    Hyyrö, H. (2004): Bit-parallel LCS-length computation revisited.
    """
    short, long = sorted((left, right), key=len)
    places: dict[str, int] = {}
    for place, token in enumerate(short):
        places[token] = places.get(token, 0) | 1 << place
    full = (1 << len(short)) - 1
    row = full
    for token in long:
        hits = row & places.get(token, 0)
        row = (row + hits | row - hits) & full
    return len(short) - row.bit_count()
