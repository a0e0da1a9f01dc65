"""Predictions of several models, their mean and their spread."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np

from fitwell._engine import devices
from fitwell._engine.devices import cpu_count
from fitwell._typing import PyTree
from fitwell.errors import InvalidArgument
from fitwell.models.data_adapters import standardize_inputs
from fitwell.models.model import Model

__all__ = ["Ensemble", "Prediction", "predict_all"]


class Prediction(NamedTuple):
    """Prediction of an ensemble.

    Attributes:
        mean: Mean of the outputs of the models, with the structure and shape of the outputs of one model. The
            mean of probabilities consists of probabilities.
        spread: Standard deviation of the outputs (dividing by n), large where the models disagree.
    """

    mean: PyTree
    spread: PyTree


class Ensemble:
    """Several models as one predictor.

    Averaging models that differ in the seed removes the part of the error that is due to the initial weights.

    Args:
        models (Sequence[Model]): Models with the same outputs.

    Source: Lakshminarayanan et al. (2017), *Simple and scalable predictive uncertainty estimation using deep
    ensembles*.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        self.models = list(models)

    def predict(self, x: PyTree, batch_size: int | None = None) -> Prediction:
        """Return the mean and the spread of the outputs.

        Args:
            x (Array | pytree): Inputs, `[rows, ...]`.
            batch_size (int | None): Rows per step. Default: None, see `Model.predict`.

        Returns:
            Prediction: `mean` and `spread`, each `[rows, ...]`.
        """
        outputs = predict_all([[model] for model in self.models], x, batch_size)
        return Prediction(
            jax.tree.map(lambda part: part.mean(axis=0), outputs),
            jax.tree.map(lambda part: part.std(axis=0), outputs),
        )

    def __len__(self) -> int:
        return len(self.models)


def predict_all(groups: Sequence[Sequence[Model]], x: PyTree, batch_size: int | None) -> PyTree:
    """Return the outputs of all models, in order: ``[models, rows, ...]``.

    groups: models with the same structure; the first model of a group compiles for the others.
    """
    names = groups[0][0].input_names
    if not names or len(names) == 1:  # pack once; models with several inputs have different input names
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
            f"predict: the members have outputs of different shapes, {' and '.join(sorted(shapes))}; call "
            "population.member(i).predict(x) for each"
        )
    return jax.tree.map(lambda *parts: np.stack(parts), *outputs)
