"""Discovery of a layer's sublayers and their variables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import numpy as np

from fitwell._param_validation import Boolean, Predicate, validate_param, validate_params
from fitwell._registry import Configurable
from fitwell._tracing_warnings import restore_arrays
from fitwell._variables import Variable, stateless_scope
from fitwell.errors import ShapeError

__all__ = ["VariableTracker", "preserve_variables", "walk_layers"]

LayerType = TypeVar("LayerType")

_WEIGHTS = Predicate(lambda value: isinstance(value, list | tuple | np.ndarray), "a list of arrays")


class VariableTracker(Configurable, Generic[LayerType]):
    """Base class of `Layer`. It finds the layer's own variables, its sublayers, and their variables."""

    name: str | None
    _own_variables: list[Variable]
    _trainable: bool

    def _named_children(self) -> Iterator[tuple[str, LayerType]]:
        """Yield ``(name, layer)`` for each layer that an attribute contains directly or in a list, tuple or dict.

        The layers are yielded in the order in which their attributes were first set. The attributes are
        searched at each call, so layers may be appended to a list later.
        """
        for name, value in list(self.__dict__.items()):
            if isinstance(value, _CONTAINERS) and name not in ("_inbound_nodes", "_own_variables"):
                yield from _find_layers(name, value)

    def _named_own_variables(self) -> Iterator[tuple[str, Variable]]:
        """Yield ``(name, variable)`` for this layer's variables, excluding the variables of its sublayers.

        Trainable variables come first, as in Keras.
        """
        seen: Counter[str] = Counter()
        held = [value for value in self.__dict__.values() if isinstance(value, Variable)]
        named = []
        others = (value for value in held if all(value is not own for own in self._own_variables))
        for variable in [*self._own_variables, *others]:
            count = seen[variable.name]
            seen[variable.name] += 1
            named.append((f"{variable.name}_{count}" if count else variable.name, variable))
        yield from sorted(named, key=lambda pair: not pair[1].trainable)

    def _flatten_layers(self) -> Iterator[tuple[str, LayerType]]:
        """Yield ``(path, layer)`` exactly once for this layer and each sublayer, with parents before children."""
        yield from walk_layers(self)

    def _named_variables(self) -> Iterator[tuple[str, Variable]]:
        """Yield ``(path, variable)`` exactly once for every variable. The path consists of attribute names."""
        seen: set[int] = set()
        for path, layer in walk_layers(self):
            for name, variable in layer._named_own_variables():
                if id(variable) not in seen:
                    seen.add(id(variable))
                    yield (f"{path}/{name}" if path else name), variable

    def _variables_by_name(self, parents: tuple[Any, ...] = ()) -> Iterator[tuple[str, Variable]]:
        """Yield pairs such as ``("model/base/dense/kernel", variable)``, with layer names in the path.

        A variable of a shared layer is yielded once for each path to the layer.
        """
        if any(layer is self for layer in parents):
            return
        chain = (*parents, self)
        for name, variable in self._named_own_variables():
            yield "/".join([*(str(layer.name) for layer in chain), name]), variable
        for _, child in _children(self):
            yield from child._variables_by_name(chain)

    def _named_trainable_variables(self) -> Iterator[tuple[str, Variable]]:
        """Yield ``(path, variable)`` for the variables that training updates."""
        frozen = {
            id(variable)
            for _, layer in walk_layers(self)
            if not layer.trainable
            for _, variable in layer._named_variables()
        }
        for path, variable in self._named_variables():
            if variable.trainable and id(variable) not in frozen:
                yield path, variable

    @property
    def variables(self) -> list[Variable]:
        """All variables of the layer and its sublayers."""
        return [variable for _, variable in self._named_variables()]

    weights = variables

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that the optimizer updates during training."""
        return [variable for _, variable in self._named_trainable_variables()]

    trainable_weights = trainable_variables

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that the optimizer does not update. Layers may update some, such as moving statistics."""
        trainable = {id(variable) for variable in self.trainable_variables}
        return [variable for variable in self.variables if id(variable) not in trainable]

    non_trainable_weights = non_trainable_variables

    @property
    def trainable(self) -> bool:
        """Whether training updates the variables. A change takes effect at the next `compile`."""
        return bool(self._trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = validate_param(type(self).__name__, "trainable", value, Boolean())
        self._trainable = value
        for _, layer in walk_layers(self):
            layer._trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all variables as NumPy arrays.

        Returns:
            list[np.ndarray]: The arrays, in the same order as `variables`.

        Raises:
            StateError: if the layer is not built.

        Example:
            >>> import fitwell as fw
            >>> layer = fw.layers.Dense(3)
            >>> layer.build((None, 2))
            >>> [array.shape for array in layer.get_weights()]
            [(2, 3), (3,)]
        """
        self._require_built("get_weights")
        return [variable.numpy() for variable in self.variables]

    @validate_params(weights=_WEIGHTS)
    def set_weights(self, weights: list[Any]) -> None:
        """Assign new values to all variables.

        Args:
            weights (list[array]): Arrays in the same order as the result of `get_weights`.

        Raises:
            StateError: if the layer is not built.
            ShapeError: if the number of arrays or a shape is wrong. In this case, no variable is changed.
        """
        self._require_built("set_weights")
        variables = self.variables
        if len(weights) != len(variables):
            raise ShapeError(
                f"layer {self.name!r} has {len(variables)} weight{'s' * (len(variables) != 1)}, "
                f"but set_weights got {len(weights)}"
            )
        for variable, value in zip(variables, weights, strict=True):
            if tuple(np.shape(value)) != variable.shape:
                raise ShapeError(
                    f"weight {variable.path!r} has shape {variable.shape}, but set_weights got an array of "
                    f"shape {np.shape(value)}"
                )
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Return the total number of elements in all variables.

        Returns:
            int: The number of parameters.

        Raises:
            StateError: if the layer is not built.
        """
        self._require_built("count_params")
        return sum(variable.size for variable in self.variables)

    def _require_built(self, method: str) -> None:
        """Raise `StateError` if the layer has no variables yet. `method` is the calling method's name."""
        raise NotImplementedError


_CONTAINERS = (VariableTracker, list, tuple, dict)


def _find_layers(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, VariableTracker):
        yield name, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _find_layers(f"{name}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _find_layers(f"{name}.{key}", item)


def _children(layer: Any) -> Iterator[tuple[str, Any]]:
    children: Iterator[tuple[str, Any]] = layer._named_children()
    return children


def walk_layers(
    layer: Any, children: Callable[[Any], Iterator[tuple[str, Any]]] = _children
) -> Iterator[tuple[str, Any]]:
    """Yield ``(path, layer)`` exactly once for `layer` and each sublayer, with parents before children.

    Args:
        layer: The layer. Its path is an empty string.
        children: A function that yields ``(name, sublayer)`` for each direct sublayer of a layer. The names form
            the path.
    """
    seen: set[int] = set()

    def walk(layer: Any, path: str) -> Iterator[tuple[str, Any]]:
        if id(layer) not in seen:
            seen.add(id(layer))
            yield path, layer
            for name, child in children(layer):
                yield from walk(child, f"{path}.{name}" if path else name)

    yield from walk(layer, "")


@contextmanager
def preserve_variables(layer: VariableTracker[Any]) -> Iterator[None]:
    """At the end of the block, restore the layer's variables, and all attributes that contain arrays."""
    before = [(vars(part), dict(vars(part))) for _, part in layer._flatten_layers()]
    with stateless_scope({variable: variable.value for variable in layer.variables}):
        yield
    for now, then in before:
        restore_arrays(now, then)
