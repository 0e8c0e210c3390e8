"""A plugin of `evalsuite plan --measure`, not of users' runs: keeps a few cases of one suite."""

from __future__ import annotations

import pytest

from evalsuite.plugin.items import CaseItem
from evalsuite.seeds import derive


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("evals")
    group.addoption("--evals-sample", type=int, metavar="N", help="run N cases")
    group.addoption("--evals-sample-of", metavar="SUITE", help="of this suite")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    suite = config.getoption("--evals-sample-of")
    cases = [each for each in items if isinstance(each, CaseItem)]
    cases = [each for each in cases if each.job.plan.suite.name == suite]
    cases.sort(key=lambda each: derive(0, "sample", each.nodeid))
    kept = {each.nodeid for each in cases[: config.getoption("--evals-sample")]}
    config.hook.pytest_deselected(items=[each for each in items if each.nodeid not in kept])
    items[:] = [each for each in items if each.nodeid in kept]
