"""How a backend is named, and what a wrong name says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.backends import open_backend, parse_spec
from evalsuite.errors import OptionError

CANARY = "sk-canary-7f3a9b1c5d"


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("embedded", ("embedded", None, None, {})),
        ("embedded?noise=0.1", ("embedded", None, None, {"noise": "0.1"})),
        ("openai:gpt-x", ("openai", "gpt-x", None, {})),
        ("openai:ft:gpt-x:org::id", ("openai", "ft:gpt-x:org::id", None, {})),
        ("x:some/model@2026-01-01", ("x", "some/model@2026-01-01", None, {})),
        ("x@http://h:8000/v1/", ("x", None, "http://h:8000/v1", {})),
        (
            "openai:m/x@1@https://h/v1?temperature=0&stop=a%26b=c",
            ("openai", "m/x@1", "https://h/v1", {"temperature": "0", "stop": "a&b=c"}),
        ),
    ],
)
def test_a_spec_is_taken_apart(spec: str, parts: tuple[object, ...]) -> None:
    assert parse_spec(spec) == parts


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("", "PROVIDER"),
        (":model", "PROVIDER"),
        ("open ai:model", "PROVIDER"),
        ("openai:", "no model"),
        ("openai:a\x1b[31mb", "no model"),
        ("openai:m@http://", "no valid host"),
        ("openai:m@http://h:99999/", "no valid host"),
        ("openai:m@http://h/a b", "no valid host"),
        (f"openai:m@http://user:{CANARY}@h/v1", "user or password"),
        (f"openai:m?{CANARY}", "key=value"),
        (f"openai:m?a={CANARY}&a=2", '"a" is given twice'),
    ],
)
def test_a_wrong_spec_says_why_and_shows_no_secret(spec: str, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_spec(spec)
    assert says in str(caught.value)
    assert CANARY not in str(caught.value)


@given(st.text())
def test_any_text_is_a_spec_or_an_option_error(text: str) -> None:
    try:
        said = parse_spec(text).provider
    except OptionError as error:
        said = str(error)
    assert said.isprintable()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("opnai:gpt-x", 'did you mean "openai"?'),
        ("openai", "'model'"),
        ("openai:m?model=n", '"model" is not a parameter'),
        ("openai:m?url=n", '"url" is not a parameter'),
        ("openai:m?temprature=0", 'did you mean "temperature"?'),
        ("openai:m?temperature=NaN", "finite"),
        ("openai:m?temperature=1e999", "finite"),
        ("anthropic:m?temperature=0", 'takes no parameter "temperature"'),
    ],
)
def test_a_backend_that_cannot_be_opened_names_the_remedy(spec: str, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        open_backend(spec, calls=False)
    assert says in str(caught.value)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_missing_key_is_named_before_any_call(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"{provider.upper()}_API_KEY"
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(OptionError) as caught:
        open_backend(f"{provider}:m")
    assert variable in str(caught.value)
    assert open_backend(f"{provider}:m", calls=False).identity["model"] == "m"


def test_a_key_that_cannot_be_sent_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{CANARY} x")
    with pytest.raises(OptionError) as caught:
        open_backend("openai:m")
    assert "OPENAI_API_KEY" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_identity_tells_apart_all_that_is_pinned() -> None:
    specs = [
        "openai:m",
        "openai:n",
        "openai:m@http://h/v1",
        "openai:m?temperature=0",
        "openai:m?temperature=1",
        "anthropic:m",
        "anthropic:m?max_tokens=8",
    ]
    identities = [repr(open_backend(spec, calls=False).identity) for spec in specs]
    assert len(set(identities)) == len(specs)
