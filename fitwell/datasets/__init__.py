"""Small real data sets, with the names, shapes and splits of Keras.

Each module has ``load_data() -> (x_train, y_train), (x_test, y_test)``. Files are searched in
``$FITWELL_DATA``, then in the folder of Debian's data set packages (``/usr/share/datasets``), then in the cache
(``$FITWELL_CACHE``, by default ``~/.cache/fitwell``). A file that is in none of them is downloaded into the cache
and checked against a known SHA-256, unless ``FITWELL_OFFLINE=1`` (CIFAR-10 is never downloaded).
"""

from fitwell.datasets import boston_housing, california_housing, cifar10, digits, fashion_mnist, mnist
from fitwell.datasets._download import DatasetNotFound

__all__ = [
    "DatasetNotFound",
    "boston_housing",
    "california_housing",
    "cifar10",
    "digits",
    "fashion_mnist",
    "mnist",
]
