"""Fixtures and resources reach a target, and cases run at once where they can."""

from __future__ import annotations

from typing import Any

import pytest

SUITE = """
import asyncio
import pytest
import evalsuite as ev

running = []
most = []

def note(name, text):
    with open(name, "a") as file:
        file.write(text)

{fixture}

@ev.suite(golden="words"{arguments})
async def words(case, {name}):
    running.append(case.id)
    most.append(len(running))
    await asyncio.sleep(0.01)
    running.remove(case.id)
    with open("most.txt", "w") as file:
        file.write(str(max(most)))
    return str({name})
"""


def write(project: Any, fixture: str, name: str = "thing", arguments: str = "") -> None:
    project.write("test_words.py", SUITE.format(fixture=fixture, name=name, arguments=arguments))
    project.cases(project.many(6))


@pytest.mark.parametrize("scope", ["module", "package", "session"])
def test_a_wide_fixture_is_set_up_once_before_the_first_case(project: Any, scope: str) -> None:
    write(
        project,
        f"@pytest.fixture(scope='{scope}')\ndef thing():\n"
        "    note('setups.txt', 's')\n    yield 'word'\n"
        "    note('setups.txt', 't')",
    )
    project.run().assert_outcomes(passed=6)
    assert (project.path / "setups.txt").read_text() == "st"
    assert int((project.path / "most.txt").read_text()) > 1


def test_a_narrow_fixture_makes_the_suite_sequential_with_one_warning(project: Any) -> None:
    write(
        project,
        "@pytest.fixture\ndef thing():\n    note('setups.txt', 's')\n    return 'word'",
    )
    done = project.run_apart()
    done.assert_outcomes(passed=6, warnings=1)
    assert "one case at a time: fixture thing (function scope)" in done.stdout.str()
    assert (project.path / "setups.txt").read_text() == "ssssss"
    assert (project.path / "most.txt").read_text() == "1"


def test_an_autouse_fixture_applies_too(project: Any) -> None:
    project.write(
        "conftest.py",
        "import os, pytest\n@pytest.fixture(autouse=True, scope='session')\n"
        "def env():\n    os.environ['WORD'] = 'word'\n    yield\n    del os.environ['WORD']\n",
    )
    project.suite(text='__import__("os").environ["WORD"]')
    project.cases(project.many(3))
    project.run().assert_outcomes(passed=3)


def test_an_async_fixture_is_an_error_that_names_the_remedy(project: Any) -> None:
    write(project, "@pytest.fixture(scope='session')\nasync def thing():\n    return 'word'")
    done = project.run()
    assert done.ret == 2
    done.stdout.fnmatch_lines(['*fixture "thing" is async*resources={"thing": ...}*'])


def test_a_parameter_that_nobody_fills_is_an_error(project: Any) -> None:
    write(project, "")
    done = project.run()
    assert done.ret == 2
    assert 'parameter "thing" is neither `llm`, a resource nor a fixture' in done.stdout.str()


def test_a_resource_is_entered_once_on_the_evals_loop_and_left_at_the_end(project: Any) -> None:
    resource = """
from contextlib import asynccontextmanager

@asynccontextmanager
async def opened():
    loop = asyncio.get_running_loop()
    note("log.txt", "in ")
    yield "word"
    assert asyncio.get_running_loop() is loop
    note("log.txt", "out")
"""
    write(project, resource, arguments=', resources={"thing": opened}')
    project.run().assert_outcomes(passed=6)
    assert (project.path / "log.txt").read_text() == "in out"


def test_a_resource_that_can_not_be_entered_is_one_clear_error_per_case(project: Any) -> None:
    resource = """
from contextlib import asynccontextmanager

@asynccontextmanager
async def opened():
    raise OSError("no database")
    yield
"""
    write(project, resource, arguments=', resources={"thing": opened}')
    done = project.run()
    done.assert_outcomes(errors=6)
    assert 'resource "thing" of suite words failed: OSError: no database' in done.stdout.str()
    assert "Traceback" not in done.stdout.str()


def test_a_fixture_that_fails_is_pytests_own_error(project: Any) -> None:
    write(project, "@pytest.fixture(scope='session')\ndef thing():\n    raise OSError('down')")
    done = project.run()
    done.assert_outcomes(errors=6)


def test_under_x_nothing_uses_a_fixture_after_its_teardown(project: Any) -> None:
    project.write(
        "test_words.py",
        "import asyncio, pytest, evalsuite as ev\nstate = {'open': False}\n"
        "@pytest.fixture(scope='module')\ndef thing():\n    state['open'] = True\n    yield state\n"
        "    state['open'] = False\n"
        "@ev.suite(golden='words')\nasync def words(case, thing):\n"
        "    for _ in range(20 if case.id != 'c000' else 1):\n"
        "        await asyncio.sleep(0.01)\n"
        "        if not thing['open']:\n            open('used.txt', 'w').write('x')\n"
        "    return 'no'\n",
    )
    cases = project.many(6)
    cases[0]["must_pass"] = True
    project.cases(cases)
    done = project.run("-x")
    assert done.ret == 1
    assert not (project.path / "used.txt").exists()
