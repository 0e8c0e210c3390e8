"""What the actions of others do for the workflows here: git and copies, with GitHub's scopes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
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
        if (machine.workspace / path).exists() and (
            not hidden or inputs.get("include-hidden-files")
        ):
            shutil.copytree(machine.workspace / path, artifact / (path if paths[1:] else ""))
    if artifact.exists():
        machine.host.artifacts[machine.run.id, inputs["name"]] = machine.host.kept(artifact)
    return artifact.exists() or inputs.get("if-no-files-found") == "ignore"


def download(machine: Machine, inputs: Mapping[str, Any]) -> bool:
    number = int(inputs.get("run-id") or machine.run.id)
    found = machine.host.artifacts.get((number, inputs["name"]))
    if found is not None:
        shutil.copytree(found, inputs["path"])
    return found is not None


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
