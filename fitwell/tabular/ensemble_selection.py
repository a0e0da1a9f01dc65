"""Greedy selection of an ensemble's members."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fitwell._typing import NumpyArray
from fitwell.tabular.network import Task

__all__ = ["prediction_loss", "row_losses", "select_ensemble"]

_LEAST_PROBABILITY = 1e-7


def prediction_loss(task: Task, y: NumpyArray) -> Callable[[NumpyArray], float]:
    """Return a function that computes the mean loss of outputs ``[rows, outputs]`` for the targets `y`.

    The loss is the mean squared error for regression, and the log loss otherwise.
    """
    return lambda outputs: float(row_losses(task, y, outputs).mean())


def row_losses(task: Task, y: NumpyArray, outputs: NumpyArray) -> NDArray[np.float64]:
    """Return the loss of each row of outputs ``[rows, outputs]`` for the targets `y`. See `prediction_loss`."""
    if task == "regression":
        return np.asarray(((outputs - y) ** 2).mean(axis=1), np.float64)
    if task == "binary":
        probabilities = np.where(y == 1, outputs, 1 - outputs)[:, 0]
    else:
        probabilities = outputs[np.arange(len(y)), y]
    return -np.log(np.clip(probabilities, _LEAST_PROBABILITY, 1), dtype=np.float64)


def select_ensemble(
    predictions: Sequence[NumpyArray], loss: Callable[[NumpyArray], float], rounds: int = 30
) -> NDArray[np.float64]:
    """Return the weights with which the mean of the models' predictions has a low loss.

    In each round, the model that lowers the loss of the mean most is added. A model may be added more than once, so its
    weight is the share of the rounds in which it was added. The weights after the best round are returned.

    Args:
        predictions: The predictions of each model, ``[rows, outputs]``, for rows that it did not train on.
        loss: A function that computes the loss of predictions, such as the result of `prediction_loss`.
        rounds: Number of rounds.

    Returns:
        The weight of each model, ``[models]``. The sum is 1.

    Example:
        >>> y = np.array([[0.0], [2.0]])
        >>> select_ensemble([y - 1, y + 1, y + 9], prediction_loss("regression", y)).tolist()
        [0.5, 0.5, 0.0]

    Source: Caruana et al. (2004), *Ensemble selection from libraries of models*.
    """
    total = np.zeros_like(predictions[0], dtype=np.float64)
    counts = np.zeros(len(predictions))
    best, weights = np.inf, np.full(len(predictions), 1 / len(predictions))
    for number in range(1, rounds + 1):
        losses = [loss((total + added) / number) for added in predictions]
        chosen = int(np.argmin(losses))
        total += predictions[chosen]
        counts[chosen] += 1
        if losses[chosen] < best:
            best, weights = losses[chosen], counts / number
    return weights
