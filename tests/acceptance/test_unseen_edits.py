"""Edits outside of the decorated function, chosen to be missed: each must make it run again.

One project depends on all of them. After each edit every case runs again, and the run after that,
which is unchanged, reuses every answer: noticing everything by running always would be no feat.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs links and bytes in os")

SUITE = """
import contextlib, glob, json, mmap, os, sqlite3, tomllib
from importlib import resources
from pathlib import Path

import numpy as np
import evalsuite as ev
import shared.tables
import plugged

HERE = Path(__file__).parent
FAR = Path({far!r})
FLAG = os.environb.get(b"ANSWER_MODE", b"")
SCHEMA = tomllib.loads((HERE / "ignored" / "tool.toml").read_text())

try:
    import local_settings
except ImportError:
    local_settings = None

@ev.suite(golden="words")
async def words(case, flavour):
    with open({log!r}, "a") as log:
        log.write(case.id + chr(10))
    import shared.lazy
    with contextlib.suppress(FileNotFoundError), open(FAR / "override.txt") as file:
        file.read()
    if os.path.exists(FAR / "flag"):
        pass
    if (FAR / "folder-flag").is_dir():
        pass
    names = os.listdir(HERE / "ignored" / "pages")
    found = glob.glob(str(FAR / "globbed" / "*.md"))
    np.load(HERE / "ignored" / "vectors.npy", mmap_mode="r")
    with open(os.fsencode(FAR / "bytes.bin"), "rb") as file:
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    here = os.getcwd()
    os.chdir(FAR)
    Path("relative.txt").read_text()
    os.chdir(here)
    (HERE / "ignored" / "linked.txt").read_text()
    (HERE / "golden" / "shots" / "shots.txt").read_text()
    with contextlib.closing(sqlite3.connect(f"file:{{FAR}}/index.db?mode=ro", uri=True)) as index:
        index.execute("select * from t").fetchall()
    return "word " + case.input
"""


class Nasty:
    def __init__(self, project: Any) -> None:
        self.project = project
        self.root: Path = project.path
        self.far = self.root.parent / f"{self.root.name}-far"
        self.log = self.root.parent / f"{self.root.name}-ran.txt"
        for folder in ("shared/data", "globbed"):
            (self.far / folder).mkdir(parents=True)
        texts = {
            "shared/__init__.py": "",
            "shared/tables.py": "from importlib import resources\n"
            "T = (resources.files('shared') / 'data' / 'table.csv').read_text()\n",
            "shared/data/table.csv": "a,b",
            "shared/lazy.py": "X = 1\n",
            "plugged.py": "import pytest\nfrom pathlib import Path\n"
            "F = (Path(__file__).parent / 'flavour.txt').read_text()\n"
            "@pytest.fixture(scope='session')\ndef flavour(): return F\n",
            "flavour.txt": "sweet",
            "relative.txt": "one",
            "target.txt": "one",
            "bytes.bin": "one",
            "conftest.txt": "one",
            "globbed/a.md": "a",
        }
        for name, text in texts.items():
            (self.far / name).write_text(text)
        project.write(
            "conftest.py",
            f"import os, sys\nfrom pathlib import Path\nsys.path.insert(0, {str(self.far)!r})\n"
            f"F = Path({str(self.far)!r})\n"
            "import app_state\napp_state.K = (F / 'conftest.txt').read_text()\n"
            "pytest_plugins = ['plugged']\n",
        )
        project.write("app_state.py", "K = ''\n")
        project.write(".gitignore", "ignored/\nlocal_settings.py\n")
        project.write("ignored/tool.toml", "name = 'search'\n")
        project.write("ignored/pages/one.md", "one")
        np.save(self.root / "ignored" / "vectors.npy", np.zeros(3))
        (self.root / "ignored" / "linked.txt").symlink_to(self.far / "target.txt")
        project.write("golden/shots/shots.txt", "example")
        self.insert(1)
        project.cases(project.many(3))
        project.write("test_words.py", SUITE.format(far=str(self.far), log=str(self.log)))
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)

    def insert(self, value: int) -> None:
        connection = sqlite3.connect(self.far / "index.db")
        connection.execute("create table if not exists t (x)")
        connection.execute(f"insert into t values ({value})")
        connection.commit()
        connection.close()

    def run(self, *arguments: str) -> int:
        """How many cases the target ran for."""
        self.log.unlink(missing_ok=True)
        done = self.project.run_apart("-q", *arguments)
        assert done.ret == 0, done.stdout.str() + done.stderr.str()
        return len(self.log.read_text().split()) if self.log.exists() else 0


def write(name: str, text: str) -> Callable[[Nasty, pytest.MonkeyPatch], object]:
    return lambda nasty, patch: (nasty.far / name).write_text(text)


def inside(name: str, text: str) -> Callable[[Nasty, pytest.MonkeyPatch], object]:
    return lambda nasty, patch: (nasty.root / name).write_text(text)


EDITS: dict[str, Callable[[Nasty, pytest.MonkeyPatch], object]] = {
    "a package's data file, read at import": write("shared/data/table.csv", "a,c"),
    "a module imported inside of the function": write("shared/lazy.py", "X = 2\n"),
    "what a fixture plugin reads": write("flavour.txt", "sour"),
    "what the root conftest reads while it is imported": write("conftest.txt", "two"),
    "the target of a link": write("target.txt", "two"),
    "a file named in bytes, mapped into memory": write("bytes.bin", "two"),
    "a relative path in another folder": write("relative.txt", "two"),
    "a file that was not there when it was opened": write("override.txt", "x"),
    "a file that was asked for and not there": write("flag", ""),
    "a folder that was asked for and not there": lambda nasty, patch: (
        nasty.far / "folder-flag"
    ).mkdir(),
    "the flag goes away": lambda nasty, patch: (nasty.far / "flag").unlink(),
    "a file more where a pattern looks": write("globbed/b.md", "b"),
    "an optional module appears": inside("local_settings.py", "Y = 1\n"),
    "a tool's schema in TOML that git ignores": inside("ignored/tool.toml", "name = 'find'\n"),
    "a file more in a folder that git ignores": inside("ignored/pages/two.md", "two"),
    "an array mapped into memory": lambda nasty, patch: np.save(
        nasty.root / "ignored" / "vectors.npy", np.ones(3)
    ),
    "an index in SQLite, opened by its URI": lambda nasty, patch: nasty.insert(2),
    "few-shot examples beside the golden cases": inside("golden/shots/shots.txt", "other"),
    "an environment variable read as bytes": lambda nasty, patch: patch.setenv(
        "ANSWER_MODE", "short"
    ),
    "pytest's own settings above": inside("pytest.ini", "[pytest]\naddopts = --verbosity=0 -o x=1"),
    "an option in PYTEST_ADDOPTS": lambda nasty, patch: patch.setenv(
        "PYTEST_ADDOPTS", "-o console_output_style=classic"
    ),
}


@pytest.fixture
def nasty(project: Any) -> Nasty:
    return Nasty(project)


def test_no_edit_is_answered_from_stored_outputs(
    nasty: Nasty, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nasty.run() == 3
    assert nasty.run() == 0, nasty.project.manifest()["notes"]
    wrong = []
    for name, edit in EDITS.items():
        edit(nasty, monkeypatch)
        if nasty.run() != 3:
            wrong.append(f"answered from the store: {name}")
        if nasty.run() != 0:
            wrong.append(f"ran again unchanged after: {name}: {nasty.project.manifest()['notes']}")
    assert not wrong
