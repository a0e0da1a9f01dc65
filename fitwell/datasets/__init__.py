"""Small real data sets, with the names, shapes and splits of Keras.

Each module has ``load_data() -> (x_train, y_train), (x_test, y_test)``. Files are searched in
``$FITWELL_DATA``, then in the folder of Debian's data set packages (``/usr/share/datasets``), then in the cache
(``$FITWELL_CACHE``, by default ``~/.cache/fitwell``). A file that is in none of them is downloaded into the cache
and checked against a known SHA-256, unless ``FITWELL_OFFLINE=1`` (CIFAR-10 is never downloaded).

A new data set is one module of this package: it is imported, and registers itself
(`fitwell.datasets._dataset_registry`).
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

from fitwell.datasets._download import DatasetNotFound

if TYPE_CHECKING:  # for type checkers and editors only; the loop below imports every module
    from fitwell.datasets import boston_housing as boston_housing
    from fitwell.datasets import california_housing as california_housing
    from fitwell.datasets import cifar10 as cifar10
    from fitwell.datasets import digits as digits
    from fitwell.datasets import fashion_mnist as fashion_mnist
    from fitwell.datasets import mnist as mnist

_names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
for _name in _names:
    importlib.import_module(f"{__name__}.{_name}")

__all__ = ["DatasetNotFound", *_names]


def __dir__() -> list[str]:
    return sorted(__all__)
