"""Where a store can lie: locks and a log in shared memory do not hold across machines."""

from __future__ import annotations

import re
from pathlib import Path

from evalsuite.errors import DataError

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "fuse.sshfs", "glusterfs", "lustre"}
)


def check_place(folder: Path) -> None:
    """DataError if the folder is known to lie on a network drive."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:  # only Linux tells
        return
    kind = network(mounts, folder.resolve())
    if kind is not None:
        raise DataError(
            f"{folder}: lies on a network drive ({kind}), where a killed or a second run could "
            "damage the store (make it a link to a folder on a local disk)"
        )


def network(mounts: str, folder: Path) -> str | None:
    """The kind of network file system that a folder lies on, by the system's list of mounts."""
    found = ("", "")
    for line in mounts.splitlines():
        _, place, kind, *_ = (re.sub(r"\\(\d{3})", _letter, part) for part in line.split(" "))
        if folder.is_relative_to(place) and len(place) >= len(found[0]):
            found = (place, kind)
    return found[1] if found[1] in _NETWORK else None


def _letter(octal: re.Match[str]) -> str:
    return chr(int(octal[1], 8))
