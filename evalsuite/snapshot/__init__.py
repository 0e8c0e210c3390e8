"""The folder format of runs and snapshots, what git knows of them, and how a snapshot changes.

A snapshot is a run that was reviewed and committed: `snapshots/SUITE/` and the folder of a run
hold the same three files, so whatever reads one reads the other.
"""

from __future__ import annotations

from evalsuite.snapshot.accept import accept, as_kept, merged, pass_rate, refusal, unchanged
from evalsuite.snapshot.calls import calls_of, write_calls
from evalsuite.snapshot.evidence import Evidence, read_evidence, write_evidence
from evalsuite.snapshot.folder import (
    Head,
    Source,
    load,
    read_head,
    read_outputs,
    read_spent,
    shown,
)
from evalsuite.snapshot.history import expected_snapshot, remember, snapshot_folder
from evalsuite.snapshot.outputs import output_key
from evalsuite.snapshot.past import Past, past_snapshots
from evalsuite.snapshot.refs import newest_invocation, note_begun, open_ref, stored_runs, suites_of
from evalsuite.snapshot.resolve import Merge, conflicted, merge, resolve
from evalsuite.snapshot.results import read_results
from evalsuite.snapshot.revisions import Revision
from evalsuite.snapshot.topping import ToppedUp, topped_up, untoppable
from evalsuite.snapshot.writer import Writer, write

__all__ = [
    "Evidence",
    "Head",
    "Merge",
    "Past",
    "Revision",
    "Source",
    "ToppedUp",
    "Writer",
    "accept",
    "as_kept",
    "calls_of",
    "conflicted",
    "expected_snapshot",
    "load",
    "merge",
    "merged",
    "newest_invocation",
    "note_begun",
    "open_ref",
    "output_key",
    "pass_rate",
    "past_snapshots",
    "read_evidence",
    "read_head",
    "read_outputs",
    "read_results",
    "read_spent",
    "refusal",
    "remember",
    "resolve",
    "shown",
    "snapshot_folder",
    "stored_runs",
    "suites_of",
    "topped_up",
    "unchanged",
    "untoppable",
    "write",
    "write_calls",
    "write_evidence",
]
