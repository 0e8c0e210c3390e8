"""Only what an edit touches is stale; what is being compared is compared in full and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

SUITE = """
from pathlib import Path
import evalsuite as ev
import app.search

HERE = Path(__file__).parent

def polite(case, output):
    return 1.0 if "word" in output.text else 0.0

@ev.suite(
    golden="words",
    scorers=[ev.checks.{check}, polite],
    inputs={{"prompt": "prompt.j2", "retriever": "retriever.toml", "docs": "docs"}},
    backend="embedded{model}",
)
async def words(case, llm):
    document = (HERE / "docs" / "a.md").read_text()
    prompt = (HERE / "prompt.j2").read_text()
    await llm.chat(prompt + document + case.input)
    return "word " + case.input + app.search.ENDING
"""


class Compared:
    def __init__(self, project: Any) -> None:
        self.project = project
        project.write("prompt.j2", "{# version: 1 #}\nAnswer.\n")
        project.write("retriever.toml", "k = 6\n")
        project.write("docs/a.md", "The word is blue.\n")
        project.write("docs/b.md", "Nothing here.\n")
        project.write("app/__init__.py", "")
        project.write("app/search.py", "ENDING = ''\n")
        self.suite()
        self.golden = project.many(40)
        for number, case in enumerate(self.golden):
            case["slices"] = {"topic": "ab"[number % 2]}
        self.save()
        assert project.run_apart("-q").ret == 0
        project.accept()

    def suite(self, check: str = "characters(max=100)", model: str = "") -> None:
        self.project.write("test_words.py", SUITE.format(check=check, model=model))

    def save(self) -> None:
        self.project.cases(self.golden)

    def run(self, code: int = 0) -> dict[str, Any]:
        done = self.project.run_apart("-q")
        assert done.ret == code, done.stdout.str()
        self.printed = done.outlines
        report: dict[str, Any] = self.project.report()
        return report

    def kinds(self, report: dict[str, Any]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for case in report["cases"]:
            found.setdefault(case["kind"], []).append(case["id"])
        return found

    def second_line(self) -> dict[str, str]:
        """The report's second line, in each format."""
        folder = self.project.path / "reports" / "words"
        at = next(n for n, line in enumerate(self.printed) if line.startswith("words "))
        json_report = json.loads((folder / "report.json").read_text())
        quoted = [
            line
            for line in (folder / "report.md").read_text().splitlines()
            if line.startswith("> ") and "[!" not in line
        ]
        page = (folder / "report.html").read_text()
        term = page.index("<dl>")
        return {
            "terminal": self.printed[at + 1],
            "json": json_report["lines"][0]["text"],
            "markdown": quoted[1],
            "html": page[term : page.index("</div>", term)],
        }


@pytest.fixture
def compared(project: Any) -> Compared:
    return Compared(project)


def test_a_changed_case_is_stale_and_no_other(compared: Compared) -> None:
    compared.golden[3]["expected"] = "blue"
    compared.golden[5]["input"] = "word five"
    compared.save()
    kinds = compared.kinds(compared.run())
    assert kinds["stale"] == ["c003", "c005"]
    assert len(kinds["same"]) == 38


def test_a_changed_check_of_a_case_makes_its_checks_stale_and_nothing_else(
    compared: Compared,
) -> None:
    compared.golden[7]["checks"] = [{"contains": "word"}, {"words": {"max": 9}}]
    compared.save()
    report = compared.run()
    assert "1 stale" in "\n".join(compared.printed)
    stale = [case["id"] for case in report["cases"] if case["before"]["checks"] is None]
    assert stale == ["c007"]
    by_metric = {f["metric"]: f["n"] for f in report["findings"] if f["slice"] == "overall"}
    assert by_metric == {"checks": 39, "polite": 40, "completion": 40}


def test_a_changed_check_of_the_suite_makes_all_checks_stale_but_no_other_metric(
    compared: Compared,
) -> None:
    compared.suite(check="characters(max=90)")
    report = compared.run()
    assert "40 stale" in "\n".join(compared.printed)
    assert report["result"] == "inconclusive"
    assert {f["result"] for f in report["findings"] if f["name"] == "checks"} == {"incomparable"}
    by_metric = {f["metric"]: f["n"] for f in report["findings"] if f["slice"] == "overall"}
    assert by_metric["polite"] == 40
    assert by_metric.get("checks", 0) == 0


