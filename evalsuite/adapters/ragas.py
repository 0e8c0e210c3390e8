"""`ev.ragas`: the metrics of ragas (0.4, its collections) as scorers.

    ev.ragas.faithfulness()
    ev.ragas.answer_relevancy(embeddings="vectors")
    ev.ragas.metric("NoiseSensitivity", mode="irrelevant")

Any metric can be had by its class's name, or as a function of this module in lower case. Needs
`evalsuite[ragas]`, or `python=` of an environment that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from evalsuite.adapters.naming import EMBEDDINGS, Foreign, foreign
from evalsuite.records import Json


def metric(
    metric: str,
    /,
    *,
    name: str | None = None,
    role: str | None = None,
    embeddings: str = EMBEDDINGS,
    python: str | None = None,
    params: Mapping[str, Json] | None = None,
    **more: Json,
) -> Foreign:
    """A metric of ragas.

    Args:
        metric: its class's name, or that in lower case with underscores.
        name: of our metric; default: "ragas." and the name in lower case.
        role: of the model that it asks; default: "judge" if the settings have it, else "default".
        embeddings: of the model whose vectors it compares.
        python: the interpreter of an environment of its own, relative to the settings' folder.
        params: what its class takes, as JSON; or each as an argument of its own.

    Raises:
        SuiteError: at import; whether ragas knows it is checked when the suite is collected.
    """
    return foreign(
        "ragas",
        metric,
        name=name,
        role=role,
        embeddings=embeddings,
        python=python,
        params={} if params is None else params,
        more=more,
    )


def __getattr__(name: str) -> Callable[..., Foreign]:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(metric, name)
