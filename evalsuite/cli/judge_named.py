"""Judges as they are named on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalsuite.config import Config
from evalsuite.errors import DataError, OptionError

if TYPE_CHECKING:
    from evalsuite.judging.keys import JudgeKeys
    from evalsuite.judging.records import Card


@dataclass(frozen=True, slots=True)
class Named:
    """A judge as it was named."""

    text: str
    card: Card
    spec: str
    keys: JudgeKeys


def named(config: Config, text: str) -> Named:
    """NAME[@REVISION][=SPEC]."""
    from evalsuite.calibration.measurable import card_of  # noqa: PLC0415
    from evalsuite.judging.card import load_card  # noqa: PLC0415
    from evalsuite.judging.keys import judge_keys  # noqa: PLC0415
    from evalsuite.judging.setting import role_of  # noqa: PLC0415

    front, _, spec = text.partition("=")
    name, at, revision = front.partition("@")
    if not at and card_of(config.judge_dir, name).kind == "metric":
        raise OptionError(f"{name} is a metric of ev.rag: this is for judges")
    card = _then(config, name, revision) if at else load_card(config.judge_dir, name)
    spec = spec or config.backends[role_of(card.role, config.backends)]
    return Named(text, card, spec, judge_keys(card, spec))


def _then(config: Config, name: str, revision: str) -> Card:
    """The card at a revision: the project's, else the shipped one, as it is chosen today."""
    from evalsuite.judging.card import SHIPPED, card_names, load_card, read_card  # noqa: PLC0415
    from evalsuite.snapshot.revisions import Revision, commit_of, read  # noqa: PLC0415

    commit = commit_of(config.root, revision)
    place = Revision(config.root, (commit,), f"{config.judges}/{name}")
    data = read(place, "judge.md")
    if data is None:
        shipped = card_names(SHIPPED)
        if name not in shipped:
            remedy = f"name another revision; shipped are {', '.join(shipped)}"
            raise DataError(f"{place}: there was no judge.md, and none is shipped ({remedy})")
        return load_card(SHIPPED, name)
    try:
        written = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{place}: judge.md is not UTF-8") from None
    return read_card(written, f"{place}/judge.md", name)
