"""Networks for tables that need no settings: scikit-learn estimators, and the network behind them."""

from fitwell.tabular.network import TabularNetwork
from fitwell.tabular.tabular_classifier import TabularClassifier
from fitwell.tabular.tabular_regressor import TabularRegressor

__all__ = ["TabularClassifier", "TabularNetwork", "TabularRegressor"]


def __dir__() -> list[str]:
    return sorted(__all__)
