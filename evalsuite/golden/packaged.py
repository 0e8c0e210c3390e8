"""Golden datasets that come with an installed package: "evalsuite:safety".

"PACKAGE:DATASET" is the folder golden_sets/DATASET of that package, read where it is installed. The
package is found and never imported: naming a dataset must not run anybody's code.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from evalsuite.errors import GoldenError, Problem, did_you_mean
from evalsuite.golden.fields import name_problem
from evalsuite.wording import shown, shown_path

FOLDER = "golden_sets"

LONGEST = 200
"""Characters of a package's name."""


def is_packaged(name: str) -> bool:
    """Whether a dataset's name, without a version, is of an installed package."""
    return ":" in name


def place_of(name: str, golden_dir: Path) -> tuple[Path, str]:
    """The folder of the dataset `name`, which may be missing, and how messages call it: a package's
    by name, so that nobody reads where it is installed.

    Raises GoldenError for a text that can't be a name, and for a package that is not installed.
    """
    if not is_packaged(name):
        if (wrong := name_problem(name)) is not None:
            raise _error(name, *wrong)
        return golden_dir / name, shown_path(golden_dir / name)
    package, _, dataset = name.partition(":")
    if (wrong := name_problem(dataset)) is not None:
        raise _error(name, *wrong)
    roots = _roots(name, package)
    for root in roots:
        if (root / dataset).is_dir():
            return root / dataset, name
    message = f"the package {package} has no golden dataset {dataset}"
    sets = _sets(roots)
    raise _error(name, message, did_you_mean(dataset, sets) if sets else f"it has no {FOLDER}/")


def packaged(package: str) -> list[str]:
    """The golden datasets of an installed package, as a suite names them; GoldenError as above."""
    return [f"{package}:{each}" for each in _sets(_roots(package, package))]


def _sets(roots: Sequence[Path]) -> list[str]:
    found = {each.name for root in roots for each in root.glob("*/")}
    return sorted(each for each in found if name_problem(each) is None)


def _roots(name: str, package: str) -> list[Path]:
    """The folders golden_sets/ of a package; a namespace package may have several."""
    parts = package.split(".")
    if len(package) > LONGEST or not all(part.isidentifier() for part in parts):
        remedy = 'write "PACKAGE:DATASET", such as "evalsuite:safety"'
        raise _error(name, f"{shown(package)} is no name of a package", remedy)
    found = _spec(parts[0])
    if found is None:
        remedy = did_you_mean(parts[0], packages_distributions())
        remedy = remedy if remedy.startswith("did") else "install it, or correct the name"
        raise _error(name, f"no package {parts[0]} is installed", remedy)
    if found.submodule_search_locations is None:
        raise _error(name, f"{parts[0]} is a single module", f"only a package can hold {FOLDER}/")
    return [Path(each, *parts[1:], FOLDER) for each in found.submodule_search_locations]


def _spec(package: str) -> ModuleSpec | None:
    try:
        return find_spec(package)  # of the first part alone, since finding a.b imports a
    except (ImportError, ValueError):  # ValueError: a module that was made without a spec
        return None


def _error(where: str, message: str, remedy: str) -> GoldenError:
    return GoldenError([Problem(shown(where)[1:-1], 0, "", message, remedy)])
