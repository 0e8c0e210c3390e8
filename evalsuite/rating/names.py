"""What raters are called: in links, in labels.jsonl, and on the lead's page."""

from __future__ import annotations

import getpass
import re

from evalsuite.calibration.records import ADJUDICATED
from evalsuite.errors import OptionError
from evalsuite.rating.server import LEAD
from evalsuite.wording import shown

NAME = re.compile(r"\w[\w.-]{0,39}")
RESERVED = (LEAD, ADJUDICATED)


def named(given: str) -> list[str]:
    """The raters of --raters; OptionError."""
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if not NAME.fullmatch(name):
            raise OptionError(
                f"--raters: {shown(name)} is no name: 1 to 40 letters, digits, -, _ and ., the "
                "first no - or . (commas go between names, as in r1,r2)"
            )
        if name in RESERVED:
            raise OptionError(f'--raters: "{name}" is no name of a rater: choose another')
    if len(set(names)) != len(names):
        raise OptionError("--raters: a name is there twice: give each once")
    return names


def me() -> str:
    """The name of who started the session, if it can be one."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        return "me"
    return name if NAME.fullmatch(name) and name not in RESERVED else "me"
