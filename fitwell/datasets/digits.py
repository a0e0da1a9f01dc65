"""Digits: 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn; nothing to download."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitwell.arguments import Real, checked
from fitwell.datasets._split import SPLIT

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@checked(SPLIT, test_split=Real(0, 1, closed="neither"))
def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[Pair, Pair]:
    """Return ``(x_train, y_train), (x_test, y_test)``: 1437 and 360 images, split evenly within each digit.

    Images are uint8 of shape (n, 8, 8), from 0 (background) to 16 (ink); labels are uint8 of shape (n,).

    Args:
        test_split: fraction of rows, in (0, 1), that become the test set.
        seed: of the stratified shuffle; the same seed gives the same split.

    Raises:
        InvalidArgument: `test_split` is outside (0, 1).

    Source: Alpaydin and Kaynak, "Optical recognition of handwritten digits" (its test part), UCI, 1998.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    x, y = data.images.astype(np.uint8), data.target.astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=test_split, random_state=seed, stratify=y
    )
    return (x_train, y_train), (x_test, y_test)
