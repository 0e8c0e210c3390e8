"""The decorator that makes a function an evaluated pipeline, and what it checks at once.

It runs nothing and reads no file: a module full of suites costs nothing in a run without
`--evals`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evalsuite.errors import SuiteError, did_you_mean
from evalsuite.policy import Gate
from evalsuite.records import Json
from evalsuite.tiers import Tier, tier_problems
from evalsuite.variants import Roles, Variant, role_problems, roles_of, variant_problems
from evalsuite.wording import shown

_OURS = f"{Path(__file__).parent}{os.sep}"
_HOMES = {"rag": "ev.rag.", "checks": "ev.check."}

Target = Callable[..., Any]
Input = str | Path | Callable[[], str]


@dataclass(frozen=True, slots=True, eq=False)
class Suite:
    """A target and how it is evaluated. `wants` are the names of its parameters beside `case`;
    `params` those of the variant that this is one of. `contexts`: the target answers from given
    documents where it gets some."""

    name: str
    target: Target
    file: Path
    line: int
    golden: str
    wants: tuple[str, ...]
    scorers: Sequence[Any] = ()
    gate: Gate = field(default_factory=Gate)
    backend: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    resources: Mapping[str, Callable[[], AbstractAsyncContextManager[Any]]] = field(
        default_factory=dict
    )
    trials: int = 1
    timeout: float | None = None
    external: Input | None = None
    variants: Mapping[str, Variant] = field(default_factory=dict)
    params: Mapping[str, Json] = field(default_factory=dict)
    contexts: bool = False
    tiers: Mapping[str, Tier] = field(default_factory=dict)

    @property
    def fixtures(self) -> tuple[str, ...]:
        """The parameters that pytest must fill: neither ours nor a resource."""
        return tuple(name for name in self.wants if name not in ("llm", "variant", *self.resources))


def variants_of(made: Suite) -> tuple[Suite, ...]:
    """What is run of a suite: one suite per variant, "askacme@small", or itself if it has none.

    The target's parameter `variant` is filled here, so that nobody after has to know of it.
    """
    if not made.variants:
        return (_bound(made),)
    return tuple(
        _bound(
            replace(
                made,
                name=f"{made.name}@{name}",
                backend={**made.backend, **roles_of(variant.backend)},
                variants={},
                params=variant.params,
            )
        )
        for name, variant in made.variants.items()
    )


def _bound(made: Suite) -> Suite:
    if "variant" not in made.wants:
        return made
    target = partial(made.target, variant=MappingProxyType(dict(made.params)))
    wants = tuple(each for each in made.wants if each != "variant")
    return replace(made, target=target, wants=wants)


def suite(  # noqa: PLR0913 (the one place where a user configures a suite)
    *,
    golden: str,
    scorers: Sequence[Any] = (),
    gate: Gate | None = None,
    backend: Roles = None,
    inputs: Mapping[str, Input] | None = None,
    resources: Mapping[str, Callable[[], AbstractAsyncContextManager[Any]]] | None = None,
    trials: int = 1,
    timeout: float | None = None,
    external: Input | None = None,
    variants: Mapping[str, Variant] | None = None,
    tiers: Mapping[str, Tier] | None = None,
) -> Callable[[Target], Suite]:
    """Evaluate the decorated function on a golden dataset under `pytest --evals`.

    The function is the target pipeline: `case` is its first parameter, `llm` and `variant` are
    optional ones, any other is a resource or a pytest fixture. It may be async or plain; it returns
    an Output or text. With a parameter `contexts=None` it says that it answers from these documents
    where it is given some, instead of those that it would retrieve.

    Args:
        golden: "NAME" for the working set in golden/NAME, or "NAME@1.2.0" for a release;
            "PACKAGE:NAME" for one that an installed package holds ("evalsuite:safety").
        scorers: functions of (case, output) or (case, output, llm), or checks that hold for every
            case; a case's own checks always run.
        gate: when a merge is blocked.
        backend: a spec, or one per role; overrides the settings.
        inputs: what the answers depend on beside code, by name: a path (file or folder, relative
            to this file), a function that returns a version, or a version as text. A change of one
            is named in the report.
        resources: async context managers by parameter name, entered once on the evals' loop.
        trials: repeats per case, 1 to 100.
        timeout: seconds that one trial may take; default: the settings'.
        external: the version of what the target reaches over the network or by subprocess.
            Without it such a target always runs again, since its answers may have changed.
        variants: models and prompts by name; the suite runs once under each, as NAME@VARIANT, with
            items, snapshot, gates and reports of its own.
        tiers: parts of it by name, of which `--evals-tier` runs one.

    Raises:
        SuiteError: at import, naming the function and the argument.
    """

    def decorate(target: Target) -> Suite:
        file, line = _place(target)
        made = Suite(
            name=getattr(target, "__name__", "target"),
            target=target,
            file=file,
            line=line,
            golden=golden,
            wants=_parameters(target),
            scorers=scorers,
            gate=Gate() if gate is None else gate,
            backend=roles_of(backend),
            inputs=_table(inputs),
            resources=_table(resources),
            trials=trials,
            timeout=timeout,
            external=external,
            variants=_table(variants),
            contexts=_takes_contexts(target),
            tiers=_table(tiers),
        )
        if found := _problems(made):
            where = f"{file}:{line}: suite {made.name}:"
            raise SuiteError("\n".join(f"{where} {problem}" for problem in found))
        return made

    return decorate


def _place(target: Target) -> tuple[Path, int]:
    if (place := getattr(target, "place", None)) is not None:  # it has no `def`
        return place  # type: ignore[no-any-return]
    code = getattr(inspect.unwrap(target), "__code__", None)
    if code is None:
        raise SuiteError(f"@suite decorates a function, not {target!r}")
    return Path(code.co_filename), code.co_firstlineno


def _parameters(target: Target) -> tuple[str, ...]:
    """The parameters after `case`."""
    given = inspect.signature(target).parameters
    wrong = "" if "case" in given else "`case` is missing"
    for each in given.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            wrong = f"not *{each.name}"
        elif each.kind is each.POSITIONAL_ONLY:
            wrong = f"`{each.name}` is by position only"
    if wrong:
        file, line = _place(target)
        raise SuiteError(
            f"{file}:{line}: suite {target.__name__}: its parameters are `case`, then `llm`, "
            f"resources and fixtures by name; {wrong}"
        )
    ours = {"case", "contexts"} if _takes_contexts(target) else {"case"}
    return tuple(name for name in given if name not in ours)


def _takes_contexts(target: Target) -> bool:
    """Whether it can be given documents; `contexts` without a default is a fixture as any other."""
    found = inspect.signature(target).parameters.get("contexts")
    return found is not None and found.default is None


def _table(given: Any) -> Any:
    """A mapping of one's own; anything else as it is, to be refused with the other problems."""
    return dict(given or {}) if given is None or isinstance(given, Mapping) else given


