"""Cases from a Hugging Face dataset: from a folder beside dataset.json, or pinned on the Hub.

Its rows get our own hashes: the library's fingerprint depends on paths and times, ours on content.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalsuite.errors import MissingExtra, Problem, did_you_mean
from evalsuite.golden.fields import Say, kind
from evalsuite.golden.lines import Entry
from evalsuite.golden.tables import Fields, field_problem, read_rows
from evalsuite.records import Json
from evalsuite.wording import printable, shown

_REVISION = re.compile(r"[0-9a-f]{40}")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_TEXTS = ("path", "name", "config", "revision", "split")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSource:
    """Either `path`, a folder below the dataset's, or `name` on the Hub with its `revision`."""

    path: str = ""
    name: str = ""
    config: str | None = None
    revision: str | None = None
    split: str = "train"
    fields: Fields = field(default_factory=dict)


def source_from(value: Json, say: Say) -> HubSource | None:
    """The "huggingface" part of dataset.json; what is wrong with it goes to `say`."""
    if not isinstance(value, dict):
        say("huggingface", f"must be an object, not {kind(value)}", 'write {"path": "data"}')
        return None
    sound = True

    def refuse(name: str, message: str, remedy: str) -> None:
        nonlocal sound
        sound = False
        say(f"huggingface.{name}" if name else "huggingface", message, remedy)

    known = (*_TEXTS, "fields")
    for name, each in value.items():
        if name not in known:
            refuse(shown(name), "unknown field", did_you_mean(name, known))
        elif name != "fields" and (not isinstance(each, str) or not each):
            refuse(name, f"must be text, not {shown(each)}", "write a name")
    if sound:
        _places(value, refuse)
    fields = fields_from(value.get("fields", {}), "fields", refuse)
    return HubSource(**{**value, "fields": fields}) if sound else None


def _places(value: Mapping[str, Json], refuse: Say) -> None:
    path, name, revision = value.get("path"), value.get("name"), value.get("revision")
    if (path is None) == (name is None):
        refuse("", 'needs either "path" or "name"', "a folder beside this file, or a Hub name")
    elif path is not None and not _below(path):
        refuse("path", f"{shown(path)} leaves the dataset's folder", "copy the data below it")
    elif name is not None:
        if not _HUB_NAME.fullmatch(name):
            refuse("name", f"{shown(name)} is not a name on the Hub", 'write "owner/dataset"')
        if not _REVISION.fullmatch(revision or ""):
            message = "a Hub dataset needs a pinned revision: it may change or move at any time"
            refuse("revision", message, "write the commit's 40 hex digits")


def _below(path: str) -> bool:
    parts = path.split("/")
    return not any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts)


def fields_from(value: Json, name: str, say: Say) -> dict[str, str]:
    """A mapping from case fields to columns, or {} with the reasons given to `say`."""
    if not isinstance(value, dict):
        say(name, f"must be an object, not {kind(value)}", 'write {"input": "COLUMN"}')
        return {}
    sound = {}
    for each, column in value.items():
        if (wrong := field_problem(each)) is not None:
            say(f"{name}.{printable(each)}"[:80], "not a field of a case", wrong)
        elif not isinstance(column, str) or not column:
            say(f"{name}.{each}"[:80], "must name a column", "write the column's name as text")
        else:
            sound[each] = column
    return sound


def read_hub(source: HubSource, folder: Path, path: str) -> tuple[list[Entry], list[Problem]]:
    """The source's cases; needs the extra "datasets". HF_HUB_OFFLINE is respected.

    `path` is how messages name dataset.json. An entry's line is its row, from 1.
    """
    try:
        import datasets  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("a Hugging Face dataset", "datasets") from None
    if source.path and (wrong := _unsafe(folder, source.path)):
        return [], [Problem(path, 0, "huggingface.path", *wrong)]
    try:
        loaded = _loaded(datasets, source, folder)
        columns: Sequence[str] = loaded.column_names
        rows: list[dict[str, Json]] = loaded.to_list()
    except Exception as error:  # noqa: BLE001 (the library raises anything, for any reason)
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        remedy = "check path, name, revision, split and the network"
        return [], [Problem(path, 0, "huggingface", shown(reason, 200)[1:-1], remedy)]
    return read_rows(rows, columns, source.fields, f"{path}[huggingface]")


def _loaded(datasets: Any, source: HubSource, folder: Path) -> Any:
    if source.name:
        return datasets.load_dataset(
            source.name, source.config, revision=source.revision, split=source.split
        )
    place = folder / source.path
    if (place / "dataset_dict.json").is_file():
        return datasets.load_from_disk(str(place))[source.split]
    if (place / "state.json").is_file():
        return datasets.load_from_disk(str(place))
    return datasets.load_dataset(str(place), source.config, split=source.split)


def _unsafe(folder: Path, path: str) -> tuple[str, str] | None:
    """Why a local folder can't be read: it is absent, or a link leads out of it."""
    place = folder
    for part in path.split("/"):
        place = place / part
        if place.is_symlink():
            return f"{shown(path)} goes through a symbolic link", "put the data itself there"
    if not place.is_dir():
        return f"there is no folder {shown(path)}", "name a folder beside dataset.json"
    for parent, folders, files in os.walk(place):
        for name in (*folders, *files):
            if Path(parent, name).is_symlink():
                return f"{shown(name)} is a symbolic link", "put the data itself there"
    return None
