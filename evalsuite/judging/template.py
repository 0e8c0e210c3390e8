"""What a judge card's template may hold: less than Jinja, so that it always ends and stays small.

A card is the project's own text, but it comes in by pull requests as any file does. Nodes, filters
and names are those of a list; without calls, macros, assignments and products a template can't
loop for long or grow. What is judged is only ever a value in it, and Jinja never reads values as
templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evalsuite.errors import SuiteError, did_you_mean
from evalsuite.judging.records import Kind

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from jinja2.nodes import Node

MAX_TEMPLATE = 50_000
"""Characters of a template."""

_ALL = ("input", "question", "expected", "contexts", "criteria", "criterion", "rubric")
VARIABLES: Mapping[Kind, tuple[str, ...]] = {
    "rubric": (*_ALL, "output"),
    "reference": (*_ALL, "output"),
    "pairwise": (*_ALL, "first", "second"),
    "expectations": (*_ALL, "output", "statements"),
}
"""What a template of each kind sees."""

SHOWN: Mapping[Kind, tuple[str, ...]] = {
    "rubric": ("output",),
    "reference": ("output", "expected"),
    "pairwise": ("first", "second"),
    "expectations": ("output", "statements"),
}
"""What a template of each kind must show, else it would not judge what it says."""

FILTERS = ("default", "first", "join", "last", "length", "lower", "title", "trim", "upper")
_NODES = {
    *("Template", "Output", "TemplateData", "Name", "Getattr", "Getitem", "Const", "If", "For"),
    *("CondExpr", "Compare", "Operand", "And", "Or", "Not", "Filter", "Test", "Concat", "Add"),
    *("Sub", "Neg"),
}
_REMEDIES = {
    "Call": "a template calls nothing: use a filter, or write it out",
    "Filter": f"filters: {', '.join(FILTERS)}",
    "For": "loops nest at most two deep",
    "Assign": "write the expression where it is used",
}

Finding = tuple[int, str, str, str]
"""Line, field, message and remedy."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Jinja without a way out: sandboxed, immutable, no globals, missing names are errors."""
    from jinja2 import StrictUndefined  # noqa: PLC0415 (dear to import, and only judges need it)
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    return made


@lru_cache(maxsize=64)
def _compiled(source: str) -> Template:
    return environment().from_string(source)


def render(source: str, values: Mapping[str, Any]) -> str:
    """The text of a checked template.

    Raises:
        SuiteError: it can't be rendered with these values.
    """
    try:
        return _compiled(source).render(values)
    except Exception as error:  # noqa: BLE001 (whatever an expression raises)
        raise SuiteError(f"{type(error).__name__}: {error}") from None


def names_of(source: str) -> frozenset[str]:
    """The variables that a checked template uses."""
    return _names(source)


@lru_cache(maxsize=64)
def _names(source: str) -> frozenset[str]:
    from jinja2 import meta  # noqa: PLC0415

    return frozenset(meta.find_undeclared_variables(environment().parse(source)))


def findings(source: str, kind: Kind) -> list[Finding]:
    """Everything wrong with a template, by the line in it."""
    from jinja2 import TemplateError, TemplateSyntaxError  # noqa: PLC0415

    if not source.strip():
        return [(1, "template", "is empty", "write below the front matter what the judge reads")]
    if len(source) > MAX_TEMPLATE:
        return [(0, "template", f"is longer than {MAX_TEMPLATE:,} characters", "shorten it")]
    try:
        tree = environment().parse(source)
        found = list(_forbidden(tree))
        if found:  # Jinja computes constants where it looks for names: not those of a bad template
            return found
        names = names_of(source)
    except TemplateSyntaxError as error:
        return [(error.lineno, "template", f"is no Jinja: {error.message}", _hint(str(error)))]
    except (TemplateError, RecursionError) as error:
        return [(0, "template", f"is no Jinja: {type(error).__name__}", "simplify it")]
    found = list(_unknown(tree, names, kind))
    found += [
        (0, "template", f"never shows {{{{ {name} }}}}", f"a {kind} judge must see it")
        for name in SHOWN[kind]
        if name not in names
    ]
    return found


def _hint(message: str) -> str:
    if "No filter named" in message:
        return _REMEDIES["Filter"]
    return 'write a literal "{{" as {{ "{{" }}' if "expected token" in message else "see Jinja"


def _forbidden(tree: Node) -> Iterator[Finding]:
    from jinja2 import nodes  # noqa: PLC0415

    for node, loops in _walk(tree, 0):
        kind = type(node).__name__
        if kind not in _NODES:
            remedy = _REMEDIES.get(kind, "write it out")
            yield node.lineno, "template", f"{kind} is not for a judge card", remedy
        elif isinstance(node, nodes.For) and (loops > 1 or node.recursive):
            yield node.lineno, "template", "a loop in a loop in a loop", _REMEDIES["For"]
        elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
            yield node.lineno, "template", f"no filter {node.name!r}", _REMEDIES["Filter"]


def _walk(node: Node, loops: int) -> Iterator[tuple[Node, int]]:
    from jinja2 import nodes  # noqa: PLC0415

    yield node, loops
    inner = loops + isinstance(node, nodes.For)
    for child in node.iter_child_nodes():
        yield from _walk(child, inner)


def _unknown(tree: Node, names: frozenset[str], kind: Kind) -> Iterator[Finding]:
    from jinja2 import nodes  # noqa: PLC0415

    known = VARIABLES[kind]
    said = set()
    for node in tree.find_all(nodes.Name):
        if node.name not in names or node.name in known or node.name in said:
            continue
        said.add(node.name)
        remedy = did_you_mean(node.name, known)
        if kind == "pairwise" and node.name in ("output", "other"):
            remedy = "a pair is shown as {{ first }} and {{ second }}: which is which is swapped"
        yield node.lineno, "template", f"there is no variable {node.name!r}", remedy
