"""What a golden dataset is once it is loaded, and what its identities depend on."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalsuite.canonical import key
from evalsuite.errors import GoldenError
from evalsuite.golden import Dataset, case_key, derive_id, load
from evalsuite.records import Case, Source

FULL: dict[str, Any] = {
    "id": "leave-parental-01",
    "input": {"question": "How long is parental leave?"},
    "expected": "16 weeks, paid",
    "checks": [{"contains": "16 weeks"}, {"not": {"contains": "I don't have"}}],
    "contexts": ["Parental leave is 16 weeks."],
    "relevant": {"leave#parental": 2, "leave#faq": 1},
    "slices": {"topic": "policy", "kind": "regression"},
    "must_pass": True,
    "provenance": "incident 2026-03-11: answered 12 weeks",
    "cluster": "leave",
}


def dataset(folder: Path, **files: str | bytes) -> Dataset:
    """Load files given as `name__suffix=content`."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name.replace("__", ".")).write_bytes(data)
    return load(folder)


def lines(*cases: dict[str, Any]) -> str:
    return "".join(json.dumps(case) + "\n" for case in cases)


def test_every_field_is_loaded(tmp_path: Path) -> None:
    loaded = dataset(tmp_path / "set", cases__jsonl=lines(FULL))
    assert loaded.cases == (
        Case(
            id="leave-parental-01",
            input={"question": "How long is parental leave?"},
            expected="16 weeks, paid",
            checks=tuple(FULL["checks"]),
            contexts=("Parental leave is 16 weeks.",),
            relevant={"leave#parental": 2.0, "leave#faq": 1.0},
            slices={"topic": "policy", "kind": "regression"},
            must_pass=True,
            provenance="incident 2026-03-11: answered 12 weeks",
            cluster="leave",
        ),
    )
    source = loaded.cases[0].source
    assert source is not None
    assert source.path.endswith("set/cases.jsonl")
    assert source.line == 1


def test_the_smallest_case_gets_a_readable_id(tmp_path: Path) -> None:
    loaded = dataset(tmp_path / "set", cases__jsonl='{"input": "How long is parental leave?"}')
    (case,) = loaded.cases
    assert case.id == "how-long-is-parental-leave-" + key("case-id", case.input)[:10]
    assert loaded.name == "set"
    assert loaded.version == f"0.1.0-dev+{loaded.key[:8]}"


def test_null_is_left_out(tmp_path: Path) -> None:
    nothing = dict.fromkeys(set(FULL) - {"input", "id"})
    one = dataset(tmp_path / "one", cases__jsonl=lines({**FULL, **nothing}))
    other = dataset(
        tmp_path / "other", cases__jsonl=lines({"id": FULL["id"], "input": FULL["input"]})
    )
    assert one.cases == other.cases


def test_the_key_ignores_order_files_format_and_line_endings(tmp_path: Path) -> None:
    second = {"id": "b", "input": {"question": "Zwölf Tage?", "lang": "de"}, "expected": "no"}
    together = dataset(tmp_path / "together", cases__jsonl=lines(FULL, second))
    apart = dataset(
        tmp_path / "apart",
        z__jsonl=b"\xef\xbb\xbf" + lines(FULL).replace("\n", "\r\n\r\n").encode(),
        a__yaml="id: b\r\ninput:\r\n  lang: de\r\n  question: Zwölf Tage?\r\nexpected: no\r\n",
    )
    assert apart.key == together.key
    assert [case.id for case in apart.cases] == ["b", "leave-parental-01"]


@pytest.mark.parametrize("field", ["input", "expected", "contexts", "relevant"])
def test_the_case_key_changes_with_what_a_score_depends_on(field: str) -> None:
    case = Case(**{**FULL, "source": None})
    changed: dict[str, Any] = {
        "input": {"question": "How long?"},
        "expected": None,
        "contexts": (),
        "relevant": {"leave#parental": 1.0},
    }
    assert case_key(replace(case, **{field: changed[field]})) != case_key(case)


def test_the_case_key_does_not_depend_on_labels() -> None:
    case = Case(**{**FULL, "source": None})
    other = replace(
        case,
        id="x",
        checks=(),
        slices={},
        must_pass=False,
        provenance=None,
        cluster=None,
        source=Source("a", 1),
    )
    assert case_key(other) == case_key(case)


