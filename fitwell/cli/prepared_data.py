"""Data that is ready for training, with the inputs and targets of each split and the preprocessor."""

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
    """The rows of one split.

    Attributes:
        x: The network's inputs.
        y: The network's targets.
        true: The target's values in original units for regression, or the class indices for classification.
        row_numbers: The number of each row in the table, where the first row is 1. None for images.
    """

    x: NDArray[np.float32]
    y: NumpyArray
    true: NumpyArray
    row_numbers: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class PreparedData:
    """Data that is ready for training.

    Attributes:
        name: Name of the data set, or the table's file name without its suffix.
        preprocessor: The preprocessor, which also prepares new data for predictions.
        train: The training rows.
        validation: The validation rows, of which there are none if the networks are validated on folds.
        test: The test rows, of which there may be none if the networks are validated on folds.
        notes: Sentences that say how the data was read, split and preprocessed.
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
        """The shape of an image if the inputs are images, and None otherwise."""
        return self.preprocessor.shape if isinstance(self.preprocessor, PixelPreprocessor) else None
