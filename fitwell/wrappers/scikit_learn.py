"""Deprecated alias for `fitwell.wrappers`."""

from fitwell._deprecation import deprecated_module_getattr

__all__: list[str] = []

__getattr__ = deprecated_module_getattr(
    "fitwell.wrappers.scikit_learn", "fitwell.wrappers", ["KerasClassifier", "KerasRegressor"]
)
