"""Deprecated alias of `fitwell.wrappers`."""

from fitwell.spellings import older_address

__getattr__ = older_address(
    "fitwell.wrappers.scikit_learn", "fitwell.wrappers", ["KerasClassifier", "KerasRegressor"]
)
