"""Whatever a target, scorer or resource returns or raises: data, and the other cases go on."""

from __future__ import annotations

from typing import Any

import pytest
from one_error import assert_one_error

BEFORE = """
    import asyncio, math, sys
    import evalsuite as ev
    from evalsuite.errors import BackendError
    from evalsuite.records import Failure

    def nested(depth):
        value = []
        for _ in range(depth):
            value = [value]
        return value

    def boom(error):
        raise error

    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no")

    Evil = type("x\\n::error::y\\x1b[2J", (Exception,), {})
    loop = []
    loop.append(loop)
"""

# what the target does -> part of the error, None where it is an answer
ODD: dict[str, str | None] = {
    'ev.Output(text="word")': None,
    'ev.Output(text="word \\ud800", value={"\\udfff": 1})': None,
    '"word \\0 \\x1b[2J"': None,
    'type("Sub", (str,), {})("word")': None,
    '"word " * 200_000': None,
    'ev.Output(text="word", value=nested(90))': None,
    "ev.Output(text=5)": "text must be text, not 5",
    "ev.Output(text=None)": "text must be text, not null",
    'ev.Output(text=b"word")': "bytes is not JSON",
    'ev.Output(text="word", contexts="abc")': "contexts must be a list",
    "ev.Output(contexts=[5])": "contexts.0 must be an object, not 5",
    "ev.Output(contexts=None)": "contexts must be a list of Documents or texts, not NoneType",
    'ev.Output(tool_calls=["x"])': "tool_calls.0 must be an object",
    'ev.Output(latency="x")': "latency must be a number",
    "ev.Output(cost=math.nan)": "ValueError",
    "ev.Output(value=object())": "object is not JSON",
    'ev.Output(value={1: 2, "a": 3})': "TypeError",
    "ev.Output(value=math.inf)": "ValueError",
    "ev.Output(value=loop)": "RecursionError",
    "ev.Output(value=nested(150))": "levels of nesting",
    "ev.Output(value=nested(100_000))": "RecursionError",
    "ev.Output(value=10**5000)": "4300",
    'ev.Output(error="x")': "error must be an object",
    'ev.Output(error=Failure("mine", "x"))': "error.kind must be",
    'ev.Output(error=Failure("provider", "said so"))': "provider: said so",
    "None": "returns an Output or text, not NoneType",
    "(x for x in ())": "returns an Output or text, not generator",
    "boom(Mute())": "Mute",
    'boom(Evil("::error::z\\n\\x1b[2J"))': "::error::z",
    'boom(ValueError("x" * 10**6))': "ValueError: xxx",
    "sys.exit(3)": "SystemExit: 3",
    "boom(KeyboardInterrupt())": "KeyboardInterrupt",
    "next(iter(()))": "StopIteration",
    "boom(StopAsyncIteration())": "StopAsyncIteration",
    'boom(BaseException("b"))': "BaseException: b",
    "boom(asyncio.CancelledError())": "CancelledError",
    'boom(TimeoutError("mine"))': "target: TimeoutError: mine",
    'boom(ExceptionGroup("g", [ValueError("a")]))': "target: ExceptionGroup: g",
    'boom(ExceptionGroup("g", [BackendError("down")]))': "provider: g",
    'boom(BackendError("down"))': "provider: down",
    'pytest_fail("why")': "Failed: why",
}


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_odd_target_gives_data_and_the_other_cases_go_on(project: Any, kind: str) -> None:
    body = "\n".join(
        f"        if case.id == 'c{n:02}': return {each}" for n, each in enumerate(ODD)
    )
    source = (
        f"{BEFORE}\n    from pytest import fail as pytest_fail\n"
        f'    @ev.suite(golden="words", timeout=20)\n    {kind} words(case):\n{body}\n'
    )
    project.write("test_words.py", "\n".join(line[4:] for line in source.splitlines()))
    project.cases([{"id": f"c{n:02}", "input": "x"} for n in range(len(ODD))])
    done = project.run("-p", "no:warnings")
    output = done.stdout.str() + done.stderr.str()
    assert done.ret in (0, 10), output
    assert "Traceback" not in output
    rows = project.rows()
    for number, (each, said) in enumerate(ODD.items()):
        row = rows[f"c{number:02}"]
        if said is None:
            assert row.get("errors") is None, (each, row)
        else:
            (error,) = row["errors"]
            assert said in error, (each, error)
            assert "evalsuite/" not in error
            assert len(error) <= 800


def test_what_is_kept_can_be_read_again_however_deep_it_nests(project: Any) -> None:
    """An answer that a snapshot could hold but nobody could read would block everybody."""
    source = f'{BEFORE}\n    @ev.suite(golden="words")\n    def words(case):\n'
    source += "        return ev.Output(text='word', value=nested(int(case.id[1:])))\n"
    project.write("test_words.py", "\n".join(line[4:] for line in source.splitlines()))
    project.cases([{"id": f"c{n}", "input": f"{n} word"} for n in range(85, 101)])
    assert project.run().ret in (0, 10)
    project.accept()
    done = project.run()
    assert done.ret in (0, 10), done.stdout.str()
    done = project.evalsuite("diff", "snapshot", "last")
    assert done.ret == 0, done.stderr.str()


def test_a_scorer_that_ends_the_process_decides_nothing(project: Any) -> None:
    project.suite(arguments=", scorers=[ends]")
    source = (project.path / "test_words.py").read_text()
    project.write("test_words.py", "def ends(case, output):\n    raise SystemExit(3)\n" + source)
    project.cases(project.many(3))
    done = project.run()
    done.assert_outcomes(passed=3)
    assert project.rows()["c000"]["reasons"]["ends"] == "SystemExit: 3"


def test_a_resource_that_ends_the_process_is_an_error_of_its_suite(project: Any) -> None:
    project.write(
        "test_words.py",
        "import evalsuite as ev\n"
        "@ev.suite(golden='words', resources={'db': lambda: exit(3)})\n"
        "def words(case, db):\n    return 'word'\n",
    )
    project.cases(project.many(2))
    done = project.run()
    done.assert_outcomes(errors=2)
    assert 'resource "db" of suite words failed: SystemExit: 3' in done.stdout.str()


def test_a_task_left_running_that_ends_the_loop_is_said_at_once(project: Any) -> None:
    project.write(
        "test_words.py",
        "import asyncio, sys\nimport evalsuite as ev\n"
        "@ev.suite(golden='words')\nasync def words(case):\n"
        "    if case.id == 'c000':\n"
        "        asyncio.get_running_loop().call_soon(sys.exit, 'bye')\n"
        "    await asyncio.sleep(0.5)\n    return 'word'\n",
    )
    project.cases(project.many(30))
    done = project.run()
    said = ("ended by SystemExit: bye", "a task that a target left running")
    assert_one_error(done.stdout.str() + done.stderr.str(), done.ret, 2, said)
