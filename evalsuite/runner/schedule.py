"""Which case starts next: a pure account of what may start, without loop or clock.

pytest reads results in its own order, but one slow case does not hold up the others: they go on,
and what they give is held until it is read. Three things end that: too much is held, enough cases
have failed (`-x`), or the case's suite is not ready.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalsuite.records import Case
from evalsuite.runner.plan import Plan

HELD = 64 * 2**20
"""Bytes of results, roughly, that may wait to be read."""


@dataclass(slots=True, eq=False)
class Job:
    """One case that is to run. `place` counts from 0 in the order in which results are read, -1
    for one that is started when its turn comes. `look` is the look of a sequential run that it is
    read by, from 1; 0 where there are none."""

    plan: Plan
    case: Case
    place: int = -1
    look: int = 0
    started: bool = False


class Schedule:
    """`near` cases from the one that is being read may start however much is held; `enough` failed
    ones end the run, 0 if none do."""

    def __init__(self, *, near: int, enough: int) -> None:
        self.held = 0
        self.reading = 0
        self._near = near
        self._enough = enough
        self._queues: dict[Plan, deque[Job]] = {}
        self._ready: set[Plan] = set()
        self._looks: dict[Plan, int] = {}
        self._failed: list[int] = []
        self._count = 0

    def add(self, jobs: Sequence[Job]) -> None:
        """Jobs in the order in which they will be read."""
        for job in jobs:
            job.place = self._count
            self._count += 1
            self._queues.setdefault(job.plan, deque()).append(job)

    def ready(self, plan: Plan) -> None:
        """The suite's fixtures and resources are there."""
        self._ready.add(plan)

    def open_look(self, plan: Plan, look: int) -> None:
        """The suite's jobs up to this look may start; at the beginning those of the first may."""
        self._looks[plan] = look

    def failed(self, job: Job) -> None:
        """This one will fail when it is read."""
        if job.place >= 0:
            insort(self._failed, job.place)

    def next(self, plans: Iterable[Plan]) -> Job | None:
        """The first of these suites' jobs that may start, taken out; None if none may."""
        heads = [head for plan in plans if (head := self._head(plan)) is not None]
        job = min(heads, key=lambda head: head.place, default=None)
        if job is None or job.place >= self._end():
            return None
        return self._queues[job.plan].popleft()

    def _head(self, plan: Plan) -> Job | None:
        queue = self._queues.get(plan)
        while queue and queue[0].started:
            queue.popleft()
        if not queue or plan not in self._ready or queue[0].look > self._looks.get(plan, 1):
            return None
        return queue[0]

    def _end(self) -> int:
        """The place from which on nothing starts: with `-x` nothing after the last that is read."""
        end = self._count
        if self.held >= HELD:
            end = self.reading + self._near
        if self._enough and len(self._failed) >= self._enough:
            end = min(end, self._failed[self._enough - 1])
        return end
