"""No key of the environment is in anything that a run prints or leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CANARY = "sk-canary-5417b1c9"
SECOND = "hunter2hunter2"

SUITE = """
    import os, pytest, evalsuite as ev
    from evalsuite.errors import BackendError

    KEY, WORD = os.environ["OPENAI_API_KEY"], os.environ["MY_SECRET"]

    def scorer(case, output):
        raise ValueError(f"no {{KEY}}")

    {resource}

    @ev.suite(golden="words", scorers=[scorer]{arguments})
    def words(case{parameters}):
        match case.id:
            case "raises":
                raise RuntimeError(f"401 Unauthorized: Authorization: Bearer {{KEY}}, {{WORD}}")
            case "long":
                raise RuntimeError("x" * 490 + KEY)
            case "provider":
                raise BackendError(f"down for {{KEY}}")
            case "chained":
                try:
                    raise ValueError(KEY)
                except ValueError as error:
                    raise KeyError(WORD) from error
            case "returns":
                return ev.Output(error=ev.Failure("target", f"said {{KEY}}", WORD))
            case "odd":
                return ev.Output(text="x", finish_reason={{KEY: WORD}})
            case _:
                return "word"
"""


def written(root: Path) -> dict[str, bytes]:
    """All files but those that the test itself wrote."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def keyed(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("MY_SECRET", SECOND)
    ids = ("raises", "long", "provider", "chained", "returns", "odd", "fine", "also-fine")
    project.cases([{"id": name, "input": name, "must_pass": name == "raises"} for name in ids])
    return project


def write_suite(
    project: Any, resource: str = "", arguments: str = "", parameters: str = ""
) -> None:
    text = SUITE.format(resource=resource, arguments=arguments, parameters=parameters)
    project.write("test_words.py", "\n".join(line[4:] for line in text.splitlines()))


def assert_secret(project: Any, done: Any) -> None:
    output = done.stdout.str() + done.stderr.str()
    for value in (CANARY, SECOND, CANARY[:12]):
        assert value not in output
        found = [name for name, data in written(project.path).items() if value.encode() in data]
        assert found == []


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
def test_no_key_is_in_what_a_run_prints_or_leaves(keyed: Any, workers: tuple[str, ...]) -> None:
    write_suite(keyed)
    done = keyed.run_apart("-v", "-rA", "--junitxml=junit.xml", f"-k=not {CANARY}", *workers)
    assert done.ret == 1
    assert "RuntimeError: 401 Unauthorized: Authorization: Bearer [OPENAI_API_KEY]" in (
        done.stdout.str()
    )
    keyed.evalsuite("accept", "--from-run", "last", "--reason", "test")
    assert_secret(keyed, done)


@pytest.mark.parametrize(
    "how",
    [
        {"arguments": ', inputs={"index": lambda: boom(KEY)}'},
        {"arguments": ", external=lambda: boom(KEY)"},
        {"arguments": ', resources={"db": lambda: boom(KEY)}', "parameters": ", db"},
    ],
    ids=["inputs", "external", "resource"],
)
def test_no_key_is_in_the_error_of_a_suite(keyed: Any, how: dict[str, str]) -> None:
    write_suite(keyed, "def boom(key): raise RuntimeError(key)", **how)
    done = keyed.run_apart()
    assert done.ret in (1, 2)
    assert "Traceback" not in done.stdout.str()
    assert "engine.py" not in done.stdout.str()
    assert "[OPENAI_API_KEY]" in done.stdout.str()
    assert_secret(keyed, done)
