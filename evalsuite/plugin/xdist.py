"""Under pytest-xdist each worker is dealt all its cases at once, so that it can run ahead.

Both sides compute the same deal from the worker's number: worker k of n gets every n-th case.
"""

from __future__ import annotations

from typing import Any

import pytest


def make_scheduler(config: pytest.Config, log: Any) -> Any:
    """xdist's load scheduler, but all is dealt at the start."""
    from xdist.scheduler import LoadScheduling  # noqa: PLC0415 (xdist is optional)

    class DealScheduling(LoadScheduling):  # type: ignore[misc, unused-ignore]
        collection: list[str] | None
        maxschedchunk: int | None

        def schedule(self) -> None:
            if self.collection is not None or not self._check_nodes_have_same_collection():
                super().schedule()
                return
            self.collection = next(iter(self.node2collection.values()))
            # What a crashed worker leaves is dealt on by xdist, in chunks of at most this.
            self.maxschedchunk = self.maxschedchunk or len(self.collection)
            nodes = sorted(self.nodes, key=lambda node: worker_number(node.gateway.id))
            for place, node in enumerate(nodes):
                share = list(range(place, len(self.collection), len(nodes)))
                self.node2pending[node].extend(share)
                if share:
                    node.send_runtest_some(share)
                node.shutdown()

    return DealScheduling(config, log)


def worker_number(name: str) -> int:
    """The number in "gw3"."""
    digits = name.removeprefix("gw")
    return int(digits) if digits.isdigit() else 0


def dealt(config: pytest.Config, total: int) -> range:
    """The places, of `total`, that this process is dealt: all, unless it is a worker."""
    workerinput = getattr(config, "workerinput", None)
    if workerinput is None:
        return range(total)
    return range(worker_number(workerinput["workerid"]), total, int(workerinput["workercount"]))
