"""Published judges and people: every expected figure comes out of `evalsuite.stats`.

The data are not part of the repository; without them only the readers are held, on rows of the
same layouts that are made here.
"""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"

pytest.importorskip("sklearn")
pytest.importorskip("statsmodels")
pytest.importorskip("krippendorff")


@pytest.fixture(scope="module")
def published():
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location("published", f"{folder}/published.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["published"] = module
    spec.loader.exec_module(module)
    yield module
    while folder in sys.path:
        sys.path.remove(folder)
    for name in ("published", "published_formats"):
        sys.modules.pop(name, None)


def written(folder, name, rows):
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there are no published data at {DATA}")
def test_every_expected_figure_of_the_published_data_is_found(published, capsys):
    assert published.main([str(DATA), "--expected", str(DATA / "expected.json")]) == 0
    said = capsys.readouterr().err
    expected = json.loads((DATA / "expected.json").read_text("utf-8"))
    for name in expected:
        if not name.startswith("_"):
            assert f"{name}: " in said


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there are no published data at {DATA}")
def test_a_kappa_that_is_wrong_upstream_is_not_reproduced(published, tmp_path):
    expected = json.loads((DATA / "expected.json").read_text("utf-8"))
    judges = expected["llmbar_dev"]["per_subset"]["Natural"]
    rows = [row for row in published.read(DATA / "llmbar_dev.jsonl") if row["subset"] == "Natural"]
    file = written(tmp_path, "natural.jsonl", rows) / "natural.jsonl"
    found = published.figures(file, [])["per_subset"]["Natural"]
    for judge, values in judges.items():
        wrong = values["published_statistics_json"]["kappa_False"]
        assert found[judge]["kappa_ab_gold"] != pytest.approx(wrong, abs=1e-3), judge


PAIRS = [
    {"id": "1", "subset": "S", "gold": "A", "verdicts": {"m/x": ["A", "A"], "m/y": ["A", "B"]}},
    {"id": "2", "subset": "S", "gold": "B", "verdicts": {"m/x": ["A", "B"], "m/y": ["B", "B"]}},
    {"id": "3", "subset": "S", "gold": "B", "verdicts": {"m/x": ["A", None], "m/y": ["B", None]}},
    {"id": "4", "subset": "S", "gold": "A", "verdicts": {"m/x": ["B", "B"], "m/y": [None, None]}},
]


def test_a_file_of_another_name_is_known_by_its_fields(published, tmp_path, capsys):
    folder = written(tmp_path / "data", "never_seen.jsonl", PAIRS)
    assert published.main([str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["never_seen"]
    judge = found["per_subset"]["S"]["m/x"]
    assert judge["correct_ab"] == 1
    assert judge["correct_ba"] == 2
    assert judge["correct_both"] == 1
    assert judge["agree"] == 2
    assert judge["flips_to_first"] == 1
    assert judge["invalid_ba"] == 1
    assert judge["first_shown_rate"] == pytest.approx(5 / 7)
    assert found["mcnemar_order_ab_S"]["m/x vs m/y"]["table"] == [[1, 0], [2, 1]]


def test_each_mismatch_is_named_and_fails(published, tmp_path, capsys):
    folder = written(tmp_path / "data", "some.jsonl", PAIRS)
    judge = {"correct_ab": 2, "correct_ba": 2, "unheard_of": 1, "kappa_False": 0.9}
    expected = {"some": {"per_subset": {"S": {"m/x": judge}}}, "gone": {"n": 3}}
    (tmp_path / "expected.json").write_text(json.dumps(expected), "utf-8")
    status = published.main([str(folder), "--expected", str(tmp_path / "expected.json")])
    said = capsys.readouterr().err
    assert status == 1
    assert "some > per_subset > S > m/x > correct_ab: expected 2, found 1" in said
    assert "unheard_of: expected 1, found None" in said
    assert "gone > n: expected 3, found None" in said
    assert "kappa_False" not in said
    assert said.count("mismatch") == 3


def test_a_published_value_holds_to_its_printed_precision_only(published):
    def differs(name, printed, found):
        expected = json.loads(f'{{"{name}": {printed}}}', parse_float=published.Decimal)
        return [each for each in published.compare(expected, {name: found}) if each]

    assert not differs("published", "0.85", 0.8549)
    assert differs("published", "0.85", 0.8551)
    assert not differs("kappa", "NaN", None)
    assert differs("kappa", "0.85", None)
    assert differs("n", "3", 4)
    assert not differs("kappa", "0.85", 0.8500009)
    assert differs("kappa", "0.85", 0.8549)


def test_a_line_that_is_no_json_is_named(published, tmp_path, capsys):
    folder = written(tmp_path / "data", "a.jsonl", PAIRS)
    (folder / "b.jsonl").write_text('{"ratings": [1, 2], "dim": "x"}\n{"ratings"\n', "utf-8")
    assert published.main([str(folder)]) == 2
    assert "b.jsonl:2" in capsys.readouterr().err


def test_a_row_that_lacks_a_field_is_an_error_with_its_name(published, tmp_path, capsys):
    folder = written(tmp_path / "data", "a.jsonl", [*PAIRS, {"id": "5", "subset": "S"}])
    assert published.main([str(folder)]) == 2
    assert "lacks the field 'verdicts'" in capsys.readouterr().err


def test_a_folder_without_a_known_layout_is_an_error(published, tmp_path, capsys):
    folder = written(tmp_path / "data", "other.jsonl", [{"question": "?"}])
    assert published.main([str(folder)]) == 2
    assert "no layout that is known" in capsys.readouterr().err


def test_a_crowd_of_one_mind_has_no_alpha(published, tmp_path):
    rows = [{"dim": "safe", "ratings": [0, 0, None]}, {"dim": "kind", "ratings": [0, 1, 1]}]
    found = published.figures(written(tmp_path, "crowd.jsonl", rows) / "crowd.jsonl", [])
    assert found["safe_nominal"] is None
    assert found["kind_nominal"] == pytest.approx(0)


def test_people_and_judges_with_ties_are_read(published, tmp_path):
    rows = [
        {"human": ["A", "A", "B"], "verdicts": [{"judge": "j", "ab": "A"}]},
        {"human": ["tie", "tie", "tie"], "verdicts": [{"judge": "j", "ab": None}]},
        {"human": ["B", "B", "B"], "verdicts": [{"judge": "j", "ab": "A"}]},
    ]
    found = published.figures(written(tmp_path, "votes.jsonl", rows) / "votes.jsonl", [])
    assert found["gold_counts"] == {"A": 1, "B": 1, "tie": 1}
    judge = found["judges"]["j"]
    assert judge["n_invalid"] == 1
    assert judge["acc_invalid_as_wrong"] == pytest.approx(1 / 3)
    assert judge["invalid_as_tie"]["accuracy"] == pytest.approx(2 / 3)
    table = judge["confusion_gold_rows_A_B_tie__cols_A_B_tie_invalid"]
    assert table == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]]


def test_answers_that_some_raters_or_metrics_lack_are_read(published, tmp_path):
    def answer(system, ratings, score):
        return {"system": system, "human": {"truth": ratings}, "auto": {"ragas_truth": score}}

    rows = [
        {"answers": [answer("a", {"x": 4, "y": 4}, 0.9), answer("b", {"x": 1, "y": 2}, 0.1)]},
        {"answers": [answer("a", {"x": 3, "z": 3}, None), answer("b", {"z": 1}, 0.6)]},
        {"answers": [answer("a", {"x": None}, 0.3)]},
    ]
    found = published.figures(written(tmp_path, "rag.jsonl", rows) / "rag.jsonl", ["ragas>=0.7"])
    assert found["n_answers"] == 5
    assert found["truth"]["exact_pair_agreement"] == pytest.approx(2 / 3)
    assert found["truth"]["mean_of_medians"] == pytest.approx((4 + 1.5 + 3 + 1) / 4)
    assert found["truth"]["binary_median_ge3"]["ragas>=0.7"]["acc"] == 1.0
    assert found["truth"]["binary_median_ge3"]["ragas>=0.5"]["acc"] == pytest.approx(2 / 3)
