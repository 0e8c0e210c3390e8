"""Who may do what in GitHub workflows, read from their YAML: which events reach a job, what rights
and secrets it has, and whose code it runs. `violations` says what breaks these rules:

1. A job that code of a pull request can reach has no secret and no right to write. It follows that
   `pull_request_target`, whose runs may do both, is nowhere.
2. A job with the right to write runs evalsuite as of the workflow's own commit, and nothing of what
   it downloads or checks out; after an event that a stranger can cause it checks nothing out.
3. A job with secrets runs commits that somebody with the right to write put into the repository.
4. A job that a stranger can cause beside main's caches (any event but `pull_request`) brings in no
   other commit, whatever its rights.

It errs on the side of a violation: a condition that it can't read restricts nothing, an event that
it doesn't know is a stranger's, and a step or a variable that it doesn't know runs foreign code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TRUSTED = frozenset({"push", "merge_group", "schedule", "workflow_dispatch"})
CALLED = TRUSTED | {"pull_request", "workflow_run", "issue_comment"}
"""The events that a reusable workflow is tried with."""

CHECKOUT = "actions/checkout"
SETUP = "actions/setup-python"
DOWNLOAD = "actions/download-artifact"
HARMLESS = frozenset({SETUP, DOWNLOAD, "actions/upload-artifact"})
ASIDE = "${{ runner.temp }}/"
NOTE = re.compile(r' > "\$RUNNER_TEMP/[\w-]+\.md"$')
OWN = "$/"
OWN_TOKEN = ("secrets.GITHUB_TOKEN", "")
COMMANDS = ("evalsuite accept ", "evalsuite ci ", "echo ")
INSTALL = 'python -P -m pip install --quiet "$SOURCE${EXTRAS:+[$EXTRAS]}"'
SOURCE = "${{ github.action_path }}/../../.."
FETCHES = re.compile(r"\b(git|gh|curl|wget|unzip|tar)\b")
OTHER_COMMITS = re.compile(r"\.head\.|head_sha|head_ref|head_branch|refs/pull|\bpull/")
VARIABLES = frozenset(
    {"GITHUB_TOKEN", "REASON", "SUITES", "RUN", "BASE", "SOURCE", "EXTRAS", "ARTIFACT"}
)
"""Those that don't change what a command runs."""
AROUND = ("defaults", "container", "services")
"""What changes where all steps of a job run."""


def load(text: str) -> dict[str, Any]:
    """A workflow or action; YAML 1.1 takes the key `on` for a truth value."""
    found: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if name is True else str(name): value for name, value in found.items()}


@dataclass(frozen=True)
class Step:
    """One `run` or `uses`, out of a job or of one of our composite actions."""

    name: str
    fields: Mapping[str, Any]
    own: bool = False
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def action(self) -> str:
        return str(self.fields.get("uses", "")).partition("@")[0]

    @property
    def run(self) -> str:
        return str(self.fields.get("run", ""))

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.fields.get("with") or {}


@dataclass(frozen=True)
class Job:
    name: str
    events: frozenset[str]
    writes: bool
    secrets: bool
    steps: tuple[Step, ...]
    around: tuple[str, ...] = ()


def folder(root: Path) -> dict[str, str]:
    """All workflows and actions of a repository by path."""
    files = [*root.glob(".github/workflows/*.y*ml"), *root.glob(".github/actions/*/action.yml")]
    return {each.relative_to(root).as_posix(): each.read_text("utf-8") for each in sorted(files)}


def violations(files: Mapping[str, str]) -> list[str]:
    """What breaks the rules in these files, one line each."""
    found = []
    for path, text in files.items():
        if path.startswith(".github/workflows/"):
            workflow = load(text)
            if "pull_request_target" in _named(workflow["on"]):
                found.append(f"{path}: pull_request_target")
            for job in jobs(path, workflow, files):
                found += [f"{path}: {job.name}: {line}" for line in _of_job(job)]
    return found


def jobs(path: str, workflow: Mapping[str, Any], files: Mapping[str, str]) -> Iterator[Job]:
    events = _events(workflow["on"])
    for name, fields in workflow["jobs"].items():
        reaching = _reaching(fields, workflow["jobs"], events)
        granted = fields.get("permissions", workflow.get("permissions", "write-all"))
        writes = granted == "write-all" or (granted != "read-all" and "write" in granted.values())
        env = {**(workflow.get("env") or {}), **(fields.get("env") or {})}
        secrets = (
            re.search(r"\bsecrets\b", json.dumps([fields, env]).replace(*OWN_TOKEN)) is not None
        )
        if _own_workflow(fields, files):  # its jobs are looked at where it stands
            writes, secrets = False, fields.get("secrets") == "inherit"
        around = tuple(each for each in AROUND if each in fields or each in workflow)
        listed = fields.get("steps", [{"name": name, "uses": fields.get("uses")}])
        yield Job(name, reaching, writes, secrets, tuple(_steps(listed, files, env)), around)


def _named(on: Any) -> frozenset[str]:
    return frozenset({on} if isinstance(on, str) else on)


def _events(on: Any) -> frozenset[str]:
    called = CALLED if "workflow_call" in _named(on) else frozenset[str]()
    return (_named(on) - {"workflow_call"}) | called


def _own_workflow(fields: Mapping[str, Any], files: Mapping[str, str]) -> bool:
    return str(fields.get("uses", "")).partition("/evalsuite/")[2].partition("@")[0] in files


