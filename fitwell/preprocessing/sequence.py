"""Keras's older module for sequences."""

from fitwell.utils import pad_sequences

__all__ = ["pad_sequences"]
