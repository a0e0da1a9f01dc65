"""Networks as scikit-learn estimators."""

from fitwell.estimators.mlp_classifier import MLPClassifier
from fitwell.estimators.mlp_regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]


def __dir__() -> list[str]:
    return sorted(__all__)
