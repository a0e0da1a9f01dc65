"""The deprecated methods of models, and deprecated arguments that have no effect."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fitwell._deprecation import warn_deprecated
from fitwell._history import History
from fitwell.errors import UnexpectedArgument, did_you_mean

__all__ = [
    "DeprecatedMethods",
    "check_deprecated_arguments",
]

# Options that controlled prefetching in earlier versions of Keras. In fitwell, one thread always prefetches batches, so
# these options have no effect.
_PREFETCH_ARGUMENTS = ("max_queue_size", "workers", "use_multiprocessing")


def check_deprecated_arguments(call: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Warn that deprecated arguments of `call` have no effect.

    Args:
        call: The function that was called.
        arguments: The unknown keyword arguments. `UnexpectedArgument` is raised for any that is not deprecated.
    """
    name = call.__name__
    for argument in arguments:
        if argument not in _PREFETCH_ARGUMENTS:
            parameters = inspect.signature(call).parameters.values()
            known = [p.name for p in parameters if p.name != "self" and p.kind != p.VAR_KEYWORD]
            raise UnexpectedArgument(
                f"{name} has no argument {argument!r}{did_you_mean(argument, known) or '.'} "
                f"Its arguments are {', '.join(known)}."
            )
        warn_deprecated(
            f"{name}({argument}=...)", f"{name} without it, because one thread always prefetches batches"
        )


def _without_prefetch_arguments(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in _PREFETCH_ARGUMENTS}


class DeprecatedMethods:
    """The deprecated methods of `Model`.

    Each one that has a replacement warns once and says what to use instead.
    """

    fit: Callable[..., History]
    evaluate: Callable[..., Any]
    predict: Callable[..., Any]

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> np.ndarray:
        """Return the most likely class of each row.

        For a single sigmoid unit, the class is 1 if the output is above 0.5, and 0 otherwise.
        """
        warn_deprecated(
            "predict_classes(x)", "predict(x).argmax(axis=-1), or predict(x) > 0.5 for a single sigmoid unit"
        )
        probabilities = self.predict(x, batch_size=batch_size, verbose=verbose)
        if probabilities.shape[-1] > 1:
            return np.asarray(probabilities.argmax(axis=-1))
        return np.asarray(probabilities > 0.5).astype("int32")

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> Any:
        """Return the result of `predict`, which contains probabilities if the last layer returns them."""
        warn_deprecated("predict_proba(x)", "predict(x)")
        return self.predict(x, batch_size=batch_size, verbose=verbose)

    def reset_metrics(self) -> None:
        """Do nothing. As in Keras 3.15, `train_on_batch` and `test_on_batch` do not accumulate metrics."""
        # Keras 2: training loops called this method to keep metrics from accumulating over batches.

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        **settings: Any,
    ) -> History:
        """Train on the batches of a generator by calling `fit` with the generator as `x`.

        Args:
            generator: A generator of batches.
            steps_per_epoch: Number of batches per epoch.
            epochs: The number of the last epoch, counted from 1.
            **settings: Further arguments of `fit`, and prefetching options such as `workers`, which have no
                effect.
        """
        warn_deprecated("fit_generator(generator, ...)", "fit(generator, ...)")
        return self.fit(
            generator, steps_per_epoch=steps_per_epoch, epochs=epochs, **_without_prefetch_arguments(settings)
        )

    def evaluate_generator(
        self,
        generator: Any,
        steps: int | None = None,
        **settings: Any,
    ) -> Any:
        """Evaluate the model on the batches of a generator by calling `evaluate` with the generator as `x`.

        Args:
            generator: A generator of batches.
            steps: Number of batches, or None for all of them.
            **settings: Further arguments of `evaluate`, and prefetching options such as `workers`, which have no
                effect.
        """
        warn_deprecated("evaluate_generator(generator, ...)", "evaluate(generator, ...)")
        return self.evaluate(generator, steps=steps, **_without_prefetch_arguments(settings))

    def predict_generator(
        self,
        generator: Any,
        steps: int | None = None,
        **settings: Any,
    ) -> Any:
        """Return the outputs for the batches of a generator by calling `predict` with the generator as `x`.

        Args:
            generator: A generator of batches.
            steps: Number of batches, or None for all of them.
            **settings: Further arguments of `predict`, and prefetching options such as `workers`, which have no
                effect.
        """
        warn_deprecated("predict_generator(generator, ...)", "predict(generator, ...)")
        return self.predict(generator, steps=steps, **_without_prefetch_arguments(settings))
