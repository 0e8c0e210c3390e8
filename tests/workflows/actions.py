"""What the actions of others do for the workflows here: git and copies, with GitHub's scopes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Protocol

from hosted import Hosted, Run, git


class Machine(Protocol):
    """One job's: `home` holds the `workspace`."""

    host: Hosted
    run: Run
    home: Path
    workspace: Path


def checkout(machine: Machine, inputs: Mapping[str, Any]) -> bool:
    folder = machine.workspace / str(inputs.get("path", "."))
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", machine.host.origin.as_uri())
    depth = str(inputs.get("fetch-depth", 1) or 2**31 - 1)
    wanted = str(inputs.get("ref") or machine.run.event.sha)
    git(folder, "fetch", "-q", "--depth", depth, "origin", wanted)
    git(folder, "checkout", "-q", "FETCH_HEAD")
    return True


def restore(machine: Machine, inputs: Mapping[str, Any]) -> bool:
    """The exact key, else the newest one with a prefix, of our scope before others'."""
    for prefix in (inputs["key"], *str(inputs.get("restore-keys", "")).split()):
        for scope in (machine.run.event.ref, *machine.run.event.reads):
            for place, key, copy in reversed(machine.host.caches):
                if place == scope and key.startswith(prefix):
                    target = machine.workspace / inputs["path"]
                    target.parent.mkdir(exist_ok=True)
                    shutil.copyfile(copy, target)
                    return True
    return True


def save(machine: Machine, inputs: Mapping[str, Any]) -> bool:
    copy = machine.host.kept(machine.workspace / inputs["path"])
    machine.host.caches.append((machine.run.event.ref, inputs["key"], copy))
    return True


def upload(machine: Machine, inputs: Mapping[str, Any]) -> bool:
    """Of several paths each keeps its place; hidden files are left out unless asked for."""
    paths = [Path(each) for each in inputs["path"].split()]
    artifact = machine.home / inputs["name"]
    for path in paths:
        hidden = any(part.startswith(".") for part in path.parts)
        if not (machine.workspace / path).exists() or (
            hidden and not inputs.get("include-hidden-files")
        ):
            continue
        target = artifact / (path if paths[1:] else "")
        target.parent.mkdir(parents=True, exist_ok=True)
        copied = shutil.copytree if (machine.workspace / path).is_dir() else shutil.copyfile
        copied(machine.workspace / path, target)
    if artifact.exists():
        machine.host.artifacts[machine.run.id, inputs["name"]] = machine.host.kept(artifact)
    return artifact.exists() or inputs.get("if-no-files-found") == "ignore"


def download(machine: Machine, inputs: Mapping[str, Any]) -> bool:
    """By a pattern, several have a folder each; one alone has none."""
    number = int(inputs.get("run-id") or machine.run.id)
    wanted = str(inputs.get("name") or inputs["pattern"])
    found = {
        name: folder
        for (run, name), folder in machine.host.artifacts.items()
        if run == number and fnmatch(name, wanted)
    }
    for name, folder in found.items():
        shutil.copytree(folder, Path(inputs["path"]) / (name if len(found) > 1 else ""))
    return bool(found) or "pattern" in inputs


def nothing(machine: Machine, inputs: Mapping[str, Any]) -> bool:
    return True


ACTIONS: Mapping[str, Callable[[Machine, Mapping[str, Any]], bool]] = {
    "actions/checkout": checkout,
    "actions/setup-python": nothing,
    "actions/cache/restore": restore,
    "actions/cache/save": save,
    "actions/upload-artifact": upload,
    "actions/download-artifact": download,
}
