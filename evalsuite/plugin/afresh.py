"""A plugin of `evalsuite aa`, not of users' runs: one suite, with trials that no run had before."""

from __future__ import annotations

import pytest

from evalsuite.plugin.items import CaseItem


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("evals")
    group.addoption("--evals-afresh", type=int, metavar="N", help="number trials from after N")
    group.addoption("--evals-afresh-of", metavar="SUITE", help="of this suite")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    suite = config.getoption("--evals-afresh-of")
    kept = {
        each.nodeid
        for each in items
        if isinstance(each, CaseItem) and each.job.plan.suite.name == suite
    }
    config.hook.pytest_deselected(items=[each for each in items if each.nodeid not in kept])
    items[:] = [each for each in items if each.nodeid in kept]
