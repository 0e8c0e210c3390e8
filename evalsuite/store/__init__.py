"""One sqlite file is cache, journal and recording: nothing paid for is lost or paid twice.

One process writes the file, the one that holds its lock. SQLite before 3.51.3 can corrupt a
write-ahead log that two connections write at once, and many Pythons link an older one; so every
further process writes a side file of its own, which the next holder of the lock merges. All read
all files, and who asks for a reply claims it, so that it is asked for once.

Entries are verified when read: what is damaged or foreign is a counted miss, never an answer.
Deleting the folder is always safe: it costs calls, not correctness.
"""

from __future__ import annotations

from evalsuite.store.file import Kind
from evalsuite.store.store import Store

__all__ = ["Kind", "Store"]
