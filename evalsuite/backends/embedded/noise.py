"""Sampling noise on purpose: what a temperature does to answers, from a seed.

Some of it is harmless, some of it breaks an answer, as with a real model; so two seeds differ in
many answers while their pass rates stay about equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from evalsuite.backends.embedded.answer import Draft

Perturbation = Callable[[Draft], Draft]


def perturb(draft: Draft, absent: str | None, random: Random) -> Draft:
    """One slip of the kinds that `draft` allows; `absent` is the sentence for a silent context."""
    choices = _slips(draft, absent)
    if not choices:
        return draft
    kinds = [slip for slip, _ in choices]
    return random.choices(kinds, [weight for _, weight in choices])[0](draft)


def _slips(draft: Draft, absent: str | None) -> list[tuple[Perturbation, int]]:
    if draft.fixed is not None:
        return [(_guess, 1), (_polite_fixed, 7)] if draft.rest else []
    slips: list[tuple[Perturbation, int]] = [(_according, 5), (_in_short, 5)]
    if draft.rest:
        slips += [(_one_more, 6), (_next_best, 1)]
    if len(draft.picks) > 1:
        slips += [(_drop_last, 1)]
    if draft.cite:
        slips += [(_no_citation, 1)]
    if absent is not None:
        slips += [(lambda draft: replace(draft, fixed=absent), 1)]
    return slips


def _according(draft: Draft) -> Draft:
    return replace(draft, opening="According to the documents:")


def _in_short(draft: Draft) -> Draft:
    return replace(draft, opening="In short:")


def _polite_fixed(draft: Draft) -> Draft:
    return replace(draft, fixed=f"{draft.fixed} Sorry about that.")


def _one_more(draft: Draft) -> Draft:
    return replace(draft, picks=[*draft.picks, draft.rest[0]])


def _next_best(draft: Draft) -> Draft:
    return replace(draft, picks=[draft.rest[0], *draft.picks[1:]])


def _drop_last(draft: Draft) -> Draft:
    return replace(draft, picks=draft.picks[:-1])


def _no_citation(draft: Draft) -> Draft:
    return replace(draft, cite=False)


def _guess(draft: Draft) -> Draft:
    return replace(draft, fixed=None, picks=draft.rest[:1], rest=())
