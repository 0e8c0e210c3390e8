"""An environment with a package that looks like ragas from outside, for what a real one never does:
to print, to hang, to end, to lie about its version. Real metrics are in test_ragas_metrics.py."""

from __future__ import annotations

import textwrap
import venv
from pathlib import Path

METRICS = """
import asyncio, os, sys

class BaseMetric:
    allowed_values = (0.0, 1.0)
    def __init__(self, llm): self.llm = llm

class Result:
    def __init__(self, value, reason=""): self.value, self.reason = value, reason

class Schema:
    @classmethod
    def model_json_schema(cls): return {"title": "Said", "type": "object",
                                        "properties": {"score": {"type": "number"}}}
    @classmethod
    def model_validate(cls, value): return value

class Asks(BaseMetric):
    async def ascore(self, user_input: str, response: str):
        print("noise on the standard output")
        asked = [self.llm.agenerate(f"{user_input} {n}", Schema) for n in "12"]
        said = await asyncio.gather(*asked)
        return Result(sum(each["score"] for each in said) / 10)

class Ends(BaseMetric):
    async def ascore(self, user_input: str, response: str):
        sys.stderr.write("out of memory, says key canary-key-1234567890")
        sys.stderr.flush()
        os._exit(3)

class Hangs(BaseMetric):
    async def ascore(self, user_input: str, response: str):
        open(os.environ["HOME"] + "/pid", "w").write(str(os.getpid()))
        await asyncio.sleep(600)

class Repeats(BaseMetric):
    async def ascore(self, user_input: str, response: str):
        return Result(None, str(len(response)))

class Numbers(BaseMetric):
    async def ascore(self, user_input: str, response: str):
        return Result(None, str(os.getpid()))

class NumbersToo(Numbers): ...

class Tells(BaseMetric):
    async def ascore(self, user_input: str, response: str):
        return Result(None, " ".join(sorted(os.environ)))
"""
FILES = {
    "ragas/__init__.py": "",
    "ragas/_analytics.py": """
        import functools, os
        @functools.lru_cache
        def do_not_track(): return os.environ.get("RAGAS_DO_NOT_TRACK") == "true"
    """,
    "ragas/llms/__init__.py": "",
    "ragas/llms/base.py": "class InstructorBaseRagasLLM: ...",
    "ragas/metrics/__init__.py": "",
    "ragas/metrics/collections.py": METRICS,
}


def environment(folder: Path, version: str = "0.4.3", **files: str) -> str:
    """The interpreter of a new environment; `files` are added, "__" standing for a slash."""
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    added = {name.replace("__", "/") + ".py": text for name, text in files.items()}
    about = {
        f"ragas-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: ragas\n"
        f"Version: {version}\n"
    }
    for name, text in {**FILES, **added, **about}.items():
        file = packages / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    return str(folder / "bin" / "python")
