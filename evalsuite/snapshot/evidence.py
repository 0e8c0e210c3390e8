"""What scorers showed for their values: verdicts, claims, raw replies. A list beside the run, never
in a committed snapshot, where it would be most of each diff."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalsuite.records import Json
from evalsuite.snapshot.codec import decoder, dump, parse, to_json
from evalsuite.snapshot.folder import Source
from evalsuite.strictjson import Malformed

EVIDENCE = "evidence.jsonl"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one score of a case and trial rests on; `evidence` as in Score."""

    id: str
    metric: str
    trial: int
    evidence: Sequence[Mapping[str, Json]]


def write_evidence(folder: Path, found: Iterable[Evidence]) -> None:
    """Write a finished run's evidence, a line each; no file where there is none."""
    file = folder / EVIDENCE
    lines = [dump(to_json(each)) + b"\n" for each in found]
    if lines:
        file.write_bytes(b"".join(lines))
    else:
        file.unlink(missing_ok=True)


def read_evidence(source: Source, ids: Collection[str]) -> dict[str, list[Evidence]]:
    """The evidence of these cases by id. A snapshot has none, and a line that is damaged is left
    out: nothing is decided by it."""
    found: dict[str, list[Evidence]] = {}
    if not isinstance(source, Path) or not (source / EVIDENCE).is_file():
        return found
    with (source / EVIDENCE).open("rb") as handle:
        for line in handle:
            try:
                each: Evidence = decoder(Evidence)(parse(line))
            except Malformed:
                continue
            if each.id in ids:
                found.setdefault(each.id, []).append(each)
    return found