def test_the_case_key_is_the_same_everywhere() -> None:
    case = Case(id="a", input={"q": "Ä", "n": 1.5}, expected=["x"], relevant={"d": 1.0})
    text = '{"contexts":[],"expected":["x"],"input":{"n":1.5,"q":"Ä"},"relevant":{"d":1.0}}'
    assert case_key(case) == hashlib.sha256(b"case\0" + text.encode()).hexdigest()[:32]
    assert case_key(case) == "53f175b84ce638066c9c09f518157745"


@pytest.mark.parametrize("field", [name for name in FULL if name != "id"])
def test_the_dataset_key_changes_with_every_field(field: str, tmp_path: Path) -> None:
    without = {name: value for name, value in FULL.items() if name != field or name == "input"}
    if field == "input":
        without["input"] = "x"
    before = dataset(tmp_path / "a", cases__jsonl=lines(FULL))
    after = dataset(tmp_path / "b", cases__jsonl=lines(without))
    assert before.key != after.key


def test_numbers_that_json_tells_apart_are_apart(tmp_path: Path) -> None:
    whole = dataset(tmp_path / "a", cases__jsonl='{"id": "a", "input": {"n": 1}}')
    decimal = dataset(tmp_path / "b", cases__jsonl='{"id": "a", "input": {"n": 1.0}}')
    assert whole.key != decimal.key


def test_description_licence_and_provenance_come_from_dataset_json(tmp_path: Path) -> None:
    about = {"name": "set", "description": "d", "licence": "CC0-1.0", "provenance": ["p"]}
    loaded = dataset(
        tmp_path / "set", dataset__json=json.dumps(about), cases__jsonl=lines(FULL), README__md="x"
    )
    assert (loaded.description, loaded.licence, loaded.provenance) == ("d", "CC0-1.0", ["p"])


def test_hidden_files_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / ".gitattributes").write_text("*.jsonl merge=union\n")
    (folder / ".cases.jsonl.swp").write_bytes(b"\x00")
    assert len(dataset(folder, cases__jsonl=lines(FULL)).cases) == 1


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ({"id": "a", "input": "x"}, {"id": "a", "input": "y"}, "a is also the id at"),
        ({"id": "a", "input": "x"}, {"id": "A", "input": "y"}, "A differs from a at"),
        ({"input": "x"}, {"input": "x"}, "the same input is at"),
    ],
)
def test_duplicates_name_both_places(
    first: dict[str, Any], second: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(GoldenError) as caught:
        dataset(tmp_path / "set", a__jsonl=lines(first), b__jsonl=lines({"input": "z"}, second))
    (problem,) = caught.value.problems
    assert problem.path.endswith("set/b.jsonl")
    assert problem.line == 2
    assert says in problem.message
    assert "set/a.jsonl:1" in problem.message


def test_a_derived_id_depends_on_the_input_alone(tmp_path: Path) -> None:
    bare = {name: value for name, value in FULL.items() if name != "id"}
    one = dataset(tmp_path / "a", cases__jsonl=lines(bare))
    other = dataset(tmp_path / "b", cases__jsonl=lines({"input": FULL["input"]}))
    assert one.cases[0].id == other.cases[0].id


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        ({"messages": [{"role": "user", "content": "Hi there"}]}, "hi-there-"),
        ({"document": "x" * 300, "question": "Why?"}, "why-"),
        ({"n": 1, "parts": [{"text": "Größe"}]}, "groe-"),
        ("育児休暇はどのくらいですか", "case-"),
        (
            "one two three four five six seven eight nine ten",
            "one-two-three-four-five-six-seven-eight-",
        ),
        ("x" * 100, "x" * 40 + "-"),
        ({"n": 1}, "case-"),
    ],
)
def test_ids_are_slugs_of_the_question(value: Any, begins: str) -> None:
    made = derive_id(value)
    assert made[:-10] == begins


def test_loading_json_lines_imports_nothing_heavy(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    dataset(folder, cases__jsonl=lines(FULL))
    code = (
        "import sys, pathlib, evalsuite.golden as golden; golden.load(pathlib.Path(sys.argv[1]));"
        "print(sorted({'yaml', 'numpy', 'datasets', 'pyarrow', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
