"""Does `evalsuite plan` tell the minutes? 500 cases, each with a target's call of 1 s and a judge's
of 1.5 s, at the default settings, against a server of this process.

    python benchmarks/plan.py [CASES]

Measures five cases, predicts the run from them, runs it, and predicts it again from itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CASES = int(sys.argv[1]) if len(sys.argv) > 1 else 500
TARGET, JUDGE = 1.0, 1.5
"""Seconds of a call."""

SUITE = """
import evalsuite as ev

async def graded(case, output, llm):
    reply = await llm.chat(f"judge: {output.text}")
    return 1.0 if "word" in reply.text else 0.0

@ev.suite(golden="words", scorers=[graded])
async def words(case, llm):
    return (await llm.chat(case.input)).text
"""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            found = re.search(rb"content-length: *(\d+)", head.lower())
            body = json.loads(await reader.readexactly(int(found[1])) if found else b"{}")
            prompt = body["messages"][0]["content"]
            await asyncio.sleep(JUDGE if prompt.startswith("judge") else TARGET)
            answer = {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": "served",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": f"word: {prompt}"},
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": 100, "completion_tokens": 50},
            }
            data = json.dumps(answer).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def server() -> int:
    """Start it in a thread of its own; returns its port."""
    port: list[int] = []
    ready = threading.Event()

    async def run() -> None:
        listening = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
        port.append(listening.sockets[0].getsockname()[1])
        ready.set()
        await listening.serve_forever()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    ready.wait()
    return port[0]


def project(folder: Path, port: int) -> None:
    (folder / "golden/words").mkdir(parents=True)
    lines = [{"input": f"word {each}", "checks": [{"contains": "word"}]} for each in range(CASES)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "golden/words/cases.jsonl").write_text(text)
    (folder / "test_words.py").write_text(SUITE)
    (folder / "pyproject.toml").write_text(
        f'[tool.evalsuite]\nbackends = {{ default = "openai:m@http://127.0.0.1:{port}/v1" }}\n'
        '[tool.evalsuite.prices."openai:m"]\ninput = 1.0\noutput = 4.0\n'
    )


def plan(folder: Path, *arguments: str) -> float:
    """The seconds that it says."""
    command = [sys.executable, "-m", "evalsuite", "plan", "words", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    sys.stdout.write(done.stdout + "\n")
    found = re.search(r"^time +([\d.]+) (seconds|minutes)", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return float(found[1]) * (60 if found[2] == "minutes" else 1)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, server())
        before = plan(folder, "--measure", "5")
        began = time.perf_counter()
        command = [sys.executable, "-m", "pytest", "--evals", "-q"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        took = time.perf_counter() - began
        sys.stdout.write(done.stdout[-1500:])
        after = plan(folder)
    ideal = CASES * (TARGET + JUDGE) / 20
    sys.stdout.write(f"\n{CASES} cases: {took:.1f} s, {took / ideal:.2f} x calls / 20 at once\n")
    for told, what in ((before, "five cases"), (after, "the run itself")):
        sys.stdout.write(f"told from {what}: {told:.0f} s, {100 * (told / took - 1):+.1f} %\n")


if __name__ == "__main__":
    main()
