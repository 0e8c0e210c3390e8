"""What cases run on: a suite's bench, and what all suites of a process share behind it.

One store per state folder, one fingerprint per root, one lane per model behind one endpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from evalsuite.backends import open_backend
from evalsuite.backends.base import Backend
from evalsuite.backends.budget import Budget
from evalsuite.backends.calls import QUIET, Halt
from evalsuite.backends.lane import Lane, Limits, Resilient
from evalsuite.backends.llm import LLM
from evalsuite.backends.metered import Counted, Metered
from evalsuite.backends.probe import Sampled
from evalsuite.backends.recording import Recorded
from evalsuite.backends.starting import Started
from evalsuite.canonical import key
from evalsuite.errors import DataError, EvalsuiteError, OptionError
from evalsuite.records import Part
from evalsuite.runner.answer import Bench, base_key, written_before
from evalsuite.runner.fingerprint import Fingerprint, fingerprint, salt_from
from evalsuite.runner.plan import Plan
from evalsuite.runner.score import aside
from evalsuite.runner.watch import Watch
from evalsuite.scoring import takes_llm
from evalsuite.store import Store


class Benches:
    """Makes benches. `share` is the part of all limits that this process may use, above 0 to 1."""

    def __init__(
        self,
        *,
        concurrency: int,
        share: float,
        arguments: Sequence[str],
        watch: Watch,
        threads: Executor,
        halt: Halt,
        budget: Mapping[str, float],
        calls: bool = True,
    ) -> None:
        self._concurrency = concurrency
        self._share = share
        self._arguments = arguments
        self._watch = watch
        self._threads = threads
        self._halt = halt
        self._calls = calls
        self._budget = Budget(budget, halt, round(1 / share))
        self._stores: dict[Path, Store] = {}
        self._prints: dict[Path, Fingerprint] = {}
        self._lanes: dict[str, Lane] = {}
        self._backends: dict[tuple[Path, str, bool], Backend] = {}
        self._sampled: list[Backend] = []
        self._opened: list[Backend] = []

    async def open(self, plan: Plan) -> Bench:
        """A suite's bench; EvalsuiteError if one can't be made. On the loop that will use it."""
        token = QUIET.set(True)
        try:
            config = plan.config
            if config.state_dir not in self._stores:
                recordings = [config.root / each for each in config.recordings]
                self._stores[config.state_dir] = Store(config.state_dir, recordings)
            store = self._stores[config.state_dir]
            found = self._fingerprint(plan, store)
            roles = {role: self._recorded(plan, role, store) for role in plan.specs}
        finally:
            QUIET.reset(token)
        own = (config.report_dir, config.state_dir)
        ignored = (*(os.path.join(each, "") for each in own), *_caches(config.root))  # noqa: PTH118
        self._watch.cover({*found.files, *plan.covered}, ignored)
        identities = {role: each.backend.identity for role, each in sorted(roles.items())}
        return Bench(
            plan=plan,
            store=store,
            llm=LLM(roles, asyncio.get_running_loop()),
            watch=self._watch,
            base=base_key(plan, key("code", [found.key, identities])),
            threads=self._threads,
            halt=self._halt,
            lanes=frozenset(filter(None, (_lane_of(each.backend) for each in roles.values()))),
            sure=all(_sure(each.backend) for each in roles.values()),
            aside=[aside(scorer) for scorer in plan.scorers],
            asking=[takes_llm(scorer) for scorer in plan.scorers],
            sources=found.files,
            parts=found.parts,
            models={
                role: Part(key("model", each.backend.identity), plan.specs[role])
                for role, each in sorted(roles.items())
            },
            unpinned=frozenset(_named(r.backend) for r in roles.values() if _varies(r.backend)),
            sampled=frozenset(
                _named(r.backend) for r in roles.values() if r.backend in self._sampled
            ),
        )

    def _fingerprint(self, plan: Plan, store: Store) -> Fingerprint:
        config = plan.config
        if config.root not in self._prints:
            salt = salt_from(store.get("note", "salt"))
            store.put("note", "salt", salt)
            store.flush()
            own = [
                config.golden_dir,
                config.snapshot_dir,
                config.report_dir,
                config.state_dir,
                config.judge_dir,
            ]
            self._prints[config.root] = fingerprint(
                config.root,
                own=own,
                arguments=self._arguments,
                salt=salt,
                written=written_before(store),
            )
        return self._prints[config.root]

    def _recorded(self, plan: Plan, role: str, store: Store) -> Recorded:
        spec = plan.specs[role]
        # A suite in which nobody asks for a model, a retriever's say, needs no key for one.
        asks = "llm" in plan.suite.wants or any(map(takes_llm, plan.scorers))
        calls = asks and plan.config.replay != "only" and self._calls
        place = (plan.config.root, spec, calls)
        if place not in self._backends:
            try:
                opened = open_backend(spec, calls=calls, state=plan.config.state_dir)
                self._backends[place] = self._chain(opened, plan)
                self._opened.append(opened)
            except EvalsuiteError as error:
                suite = plan.suite
                where = f'{suite.file}:{suite.line}: suite {suite.name}: backend of role "{role}"'
                raise OptionError(f"{where}: {error}") from None
        return Recorded(self._backends[place], store, plan.config.replay == "only", self._halt)

    def _chain(self, backend: Backend, plan: Plan) -> Backend:
        """The backends around a provider's: each call is priced and budgeted, and goes through
        the lane of its model. What answers in this process has no price and needs no lane."""
        if backend.capabilities.deterministic:
            return Counted(backend, self._budget)
        config, lane_name = plan.config, _lane_of(backend)
        provider = str(backend.identity["provider"])
        names = (provider, f"{provider}:{backend.identity.get('model')}")
        rates = {k: v for name in names for k, v in config.limits.get(name, {}).items()}
        if lane_name not in self._lanes:
            most = rates.pop("concurrency", None)
            limits = Limits(
                concurrency=self._concurrency if most is None else max(1, int(most * self._share)),
                patience=config.patience,
                **{name: rate * self._share for name, rate in rates.items()},
            )
            self._lanes[lane_name] = Lane(lane_name, limits, self._halt)
        metered = Metered(backend, self._budget, config.prices)
        preflight = getattr(backend, "preflight", None)
        made: Backend = Resilient(metered, self._lanes[lane_name], preflight)
        # Answers that are compared rest on what the sample measures; a budget is for the cases.
        samples = plan.baseline is not None and not self._budget.counts
        if samples:
            made = Sampled(made)
        start = getattr(backend, "start", None)
        made = Started(made, start, self._halt) if start else made
        if samples and made.capabilities.seed:
            self._sampled.append(made)
        return made

    @property
    def state(self) -> str:
        """What a backend waits for, a server that starts say; "" for nothing."""
        states = (getattr(backend, "state", "") for backend in self._opened)
        return next(filter(None, states), "")

    async def close(self) -> None:
        """Let go of the backends, on their loop."""
        for backend in self._backends.values():
            with contextlib.suppress(Exception):
                await backend.close()

    def close_stores(self) -> list[str]:
        """Commit what is finished; the lines that the stores report."""
        lines = []
        for store in self._stores.values():
            try:
                store.close()
            except DataError as error:  # a full disk: the run has ended for it, or says so now
                lines.append(str(error))
            lines += store.reports
        return [*lines, *filter(None, (lane.summary for lane in self._lanes.values()))]


def _lane_of(backend: Backend) -> str:
    """The name of the lane that a backend's calls go through, "" if they need none."""
    if backend.capabilities.deterministic:
        return ""
    identity = backend.identity
    return f"{identity['provider']}:{identity.get('model')}@{identity.get('url')}"


def _named(backend: Backend) -> str:
    return f"{backend.identity['provider']}:{backend.identity.get('model')}"


def _varies(backend: Backend) -> bool:
    """Whether an equal request may get another answer, and nothing can be said against it."""
    return not backend.capabilities.seed and not backend.capabilities.deterministic


def _sure(backend: Backend) -> bool:
    """Whether a further trial is known to give the same answer."""
    return backend.capabilities.deterministic and not backend.capabilities.seed


def _caches(root: Path) -> tuple[str, ...]:
    """Folders below the root that tools write into."""
    names = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")
    return tuple(os.path.join(root, name, "") for name in names)  # noqa: PTH118
