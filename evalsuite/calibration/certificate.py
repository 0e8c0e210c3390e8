"""certificate.json: what a judge's held-out labels promise of it, and for how long.

It is bound to the judge's keys, so that one changed word of the card, another model or another
parser makes it stale, and holds figures, not a verdict: the bar that is in force when a run ends
says what they are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from evalsuite.calibration.bar import Bar, as_numbers, needed, state_of
from evalsuite.calibration.journal import content, refuse, replace_file
from evalsuite.calibration.labels import HEAVIEST, LIGHTEST
from evalsuite.calibration.measured import WHOLE, Calibration, Measured
from evalsuite.calibration.records import Certificate, Label
from evalsuite.canonical import key
from evalsuite.errors import Problem, ProblemsError
from evalsuite.judging.keys import JudgeKeys
from evalsuite.judging.records import Card
from evalsuite.snapshot.codec import decoder, parse, pretty, to_json
from evalsuite.strictjson import Malformed
from evalsuite.wording import printable, shown_path

CERTIFICATE = "certificate.json"

_BESIDE = ("agreement", "kappa", "kappa_quadratic", "ac1", "shift")
_COUNTS = ("n", "raters", "clusters", "invalid")
_SHARES = ("error", "threshold", "tpr", "tnr", "agreement")
"""Figures from 0 to 1; the others are from -1 to 1."""

_DIGITS = 6

MOST = 10_000_000
"""Items, raters or clusters of a certificate."""


def labels_key(labels: Sequence[Label]) -> str:
    """The identity of the ratings that a certificate rests on, in whatever order."""
    said = sorted(
        [each.item, each.rater, each.criterion, str(each.value), str(each.occasion)]
        for each in labels
    )
    return key("labels", said)


def certify(
    card: Card,
    keys: JudgeKeys,
    found: Calibration,
    labels: Sequence[Label],
    bar: Bar,
    *,
    today: date,
) -> Certificate:
    """A certificate out of a calibration on the test split; ValueError for any other split.

    `labels` are the ratings of that split that hold.
    """
    if found.split != "test":
        raise ValueError("a certificate is given on the test split alone")
    figures = figures_of(found)
    return Certificate(
        judge=card.name,
        key=keys.key,
        template=keys.template,
        model=keys.model,
        parser=keys.parser,
        created=today.isoformat(),
        expires=(today + timedelta(days=int(bar.days))).isoformat(),
        labels=labels_key(labels),
        raters=max((each.counts.raters for each in found.criteria), default=0),
        states={
            each.criterion: state_of(figures[each.criterion], bar, needed(each.scale == "ordinal"))
            for each in found.criteria
        },
        figures=figures,
        bar=as_numbers(bar),
        pairs={
            name: tuple(tuple(round(each, _DIGITS) for each in pair) for pair in pairs)
            for name, pairs in found.pairs.items()
        },
    )


def figures_of(found: Calibration) -> dict[str, dict[str, float | None]]:
    """By criterion what a certificate holds: "n", "raters", "clusters", "error", and figures with
    their one-sided lower bounds, NAME_lower. WHOLE has what is of the criteria's mean."""
    figures = {each.criterion: _figures(each) for each in found.criteria}
    if WHOLE in found.pairs:
        figures[WHOLE] = {"n": len(found.pairs[WHOLE])}
    for name, each in figures.items():
        each["error"] = _round(found.error[name])
    return figures


def _figures(measured: Measured) -> dict[str, float | None]:
    counts = measured.counts
    found: dict[str, float | None] = {
        "n": counts.n,
        "raters": counts.raters,
        "clusters": counts.clusters,
        "invalid": counts.invalid,
        "threshold": measured.threshold,
    }
    for name in (*needed(measured.scale == "ordinal"), *_BESIDE):
        if name in measured.figures:
            found[name] = _round(measured.figures[name].value)
            found[f"{name}_lower"] = _round(measured.figures[name].lower)
    return found


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def write_certificate(folder: Path, certificate: Certificate) -> Path:
    """Write it, whole or not at all: in place of one of the same model, or beside that of another,
    so that the members of a jury on one card have a certificate each."""
    file = folder / CERTIFICATE
    try:
        there = read_certificate(folder)
    except ProblemsError:
        there = None
    if there is not None and there.model != certificate.model:
        file = _beside(folder, certificate.model)
    replace_file(file, pretty(to_json(certificate)))
    return file


def _beside(folder: Path, model: str) -> Path:
    return folder / f"certificate-{model[:12]}.json"


def read_certificate(folder: Path, model: str = "") -> Certificate | None:
    """The certificate of a judge's folder, that of the model with this key if it has its own; None
    if there is none; ProblemsError if it is none."""
    file = folder / CERTIFICATE
    if model and _beside(folder, model).exists():
        file = _beside(folder, model)
    data = content(file)
    if not data:
        return None
    path = shown_path(file)
    remedy = f"write it again: evalsuite judge calibrate {printable(folder.name)} --certify"
    try:
        certificate: Certificate = decoder(Certificate)(parse(data))
        for name in ("created", "expires"):
            date.fromisoformat(getattr(certificate, name))
    except Malformed as bad:
        raise ProblemsError(
            [Problem(path, 0, bad.field, bad.message, bad.remedy or remedy)]
        ) from None
    except ValueError:
        raise ProblemsError([Problem(path, 0, "created", "no date", remedy)]) from None
    refuse([Problem(path, 0, field, wrong, remedy) for field, wrong in _wrong(certificate)])
    return certificate


def _wrong(certificate: Certificate) -> Iterator[tuple[str, str]]:
    """Field and message of what no calibration writes."""
    if not 0 <= certificate.raters <= MOST:
        yield "raters", _WHOLE
    for criterion, figures in certificate.figures.items():
        for name, value in figures.items():
            if value is not None and (wrong := _impossible(name, value)):
                yield f"figures.{criterion}.{name}", wrong
    for criterion, pairs in certificate.pairs.items():
        if not all(_is_pair(pair) for pair in pairs):
            yield f"pairs.{criterion}", _PAIR


def _impossible(name: str, value: float) -> str:
    """What is wrong with a figure; "" if it can be."""
    if name in _COUNTS:
        return "" if value == int(value) and 0 <= value <= MOST else _WHOLE
    least = 0 if name.removesuffix("_lower") in _SHARES else -1
    return "" if least <= value <= 1 else f"must be from {least} to 1"


def _is_pair(pair: Sequence[float]) -> bool:
    return len(pair) == 3 and all(
        low <= each <= high
        for each, (low, high) in zip(pair, ((0, 1), (0, 1), (LIGHTEST, HEAVIEST)), strict=True)
    )


_WHOLE = f"must be a whole number from 0 to {MOST}"
_PAIR = (
    "must be (people, judge, weight), values from 0 to 1 and a weight from "
    f"{LIGHTEST:g} to {HEAVIEST:g}"
)
