"""Small real-world data sets. Those that Keras also provides have the same names, shapes and splits as in Keras.

Each module has a function ``load_data() -> (x_train, y_train), (x_test, y_test)``. It looks for files in
``$FITWELL_DATA``, then in the folder of Debian's data set packages (``/usr/share/datasets``), then in the cache
(``$FITWELL_CACHE``, which defaults to ``~/.cache/fitwell``). If none of these contains the file, it is downloaded into
the cache and checked against a known SHA-256, unless ``FITWELL_OFFLINE=1`` is set. CIFAR-10 is never downloaded, and
the digits need no file.

To add a data set, add a module to this package that ends with a call to `register`. The package imports all its
modules.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

from fitwell.datasets._dataset_registry import ImageDataset, TableDataset, register
from fitwell.datasets._download import DatasetNotFound

if TYPE_CHECKING:  # only for type checkers and editors, because the loop below imports every module
    from fitwell.datasets import boston_housing as boston_housing
    from fitwell.datasets import california_housing as california_housing
    from fitwell.datasets import cifar10 as cifar10
    from fitwell.datasets import digits as digits
    from fitwell.datasets import fashion_mnist as fashion_mnist
    from fitwell.datasets import mnist as mnist

_names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
for _name in _names:
    importlib.import_module(f"{__name__}.{_name}")

__all__ = ["DatasetNotFound", "ImageDataset", "TableDataset", "register", *_names]


def __dir__() -> list[str]:
    return sorted(__all__)
