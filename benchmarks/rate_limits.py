"""Throughput and refusals against a provider's rate limits, over real HTTP with OpenAI's SDK.

    python benchmarks/rate_limits.py              5 minutes each, two side by side; exit status 1
                                                  beyond a limit
    python benchmarks/rate_limits.py 60           seconds of each

Nothing is configured and nothing known beforehand: 10 requests a second with a burst of 10, and
1,000 tokens a second with a burst of 5,000, with headers that tell what is left and without. Calls
wait in line all the time, 20 at once.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from faulty import Bucket, Faulty  # type: ignore[import-not-found]

from evalsuite.backends import open_backend
from evalsuite.backends.base import Request
from evalsuite.backends.lane import Lane, Limits, Resilient
from evalsuite.errors import BackendError

REQUESTS = (10.0, 10.0)
TOKENS = (1_000.0, 5_000.0)
FREE = (1e9, 1e9)


async def measure(kind: str, told: bool, seconds: float) -> tuple[float, float]:
    """The share of the limit that was used, and the share of requests that was refused."""
    limits = (REQUESTS, FREE) if kind == "requests" else (FREE, TOKENS)
    faulty = Faulty(delay=0.2, told=told, limits=tuple(Bucket(*each) for each in limits))
    server = await faulty.start()
    backend = open_backend(f"openai:m@http://127.0.0.1:{faulty.port}/v1")
    lane = Lane("p:m", Limits())
    chain = Resilient(backend, lane)
    dice = random.Random(7)
    done = [0.0, 0.0]

    async def worker() -> None:
        while True:
            size = dice.choice([40, 100, 200, 400, 900])
            text = f"{dice.random():.12f} " + "word " * (4 * size // 5)
            try:
                reply = await chain.complete(Request(messages=[{"role": "user", "content": text}]))
            except BackendError as error:
                print(f"  lost: {error}")
                continue
            done[0] += 1.0
            done[1] += reply.usage.input_tokens + reply.usage.output_tokens

    began = time.monotonic()
    workers = [asyncio.ensure_future(worker()) for _ in range(40)]
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    for each in workers:
        each.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    await backend.close()
    server.close()
    used = done[0] / (REQUESTS[0] * took) if kind == "requests" else done[1] / (TOKENS[0] * took)
    return used, faulty.refused / max(1, faulty.asked.total())


async def main(seconds: float) -> int:
    bad = 0
    for told in (False, True):
        kinds = ("requests", "tokens")
        found = await asyncio.gather(*(measure(kind, told, seconds) for kind in kinds))
        for kind, (used, refused) in zip(kinds, found, strict=True):
            beyond = used < 0.9 or refused > 0.02
            bad += beyond
            headers = "with headers" if told else "without headers"
            mark = "  BEYOND" if beyond else ""
            print(f"{kind:8} {headers:15} used {used:.1%}, refused {refused:.2%}{mark}", flush=True)
    return min(bad, 1)


if __name__ == "__main__":
    os.environ.setdefault("OPENAI_API_KEY", "none")
    sys.exit(asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 300.0)))
