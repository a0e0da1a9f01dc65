"""Neural networks with scikit-learn's estimator interface."""

from fitwell._deprecation import add_deprecated_module
from fitwell.estimators.mlp_classifier import MLPClassifier
from fitwell.estimators.mlp_regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]


def __dir__() -> list[str]:
    return sorted(__all__)


# Pickles from earlier versions refer to these modules and names.
add_deprecated_module(f"{__name__}.classifier", f"{__name__}.mlp_classifier", ["MLPClassifier"])
add_deprecated_module(f"{__name__}.regressor", f"{__name__}.mlp_regressor", ["MLPRegressor"])
add_deprecated_module(f"{__name__}.network", f"{__name__}.mlp_network", {"Network": "MLPNetwork"})
