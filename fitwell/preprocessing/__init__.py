"""Keras's older names for functions in `fitwell.utils`."""

from fitwell.preprocessing import sequence

__all__ = ["sequence"]


def __dir__() -> list[str]:
    return sorted(__all__)
