"""A seed comes from what is run, never from how much ran before it.

So order, `-k`, workers and `gather` can't change an answer of a backend that honours seeds.
"""

from __future__ import annotations

import hashlib


def derive(root: int, *path: str | int) -> int:
    """A 32-bit seed for the thing at `path`, e.g. (case id, trial, request key, occurrence).

    Each part is hashed with its length, so ("a", "bc") and ("ab", "c") differ.
    """
    digest = hashlib.blake2b(str(root).encode(), digest_size=4)
    for part in path:
        data = str(part).encode()
        digest.update(b"%d:" % len(data) + data)
    return int.from_bytes(digest.digest(), "big")
