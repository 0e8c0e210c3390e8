"""The nouns. Records hold, functions act: each stage makes one record out of those before it.

    Case --target--> Output --scorers--> Score --> Run --(against a Snapshot)--> Diff --> Verdict

`Diff` lives in `evalsuite.diff`, the gate's policy and `Verdict` in `evalsuite.gate`, `Report` in
`evalsuite.report`; the rest is here, and knows nothing of files, clocks or pytest.
"""

from evalsuite.records.case import (
    CHECKS,
    COMPLETION,
    STYLE,
    Case,
    Document,
    Failure,
    Json,
    Metric,
    Output,
    Score,
    Source,
    Standing,
    ToolCall,
    Usage,
)
from evalsuite.records.run import (
    Asked,
    Crossed,
    Extent,
    Looks,
    Manifest,
    ModelCalls,
    Operations,
    Part,
    Row,
    Run,
    Snapshot,
    Spent,
    Subject,
    kept,
    shared,
)

__all__ = [
    "CHECKS",
    "COMPLETION",
    "STYLE",
    "Asked",
    "Case",
    "Crossed",
    "Document",
    "Extent",
    "Failure",
    "Json",
    "Looks",
    "Manifest",
    "Metric",
    "ModelCalls",
    "Operations",
    "Output",
    "Part",
    "Row",
    "Run",
    "Score",
    "Snapshot",
    "Source",
    "Spent",
    "Standing",
    "Subject",
    "ToolCall",
    "Usage",
    "kept",
    "shared",
]
