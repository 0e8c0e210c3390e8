"""The pytest plugin's door: options, and nothing else until `--evals` is given.

Every pytest run of a user's project imports this module, so it imports nothing but pytest.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest

_OPTIONS = (
    *("backend", "concurrency", "timeout", "seed", "trials", "sequential", "budget", "replay"),
    *("release", "changed", "plan", "tier", "deadline"),
)
_SUITES = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("evals", "LLM evaluations (evalsuite)")
    group.addoption(
        "--evals",
        action="store_true",
        help="run the eval suites (and only them): cases, snapshots, gates, report",
    )
    group.addoption(
        "--evals-backend",
        action="append",
        metavar="[ROLE=]SPEC",
        help='the model to run on, e.g. "embedded", "openai:MODEL", "fast=openai:MODEL@URL"; '
        "setting: backends",
    )
    group.addoption(
        "--evals-concurrency",
        type=int,
        metavar="N",
        help="answers at once (default 20); setting: concurrency",
    )
    group.addoption(
        "--evals-timeout",
        type=float,
        metavar="SECONDS",
        help="what one trial of a case may take (default 300); setting: timeout",
    )
    group.addoption(
        "--evals-seed",
        type=int,
        metavar="N",
        help="the root of all seeds (default 0); setting: seed",
    )
    group.addoption(
        "--evals-trials",
        type=int,
        metavar="N",
        help="ask each case N times, whatever its suite says; with a snapshot of 5 trials, cases "
        "that moved are asked again before a gate is left undecided; setting: trials",
    )
    group.addoption(
        "--evals-sequential",
        action="store_true",
        default=None,
        help="take cases in a drawn order, look at the gates after a quarter, a half and three "
        "quarters of them, and end the run once the verdict is decided",
    )
    group.addoption(
        "--evals-budget",
        action="append",
        metavar="LIMIT",
        help='end the run at "2.50usd", "500calls", "200000tokens" or "10minutes" (joined by '
        "commas, or given again): it is inconclusive, and the same command goes on; "
        "setting: budget",
    )
    group.addoption(
        "--evals-release",
        metavar="REF",
        help='compare with a pinned run too, such as "git:v1.2", and let it block: for the main '
        "branch and nightly runs, each family at half of the level; as a setting (release) it "
        "informs",
    )
    group.addoption(
        "--evals-changed",
        action="store_true",
        default=None,
        help="leave out suites that are proven to say what their snapshots say: nothing that they "
        "depend on has changed since a run that found nothing worse",
    )
    group.addoption(
        "--evals-tier",
        metavar="NAME",
        help="run the tier of that name of each suite that has it: its cases, scorers, trials and "
        'gates; "" for all of the suite; setting: tier',
    )
    group.addoption(
        "--evals-deadline",
        metavar="TIME",
        help='run the largest tier that is expected to end within "10m" ("90s", "1.5h"), and say '
        "what it gives up against the whole suite",
    )
    group.addoption(
        "--evals-plan",
        action="store_true",
        default=None,
        help="say what would run, how many model calls it makes and what they cost, and end "
        "without a call",
    )
    group.addoption(
        "--evals-replay",
        choices=("only",),
        help="only: answer every model call from the store, ask nothing; setting: replay",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """With `--evals`, what conftests read while they are imported is watched too."""
    given = early_config.known_args_namespace
    if not given.evals or given.help or given.version:
        return
    from evalsuite.plugin.session import begin_watch  # noqa: PLC0415 (heavy: only when asked)

    begin_watch(early_config)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "evals_slice(**slices): the slices of an eval case, set by evalsuite"
    )
    if not config.getoption("evals") or config.option.help or config.option.version:
        given = [name for name in _OPTIONS if config.getoption(f"evals_{name}") is not None]
        if given:
            raise pytest.UsageError(f"--evals-{given[0]} does nothing without --evals")
        return
    from evalsuite.plugin.session import start  # noqa: PLC0415 (heavy: only when asked)

    start(config)


def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> list[Any] | None:
    """Without `--evals`, a suite is noticed and nothing more."""
    suites = sys.modules.get("evalsuite.suites")
    if suites is None or not isinstance(obj, suites.Suite):
        return None
    if collector.config.getoption("evals"):
        return None
    collector.config.stash.setdefault(_SUITES, {})[name] = str(collector.path)
    return []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    suites = config.stash.get(_SUITES, {})
    if suites:
        noun = "suite was" if len(suites) == 1 else "suites were"
        names = ", ".join(sorted(suites)[:3]) + (", …" if len(suites) > 3 else "")
        terminalreporter.write_line(f"{len(suites)} eval {noun} not run ({names}): add --evals")


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if not config.getoption("evals") or config.getvalue("dist") != "load":
        return None
    from evalsuite.plugin.xdist import make_scheduler  # noqa: PLC0415 (only beside xdist)

    return make_scheduler(config, log)
