"""Loads a golden dataset: every file of its folder, every problem of every file at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalsuite.errors import GoldenError, Problem, did_you_mean
from evalsuite.golden.about import About, read_about
from evalsuite.golden.case import Keys, ValidateChecks, case_from
from evalsuite.golden.fields import name_problem
from evalsuite.golden.hub import read_hub
from evalsuite.golden.lines import MAX_FILE_BYTES, Entry, read_lines
from evalsuite.golden.release import FOLDER, content_key, latest_release, working_version
from evalsuite.golden.tables import read_csv, read_parquet
from evalsuite.records import Case, Json, Source
from evalsuite.wording import printable, shown_path

ABOUT = "dataset.json"
MAX_PROBLEMS = 100
"""Problems listed per file; how many more there are is said."""

SUFFIXES = (".jsonl", ".yaml", ".yml", ".csv", ".parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Golden cases in the order of their files and lines.

    `key` is the hash of the content: of each case's id and `keys`, independent of order, files and
    format. `version` is derived from it and the latest release ("1.2.0", "1.3.0-dev+4f9a01bc").
    """

    name: str
    path: Path
    cases: tuple[Case, ...]
    keys: Mapping[str, Keys]
    key: str
    version: str
    licence: str = ""
    provenance: Json = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder holds: the sound cases, and what is wrong with the others."""

    about: About = field(default_factory=About)
    cases: Sequence[Case] = ()
    keys: Mapping[str, Keys] = field(default_factory=dict)
    problems: Sequence[Problem] = ()


def load(
    folder: Path,
    *,
    name: str | None = None,
    label: str | None = None,
    validate_checks: ValidateChecks | None = None,
) -> Dataset:
    """The golden dataset in `folder`, the working set as it is on disk.

    `name` is what it is called by where that is not the folder's, `label` replaces the folder in
    messages. `validate_checks` says of a case's checks which can't be used: (field, message,
    remedy). Raises GoldenError with every problem of every file.
    """
    scanned = scan(folder, label=label, validate_checks=validate_checks)
    if scanned.problems:
        raise GoldenError(scanned.problems)
    latest = latest_release(folder)
    key = content_key(scanned.keys)
    version = working_version(latest, scanned.keys, key)
    return dataset(scanned, folder, key, version, name=name)


def dataset(
    scanned: Scan, folder: Path, key: str, version: str, *, name: str | None = None
) -> Dataset:
    """The dataset that a scan without problems found."""
    return Dataset(
        name=folder.name if name is None else name,
        path=folder,
        cases=tuple(scanned.cases),
        keys=scanned.keys,
        key=key,
        version=version,
        licence=scanned.about.licence,
        provenance=scanned.about.provenance,
        description=scanned.about.description,
    )


def scan(
    folder: Path, *, label: str | None = None, validate_checks: ValidateChecks | None = None
) -> Scan:
    """Read all files of a dataset's folder. `label` replaces the folder in messages."""
    label = shown_path(folder) if label is None else label
    if (wrong := folder_problem(folder)) is not None:
        return Scan(problems=[Problem(label, 0, "", *wrong)])
    files, problems = _listing(folder, label)
    about = About()
    if ABOUT in files:
        data, found = _data(folder / ABOUT, f"{label}/{ABOUT}")
        if not found:
            about, found = read_about(data, f"{label}/{ABOUT}", folder.name)
        problems += found
    problems += _folders(folder, label, about)
    cases: list[Case] = []
    keys: dict[str, Keys] = {}
    places: dict[str, Case] = {}
    for shown, entries, found in _readings(folder, files, about, label):
        for entry in entries:
            made = case_from(entry.value, Source(shown, entry.line), found, validate_checks)
            if made is None:
                continue
            case, case_keys = made
            if (twin := places.setdefault(case.id.casefold(), case)) is not case:
                found.append(_duplicate(case, twin, shown, entry))
            else:
                cases.append(case)
                keys[case.id] = case_keys
        if not entries and not found:
            found.append(Problem(shown, 0, "", "holds no case", "add one, or delete the file"))
        problems += _capped(sorted(found, key=lambda each: each.line), shown)
    if not cases and not problems:
        remedy = f"evalsuite golden add {folder.name} --input '…'"
        problems.append(Problem(label, 0, "", "the dataset has no case", remedy))
    return Scan(about, cases, keys, problems)


