"""All checks of a case become one score, with what did not hold as evidence."""

from pathlib import Path
from typing import Any

import pytest

from evalsuite import checks
from evalsuite.canonical import canonical
from evalsuite.errors import ProblemsError
from evalsuite.records import Case, Failure, Output, Score

CASE = Case(id="a", input="q")


def score(*specs: Any, output: Output = Output(text="16 weeks")) -> Score:  # noqa: B008 - frozen
    return checks.score(CASE, output, checks.compile_checks(specs), 2)


def test_one_where_every_check_holds() -> None:
    found = score({"contains": "16"}, {"not": {"contains": "12"}})
    assert (found.case_id, found.trial, found.metric, found.value) == ("a", 2, "checks", 1.0)
    assert found.evidence == [{"checks": 2, "held": 2, "failed": 0, "undecided": 0}]


def test_zero_where_one_fails_with_the_failed_ones_as_evidence() -> None:
    found = score({"contains": "16"}, {"contains": "12"}, {"not": {"regex": "w..ks"}})
    assert found.value == 0.0
    assert found.reason == 'contains: the answer does not contain "12" (and 1 more)'
    counts, first, second = found.evidence
    assert counts == {"checks": 3, "held": 1, "failed": 2, "undecided": 0}
    assert (first["kind"], first["holds"], first["missing"]) == ("contains", False, ["12"])
    assert (second["kind"], second["matched"]) == ("not regex", "16 weeks")


def test_a_failure_decides_whatever_else_is_undecided() -> None:
    found = score({"latency": 1}, {"contains": "12"})
    assert found.value == 0.0
    assert found.evidence[0]["undecided"] == 1


def test_none_where_nothing_failed_but_something_is_undecided() -> None:
    found = score({"contains": "16"}, {"latency": 1})
    assert found.value is None
    assert found.reason.startswith("latency: unknown")


def test_none_without_checks_and_without_an_answer() -> None:
    assert (score().value, score().reason) == (None, "the case has no checks")
    failed = Output(error=Failure("provider", "no reply"))
    found = score({"not": {"contains": "x"}}, output=failed)
    assert found.value is None
    assert found.reason == "no answer: provider: no reply"


def test_evidence_stays_small() -> None:
    output = Output(text="secret " * 50_000)
    specs = [
        {"not": {"contains": "secret"}},
        *[{"equals": "x" * 10_000 + str(n)} for n in range(99)],
    ]
    found = score(*specs, output=output)
    assert found.evidence[0]["failed"] == 100
    assert len(found.evidence) == 21
    assert len(canonical([found.reason, found.evidence])) < 20_000


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write a module of the user's own, fresh under a new name each time."""
    monkeypatch.syspath_prepend(tmp_path)
    names = iter(f"own_checks_{tmp_path.name.replace('-', '_')}_{n}" for n in range(9))

    def write(source: str) -> str:
        name = next(names)
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        return name

    return write


SOURCE = """
LIMIT = 3

def at_most(text, limit):
    return len(text.split()) <= limit

def short(case, output, *, limit=LIMIT):
    return at_most(output.text, limit)

def reasoned(case, output):
    return False, "it is too bold"

def unsure(case, output):
    return None

def broken(case, output):
    raise ValueError("no such table\\nat all \\ud800")

def number(case, output):
    return 0.7

async def later(case, output):
    return True
"""


def test_a_function_of_the_users_own_decides(module: Any) -> None:
    name = module(SOURCE)
    assert score({"python": f"{name}:short"}).value == 1.0
    assert score({"python": {"call": f"{name}:short", "limit": 1}}).value == 0.0
    assert score({"not": {"python": f"{name}:short"}}).value == 0.0
    found = score({"python": f"{name}:reasoned"})
    assert (found.value, found.reason) == (0.0, "python: it is too bold")


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("unsure", "returned None"),
        ("broken", "raised ValueError: no such table at all ?"),
        ("number", "returned float, not True, False or None"),
    ],
)
@pytest.mark.parametrize("negated", [False, True])
def test_what_a_function_leaves_open_or_raises_is_no_score(
    module: Any, function: str, reason: str, negated: bool
) -> None:
    spec: dict[str, Any] = {"python": f"{module(SOURCE)}:{function}"}
    found = score({"not": spec} if negated else spec)
    assert found.value is None
    assert reason in found.reason


def test_an_async_function_or_a_missing_parameter_is_refused(module: Any) -> None:
    name = module(SOURCE)
    for spec in (f"{name}:later", f"{name}:at_most_", {"call": f"{name}:short", "limits": 1}):
        with pytest.raises(ProblemsError):
            checks.compile_checks([{"python": spec}])
    with pytest.raises(ProblemsError, match="can't import"):
        checks.compile_checks([{"python": f"{module('1/0')}:short"}])


def test_the_key_follows_function_and_parameters(module: Any) -> None:
    name = module(SOURCE)
    same = checks.python(f"{name}:short").key
    assert checks.python(f"{name}:short").key == same
    assert checks.python(f"{name}:short", limit=2).key != same
    assert checks.python(f"{name}:reasoned").key != same
