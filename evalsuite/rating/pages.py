"""The templates, and what they may call. Every text goes through `visible` and is escaped, so what
a model wrote is shown and never acts, not even on the direction of what stands beside it."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evalsuite.report.escape import html
from evalsuite.report.figures import many

STATIC = {"rate.css": "text/css", "rate.js": "text/javascript"}


class Pages:
    """Renders by a template's name. `static` holds what is served beside the pages, under an
    address that changes with its content."""

    def __init__(self) -> None:
        self.static = {
            name: files("evalsuite.rating").joinpath("static", name).read_bytes() for name in STATIC
        }
        digest = hashlib.sha256(b"\0".join(self.static.values())).hexdigest()[:16]
        self.version = digest
        self._environment = Environment(
            loader=PackageLoader("evalsuite.rating"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_shown,
        )
        self._environment.globals["static"] = f"/static/{digest}"
        self._environment.filters["time"] = minutes
        self._environment.filters["coded"] = coded
        self._environment.filters["many"] = many

    def render(self, template: str, **values: Any) -> str:
        return self._environment.get_template(template).render(**values)


def _shown(value: Any) -> Any:
    """Foreign text with control and direction characters spelled out, escaped once."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return Markup(html(value))  # noqa: S704 - escaped by `html`


def coded(text: str) -> Markup:
    """What stands between backticks as code; all of it escaped."""
    parts = [html(each) for each in text.split("`")]
    marked = [f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts)]
    return Markup("".join(marked))  # noqa: S704 - escaped by `html`


def minutes(seconds: float) -> str:
    """ "40 s", "12 min", "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 90 else f"{whole // 60} h {whole % 60} min"
