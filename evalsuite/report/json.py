"""The report for machines; `report.schema.json` beside this file is its published schema."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from evalsuite.gate.sensitivity import drops_of
from evalsuite.records import Json, Looks, Manifest
from evalsuite.report.blocks import Answers, CaseLine, Cases, Headline, Heat
from evalsuite.report.escape import plain
from evalsuite.report.reports import Report, block_of
from evalsuite.stats.trials import Tries

VERSION = 1


def render(report: Report) -> str:
    """One JSON document, ASCII only. Figures are numbers on the [0, 1] scale, or null."""
    return json.dumps(document(report), allow_nan=False, separators=(",", ":")) + "\n"


def document(report: Report) -> dict[str, Any]:
    """What `render` writes, as plain values."""
    head = block_of(report, Headline)
    cases = block_of(report, Cases)
    shown, heat = block_of(report, Answers), block_of(report, Heat)
    verdict = report.verdict
    return {
        "schema": VERSION,
        "suite": report.suite,
        "result": verdict.result,
        "exit_code": verdict.exit_code,
        "blocked": verdict.blocks,
        "sentence": plain(head.sentence),
        "lines": [{"label": line.label, "text": plain(line.text)} for line in head.lines],
        "counts": {
            "changed": verdict.changed,
            "moved": verdict.moved,
            "slices_compared": verdict.slices_compared,
            "naive_slices": verdict.naive_slices,
            "by_kind": Counter(line.kind for line in cases.lines),
        },
        "changes": [asdict(change) for change in report.subject],
        "findings": [{**asdict(each), "blocks": each.blocks} for each in verdict.findings],
        "run": _manifest(report.candidate),
        "baseline": None if report.baseline is None else _manifest(report.baseline),
        "judges": {
            name: {**asdict(each), "corrected": list(each.corrected), "pairs": list(each.pairs)}
            for name, each in report.candidate.judges.items()
        },
        "variances": [
            {"metric": metric, "slice": row.slice, "variance": cell.variance}
            for row in heat.rows
            for metric, cell in zip(heat.metrics, row.cells, strict=True)
            if cell.variance is not None
        ],
        "tries": [_tries(each) for each in report.tried],
        "failures": [
            {"class": name, "before": before, "after": after}
            for name, (before, after) in report.failed.items()
        ],
        "attributions": [asdict(each) for each in report.attributions],
        "guardrails": [asdict(each) for each in report.guarded],
        "costs": [asdict(each) for each in report.costs],
        "metrics": list(cases.metrics),
        "cases": [_case(line, cases.metrics) for line in cases.lines],
        "answers": [
            {
                "id": answer.id,
                "remark": answer.remark,
                "crossed": plain(answer.crossed),
                "documents": plain(answer.documents),
                "diff": [[piece.op, piece.text] for piece in answer.pieces],
                "judged": [{"label": line.label, "text": plain(line.text)} for line in answer.said],
            }
            for answer in shown.items
        ],
        "commands": asdict(report.commands),
    }


def _manifest(manifest: Manifest) -> dict[str, Json]:
    return {
        "run": manifest.run,
        "created": manifest.created,
        "golden": dict(manifest.golden),
        "expected": manifest.expected,
        "trials": manifest.trials,
        "seed": manifest.seed,
        "partial": manifest.partial,
        "complete": manifest.complete,
        "replayed": manifest.replayed,
        "stopped": manifest.stopped,
        "sequential": None if manifest.looks is None else _looks(manifest.looks),
        "again": manifest.again,
        "tier": manifest.tier,
        "notes": list(manifest.notes),
        "versions": dict(manifest.versions),
        "detectable": drops_of(manifest),
        "operations": asdict(manifest.operations),
    }


def _looks(looks: Looks) -> dict[str, Json]:
    return {
        "sizes": list(looks.sizes),
        "ended": looks.ended,
        "read": looks.read,
        "cases": len(looks.order),
        "reason": looks.reason,
    }


def _tries(found: Tries) -> dict[str, Json]:
    both = {"pass_at_k": found.at_least_one, "pass_all_k": found.all}
    kept = ("value", "low", "high", "n", "clusters")
    return {
        "k": found.k,
        "lack": found.lack,
        **{
            name: None if each is None else {field: getattr(each, field) for field in kept}
            for name, each in both.items()
        },
    }


def _case(line: CaseLine, metrics: Any) -> dict[str, Any]:
    return {
        "id": line.id,
        "kind": line.kind,
        "slices": dict(line.slices),
        "before": dict(zip(metrics, line.before, strict=True)),
        "after": dict(zip(metrics, line.after, strict=True)),
        "variance": dict(zip(metrics, line.variance, strict=True)) if line.variance else {},
        "note": line.note,
    }
