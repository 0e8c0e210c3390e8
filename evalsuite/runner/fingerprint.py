"""code.key: everything known beforehand that a target's answers can depend on.

Every source file under the root that is not ignored, the declared inputs, Python, the installed
distributions, the environment and the command's arguments. It errs on the side of running again:
that costs no call, since a target's model calls are answered by their own keys.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import os
import platform
import re
import stat
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalsuite import git
from evalsuite.canonical import digest, key
from evalsuite.errors import SuiteError
from evalsuite.records import Part
from evalsuite.scoring import complaint
from evalsuite.suites import Input

_VOLATILE = re.compile(
    r"_|SHLVL|PWD|OLDPWD|COLUMNS|LINES|TERM.*|COLORTERM|WINDOWID|SSH_.*|XDG_SESSION_.*|"
    r"(COV_CORE|COVERAGE|TMUX|STY|PYDEVD|VSCODE)_?.*|TMPDIR|TEMP|TMP|PS1|LS_COLORS|DBUS_.*|"
    r"(GITHUB|RUNNER|ACTIONS)_.*|INVOCATION_ID|JOURNAL_STREAM|"
    r"PYTEST_(ADDOPTS|CURRENT_TEST|VERSION|DEBUG.*|THEME.*|XDIST_.*)"
)
"""Variables that describe the terminal, the job on a build host (its number, token, temporary
files: others in each job) or pytest's own state, not what a target is.
What PYTEST_ADDOPTS says is among the arguments."""

LISTED_FILES = 200
"""A declared folder with more files is one part of the subject, not one per file."""

_NOISE = re.compile(r"\.coverage(\..*)?|.*\.(log|pyc|swp|swo|tmp)|.*~|\.DS_Store|nohup\.out")
"""Files that editors and tools leave beside the source."""

_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})
_VERSION = re.compile(r"\bversion:\s*([\w.+-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`key` is code.key without the inputs; `files` maps absolute paths to content hashes, `parts`
    what is in the key to a hash of it."""

    key: str
    files: Mapping[str, str]
    parts: Mapping[str, str]


def fingerprint(
    root: Path,
    *,
    own: Sequence[Path],
    arguments: Sequence[str],
    salt: bytes,
    written: Collection[str] = (),
) -> Fingerprint:
    """Hash what holds for every suite below `root`.

    `own` are the harness's folders (golden sets, snapshots, reports, state), left out because they
    have identities of their own, and `written` files that a run's own process writes: the watch
    notices who reads one. `salt` keeps the digest of the environment from being guessed.
    """
    files = dict(_sources(root, own, written))
    environment = sorted(
        f"{name}={value}" for name, value in os.environ.items() if not _VOLATILE.fullmatch(name)
    )
    secret = hmac.new(salt, "\0".join(environment).encode(errors="surrogateescape"), "sha256")
    parts = {
        "files": {os.path.relpath(path, root): found for path, found in files.items()},
        "python": [platform.python_implementation(), *sys.version_info[:3]],
        "distributions": _distributions(),
        "environment": secret.hexdigest(),
        "arguments": list(arguments),
        "folder": str(Path.cwd()),
    }
    each = {name: key("part", value) for name, value in parts.items()}
    return Fingerprint(key("code", parts), files, each)


def _sources(
    root: Path, own: Sequence[Path], written: Collection[str]
) -> Iterator[tuple[str, str]]:
    skipped = tuple(os.path.join(folder, "") for folder in own)  # noqa: PTH118
    printed = _printed_to()
    for path in _listed(root):
        name = os.path.basename(path)  # noqa: PTH119 (for each of thousands)
        if not (path.startswith(skipped) or path in written or _NOISE.fullmatch(name)):
            try:
                if printed and (found := os.stat(path)) and found[1:3] in printed:  # noqa: PTH116
                    continue
                data = Path(path).read_bytes()
            except OSError:  # a link to nowhere, or gone since it was listed
                continue
            yield path, digest(data)


