"""Networks as scikit-learn estimators."""

import sys
import types

from fitwell._deprecation import deprecated_module_getattr
from fitwell.estimators.mlp_classifier import MLPClassifier
from fitwell.estimators.mlp_regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]


def __dir__() -> list[str]:
    return sorted(__all__)


# Pickles of earlier versions contain these modules and names.
for _old, _new, _names in (
    ("classifier", "mlp_classifier", {"MLPClassifier": "MLPClassifier"}),
    ("regressor", "mlp_regressor", {"MLPRegressor": "MLPRegressor"}),
    ("network", "mlp_network", {"Network": "MLPNetwork"}),
):
    _module = types.ModuleType(f"{__name__}.{_old}")
    _module.__getattr__ = deprecated_module_getattr(  # type: ignore[method-assign]
        _module.__name__, f"{__name__}.{_new}", _names
    )
    sys.modules[_module.__name__] = _module
