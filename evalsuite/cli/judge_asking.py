"""What the commands on judges share: asking for verdicts, and writing a page."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from evalsuite.cli.judge_known import today
from evalsuite.cli.screen import show
from evalsuite.config import Config
from evalsuite.errors import DataError, MissingExtra, plain
from evalsuite.report.figures import many
from evalsuite.wording import shown_path

if TYPE_CHECKING:
    from evalsuite.calibration.consulting import Consulted
    from evalsuite.calibration.records import Item
    from evalsuite.judging.records import Card
    from evalsuite.report.blocks import Line
    from evalsuite.report.reports import Document


def consulted_of(
    config: Config,
    card: Card,
    items: Sequence[Item],
    spec: str,
    *,
    offline: bool,
    fresh: bool = False,
    title: str = "",
) -> tuple[Consulted, int]:
    """Ask for verdicts, after saying how many calls that takes at most; 130 if it was interrupted:
    what was answered by then is kept. `title` is what the judge is called, its name by default."""
    import asyncio  # noqa: PLC0415 (only where a model is asked)

    from evalsuite.calibration import consulting  # noqa: PLC0415
    from evalsuite.judging.asking import of_llm  # noqa: PLC0415

    calls = consulting.calls_of(card, items)
    stored = "none is taken from the store" if fresh else "stored ones are free"
    where = "from the store alone" if offline else f"{calls_words(calls)}; {stored}"
    trial = today().toordinal() if fresh else consulting.VOTE
    show(plain(f"{title or card.name}: {many(len(items), 'output')}, {where}"))
    found = consulting.Consulted()

    async def asked() -> None:
        async with consulting.opened(config, spec, offline=offline) as llm:
            said = progress(len(items))
            ask = of_llm(llm)
            await consulting.consult(card, items, ask, config, found, trial=trial, said=said)

    try:
        asyncio.run(asked())
    except KeyboardInterrupt:
        return found, interrupted(found.fresh)
    if not found.verdicts:
        reasons = [*found.failed.values(), *found.lacked.values()]
        raise DataError(f"{card.name} gave no verdict: {reasons[0] if reasons else 'nobody asked'}")
    return found, 0


def calls_words(calls: int) -> str:
    """How many calls are made, and how many at most: a reply that is no verdict is asked for once
    more."""
    return f"{many(calls, 'call')} (up to {2 * calls:,} if replies must be asked for again)"


def interrupted(replies: int) -> int:
    """Say what Ctrl-C has not lost; its exit status."""
    sys.stderr.write("\n")
    kept = many(replies, "reply is", "replies are")
    show(f"interrupted: {kept} kept, and not asked for again")
    return 130


def check_extra(feature: str) -> None:
    """MissingExtra if the packages of the statistics are not there: before anything is paid for."""
    if not all(map(find_spec, ("scipy", "sklearn", "statsmodels", "krippendorff"))):
        raise MissingExtra(feature, "calibration")


def progress(total: int) -> Any:
    """What is told how many are done: a line on a terminal, else nothing."""
    if not sys.stderr.isatty():
        return lambda done: None
    return lambda done: sys.stderr.write(f"\r{done} of {total}" + "\n" * (done == total))


def lines_of(found: Consulted) -> list[Line]:
    """What was asked, and what got no answer."""
    from evalsuite.report.blocks import Line, Name  # noqa: PLC0415

    lines = [
        Line(
            "verdicts", (f"{many(found.fresh, 'call')} asked now, {found.stored:,} from the store",)
        )
    ]
    for name, missing in (("not asked", found.lacked), ("no reply", found.failed)):
        if missing:
            reason = next(iter(missing.values()))
            lines.append(Line(name, (f"{many(len(missing), 'item')}: ", Name(reason)), "warn"))
    return lines


def write_page(config: Config, document: Document, name: str) -> None:
    """Print a page, and write it to reports/judges/JUDGE/NAME.html and .md."""
    from evalsuite.report import html, markdown, terminal  # noqa: PLC0415

    folder = config.report_dir / "judges" / document.name
    folder.mkdir(parents=True, exist_ok=True)
    files = {".html": html.document(document), ".md": markdown.document(document)}
    for suffix, text in files.items():
        (folder / f"{name}{suffix}").write_text(text, encoding="utf-8", newline="\n")
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((100, 24)).columns
    show(terminal.document(document, colour=colour, width=width))
    show(plain(f"report  {shown_path(folder / name)}.html, .md"))
