"""``keras.ops``: functions of arrays, which also build graphs when they are called on `KerasTensor` objects.

>>> import fitwell as keras
>>> keras.ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=1).tolist()
[3.0, 7.0]
>>> keras.ops.relu(keras.Input((3,))).shape
(None, 3)
"""

from fitwell.ops import core, linalg, math, nn, numpy
from fitwell.ops.core import *  # noqa: F403
from fitwell.ops.linalg import *  # noqa: F403
from fitwell.ops.math import *  # noqa: F403
from fitwell.ops.nn import *  # noqa: F403
from fitwell.ops.numpy import *  # noqa: F403

__all__ = sorted(
    {*core.__all__, *linalg.__all__, *math.__all__, *nn.__all__, *numpy.__all__, "linalg", "nn", "numpy"}
)


def __dir__() -> list[str]:
    return __all__
