"""Data that a workflow made, as a pull request of a bot: one branch of its own with one commit,
never a push to what people merge into."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalsuite import git
from evalsuite.backends.faults import without
from evalsuite.errors import DataError, HubError, OptionError
from evalsuite.hub.api import Client, Unclear
from evalsuite.wording import shown

BRANCH = re.compile(r"evalsuite/[a-z0-9][a-z0-9._-]{0,80}", re.ASCII)
"""What this may write over: branches of its own, which people don't commit to."""

MAX_BODY = 60_000
_ROUNDS = 4
_WHO = "github-actions[bot]"
_MAIL = "41898282+github-actions[bot]@users.noreply.github.com"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`paths` are files and folders of the work tree, from its root; all else stays as it is. The
    pull request asks to be merged into `base`, or, without, into the default branch."""

    branch: str
    title: str
    body: str
    paths: Sequence[str]
    base: str = ""


def propose(
    client: Client, repository: str, root: Path, proposal: Proposal, *, server: str, token: str
) -> str:
    """Commit the paths onto the branch and open its pull request, or bring both up to date; a line
    on what was done. Where nothing differs from the checkout's commit nothing is.

    Raises:
        OptionError: the branch is none of ours or is protected, or a path can't be proposed.
        HubError: GitHub refused, or git could not push.
    """
    _check(root, proposal)
    base = _base(client, repository, proposal)
    commit = _commit(root, proposal)
    if not commit:
        return "nothing to propose: the files are as they are in this commit"
    _push(root, commit, proposal.branch, server, token)
    number, done = _pull(client, repository, base, proposal)
    return f"pull request {number} {done}: {proposal.branch} into {base}"


def _check(root: Path, proposal: Proposal) -> None:
    if not BRANCH.fullmatch(proposal.branch) or ".." in proposal.branch:
        raise OptionError(f"--branch {shown(proposal.branch)} must be evalsuite/NAME")
    if not proposal.title.strip() or not proposal.title.isprintable():
        raise OptionError("--title must be one line")
    for each in proposal.paths:
        path = Path(each)
        outside = path.is_absolute() or ".." in path.parts or not path.parts
        if outside or path.parts[0].lower() in (".git", ".github"):
            raise OptionError(f"{shown(each)} can't be proposed: name data files of this checkout")
        if any((root / part).is_symlink() for part in (path, *path.parents)):
            raise OptionError(f"{shown(each)} can't be proposed: it is behind a link")
        if not (root / path).exists():
            raise OptionError(f"{shown(each)} is not there")


def _base(client: Client, repository: str, proposal: Proposal) -> str:
    """The branch to merge into, once it is clear that the other one may be written over."""
    about: Any = client.get(f"/repos/{repository}")
    default = about.get("default_branch") if isinstance(about, dict) else None
    base, branch = proposal.base or default, proposal.branch
    if not isinstance(base, str) or base == branch:
        raise HubError("the repository's default branch could not be read")
    try:
        there: Any = client.get(f"/repos/{repository}/branches/{branch}")
    except HubError as error:
        if error.status != 404:
            raise
        return base
    if isinstance(there, dict) and there.get("protected") is not False:
        raise OptionError(f"{branch} is protected: it is not written over")
    return base


def _commit(root: Path, proposal: Proposal) -> str:
    """A commit of the paths on top of the checkout's own; "" if it would be empty. The same files
    on the same commit are the same one."""
    if _git(root, "diff", "--cached", "--name-only"):
        raise DataError("other changes are staged here: propose from a fresh checkout")
    _git(root, "add", "--all", "--", *proposal.paths)
    tree = _git(root, "write-tree")
    _git(root, "reset", "--quiet")
    if tree == _git(root, "rev-parse", "HEAD^{tree}"):
        return ""
    date = _git(root, "show", "--no-patch", "--format=%cI", "HEAD")
    who = {
        f"GIT_{role}_{name}": value
        for role in ("AUTHOR", "COMMITTER")
        for name, value in (("NAME", _WHO), ("EMAIL", _MAIL), ("DATE", date))
    }
    return _git(root, "commit-tree", tree, "-p", "HEAD", "-m", proposal.title, environment=who)


def _push(root: Path, commit: str, branch: str, server: str, token: str) -> None:
    """The token goes by the environment, where no list of processes shows it."""
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    with_token = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server.rstrip('/')}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: basic {basic}",
        "GIT_TERMINAL_PROMPT": "0",
    }
    try:
        target = f"{commit}:refs/heads/{branch}"
        _git(root, "push", "--quiet", "--force", "origin", target, environment=with_token)
    except HubError as error:
        said = without(without(str(error), token), basic)
        raise HubError(f"{said} (give this job `permissions: contents: write`)") from None


def _git(root: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    found, reason = git.run(root, *arguments, environment=environment)
    if found is None:
        raise HubError(f"git {arguments[0]}: {reason or 'git is not installed'}")
    return found.decode("utf-8", "replace").strip()


def _pull(client: Client, repository: str, base: str, proposal: Proposal) -> tuple[int, str]:
    """The pull request's number, and what was done to it."""
    url, owner = f"/repos/{repository}/pulls", repository.partition("/")[0]
    words = {"title": proposal.title, "body": proposal.body[:MAX_BODY]}
    for _ in range(_ROUNDS):
        head = f"{owner}:{proposal.branch}"
        found = list(client.pages(url, state="open", head=head, base=base))
        if found:
            number = int(found[0]["number"])
            client.patch(f"{url}/{number}", words)
            return number, "updated"
        try:
            made = client.once("POST", url, {**words, "head": proposal.branch, "base": base})
            return int(made["number"]), "opened"
        except Unclear:  # the next look tells
            client.pause()
        except HubError as error:
            if error.status != 422 or "already exists" not in str(error):
                raise
            client.pause()
    raise HubError(f"the pull request of {proposal.branch} could not be opened")
