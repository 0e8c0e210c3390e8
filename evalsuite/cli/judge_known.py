"""A judge as it lies in a project, read for the commands on judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evalsuite.config import Config
from evalsuite.errors import OptionError
from evalsuite.wording import shown_path

if TYPE_CHECKING:
    from evalsuite.calibration.records import Certificate, Item, Label
    from evalsuite.judging.keys import JudgeKeys
    from evalsuite.judging.records import Card
    from evalsuite.records import Standing

MOST = 500_000_000
"""Bytes of a file that is read."""


@dataclass(frozen=True, slots=True)
class Known:
    """A judge as it lies in the project, and what it is worth."""

    card: Card
    keys: JudgeKeys
    items: Mapping[str, Item]
    labels: Sequence[Label]
    certificate: Certificate | None
    standings: Mapping[str, Standing]


def today() -> date:
    return datetime.now(UTC).date()


def known(config: Config, name: str) -> Known:
    """Read a judge's folder; DataError names what is wrong with it."""
    from evalsuite.calibration.bar import bar_of  # noqa: PLC0415
    from evalsuite.calibration.certificate import read_certificate  # noqa: PLC0415
    from evalsuite.calibration.labels import effective, read_items, read_labels  # noqa: PLC0415
    from evalsuite.calibration.measurable import card_of, keys_of  # noqa: PLC0415
    from evalsuite.calibration.standing import standings  # noqa: PLC0415
    from evalsuite.judging.setting import role_of  # noqa: PLC0415

    card = card_of(config.judge_dir, name)
    folder = config.judge_dir / name
    keys = keys_of(card, config.backends[role_of(card.role, config.backends)])
    items = read_items(folder)
    labels = effective(read_labels(folder, card, items))
    certificate = read_certificate(folder, keys.model)
    found = standings(
        card,
        keys,
        certificate,
        items=items,
        labels=labels,
        bar=bar_of(config.bar),
        today=today(),
    )
    return Known(card, keys, items, labels, certificate, found)


def read_file(file: Path) -> bytes:
    """A file that a user names; OptionError if it can't be read."""
    try:
        if file.stat().st_size > MOST:
            raise OptionError(f"{shown_path(file)}: is larger than {MOST >> 20} MB (split it)")
        return file.read_bytes()
    except OSError as error:
        raise OptionError(f"{shown_path(file)}: can't be read: {error.strerror}") from None
