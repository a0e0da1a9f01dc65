"""Data that is ready for training: inputs and targets of each split, and the preprocessor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fitwell._data.pixel_preprocessor import PixelPreprocessor
from fitwell._data.preprocessor_io import Preprocessor
from fitwell._data.target import Target
from fitwell._typing import NumpyArray

__all__ = ["DataSplit", "PreparedData"]


@dataclass(frozen=True)
class DataSplit:
    """Rows of one split.

    x, y: the inputs and targets of the network.
    true: the target values in the units of the data, or class indices.
    """

    x: NDArray[np.float32]
    y: NumpyArray
    true: NumpyArray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class PreparedData:
    """Data that is ready for training.

    notes: sentences about how it was read, split and preprocessed.
    """

    name: str
    preprocessor: Preprocessor
    train: DataSplit
    validation: DataSplit
    test: DataSplit
    notes: list[str] = field(default_factory=list)

    @property
    def target(self) -> Target:
        """The target to predict."""
        return self.preprocessor.target

    @property
    def image_shape(self) -> list[int] | None:
        """Height and width if the inputs are images, otherwise None."""
        return self.preprocessor.shape if isinstance(self.preprocessor, PixelPreprocessor) else None
