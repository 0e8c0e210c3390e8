"""CSV, Parquet and Hugging Face tables hold the same cases as JSON Lines."""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evalsuite.errors import GoldenError, MissingExtra
from evalsuite.golden import load

LINES = [
    {
        "id": "a",
        "input": {"question": "How long,\nreally?", "lang": "en"},
        "expected": "no",
        "checks": [{"contains": "16"}],
        "contexts": ["c"],
        "relevant": {"d": 2},
        "slices": {"topic": "x", "kind": "y"},
        "must_pass": True,
    },
    {"id": "b", "input": {"question": "7"}, "slices": {"topic": "x"}},
]


def folder(tmp_path: Path, name: str, files: dict[str, str]) -> Path:
    made = tmp_path / name
    made.mkdir()
    for file, text in files.items():
        (made / file).write_bytes(text.encode())
    return made


@pytest.fixture
def wanted(tmp_path: Path) -> str:
    text = "\n".join(json.dumps(line) for line in LINES)
    return load(folder(tmp_path, "lines", {"a.jsonl": text})).key


def test_csv_with_dotted_columns(tmp_path: Path, wanted: str) -> None:
    text = (
        "\ufeffid,input.question,input.lang,expected,checks,contexts,relevant,"
        "slices.topic,slices.kind,must_pass\r\n"
        'a,"How long,\r\nreally?",en,no,"[{""contains"": ""16""}]","[""c""]","{""d"": 2}",'
        "x,y,true\r\n"
        "\r\n"
        "b,7,,,,,,x,,\r\n"
    )
    made = load(folder(tmp_path, "set", {"cases.csv": text}))
    assert made.key == wanted
    assert [case.source and case.source.line for case in made.cases] == [2, 5]


def test_csv_with_a_mapping_takes_a_table_as_it_is(tmp_path: Path) -> None:
    about = {"fields": {"input.question": "q", "expected": "gold", "slices.topic": "cat"}}
    text = "nr,q,gold,cat,remark\n1,How long?,16 weeks,leave,-\n"
    made = load(folder(tmp_path, "set", {"cases.csv": text, "dataset.json": json.dumps(about)}))
    (case,) = made.cases
    assert case.input == {"question": "How long?"}
    assert case.expected == "16 weeks"
    assert case.slices == {"topic": "leave"}


def test_a_mapping_to_an_absent_column_names_the_nearest(tmp_path: Path) -> None:
    about = {"fields": {"input": "qestion"}}
    files = {"cases.csv": "question\nx\n", "dataset.json": json.dumps(about)}
    with pytest.raises(GoldenError, match='did you mean "question"'):
        load(folder(tmp_path, "set", files))


def test_a_field_is_filled_as_a_whole_or_in_parts(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match=r":2: input: is filled twice"):
        load(folder(tmp_path, "set", {"cases.csv": "input,input.q\nx,y\n"}))


def test_parquet(tmp_path: Path, wanted: str) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows: list[dict[str, Any]] = [
        {**line, "checks": json.dumps(line["checks"]) if "checks" in line else None}
        for line in LINES
    ]
    rows = [{**row, "relevant": json.dumps(row.get("relevant")) or None} for row in rows]
    rows[1]["input.question"] = None
    made = tmp_path / "set"
    made.mkdir()
    flat = [
        {
            "id": row["id"],
            "input.question": row["input"]["question"],
            "input.lang": row["input"].get("lang"),
            **{name: row.get(name) for name in ("expected", "checks", "contexts", "must_pass")},
            "relevant": row["relevant"] if row["relevant"] != "null" else None,
            "slices": row["slices"],
        }
        for row in rows
    ]
    parquet.write_table(pa.Table.from_pylist(flat), made / "cases.parquet")
    assert load(made).key == wanted


@pytest.mark.parametrize(
    ("value", "says"),
    [(float("nan"), "NaN"), (b"x", "JSON has not"), ({"d": float("inf")}, "infinite")],
)
def test_parquet_values_that_json_has_not_are_refused(
    value: Any, says: str, tmp_path: Path
) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    made = tmp_path / "set"
    made.mkdir()
    table = pa.Table.from_pylist(
        [{"input": "x", "expected": None}, {"input": "y", "expected": value}]
    )
    parquet.write_table(table, made / "cases.parquet")
    with pytest.raises(GoldenError) as caught:
        load(made)
    (problem,) = caught.value.problems
    assert (problem.line, problem.field) == (2, "expected")
    assert says in problem.message


def test_a_hugging_face_folder_is_hashed_as_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    about = {
        "huggingface": {
            "path": "data",
            "split": "test",
            "fields": {"input": "question", "expected": "answer"},
        }
    }
    made = folder(tmp_path, "set", {"dataset.json": json.dumps(about)})
    rows = datasets.Dataset.from_dict({"question": ["x", "y"], "answer": ["1", None], "n": [1, 2]})
    datasets.DatasetDict({"test": rows}).save_to_disk(str(made / "data"))
    lines = '{"input": "y"}\n{"input": "x", "expected": "1"}\n'
    loaded = load(made)
    assert loaded.key == load(folder(tmp_path, "lines", {"a.jsonl": lines})).key

    about["huggingface"]["split"] = "train"
    (made / "dataset.json").write_text(json.dumps(about))
    with pytest.raises(GoldenError, match=r"dataset\.json: huggingface: KeyError"):
        load(made)


def test_a_hugging_face_folder_is_not_read_through_links(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    about = {"huggingface": {"path": "data"}}
    made = folder(tmp_path, "set", {"dataset.json": json.dumps(about)})
    (tmp_path / "outside").mkdir()
    (made / "data").symlink_to(tmp_path / "outside")
    with pytest.raises(GoldenError, match="symbolic link"):
        load(made)


@pytest.mark.parametrize("package", ["pyarrow", "datasets"])
def test_a_missing_package_names_the_extra(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    files = {"dataset.json": '{"huggingface": {"path": "data"}}'}
    if package == "pyarrow":
        files = {"cases.parquet": "PAR1"}
    with pytest.raises(MissingExtra, match=r"evalsuite\[datasets\]"):
        load(folder(tmp_path, "set", files))
