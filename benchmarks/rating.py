"""How fast are the pages of a rating session, and is a rating ever lost?

    python benchmarks/rating.py [ITEMS] [RATERS] [RATINGS]

RATERS people rate ITEMS items at once, RATINGS each, over loopback: first each one the next as soon
as it is there, then with a pause of a second, which is still faster than anybody reads. The server
is a process of its own and is killed with -9 in the end. Exit status 1 if the 95th percentile of a
page is above 100 ms, or if what the log holds is not what was confirmed.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from functools import partial
from html import unescape
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

from evalsuite.calibration.bar import Bar
from evalsuite.calibration.labels import append_items, item_id
from evalsuite.calibration.records import Item
from evalsuite.judging.records import Card, Criterion, Level, Subject
from evalsuite.rating import serving
from evalsuite.rating.links import Limiter, Links, Role, read_secret
from evalsuite.rating.log import Log
from evalsuite.rating.opening import Place, open_session
from evalsuite.rating.outlook import outlook
from evalsuite.rating.queue import Shares
from evalsuite.rating.server import LEAD, Server
from evalsuite.records import Document

ITEMS, RATERS, RATINGS = (
    int(given) for given in (*sys.argv[1:4], *("10000", "20", "100")[len(sys.argv) - 1 :])
)
LIMIT = 0.100
PAUSE = 1.0
NAMES = [f"rater{number:02}" for number in range(RATERS)]
CARD = Card(
    name="correctness",
    kind="reference",
    criteria=(Criterion("correctness", "Is it right?", (Level("fail", 0.0), Level("pass", 1.0))),),
    template="{{ question }} {{ output }} {{ expected }} {{ contexts }}",
    key="k",
)
SENTENCE = "Parental leave is 16 weeks, paid, and starts on the day of birth or four weeks before. "


def items() -> list[Item]:
    """Answers of 120 words over five documents of 400 words each, of a thousand."""
    corpus = [Document(f"doc-{n}", f"{n}. {SENTENCE * 25}") for n in range(1000)]
    made = []
    for number in range(ITEMS):
        first = number * 7 % 995
        documents = tuple(corpus[first : first + 5])
        text = f"Answer {number} [doc-{first}]. {SENTENCE * 7} As [doc-{first + 2}] says."
        subject = Subject(input=f"Question {number}?", output=text, contexts=documents)
        made.append(Item(id=item_id(subject), subject=subject, case=f"c{number}"))
    return made


def place_at(root: Path) -> Place:
    return Place(CARD.name, root / "judges" / CARD.name, root / "state")


def serve(root: Path, port_file: Path) -> None:
    place = place_at(root)
    log = Log(place.log)
    session = open_session(CARD, place, log, NAMES, Shares())
    log.add_raters([LEAD])
    server = Server(
        session=session,
        log=log,
        links=Links(read_secret(place.state), place.judge),
        judge=place.judge,
        reload=lambda: CARD,
        outlook=partial(outlook, bar=Bar()),
        requests=Limiter(1e6, 1000),
    )
    with serving.listen(0) as listening:
        port = listening.getsockname()[1]
        serving.serve(server, listening, lambda: port_file.write_text(str(port)) and None)


class Rater:
    """One browser, with a connection that stays open; `pages` and `saves` are seconds."""

    def __init__(self, port: int, name: str) -> None:
        self.port, self.name, self.cookie = port, name, ""
        self.pages: list[float] = []
        self.saves: list[float] = []
        self.confirmed: list[str] = []

    async def open(self, links: Links, role: Role = "rate") -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        head, _ = await self.ask("GET", f"/join/{links.link(self.name, role, 0)}")
        self.cookie = re.search(r"set-cookie: ([^;]+)", head)[1]  # type: ignore[index]

    async def ask(
        self, method: str, path: str, fields: dict[str, str] | None = None
    ) -> tuple[str, str]:
        body = urlencode(fields or {}).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"
            f"Origin: http://127.0.0.1:{self.port}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        found = re.search(r"content-length: (\d+)", answer)
        data = await self.reader.readexactly(int(found[1]) if found else 0)
        return answer, data.decode()

    async def rate(self, count: int, pause: float) -> None:
        for _ in range(count):
            began = time.perf_counter()
            head, page = await self.ask("GET", "/rate")
            self.pages.append(time.perf_counter() - began)
            assert " 200 " in head, head
            form = page[page.index('id="rating"') :]
            hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
            fields = {name: unescape(value) for name, value in hidden}
            await asyncio.sleep(pause)
            began = time.perf_counter()
            head, _ = await self.ask("POST", "/rate", {**fields, "v0": "pass", "seconds": "1"})
            self.saves.append(time.perf_counter() - began)
            assert " 303 " in head, head
            self.confirmed.append(fields["ticket"])


async def load(port: int, links: Links, count: int, pause: float) -> list[Rater]:
    raters = [Rater(port, name) for name in NAMES]
    for rater in raters:
        await rater.open(links)
    started = time.perf_counter()
    await asyncio.gather(*(rater.rate(count, pause) for rater in raters))
    seconds = time.perf_counter() - started
    for what in ("pages", "saves"):
        times = sorted(each for rater in raters for each in getattr(rater, what))
        cuts = quantiles(times, n=100)
        print(
            f"  {what}: p50 {1e3 * cuts[49]:.1f} ms, p95 {1e3 * cuts[94]:.1f} ms,"
            f" p99 {1e3 * cuts[98]:.1f} ms, max {1e3 * times[-1]:.1f} ms"
        )
    print(f"  {RATERS * count / seconds:.0f} ratings a second")
    return raters


async def look(port: int, links: Links) -> float:
    """Seconds that the lead's page takes."""
    lead = Rater(port, LEAD)
    await lead.open(links, "lead")
    began = time.perf_counter()
    head, _ = await lead.ask("GET", "/lead")
    assert " 200 " in head, head
    return time.perf_counter() - began


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        root, port_file = Path(folder), Path(folder, "port")
        append_items(place_at(root).folder, items())
        started = time.perf_counter()
        child = os.fork()
        if not child:
            serve(root, port_file)
            os._exit(0)
        while not port_file.exists() or not port_file.read_text():
            time.sleep(0.01)
        print(f"{ITEMS} items, {RATERS} raters: ready in {time.perf_counter() - started:.1f} s")
        links = Links(read_secret(place_at(root).state), CARD.name)
        port = int(port_file.read_text())
        confirmed, slowest = 0, 0.0
        for pause, count in ((0.0, RATINGS), (PAUSE, max(RATINGS // 5, 1))):
            print(f" pause {pause:g} s, {count} ratings each")
            raters = asyncio.run(load(port, links, count, pause))
            confirmed += sum(len(rater.confirmed) for rater in raters)
            pages = [each for rater in raters for each in rater.pages]
            slowest = max(slowest, quantiles(pages, n=100)[94])
        print(f" the lead's page: {asyncio.run(look(port, links)):.2f} s")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        log = Log(place_at(root).log)
        events = log.events()
        log.close()
        kept = len({(each.rater, each.item, each.occasion) for each in events})
        print(f"{confirmed} confirmed, {len(events)} on disk, {kept} different")
        return int(slowest > LIMIT or not confirmed == len(events) == kept)


if __name__ == "__main__":
    sys.exit(main())
