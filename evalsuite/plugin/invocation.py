"""One invocation of pytest with `--evals`: what its parts share."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalsuite.config import Config, load_config
from evalsuite.errors import OptionError
from evalsuite.plugin.translate import arguments_of, options_of
from evalsuite.runner.fitting import deadline_of
from evalsuite.runner.plan import Plan, with_options


class Invocation:
    """`worker` is what xdist's controller gave this worker, None elsewhere; `controller` that the
    cases run in workers; `plans` the suites that were collected; `refused` an exit status above 0
    once something could not be read, written or opened, `causes` what is said of it;
    `sequential` that the run may end early, `deadline` by when it is to end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.controller = bool(config.getoption("numprocesses", None) or config.getoption("tx", []))
        self.controller = self.controller and self.worker is None
        self.options = options_of(config)
        self.sequential = bool(config.getoption("evals_sequential"))
        if self.sequential and (self.controller or self.worker is not None):
            raise pytest.UsageError(
                "--evals-sequential looks at one run in one order, and cases that are dealt to "
                "xdist's workers have none: run it without -n"
            )
        try:
            text = config.getoption("evals_deadline")
            self.deadline = None if text is None else deadline_of(text)
        except OptionError as error:
            raise pytest.UsageError(str(error)) from None
        if config.getoption("evals_plan") and (self.controller or self.worker is not None):
            raise pytest.UsageError("--evals-plan rehearses one run in one process: leave out -n")
        self.run = self.worker["evalsuite"]["run"] if self.worker else run_id()
        self.arguments = arguments_of(config, self.worker)
        self.plans: dict[tuple[Path, str], Plan] = {}
        self.session: pytest.Session | None = None
        self.refused = 0
        self.causes: list[str] = []

    def plan_of(self, nodeid: str) -> Plan | None:
        """The suite of that nodeid, if this process has collected it."""
        return next((plan for plan in self.plans.values() if plan.nodeid == nodeid), None)

    def settings_of(self, nodeid: str) -> Config:
        """A suite's settings, also where it was collected by workers alone."""
        plan = self.plan_of(nodeid)
        if plan is not None:
            return plan.config
        file = self.config.rootpath / nodeid.split("::", maxsplit=1)[0]
        return with_options(load_config(file.parent), self.options)

    def refuse(self, message: str, status: int) -> None:
        """End the session with a message and a status; a worker leaves both to its controller,
        for which a worker that exits has crashed."""
        self.refused = max(self.refused, status)
        self.causes.append(message)
        if self.worker is None:
            pytest.exit(message, returncode=status)
        assert self.session is not None
        self.session.shouldstop = message


def run_id() -> str:
    """Sorts by time, to the millisecond; unique beside runs of the same one."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03}{secrets.token_hex(2)}"
