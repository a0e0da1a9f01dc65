"""Small real data sets, with Keras's names, shapes and splits.

Each module has ``load_data() -> (x_train, y_train), (x_test, y_test)``. Files are looked for in
``$FITWELL_DATA``, then where Debian packages put data sets (``/usr/share/datasets``), then in the cache
(``$FITWELL_CACHE``, by default ``~/.cache/fitwell``); what is in none of them is downloaded into the cache
and checked against a known SHA-256, unless ``FITWELL_OFFLINE=1`` (CIFAR-10 is never downloaded).
"""

from fitwell.datasets import boston_housing, california_housing, cifar10, digits, fashion_mnist, mnist
from fitwell.datasets._files import DatasetNotFound

__all__ = [
    "DatasetNotFound",
    "boston_housing",
    "california_housing",
    "cifar10",
    "digits",
    "fashion_mnist",
    "mnist",
]
