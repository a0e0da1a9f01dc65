"""Layers that combine inputs elementwise: `Add`, `Subtract`, `Multiply`, `Average`, `Maximum`, `Minimum`."""

from __future__ import annotations

import functools
import operator
from typing import Any

import jax.numpy as jnp

from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import register
from fitwell.layers.base_merge import ElementwiseMerge

__all__ = [
    "Add",
    "Average",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


@register()
class Add(ElementwiseMerge):
    """Elementwise sum of the inputs.

    Args:
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        A list of at least two arrays whose shapes can be broadcast together.

    Raises:
        InvalidArgument: if the input is not a list of at least two arrays.
        ShapeError: if the shapes cannot be broadcast together.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Add()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[4.0, 6.0]]

    Source: Keras `Add`.
    """

    supports_masking = True

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(operator.add, inputs)


@register()
class Subtract(ElementwiseMerge):
    """A layer that subtracts the second of two inputs from the first, element by element.

    Args:
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        A list of exactly two arrays whose shapes can be broadcast together.

    Raises:
        InvalidArgument: if the input is not a list of two arrays.
        ShapeError: if the shapes cannot be broadcast together.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Subtract()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[-2.0, 2.0]]

    Source: Keras `Subtract`.
    """

    supports_masking = True

    def merge(self, inputs: list[Array]) -> Array:
        if len(inputs) != 2:
            raise InvalidArgument(
                f"layer {self.name!r} (Subtract) takes exactly two inputs, got {len(inputs)}"
            )
        return inputs[0] - inputs[1]


@register()
class Multiply(ElementwiseMerge):
    """Elementwise product of the inputs.

    Args:
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        A list of at least two arrays whose shapes can be broadcast together.

    Raises:
        InvalidArgument: if the input is not a list of at least two arrays.
        ShapeError: if the shapes cannot be broadcast together.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Multiply()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[3.0, 8.0]]

    Source: Keras `Multiply`.
    """

    supports_masking = True

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(operator.mul, inputs)


@register()
class Average(ElementwiseMerge):
    """Elementwise mean of the inputs.

    Args:
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        A list of at least two arrays whose shapes can be broadcast together.

    Raises:
        InvalidArgument: if the input is not a list of at least two arrays.
        ShapeError: if the shapes cannot be broadcast together.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Average()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[2.0, 3.0]]

    Source: Keras `Average`.
    """

    supports_masking = True

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(operator.add, [to_float(item, self.dtype) for item in inputs]) / len(inputs)


@register()
class Maximum(ElementwiseMerge):
    """Elementwise maximum of the inputs.

    Args:
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        A list of at least two arrays whose shapes can be broadcast together.

    Raises:
        InvalidArgument: if the input is not a list of at least two arrays.
        ShapeError: if the shapes cannot be broadcast together.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Maximum()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[3.0, 4.0]]

    Source: Keras `Maximum`.
    """

    supports_masking = True

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(jnp.maximum, inputs)


@register()
class Minimum(ElementwiseMerge):
    """Elementwise minimum of the inputs.

    Args:
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        A list of at least two arrays whose shapes can be broadcast together.

    Raises:
        InvalidArgument: if the input is not a list of at least two arrays.
        ShapeError: if the shapes cannot be broadcast together.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Minimum()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[1.0, 2.0]]

    Source: Keras `Minimum`.
    """

    supports_masking = True

    def merge(self, inputs: list[Array]) -> Array:
        return functools.reduce(jnp.minimum, inputs)


def add(inputs: Any, **kwargs: Any) -> Any:
    """Return the elementwise sum of `inputs`. See `Add`.

    Args:
        inputs (list[Array]): At least two arrays or KerasTensors.
        **kwargs: Arguments of `Add`.

    Returns:
        Array: The sum.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.add([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[4.0, 6.0]]
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Subtract the second of two `inputs` from the first. See `Subtract`.

    Args:
        inputs (list[Array]): Two arrays or KerasTensors.
        **kwargs: Arguments of `Subtract`.

    Returns:
        Array: The difference.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.subtract([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[-2.0, 2.0]]
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Return the elementwise product of `inputs`. See `Multiply`.

    Args:
        inputs (list[Array]): At least two arrays or KerasTensors.
        **kwargs: Arguments of `Multiply`.

    Returns:
        Array: The product.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.multiply([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[3.0, 8.0]]
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Return the elementwise mean of `inputs`. See `Average`.

    Args:
        inputs (list[Array]): At least two arrays or KerasTensors.
        **kwargs: Arguments of `Average`.

    Returns:
        Array: The mean.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.average([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[2.0, 3.0]]
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Return the elementwise maximum of `inputs`. See `Maximum`.

    Args:
        inputs (list[Array]): At least two arrays or KerasTensors.
        **kwargs: Arguments of `Maximum`.

    Returns:
        Array: The maximum.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.maximum([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[3.0, 4.0]]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Return the elementwise minimum of `inputs`. See `Minimum`.

    Args:
        inputs (list[Array]): At least two arrays or KerasTensors.
        **kwargs: Arguments of `Minimum`.

    Returns:
        Array: The minimum.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.minimum([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[1.0, 2.0]]
    """
    return Minimum(**kwargs)(inputs)
