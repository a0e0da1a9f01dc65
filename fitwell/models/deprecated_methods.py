"""Methods that models had in earlier years, in terms of today's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fitwell._deprecation import warn_deprecated
from fitwell._history import History
from fitwell.errors import UnexpectedArgument, did_you_mean

# How earlier versions read batches ahead, which no result depends on; here one thread always does.
_PREFETCH_ARGUMENTS = ("max_queue_size", "workers", "use_multiprocessing")


def check_deprecated_arguments(call: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Warn of arguments that `call` had in earlier years and that change nothing; refuse all others."""
    name = call.__name__
    for argument in given:
        if argument not in _PREFETCH_ARGUMENTS:
            known = [known for known in inspect.signature(call).parameters if known not in ("self", "older")]
            raise UnexpectedArgument(
                f"{name} has no argument {argument!r}{did_you_mean(argument, known) or '.'} It has {', '.join(known)}."
            )
        warn_deprecated(f"{name}({argument}=...)", f"{name} without it: a thread always reads batches ahead")


def _without_prefetch_arguments(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in _PREFETCH_ARGUMENTS}


class DeprecatedMethods:
    """What a `Model` also understands; each method that has a name of today warns once, naming that."""

    fit: Callable[..., History]
    evaluate: Callable[..., Any]
    predict: Callable[..., Any]

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> np.ndarray:
        """Return the most likely class of every row; 0 or 1 for a single sigmoid unit, split above 0.5."""
        warn_deprecated(
            "predict_classes(x)", "predict(x).argmax(axis=-1), or predict(x) > 0.5 for a single sigmoid unit"
        )
        probabilities = self.predict(x, batch_size=batch_size, verbose=verbose)
        if probabilities.shape[-1] > 1:
            return np.asarray(probabilities.argmax(axis=-1))
        return np.asarray(probabilities > 0.5).astype("int32")

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> Any:
        """Return `predict`: the probabilities, when the last layer gives such."""
        warn_deprecated("predict_proba(x)", "predict(x)")
        return self.predict(x, batch_size=batch_size, verbose=verbose)

    def reset_metrics(self) -> None:
        """Do nothing: `train_on_batch` and `test_on_batch` return the values of their batch alone, as in Keras 3.15.

        In earlier versions of Keras, loops over batches call it so that metrics do not go on from batch to batch.
        """

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        **settings: Any,
    ) -> History:
        """Train on the batches of a generator: `fit` with the generator as `x`.

        settings: other arguments of `fit`, and hints about reading ahead (`workers`), which change nothing.
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
        """Return `evaluate` of the batches of a generator; for the arguments see `fit_generator`."""
        warn_deprecated("evaluate_generator(generator, ...)", "evaluate(generator, ...)")
        return self.evaluate(generator, steps=steps, **_without_prefetch_arguments(settings))

    def predict_generator(
        self,
        generator: Any,
        steps: int | None = None,
        **settings: Any,
    ) -> Any:
        """Return `predict` for the batches of a generator; for the arguments see `fit_generator`."""
        warn_deprecated("predict_generator(generator, ...)", "predict(generator, ...)")
        return self.predict(generator, steps=steps, **_without_prefetch_arguments(settings))