def folder_problem(folder: Path) -> tuple[str, str] | None:
    """Why a folder can't be a golden dataset (message, remedy): its name, a link, or absence."""
    if (wrong := name_problem(folder.name)) is not None:
        return wrong
    if folder.is_symlink():
        return "is a symbolic link", "put the folder itself there"
    if not folder.is_dir():
        near = folder.parent.glob("*/") if folder.parent.is_dir() else ()
        names = [each.name for each in near if not each.name.startswith(".")]
        make = f"make it: evalsuite golden add {folder.name} --input '…'"
        return "there is no such golden dataset", did_you_mean(
            folder.name, names
        ) if names else make
    return None


def _listing(folder: Path, label: str) -> tuple[list[str], list[Problem]]:
    """The names of the files to read, sorted; a problem for each that can't be one."""
    files, problems = [], []
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda each: each.name)
    for entry in entries:
        name = entry.name
        if name.startswith(".") or name.lower().endswith(".md"):
            continue
        shown = f"{label}/{printable(name)}"
        if entry.is_symlink():
            problems.append(
                Problem(shown, 0, "", "is a symbolic link", "put the file itself there")
            )
        elif entry.is_dir():
            continue
        elif not entry.is_file():
            problems.append(Problem(shown, 0, "", "is not a regular file", "remove it"))
        elif name == ABOUT or Path(name).suffix in SUFFIXES:
            files.append(name)
        else:
            known = f"cases are read from {', '.join(SUFFIXES)}; rename or move it"
            problems.append(Problem(shown, 0, "", "is not a file of cases", known))
    return files, problems


def _folders(folder: Path, label: str, about: About) -> list[Problem]:
    known = {FOLDER, about.hub.path.split("/")[0] if about.hub else FOLDER}
    names = sorted(each.name for each in folder.iterdir() if each.is_dir())
    return [
        Problem(f"{label}/{name}", 0, "", "is a folder that is not read", "move its files up")
        for name in names
        if not name.startswith(".") and name not in known and not (folder / name).is_symlink()
    ]


def _readings(
    folder: Path, files: Sequence[str], about: About, label: str
) -> list[tuple[str, list[Entry], list[Problem]]]:
    """(path as shown, entries, problems) of each file, and of a Hugging Face source."""
    readers: dict[str, Callable[[bytes, str], tuple[list[Entry], list[Problem]]]] = {
        ".jsonl": read_lines,
        ".yaml": _read_yaml,
        ".yml": _read_yaml,
        ".csv": lambda data, path: read_csv(data, path, about.fields),
        ".parquet": lambda data, path: read_parquet(data, path, about.fields),
    }
    readings = []
    for name in files:
        if name == ABOUT:
            continue
        shown = f"{label}/{printable(name)}"
        data, problems = _data(folder / name, shown)
        entries: list[Entry] = []
        if not problems:
            entries, problems = readers[Path(name).suffix](data, shown)
        readings.append((shown, entries, problems))
    if about.hub is not None:
        shown = f"{label}/{ABOUT}"
        readings.append((shown, *read_hub(about.hub, folder, shown)))
    return readings


def _read_yaml(data: bytes, path: str) -> tuple[list[Entry], list[Problem]]:
    from evalsuite.golden import yamldoc  # noqa: PLC0415 (only who has YAML files pays for it)

    return yamldoc.read(data, path)


def _data(file: Path, shown: str) -> tuple[bytes, list[Problem]]:
    try:
        size = file.stat().st_size
        if size <= MAX_FILE_BYTES:
            return file.read_bytes(), []
    except OSError as error:
        remedy = "check its permissions"
        return b"", [Problem(shown, 0, "", f"can't be read: {error.strerror}", remedy)]
    message = f"the file is {size:,} bytes long, the limit is {MAX_FILE_BYTES:,}"
    return b"", [Problem(shown, 0, "size", message, "split it")]


def _duplicate(case: Case, twin: Case, shown: str, entry: Entry) -> Problem:
    place = f"{twin.source.path}:{twin.source.line}" if twin.source else "another file"
    if isinstance(entry.value, dict) and entry.value.get("id") is None:
        message = f"the same input is at {place}, so both derive the id {case.id}"
        return Problem(shown, entry.line, "id", message, "delete one, or give this one an id")
    if case.id == twin.id:
        message = f"{case.id} is also the id at {place}"
    else:
        message = f"{case.id} differs from {twin.id} at {place} by case only"
    return Problem(shown, entry.line, "id", message, "give one of them another id")


def _capped(problems: list[Problem], shown: str) -> list[Problem]:
    extra = len(problems) - MAX_PROBLEMS
    if extra <= 0:
        return problems
    more = Problem(shown, 0, "", f"{extra} more problems", "repair the first ones, then look again")
    return [*problems[:MAX_PROBLEMS], more]
