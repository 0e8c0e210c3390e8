"""git, asked about the repository that a folder lies in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 60
_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def run(
    folder: Path,
    *arguments: str,
    data: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> tuple[bytes | None, str]:
    """What git prints, given `data` and more of an environment, or None and why not; without git
    the reason is empty."""
    # A hook's GIT_DIR would point away from the folder's own repository.
    inherited = {name: value for name, value in os.environ.items() if name not in _REPOSITORY}
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments that the callers check
            ["git", "-C", str(folder), "--no-pager", *arguments],  # noqa: S607 - the user's own git
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            env={**inherited, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **(environment or {})},
            check=False,
        )
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"git could not be run: {error}"
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        return None, reason or f"git ended with status {done.returncode}"
    return done.stdout, ""


def line(folder: Path, *arguments: str) -> str:
    """The one line that git prints; empty if it fails."""
    found, _ = run(folder, *arguments)
    return "" if found is None else found.decode("utf-8", "replace").strip()
