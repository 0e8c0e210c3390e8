"""docs/architecture.md describes the modules and functions that are there."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import evalsuite

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = Path(evalsuite.__file__).parent


def found(name: str) -> object:
    """The object that a dotted name below evalsuite means."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(f"evalsuite.{module}"), attribute)


def test_the_layers_are_those_of_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(
        each["layers"]
        for each in settings["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers"
    )
    section = TEXT.partition("## Layers")[2].partition("| module |")[0]
    assert re.findall(r"^    (.+)$", section, re.MULTILINE) == contract


def test_every_module_has_its_concern() -> None:
    table = TEXT.partition("| module | concern |")[2].partition("\n\n")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    there = {each.stem for each in PACKAGE.iterdir() if each.suffix == ".py"}
    there |= {each.parent.name for each in PACKAGE.glob("*/__init__.py")}
    assert named == there - {"__init__", "__main__"}


def test_every_record_is_declared_and_made_where_the_table_says() -> None:
    table = TEXT.partition("| record |")[2].partition("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) >= 9
    for _, record, declared, makers, places, _ in rows:
        (file,) = re.findall(r"`([\w/]+)\.py`", declared)
        module = importlib.import_module(f"evalsuite.{file.replace('/', '.')}")
        assert hasattr(module, record.strip(" `"))
        made_by = [found(name) for name in re.findall(r"`([a-z_]+\.[a-z_.]+)`", makers)]
        files = [Path(inspect.getfile(each)) for each in made_by]  # type: ignore[arg-type]
        named = {PACKAGE / each for each in re.findall(r"`([\w/]+\.py)`", places)}
        assert set(files) == named, record


def test_every_contract_has_the_parameters_of_its_function() -> None:
    code = TEXT.partition("```python\n")[2].partition("```")[0]
    lines = [line for line in code.splitlines() if "FORMAT" not in line]
    assert len(lines) > 12
    for line in lines:
        name, given = re.match(r"([a-z_.]+)\((.*?)\)", line).groups()  # type: ignore[union-attr]
        named = [each.partition("=")[0] for each in given.split(", ") if each not in ("*", "...")]
        real = list(inspect.signature(found(name)).parameters)  # type: ignore[arg-type]
        assert named == (real[: len(named)] if "..." in given else real), line
