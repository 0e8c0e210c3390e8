"""What a judge is: of its card, its model and the way in which we ask and read. All that can
change a verdict, so that values of two judges are never compared, and a certificate is of one."""

from __future__ import annotations

from dataclasses import dataclass

from evalsuite.canonical import key
from evalsuite.judging.records import Card

PARSER = 2
"""Raised with every change of how prompts are rendered and fenced, of the schema, of how replies
are read, or of how votes, orders and criteria become a value."""


@dataclass(frozen=True, slots=True)
class JudgeKeys:
    """The keys of a judge's parts, so that a stale certificate can say which of them changed."""

    template: str
    model: str
    parser: str

    @property
    def key(self) -> str:
        """The judge's own."""
        return key("judge", [self.template, self.model, self.parser])


def judge_keys(card: Card, spec: str) -> JudgeKeys:
    """The keys of a card that the backend of this spec answers."""
    model = key("judge model", {"spec": spec, "params": dict(card.params)})
    return JudgeKeys(card.key, model, key("judge parser", PARSER))
