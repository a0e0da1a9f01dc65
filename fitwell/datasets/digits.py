"""The digits data set from scikit-learn: 1,797 handwritten digits of 8 x 8 pixels."""

from __future__ import annotations

import numpy as np

from fitwell._param_validation import Real, validate_params
from fitwell.datasets._dataset_registry import ImageDataset, register
from fitwell.datasets._train_test_split import LOAD_DATA_RULES, BytePair


@validate_params(LOAD_DATA_RULES, test_split=Real(0, 1, closed="neither"))
def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[BytePair, BytePair]:
    """Load scikit-learn's handwritten digits. No download is needed.

    Args:
        test_split (float): Fraction of the rows to use as the test set, in (0, 1). Default: 0.2.
        seed (int): Seed for the stratified split. Default: 113.

    Returns:
        tuple: ``(x_train, y_train), (x_test, y_test)``. By default, there are 1437 training images and 360 test images.
        The split is stratified by digit. Images are uint8 arrays of shape (n, 8, 8), from 0 (background) to 16 (ink).
        Labels are uint8 arrays of shape (n,).

    Raises:
        InvalidArgument: If `test_split` is outside (0, 1).

    Example:
        >>> import fitwell as fw
        >>> (x_train, y_train), (x_test, y_test) = fw.datasets.digits.load_data()
        >>> x_train.shape, y_test.shape
        ((1437, 8, 8), (360,))

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


register(ImageDataset("digits", load_data, max_pixel=16.0))

__all__ = ["load_data"]
