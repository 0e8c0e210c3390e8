"""Numbers as people read them, in one spelling for all formats.

Values are on the [0, 1] scale of the gate and are printed as percent; differences as points.
Every function takes None for "not known" and prints a dash.
"""

from __future__ import annotations

UNKNOWN = "–"


def percent(value: float | None) -> str:
    """0.912 -> "91.2%"."""
    return UNKNOWN if value is None else f"{100 * value:.1f}%"


def points(value: float | None) -> str:
    """-0.172 -> "-17.2"; a change that rounds to nothing has no sign."""
    if value is None:
        return UNKNOWN
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text


def interval(low: float | None, high: float | None) -> str:
    """The two ends in points."""
    return UNKNOWN if low is None or high is None else f"{points(low)} to {points(high)}"


def chance(p: float | None) -> str:
    """0.0042 -> "0.004"; never rounds down to zero."""
    if p is None:
        return UNKNOWN
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def number(value: int) -> str:
    return f"{value:,}"


def many(value: int, noun: str, plural: str = "") -> str:
    """(1, "case") -> "1 case"; (1200, "case") -> "1,200 cases"."""
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def score(value: float | None) -> str:
    """A single case's value: "1", "0.25"."""
    return UNKNOWN if value is None else f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def variance(value: float | None) -> str:
    """0.0213 -> "0.021"."""
    return UNKNOWN if value is None else f"{value:.3f}"


def seconds(value: float | None) -> str:
    """0.05 -> "50 ms"; 75 -> "1 min 15 s"."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{1000 * value:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def dollars(value: float | None, known: float = 0.0) -> str:
    """Without a dollar sign, which would start a formula in some Markdown hosts. Of an unknown
    sum the `known` part is told."""
    if value is None:
        return f"at least {dollars(known)}" if known else "cost unknown"
    return f"{value:.2f} USD" if value == 0 or value >= 0.01 else f"{value:.4f} USD"
