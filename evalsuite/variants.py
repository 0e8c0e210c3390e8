"""Models by role, and a suite's variants: what it runs under, side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evalsuite.canonical import canonical
from evalsuite.records import Json
from evalsuite.wording import shown

Roles = str | Mapping[str, str] | None

ROLE = re.compile(r"[^\W\d][\w-]*")
_VARIANT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", re.ASCII)
"""A part of a folder's name and of a pytest id on every system."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A model and a prompt under which a suite runs beside others, with a snapshot of its own.

    `backend` is a spec, or one per role; what it leaves out is the suite's. `params` are JSON
    values that the target gets as its parameter `variant`, a mapping.
    """

    backend: Roles = None
    params: Mapping[str, Json] = field(default_factory=dict)


def roles_of(backend: Any) -> Any:
    """Specs by role; what is neither a spec nor a mapping as it is, to be refused."""
    if isinstance(backend, str):
        return {"default": backend}
    return dict(backend or {}) if backend is None or isinstance(backend, Mapping) else backend


def role_problems(where: str, roles: object) -> list[str]:
    """What is wrong with the backends of a suite or of a variant."""
    if not isinstance(roles, Mapping):
        return [f"{where} must be a dict, not {shown(roles)}"]
    found = [
        f"{where}: a role is named by letters, digits, _ and -, not {shown(role)}"
        for role in roles
        if not isinstance(role, str) or not ROLE.fullmatch(role)
    ]
    return found + [
        f'{where}["{role}"] must be text such as "openai:MODEL", not {shown(spec)}'
        for role, spec in roles.items()
        if not isinstance(spec, str) or not spec.strip()
    ]


def variant_problems(variants: object, *, takes: bool) -> list[str]:
    """What is wrong with a suite's variants; `takes`: its function has a parameter `variant`."""
    if not isinstance(variants, Mapping):
        return [f"variants must be a dict of evalsuite.Variant, not {shown(variants)}"]
    found = []
    for name, variant in variants.items():
        where = f"variants[{shown(name)}]"
        if not isinstance(name, str) or not _VARIANT.fullmatch(name):
            found.append(
                f"{where}: it becomes a folder's name: letters, digits, and . _ - within, up to 64"
            )
        if not isinstance(variant, Variant):
            found.append(f"{where} must be an evalsuite.Variant, not {shown(variant)}")
            continue
        found += role_problems(f"{where}: backend", roles_of(variant.backend))
        found += [
            f"{where}: params {wrong}" for wrong in _param_problems(variant.params, takes=takes)
        ]
    known = [str(name).casefold() for name in variants]
    if len(set(known)) < len(known):
        found.append("variants: two names differ by upper and lower case alone, as folders can't")
    return found


def _param_problems(params: object, *, takes: bool) -> list[str]:
    if not isinstance(params, Mapping) or not all(isinstance(name, str) for name in params):
        return [f"must be a dict by name, not {shown(params)}"]
    if params and not takes:
        return ["reach nobody: give the function a parameter `variant`"]
    try:
        canonical(dict(params))
    except (TypeError, ValueError, RecursionError) as error:
        return [f"must be JSON values: {error}"]
    return []
