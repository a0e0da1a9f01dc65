"""Ensembles, which predict the mean and the spread of multiple models' outputs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np

from fitwell import layers
from fitwell._engine import devices
from fitwell._engine.devices import cpu_count
from fitwell._typing import NumpyArray, PyTree
from fitwell.errors import InvalidArgument
from fitwell.models.data_adapters import standardize_inputs
from fitwell.models.model import Model
from fitwell.models.sequential import Sequential
from fitwell.population.folds import Fold, RowIndices

__all__ = ["Ensemble", "Prediction", "average_out_of_fold", "predict_all"]


class Prediction(NamedTuple):
    """An ensemble's prediction. `Ensemble.predict` returns this object.

    Args:
        mean (Array | pytree): The mean of the models' outputs, with the same structure and shape as one model's
            outputs. If the models predict probabilities, the means are probabilities too.
        spread (Array | pytree): The standard deviation of the models' outputs (with divisor n). It is large where the
            models disagree.

    Example:
        >>> from fitwell.population import Prediction
        >>> mean, spread = Prediction(mean=0.5, spread=0.1)
        >>> mean, spread
        (0.5, 0.1)
    """

    mean: PyTree
    spread: PyTree


class Ensemble:
    """A predictor that averages multiple models.

    Averaging models with different seeds reduces the error that comes from their random initial weights.

    Args:
        models (Sequence[Model]): Models with the same outputs.
        weights (Sequence[float] | None): Weight of each model in the mean, >= 0. They are divided by their sum.
            Default: None, which means equal weights.

    Raises:
        InvalidArgument: If there is not one weight per model, or if the weights are negative or all 0.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> from fitwell.population import Ensemble
        >>> def build(value):
        ...     return fw.Sequential([fw.layers.Dense(1, kernel_initializer=fw.initializers.Constant(value))])
        >>> ensemble = Ensemble([build(1.0), build(3.0)])
        >>> prediction = ensemble.predict(np.ones((1, 1)))
        >>> prediction.mean.tolist(), prediction.spread.tolist()
        ([[2.0]], [[1.0]])

    Source: Lakshminarayanan et al. (2017), *Simple and scalable predictive uncertainty estimation using deep
    ensembles*.
    """

    def __init__(self, models: Sequence[Model], weights: Sequence[float] | NumpyArray | None = None) -> None:
        self.models = list(models)
        self.weights = _normalize_weights(weights, len(self.models))

    def predict(self, x: PyTree, batch_size: int | None = None) -> Prediction:
        """Return the mean and the standard deviation of the models' outputs.

        Args:
            x (Array | pytree): Inputs, `[rows, ...]`.
            batch_size (int | None): Rows per step, see `Model.predict`. Default: None.

        Returns:
            Prediction: `mean` and `spread`, each `[rows, ...]`.
        """
        outputs = predict_all([[model] for model in self.models], x, batch_size)
        mean = jax.tree.map(self._mean, outputs)
        deviations = jax.tree.map(lambda part, center: (part - center) ** 2, outputs, mean)
        return Prediction(mean, jax.tree.map(lambda part: np.sqrt(self._mean(part)), deviations))

    def _mean(self, outputs: NumpyArray) -> NumpyArray:
        if self.weights is None:
            return np.asarray(outputs.mean(axis=0))
        return np.tensordot(self.weights.astype(outputs.dtype), outputs, 1)

    def to_model(self, name: str = "ensemble") -> Model:
        """Return one model that computes the mean of the outputs.

        The result can be saved and exported like any other model, and evaluated after it has been compiled. It shares
        its weights with the ensemble's models.

        Args:
            name (str): Name of the new model. Default: ``"ensemble"``.

        Returns:
            Model: A functional model. It is not compiled.

        Raises:
            InvalidArgument: If a model has more than one input or output.

        Example:
            >>> import fitwell as fw
            >>> models = [fw.Sequential([fw.Input((3,)), fw.layers.Dense(2)]) for _ in range(5)]
            >>> ensemble = Ensemble(models).to_model()
            >>> ensemble.output_shape
            (None, 2)
        """
        shapes = self.models[0].input_shape
        if not isinstance(shapes, tuple):
            raise InvalidArgument("to_model: expected models with one input and one output")
        inputs = layers.Input(shapes[1:], name="inputs")
        if len(self.models) == 1:
            return Model(inputs, self.models[0](inputs), name=name)
        # The members of a population have the same name, but a model's layers need different names.
        members = [
            Sequential([layers.Input(shapes[1:]), model], name=f"member_{number}")
            for number, model in enumerate(self.models)
        ]
        outputs = [member(inputs) for member in members]
        if self.weights is None:
            return Model(inputs, layers.Average(name="mean")(outputs), name=name)
        weighted = [
            layers.Rescaling(float(weight), name=f"weight_{number}")(output)
            for number, (weight, output) in enumerate(zip(self.weights, outputs, strict=True))
        ]
        return Model(inputs, layers.Add(name="mean")(weighted), name=name)

    def __len__(self) -> int:
        return len(self.models)


def _normalize_weights(weights: Sequence[float] | NumpyArray | None, count: int) -> NumpyArray | None:
    if weights is None:
        return None
    numbers = np.asarray(weights, np.float64)
    if (
        numbers.shape != (count,)
        or not np.isfinite(numbers).all()
        or (numbers < 0).any()
        or not numbers.any()
    ):
        raise InvalidArgument(
            f"Ensemble: weights must be {count} numbers >= 0 that are not all 0, one per model, got {weights!r}"
        )
    return None if (numbers == numbers[0]).all() else numbers / numbers.sum()


def predict_all(groups: Sequence[Sequence[Model]], x: PyTree, batch_size: int | None) -> PyTree:
    """Predict with all models, and return their outputs as arrays ``[models, rows, ...]``.

    Args:
        groups: Groups of models with the same structure. Within a group, all models share the first model's program.
        x: The inputs.
        batch_size: The number of rows per step, or None for the default.

    Returns:
        The outputs, in the order of the groups and their models.
    """
    names = groups[0][0].input_names
    if (
        not names or len(names) == 1
    ):  # pack only once, but not for multiple inputs, whose names may differ between models
        x = standardize_inputs(x, names)
    firsts = [group[0].predict(x, batch_size) for group in groups]
    outputs: list[Any] = []
    device = devices.current_device()

    def predict(model: Model) -> Any:
        with devices.use_device(device):  # threads do not inherit the default device
            return model.predict(x, batch_size)

    with ThreadPoolExecutor(cpu_count(), "fitwell-predict") as pool:
        for group, first in zip(groups, firsts, strict=True):
            for model in group[1:]:
                model._forward_pass.share(group[0]._forward_pass)
            outputs += [first, *pool.map(predict, group[1:])]
    shapes = {str(jax.tree.map(np.shape, output)) for output in outputs}
    if len(shapes) > 1:
        raise InvalidArgument(
            f"predict: the models' outputs have different shapes, {' and '.join(sorted(shapes))}; call predict on "
            "each model instead, for example population.member(0).predict(x)"
        )
    return jax.tree.map(lambda *parts: np.stack(parts), *outputs)


def average_out_of_fold(
    models: Sequence[Model], x: PyTree, folds: Sequence[Fold], batch_size: int | None
) -> PyTree:
    """Predict each row with the models that were validated on it, and average these predictions.

    `models` contains one model per fold for each setting and seed, and the folds vary fastest.

    The result is ``[settings * seeds, rows, ...]``, with NaN for rows that no model was validated on.
    """
    validated = [fold.validation for fold in folds if fold.validation.size]

    def predict(models: Sequence[Model]) -> PyTree:
        predictions = [
            model.predict(
                jax.tree.map(lambda leaf, rows=fold.validation: np.asarray(leaf)[rows], x), batch_size, 0
            )
            for model, fold in zip(models, folds, strict=True)
            if fold.validation.size
        ]
        return jax.tree.map(lambda *parts: _mean_by_row(parts, validated, x), *predictions)

    outputs = [predict(models[start : start + len(folds)]) for start in range(0, len(models), len(folds))]
    return jax.tree.map(lambda *parts: np.stack(parts), *outputs)


def _mean_by_row(parts: Sequence[NumpyArray], rows: Sequence[RowIndices], x: PyTree) -> NumpyArray:
    num_rows = len(jax.tree.leaves(x)[0])
    totals = np.zeros((num_rows, *parts[0].shape[1:]), parts[0].dtype)
    counts = np.zeros((num_rows,) + (1,) * (parts[0].ndim - 1), parts[0].dtype)
    for part, indices in zip(parts, rows, strict=True):
        totals[indices] += part
        counts[indices] += 1
    return np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)
