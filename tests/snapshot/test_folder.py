"""A stored run comes back as it was, and a killed writer leaves the old run or the new one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_runs import HANDBOOK, answer, many, row, run_of

from evalsuite.errors import DataError, SnapshotError
from evalsuite.records import (
    CHECKS,
    Crossed,
    Document,
    Extent,
    Failure,
    Looks,
    Manifest,
    Metric,
    Operations,
    Output,
    Part,
    Row,
    Run,
    Spent,
    Subject,
    ToolCall,
    Usage,
)
from evalsuite.snapshot import Writer, load, output_key, read_head, read_outputs, write
from evalsuite.snapshot.codec import decoder, dump, parse, to_json
from evalsuite.snapshot.outputs import new_lines, redacted

FULL_ROW = Row(
    "leave-01",
    "casekey",
    {CHECKS: "k1", "faithful": "k2"},
    {CHECKS: (1.0, 0.0), "faithful": (None, 0.333333)},
    outputs=("o1", None),
    errors=(None, "timeout: 30 s"),
    reasons={"faithful": "no verdict"},
    slices={"topic": "leave"},
    facts={"input_length": 12, "language": "en"},
    output_facts={"context_tokens": 8, "cited": True},
    must_pass=True,
    cluster="leave.md",
    void=("cited",),
    crossed=Crossed(("b1", None), (None, None), {CHECKS: (0.0, None)}, ("target: broke", None)),
    again={CHECKS: (1.0, None, 0.0, 1.0)},
    spent=(Spent(True, 1.25, 0.5, 120, 0.002, 1, False, 2, 0.5, 4, 1), Spent(lost=True)),
)
FULL_MANIFEST = Manifest(
    suite="askacme",
    run="r1",
    created="2026-01-02T03:04:05+00:00",
    golden={"name": "askacme", "key": "g", "cases": 1},
    subject=Subject({"default": Part("m", "embedded")}, {"prompt": Part("p")}, {"a.py": Part("c")}),
    policy={"min": {"checks": 0.8}},
    metrics=(Metric("checks"), Metric("latency", 0.0, 30.0, higher_is_better=False)),
    expected=1,
    nodeid="test_a.py::askacme",
    command="pytest --evals",
    trials=2,
    seed=7,
    partial=True,
    complete=False,
    replayed=True,
    stopped="budget",
    notes=("a note",),
    operations=Operations(1.5, 3, 4, 5, 6, 7, 0.01, 0.2, 0.4),
    versions={"evalsuite": "0.1.0"},
    outputs="redacted",
    detectable={"overall": 0.06},
    accepted={"run": "r0", "reason": "first", "previous": None},
    looks=Looks(("leave-01", "leave-02"), (1, 2), 1, "checks: regression"),
    again=4,
    shocks={CHECKS: 0.02},
    afresh=1000,
    tier="pr",
    tiers={"pr": Extent(cases=1, without=("judged",), trials=2, detectable={CHECKS: 0.1})},
    among=("leave-01",),
)


def test_every_field_of_a_run_comes_back(tmp_path: Path) -> None:
    run = Run(FULL_MANIFEST, {FULL_ROW.id: FULL_ROW})
    for record in (FULL_MANIFEST, FULL_ROW):
        defaults = {each.name: each.default for each in fields(record)}
        same = [name for name, value in defaults.items() if getattr(record, name) == value]
        assert not same, "the sample must differ from every default, or this test proves nothing"
    write(tmp_path, run, [])
    assert load(tmp_path) == run
    assert load(tmp_path).rows[FULL_ROW.id].spent == FULL_ROW.spent  # no part of equality


def test_an_output_comes_back_without_what_is_volatile(tmp_path: Path) -> None:
    output = Output(
        text="16 weeks\u2028\r\n",
        value={"weeks": 16},
        contexts=[Document("a", "x", 0.5, {"tenant": "acme", "tags": ["hr"]}), Document("b", "y")],
        tool_calls=[ToolCall("search", {"q": "leave"}, ["a"], None)],
        finish_reason="stop",
        model="m",
        usage=Usage(1, 2),
        cost=0.1,
        latency=0.2,
    )
    run, _ = run_of({"c1": "x"})
    write(tmp_path, run, [("key", output)])
    expected = replace(output, usage=None, cost=None, latency=None)
    assert read_outputs(tmp_path, {"key"}) == {"key": expected}


def test_only_the_outputs_asked_for_are_read(tmp_path: Path) -> None:
    run, outputs = run_of(many(5))
    write(tmp_path, run, outputs)
    wanted = outputs[3][0]
    assert list(read_outputs(tmp_path, {wanted, "never stored"})) == [wanted]


def test_a_context_is_stored_once_however_many_answers_used_it(tmp_path: Path) -> None:
    run, outputs = run_of(many(50))
    write(tmp_path, run, outputs)
    text = (tmp_path / "outputs.jsonl").read_text(encoding="utf-8")
    assert text.count(HANDBOOK.text) == 1
    assert text.count('{"output"') == 50


def test_an_unchanged_run_leaves_the_same_bytes(tmp_path: Path) -> None:
    first, outputs = run_of(many(3))
    slower = [(name, replace(each, latency=9.0, cost=1.0)) for name, each in outputs]
    later = replace(
        first.manifest, run="r2", created="2027", operations=Operations(seconds=99.0, cost=3.0)
    )
    write(tmp_path / "a", first, outputs)
    write(tmp_path / "b", Run(later, dict(reversed(list(first.rows.items())))), slower)
    for name in ("scores.jsonl", "outputs.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a/manifest.json").read_bytes() != (
        tmp_path / "b/manifest.json"
    ).read_bytes()


def test_rows_are_sorted_by_id_one_line_each(tmp_path: Path) -> None:
    run, outputs = run_of({"b": "1", "a": "2", "c": "3"})
    write(tmp_path, run, outputs)
    lines = (tmp_path / "scores.jsonl").read_bytes().splitlines()
    assert [parse(line)["id"] for line in lines] == ["a", "b", "c"]
    assert lines[0].startswith(b'{"id":"a","scores":{"checks":[1],')


def test_500_cases_with_5_metrics_take_less_than_a_megabyte(tmp_path: Path) -> None:
    metrics = ["checks", "completion", "correctness", "context_precision", "faithfulness"]
    key = "0123456789abcdef" * 2
    rows = {
        f"topic-question-{number:03}": Row(
            f"topic-question-{number:03}",
            key,
            dict.fromkeys(metrics, key),
            dict.fromkeys(metrics, (0.123456789,)),
            (key,),
            (None,),
            dict.fromkeys(metrics[:2], "why " * 500),
            {"topic": "leave", "kind": "ordinary"},
            {"input_length": 123, "language": "en"},
            {"context_tokens": 456},
        )
        for number in range(500)
    }
    run, _ = run_of({"c": "x"})
    outputs = [(f"{number:032}", answer("word " * 100)) for number in range(500)]
    write(tmp_path, Run(run.manifest, rows), outputs)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1_000_000
    assert len(load(tmp_path).rows["topic-question-000"].reasons["checks"]) == 200


def test_outputs_over_the_limit_are_named_by_their_hash(tmp_path: Path) -> None:
    run, outputs = run_of(many(5))
    write(tmp_path, run, outputs)
    kept = read_head(tmp_path).files["outputs.jsonl"]
    write(tmp_path, run, outputs, keep=100)
    assert not (tmp_path / "outputs.jsonl").exists()
    assert read_head(tmp_path).files["outputs.jsonl"] == replace(kept, kept=False)
    assert read_outputs(tmp_path, {outputs[0][0]}) == {}
    assert load(tmp_path) == run


def test_line_ends_of_another_platform_change_nothing(tmp_path: Path) -> None:
    run, outputs = run_of(many(3))
    write(tmp_path, run, outputs)
    key = read_head(tmp_path).key
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert load(tmp_path) == run
    assert read_head(tmp_path).key == key
    assert len(read_outputs(tmp_path, {name for name, _ in outputs})) == 3


class KilledError(Exception):
    pass


@pytest.mark.parametrize("survives", range(4))
def test_a_kill_between_renames_leaves_the_old_run_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survives: int
) -> None:
    old, old_outputs = run_of({"a": "old"}, run="old")
    new, new_outputs = run_of({"a": "new", "b": "new too"}, run="new")
    write(tmp_path, old, old_outputs)
    _die_after(monkeypatch, survives)
    if survives < 3:
        with pytest.raises(KilledError):
            write(tmp_path, new, new_outputs)
    else:
        write(tmp_path, new, new_outputs)
    monkeypatch.undo()
    expected, outputs = (new, new_outputs) if survives else (old, old_outputs)
    assert load(tmp_path) == expected
    assert read_outputs(tmp_path, {name for name, _ in outputs}) == dict(outputs)
    again, again_outputs = run_of({"z": "again"})
    write(tmp_path, again, again_outputs)
    assert load(tmp_path) == again


def test_a_kill_in_the_middle_of_the_next_run_leaves_what_a_kill_left_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, new_outputs = run_of({"a": "new"}, run="new")
    _die_after(monkeypatch, 1)
    with pytest.raises(KilledError):
        write(tmp_path, new, new_outputs)
    monkeypatch.undo()
    killed = Writer(tmp_path)
    killed.add("x", answer("half"))
    killed._outputs.flush()
    assert load(tmp_path) == new
    assert read_outputs(tmp_path, {new_outputs[0][0]}) == dict(new_outputs)
    killed._outputs.close()


def test_leaving_the_writer_early_changes_nothing(tmp_path: Path) -> None:
    old, outputs = run_of({"a": "old"})
    write(tmp_path, old, outputs)
    with Writer(tmp_path) as writer:
        writer.add("x", answer("half"))
    assert load(tmp_path) == old
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "manifest.json",
        "outputs.jsonl",
        "scores.jsonl",
    ]


def _die_after(monkeypatch: pytest.MonkeyPatch, renames: int) -> None:
    """Errors do not tidy up here: what is on disk is what a kill would leave."""
    replace_file = Path.replace
    left = [renames]

    def rename(file: Path, target: Any) -> Path:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        return replace_file(file, target)

    monkeypatch.setattr(Path, "replace", rename)
    monkeypatch.setattr(Writer, "__exit__", lambda *_: None)


def test_a_score_that_is_no_number_is_refused(tmp_path: Path) -> None:
    run, outputs = run_of({"a": "x"})
    bad = Run(run.manifest, {"a": replace(row("a", "x"), scores={CHECKS: (math.nan,)})})
    with pytest.raises(SnapshotError, match=r"case 'a'.*not finite"):
        write(tmp_path, bad, outputs)


def test_half_a_surrogate_pair_is_stored_as_a_question_mark(tmp_path: Path) -> None:
    output = Output(text="\ud800!", contexts=[Document("d", "\udfff")])
    run, _ = run_of({"a": "x"})
    write(tmp_path, run, [(output_key(output), output)])
    (back,) = read_outputs(tmp_path, {output_key(output)}).values()
    assert (back.text, back.contexts[0].text) == ("?!", "?")


def test_the_key_of_an_output_is_its_content_alone() -> None:
    output = answer("16 weeks")
    same = replace(
        output,
        latency=1.0,
        cost=2.0,
        usage=Usage(1),
        model="other",
        finish_reason="length",
        contexts=[replace(HANDBOOK, score=9.0)],
        error=Failure("timeout", "x"),
    )
    assert output_key(same) == output_key(output)
    for other in (
        replace(output, text="15 weeks"),
        replace(output, value=1),
        replace(output, contexts=[replace(HANDBOOK, text="changed")]),
        replace(output, contexts=[replace(HANDBOOK, id="other.md")]),
        replace(output, contexts=[replace(HANDBOOK, metadata={"tenant": "acme"})]),
        replace(output, tool_calls=[ToolCall("search")]),
    ):
        assert output_key(other) != output_key(output)


def test_what_has_no_metadata_keeps_the_key_and_the_line_that_it_had_without_such_a_field() -> None:
    output = Output(
        text="16 weeks",
        value={"weeks": 16},
        contexts=[Document("a", "x", 0.5), Document("b", "y")],
        tool_calls=[ToolCall("search", {"q": "leave"}, ["a"])],
    )
    assert output_key(output) == "09ca21ebf64e59589f72c4cf6289432a"
    assert list(new_lines("k", output, set()))[:2] == [
        b'{"context":"88e8df55eb478c75d8167be5605a8671","id":"a","text":"x"}',
        b'{"context":"50d5c7daee01950aa461988e2dc9f239","id":"b","text":"y"}',
    ]


def test_the_same_text_with_other_metadata_is_another_context(tmp_path: Path) -> None:
    old, new = ({"updated": f"202{year}-01-31"} for year in (4, 6))
    documents = [replace(HANDBOOK, metadata=each) for each in (old, new, old)]
    run, _ = run_of({"a": "x"})
    write(tmp_path, run, [("key", Output(contexts=documents))])
    assert read_outputs(tmp_path, {"key"})["key"].contexts == tuple(documents)
    assert (tmp_path / "outputs.jsonl").read_bytes().count(b'{"context"') == 2


def test_redacted_metadata_keeps_its_names_alone() -> None:
    documents = [replace(HANDBOOK, metadata={"tenant": "acme", "level": 3, "team": None})]
    (kept,) = redacted(Output(contexts=documents)).contexts
    assert kept.metadata == {
        "tenant": "[redacted: 4 characters]",
        "level": "[redacted: int]",
        "team": None,
    }


def test_a_date_in_metadata_is_refused_with_the_way_to_write_it() -> None:
    output = Output(contexts=[replace(HANDBOOK, metadata={"updated": date(2026, 1, 31)})])
    with pytest.raises(DataError, match=r"date is not JSON: write its isoformat\(\)"):
        output_key(output)


def test_a_document_with_metadata_can_be_put_into_sets() -> None:
    one, two = (replace(HANDBOOK, metadata={"tenant": each}) for each in ("a", "b"))
    assert len({one, two, replace(one)}) == 2
    with pytest.raises(TypeError, match="metadata must be a dict, not 'acme'"):
        Document("a", "x", metadata="acme")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [{1, 2}, math.nan, math.inf, object(), b"bytes"])
def test_an_output_that_is_not_json_is_refused_with_the_remedy(value: object) -> None:
    with pytest.raises(DataError, match="must be JSON"):
        output_key(Output(value=value))


def test_an_output_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(DataError, match="must be JSON"):
        output_key(Output(value=value))


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text(st.sampled_from("abc-1"), min_size=1, max_size=8)
values = st.none() | st.floats(0, 1).map(lambda value: round(value, 6))


@given(
    st.builds(
        Row,
        names,
        names,
        st.dictionaries(names, names, max_size=3),
        st.dictionaries(names, st.lists(values, max_size=3).map(tuple), max_size=3),
        st.lists(st.none() | names, max_size=2).map(tuple),
        st.lists(st.none() | words, max_size=2).map(tuple),
        st.dictionaries(names, words, max_size=2),
        st.dictionaries(names, words, max_size=2),
        st.dictionaries(words, st.none() | st.booleans() | st.integers() | words, max_size=3),
    )
)
def test_any_row_survives_the_way_to_disk_and_back(made: Row) -> None:
    assert decoder(Row)(parse(dump(to_json(made, sparse=True)))) == made


def test_memory_does_not_grow_with_the_text_of_outputs(tmp_path: Path) -> None:
    def endless() -> Iterator[tuple[str, Output]]:
        for number in range(200):
            yield f"{number:032}", Output(text="x" * 100_000)

    import tracemalloc

    run, _ = run_of({"a": "x"})
    tracemalloc.start()
    write(tmp_path, run, endless())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000  # of 20 MB; threads of tests before this one are counted too


@pytest.mark.parametrize(
    ("looks", "field"),
    [
        (Looks(("a", "b"), (2, 1)), "looks.sizes"),
        (Looks(("a", "b"), (1,)), "looks.sizes"),
        (Looks(("a", "b"), (1, 2), 3), "looks.ended"),
        (Looks(("a", "b"), (1, 2), -1), "looks.ended"),
    ],
)
def test_looks_that_can_not_be_are_refused(tmp_path: Path, looks: Looks, field: str) -> None:
    write(tmp_path / "run", Run(replace(FULL_MANIFEST, looks=looks), {}), [])
    with pytest.raises(SnapshotError, match=field):
        load(tmp_path / "run")
