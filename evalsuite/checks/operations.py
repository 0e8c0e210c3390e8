"""What an answer took: time, tokens, money, and how it ended. Unknown is undecided, never 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from evalsuite.checks.bounds import between, require_bounds
from evalsuite.checks.define import Test, define, quoted
from evalsuite.records import Case, Output
from evalsuite.scoring import Outcome, clip


@define(version=1)
def latency(max: float) -> Test:  # noqa: A002 - golden word
    """Seconds from the question to the whole answer."""
    require_bounds("latency", None, max)

    def test(case: Case, output: Output) -> Outcome:
        return between(output.latency, None, max, what="the answer took {} s")

    return test


@define(version=1)
def first_token(max: float) -> Test:  # noqa: A002
    """Seconds from the question to the first token."""
    require_bounds("first_token", None, max)

    def test(case: Case, output: Output) -> Outcome:
        return between(output.first_token, None, max, what="the first token took {} s")

    return test


@define(version=1)
def tokens(
    *,
    min: int | None = None,  # noqa: A002
    max: int | None = None,  # noqa: A002
    of: Literal["output", "input", "total"] = "output",
) -> Test:
    """Tokens as the backend counted them: of the answer, the question, or both."""
    require_bounds("tokens", min, max)

    def test(case: Case, output: Output) -> Outcome:
        usage = output.usage
        counts = {"output": 0, "input": 0, "total": 0}
        if usage is not None:
            counts["output"], counts["input"] = usage.output_tokens, usage.input_tokens
            counts["total"] = usage.output_tokens + usage.input_tokens
        count = counts[of] if usage is not None else None
        return between(count, min, max, what=f"{of} tokens: {{}}")

    return test


@define(version=1)
def cost(max: float) -> Test:  # noqa: A002
    """US dollars."""
    require_bounds("cost", None, max)

    def test(case: Case, output: Output) -> Outcome:
        return between(output.cost, None, max, what="the answer cost {} USD")

    return test


@define(version=1)
def finish_reason(reason: str | Sequence[str]) -> Test:
    """The answer ended for this reason, or one of several: "stop", "length", "refusal"…"""
    wanted = [reason] if isinstance(reason, str) else list(reason)

    def test(case: Case, output: Output) -> Outcome:
        found = output.finish_reason
        if found is None:
            return Outcome(None, "the finish reason is unknown")
        names = " or ".join(quoted(each, 40) for each in wanted)
        said = f"the finish reason is {quoted(found, 40)}, wanted {names}"
        return Outcome(found in wanted, said, {"finish_reason": clip(found)})

    return test
