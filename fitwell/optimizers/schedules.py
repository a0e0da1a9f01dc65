"""Alias for `fitwell.schedules`, as in Keras."""

from fitwell.schedules import *  # noqa: F403
from fitwell.schedules import __all__ as __all__
