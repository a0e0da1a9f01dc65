"""Hypermodels, which are objects that build models."""

from __future__ import annotations

from typing import Any

from fitwell.models.model import Model
from fitwell.tuner.hyperparameters import HyperParameters
from fitwell.tuner.search_space import get_build_function

__all__ = ["FunctionHyperModel", "HyperModel"]


class HyperModel:
    """Base class for objects that build a model. Subclasses override `build`.

    Example:
        >>> import fitwell as fw
        >>> class Small(fw.tuner.HyperModel):
        ...     def build(self, hp):
        ...         model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(hp.Int("units", 4, 32))])
        ...         model.compile("sgd", "mse")
        ...         return model
        >>> Small().build(fw.tuner.HyperParameters()).output_shape
        (None, 4)

    Source: KerasTuner `HyperModel`.
    """

    def build(self, hp: HyperParameters) -> Model:
        """Build and return a compiled model, using hyperparameters from `hp`."""
        raise NotImplementedError(
            f"{type(self).__name__}.build(hp) must be implemented and return a compiled model"
        )


class FunctionHyperModel(HyperModel):
    """A hypermodel that wraps a build function, so that ``tuner.hypermodel.build(hp)`` always works."""

    def __init__(self, build: Any) -> None:
        self.build = get_build_function(build)  # type: ignore[method-assign]
