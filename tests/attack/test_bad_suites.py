"""Bad suites, options and settings through the whole `pytest --evals`: one error, status 2 or 4."""

from __future__ import annotations

import os
from typing import Any

import pytest
from one_error import assert_one_error

# name -> (the arguments after golden="words", what the message says beside the place)
ARGUMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "an unknown keyword": (", gates=3", ("gates",)),
    "a misspelled gate": (", gate=ev.Gate(margn=0.02)", ("margn",)),
    "a misspelled slice": (', gate=ev.Gate(slices={"a=b": ev.Slice(marign=1)})', ("marign",)),
    "a gate that is a dict": (", gate={'min': 1}", ("gate must be an evalsuite.Gate", "dict")),
    "an unknown metric": (', gate=ev.Gate(min={"chekcs": 0.8})', ('mean "checks"?',)),
    "an unknown slice": (', gate=ev.Gate(slices={"topic=x": ev.Slice()})', ("topic=x", "no case")),
    "a slice without a value": (', gate=ev.Gate(slices={"topic": ev.Slice()})', ("dimension=",)),
    "slices that are a list": (', gate=ev.Gate(slices=["topic=x"])', ("gate.slices must map",)),
    "a slice that is a number": (', gate=ev.Gate(slices={"a=b": 0.05})', ("must be a Slice",)),
    "a floor that is a number": (", gate=ev.Gate(min=0.8)", ("gate.min must map",)),
    "a floor in percent": (', gate=ev.Gate(min={"checks": 80})', ("share", "not 80")),
    "a negative margin": (", gate=ev.Gate(margin=-0.02)", ("gate.margin", "-0.02")),
    "a margin that is NaN": (', gate=ev.Gate(margin=float("nan"))', ("gate.margin", "nan")),
    "a margin that is text": (', gate=ev.Gate(margin="2 %")', ("gate.margin", "2 %")),
    "a margin that is true": (", gate=ev.Gate(margin=True)", ("gate.margin", "True")),
    "an infinite exclude": (', gate=ev.Gate(exclude=float("inf"))', ("gate.exclude", "inf")),
    "a level of one": (", gate=ev.Gate(level=1)", ("gate.level",)),
    "half a case": (", gate=ev.Gate(min_cases=2.5)", ("gate.min_cases",)),
    "an unknown mode": (', gate=ev.Gate(mode="warn")', ("gate.mode", "observe")),
    "no trial": (", trials=0", ("trials", "1 to 100")),
    "true trials": (", trials=True", ("trials", "1 to 100")),
    "half a trial": (", trials=1.5", ("trials", "1 to 100")),
    "a million trials": (", trials=10**6", ("trials", "1 to 100")),
    "no time": (", timeout=0", ("timeout", "seconds")),
    "a timeout that is text": (', timeout="5 s"', ("timeout", "seconds")),
    "a timeout that is NaN": (', timeout=float("nan")', ("timeout", "seconds")),
    "scorers that are text": (', scorers="checks"', ("scorers must be a list",)),
    "a scorer that is none": (", scorers=[3]", ("scorers[0]", "function")),
    "a triad that was not called": (
        ", scorers=[ev.check.json_valid(), ev.rag.triad]",
        ("scorers[1]", "write ev.rag.triad()"),
    ),
    "a ranking that was not called": (", scorers=[ev.ranking]", ("write ev.ranking(…)",)),
    "a judge that was not called": (", scorers=[ev.judge]", ("write ev.judge(…)",)),
    "a trajectory that was not called": (
        ", scorers=[ev.trajectory]",
        ("write ev.trajectory()",),
    ),
    "a check that was not called": (
        ", scorers=[ev.check.contains]",
        ("write ev.check.contains()",),
    ),
    "a check of one's own that was not called": (
        ", scorers=[ev.check.define(version=1)(lambda x: 1)]",
        ("write <lambda>(…)",),
    ),
    "a guardrail that was not called": (", scorers=[ev.guardrail]", ("ev.guardrail(…)",)),
    "a metric of ragas that was not called": (
        ", scorers=[ev.ragas.faithfulness]",
        ("write ev.ragas.faithfulness()",),
    ),
    "measures without its function": (", scorers=[ev.measures]", ("ev.measures(…)",)),
    "scorers that are a function": (", scorers=print", ("scorers must be a list",)),
    "two scorers of one name": (
        ", scorers=[ev.measures('a')(lambda c, o: 1), ev.measures('a')(lambda c, o: 0)]",
        ('"a"', "rename"),
    ),
    "a scorer that takes our name": (
        ", scorers=[ev.measures('checks')(lambda c, o: 1)]",
        ('"checks"', "rename"),
    ),
    "a backend that is a number": (", backend=7", ("backend", "7")),
    "a backend per role that is a number": (', backend={"fast": 7}', ('backend["fast"]', "7")),
    "inputs that are text": (', inputs="index"', ("inputs must be",)),
    "inputs that are a list": (', inputs=["index"]', ("inputs must be",)),
    "an input that is a number": (', inputs={"index": 7}', ('inputs["index"]', "7")),
    "an input that is nowhere": (', inputs={"index": "data/no.faiss"}', ("no file or folder",)),
    "an input that is too long": (
        ', inputs={"index": "x/" * 5000}',
        ('inputs["index"]', "no file or folder"),
    ),
    "a metric without a range": (
        ", scorers=[ev.measures(ev.Metric('m', low=1.0, high=0.0))(lambda c, o: 1)]",
        ("low < high",),
    ),
    "an input that fails": (', inputs={"index": lambda: 1 / 0}', ("ZeroDivisionError",)),
    "an input that returns nothing": (', inputs={"index": lambda: None}', ("version", "None")),
    "an external that is a number": (", external=7", ("external", "7")),
    "an external that fails": (", external=lambda: 1 / 0", ("external", "ZeroDivisionError")),
    "a resource without a parameter": (', resources={"db": print}', ('"db"', "parameter")),
    "resources that are a list": (', resources=["db"]', ("resources must be",)),
    "a resource that is none": (', resources={"llm": 3}', ('"llm"',)),
}

