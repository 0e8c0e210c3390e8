"""What the page of a real run opens: its further trials, its tools, its documents, what it took."""

from __future__ import annotations

from typing import Any

SUITE = """
    import itertools

    import evalsuite as ev

    COUNT = itertools.count()

    @ev.suite(golden="words", trials=2)
    async def words(case):
        number = next(COUNT)
        found = [ev.Document("d1", "The word's page.")]
        calls = [ev.ToolCall("look_up", {{"word": case.input}}, "{said}")]
        text = f"{said} {{case.input}}, time {{number}}"
        return ev.Output(text=text, contexts=found, tool_calls=calls)
"""


def test_a_case_opens_its_trials_tools_and_documents(project: Any) -> None:
    project.cases(project.many(6))
    for said in ("first", "second"):
        lines = SUITE.format(said=said).splitlines()
        project.write("test_words.py", "\n".join(line[4:] for line in lines))
        project.run("-q")
        if said == "first":
            project.accept()
    page = (project.path / "reports" / "words" / "report.html").read_text(encoding="utf-8")
    case = page.split('<li id="case-c003"')[1].split("</details>")[0]
    assert "<del>first</del><ins>second</ins>" in case.replace(" ", "")
    assert "<th scope=col>Trial 2</th>" in case
    assert '<p class="note">Trial 2.</p>' in case
    assert "only before" in case
    assert 'look_up({"word": "word 3"}) → second' in case.replace("&quot;", '"')
    assert 'href="#document-1"' in case
    assert page.count('<p class="words">The word&#x27;s page.</p>') == 1
