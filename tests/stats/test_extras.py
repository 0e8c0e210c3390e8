"""The libraries of the extra are imported by what uses them, and named where they are missing."""

import subprocess
import sys

import pytest

from evalsuite.errors import MissingExtra
from evalsuite.stats import estimates
from evalsuite.stats.agreement import classification, cohen_kappa
from evalsuite.stats.annotators import alt_test, benjamini_yekutieli
from evalsuite.stats.biases import length_partial
from evalsuite.stats.corrected import corrected_mean
from evalsuite.stats.correlation import correlations
from evalsuite.stats.raters import fleiss_kappa, krippendorff_alpha
from evalsuite.stats.rates import mcnemar

LABELS = ["a", "b"]
MANY = [["a", "b", "a"], ["b", "b", "a"]] * 20

NEEDS = {
    "kappa": ("sklearn.metrics", lambda: cohen_kappa(LABELS, LABELS, LABELS)),
    "macro figures": ("sklearn.metrics", lambda: classification(LABELS, LABELS, LABELS)),
    "alpha": ("krippendorff", lambda: krippendorff_alpha([LABELS, LABELS], LABELS)),
    "Fleiss": (
        "statsmodels.stats.inter_rater",
        lambda: fleiss_kappa([LABELS, LABELS], LABELS),
    ),
    "correlation": ("scipy", lambda: correlations([1, 2, 3], [1, 3, 2])),
    "McNemar": ("scipy.stats", lambda: mcnemar([True, False], [False, True])),
    "alternative test": ("scipy.stats", lambda: alt_test(MANY, ["a", "b"] * 20, LABELS)),
    "false discoveries": ("scipy.stats", lambda: benjamini_yekutieli([0.1, 0.2])),
    "length": ("scipy.stats", lambda: length_partial([1, 2, 3], [1, 3, 2], [3, 1, 2])),
}


@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_library_is_named_by_its_extra(name, monkeypatch):
    module, call = NEEDS[name]
    monkeypatch.setitem(sys.modules, module, None)
    if module == "scipy":
        monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingExtra, match=r"evalsuite\[calibration\]"):
        call()


def test_intervals_and_corrections_need_no_library(monkeypatch):
    for module in ("scipy", "scipy.stats", "sklearn", "sklearn.metrics", "krippendorff"):
        monkeypatch.setitem(sys.modules, module, None)
    labels = ["a", "b", "a", "b", "a", "a"]
    assert estimates.kappa(labels, labels[::-1], ("a", "b")).low is not None
    assert estimates.spearman([1, 2, 3, 4], [1, 3, 2, 4]).low is not None
    assert corrected_mean([1, 0, 1, 1], [1, 0, 0, 1], [1, 1, 0]).low is not None


def test_nothing_heavy_is_loaded_before_it_is_used():
    code = (
        "import sys, evalsuite.stats.figures, evalsuite.stats.annotators, evalsuite.stats.swaps;"
        "import evalsuite.stats.corrected, evalsuite.stats.stability, evalsuite.stats.biases;"
        "print(sorted({'scipy', 'sklearn', 'statsmodels', 'krippendorff'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
