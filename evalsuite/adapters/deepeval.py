"""`ev.deepeval`: the metrics of deepeval (4.3) as scorers.

    ev.deepeval.faithfulness(include_reason=False)
    ev.deepeval.geval(name="deepeval.tone", criteria="…", evaluation_params=["actual_output"])
    ev.deepeval.metric("ToolCorrectnessMetric", should_consider_ordering=True)

Any metric can be had by its class's name, or as a function of this module in lower case and
without "Metric". Needs `evalsuite[deepeval]`, or `python=` of an environment that has it.
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
    python: str | None = None,
    params: Mapping[str, Json] | None = None,
    **more: Json,
) -> Foreign:
    """A metric of deepeval.

    Args:
        metric: its class's name, or that in lower case with underscores.
        name: of our metric; default: "deepeval." and the name in lower case.
        role: of the model that it asks; default: "judge" if the settings have it, else "default".
        python: the interpreter of an environment of its own, relative to the settings' folder.
        params: what its class takes, as JSON (texts for enums, objects for models); or each as an
            argument of its own, where its name is none of these.

    Raises:
        SuiteError: at import; whether deepeval knows it is checked when the suite is collected.
    """
    return foreign(
        "deepeval",
        metric,
        name=name,
        role=role,
        embeddings=EMBEDDINGS,
        python=python,
        params={} if params is None else params,
        more=more,
    )


def __getattr__(name: str) -> Callable[..., Foreign]:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(metric, name)
