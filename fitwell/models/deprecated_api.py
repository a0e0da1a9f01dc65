"""Deprecated methods and arguments of models, in terms of current ones."""

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

# Options of earlier versions for loading batches in advance, which one thread always does here. No result depends
# on them.
_PREFETCH_ARGUMENTS = ("max_queue_size", "workers", "use_multiprocessing")


def check_deprecated_arguments(call: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Warn about deprecated arguments of `call` that have no effect; raise `UnexpectedArgument` for all others."""
    name = call.__name__
    for argument in given:
        if argument not in _PREFETCH_ARGUMENTS:
            parameters = inspect.signature(call).parameters.values()
            known = [p.name for p in parameters if p.name != "self" and p.kind != p.VAR_KEYWORD]
            raise UnexpectedArgument(
                f"{name} has no argument {argument!r}{did_you_mean(argument, known) or '.'} It has {', '.join(known)}."
            )
        warn_deprecated(
            f"{name}({argument}=...)", f"{name} without it: one thread always loads batches in advance"
        )


def _without_prefetch_arguments(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in _PREFETCH_ARGUMENTS}


class DeprecatedMethods:
    """Deprecated methods of `Model`; each one that has a replacement warns once and names it."""

    fit: Callable[..., History]
    evaluate: Callable[..., Any]
    predict: Callable[..., Any]

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> np.ndarray:
        """Return the most likely class of each row; 0 or 1 for a single sigmoid unit, with the threshold 0.5."""
        warn_deprecated(
            "predict_classes(x)", "predict(x).argmax(axis=-1), or predict(x) > 0.5 for a single sigmoid unit"
        )
        probabilities = self.predict(x, batch_size=batch_size, verbose=verbose)
        if probabilities.shape[-1] > 1:
            return np.asarray(probabilities.argmax(axis=-1))
        return np.asarray(probabilities > 0.5).astype("int32")

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> Any:
        """Return the result of `predict`: probabilities if the last layer returns them."""
        warn_deprecated("predict_proba(x)", "predict(x)")
        return self.predict(x, batch_size=batch_size, verbose=verbose)

    def reset_metrics(self) -> None:
        """Do nothing. As in Keras 3.15, `train_on_batch` and `test_on_batch` return the values of their batch alone."""
        # Keras 2: loops over batches called it so that metrics did not continue from batch to batch.

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        **settings: Any,
    ) -> History:
        """Train on the batches of a generator: `fit` with the generator as `x`.

        settings: other arguments of `fit`, and options for loading in advance (`workers`), which have no effect.
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
        """Return `evaluate` on the batches of a generator; see `fit_generator` for the arguments."""
        warn_deprecated("evaluate_generator(generator, ...)", "evaluate(generator, ...)")
        return self.evaluate(generator, steps=steps, **_without_prefetch_arguments(settings))

    def predict_generator(
        self,
        generator: Any,
        steps: int | None = None,
        **settings: Any,
    ) -> Any:
        """Return `predict` for the batches of a generator; see `fit_generator` for the arguments."""
        warn_deprecated("predict_generator(generator, ...)", "predict(generator, ...)")
        return self.predict(generator, steps=steps, **_without_prefetch_arguments(settings))