# As ARGUMENTS, but what is wrong is what an option or setting could say too: status 4.
BACKENDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "an unknown backend": (', backend="opennai:x"', ("opennai", 'mean "openai"?')),
    "a backend without a provider": (', backend=":x"', ("provider",)),
    "a parameter that is none": (', backend="embedded?nois=1"', ("nois",)),
    "a parameter out of range": (', backend="embedded?noise=7"', ("noise",)),
    "a URL with a password": (', backend="openai:m@http://u:pw@h/v1"', ("environment",)),
}

# name -> (the whole module, what the message says)
MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no golden": ("@ev.suite()\ndef words(case): ...", ("golden",)),
    "no arguments at all": ("@ev.suite\ndef words(case): ...", ("test_words.py:2", "suite(")),
    "golden by position": ('@ev.suite("words")\ndef words(case): ...', ("test_words.py:2",)),
    "golden that is None": ("@ev.suite(golden=None)\ndef words(case): ...", ("golden", "None")),
    "golden that is empty": ("@ev.suite(golden=' ')\ndef words(case): ...", ("golden",)),
    "golden that climbs": ("@ev.suite(golden='../x')\ndef words(case): ...", ("'../x'", "name")),
    "golden that is absolute": ("@ev.suite(golden='/etc')\ndef words(case): ...", ("'/etc'",)),
    "golden with an escape": ("@ev.suite(golden='\\x1b[2J')\ndef words(case): ...", (r"\x1b",)),
    "golden of no release": ("@ev.suite(golden='words@1.0.0')\ndef words(case): ...", ("1.0.0",)),
    "golden of no version": ("@ev.suite(golden='words@newest')\ndef words(case): ...", ("newest",)),
    "golden of nearly the name": ("@ev.suite(golden='word')\ndef words(case): ...", ('"words"?',)),
    "a target without a case": ("@ev.suite(golden='words')\ndef words(): ...", ("`case`",)),
    "a target of anything": (
        "@ev.suite(golden='words')\ndef words(case, *rest): ...",
        ("not *rest",),
    ),
    "a case by position only": (
        "@ev.suite(golden='words')\ndef words(case, /): ...",
        ("`case`", "position"),
    ),
    "a target that is a class": ("@ev.suite(golden='words')\nclass words: ...", ("function",)),
    "a target that is a number": ("words = ev.suite(golden='words')(7)", ("function",)),
    "a target that is a generator": (
        "@ev.suite(golden='words')\ndef words(case):\n    yield 'x'",
        ("generator", "return"),
    ),
    "a target that is an async generator": (
        "@ev.suite(golden='words')\nasync def words(case):\n    yield 'x'",
        ("generator", "return"),
    ),
    "a target without a name": ("words = ev.suite(golden='words')(lambda case: 'x')", ("`def`",)),
    "a name that climbs": (
        (
            "def words(case): ...\nwords.__name__ = '../../words'\n"
            "words = ev.suite(golden='words')(words)"
        ),
        ("`def`",),
    ),
    "a fixture that is nowhere": (
        "@ev.suite(golden='words')\ndef words(case, databse): ...",
        ('"databse"', "fixture"),
    ),
    "a suite twice": (
        (
            "@ev.suite(golden='words')\ndef words(case): ...\n"
            "def make():\n    @ev.suite(golden='words')\n    def words(case): ...\n"
            "    return words\nother = make()"
        ),
        ("another suite is called words", "rename"),
    ),
    "an async fixture": (
        (
            "import pytest\n@pytest.fixture\nasync def db(): ...\n"
            "@ev.suite(golden='words')\ndef words(case, db): ..."
        ),
        ('"db"', "async", "resources="),
    ),
    "a name of a million characters": (
        "@ev.suite(golden='x' * 10**6)\ndef words(case): ...",
        ("golden", "…"),
    ),
}

