"""`KerasClassifier`, which wraps a model-building function as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from fitwell import losses
from fitwell._typing import NumpyArray
from fitwell.errors import DataError, InvalidArgument
from fitwell.models import Model
from fitwell.utils import to_categorical
from fitwell.wrappers.base import BaseWrapper

__all__ = [
    "KerasClassifier",
]

_SPARSE_LOSSES = (losses.SparseCategoricalCrossentropy, losses.LossFunctionWrapper)
_BINARY_LOSSES = (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)


class KerasClassifier(ClassifierMixin, BaseWrapper):  # type: ignore[misc]
    """A scikit-learn classifier that wraps a function that builds a compiled model.

    Labels of any type are encoded as the loss requires: as class indices, as one-hot rows for losses that compare
    all outputs, or as 0 and 1 for a single sigmoid unit. One-hot rows are used unchanged, with the column
    indices as classes. In a 0/1 matrix whose rows may contain any number of ones, each column is a
    label that a row either has or does not have, and predictions are 0/1 matrices too.

    A pickle contains the weights, and loading it rebuilds the model with the same function. It does not
    contain the optimizer state, so `partial_fit` continues with a new state.

    Args:
        build_fn (Callable[..., Model]): Function that returns a compiled model with one unit per class, or a
            single unit for two classes.
        **settings (Any): Arguments for `build_fn` and `Model.fit` (such as ``epochs=20``). Each is an
            estimator parameter, so a search can vary it. ``class_weight`` is a dict that maps labels to
            weights, or ``"balanced"``.

    Attributes:
        classes_ (ndarray): Class labels, ``[classes]``.
        model_ (Model): The fitted model, which is also available as `model`.
        history_ (History): History of the last `fit`.
        n_features_in_ (int): Number of input features.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from fitwell import Sequential, layers
        >>> def build(width=8):
        ...     model = Sequential([layers.Dense(width, "relu"), layers.Dense(3, "softmax")])
        ...     model.compile("nadam", "sparse_categorical_crossentropy")
        ...     return model
        >>> X, y = load_iris(return_X_y=True)
        >>> KerasClassifier(build, width=4, epochs=2).fit(X, y).predict_proba(X[:2]).shape
        (2, 3)

    Source: `tf.keras.wrappers.scikit_learn.KerasClassifier`. Differs from Keras: `fit` returns the estimator.
    """

    def __init__(self, build_fn: Callable[..., Model] | None = None, **settings: Any) -> None:
        super().__init__(build_fn, **settings)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> KerasClassifier:
        """Build a new model and train it.

        Args:
            X (array): Inputs, ``[rows, ...]``.
            y (array): Labels, ``[rows]``, or a matrix ``[rows, classes]`` whose rows are one-hot or contain any
                number of ones.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.
            **settings (Any): Additional arguments for `Model.fit`, which override the estimator's settings.
                Labels in ``validation_data`` must have the same form as `y`.

        Returns:
            KerasClassifier: The fitted estimator.

        Raises:
            InvalidArgument: if `build_fn` does not return a compiled model, or if `Model.fit` does not accept
                one of the arguments.
            DataError: if the number of classes does not match the model's outputs.
        """
        X, y, weights = self._check_rows(X, y, sample_weight)
        self._find_classes(y)
        self._build_checked(X)
        self._fit(X, self._encode_targets(y), weights, self._encode_settings(settings, y))
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, **settings: Any
    ) -> KerasClassifier:
        """Train for one epoch on a chunk of rows. The first call builds the model.

        Args:
            X (array): Inputs, ``[rows, ...]``.
            y (array): Labels, ``[rows]``, or a matrix ``[rows, classes]`` whose rows are one-hot or contain any
                number of ones.
            classes (array | None): All labels that may occur in any call. The first call requires it unless
                `y` has a column per class. Default: None.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.
            **settings (Any): Additional arguments for `Model.fit`.

        Returns:
            KerasClassifier: The estimator.

        Raises:
            InvalidArgument: if `classes` is missing or changed, or an argument of `build_fn` changed.
        """
        first = not hasattr(self, "model_")
        X, y, weights = self._check_rows(X, y, sample_weight, reset=first)
        if first:
            if y.ndim == 1 and classes is None:
                raise InvalidArgument(
                    "partial_fit: the first call requires all labels; pass classes=np.unique(all_labels)"
                )
            self._find_classes(np.asarray(classes) if y.ndim == 1 else y)
            self._build_checked(X)
        elif classes is not None and y.ndim == 1 and not np.array_equal(np.unique(classes), self.classes_):
            raise InvalidArgument(
                f"partial_fit: classes were {self.classes_.tolist()} at the first call and cannot become "
                f"{np.unique(classes).tolist()}; call fit to start over with different classes"
            )
        else:
            self._check_build_unchanged()
        settings = {"epochs": 1, **self._settings_for(["class_weight"]), **settings}
        if isinstance(settings.get("class_weight"), str):
            raise InvalidArgument(
                "partial_fit: class_weight='balanced' needs all rows at once; set class_weight to a dict with a "
                "weight for each class, or pass sample_weight"
            )
        self._fit(X, self._encode_targets(y), weights, self._encode_settings(settings, y))
        return self

    def _build_checked(self, X: NumpyArray) -> None:
        model = self._build()
        self._width = model._output_specs(X[:1])[0].shape[-1]
        if len(self.classes_) != max(self._width, 2):
            raise DataError(
                f"KerasClassifier: the labels have {len(self.classes_)} "
                f"{'class' if len(self.classes_) == 1 else 'classes'}, but the model has {self._width} "
                f"{'output' if self._width == 1 else 'outputs'}; use one output for each class, or a single sigmoid "
                "unit for two classes"
            )
        self.model_ = model

    def _encode_settings(self, settings: dict[str, Any], y: NumpyArray) -> dict[str, Any]:
        """Return the arguments for `Model.fit`, with labels replaced by class indices."""
        settings = {**self._settings_for(["class_weight", "validation_data"]), **settings}
        if settings.get("class_weight") is not None:
            settings["class_weight"] = self._encode_class_weight(settings["class_weight"], y)
        if settings.get("validation_data") is not None:
            rows, labels, *rest = settings["validation_data"]
            settings["validation_data"] = (rows, self._encode_targets(np.asarray(labels)), *rest)
        return settings

    def predict_proba(self, X: Any, **settings: Any) -> NumpyArray:
        """Return the probability of every class.

        If the model has a single output p, the probabilities are ``[1 - p, p]``. Logits (for a loss with
        ``from_logits=True``) are converted to probabilities. For binary hinge losses, outputs are rescaled
        from [-1, 1] to [0, 1].

        Args:
            X (array): Inputs, ``[rows, ...]``.
            **settings (Any): Additional arguments for `Model.predict`.

        Returns:
            ndarray: The probabilities, ``[rows, classes]``.
        """
        outputs = self._outputs(X, settings)
        loss = losses.get(self.model_.loss)
        if getattr(loss, "from_logits", False):
            outputs = expit(outputs) if isinstance(loss, _BINARY_LOSSES) else softmax(outputs, axis=1)
        elif isinstance(loss, losses.Hinge | losses.SquaredHinge):
            outputs = (1 + outputs) / 2
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def predict(self, X: Any, **settings: Any) -> NumpyArray:
        """Return each row's most probable label, or, for multilabel data, all labels with a probability above 0.5.

        Args:
            X (array): Inputs, ``[rows, ...]``.
            **settings (Any): Additional arguments for `Model.predict`.

        Returns:
            ndarray: The labels, ``[rows]``, or an indicator matrix ``[rows, classes]``.
        """
        probabilities = self.predict_proba(X, **settings)
        if self._has_several_labels:
            return (probabilities > 0.5).astype(int)
        labels: NumpyArray = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def score(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> float:
        """Return the accuracy.

        Args:
            X (array): Inputs, ``[rows, ...]``.
            y (array): Labels in any form that `fit` accepts.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.
            **settings (Any): Additional arguments for `predict`.

        Returns:
            float: The fraction of correctly labeled rows, weighted by `sample_weight`.
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1 and not self._has_several_labels:
            y = y.argmax(axis=1)
        return float(accuracy_score(y, self.predict(X, **settings), sample_weight=sample_weight))

    # --- labels ------------------------------------------------------------------------------------------

    def _find_classes(self, y: NumpyArray) -> None:
        check_classification_targets(y)
        if type_of_target(y) == "multiclass-multioutput":
            raise DataError(
                "KerasClassifier: labels in multiple columns must be zeros and ones, with one column for each class"
            )
        is_matrix = y.ndim == 2 and y.shape[1] > 1
        self._has_several_labels = is_matrix and bool((y.sum(axis=1) != 1).any())
        self.classes_ = np.arange(y.shape[1]) if is_matrix else np.unique(y)

    def _encode_labels(self, y: NumpyArray) -> NumpyArray:
        labels = y.ravel()
        unknown = set(labels.tolist()) - set(self.classes_.tolist())
        if unknown:
            raise DataError(
                f"the labels {sorted(unknown)} are not among the labels passed to fit: {self.classes_.tolist()}"
            )
        return np.searchsorted(self.classes_, labels)

    def _encode_targets(self, y: NumpyArray) -> NumpyArray:
        """Encode labels in the form that the model's loss requires."""
        if y.ndim == 2 and y.shape[1] > 1:
            return y
        numbers = self._encode_labels(y)
        takes_numbers = isinstance(losses.get(self.model_.loss), _SPARSE_LOSSES)
        if self._width > 1 and not takes_numbers:
            return to_categorical(numbers, self._width)
        return numbers.astype(np.float32 if self._width == 1 else np.int32)

    def _encode_class_weight(self, weights: Any, y: NumpyArray) -> dict[int, float]:
        if self._has_several_labels:
            raise InvalidArgument(
                "KerasClassifier: class_weight requires a single label per row; pass sample_weight instead"
            )
        if y.ndim == 2 and y.shape[1] > 1:
            y = y.argmax(axis=1)
        factors = compute_class_weight(weights, classes=self.classes_, y=y.ravel())
        return {number: float(factor) for number, factor in enumerate(factors)}
