"""What a case says its answer must do, and must not: each statement has a verdict of its own."""

from __future__ import annotations

from dataclasses import dataclass

from evalsuite.records import Json
from evalsuite.wording import shown

MAX_STATEMENTS = 50
WANTED = 'write {"must": ["…"], "must_not": ["…"]}, or a list of statements that must hold'


@dataclass(frozen=True, slots=True)
class Statement:
    """`wanted` False: the answer is as it should be where this does not hold."""

    name: str
    text: str
    wanted: bool


def statements_of(expected: Json) -> tuple[Statement, ...]:
    """The statements of a case's `expected`.

    Raises:
        ValueError: it holds none; the message says what to write.
    """
    given = {"must": expected} if isinstance(expected, list) else expected
    if not isinstance(given, dict):
        raise ValueError(f"expected holds no statements ({WANTED})")
    for name in given:
        if name not in ("must", "must_not"):
            raise ValueError(f"expected: {shown(name)} is neither must nor must_not ({WANTED})")
    made = []
    for name in ("must", "must_not"):
        texts = given.get(name, [])
        if not isinstance(texts, list):
            raise ValueError(f"expected: {name} must be a list of statements ({WANTED})")
        for number, text in enumerate(texts, 1):
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"expected: statement {number} of {name} is no text ({WANTED})")
            made.append(Statement(f"{name}_{number}", text, name == "must"))
    if not 0 < len(made) <= MAX_STATEMENTS:
        raise ValueError(f"expected must hold 1 to {MAX_STATEMENTS} statements ({WANTED})")
    return tuple(made)
