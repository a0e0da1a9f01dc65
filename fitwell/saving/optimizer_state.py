"""Conversion of the optimizer state to and from Keras's format.

Keras stores the state as one list of arrays, whose order depends on the optimizer class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fitwell._typing import NumpyArray
from fitwell._variables import Variable
from fitwell.errors import warn

__all__ = ["optimizer_arrays", "restore_optimizer"]

# Pairs of kinds of state that Keras interleaves, which means that both arrays of a variable are stored together. Any
# other kind is stored for all variables before the next kind.
_INTERLEAVED_SLOTS = (
    ("momentum", "velocity"),
    ("momentum", "norm"),
    ("accumulated_grad", "accumulated_delta_var"),
)


def optimizer_arrays(model: Any) -> list[tuple[str, NumpyArray]]:
    """Return the optimizer state as ``(name, array)`` pairs in Keras's order.

    The list is empty if the model has not been trained.
    """
    optimizer = model.optimizer
    if optimizer.opt_state is None:
        return []
    rate = optimizer.get_hyperparameter("learning_rate")
    arrays = [("iteration", np.asarray(optimizer.step.value, np.int32))]
    if not callable(rate):
        arrays.append(("learning_rate", np.asarray(rate, np.float32)))
    paths = _paths(model)
    # Layers may have been frozen or unfrozen since the state was created. Write the state that the optimizer would have
    # if the model were compiled again.
    slots = optimizer.match_slots(
        optimizer.opt_state, {path: v.value for path, v in _trainable_variables(model).items()}
    )
    for slot, path in _keras_v3_order(optimizer, paths):
        value = slots[slot] if path is None else slots[slot][path]
        name = slot if path is None else f"{path.replace('/', '_')}_{slot}"
        arrays.append((name, np.asarray(value)))
    return arrays


def restore_optimizer(model: Any, arrays: Sequence[NumpyArray], where: str) -> None:
    """Restore a compiled model's optimizer state from `arrays`, which are in the order of Keras 3 or Keras 2.

    If the arrays do not match the optimizer and the model, the function warns, and the optimizer starts with a new
    state, as in Keras.
    """
    optimizer = model.optimizer
    paths = _paths(model)
    fresh = optimizer.init({path: variable.numpy() for path, variable in _trainable_variables(model).items()})
    for order, skipped in _candidate_orders(optimizer, paths):
        if len(arrays) == skipped + len(order) and _shapes_match(fresh, order, arrays[skipped:]):
            break
    else:
        warn(
            f"{where}: the optimizer state in the file does not match {type(optimizer).__name__} and this model, so "
            "the optimizer starts with a new state",
        )
        return
    optimizer.step.assign(np.asarray(arrays[0], np.int32))
    for (slot, path), array in zip(order, arrays[skipped:], strict=True):
        if path is None:
            fresh[slot] = array.astype(fresh[slot].dtype)
        else:
            fresh[slot][path] = array.astype(fresh[slot][path].dtype)
    optimizer.opt_state = fresh


def _trainable_variables(model: Any) -> dict[str, Variable]:
    return dict(model._named_trainable_variables())


def _paths(model: Any) -> list[str]:
    """Return the paths of the trainable variables in Keras's order."""
    path_of = {id(variable): path for path, variable in model._named_trainable_variables()}
    return [path_of[id(variable)] for variable in model.trainable_variables]


def _candidate_orders(optimizer: Any, paths: list[str]) -> Iterator[tuple[list[tuple[str, str | None]], int]]:
    """Yield each possible order of the state's arrays, with the number of arrays that precede the state.

    The preceding arrays are the step count and possibly the learning rate.
    """
    today = list(_keras_v3_order(optimizer, paths))
    yield today, 1 if callable(optimizer.get_hyperparameter("learning_rate")) else 2
    # Keras 2: the learning rate is not stored. Before 2.11, each kind of state was stored for all variables before the
    # next kind.
    yield today, 1
    shared = optimizer.init_shared_slots()
    yield [(slot, path) for slot in optimizer.slot_names() if slot not in shared for path in paths], 1


def _keras_v3_order(optimizer: Any, paths: list[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the name and the variable path of each array in the optimizer state, in Keras 3's order.

    Each item is ``(slot, path)``, or ``(slot, None)`` for state that all variables share.
    """
    shared = optimizer.init_shared_slots()
    names = [name for name in optimizer.slot_names() if name not in shared]
    first = [name for name in ("average", "gradient_accumulator") if name in names]
    rest = [name for name in names if name not in first]
    together = next((pair for pair in _INTERLEAVED_SLOTS if set(pair) <= set(rest)), ())
    # RMSprop has state with the same names as Adam's, but does not interleave it.
    if type(optimizer).__name__ == "RMSprop":
        together = ()
    for name in first:
        yield from ((name, path) for path in paths)
    for path in paths if together else []:
        yield from ((name, path) for name in together)
    for name in rest:
        if name not in together:
            yield from ((name, path) for path in paths)
    for name in shared:
        yield name, None


def _shapes_match(slots: Any, order: list[tuple[str, str | None]], arrays: Sequence[NumpyArray]) -> bool:
    shapes = [np.shape(slots[slot] if path is None else slots[slot][path]) for slot, path in order]
    return all(array.shape == shape for array, shape in zip(arrays, shapes, strict=True))
