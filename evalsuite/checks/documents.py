"""Answers that are data or code: JSON, a value inside it, SQL, XML, HTML.

The whole answer is parsed as it stands: one that wraps its JSON in a code fence is not JSON.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import islice
from typing import Any

from evalsuite.canonical import canonical
from evalsuite.checks.define import Test, bad, define, quoted
from evalsuite.errors import MissingExtra, did_you_mean
from evalsuite.records import Case, Json, Output
from evalsuite.scoring import Outcome, clip, complaint

MATCHES = 10_000
"""Values of a JSONPath that are compared before giving up."""

_ANY: Json = object()  # null is a value that can be written


@define(version=1)
def json_valid() -> Test:
    """The answer is one JSON value; NaN and infinities are none."""

    def test(case: Case, output: Output) -> Outcome:
        _, wrong = _document(output)
        if wrong:
            return Outcome(False, wrong, {"answer": clip(output.text)})
        return Outcome(True, "the answer is JSON", {"answer": clip(output.text)})

    return test


@define(version=1, limit=200_000)
def json_schema(schema: Mapping[str, Json]) -> Test:
    """The answer (or the output's value) is JSON that is valid by the schema."""
    from evalsuite.checks.schema import validator_of  # noqa: PLC0415 (slow to import)

    judge = validator_of(schema, "json_schema")

    def test(case: Case, output: Output) -> Outcome:
        value, wrong = _document(output)
        return Outcome(False, wrong, {"answer": clip(output.text)}) if wrong else judge(value)

    return test


@define(version=1, limit=200_000)
def jsonpath(path: str, *, equals: Json = _ANY) -> Test:
    """The path (RFC 9535) finds something in the answer, and all of it equals `equals` if given."""
    query = _query(path)

    def test(case: Case, output: Output) -> Outcome:
        value, wrong = _document(output)
        if wrong:
            return Outcome(False, wrong, {"answer": clip(output.text)})
        try:
            found = [match.obj for match in islice(query.finditer(value), MATCHES + 1)]
        except Exception as error:  # noqa: BLE001 - its errors share no base with RecursionError
            deep = "Recursion" in type(error).__name__
            why = "the JSON is nested too deeply" if deep else complaint(error)
            return Outcome(False, f"{quoted(path)} can't be followed: {why}")
        if found:
            return _compared(path, found, equals)
        return Outcome(False, f"{quoted(path)} finds nothing", {"answer": clip(output.text)})

    return test


@define(version=1, limit=50_000)
def sql(dialect: str | None = None) -> Test:
    """The answer is SQL: queries, changes of data, definitions; `dialect` as sqlglot names it."""
    try:
        import sqlglot  # noqa: PLC0415 (optional)
    except ImportError:
        raise MissingExtra("the check sql", "formats") from None
    known = [str(each.value) for each in sqlglot.Dialects if each.value]
    if dialect is not None and dialect not in known:
        message = f'unknown dialect "{clip(dialect, 40)}"'
        raise bad("sql.dialect", message, did_you_mean(dialect, known))

    def test(case: Case, output: Output) -> Outcome:
        evidence = {"answer": clip(output.text)}
        try:
            with _silent("sqlglot"):
                statements = [each for each in sqlglot.parse(output.text, read=dialect) if each]
        except sqlglot.ParseError as error:
            return Outcome(False, f"not SQL: {_sql_error(error)}", evidence)
        except sqlglot.errors.SqlglotError as error:
            return Outcome(False, f"not SQL: {complaint(error)}", evidence)
        except RecursionError:
            return Outcome(False, "the SQL is nested too deeply", evidence)
        wrong = _no_statement(statements, output.text, dialect)
        if wrong:
            return Outcome(False, wrong, evidence)
        return Outcome(True, f"the answer is SQL ({len(statements)} statements)", evidence)

    return test


@define(version=1, limit=2_000_000)
def xml() -> Test:
    """The answer is a well-formed XML document; entities and the network are never followed."""
    try:
        from lxml import etree  # noqa: PLC0415 (optional)
    except ImportError:
        raise MissingExtra("the check xml", "formats") from None

    def test(case: Case, output: Output) -> Outcome:
        evidence = {"answer": clip(output.text)}
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8"
        )
        try:
            etree.fromstring(output.text.strip().encode("utf-8"), parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            return Outcome(False, f"not XML: {complaint(error)}", evidence)
        return Outcome(True, "the answer is XML", evidence)

    return test


@define(version=1, limit=50_000)
def html() -> Test:
    """The answer is HTML without a parse error of the standard, with at least one element.

    It is read as a document if it begins with a doctype or <html>, else as a fragment.
    """
    if find_spec("html5lib") is None:
        raise MissingExtra("the check html", "formats")

    def test(case: Case, output: Output) -> Outcome:
        from html5lib import HTMLParser  # noqa: PLC0415 (optional)
        from html5lib.html5parser import ParseError  # noqa: PLC0415

        text = output.text.strip()
        evidence = {"answer": clip(text)}
        parser = HTMLParser(strict=True)
        whole = text[:9].lower().startswith(("<!doctype", "<html"))
        try:
            tree = parser.parse(text) if whole else parser.parseFragment(text)
        except ParseError as error:
            return Outcome(False, f"not HTML: {complaint(error)}", evidence)
        except RecursionError:
            return Outcome(False, "the HTML is nested too deeply", evidence)
        if not any(isinstance(each.tag, str) for each in tree):
            return Outcome(False, "the answer has no HTML element", evidence)
        return Outcome(True, "the answer is HTML", evidence)

    return test


def _compared(path: str, found: Sequence[Json], equals: Json) -> Outcome:
    if len(found) > MATCHES:
        return Outcome(None, f"{quoted(path)} finds over {MATCHES} values")
    evidence = {"path": clip(path), "found": [_spelled(each) for each in found[:5]]}
    if equals is _ANY:
        return Outcome(True, f"{quoted(path)} finds {len(found)} values", evidence)
    other = [each for each in found if not _equal(each, equals)]
    if other:
        said = f"{quoted(path)} is {_spelled(other[0])}, wanted {_spelled(equals)}"
        return Outcome(False, said, evidence)
    return Outcome(True, f"{quoted(path)} is {_spelled(equals)}", evidence)


def _document(output: Output) -> tuple[Json, str]:
    """The output's value, else its text parsed; and what is wrong with it."""
    try:
        if output.value is not None:
            canonical(output.value)
            return output.value, ""
        return json.loads(output.text, parse_constant=_no_constant), ""
    except RecursionError:
        return None, "the JSON is nested too deeply"
    except (ValueError, TypeError) as error:
        return None, f"not JSON: {clip(str(error), 120)}"


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON value")


def _equal(left: Json, right: Json) -> bool:
    """Equal as JSON: 1 equals 1.0, true does not equal 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[k], right[k]) for k in left)
    return bool(left == right)


def _spelled(value: Json) -> str:
    return clip(json.dumps(value, ensure_ascii=False), 120)


def _query(path: str) -> Any:
    try:
        from jsonpath import JSONPathEnvironment, JSONPathError  # noqa: PLC0415 (optional)
    except ImportError:
        raise MissingExtra("the check jsonpath", "formats") from None
    environment = JSONPathEnvironment(strict=True)
    for name in ("match", "search"):  # they run patterns without a time limit
        environment.function_extensions.pop(name, None)
    try:
        return environment.compile(path)
    except (JSONPathError, ValueError, RecursionError) as error:
        message = str(error.args[0]) if error.args else type(error).__name__
        raise bad(
            "jsonpath.path", f"not a JSONPath: {clip(message, 120)}", "e.g. $.total"
        ) from None


def _no_statement(statements: Sequence[Any], text: str, dialect: str | None) -> str:
    """Why parsed SQL is none: the parser takes much of prose for an expression or a command."""
    from sqlglot import exp  # noqa: PLC0415 (optional)

    kinds = (exp.Query, exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.TruncateTable, exp.Values)
    if not statements:
        return "the answer holds no SQL statement"
    if dialect != "duckdb" and text.lstrip()[:5].lower() == "from ":
        return "not SQL: it begins with FROM, as prose may"
    known = all(isinstance(each, kinds) for each in statements)
    return "" if known else "not SQL: no query, change or definition"


def _sql_error(error: Any) -> str:
    """What sqlglot says without the terminal codes of its full message."""
    first = error.errors[0] if error.errors else {}
    place = f" (line {first.get('line')}, column {first.get('col')})" if first else ""
    return clip(str(first.get("description") or "it can't be parsed"), 120) + place


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Keep a parser from logging the answer."""
    logger = logging.getLogger(name)

    def drop(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)