def test_a_renamed_case_is_gone_and_new(compared: Compared) -> None:
    compared.golden[0]["id"] = "renamed"
    compared.save()
    kinds = compared.kinds(compared.run())
    assert kinds["new"] == ["renamed"]
    assert kinds["gone"] == ["c000"]
    assert "stale" not in kinds
    assert len(kinds["same"]) == 39


def test_relabelling_a_case_and_marking_it_strict_leaves_it_comparable(compared: Compared) -> None:
    compared.golden[0] |= {"slices": {"topic": "z"}, "provenance": "seen", "must_pass": True}
    compared.save()
    assert len(compared.kinds(compared.run())["same"]) == 40


SUBJECT: dict[str, tuple[Callable[[Compared], object], str]] = {
    "prompt": (lambda c: c.project.write("prompt.j2", "{# version: 2 #}\nShort.\n"), "prompt"),
    "model": (lambda c: c.suite(model="?noise=0.5"), "noise=0.5"),
    "retriever": (lambda c: c.project.write("retriever.toml", "k = 1\n"), "retriever"),
    "document": (lambda c: c.project.write("docs/a.md", "The word is red.\n"), "docs/a.md"),
    "new document": (lambda c: c.project.write("docs/c.md", "More.\n"), "docs/c.md"),
    "helper": (lambda c: c.project.write("app/search.py", "ENDING = '!'\n"), "app/search.py"),
}


@pytest.mark.parametrize("name", SUBJECT)
def test_a_changed_subject_is_compared_in_full_and_named_in_the_second_line(
    compared: Compared, name: str
) -> None:
    change, says = SUBJECT[name]
    change(compared)
    report = compared.run()
    kinds = compared.kinds(report)
    assert "stale" not in kinds
    assert len(kinds.get("same", [])) + len(kinds.get("changed", [])) == 40
    found = compared.second_line()
    assert not [where for where, line in found.items() if says not in line], found
    assert "changed" in found["terminal"]


LONG = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case):
    return "word" if len(case.input) < 900 or not SHORTENS else "cut off"
"""


def test_a_drop_confined_to_long_inputs_that_nobody_tagged_is_named(project: Any) -> None:
    cases = project.many(200)
    for number, case in enumerate(cases):
        case["input"] = f"{number} " + "x " * (20 + 3 * number)
        case["slices"] = {"topic": f"t{number % 5}"}  # cuts across the lengths
    project.cases(cases)
    project.write("test_words.py", "SHORTENS = False\n" + LONG)
    assert project.run_apart("-q").ret == 0
    project.accept()
    project.write("test_words.py", "SHORTENS = True\n" + LONG)
    done = project.run_apart("-q")
    folder = project.path / "reports" / "words"
    for said in (
        done.stdout.str(),
        (folder / "report.md").read_text(),
        (folder / "report.html").read_text(),
    ):
        assert "input_length=longest" in said
        assert "derived" in said
    worst = min(
        (f for f in project.report()["findings"] if f["slice"] != "overall" and f["effect"]),
        key=lambda finding: finding["effect"],
    )
    assert worst["slice"] == "input_length=longest"


THIRDS = """
import evalsuite as ev

def third(case, output):
    return 1 / 3

@ev.suite(golden="words", scorers=[third])
def words(case):
    return case.input + "{ending}"
"""


def test_a_third_has_not_moved_from_its_snapshot(project: Any) -> None:
    project.write("test_words.py", THIRDS.format(ending=""))
    project.cases(project.many(20))
    assert project.run_apart("-q").ret == 0
    project.accept()
    project.write("test_words.py", THIRDS.format(ending=" again"))
    assert project.run_apart("-q").ret == 0
    report = project.report()
    assert {case["kind"] for case in report["cases"]} == {"changed"}
    [finding] = [each for each in report["findings"] if each["name"] == "third"]
    assert (finding["effect"], finding["fell"], finding["rose"]) == (0.0, [], [])
