"""Deprecated alias of `fitwell.wrappers`."""

from fitwell._deprecation import deprecated_module_getattr

__getattr__ = deprecated_module_getattr(
    "fitwell.wrappers.scikit_learn", "fitwell.wrappers", ["KerasClassifier", "KerasRegressor"]
)