def _printed_to() -> set[tuple[int, int]]:
    """The files that this process prints to ("pytest --evals > out.txt"), as (inode, device)."""
    found = set()
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            state = os.fstat(descriptor)
            if stat.S_ISREG(state.st_mode):
                found.add((state.st_ino, state.st_dev))
    return found


def _listed(root: Path) -> list[str]:
    """Files that git does not ignore; without git, all but hidden and generated folders."""
    listed, _ = git.run(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = (listed or b"").decode(errors="surrogateescape").split("\0")
    found = [os.path.join(root, name) for name in names if name]  # noqa: PTH118
    return found or sorted(_walked(root))


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED_FOLDERS
            and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        for name in names:
            if not name.endswith(".pyc"):
                yield os.path.join(folder, name)  # noqa: PTH118


def _distributions() -> list[str]:
    """Names and versions of what is installed, read off the folders' names: cheap, and enough but
    for what was installed from a folder, which keeps its version while its content changes."""
    found: set[str] = set()
    for place in sys.path:
        try:
            names = os.listdir(place or ".")  # noqa: PTH208
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                local = os.path.exists(os.path.join(place, name, "direct_url.json"))  # noqa: PTH110, PTH118
                found.add(name + (_content(Path(place, name, "RECORD")) if local else ""))
    return sorted(found)


def _content(file: Path) -> str:
    try:
        return " " + digest(file.read_bytes())
    except OSError:
        return ""


def input_parts(name: str, value: Input, folder: Path) -> tuple[dict[str, Part], list[str]]:
    """One declared input as parts of the subject, and the files that it covers.

    A function gives a version; text that names a file or folder beside the suite is that file, or
    each file of the folder ("handbook/leave.md"), so that a report can name the one that changed;
    other text is a version itself.

    Raises:
        SuiteError: a path that does not exist, a function that fails or returns no text.
    """
    if callable(value):
        try:
            value = value()
        except (Exception, SystemExit) as error:
            raise SuiteError(f'inputs["{name}"] failed: {complaint(error)}') from error
        if not isinstance(value, str | int | float):
            raise SuiteError(f'inputs["{name}"] must return a version as text, not {value!r}')
        return {name: Part(key("input", str(value)), str(value))}, []
    path = folder / value
    try:
        if path.is_dir():
            return _folder_parts(name, path)
        if path.is_file():
            return {name: _file_part(path)}, [str(path)]
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # a version may be longer than a file's name
            raise SuiteError(f'inputs["{name}"] can\'t be read: {error.strerror}') from None
    if isinstance(value, Path) or "/" in value or "\\" in value:
        shown = str(path) if len(str(path)) <= 300 else f"{str(path)[:300]}…"
        if shown == str(path) and not Path(value).is_absolute():
            shown += " (paths are from the suite's own file on)"
        raise SuiteError(f'inputs["{name}"]: there is no file or folder {shown}')
    return {name: Part(key("input", value), value)}, []


def _folder_parts(name: str, path: Path) -> tuple[dict[str, Part], list[str]]:
    files = sorted(each for each in path.rglob("*") if _counts(each, path))
    parts = {f"{name}/{file.relative_to(path).as_posix()}": _file_part(file) for file in files}
    if not files or len(files) > LISTED_FILES:
        found = key("input", {each: part.key for each, part in parts.items()})
        parts = {name: Part(found, f"{path.name} ({len(files)} files, {found[:8]})")}
    return parts, [str(file) for file in files]


def _file_part(path: Path) -> Part:
    # Line ends are git's to choose on each machine, and change nothing.
    data = path.read_bytes().replace(b"\r\n", b"\n")
    found = digest(data)
    return Part(found, f"{path.name} {_version(data) or f'({found[:8]})'}")


def _counts(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in parts)
    return path.is_file() and not hidden and path.suffix != ".pyc"


def _version(data: bytes) -> str:
    head = b"\n".join(data.splitlines()[:5]).decode(errors="replace")
    found = _VERSION.search(head)
    return f"v{found.group(1)}" if found else ""


def salt_from(stored: bytes | None) -> bytes:
    """The store's salt, or a new one."""
    return stored or hashlib.sha256(os.urandom(32)).digest()
