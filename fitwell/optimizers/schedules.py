"""`fitwell.schedules` under the name that Keras gives it."""

from fitwell.schedules import *  # noqa: F403
from fitwell.schedules import __all__ as __all__
