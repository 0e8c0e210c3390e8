"""What a call costs: the settings' own prices, else the price table of `genai-prices`.

The table comes with its package and is never fetched. A server of one's own has no list price:
unknown, unless the settings say one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from urllib.parse import urlsplit

from evalsuite.records import Json, Usage

Price = Callable[[Usage], float | None]
"""US dollars for the tokens of one call, None where they have no known price."""

_MILLION = 1_000_000


def price_of(
    identity: Mapping[str, Json], own: Mapping[str, Mapping[str, float]], *, tier: str = ""
) -> Price | None:
    """The price of a backend's model; None where it is unknown.

    `own` are the settings' prices by "PROVIDER:MODEL" or "PROVIDER", US dollars per million tokens
    as input, cached (input where left out) and output; what is written to a cache is input. `tier`
    is the service tier that is asked for, where the table has a price of its own for it.
    """
    provider, model = str(identity.get("provider")), str(identity.get("model"))
    rates = own.get(f"{provider}:{model}", own.get(provider))
    found = _listed(provider, model, identity.get("url"), tier) if rates is None else _flat(rates)
    if found is None:
        return None
    return lambda usage: found(usage) if usage.input_tokens or usage.output_tokens else None


def table_version() -> str | None:
    """The version of the installed price table; a newer one may say another price."""
    try:
        return version("genai-prices")
    except PackageNotFoundError:
        return None


def _flat(rates: Mapping[str, float]) -> Price:
    def price(usage: Usage) -> float | None:
        cached = min(usage.cached_tokens, usage.input_tokens) if "cached" in rates else 0
        counts = {
            "input": usage.input_tokens - cached,
            "cached": cached,
            "output": usage.output_tokens,
        }
        if any(count and name not in rates for name, count in counts.items()):
            return None
        return sum(count * rates.get(name, 0.0) for name, count in counts.items()) / _MILLION

    return price


def _listed(provider: str, model: str, url: str | None, tier: str) -> Price | None:
    if url is not None and _private(url):
        return None
    try:
        from genai_prices import types  # noqa: PLC0415 (the table is large, and an extra)
        from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415
    except ImportError:
        return None
    try:
        by = None if url is not None else provider
        seller, entry = get_snapshot().find_provider_model(model, None, by, url)
    except LookupError:
        return None

    def price(usage: Usage) -> float | None:
        read = min(usage.cached_tokens, usage.input_tokens)
        written = min(usage.cache_write_tokens, usage.input_tokens - read)
        try:
            made = entry.calc_price(
                types.Usage(
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_read_tokens=read,
                    cache_write_tokens=written,
                ),
                seller,
                genai_request_timestamp=datetime.now(UTC),
                price_context={"service_tier": tier} if tier else None,
            )
        except ValueError:
            return None
        listed = made.model_price
        unlisted = usage.output_tokens and listed.output_mtok is None
        return None if unlisted or listed.input_mtok is None else float(made.total_price)

    return price


def _private(url: str) -> bool:
    """Whether a server is this machine or in a private network."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host
