"""The older address of what has long ceased to be an experiment."""

from fitwell.layers.experimental import preprocessing

__all__ = ["preprocessing"]
