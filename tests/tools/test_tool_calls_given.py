"""A target's tool calls may be records or plain dicts; nothing is guessed of other names."""

import pytest

import evalsuite as ev
from evalsuite.runner.target import as_output


def test_a_dict_of_a_calls_names_is_a_call() -> None:
    given = [
        {"name": "vacation_balance", "arguments": {"employee_id": "E-1010"}, "result": 8},
        {"name": "ticket", "error": "it is down"},
        ev.ToolCall("directory"),
    ]
    assert as_output(ev.Output(tool_calls=given)).tool_calls == (  # type: ignore[arg-type]
        ev.ToolCall("vacation_balance", {"employee_id": "E-1010"}, result=8),
        ev.ToolCall("ticket", error="it is down"),
        ev.ToolCall("directory"),
    )


@pytest.mark.parametrize("call", [{"name": "a", "args": {}}, {"arguments": {}}, "a"])
def test_what_is_no_call_is_named_with_its_place(call: object) -> None:
    output = ev.Output(tool_calls=[call])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"a target returned: tool_calls\.0"):
        as_output(output)