def _problems(made: Suite) -> list[str]:
    """All that is wrong with the arguments, each with its remedy."""
    found = []
    if not made.name.isidentifier():
        found.append(
            "it needs a name for its snapshot, such as my_app: decorate a `def`, or give the "
            "ready-made target that name"
        )
    inner = inspect.unwrap(made.target)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        found.append("a target must return its answer, and this is a generator")
    if not isinstance(made.golden, str) or not made.golden.strip():
        found.append(f'golden must name a dataset ("askacme"), not {shown(made.golden)}')
    if not isinstance(made.gate, Gate):
        found.append(f"gate must be an evalsuite.Gate, not {type(made.gate).__name__}")
    if type(made.trials) is not int or not 1 <= made.trials <= 100:
        found.append(f"trials must be a whole number from 1 to 100, not {shown(made.trials)}")
    if made.timeout is not None and not _seconds(made.timeout):
        found.append(f"timeout must be seconds, from above 0 to 86400, not {shown(made.timeout)}")
    if made.external is not None and not _version(made.external):
        found.append(f"external must be a version or a function, not {shown(made.external)}")
    return [
        *found,
        *_scorer_problems(made.scorers),
        *_mapping_problems(made),
        *variant_problems(made.variants, takes="variant" in made.wants),
        *tier_problems(made.tiers),
    ]


def _seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 < value <= 86_400  # type: ignore[operator]


def _version(value: object) -> bool:
    return isinstance(value, str | Path) or callable(value)


def _scorer_problems(scorers: object) -> list[str]:
    if isinstance(scorers, str) or not isinstance(scorers, Sequence):
        return ["scorers must be a list of functions"]
    found = [
        f"scorers[{place}] must be a function of (case, output), not {shown(scorer)}"
        for place, scorer in enumerate(scorers)
        if not callable(scorer)
    ]
    return found + [
        f"scorers[{place}] is what makes a scorer, and none itself: write {call}"
        for place, scorer in enumerate(scorers)
        if (call := _uncalled(scorer))
    ]


def _uncalled(scorer: object) -> str:
    """How a function of ours that makes scorers is called, "ev.rag.triad()"; "" for any other
    scorer: none of our functions scores by itself."""
    made = scorer.func if isinstance(scorer, partial) else scorer
    code = getattr(made, "__code__", None)
    if not inspect.isfunction(made) or code is None or not code.co_filename.startswith(_OURS):
        return ""
    name = made.__qualname__.rpartition("<locals>.")[2]
    package, *home = made.__module__.split(".")
    prefix = "" if package != "evalsuite" else _HOMES.get(home[0], "ev.")
    if prefix and home[0] == "adapters":  # any metric of theirs is a partial of one function
        prefix = f"ev.{home[-1]}."
        name = str(scorer.args[0]) if isinstance(scorer, partial) else name
    given = inspect.signature(made).parameters.values()
    needs = any(each.default is each.empty and each.kind != each.VAR_KEYWORD for each in given)
    more = "…" if needs and made is scorer else ""
    return f"{prefix}{name}({more})"


def _mapping_problems(made: Suite) -> list[str]:
    tables = {"inputs": made.inputs, "resources": made.resources}
    found = [
        f"{name} must be a dict, not {shown(table)}"
        for name, table in tables.items()
        if not isinstance(table, Mapping)
    ]
    if found:
        return [*role_problems("backend", made.backend), *found]
    found = role_problems("backend", made.backend)
    found += [
        f'inputs["{name}"] must be a path, a version or a function, not {shown(value)}'
        for name, value in made.inputs.items()
        if not isinstance(name, str) or not _version(value)
    ]
    for name, value in made.resources.items():
        if name not in made.wants or name in ("llm", "variant"):
            known = did_you_mean(str(name), made.wants)
            found.append(f'resource "{name}" is no parameter of the function: {known}')
        elif not callable(value):
            found.append(f'resources["{name}"] must be a function, not {shown(value)}')
    return found
