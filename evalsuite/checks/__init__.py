"""Deterministic checks: yes-or-no questions about an output, without a model.

Each is a function that returns a `Check`; golden lines name them ({"contains": "16 weeks"}), Python
calls them (`ev.check.contains("16 weeks")`, negated by `ev.check.negate`). See docs/checks.md.
"""

from evalsuite.checks.callables import python
from evalsuite.checks.compiling import checks_key, compile_checks, problems
from evalsuite.checks.define import Check, Test, define, negate
from evalsuite.checks.documents import html, json_schema, json_valid, jsonpath, sql, xml
from evalsuite.checks.grounding import citation, quotes, refusal
from evalsuite.checks.languages import language
from evalsuite.checks.numeric import characters, number, sentences, words
from evalsuite.checks.operations import cost, finish_reason, first_token, latency, tokens
from evalsuite.checks.privacy import no_leak, no_pii, no_secrets, urls_allowed
from evalsuite.checks.retrieved import documents_allowed, documents_fresh, documents_unique
from evalsuite.checks.similarity import bleu, chrf, levenshtein, rouge_l
from evalsuite.checks.summary import score
from evalsuite.checks.text import contains, ends_with, equals, one_of, regex, starts_with
from evalsuite.checks.trajectory import (
    steps,
    tool_arguments_equal,
    tool_arguments_valid,
    tool_called,
    tool_count,
    tool_not_called,
    tool_not_repeated,
    tool_order,
)
from evalsuite.scoring import Outcome

__all__ = [
    "Check",
    "Outcome",
    "Test",
    "bleu",
    "characters",
    "checks_key",
    "chrf",
    "citation",
    "compile_checks",
    "contains",
    "cost",
    "define",
    "documents_allowed",
    "documents_fresh",
    "documents_unique",
    "ends_with",
    "equals",
    "finish_reason",
    "first_token",
    "html",
    "json_schema",
    "json_valid",
    "jsonpath",
    "language",
    "latency",
    "levenshtein",
    "negate",
    "no_leak",
    "no_pii",
    "no_secrets",
    "number",
    "one_of",
    "problems",
    "python",
    "quotes",
    "refusal",
    "regex",
    "rouge_l",
    "score",
    "sentences",
    "sql",
    "starts_with",
    "steps",
    "tokens",
    "tool_arguments_equal",
    "tool_arguments_valid",
    "tool_called",
    "tool_count",
    "tool_not_called",
    "tool_not_repeated",
    "tool_order",
    "urls_allowed",
    "words",
    "xml",
]
