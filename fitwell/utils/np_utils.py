"""The older address of `to_categorical`."""

from fitwell.spellings import older_address

__getattr__ = older_address("fitwell.utils.np_utils", "fitwell.utils", ["to_categorical"])
