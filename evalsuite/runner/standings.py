"""What a suite's judges, and metrics that ask a model, are worth when it is collected: read from
their folders, before a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalsuite.config import Config
from evalsuite.errors import SuiteError
from evalsuite.records import Standing
from evalsuite.wording import shown_path

if TYPE_CHECKING:
    from evalsuite.judging.keys import JudgeKeys
    from evalsuite.judging.records import Card
    from evalsuite.judging.scorer import BoundJudge


def standings_of(scorers: Sequence[Any], config: Config) -> dict[str, Standing]:
    """By metric, of judges, juries and metrics that people can rate (`rated`); a jury is worth as
    much as its weakest member. What code computes alone has no standing.

    Raises:
        DataError: a certificate or the ratings of a judge can't be read.
        SuiteError: a judge gates without a certificate, and the settings are strict.
    """
    found: dict[str, Standing] = {}
    for scorer in scorers:
        members = getattr(scorer, "members", None)
        if members is not None:
            each = [_of_judge(member, config)[member.card.name] for member in members]
            mine = {scorer.metric.name: _together(each)}
        elif hasattr(scorer, "card"):
            mine = _of_judge(scorer, config)
        elif hasattr(scorer, "rated"):
            rated = scorer.rated.items()
            mine = {name: _of_metric(card, keys, config) for name, (card, keys) in rated}
        else:
            continue
        gates = getattr(scorer, "gates", True)
        for metric, standing in mine.items():
            remedy = standing.remedy if gates else ""
            found[metric] = replace(standing, gates=gates, remedy=remedy)
        own = mine if hasattr(scorer, "rated") else [scorer.metric.name]
        for metric in own if config.strict_judges and gates else ():
            _refuse(metric, found[metric])
    return found


def _together(members: Sequence[Standing]) -> Standing:
    """A jury's: the weakest member's, with the largest error. Nobody measured the jury itself, so
    there is nothing by which its rates could be corrected."""
    weakest = min(members, key=lambda one: (_RANK[one.state], -one.error))
    return replace(weakest, error=max(each.error for each in members), pairs=())


_RANK = {"uncertified": 0, "provisional": 1, "trusted": 2}


def _of_judge(judge: BoundJudge, config: Config) -> dict[str, Standing]:
    from evalsuite.calibration.anchors import read_anchors  # noqa: PLC0415 (only suites with judges)

    read_anchors(config.judge_dir / judge.card.name)  # what is wrong with them is said at once
    return _measured(judge.card, judge.keys, config)


def _of_metric(card: Card, keys: JudgeKeys, config: Config) -> Standing:
    own = config.judge_dir / card.name / "judge.md"
    if own.exists():
        says = f"not measured: {shown_path(own)} is a judge's card, of the metric's name"
        return Standing(says=says, remedy="rename that judge, with its folder", error=1.0)
    return _measured(card, keys, config)[card.name]


def _measured(card: Card, keys: JudgeKeys, config: Config) -> dict[str, Standing]:
    from evalsuite.calibration.bar import bar_of  # noqa: PLC0415 (only where there is a judge)
    from evalsuite.calibration.certificate import read_certificate  # noqa: PLC0415
    from evalsuite.calibration.labels import effective, read_items, read_labels  # noqa: PLC0415
    from evalsuite.calibration.standing import standings  # noqa: PLC0415

    folder = config.judge_dir / card.name
    items = read_items(folder)
    return standings(
        card,
        keys,
        read_certificate(folder, keys.model),
        items=items,
        labels=effective(read_labels(folder, card, items)),
        bar=bar_of(config.bar),
        today=datetime.now(UTC).date(),
    )


def _refuse(name: str, standing: Standing) -> None:
    if standing.state == "uncertified":
        raise SuiteError(
            f"judge {name} gates without a certificate, and strict_judges is set: {standing.says}; "
            f"{standing.remedy}; or let it inform (ev.judge has gate=False)"
        )
