"""Releases: a version freezes which cases a golden dataset held, as hashes and not as a copy.

The version is derived, never chosen: removing a case or changing what is asked, expected or checked
is major, adding a case is minor, anything else (slices, must_pass, provenance, cluster) is patch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evalsuite.canonical import key
from evalsuite.errors import GoldenError, Problem
from evalsuite.golden.case import Keys
from evalsuite.golden.lines import decode
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse
from evalsuite.wording import shown_path

Level = Literal["major", "minor", "patch", "same"]

VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)
FIRST = "0.1.0"
"""The version of the first release."""

FOLDER = "releases"
_HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Release:
    """A version and the keys of its cases by id; `key` is the hash over all of them."""

    version: str
    key: str
    keys: Mapping[str, Keys]


def content_key(keys: Mapping[str, Keys]) -> str:
    """The identity of a set of cases: whatever their order, files and format."""
    return key("golden", sorted([name, *each] for name, each in keys.items()))


def level(before: Mapping[str, Keys], after: Mapping[str, Keys]) -> Level:
    """How much changed between two sets of cases."""
    kept = [(each, after.get(name)) for name, each in before.items()]
    if any(now is None or now[:2] != was[:2] for was, now in kept):
        return "major"
    if len(after) > len(before):
        return "minor"
    return "patch" if any(now != was for was, now in kept) else "same"


def next_version(latest: str | None, step: Level) -> str:
    """The version after `latest`; the first one if there is none."""
    if latest is None:
        return FIRST
    major, minor, patch = map(int, latest.split("."))
    match step:
        case "major":
            return f"{major + 1}.0.0"
        case "minor":
            return f"{major}.{minor + 1}.0"
        case "patch":
            return f"{major}.{minor}.{patch + 1}"
        case "same":
            return latest


def working_version(latest: Release | None, keys: Mapping[str, Keys], key: str) -> str:
    """The latest release's version if nothing changed since, else the one that a release would
    get, marked as not released: "1.3.0-dev+4f9a01bc" (the digits begin the dataset's key)."""
    if latest is None:
        return f"{FIRST}-dev+{key[:8]}"
    if latest.key == key:
        return latest.version
    return f"{next_version(latest.version, level(latest.keys, keys))}-dev+{key[:8]}"


def versions(folder: Path) -> list[str]:
    """The released versions of the dataset in `folder`, oldest first."""
    found = [file.stem for file in (folder / FOLDER).glob("*.json") if VERSION.fullmatch(file.stem)]
    return sorted(found, key=lambda each: tuple(map(int, each.split("."))))


def latest_release(folder: Path) -> Release | None:
    """The newest release of the dataset in `folder`; GoldenError if its file is damaged."""
    known = versions(folder)
    return read_release(folder / FOLDER / f"{known[-1]}.json") if known else None


def read_release(file: Path) -> Release:
    """A release as it was frozen; GoldenError if the file was cut off or edited."""

    def fail(message: str, field: str = "") -> GoldenError:
        remedy = "releases are never edited: restore the file from git"
        return GoldenError([Problem(shown_path(file), 0, field, message, remedy)])

    if file.is_symlink() or file.parent.is_symlink():
        raise fail("is a symbolic link")
    try:
        value = parse(decode(file.read_bytes()))
    except Malformed as bad:
        raise fail(bad.message, bad.field) from None
    except OSError as error:
        raise fail(f"can't be read: {error.strerror}") from None
    if not isinstance(value, dict) or set(value) != {"version", "key", "cases"}:
        raise fail('must hold exactly "version", "key" and "cases"')
    if value["version"] != file.stem:
        raise fail("differs from the file's name", "version")
    keys = _keys(value["cases"])
    if keys is None:
        raise fail("must map ids to three hashes each", "cases")
    if value["key"] != content_key(keys):
        raise fail("is not the hash of the cases", "key")
    return Release(file.stem, value["key"], keys)


def _keys(value: Json) -> dict[str, Keys] | None:
    if not isinstance(value, dict):
        return None
    for hashes in value.values():
        if not isinstance(hashes, list) or len(hashes) != 3:
            return None
        if not all(isinstance(each, str) and _HASH.fullmatch(each) for each in hashes):
            return None
    return {name: Keys(*hashes) for name, hashes in value.items()}


def write_release(folder: Path, release: Release) -> Path:
    """Write `release`, a case per line and sorted by id, and return the file.

    Raises FileExistsError rather than overwrite a version.
    """
    cases = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(release.keys[name])}" for name in sorted(release.keys)
    )
    head = f'{{\n "version": "{release.version}",\n "key": "{release.key}",\n "cases": {{\n'
    file = folder / FOLDER / f"{release.version}.json"
    file.parent.mkdir(exist_ok=True)
    with file.open("x", encoding="utf-8", newline="\n") as out:
        out.write(f"{head}{cases}\n }}\n}}\n")
    return file
