"""`evalsuite ci summary | find | comment | propose`: tell a workflow and a pull request
what was found."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalsuite.cli.screen import show
from evalsuite.config import load_config
from evalsuite.errors import HubError, OptionError, plain

_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)
ARTIFACT = "evalsuite-run"
"""What the action of this project calls what it uploads, and how the names of several begin."""

_NAME = re.compile(r"[\w.-]{1,80}", re.ASCII)


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `ci` and its commands; each sets `run`: from the arguments to an exit status."""
    ci = subparsers.add_parser(
        "ci",
        help="in GitHub Actions: summary, annotations, comment, check, proposed data",
        description="What workflows run before and after pytest --evals.",
    )
    commands = ci.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser(
        "summary",
        help="show the last run on the job's page, and blocking cases on their lines",
        description="Appends the report of all suites of a run to the file that "
        "GITHUB_STEP_SUMMARY names, and prints annotations of the cases that block, at most 10 "
        "errors and 10 warnings. Takes no token. What the gates say is pytest's exit status, not "
        "this one's.",
        epilog="example: evalsuite ci summary",
    )
    command.add_argument(
        "--run",
        metavar="REF",
        dest="ref",
        default="last",
        help="default: last, what the last invocation of pytest ran",
    )
    command.add_argument(
        "--artifact",
        metavar="NAME",
        default=ARTIFACT,
        help=f"as what the run is uploaded (default: {ARTIFACT})",
    )
    command.set_defaults(run=_summary)

    command = commands.add_parser(
        "find",
        help="find the run that evaluated a commit, and what it uploaded",
        description="For a workflow on workflow_run, with GITHUB_TOKEN and the permission actions: "
        "read, ahead of the comment. Writes to the step's outputs `run`, empty where there is "
        "nothing to tell yet, and `artifact`, a name for the folder of the upload. Where branches "
        "are evaluated when they are pushed, a pull request's own run skips everything, and the "
        "push's is found.",
        epilog="example: evalsuite ci find",
    )
    command.add_argument(
        "--repository", metavar="OWNER/NAME", default="", help="default: $GITHUB_REPOSITORY"
    )
    command.add_argument("--event", metavar="FILE", default="", help="default: $GITHUB_EVENT_PATH")
    command.set_defaults(run=_find)

    command = commands.add_parser(
        "comment",
        help="write one comment and one check for a run that another workflow uploaded",
        description="For a workflow on workflow_run, with GITHUB_TOKEN and the permissions "
        "pull-requests: write and checks: write. The artifact is data without trust: its runs are "
        "decided again here, against the snapshots of the base, and nothing of it is executed. The "
        "comment is found again and updated; an older commit's never replaces a newer one's.",
        epilog="example: evalsuite ci comment --artifact evals-run --base base",
    )
    command.add_argument(
        "--artifact",
        metavar="DIR",
        required=True,
        help="what the run uploaded, in a folder with the artifact's name",
    )
    command.add_argument(
        "--repository", metavar="OWNER/NAME", default="", help="default: $GITHUB_REPOSITORY"
    )
    command.add_argument("--event", metavar="FILE", default="", help="default: $GITHUB_EVENT_PATH")
    command.add_argument(
        "--run",
        metavar="ID",
        dest="number",
        type=int,
        default=0,
        help="the run that find found; default: the event's own",
    )
    command.add_argument(
        "--base",
        metavar="DIR",
        default=".",
        help="a checkout of the default branch, for its settings and snapshots (default: here)",
    )
    command.add_argument(
        "--name", metavar="NAME", default="evals", help="of check and comment (default: evals)"
    )
    command.set_defaults(run=_comment)

    command = commands.add_parser(
        "propose",
        help="open a pull request with data that a workflow made, or bring it up to date",
        description="Commits files of the checkout onto a branch evalsuite/NAME, on top of the "
        "commit at hand, pushes it over what was there, and opens its pull request into another "
        "branch. Takes GITHUB_TOKEN and the permissions contents: write and "
        "pull-requests: write. Never pushes to another branch.",
        epilog="example: evalsuite ci propose --branch evalsuite/baseline --title 'More repeats' "
        "--body-file body.md --paths snapshots",
    )
    command.add_argument("--branch", required=True, metavar="evalsuite/NAME")
    command.add_argument(
        "--base", metavar="BRANCH", default="", help="to merge into; default: the default branch"
    )
    command.add_argument("--title", required=True, help="of commit and pull request, one line")
    command.add_argument("--body-file", required=True, metavar="FILE", help="Markdown")
    command.add_argument("--paths", required=True, nargs="+", metavar="PATH", help="what to commit")
    command.add_argument(
        "--repository", metavar="OWNER/NAME", default="", help="default: $GITHUB_REPOSITORY"
    )
    command.set_defaults(run=_propose)


