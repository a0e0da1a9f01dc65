"""Preprocessor for images. It divides every pixel by the maximum value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.conversion import to_numeric
from fitwell._data.target import Target, target_from_json, target_schema
from fitwell._data.text_format import join_quoted
from fitwell._schema import (
    NULL,
    POSITIVE,
    STRING,
    NonEmpty,
    OptionalKey,
    UnionSchema,
    enum_schema,
    integer_schema,
)
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class PixelPreprocessor:
    """A preprocessor that converts images, or a table with one column per pixel, to network inputs.

    Attributes:
        target: The encoding of the labels or numbers to predict.
        shape: The shape of one image, such as ``[28, 28]``. Pixels are in row-major order.
        brightest: The pixel value that becomes 1.
        image_column: The column of the training table that named the image files, or None if there was none.
        notes: Sentences that describe the preprocessing.
    """

    # Pixels are numbers, so no column needs to be read as strings.
    text_columns: ClassVar[tuple[str, ...]] = ()

    target: Target
    shape: list[int]
    brightest: float
    notes: list[str] = field(default_factory=list)
    image_column: str | None = None

    def __post_init__(self) -> None:
        if not self.notes:
            self.notes = [
                f"Divided every pixel by {self.brightest:g}, so that all inputs are between 0 and 1.",
                self.target.summarize(),
            ]

    @property
    def feature_names(self) -> list[str]:
        """Names of the network's inputs."""
        return [f"pixel {number}" for number in range(int(np.prod(self.shape)))]

    def transform_images(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Convert pixels of shape ``[rows, ...]`` to float32 inputs of shape ``[rows, *shape]``."""
        scaled = np.asarray(pixels, dtype=np.float32) / np.float32(self.brightest)
        return scaled.reshape(len(scaled), *self.shape)

    def transform(self, table: pd.DataFrame, notes: list[str] | None = None) -> NDArray[np.float32]:
        """Convert a table with one column per pixel, in row-major order, to the network's inputs."""
        names = [name for name in table.columns if str(name) != self.target.name]
        wanted = math.prod(self.shape)
        if len(names) != wanted:
            size = " x ".join(map(str, self.shape))
            raise DataError(
                f"images of size {size} require a table with {wanted} pixel columns, got {len(names)}"
            )
        pixels = np.stack([to_numeric(table[name]) for name in names], axis=1)
        bad = [name for name, column in zip(names, pixels.T) if np.isnan(column).any()]
        if bad:
            raise DataError(
                f"pixels must be numbers, but these columns have missing values or text: {join_quoted(bad)}"
            )
        return self.transform_images(pixels)

    def describe(self) -> list[tuple[str, str]]:
        """Return a list with one pair: the inputs' name and a description of their transformation."""
        return [("pixels", f"{' x '.join(map(str, self.shape))}, divided by {self.brightest:g}")]

    def to_json(self) -> dict[str, Any]:
        """Convert the preprocessor to JSON data for `from_json`."""
        return {
            "format": "pixels",
            "target": self.target.to_json(),
            "shape": self.shape,
            "brightest": self.brightest,
            "image_column": self.image_column,
            "notes": self.notes,
        }

    @staticmethod
    def schema() -> dict[str, Any]:
        """Return the schema of the JSON data."""
        return {
            "format": enum_schema("pixels"),
            "target": target_schema(),
            "shape": NonEmpty([integer_schema(1, 2**16)]),
            "brightest": POSITIVE,
            "image_column": OptionalKey(UnionSchema((NULL, STRING))),  # older files do not have this key
            "notes": [STRING],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PixelPreprocessor:
        """Create a preprocessor from the result of `to_json`, which must match `schema`."""
        return cls(
            target_from_json(data["target"]),
            [int(size) for size in data["shape"]],
            float(data["brightest"]),
            list(data["notes"]),
            data.get("image_column"),
        )


__all__ = ["PixelPreprocessor"]
