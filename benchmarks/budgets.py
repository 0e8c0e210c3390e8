"""Do budgets hold? Random ones end runs against a server that counts what it is paid; then a larger
one goes on.

    python benchmarks/budgets.py [BUDGETS]

Each run is a `pytest --evals` of its own over 60 cases, 20 at once, whose answers have random sizes
and times. Exit status 1 if a budget is overshot by more than what was in flight, if a run that a
budget ended is not inconclusive, or if a reply is paid twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

BUDGETS = int(sys.argv[1]) if len(sys.argv) > 1 else 50
CASES = 60
INPUT, OUTPUT = 3.0, 15.0
"""US dollars per million tokens."""

SUITE = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    return (await llm.chat(case.input{limit})).text
"""

Bill = tuple[int, int]


class Server:
    """`asked` counts prompts, `paid` are the bills of all that was answered, `pending` those that
    were under way when the last request came."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.asked: Counter[str] = Counter()
        self.paid: list[Bill] = []
        self.open: list[Bill] = []
        self.pending: list[Bill] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                found = re.search(rb"content-length: *(\d+)", head.lower())
                body = json.loads(await reader.readexactly(int(found[1])) if found else b"{}")
                data = json.dumps(await self.answer(body["messages"][0]["content"])).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, prompt: str) -> dict[str, object]:
        luck = hashlib.sha256(prompt.encode()).digest()
        bill = (10 + luck[0], 1 + luck[1] * 200 // 256)
        self.asked[prompt] += 1
        self.open.append(bill)
        self.pending = list(self.open)
        await asyncio.sleep(0.1 * luck[2] / 255)
        self.open.remove(bill)
        self.paid.append(bill)
        message = {"role": "assistant", "content": f"word: {prompt}"}
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "served",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": bill[0], "completion_tokens": bill[1]},
        }


def listening(server: Server) -> int:
    """Start it in a thread of its own; returns its port."""
    port: list[int] = []
    ready = threading.Event()

    async def run() -> None:
        opened = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port.append(opened.sockets[0].getsockname()[1])
        ready.set()
        await opened.serve_forever()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    ready.wait()
    return port[0]


def project(folder: Path, port: int, number: int, limit: str) -> None:
    (folder / "golden/words").mkdir(parents=True)
    cases = [
        {"input": f"{number} {each} {'x' * (7 * each % 200)}", "checks": [{"contains": "word"}]}
        for each in range(CASES)
    ]
    text = "".join(json.dumps(each) + "\n" for each in cases)
    (folder / "golden/words/cases.jsonl").write_text(text)
    (folder / "test_words.py").write_text(SUITE.format(limit=limit))
    (folder / "pyproject.toml").write_text(
        f'[tool.evalsuite]\nbackends = {{ default = "openai:m@http://127.0.0.1:{port}/v1" }}\n'
        f'[tool.evalsuite.prices."openai:m"]\ninput = {INPUT}\noutput = {OUTPUT}\n'
    )


def spent(bills: list[Bill], unit: str) -> float:
    if unit == "calls":
        return len(bills)
    if unit == "tokens":
        return sum(map(sum, bills))
    return sum(sent * INPUT + got * OUTPUT for sent, got in bills) / 1_000_000


def run(folder: Path, budget: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "--evals", "-q", f"--evals-budget={budget}"]
    command.append("--maxfail=99999")  # a run that may end early is not refused beforehand
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def one(server: Server, port: int, number: int) -> list[str]:
    """What is wrong with one random budget."""
    luck = random.Random(number)
    unit = ("usd", "calls", "tokens")[number % 3]
    whole = {"usd": 0.12, "calls": CASES, "tokens": 14_000}[unit]
    limit = luck.uniform(0.05, 0.9) * whole
    text = f"{limit:.6f}usd" if unit == "usd" else f"{max(1, int(limit))}{unit}"
    server.clear()
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, port, number, ", max_tokens=200" if number % 2 else "")
        status, said = run(folder, text)
        total, flying = spent(server.paid, unit), spent(server.pending, unit)
        most = float(text.removesuffix(unit))
        if total > most + flying or (unit == "calls" and total > most):
            wrong.append(f"overshot: {total:g}, {flying:g} in flight")
        if status != 10 or "INCONCLUSIVE" not in said or "the budget of" not in said:
            wrong.append(f"not inconclusive: {status}\n{said}")
        status, said = run(folder, "999usd,9999calls")
        if status != 0 or len(server.asked) != CASES:
            wrong.append(f"not finished: {status}, {len(server.asked)} cases\n{said}")
        if max(server.asked.values()) > 1:
            wrong.append(f"paid twice: {server.asked.most_common(3)}")
    sys.stdout.write(f"{text:>16}: spent {total:g} ({100 * total / most:.0f} %)\n")
    return [f"{text}: {each}" for each in wrong]


def main() -> int:
    server = Server()
    port = listening(server)
    wrong = [each for number in range(BUDGETS) for each in one(server, port, number)]
    sys.stdout.write("\n".join([*wrong, f"{BUDGETS} budgets, {len(wrong)} problems"]) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
