"""Serve a session on this machine until Ctrl-C."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable

import uvicorn

from evalsuite.errors import OptionError
from evalsuite.rating.app import create_app
from evalsuite.rating.server import Server

LOOPBACK = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A socket on loopback, and on nothing else. OptionError if the port is taken."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
    except OSError as error:
        found.close()
        raise OptionError(
            f"port {port} can't be used: {error.strerror} (another session may run there: choose "
            "another one by --port N, or any free one by --port 0)"
        ) from None
    found.listen(128)
    return found


def serve(server: Server, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until the process is interrupted; no request is logged, since links are
    secrets."""
    config = uvicorn.Config(
        create_app(server),
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        limit_concurrency=1000,
        h11_max_incomplete_event_size=16_384,
    )
    # Ten thousand items are looked through for garbage no more: it would hold up pages.
    gc.collect()
    gc.freeze()
    _Told(config, ready).run(sockets=[listening])


class _Told(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
