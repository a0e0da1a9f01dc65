"""Networks as scikit-learn estimators."""

from fitwell.estimators.classifier import MLPClassifier
from fitwell.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
