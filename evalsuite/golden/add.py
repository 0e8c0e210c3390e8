"""Adds one case: one line at the end of one file, with an id that it keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalsuite.errors import GoldenError, Problem
from evalsuite.golden.case import ValidateChecks, case_from
from evalsuite.golden.dataset import scan
from evalsuite.golden.fields import FIELDS, name_problem
from evalsuite.records import Case, Json, Source

_NEW = "new case"
_ATTRIBUTES = (
    "# Two branches that each add a case merge without a conflict: both lines stay.\n"
    "*.jsonl merge=union\n"
)


@dataclass(frozen=True, slots=True)
class Added:
    """Where a case was written; `created` are the other files that had to be made."""

    case: Case
    file: Path
    created: Sequence[Path]


def add(
    golden_dir: Path,
    name: str,
    written: Mapping[str, Json],
    *,
    validate_checks: ValidateChecks | None = None,
) -> Added:
    """Append `written`, an object as in JSON Lines, to the dataset `name`; made if it is new.

    It goes into cases.jsonl, or into the only .jsonl file that there is. Raises GoldenError if the
    case is not sound, if its id or input is there already, or if the dataset doesn't load.
    """
    folder = golden_dir / name
    if (wrong := name_problem(name)) is not None:
        raise GoldenError([Problem(name if name.isprintable() else ascii(name), 0, "", *wrong)])
    problems: list[Problem] = []
    made = case_from(dict(written), Source(_NEW, 0), problems, validate_checks)
    if made is None:
        raise GoldenError(problems)
    case = made[0]
    if folder.exists() and any(folder.iterdir()):
        _check_free(case, folder, validate_checks)
    file = _file(folder)
    created = _prepare(golden_dir, folder, file)
    given = {"id": case.id, **written, **({} if written.get("id") else {"id": case.id})}
    line = json.dumps({each: given[each] for each in FIELDS if each in given}, ensure_ascii=False)
    before = file.read_bytes() if file.exists() else b""
    newline = "\r\n" if before.endswith(b"\r\n") else "\n"
    start = newline if before and not before.endswith(b"\n") else ""
    with file.open("ab") as out:
        out.write(f"{start}{line}{newline}".encode())
    return Added(case, file, created)


def _check_free(case: Case, folder: Path, validate_checks: ValidateChecks | None) -> None:
    scanned = scan(folder, validate_checks=validate_checks)
    if scanned.problems:
        raise GoldenError(scanned.problems)
    for other in scanned.cases:
        if other.id.casefold() == case.id.casefold():
            place = f"{other.source.path}:{other.source.line}" if other.source else "it"
            same = other.input == case.input
            message = f"{other.id} is there already, at {place}"
            remedy = "edit that line instead" if same else "choose another id"
            raise GoldenError([Problem(_NEW, 0, "input" if same else "id", message, remedy)])


def _file(folder: Path) -> Path:
    files = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    return files[0] if len(files) == 1 else folder / "cases.jsonl"


def _prepare(golden_dir: Path, folder: Path, file: Path) -> list[Path]:
    """Make the folders, and tell git how to merge, where nobody has said so yet."""
    folder.mkdir(parents=True, exist_ok=True)
    created = [] if file.exists() else [file]
    attributes = golden_dir / ".gitattributes"
    if not attributes.exists():
        attributes.write_text(_ATTRIBUTES, encoding="utf-8", newline="\n")
        created.append(attributes)
    return created
