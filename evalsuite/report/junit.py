"""The gates as a JUnit document, for build hosts that show test results.

Each gate is a test: red ones are failures, undecided ones are skipped with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from evalsuite.gate import Finding
from evalsuite.gate.verdict import BAD
from evalsuite.report.blocks import Headline
from evalsuite.report.escape import plain, visible
from evalsuite.report.reports import Report, block_of
from evalsuite.report.sentences import spread

_OPEN = ("inconclusive", "incomparable", "no baseline", "partial", "not proven", "flaky")


def render(report: Report) -> str:
    """One test suite; `time` is the run's, in seconds."""
    findings = report.verdict.findings
    head = block_of(report, Headline)
    failures = sum(finding.blocks for finding in findings)
    stuck = report.verdict.exit_code not in (0, 1)
    skipped = sum(not each.blocks and each.result in (*_OPEN, *BAD) for each in findings)
    counts = (
        f'tests="{len(findings) + 1}" failures="{failures}" errors="{int(stuck)}"'
        f' skipped="{skipped}" time="{report.candidate.operations.seconds:.3f}"'
    )
    name = _attribute(report.suite)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<testsuites {counts}>",
        f"<testsuite name={name} {counts}>",
        *_properties(report),
        f'<testcase classname={name} name="verdict" time="0">{_stuck(head, stuck)}</testcase>',
        *(_case(finding, name) for finding in findings),
        f"<system-out>{_body(plain(head.sentence))}</system-out>",
        "</testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _attribute(text: str) -> str:
    return quoteattr(visible(text))


def _body(text: str) -> str:
    return escape(visible(text))


def _properties(report: Report) -> Sequence[str]:
    run = report.candidate
    pairs = {
        "run": run.run,
        "golden": str(run.golden.get("key", "")),
        "result": report.verdict.result,
    }
    rows = [f'<property name="{name}" value={_attribute(value)}/>' for name, value in pairs.items()]
    return ["<properties>", *rows, "</properties>"]


def _stuck(head: Headline, stuck: bool) -> str:
    if not stuck:
        return ""
    return f"<error message={_attribute(head.word)}>{_body(plain(head.sentence))}</error>"


def _case(finding: Finding, suite: str) -> str:
    said = f"{finding.result}: {spread(finding)}"
    if finding.kind == "must_pass":
        said = finding.result
    if finding.reason:
        said = f"{said}; {finding.reason}"
    inner = ""
    if finding.blocks:
        fell = "".join(f"\n{each}" for each in finding.fell[:20])
        inner = f"<failure message={_attribute(said)}>{_body(said + fell)}</failure>"
    elif finding.result in _OPEN or finding.result in BAD:
        inner = f"<skipped message={_attribute(said)}/>"
    name = _attribute(f"gate[{finding.name}]")
    return f'<testcase classname={suite} name={name} time="0">{inner}</testcase>'