def _summary(args: argparse.Namespace) -> int:
    from evalsuite.hub.step import append, summary_file, without_run  # noqa: PLC0415
    from evalsuite.report.comment import annotations, command, summary  # noqa: PLC0415

    file = summary_file()
    if file is None:
        raise OptionError("GITHUB_STEP_SUMMARY names no file: this is for a step of GitHub Actions")
    ref = _just_run() if args.ref == "last" else args.ref
    if not ref:
        append(file, without_run(load_config(Path.cwd()).state_dir))
        return 0
    reports, accepted = _reports(ref)
    append(file, summary(reports, replace(_about(), artifact=args.artifact), accepted))
    for mark in annotations(reports):  # the one place where a workflow command is meant
        show(command(replace(mark, file=_from_workspace(mark.file))))
    return 0


def _just_run() -> str:
    """The run of pytest's last invocation, "" if no suite ran: --evals-changed may leave out all of
    them, and an older run, of another commit, is not what this job found."""
    from evalsuite.snapshot import newest_invocation  # noqa: PLC0415

    return newest_invocation(load_config(Path.cwd()))


def _from_workspace(file: str) -> str:
    """A path from here as one from the checkout's root, which is how a pull request names it."""
    root, here = os.environ.get("GITHUB_WORKSPACE", ""), Path.cwd()
    inside = bool(root) and here.is_relative_to(Path(root).resolve())
    return (here / file).relative_to(Path(root).resolve()).as_posix() if inside else file


def _reports(ref: str) -> Any:
    """Of each suite of a run, beside the snapshot; and of each snapshot beside the base's."""
    from evalsuite.cli.runs import decided, report_on  # noqa: PLC0415
    from evalsuite.errors import EvalsuiteError  # noqa: PLC0415
    from evalsuite.snapshot import snapshot_folder, suites_of  # noqa: PLC0415

    config = load_config(Path.cwd())
    reports, accepted = [], []
    for suite in suites_of(ref, config):
        reports.append(report_on(decided("", ref, suite)))
        if not _merges() or not snapshot_folder(config, suite).exists():
            continue
        try:
            change = decided("git:HEAD^1", "snapshot", suite)
        except EvalsuiteError:  # the base has none yet
            continue
        if change.before and change.before[0].rows != change.after[0].rows:
            accepted.append(report_on(change))
    return reports, accepted


def _merges() -> bool:
    """Whether the commit at hand is a pull request's merge into its base."""
    from evalsuite import git  # noqa: PLC0415

    is_pull = bool(os.environ.get("GITHUB_BASE_REF"))
    return is_pull and bool(git.line(Path.cwd(), "rev-parse", "--verify", "--quiet", "HEAD^2"))


