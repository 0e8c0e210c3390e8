"""What an evaluation found, as a check on its commit and a comment on its pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalsuite import git
from evalsuite.config import Config
from evalsuite.errors import HubError
from evalsuite.gate import Verdict
from evalsuite.hub import checks, marks, sticky
from evalsuite.hub.api import Client
from evalsuite.hub.artifact import Found
from evalsuite.hub.event import Trigger, base_of, pulls_of
from evalsuite.hub.judged import Judged, judge
from evalsuite.records import Json
from evalsuite.report.about import address
from evalsuite.report.annotations import Annotation
from evalsuite.report.annotations import annotations as marked
from evalsuite.report.blocks import Headline
from evalsuite.report.comment import About, anything, comment
from evalsuite.report.escape import code_span, plain, shorten
from evalsuite.report.reports import block_of

BOT = "github-actions[bot]"
"""Who a workflow's own token writes as, if GitHub does not say it otherwise."""

_LISTED = 10

Words = tuple[checks.Conclusion, str, str]
"""A check's conclusion, its verdict in a word, and its title."""


@dataclass(frozen=True, slots=True)
class Told:
    """`said` is a line per thing that was done, `failures` what GitHub refused, `text` the report
    of at most 60,000 characters."""

    said: Sequence[str]
    failures: Sequence[HubError]
    text: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Who writes, where, and of which run; `name` is that of check and comment."""

    client: Client
    repository: str
    trigger: Trigger
    name: str


def tell(desk: Desk, found: Found, config: Config) -> Told:
    """Judge the artifact, write the check, then the comment on each pull request.

    The check comes first: whoever finds that a comment of his replaced a newer one takes the newer
    one's text from there.

    Raises:
        HubError: which pull request it is can't be asked.
    """
    said, failures = [], []
    author, text = "", ""
    for pull in pulls_of(desk.client, desk.repository, desk.trigger) or [{}]:
        judged = judge(found, config, _changed(desk, found, pull))
        about = _about(desk, pull, config.root, found.name)
        text = text_of(judged, about)
        try:
            if not author:
                check = _check(desk, judged, text)
                author = BOT
                author = _login(checks.put(desk.client, desk.repository, check).app)
                said.append(f"check {desk.name}: {check.conclusion}, {check.title}")
        except HubError as error:
            failures.append(error)
            author = _user(desk.client)
        try:
            said.append(_comment(desk, judged, about, author, text))
        except HubError as error:
            failures.append(error)
    return Told(said, failures, text)


def _check(desk: Desk, judged: Judged, text: str) -> checks.Check:
    conclusion, word, title = conclusion_of(judged)
    state = _state(desk.trigger, word, text)
    return checks.Check(
        name=desk.name,
        state=state,
        conclusion=conclusion,
        title=shorten(title, 250),
        summary=marks.body(desk.name, state, text),
        url=desk.trigger.url,
        annotations=[_annotation(each) for each in marked(judged.reports)],
    )


def _comment(desk: Desk, judged: Judged, about: About, author: str, text: str) -> str:
    if not about.pull:
        return "no open pull request has this branch: no comment"
    _, word, _ = conclusion_of(judged)
    odd = judged.problems or judged.eased
    quiet = not odd and not anything(judged.reports, judged.accepted)
    post = sticky.Post(
        _state(desk.trigger, word, text),
        lambda limit: text if limit >= len(text) else text_of(judged, about, limit),
        quiet,
    )
    place = sticky.Place(desk.repository, int(about.pull), author, desk.name, desk.name)
    return f"comment on pull request {about.pull}: {sticky.put(desk.client, place, post)}"


def conclusion_of(judged: Judged) -> Words:
    """What the gates say, all suites together: the gravest counts."""
    if judged.problems:
        return "action_required", "unusable", f"not judged: {plain((judged.problems[0],))}"
    if not judged.reports:
        return "neutral", "nothing", "no suite was evaluated"
    worst = max(judged.reports, key=lambda each: _GRAVITY[_word(each.verdict)][0])
    word = _word(worst.verdict)
    head = block_of(worst, Headline)
    return _GRAVITY[word][1], word, f"{head.word}: {plain((*head.sentence,))}"


_GRAVITY: Mapping[str, tuple[int, checks.Conclusion]] = {
    "blocked": (3, "failure"),
    "undecided": (2, "action_required"),
    "open": (1, "neutral"),
    "clear": (0, "success"),
}


def _word(verdict: Verdict) -> str:
    if verdict.exit_code:
        return "blocked" if verdict.exit_code == 1 else "undecided"
    return "clear" if verdict.result in ("pass", "unchanged") else "open"


def text_of(judged: Judged, about: About, limit: int = sticky.LIMIT) -> str:
    """The report without its hidden line. What could not be judged comes first, what the gates ask
    otherwise than at the base after the verdict."""
    run = address(about.run_url)
    log = f", or nothing; [its log](<{run}>) may say more" if run else ", or nothing"
    problems = _listed(
        "caution", f"**Not judged**: the evaluation left what can't be used{log}.", judged.problems
    )
    eased = _listed(
        "warning", "**The gates are changed here**, beside what they judge.", judged.eased
    )
    room = limit - len(problems) - len(eased)
    said = comment(judged.reports, about, judged.accepted, room).partition("\n")[2].lstrip("\n")
    verdict, gap, rest = said.partition("\n\n")
    return f"{problems}{verdict}{gap}{eased}{rest}"


def _listed(level: str, what: str, told: Sequence[str]) -> str:
    if not told:
        return ""
    lines = [f"> [!{level.upper()}]", f"> {what}"]
    lines += [f"> - {code_span(shorten(each, 400))}" for each in told[:_LISTED]]
    if len(told) > _LISTED:
        lines.append(f"> - and {len(told) - _LISTED} more")
    return "\n".join([*lines, "", ""])


def _state(trigger: Trigger, word: str, text: str) -> marks.State:
    run = trigger.run, trigger.number, trigger.attempt
    return marks.State(trigger.head, *run, word, marks.digest(text))


def _about(desk: Desk, pull: Mapping[str, Json], root: Path, artifact: str) -> About:
    trigger = desk.trigger
    into = _is_into_base(desk, pull)
    return About(
        head=trigger.head,
        base=git.line(root, "rev-parse", "--verify", "--quiet", "HEAD") if into else "",
        found="the base's snapshots as they are now"
        if into
        else f"the snapshots of this commit: no pull request merges it into {trigger.default}",
        run_url=trigger.url,
        artifact=artifact,
        artifact_url=f"{trigger.url}#artifacts" if trigger.url else "",
        repository=desk.repository,
        pull=str(pull.get("number", "")),
        workflow=desk.name,
    )


def _is_into_base(desk: Desk, pull: Mapping[str, Json]) -> bool:
    """Whether the base at hand, the default branch, is what the commit is merged into. It is not of
    a merge queue's commit, which is to become it, nor of a pull request into another branch."""
    return bool(pull) and base_of(pull) == desk.trigger.default


def _changed(desk: Desk, found: Found, pull: Mapping[str, Json]) -> set[str] | None:
    """The files that a pull request changes; they matter only for snapshots."""
    if not _is_into_base(desk, pull):
        return None
    if not found.snapshots:
        return set()
    path = f"/repos/{desk.repository}/pulls/{pull['number']}/files"
    return {str(each.get("filename", "")) for each in desk.client.pages(path)}


def _annotation(mark: Annotation) -> dict[str, Json]:
    return {
        "path": mark.file,
        "start_line": mark.line,
        "end_line": mark.line,
        "annotation_level": "failure" if mark.level == "error" else "warning",
        "title": mark.title,
        "message": mark.message,
    }


def _login(app: str) -> str:
    return f"{app}[bot]" if app else BOT


def _user(client: Client) -> str:
    """A person's token has a user, and no right to write checks; a workflow's has none."""
    try:
        user = client.get("/user")
    except HubError:
        return BOT
    return str(user.get("login", BOT)) if isinstance(user, dict) else BOT
