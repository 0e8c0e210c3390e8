"""Variants: a model and a prompt each, with items, snapshot, gates and reports of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest

SUITE = """
import evalsuite as ev

@ev.suite(
    golden="words",
    variants={
        "small": ev.Variant(backend="embedded", params={"prompt": "v1"}),
        "large": ev.Variant(backend="embedded?noise=0.2", params={"prompt": "v2", "top": [3]}),
    },
)
async def words(case, variant):
    return f"{case.input} {variant['prompt']}"
"""

PLAIN = (
    "import evalsuite as ev\n\n@ev.suite(golden='words', {})\ndef words(case{}):\n    return ''\n"
)


@pytest.fixture
def both(project: Any) -> Any:
    project.write("test_words.py", SUITE)
    cases = project.many(6)
    cases[3]["checks"] = [{"contains": "v2"}]
    project.cases(cases)
    return project


def newest(project: Any) -> list[str]:
    return sorted(each.name for each in project.runs()[-1].iterdir())


def texts(project: Any, suite: str) -> set[str]:
    file = project.runs()[-1] / suite / "outputs.jsonl"
    return {json.loads(line).get("text", "") for line in file.read_text().splitlines()}


def test_each_variant_has_items_runs_and_reports_of_its_own(both: Any) -> None:
    done = both.run_apart("-v")
    assert done.ret == 0, done.stdout.str()
    done.stdout.fnmatch_lines(
        [
            "*test_words.py::words@small?c003? MISSED*",
            "*test_words.py::words@large?c003? PASSED*",
        ]
    )
    assert newest(both) == ["words@large", "words@small"]
    assert any("word 1 v1" in text for text in texts(both, "words@small"))
    assert any("word 1 v2" in text for text in texts(both, "words@large"))
    for name in ("words@small", "words@large"):
        assert (both.path / "reports" / name / "report.json").is_file()
        assert both.manifest(name)["suite"] == name
        assert both.manifest(name)["nodeid"].endswith(f"::{name}")


def test_model_and_parameters_of_a_variant_are_of_the_subject(both: Any) -> None:
    both.run_apart()
    large = both.manifest("words@large")["subject"]
    assert large["models"]["default"]["label"] == "embedded?noise=0.2"
    assert large["inputs"]["variant.prompt"]["label"] == "v2"
    assert large["inputs"]["variant.top"]["label"] == "[3]"


@pytest.mark.parametrize("chosen", [("-k", "large"), ("test_words.py::words@large",)])
def test_one_variant_runs_alone_and_is_whole(both: Any, chosen: tuple[str, ...]) -> None:
    done = both.run_apart(*chosen)
    assert done.ret == 0, done.stdout.str()
    assert newest(both) == ["words@large"]
    assert not both.manifest("words@large")["partial"]


def test_one_case_of_one_variant_is_named_by_its_id(both: Any) -> None:
    done = both.run_apart("test_words.py::words@small[c003]", "-v")
    done.stdout.fnmatch_lines(["*words@small?c003? MISSED*"])
    assert list(both.rows("words@small")) == ["c003"]


def test_last_failed_means_the_variant_that_failed(both: Any) -> None:
    both.run_apart()
    both.run_apart("--lf")
    assert newest(both) == ["words@small"]
    assert list(both.rows("words@small")) == ["c003"]


def test_junit_names_cases_and_gates_of_each(both: Any) -> None:
    both.run_apart("--junit-xml=junit.xml")
    found = (both.path / "junit.xml").read_text()
    for name in ("words@small", "words@large"):
        assert f'name="{name}[c001]"' in found
        assert f'classname="test_words.{name}" name="gate[checks]"' in found


def test_workers_share_the_cases_of_all_variants(both: Any, monkeypatch: Any) -> None:
    pytest.importorskip("xdist")
    monkeypatch.setenv("PYTEST_PLUGINS", "evalsuite.plugin,xdist.plugin")
    done = both.run_apart("-n2")
    assert done.ret == 0, done.stdout.str()
    assert newest(both) == ["words@large", "words@small"]
    assert len(both.rows("words@small")) == len(both.rows("words@large")) == 6


def test_a_model_upgrade_is_one_changed_line_and_compared_with_the_old_one(both: Any) -> None:
    both.run_apart()
    for name in ("words@small", "words@large"):
        done = both.evalsuite("accept", name, "--from-run", "last", "--reason", "first")
        assert done.ret == 0, done.stderr.str()
    both.write("test_words.py", SUITE.replace("noise=0.2", "noise=0.3"))
    done = both.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert both.report("words@small")["result"] == "unchanged"
    changes = both.report("words@large")["changes"]
    assert {
        "kind": "model",
        "name": "default",
        "before": "embedded?noise=0.2",
        "after": "embedded?noise=0.3",
    } in changes
    assert sorted(each.name for each in (both.path / "snapshots").iterdir()) == [
        "words@large",
        "words@small",
    ]


def test_the_command_line_takes_a_variant_by_its_name(both: Any) -> None:
    both.run_apart()
    name = "words@small"
    assert both.evalsuite("diff", "last", "last").ret == 4  # which of the two?
    done = both.evalsuite("accept", name, "--from-run", "last", "--reason", "first")
    assert done.ret == 0, done.stderr.str()
    both.write("test_words.py", SUITE.replace('"v1"', '"v3"'))
    both.run_apart()
    shown = both.evalsuite("diff", "snapshot", "last", "--suite", name)
    assert "variant.prompt v1 → v3" in shown.stdout.str()
    assert both.evalsuite("gate", "snapshot", "last", "--suite", name).ret == 0
    assert "checks" in both.evalsuite("explain", "checks", "--suite", name).stdout.str()


def test_a_target_can_not_change_what_the_next_case_gets(both: Any) -> None:
    both.write(
        "test_words.py", SUITE.replace("    return f", "    variant['prompt'] = 1\n    return f")
    )
    both.run_apart()
    error = both.rows("words@small")["c000"]["errors"][0]
    assert error.startswith("target: TypeError")


def test_a_role_that_a_variant_leaves_out_is_the_suites(project: Any) -> None:
    project.write(
        "test_words.py",
        "import evalsuite as ev\n\n"
        "@ev.suite(golden='words',\n"
        "    backend={'default': 'embedded', 'fast': 'embedded?noise=0.1'},\n"
        "    variants={'a': ev.Variant({'fast': 'embedded?noise=0.4'}), 'b': ev.Variant()})\n"
        "async def words(case, llm):\n"
        "    return (await llm['fast'].chat(case.input)).text + case.input\n",
    )
    project.cases(project.many(2))
    project.run("--evals-backend", "default=embedded?noise=0.3")
    labels = {
        name: {
            role: part["label"]
            for role, part in project.manifest(name)["subject"]["models"].items()
        }
        for name in ("words@a", "words@b")
    }
    assert labels == {
        "words@a": {"default": "embedded?noise=0.3", "fast": "embedded?noise=0.4"},
        "words@b": {"default": "embedded?noise=0.3", "fast": "embedded?noise=0.1"},
    }
    project.run("--evals-backend", "fast=embedded?noise=0.3")
    assert project.manifest("words@a")["subject"]["models"]["fast"]["label"] == "embedded?noise=0.3"


def test_fixtures_and_resources_serve_every_variant(project: Any) -> None:
    project.write(
        "test_words.py",
        "import contextlib, pytest, evalsuite as ev\n\n"
        "@pytest.fixture(scope='module')\n"
        "def start():\n    return 'from'\n\n"
        "@contextlib.asynccontextmanager\n"
        "async def connect():\n    yield 'here'\n\n"
        "@ev.suite(golden='words', resources={'db': connect},\n"
        "    variants={n: ev.Variant(params={'n': n}) for n in 'ab'})\n"
        "def words(case, variant, start, db):\n"
        "    return f\"{case.input} {start} {db} {variant['n']}\"\n",
    )
    project.cases(project.many(2))
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert texts(project, "words@b") >= {"word 0 from here b"}


def test_without_variants_the_parameter_is_an_empty_mapping(project: Any) -> None:
    project.write(
        "test_words.py", PLAIN.format("", ", variant").replace("''\n", "f'word {dict(variant)}'\n")
    )
    project.cases(project.many(1))
    assert project.run("-v").ret == 0
    assert texts(project, "words") >= {"word {}"}


@pytest.mark.parametrize(
    ("variants", "takes", "says"),
    [
        ("variants={'a/b': ev.Variant()}", "", "variants['a/b']: it becomes a folder's name"),
        ("variants={'..': ev.Variant()}", "", "it becomes a folder's name"),
        ("variants={'a::b': ev.Variant()}", "", "it becomes a folder's name"),
        ("variants={'': ev.Variant()}", "", "it becomes a folder's name"),
        ("variants={'Big': ev.Variant(), 'big': ev.Variant()}", "", "upper and lower case alone"),
        ("variants={'a': 'openai:x'}", "", "must be an evalsuite.Variant, not 'openai:x'"),
        ("variants=['a']", "", "variants must be a dict"),
        (
            "variants={'a': ev.Variant(params={'p': 1})}",
            "",
            "give the function a parameter `variant`",
        ),
        ("variants={'a': ev.Variant(params={'p': {1}})}", ", variant", "must be JSON values"),
        ("variants={'a': ev.Variant(params=[1])}", ", variant", "must be a dict by name"),
        ("variants={'a': ev.Variant(backend={'f': 3})}", "", "must be text such as"),
        ("variants={'a': ev.Variant(backend={'a b': 'x'})}", "", "a role is named by letters"),
        ("backend={'fast': ''}", "", 'backend["fast"] must be text such as "openai:MODEL"'),
    ],
)
def test_what_is_wrong_with_a_variant_is_said_at_collection(
    project: Any, variants: str, takes: str, says: str
) -> None:
    project.write("test_words.py", PLAIN.format(variants, takes))
    project.cases(project.many(1))
    done = project.run()
    assert done.ret == 2
    said = done.stdout.str()
    assert says in said
    assert "test_words.py:3: suite words:" in said
    assert "Traceback" not in said


def test_a_backend_that_a_variant_can_not_have_names_variant_and_role(both: Any) -> None:
    both.write("test_words.py", SUITE.replace("embedded?noise=0.2", "embeded"))
    done = both.run_apart()
    assert done.ret == 4
    said = done.stdout.str() + done.stderr.str()
    assert 'suite words@large: backend of role "default"' in said
    assert "embedded" in said
    assert "Traceback" not in said


def test_a_role_of_the_command_line_that_nobody_names_is_said(project: Any) -> None:
    project.suite(arguments=', backend={"fast": "embedded"}')
    project.cases(project.many(1))
    done = project.run("--evals-backend=fsat=embedded")
    assert 'names the role "fsat" of --evals-backend: did you mean "fast"?' in done.stdout.str()
    assert "names the role" not in project.run("--evals-backend=fast=embedded").stdout.str()


def test_a_role_that_only_a_scorer_asks_is_of_the_subject(project: Any) -> None:
    project.write(
        "test_words.py",
        "import evalsuite as ev\n\n"
        "@ev.measures('judged')\n"
        "async def judged(case, output, llm):\n"
        "    said = await llm['judge'].chat(f'Is {output.text} a word?')\n"
        "    return float(bool(said.text))\n\n"
        "@ev.suite(golden='words', scorers=[judged], backend={'judge': 'embedded?noise=0.1'})\n"
        "def words(case):\n    return case.input\n",
    )
    project.cases(project.many(2))
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert project.rows()["c000"]["scores"]["judged"] == [1]
    assert project.manifest()["subject"]["models"]["judge"]["label"] == "embedded?noise=0.1"
    project.run_apart("--evals-backend=judge=embedded?noise=0.2")
    assert project.manifest()["subject"]["models"]["judge"]["label"] == "embedded?noise=0.2"


def test_a_role_that_nobody_named_is_an_error_with_the_nearest_name(project: Any) -> None:
    project.write(
        "test_words.py",
        "import evalsuite as ev\n\n"
        "@ev.suite(golden='words', backend={'judge': 'embedded'})\n"
        "async def words(case, llm):\n    return (await llm['jugde'].chat('x')).text\n",
    )
    project.cases(project.many(1))
    project.run_apart()
    error = project.rows()["c000"]["errors"][0]
    assert error.startswith('harness: no model has the role "jugde"')
    assert "judge" in error
