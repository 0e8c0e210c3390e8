"""How long golden data takes: python benchmarks/golden_load.py [CASES]

Writes CASES (default 100,000) typical cases to a temporary folder, and reports the processor time
to load and hash them, and to lint the first 10,000.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from evalsuite.golden import load
from evalsuite.golden.lint import lint


def line(number: int) -> str:
    """A case of about 300 bytes, as in a typical question-answering set."""
    return json.dumps(
        {
            "id": f"case-{number}",
            "input": {"question": f"How long is leave of kind {number}, and who approves it?"},
            "expected": f"{number} weeks, paid",
            "checks": [{"contains": f"{number} weeks"}, {"not": {"contains": "I don't have"}}],
            "relevant": [f"leave#{number % 97}"],
            "slices": {"topic": f"topic-{number % 8}", "kind": "ordinary"},
        }
    )


def main() -> None:
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as root:
        for name, count in (("large", cases), ("linted", min(cases, 10_000))):
            folder = Path(root, name)
            folder.mkdir()
            (folder / "cases.jsonl").write_text("\n".join(map(line, range(count))) + "\n")
        start = time.process_time()
        loaded = load(Path(root, "large"))
        middle = time.process_time()
        lint(Path(root, "linted"))
        end = time.process_time()
    each = (middle - start) / len(loaded.cases) * 1e6
    sys.stdout.write(
        f"load and hash {len(loaded.cases):,} cases: {middle - start:.2f} s, {each:.0f} us each\n"
        f"lint {min(cases, 10_000):,} cases: {end - middle:.2f} s\n"
    )


if __name__ == "__main__":
    main()
