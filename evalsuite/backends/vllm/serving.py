"""How a server is started: the command line of `vllm serve`, pinned as far as it can be.

A seed pins an answer only where the engine computes a request alone as it does among others, so
whatever the platform knows for that is switched on.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from evalsuite.errors import OptionError
from evalsuite.records import Json

COMMAND = "VLLM_COMMAND"
"""The environment variable that says how vLLM is run, where it is not `vllm` on the PATH."""

FLAGS = ("revision", "dtype", "quantization", "max_model_len", "enforce_eager", "flags")
"""Parameters that say how a server is started. `flags` is more of its command line, as text."""

_INVARIANT = 8.0
"""NVIDIA's compute capability from which vLLM can make answers independent of their batch."""

GRAMMAR = '{"backend":"xgrammar","disable_any_whitespace":true}'
"""A weak model that may write any white space as JSON writes nothing else."""


def command(model: str, flags: Mapping[str, Json], *, cpu: bool) -> list[str]:
    """The command that serves `model`, but for its port."""
    line = [*program(), "serve", model, "--served-model-name", model, "--host", "127.0.0.1"]
    line += [
        "--seed",
        "0",
        "--structured-outputs-config",
        GRAMMAR,
        "--enable-prompt-tokens-details",
    ]
    if cpu:  # a seeded request that is prefilled in two parts ends the engine there
        line.append("--no-enable-chunked-prefill")
    for name in FLAGS[:-1]:
        if name in flags:
            line += _flag(name.replace("_", "-"), flags[name])
    return line + shlex.split(str(flags.get("flags", "")))


def _flag(name: str, value: Json) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", str(value)]


def program() -> list[str]:
    """How vLLM is run; OptionError names the remedies where it is not installed."""
    given = shlex.split(os.environ.get(COMMAND, ""))
    beside = Path(sys.executable).with_name("vllm")
    found = given[0] if given else "vllm"
    place = shutil.which(found) or (str(beside) if not given and beside.exists() else None)
    if place is None:
        raise OptionError(
            f'backend "vllm:MODEL" starts a server with "{found}", which is not on the PATH: '
            f"install vLLM, say how it is run in {COMMAND}, or name a server that is there: "
            "vllm:MODEL@URL"
        )
    return [place, *given[1:]]


def capability() -> float | None:
    """The smallest compute capability of this machine's NVIDIA GPUs, None without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    asked = [tool, "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        told = subprocess.run(  # noqa: S603 (a fixed command)
            asked, capture_output=True, text=True, timeout=30, check=True
        ).stdout
        return min((float(line) for line in told.split()), default=None)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def on_cpu(found: float | None) -> bool:
    """Whether there is no GPU: neither NVIDIA's, of which `found` tells, nor AMD's."""
    return found is None and not Path("/dev/kfd").exists()


def environment(found: float | None) -> dict[str, str]:
    """What pins by environment, unless it is set already."""
    if found is None or found < _INVARIANT or "VLLM_BATCH_INVARIANT" in os.environ:
        return {}
    return {"VLLM_BATCH_INVARIANT": "1"}
