"""One written example becomes a Case, or a list of problems that say how to repair it.

Also its two identities. `case_key` is what a score depends on: input, expected, contexts and
relevant documents. The other keys say what else was edited, from which a version follows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from sys import intern
from typing import Any, NamedTuple

from evalsuite.canonical import key
from evalsuite.errors import Problem, did_you_mean
from evalsuite.golden.fields import CHECKED, FIELDS, Say, kind
from evalsuite.records import Case, Json, Source, shared
from evalsuite.wording import shown

ValidateChecks = Callable[[Sequence[Mapping[str, Json]]], Sequence[tuple[str, str, str]]]
"""From a case's checks to (field, message, remedy) of each that can't be used."""


MAX_UNKNOWN = 10
"""Unknown fields named per case; how many more there are is said."""


class Keys(NamedTuple):
    """The hashes of a case: what is asked and expected, its checks, and everything else."""

    case: str
    checks: str
    rest: str


def case_key(case: Case) -> str:
    """The identity of what a score of this case depends on, beside its checks.

    Slices, `must_pass`, provenance and cluster are not part of it: relabelling a case leaves its
    scores comparable. Raises ValueError for what canonical JSON can't hold.
    """
    return key(
        "case",
        {
            "input": case.input,
            "expected": case.expected,
            "contexts": list(case.contexts),
            "relevant": dict(case.relevant),
        },
    )


def case_keys(case: Case) -> Keys:
    """All three hashes; two cases with equal keys and id are the same."""
    rest = {
        "slices": dict(case.slices),
        "must_pass": case.must_pass,
        "provenance": case.provenance,
        "cluster": case.cluster,
    }
    return Keys(case_key(case), key("golden-checks", list(case.checks)), key("golden-rest", rest))


def prompt_text(value: Json) -> str:
    """What an input asks, as text: its question, its last message, or its first text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return next((text for each in value if (text := prompt_text(each))), "")
    if not isinstance(value, Mapping):
        return ""
    messages = value.get("messages")
    if isinstance(messages, list) and messages and isinstance(messages[-1], Mapping):
        return prompt_text(messages[-1].get("content"))
    if isinstance(value.get("question"), str):
        return str(value["question"])
    return next((text for each in value.values() if (text := prompt_text(each))), "")


def derive_id(value: Json) -> str:
    """An id from the input alone: a readable beginning and 10 hex digits (40 bits) of its hash."""
    text = unicodedata.normalize("NFKD", prompt_text(value)[:200]).encode("ascii", "ignore")
    slug = re.sub(r"[^a-z0-9]+", "-", text.decode().lower()).strip("-")
    if len(slug) > 40:
        slug = slug[:41].rpartition("-")[0] or slug[:40]
    return f"{slug}-{key('case-id', value)[:10]}" if slug else f"case-{key('case-id', value)[:10]}"


def case_from(
    value: Json, source: Source, problems: list[Problem], validate: ValidateChecks | None = None
) -> tuple[Case, Keys] | None:
    """The case and its keys, or None with everything that is wrong with it added to `problems`."""
    before = len(problems)

    def say(field: str, message: str, remedy: str = "") -> None:
        problems.append(Problem(source.path, source.line, field, message, remedy))

    if not isinstance(value, dict):
        say("", f"a case is an object, not {kind(value)}", 'write {"input": "…"}')
        return None
    unknown = [name for name in value if name not in FIELDS]
    for name in unknown[:MAX_UNKNOWN]:
        say(shown(name), "unknown field", did_you_mean(name, FIELDS))
    if len(unknown) > MAX_UNKNOWN:
        more = f"{len(unknown) - MAX_UNKNOWN} more unknown fields"
        say("", more, f"known: {', '.join(FIELDS)}")
    given = {name: each for name, each in value.items() if each is not None}
    for name in (each for each in CHECKED if each in given):
        CHECKED[name](given[name], say)
    if "input" not in given:
        say("input", "missing", 'every case needs one: {"input": "…"}')
    if validate is not None and given.get("checks") and len(problems) == before:
        for problem in validate(given["checks"]):
            say(*problem)
    return _build(given, source, say) if len(problems) == before else None


def _build(given: dict[str, Any], source: Source, say: Say) -> tuple[Case, Keys] | None:
    relevant = given.get("relevant", {})
    try:
        case = Case(
            id=intern(given["id"]) if "id" in given else derive_id(given["input"]),
            input=given["input"],
            expected=given.get("expected"),
            checks=tuple(given.get("checks", ())),
            contexts=tuple(given.get("contexts", ())),
            relevant={name: float(relevant[name]) for name in relevant}
            if isinstance(relevant, dict)
            else dict.fromkeys(relevant, 1.0),
            slices=shared({name: each for name, each in given.get("slices", {}).items() if each}),
            must_pass=given.get("must_pass", False),
            provenance=given.get("provenance"),
            cluster=given.get("cluster"),
            source=source,
        )
        return case, case_keys(case)
    except (ValueError, TypeError, OverflowError):
        for name, value in given.items():
            _say_not_json(name, value, say)
        return None


def _say_not_json(name: str, value: Json, say: Say) -> None:
    try:
        key(name, value)
    except UnicodeEncodeError:
        say(name, "holds half of a character (a lone surrogate)", r"remove the \ud8xx escape")
    except TypeError as error:
        say(name, f"holds a value that JSON has not: {shown(str(error), 80)}", "write it as text")
    except (ValueError, OverflowError):
        say(name, "holds NaN or an infinite number", "write null, or leave it out")
