"""Neural networks for tables: scikit-learn estimators with tuned defaults, and the network that they train."""

from fitwell.tabular.network import TabularNetwork
from fitwell.tabular.tabular_classifier import TabularClassifier
from fitwell.tabular.tabular_regressor import TabularRegressor

__all__ = ["TabularClassifier", "TabularNetwork", "TabularRegressor"]


def __dir__() -> list[str]:
    return sorted(__all__)
