"""`evalsuite correlate`: figures of stored values against people's, whatever the file's layout."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outside import DATA, expected, needs_data
from scipy import stats

from evalsuite.calibration.columns import ABSENT, Column, People, look
from evalsuite.calibration.correlating import NAMES, correlated
from evalsuite.cli import main
from evalsuite.report.figures import UNKNOWN

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in an empty folder: exit status and what it wrote."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(["correlate", *arguments])
        done = capsys.readouterr()
        return status, done.out + done.err

    return call


def write(rows: Sequence[Any], name: str = "rows.jsonl") -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def figures(run: Run, *arguments: str) -> dict[str, Any]:
    status, out = run(*arguments, "--json")
    assert status == 0, out
    found: dict[str, Any] = json.loads(out, parse_constant=pytest.fail)
    return found


def only(found: Mapping[str, Any]) -> dict[str, Any]:
    (one,) = found["correlations"]
    return one  # type: ignore[no-any-return]


def near(value: float | None) -> Any:
    return pytest.approx(value, abs=1e-6)


def same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """The three coefficients, each inside of its interval."""
    for name in NAMES:
        assert found[name]["value"] == near(wanted[name])
        assert found[name]["low"] < wanted[name] < found[name]["high"]


@needs_data
def test_one_number_of_people_beside_one_of_a_judge(run: Run) -> None:
    wanted = expected("qags_xsum")
    file = str(DATA / "qags_xsum.jsonl")
    found = only(figures(run, file, "--human", "human_consistency", "--value", "judge_unieval"))
    assert found["n"] == wanted["n"]
    same(found, wanted)
    status, out = run(file, "--human", "human_consistency", "--value", "judge_unieval")
    assert status == 0
    for name in NAMES:
        assert f"{wanted[name]:.3f} [" in out


@needs_data
def test_ratings_of_several_people_of_each_answer_of_a_task(run: Run) -> None:
    wanted = expected("mtrag_dev")
    args = [str(DATA / "mtrag_dev.jsonl"), "--each", "answers", "--value", "auto.*"]
    args += ["--cluster", "conversation", "--by", "system", "--passing", "3"]
    args += [each for cut in ("0.5", "0.8", "1.0") for each in ("--cut", cut)]
    dimensions = [name for name, each in wanted.items() if isinstance(each, dict)]
    args += [each for name in dimensions for each in ("--human", f"human.{name}")]
    found = figures(run, *args)
    assert (found["rows"], found["outputs"]) == (wanted["n_tasks"], wanted["n_answers"])
    assert found["clusters"] == {"field": "conversation", "n": 8}
    whole = {(x["human"], x["value"]): x for x in found["correlations"] if x["slice"] is None}
    compared = 0
    for name in dimensions:
        truth, people = wanted[name], found["people"][f"human.{name}"]
        assert people["raters"] == 7
        assert people["mean_of_medians"] == near(truth["mean_of_medians"])
        assert people["exact_pair_agreement"] == near(truth["exact_pair_agreement"])
        assert people["mean_of_medians_by"] == near(truth["per_system_mean_of_medians"])
        for kind in ("krippendorff_ordinal", "krippendorff_interval"):
            assert people[kind]["value"] == near(truth[kind])
        for metric, figure in truth["auto_vs_human_mean"].items():
            one = whole[f"human.{name}", f"auto.{metric}"]
            assert one["n"] == 195
            same(one, figure)
            compared += 1
    assert compared == 24
    binary = wanted["faithfulness"]["binary_median_ge3"]
    assert found["people"]["human.faithfulness"]["prevalence"] == near(binary["prevalence"])
    for cut in whole["human.faithfulness", "auto.ragas_faithfulness"]["cuts"]:
        truth = binary[f"ragas>={cut['cut']:.1f}"]
        said = [cut["accuracy"]["value"], cut["kappa"], cut["tpr"]["value"], cut["tnr"]["value"]]
        assert said == near([truth["acc"], truth["kappa"], truth["sens"], truth["spec"]])


@needs_data
def test_dimensions_of_one_name_over_all_and_inside_dialogues(run: Run) -> None:
    wanted = expected("topical_chat_unieval")
    fields = ["--human", "human_mean.*", "--value", "judge_unieval.*", "--cluster", "dialogue"]
    found = figures(run, str(DATA / "topical_chat_unieval.jsonl"), *fields)
    by_name = {each["human"].removeprefix("human_mean."): each for each in found["correlations"]}
    assert by_name.keys() >= wanted["dims"].keys()
    for name, truth in wanted["dims"].items():
        one = by_name[name]
        assert one["value"] == f"judge_unieval.{name}"
        assert one["n"] == wanted["n"]
        same(one, truth)
        inside = truth["per_dialogue"]
        assert one["within"] == near({"n_clusters": 60, **inside})


def rated(count: int = 40) -> list[dict[str, Any]]:
    """Rows with ties and gaps, two raters, five documents and two systems."""
    draw = np.random.default_rng(3)
    rows = []
    for n in range(count):
        truth = int(draw.integers(1, 5))
        rows.append(
            {
                "doc": f"d{n % 5}",
                "arm": "new" if n % 2 else "old",
                "people": {"r1": truth, "r2": None if n % 3 else max(1, truth - 1)},
                "said": {"a.b": round(truth + float(draw.normal()), 1), "flat": 2},
            }
        )
    rows[7]["said"]["a.b"] = None
    rows[8]["people"] = {}
    del rows[9]["people"]
    return rows


def test_figures_are_those_of_scipy_whatever_the_names_of_the_fields(run: Run) -> None:
    rows = rated()
    args = ("--human", "people", "--value", "said.a.b", "--cluster", "doc", "--by", "arm")
    found = figures(run, write(rows), *args)
    whole, *groups = found["correlations"]
    pairs = [
        (float(np.mean(given)), row["said"]["a.b"], row["doc"], row["arm"])
        for row in rows
        if row["said"]["a.b"] is not None
        and (given := [each for each in row.get("people", {}).values() if each is not None])
    ]
    assert (whole["n"], whole["unrated"], whole["unscored"]) == (len(pairs), 2, 1)
    assert len(pairs) == 37

    def of(some: Sequence[tuple[Any, ...]]) -> list[float]:
        one, two = [each[0] for each in some], [each[1] for each in some]
        return [
            float(stats.pearsonr(one, two).statistic),
            float(stats.spearmanr(one, two).statistic),
            float(stats.kendalltau(one, two).statistic),
        ]

    assert [whole[name]["value"] for name in NAMES] == pytest.approx(of(pairs))
    assert [each["slice"] for each in groups] == [{"arm": "old"}, {"arm": "new"}]
    for each in groups:
        arm = [pair for pair in pairs if pair[3] == each["slice"]["arm"]]
        assert [each[name]["value"] for name in NAMES] == pytest.approx(of(arm))
    inside = np.mean([of([x for x in pairs if x[2] == f"d{n}"]) for n in range(5)], axis=0)
    assert [whole["within"][name] for name in NAMES] == pytest.approx(inside.tolist())
    assert whole["within"]["n_used"] == 5
    assert whole["between"] == {
        "n": 2,
        "undefined": "2 groups, and 3 are needed: of two it is 1 or -1",
        **dict.fromkeys(NAMES),
    }
    assert whole["pearson"]["clusters"] == 5
    alone = only(figures(run, write(rows), "--human", "people", "--value", "said.a.b"))
    assert alone["pearson"]["clusters"] == 37
    assert alone["pearson"]["low"] != whole["pearson"]["low"]


def test_between_groups_is_said_of_how_many_and_not_at_all_of_two(run: Run) -> None:
    rows = [{"h": n + n % 2, "m": n, "sys": f"s{n % 3}", "pair": n % 2} for n in range(12)]
    file = write(rows)
    three = ("--human", "h", "--value", "m", "--by", "sys")
    whole = figures(run, file, *three)["correlations"][0]
    assert (whole["between"]["n"], whole["between"]["undefined"]) == (3, None)
    figure = f"{whole['between']['pearson']:.3f}"
    assert re.search(rf"between sys, means of 3 +3 +{figure} ", run(file, *three)[1])
    status, out = run(file, *three[:-1], "pair")
    assert status == 0
    assert "no correlation: h beside m, between pair: 2 groups, and 3 are needed" in out
    assert re.search(rf"between pair, means of 2 +2( +{UNKNOWN}){{3}}\n", out)


def test_elements_of_a_list_are_units_and_take_what_they_lack_from_their_row(run: Run) -> None:
    rows = [
        {"talk": n, "outs": [{"by": "x", "h": n, "m": n}, {"by": "y", "h": n, "m": -n}]}
        for n in range(1, 5)
    ]
    args = ("--each", "outs", "--human", "h", "--value", "m", "--cluster", "talk", "--by", "by")
    found = figures(run, write(rows), *args)
    assert (found["rows"], found["outputs"], found["clusters"]["n"]) == (4, 8, 4)
    _, up, down = found["correlations"]
    assert (up["slice"], up["spearman"]["value"]) == ({"by": "x"}, pytest.approx(1.0))
    assert (down["slice"], down["spearman"]["value"]) == ({"by": "y"}, pytest.approx(-1.0))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([{"h": n, "m": 2} for n in range(5)], "m is constant (2)"),
        ([{"h": 1, "m": n} for n in range(5)], "h is constant (1)"),
        ([{"h": 1, "m": 0.5}] * 4, "h is constant (1) and m is constant (0.5)"),
        ([{"h": n, "m": None} for n in range(5)], "no unit has both"),
        ([{"h": 1, "m": 2}, {"h": 1}], "one unit has both, and two are needed"),
    ],
)
def test_what_has_no_correlation_is_null_with_the_reason(
    run: Run, rows: Sequence[Any], why: str
) -> None:
    file = write(rows)
    found = only(figures(run, file, "--human", "h", "--value", "m"))
    assert found["undefined"] == why
    for name in NAMES:
        assert [found[name][each] for each in ("value", "low", "high")] == [None] * 3
    status, out = run(file, "--human", "h", "--value", "m")
    assert status == 0
    assert f"no correlation: h beside m: {why}" in out
    assert "nan" not in out.lower()


def test_tiny_and_huge_values_are_no_constants(run: Run) -> None:
    rows = [{"h": n * 1e-200, "m": n * n * 1e200} for n in range(6)]
    found = only(figures(run, write(rows), "--human", "h", "--value", "m"))
    wanted = np.corrcoef(range(6), [n * n for n in range(6)])[0, 1]
    assert found["pearson"]["value"] == pytest.approx(wanted)
    assert found["spearman"]["value"] == pytest.approx(1.0)


def test_equal_means_of_raters_are_ties(run: Run) -> None:
    rows = [{"h": [0.1, 0.2, 0.3], "m": 1}, {"h": [0.2, 0.2], "m": 2}, {"h": [0.3, 0.1], "m": 0}]
    found = only(figures(run, write(rows), "--human", "h", "--value", "m"))
    assert found["undefined"] == "h is constant (0.2)"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"h": 1, "m": "high"}', "m: must be a number, not 'high' (write a number, or null"),
        ('{"h": {"ann": "3"}, "m": 1}', "h.ann: must be a number, not '3'"),
        ('{"h": {"ann": {"x": 1}}, "m": 1}', "h.ann: holds more than a rating (name it:"),
        ('{"h": 1, "m": {"x": 1}}', "m: is an object with x (name one of its fields"),
        ('{"h": 1, "m": NaN}', "NaN is not JSON (write null"),
        ('{"h": 1, "m": 1e999}', "is out of range"),
        ('{"h": 1, "m": 1', "not JSON"),
        ("[1]", "is no object"),
    ],
)
def test_a_value_that_is_none_is_named_with_its_place(run: Run, line: str, said: str) -> None:
    Path("rows.jsonl").write_text('{"h": 1, "m": 1}\n\n' + line + "\n")
    status, out = run("rows.jsonl", "--human", "h", "--value", "m")
    assert status == 2
    assert "rows.jsonl:3:" in out
    assert said in out


def test_what_can_not_be_meant_is_refused_with_a_remedy(run: Run) -> None:
    file = write([{"human": {"good": 1}, "auto": {"rouge": 0.5}, "outs": [{"m": 1}], "s": "x"}])
    for args, said in (
        (("--human", "humam.good", "--value", "auto.rouge"), 'did you mean "human.good"?'),
        (("--human", "human.good", "--value", "auto.*x"), "no row has this field"),
        (("--human", "human.*", "--value", "auto.*"), "no field of the same name as --human"),
        (("--human", "human.good", "--value", "none.*"), "there is no number in any row"),
        (("--human", "human", "--value", "auto.rouge", "--cluster", "auto"), "must be text or a"),
        (("--human", "human", "--value", "m", "--each", "out"), 'did you mean "outs"?'),
        (("--human", "human", "--value", "m", "--each", "s"), "must be a list, not 'x'"),
    ):
        status, out = run(file, *args)
        assert (status, said in out) == (2 if "--human" not in said else 4, True), out
    assert run(file, "--human", "human")[0] == 4
    assert run(file, "--human", "human", "--value", "auto.rouge", "--cut", "1")[0] == 4
    assert run(file, "--human", "human", "--value", "auto.rouge", "--passing", "nan")[0] == 4
    assert run("none.jsonl", "--human", "h", "--value", "m") == (
        4,
        "evalsuite: none.jsonl: can't be read: No such file or directory\n",
    )
    Path("empty.jsonl").write_text("\n")
    assert "holds no rows" in run("empty.jsonl", "--human", "h", "--value", "m")[1]
    Path("array.jsonl").write_text("[\n{}\n]\n")
    assert "a JSON array" in run("array.jsonl", "--human", "h", "--value", "m")[1]


def test_nulls_are_missing_wherever_they_stand(run: Run) -> None:
    rows: list[dict[str, Any]] = [
        {"t": n, "outs": [{"h": {"a": n, "b": None}, "m": {"x": n}, "s": "s"}]} for n in range(6)
    ]
    rows[0]["outs"] = None
    rows[1]["outs"] = []
    rows[2]["outs"][0]["h"] = None
    rows[3]["outs"][0]["m"] = None
    rows[4]["outs"][0]["s"] = None
    args = ("--each", "outs", "--human", "h", "--value", "m.x", "--by", "s", "--cluster", "t")
    found = figures(run, write(rows), *args)
    whole, *groups = found["correlations"]
    assert (found["rows"], found["outputs"]) == (4, 4)
    assert (whole["n"], whole["unrated"], whole["unscored"]) == (2, 1, 1)
    assert [each["slice"]["s"] for each in groups] == ["s", "(none)"]
    rows[5]["t"] = None
    status, out = run(write(rows), *args)
    assert (status, "rows.jsonl:6: t: has no value" in out) == (2, True), out


def test_several_files_are_one_table(run: Run) -> None:
    rows = rated()
    one, two = write(rows[:20], "one.jsonl"), write(rows[20:], "two.jsonl")
    args = ("--human", "people", "--value", "said.a.b")
    assert (
        figures(run, one, two, *args)["correlations"]
        == (figures(run, write(rows), *args)["correlations"])
    )


def test_foreign_text_moves_no_cursor(run: Run) -> None:
    rows = [{"h": n, "m": n, "s": "\x1b[31mred"} for n in range(4)]
    status, out = run(write(rows), "--human", "h", "--value", "m", "--by", "s")
    assert status == 0
    assert "\x1b" not in out


numbers = st.one_of(st.none(), st.integers(-5, 5), st.floats(-1e6, 1e6))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, st.sampled_from("abc")), min_size=1, max_size=12))
def test_a_figure_is_a_number_in_range_or_none_with_a_reason(
    rows: Sequence[tuple[float | None, float | None, str]],
) -> None:
    people = People("h", [], [[each[0]] for each in rows])
    column, clusters = Column("m", [each[1] for each in rows]), [each[2] for each in rows]
    for one in correlated(people, column, clusters=clusters, groups=clusters):
        values = [figure.value for figure in one.figures.values()]
        assert (values == [None] * 3) == bool(one.undefined)
        for figure in one.figures.values():
            for value in (figure.value, figure.low, figure.high):
                assert value is None or (math.isfinite(value) and -1 - 1e-9 <= value <= 1 + 1e-9)


@given(
    st.recursive(st.integers(), lambda x: st.dictionaries(st.sampled_from(["a", "b", "a.b"]), x))
)
def test_a_path_finds_what_lies_there(value: Any) -> None:
    def walk(held: Any, path: str) -> None:
        if not isinstance(held, dict):
            return
        for name, inner in held.items():
            assert look(value, path + name) is not ABSENT
            walk(inner, f"{path}{name}.")

    walk(value, "")
    assert look(value, "c") is ABSENT
