"""The wrappers' base class, which handles parameters, fitting and pickling."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from fitwell._registry import format_call
from fitwell._typing import NumpyArray
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.estimators.validation import check_sample_weight, check_unchanged
from fitwell.models import Model
from fitwell.population.members import require_compiled_model

__all__ = [
    "BaseWrapper",
]

_NON_SETTINGS = ("self", "x", "y", "sample_weight", "deprecated")
_FIT_ARGUMENTS = [name for name in inspect.signature(Model.fit).parameters if name not in _NON_SETTINGS]
_PREDICT_ARGUMENTS = [
    name for name in inspect.signature(Model.predict).parameters if name not in _NON_SETTINGS
]


class BaseWrapper(BaseEstimator):  # type: ignore[misc]
    """Base class of `KerasClassifier` and `KerasRegressor`. It wraps a model-building function."""

    def __init__(self, build_fn: Callable[..., Model] | None = None, **settings: Any) -> None:
        self._check_setting_names(build_fn, settings)
        self.build_fn = build_fn
        self._settings = settings

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Show the build function's name instead of its address, which changes in every process."""
        return format_call(type(self).__name__, self.get_params().items())

    # --- parameters --------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the estimator's parameters.

        Args:
            deep (bool): Ignored, but required by scikit-learn. Default: True.

        Returns:
            dict[str, Any]: The build function under the key ``"build_fn"``, and all settings.
        """
        return {"build_fn": self.build_fn, **self._settings}

    def set_params(self, **params: Any) -> BaseWrapper:
        """Set arguments for the build function or for `fit`.

        Args:
            **params (Any): New values. ``build_fn`` replaces the build function.

        Returns:
            BaseWrapper: The estimator.

        Raises:
            InvalidArgument: if a name is an argument of neither the build function nor `fit`.
        """
        settings = {**self._settings, **params}
        build_fn = settings.pop("build_fn", self.build_fn)
        self._check_setting_names(build_fn, settings)
        self.build_fn, self._settings = build_fn, settings
        return self

    def _check_setting_names(self, build_fn: Any, settings: Iterable[str]) -> None:
        if not callable(build_fn) or isinstance(build_fn, Model) or _accepts_kwargs(build_fn):
            return  # `fit` rejects a build_fn that is not a function, as scikit-learn requires
        own = list(inspect.signature(build_fn).parameters)
        for name in settings:
            if name not in [*own, *_FIT_ARGUMENTS]:
                raise InvalidArgument(
                    f"{type(self).__name__} has no argument "
                    f"{name!r}{did_you_mean(name, [*own, *_FIT_ARGUMENTS]) or '.'} "
                    f"The build function takes {', '.join(own) or 'no arguments'}; "
                    f"fit takes {', '.join(_FIT_ARGUMENTS)}."
                )

    def _build(self) -> Model:
        if not callable(self.build_fn) or isinstance(self.build_fn, Model):
            raise InvalidArgument(
                f"{type(self).__name__}: build_fn must be a function that returns a compiled model, "
                f"got {self.build_fn!r}"
                + ("; pass the function as build_fn, not as model" if "model" in self._settings else "")
            )
        if _accepts_kwargs(self.build_fn):
            arguments = {name: value for name, value in self._settings.items() if name not in _FIT_ARGUMENTS}
        else:
            arguments = self._settings_for(inspect.signature(self.build_fn).parameters)
        model = require_compiled_model(self.build_fn(**arguments), f"{type(self).__name__}: build_fn")
        self._built_with = self.build_fn, self._settings
        return model

    def _check_build_unchanged(self) -> None:
        """Check that the build function and its arguments have not changed since the model was built."""
        build_fn, settings = self._built_with
        then, now = {"build_fn": build_fn, **settings}, self.get_params()
        check_unchanged(sorted({*then, *now} - {*_FIT_ARGUMENTS}), then, now, "the model was built")

    def _settings_for(self, names: Iterable[str]) -> dict[str, Any]:
        return {name: self._settings[name] for name in names if name in self._settings}

    # --- training and predicting --------------------------------------------------------------------------

    @property
    def model(self) -> Model:
        """The fitted `Model`. Reading it before `fit` raises `sklearn.exceptions.NotFittedError`."""
        check_is_fitted(self)
        return self.model_

    def _check_rows(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True
    ) -> tuple[NumpyArray, Any, Any]:
        X, y = validate_data(self, X, y, allow_nd=True, multi_output=True, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        weights = check_sample_weight(sample_weight, len(X))
        self._row_shape = X.shape[1:]
        return X, y, weights

    def _fit(self, X: NumpyArray, targets: Any, weights: Any, arguments: dict[str, Any]) -> None:
        for name in arguments:
            if name not in _FIT_ARGUMENTS:
                raise InvalidArgument(f"fit has no argument {name!r}{did_you_mean(name, _FIT_ARGUMENTS)}")
        settings = {"verbose": 0, **self._settings_for(_FIT_ARGUMENTS), **arguments}
        self.history_ = self.model_.fit(X, targets, sample_weight=weights, **settings)

    def _check_inputs(self, X: Any) -> NumpyArray:
        check_is_fitted(self)
        return validate_data(self, X, reset=False, allow_nd=True)

    def _outputs(self, X: Any, arguments: dict[str, Any]) -> NumpyArray:
        X = self._check_inputs(X)
        return np.asarray(self.model_.predict(X, **{**self._settings_for(_PREDICT_ARGUMENTS), **arguments}))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = (
            True  # initial weights are random unless fitwell.utils.set_random_seed is used
        )
        return tags

    # --- pickling ----------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        model = state.pop("model_", None)
        if model is not None:
            state["_weights"] = model.get_weights()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = state.pop("_weights", None)
        super().__setstate__(state)
        if weights is not None:
            # Parameters that were set after `fit` apply only to the next `fit`.
            set_since = self.build_fn, self._settings
            self.build_fn, self._settings = self._built_with
            self.model_ = self._build()
            self.build_fn, self._settings = set_since
            self.model_._output_specs(np.zeros((1, *self._row_shape), np.float32))
            self.model_.set_weights(weights)


def _accepts_kwargs(function: Callable[..., Any]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
