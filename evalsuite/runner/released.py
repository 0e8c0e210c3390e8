"""The pinned release, read and set beside a run."""

from __future__ import annotations

from evalsuite import snapshot
from evalsuite.config import Config
from evalsuite.gate import Gate, Verdict
from evalsuite.records import Run
from evalsuite.snapshot.revisions import commit_of, has


def release_of(config: Config, suite: str) -> Run | None:
    """The release's run of a suite; None without a release, or where a revision of git has none of
    this suite, which is then a newer one.

    Raises:
        SnapshotError, OptionError: nothing is named so, or it is damaged.
    """
    ref = config.release
    if not ref or config.afresh:
        return None
    if ref.startswith("git:"):
        commit = commit_of(config.root, ref.removeprefix("git:"))
        if not has(config.root, commit, f"{config.snapshots}/{suite}/manifest.json"):
            return None
    return snapshot.open_ref(ref, config, suite)[0]


def released(verdict: Verdict, candidate: Run, policy: Gate, config: Config) -> Verdict:
    """The verdict with the release's family, where there is a release; `policy` has the level of
    one family already."""
    from evalsuite.diff import compare  # noqa: PLC0415 (arrays: loaded while models answer)
    from evalsuite.gate import decide  # noqa: PLC0415
    from evalsuite.gate.release import beside_release, with_release  # noqa: PLC0415

    run = release_of(config, candidate.manifest.suite)
    if run is None:
        return verdict
    other = decide(compare(run, beside_release(candidate)), policy)
    name = config.release.removeprefix("git:")
    return with_release(verdict, other, name, gates=config.release_gates)