# the arguments, what the message says
OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no concurrency": (("--evals-concurrency=0",), ("--evals-concurrency", "1 to 10000")),
    "concurrency that is text": (("--evals-concurrency=many",), ("--evals-concurrency", "many")),
    "a timeout that is negative": (("--evals-timeout=-1",), ("--evals-timeout",)),
    "a timeout that is NaN": (("--evals-timeout=nan",), ("--evals-timeout",)),
    "a timeout without end": (("--evals-timeout=inf",), ("--evals-timeout",)),
    "a seed that is text": (("--evals-seed=x",), ("--evals-seed",)),
    "a replay that is unknown": (("--evals-replay=some",), ("--evals-replay", "only")),
    "an empty backend": (("--evals-backend=",), ("backend",)),
    "an unknown backend": (("--evals-backend=opennai:x",), ("opennai", 'mean "openai"?')),
    "a role without a backend": (("--evals-backend=fast=",), ("backend",)),
    "a parameter that is none": (("--evals-backend=embedded?nois=1",), ("nois",)),
    "a parameter out of range": (("--evals-backend=embedded?noise=7",), ("noise",)),
    "a backend with an escape": (("--evals-backend=\x1b[2Jx",), ("backend",)),
    "an option that is none": (("--evals-sed=1",), ("--evals-sed",)),
}

SETTINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cut off": ('[tool.evalsuite]\ngolden = "gol', ("pyproject.toml", "Unterminated")),
    "a table that is text": ('[tool]\nevalsuite = "x"', ("must be a table",)),
    "an unknown setting": ("[tool.evalsuite]\nconcurency = 3", ('mean "concurrency"?',)),
    "concurrency that is text": (
        '[tool.evalsuite]\nconcurrency = "3"',
        ("concurrency", "a whole number"),
    ),
    "concurrency that is true": ("[tool.evalsuite]\nconcurrency = true", ("concurrency",)),
    "a timeout that is NaN": ("[tool.evalsuite]\ntimeout = nan", ("timeout",)),
    "a timeout that is a date": ("[tool.evalsuite]\ntimeout = 2026-01-01", ("timeout",)),
    "golden that climbs": ('[tool.evalsuite]\ngolden = "../../etc"', ("golden", "below")),
    "golden that is absolute": ('[tool.evalsuite]\ngolden = "/etc"', ("golden", "below")),
    "golden that is the root": ('[tool.evalsuite]\ngolden = "."', ("golden", "below")),
    "a state of NUL": ('[tool.evalsuite]\nstate = "a\\u0000b"', ("state",)),
    "a state that is golden": ('[tool.evalsuite]\nstate = "golden"', ("state", "golden")),
    "golden in the state": ('[tool.evalsuite]\ngolden = ".evalsuite/g"', ("golden", "ignores")),
    "an unknown format": ('[tool.evalsuite]\nformats = ["htm"]', ("htm", '"html"?')),
    "a format of the wrong type": ("[tool.evalsuite]\nformats = [1]", ("formats",)),
    "backends that are text": ('[tool.evalsuite]\nbackends = "embedded"', ("backends",)),
    "a backend of the wrong type": ("[tool.evalsuite]\nbackends = {a = 1}", ("backends",)),
    "an unknown backend": ('[tool.evalsuite]\nbackends = {default = "opennai:x"}', ("opennai",)),
    "a replay that is unknown": ('[tool.evalsuite]\nreplay = "some"', ("replay", "only")),
    "a setting twice": ("[tool.evalsuite]\nseed = 1\nseed = 2", ("pyproject.toml",)),
}


def refused(project: Any, status: int, said: tuple[str, ...], *arguments: str) -> None:
    done = project.run(*arguments)
    assert_one_error(done.stdout.str() + done.stderr.str(), done.ret, status, said)
    left = {"test_words.py", "pyproject.toml", "evalsuite.toml", "golden", "__pycache__"}
    assert {each.name for each in project.path.iterdir()} <= left | {".evalsuite"}
    assert not list(project.path.glob(".evalsuite/runs"))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_bad_argument_of_a_suite_is_named_with_its_place(project: Any, name: str) -> None:
    arguments, said = ARGUMENTS[name]
    project.suite(arguments=arguments)
    project.cases(project.many(2))
    refused(project, 2, ("test_words.py:", *said))


@pytest.mark.parametrize("name", BACKENDS)
def test_a_bad_backend_of_a_suite_is_named_with_its_role(project: Any, name: str) -> None:
    arguments, said = BACKENDS[name]
    project.suite(arguments=arguments)
    project.cases(project.many(2))
    refused(project, 4, ("test_words.py:", '"default"', *said))


@pytest.mark.parametrize("name", MODULES)
def test_a_bad_suite_is_named_with_its_place(project: Any, name: str) -> None:
    source, said = MODULES[name]
    project.write("test_words.py", f"import evalsuite as ev\n{source}\n")
    project.cases(project.many(2))
    refused(project, 2, said)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_bad_option_is_named(project: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    arguments, said = OPTIONS[name]
    project.suite()
    project.cases(project.many(2))
    refused(project, 4, said, *arguments)


def test_a_missing_key_is_named(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    asks = "async def words(case, llm):\n    return (await llm.chat(case.input)).text"
    project.write("test_words.py", f'import evalsuite as ev\n\n@ev.suite(golden="words")\n{asks}\n')
    project.cases(project.many(2))
    refused(project, 4, ("OPENAI_API_KEY",), "--evals-backend=openai:gpt-x")


@pytest.mark.parametrize("option", ["--evals-seed=x", "--evals-concurrency=0", "--nothing"])
def test_a_refused_option_leaves_nothing_watched(project: Any, option: str) -> None:
    before = os.stat
    project.run(option)
    assert os.stat is before


@pytest.mark.parametrize("name", SETTINGS)
def test_a_bad_setting_is_named_with_its_file(project: Any, name: str) -> None:
    text, said = SETTINGS[name]
    (project.path / "pyproject.toml").unlink()
    project.write("evalsuite.toml", text.replace("[tool.evalsuite]\n", ""))
    if "tool" in text.split("\n")[0]:
        (project.path / "evalsuite.toml").rename(project.path / "pyproject.toml")
        project.write("pyproject.toml", text)
    project.suite()
    project.cases(project.many(2))
    refused(project, 4, said)
