"""What a server of the browser tests serves."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from rating_samples import BOTH, CARD, HANDBOOK, PAIR, item, items, make_server, place_at, token

from evalsuite.calibration.records import Item
from evalsuite.judging.records import Card
from evalsuite.rating import serving
from evalsuite.rating.links import Limiter, Links, read_secret
from evalsuite.rating.server import LEAD
from evalsuite.records import Document

LONG = "A sentence of a text without end. " * 4000
ARABIC = "إجازة الوالدين ستة عشر أسبوعا مدفوعة الأجر [leave#parental]."


def hostile(port: int) -> list[Item]:
    """Outputs that would call a port, run a script, or change the page."""
    trap = f"http://127.0.0.1:{port}"
    texts = [
        f"<script>fetch('{trap}/script');alert(1);document.title='owned'</script>",
        f"<img src='{trap}/img' onerror='alert(1)'>",
        f"<svg onload=\"alert(1)\"><image href='{trap}/svg'/><script>alert(1)</script></svg>",
        f"<style>body{{background:url({trap}/css);display:none}}</style>",
        f"</textarea></form></div><form action='{trap}/form'><input name='v0' autofocus>",
        f"<meta http-equiv='refresh' content='0;url={trap}/meta'><base href='{trap}'>",
        f"<iframe src='{trap}/frame'></iframe><object data='{trap}/object'></object>",
        f"<link rel=stylesheet href='{trap}/link'><a href='javascript:alert(1)' autofocus>x</a>",
        "\u202egnp.exe\u202c\u2066\u200fabc\x00\x07",
        f"[{trap}/cite] {{{{ 7*7 }}}} {{% for x in y %}}",
    ]
    return [
        item(
            number,
            output=text,
            expected=text,
            contexts=(Document(f"{text}", text), *HANDBOOK),
            case=f"{number}{text}"[:50],
        )
        for number, text in enumerate(texts)
    ]


def sample(command: dict[str, Any]) -> tuple[Card, list[Item]]:
    kind = command["sample"]
    if kind == "pair":
        return PAIR, items(command.get("count", 8), pair=True)
    if kind == "both":
        return BOTH, items(command.get("count", 8))
    if kind == "hostile":
        return CARD, hostile(command["trap"])
    if kind == "long":
        document = Document("leave#parental", LONG)
        return CARD, [
            item(0, output=LONG, contexts=(document,)),
            item(1, output=ARABIC, contexts=(Document("leave#parental", ARABIC),)),
            item(2, output="x" * 30_000, contexts=()),
        ]
    return replace(CARD, description="Is the answer right?"), items(command.get("count", 8))


def serve(command: dict[str, Any], writable: int) -> None:
    root = Path(command["root"])
    card, rated = sample(command)
    server = make_server(
        root,
        card,
        rated,
        command.get("raters", ("r1", "r2")),
        repeats=command.get("repeats", 0.0),
        requests=Limiter(1e6, 1000),
    )
    if "lifetime" in command:
        secret = read_secret(place_at(root).state)
        server.links = Links(secret, server.judge, command["lifetime"])
    with serving.listen(command.get("port", 0)) as listening:
        port = listening.getsockname()[1]
        names = [*server.session.desks, LEAD]
        links = {name: f"http://127.0.0.1:{port}/join/{token(server, name)}" for name in names}

        def ready() -> None:
            os.write(writable, (json.dumps({**links, "port": port}) + "\n").encode())
            os.close(writable)

        serving.serve(server, listening, ready)