def _about() -> Any:
    from evalsuite.report.comment import About  # noqa: PLC0415

    given = os.environ.get
    repository, run = given("GITHUB_REPOSITORY", ""), given("GITHUB_RUN_ID", "")
    host = given("GITHUB_SERVER_URL", "https://github.com")
    url = f"{host}/{repository}/actions/runs/{run}" if repository and run else ""
    base = given("GITHUB_BASE_REF", "")
    return About(
        head=given("GITHUB_SHA", ""),
        found=f"snapshots of this commit, to be merged into {base}" if base else "",
        run_url=url,
        artifact_url=f"{url}#artifacts" if url else "",
        repository=repository,
    )


def _find(args: argparse.Namespace) -> int:
    from evalsuite.hub.api import Client  # noqa: PLC0415
    from evalsuite.hub.event import evaluated, uploads  # noqa: PLC0415
    from evalsuite.hub.step import output  # noqa: PLC0415

    repository, trigger = _repository(args.repository), _event(args.event)
    with contextlib.closing(Client(_api(), os.environ.get("GITHUB_TOKEN", ""))) as client:
        run = evaluated(client, repository, trigger)
        names = uploads(client, repository, run) if run else []
    output("run", str(run or ""))
    output("artifact", names[0] if len(names) == 1 else ARTIFACT)
    said = f"run {run}: {', '.join(names) or 'no upload'}" if run else "no run evaluated it yet"
    show(plain(said))
    return 0


def _event(given: str) -> Any:
    from evalsuite.hub.event import read_event  # noqa: PLC0415

    event = given or os.environ.get("GITHUB_EVENT_PATH", "")
    if not event:
        raise OptionError("--event is missing, and GITHUB_EVENT_PATH names no file")
    return read_event(Path(event))


def _comment(args: argparse.Namespace) -> int:
    from evalsuite.hub.api import Client  # noqa: PLC0415
    from evalsuite.hub.artifact import read  # noqa: PLC0415
    from evalsuite.hub.event import as_run  # noqa: PLC0415
    from evalsuite.hub.telling import Desk, tell  # noqa: PLC0415

    repository = _repository(args.repository)
    if not _NAME.fullmatch(args.name):
        raise OptionError("--name must be letters, digits, dots and dashes, at most 80")
    if not Path(args.base).is_dir():
        raise OptionError(f"--base {args.base[:80]!r} is no folder: check the base out there")
    trigger = _event(args.event)
    client = Client(_api(), os.environ.get("GITHUB_TOKEN", ""))
    # Golden files are named from here, and a pull request names them from its repository's root.
    artifact = Path(args.artifact).resolve()
    with contextlib.closing(client), contextlib.chdir(args.base):
        trigger = as_run(client, repository, trigger, args.number or trigger.run)
        found = read(artifact, trigger.conclusion)
        told = tell(Desk(client, repository, trigger, args.name), found, load_config(Path.cwd()))
    for line in told.said:
        show(plain(line))
    if told.failures:
        _fall_back(told.text)
        raise HubError("\n".join(dict.fromkeys(str(each) for each in told.failures)))
    return 0


def _propose(args: argparse.Namespace) -> int:
    from evalsuite.hub.api import Client  # noqa: PLC0415
    from evalsuite.hub.proposing import Proposal, propose  # noqa: PLC0415

    repository, token = _repository(args.repository), os.environ.get("GITHUB_TOKEN", "")
    body = Path(args.body_file).read_text(encoding="utf-8", errors="replace")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    proposal = Proposal(args.branch, args.title, body, args.paths, args.base)
    with contextlib.closing(Client(_api(), token)) as client:
        show(propose(client, repository, Path.cwd(), proposal, server=server, token=token))
    return 0


def _repository(given: str) -> str:
    repository = given or os.environ.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository):
        raise OptionError("--repository must be OWNER/NAME")
    return repository


def _fall_back(text: str) -> None:
    """The report where it can always be read, if the pull request can't have it."""
    from evalsuite.hub.step import append, summary_file  # noqa: PLC0415

    file = summary_file()
    if file is not None:
        append(file, text)
        show("the report is in this step's summary instead")


def _api() -> str:
    return os.environ.get("GITHUB_API_URL", "") or "https://api.github.com"
