"""What a judge card's template may hold: less than Jinja, so that it always ends and stays small.

A card is the project's own text, but it comes in by pull requests as any file does. Nodes, filters
and names are those of a list. No expression makes a text out of others, but for a list joined where
it is shown; a loop goes over a list, and never over that list again inside; rendering ends where it
grows out of proportion to what it is given. What is judged is only ever a value in it, and Jinja
never reads values as templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evalsuite.errors import SuiteError, did_you_mean
from evalsuite.judging.records import Kind

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from jinja2.nodes import Filter, For, Node

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

GROWTH = 4
"""How often all that a template is given may be in what it renders."""

ROOM = 100_000
"""Characters that it may have beside that."""

LISTS = ("contexts", "statements", "criteria")
SCALE = "scale"
"""What is looped over beside lists: the levels of a criterion."""

SEPARATOR = 100
"""Characters between what is joined."""

FILTERS = ("default", "first", "join", "last", "length")
_NODES = {
    *("Template", "Output", "TemplateData", "Name", "Getattr", "Getitem", "Const", "If", "For"),
    *("CondExpr", "Compare", "Operand", "And", "Or", "Not", "Filter", "Test", "Neg", "Keyword"),
}
_TESTS = ("defined", "undefined", "none", "true", "false", "odd", "even")
_REMEDIES = {
    "Call": "a template calls nothing: use a filter, or write it out",
    "Filter": f"filters: {', '.join(FILTERS)}",
    "For": "loops nest at most two deep",
    "Assign": "write the expression where it is used",
    "Concat": "write the parts side by side: {{ a }}{{ b }}",
    "Test": f"tests: {', '.join(_TESTS)}",
    "join": f"{{{{ contexts | join(', ') }}}}: one of {', '.join(LISTS)}, where it is shown",
    "loop": f"loop over {', '.join(LISTS)} or a criterion's {SCALE}, over each once",
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
        SuiteError: it can't be rendered with these values, or grows too long.
    """
    given = len(source) + sum(len(str(value)) for value in values.values())
    left = ROOM + GROWTH * given
    pieces = []
    try:
        for piece in _compiled(source).generate(values):
            left -= len(piece)
            if left < 0:
                break
            pieces.append(piece)
    except Exception as error:  # noqa: BLE001 (whatever an expression raises)
        raise SuiteError(f"{type(error).__name__}: {error}") from None
    if left < 0:
        raise SuiteError(f"the template shows more than {GROWTH} times what it is given")
    return "".join(pieces)


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
    except (TemplateError, RecursionError, ValueError) as error:  # a number of 5,000 digits
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
    for node, parent, loops in _walk(tree, tree, ()):
        wrong = _wrong(node, parent, loops)
        if wrong:
            message, remedy = wrong
            yield node.lineno, "template", message, _REMEDIES.get(remedy, "write it out")


def _walk(
    node: Node, parent: Node, loops: tuple[str, ...]
) -> Iterator[tuple[Node, Node, tuple[str, ...]]]:
    """Every node with the one that holds it and what is looped over around it."""
    from jinja2 import nodes  # noqa: PLC0415

    yield node, parent, loops
    inner = (*loops, _looped(node.iter)) if isinstance(node, nodes.For) else loops
    for child in node.iter_child_nodes():
        yield from _walk(child, node, inner)


def _wrong(node: Node, parent: Node, loops: tuple[str, ...]) -> tuple[str, str] | None:
    """What a node is not for a card, and which remedy helps."""
    from jinja2 import nodes  # noqa: PLC0415

    kind = type(node).__name__
    if kind not in _NODES:
        return f"{kind} is not for a judge card", kind
    if isinstance(node, nodes.For):
        return _loop(node, loops)
    if isinstance(node, nodes.Filter):
        return _filter(node, isinstance(parent, nodes.Output))
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        return f"no test {node.name!r}", "Test"
    if isinstance(node, nodes.Operand) and node.op in ("in", "notin"):
        return "a template searches nothing", "write it out"
    return None


def _loop(node: For, loops: tuple[str, ...]) -> tuple[str, str] | None:
    name = _looped(node.iter)
    if len(loops) > 1 or node.recursive:
        return "a loop in a loop in a loop", "For"
    if name not in (*LISTS, SCALE) or name in loops:
        return "a loop over what is no list, or over a list again", "loop"
    return None


def _looped(expression: Node) -> str:
    """The name of what is looped over or joined; empty if it is no list's."""
    from jinja2 import nodes  # noqa: PLC0415

    if isinstance(expression, nodes.Name):
        return expression.name if expression.name in LISTS else ""
    return SCALE if isinstance(expression, nodes.Getattr) and expression.attr == SCALE else ""


def _filter(node: Filter, shown: bool) -> tuple[str, str] | None:
    from jinja2 import nodes  # noqa: PLC0415

    if node.name not in FILTERS:
        return f"no filter {node.name!r}", "Filter"
    texts = [*node.args, *(each.value for each in node.kwargs)]
    short = all(
        isinstance(each, nodes.Const) and len(str(each.value)) <= SEPARATOR for each in texts
    )
    named = node.node is not None and _looped(node.node) in LISTS
    if node.name == "join" and not (shown and named and short):
        return "join is for a list where it is shown, with a short text between", "join"
    return None


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