def _reaching(
    fields: Mapping[str, Any], others: Mapping[str, Any], events: frozenset[str]
) -> frozenset[str]:
    """The events under which a job may run; it does not where one that it needs was skipped."""
    condition = str(fields.get("if", ""))
    left = _allowed(condition, events)
    if re.search(r"always\(|failure\(|cancelled\(", condition):
        return left
    needs = fields.get("needs", [])
    for need in [needs] if isinstance(needs, str) else needs:
        left &= _reaching(others[need], others, events)
    return left


def _allowed(condition: str, events: frozenset[str]) -> frozenset[str]:
    parts = _conjuncts(condition.removeprefix("${{").removesuffix("}}"))
    for part in parts:
        if found := re.fullmatch(r"github\.event_name == '(\w+)'", part):
            events &= {found[1]}
        elif found := re.fullmatch(
            r"contains\(fromJSON\('(\[.*?\])'\), github\.event_name\)", part
        ):
            events &= frozenset(json.loads(found[1]))
    return events


def _conjuncts(text: str) -> list[str]:
    """The parts that are joined by && outside of brackets; [] where an || may let others in."""
    parts, depth, begin, place = [], 0, 0, 0
    bare = re.sub(r"'[^']*'", lambda found: "." * len(found[0]), text)
    while place < len(text):
        depth += (bare[place] == "(") - (bare[place] == ")")
        pair = bare[place : place + 2]
        if depth == 0 and pair == "||":
            return []
        if depth == 0 and pair == "&&":
            parts.append(text[begin:place])
            begin = place + 2
        place += 1
    return [part.strip() for part in (*parts, text[begin:])]


def _steps(
    listed: list[Mapping[str, Any]],
    files: Mapping[str, str],
    env: Mapping[str, str],
    own: bool = False,
) -> Iterator[Step]:
    """The steps of a job, with those of our own composite actions in their place."""
    for number, fields in enumerate(listed, 1):
        name = str(fields.get("name", f"step {number}"))
        around = {**env, **(fields.get("env") or {})}
        path = str(fields.get("uses", "")).removeprefix(OWN) + "/action.yml"
        if path in files:
            inner = load(files[path])["runs"]["steps"]
            yield from _steps(inner, files, around, own=True)
        else:
            yield Step(name, fields, own, around)


def _of_job(job: Job) -> Iterator[str]:
    strange = sorted(job.events - TRUSTED)
    if job.writes and job.around:
        yield f"a job that may write has {', '.join(job.around)}"
    if (job.writes or job.secrets) and "pull_request" in job.events:
        yield "pull_request reaches a job with a secret or the right to write"
    if job.secrets and strange:
        yield f"secrets, and an event that a stranger causes: {', '.join(strange)}"
    for step in job.steps:
        for line in _of_step(step):
            yield f"{step.name}: {line}"
        for line in _executes(step, bool(strange)) if job.writes else ():
            yield f"{step.name}: a job that may write {line}"
        for line in _foreign(step) if job.secrets else ():
            yield f"{step.name}: a job with secrets {line}"
        if set(strange) - {"pull_request"} and (_other_commit(step) or FETCHES.search(step.run)):
            yield f"{step.name}: brings in another commit beside main's caches"


def _of_step(step: Step) -> Iterator[str]:
    uses = str(step.fields.get("uses", ""))
    if "${{" in step.run:
        yield "an expression inside of a script"
    if (
        uses
        and not uses.startswith(OWN)
        and not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", uses)
    ):
        yield f"{uses} is not pinned by hash"
    if step.action == CHECKOUT and step.inputs.get("persist-credentials") is not False:
        yield "the checkout leaves its token behind"


def _executes(step: Step, strange: bool) -> Iterator[str]:
    """Why a step may run foreign code, by the strictest reading."""
    if step.fields.get("shell", "bash") != "bash":
        yield "uses another shell"
    if "working-directory" in step.fields:
        yield "runs in another folder"
    if steering := sorted(set(step.env) - VARIABLES):
        yield f"sets {', '.join(steering)}"
    for line in _commands(step.run):
        if line != INSTALL or step.env.get("SOURCE") != SOURCE:
            yield f"runs {line}"
    if _other_commit(step) and (strange or OTHER_COMMITS.search(json.dumps(dict(step.inputs)))):
        yield "checks out what a stranger may have made"
    if step.action not in ("", CHECKOUT, *HARMLESS):
        yield f"uses {step.action}"
    if step.action == SETUP and "cache" in step.inputs:
        yield "restores a cache"
    if step.action == DOWNLOAD and not _aside(step):
        yield "puts an artifact where commands are run"


def _aside(step: Step) -> bool:
    """Whether an artifact is put where nothing looks; what this run made may be data of it."""
    path = str(step.inputs.get("path", ""))
    aside = path.startswith(ASIDE) and ".." not in path
    return aside or (path == "judges" and "run-id" not in step.inputs)


def _commands(script: str) -> Iterator[str]:
    """The commands of a script that may run more than evalsuite."""
    for line in script.replace("\\\n", " ").splitlines():
        plain = NOTE.sub("", line.strip())
        known = plain.startswith(COMMANDS) and not re.search(r"[|&;<>`]|\$\(", plain)
        if plain and not known and not plain.startswith("#"):
            yield plain


def _other_commit(step: Step) -> bool:
    return step.action == CHECKOUT and not {"ref", "repository"}.isdisjoint(step.inputs)


def _foreign(step: Step) -> Iterator[str]:
    """Why a step brings in something else than the event's own commit."""
    if _other_commit(step):
        yield "checks out another commit than the event's"
    if step.action == DOWNLOAD and "run-id" in step.inputs:
        yield "takes what another run made"
    if not step.own and FETCHES.search(step.run):
        yield "fetches by itself"
