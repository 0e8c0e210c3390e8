"""What messages show of foreign values."""

from __future__ import annotations

import pytest

from evalsuite.wording import blot

VALUE = "sk-canary-5417"


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "MY_SECRET", "github_token", "DB_PASSWORD", "AWS_CREDENTIALS"]
)
def test_the_value_of_a_variable_that_looks_like_a_key_is_blotted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, VALUE)
    assert blot(f"401 for Bearer {VALUE}.") == f"401 for Bearer [{name}]."


def test_each_line_of_a_key_is_blotted_and_the_longest_value_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIGNING_KEY", "-----BEGIN-----\nMIIEvAIBADAN\n-----END-----")
    monkeypatch.setenv("SHORT_TOKEN", "abcdefgh")
    monkeypatch.setenv("LONG_TOKEN", "abcdefghijkl")
    assert "MIIEvAIBADAN" not in blot("could not parse MIIEvAIBADAN")
    assert blot("abcdefghijkl") == "[LONG_TOKEN]"


def test_ordinary_words_and_variables_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_MODE", "word")
    monkeypatch.setenv("GREETING", "good morning")
    monkeypatch.setenv("EMPTY_TOKEN", "")
    assert blot("good morning, word") == "good morning, word"
