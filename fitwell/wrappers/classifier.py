"""`KerasClassifier`: a build function as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from fitwell import losses
from fitwell.errors import DataError, InvalidArgument
from fitwell.models import Model
from fitwell.utils import to_categorical
from fitwell.wrappers.base import BaseWrapper

_TAKES_CLASS_NUMBERS = (losses.SparseCategoricalCrossentropy, losses.LossFunctionWrapper)
_LOOKS_AT_EACH_OUTPUT = (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)


class KerasClassifier(ClassifierMixin, BaseWrapper):  # type: ignore[misc]
    """A model that tells classes apart, as a scikit-learn estimator.

    Labels of any kind become class numbers, one-hot rows where the loss compares all outputs, or 0 and 1 for
    a single sigmoid unit. One-hot labels stay as they are; their classes are the numbers of the columns. So do
    rows of zeros and ones with any number of ones, several labels a row; predictions have the same form then.

    Parameters
    ----------
    build_fn: a function that returns a compiled model with one unit per class, or one unit for two classes.
    settings: arguments of that function, and of `Model.fit` (``epochs=20``), by name. All are parameters in
        scikit-learn's sense: a search may vary them. ``class_weight`` is a factor by label, or ``"balanced"``.

    `fit` takes the other arguments of `Model.fit` too; labels in ``validation_data`` are of the same kind.
    ``score`` is the accuracy. A pickle holds the weights and rebuilds the model with the same function; the
    optimizer's memory is left out, so `partial_fit` goes on with a fresh one.

    Attributes: classes_, model (also model_), history_, n_features_in_. Differs from Keras: `fit` returns the
    estimator.
    """

    def __init__(self, build_fn: Callable[..., Model] | None = None, **settings: Any) -> None:
        super().__init__(build_fn, **settings)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> KerasClassifier:
        """Build a fresh model and train it; `settings` go to `Model.fit`."""
        X, y, weights = self._check_rows(X, y, sample_weight)
        self._learn_classes(y)
        self._begin(X)
        self._fit(X, self._targets(y), weights, self._by_number(settings, y))
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, **settings: Any
    ) -> KerasClassifier:
        """Train for one epoch on some rows: a fresh model at the first call, later the one there is.

        classes: all labels there will ever be; needed at the first call, except for rows of zeros and ones.
        """
        first = not hasattr(self, "model_")
        X, y, weights = self._check_rows(X, y, sample_weight, reset=first)
        if first:
            if y.ndim == 1 and classes is None:
                raise InvalidArgument(
                    "partial_fit: give all labels there will be at the first call, classes=np.unique(all_labels)"
                )
            self._learn_classes(np.asarray(classes) if y.ndim == 1 else y)
            self._begin(X)
        elif classes is not None and y.ndim == 1 and not np.array_equal(np.unique(classes), self.classes_):
            raise InvalidArgument(
                f"partial_fit: classes were {self.classes_.tolist()} at the first call and cannot become "
                f"{np.unique(classes).tolist()}; fit anew for others"
            )
        else:
            self._check_still_built_so()
        settings = {"epochs": 1, **self._settings_for(["class_weight"]), **settings}
        if isinstance(settings.get("class_weight"), str):
            raise InvalidArgument(
                "partial_fit: class_weight='balanced' would need all rows; give weights by class or sample_weight"
            )
        self._fit(X, self._targets(y), weights, self._by_number(settings, y))
        return self

    def _begin(self, X: NDArray[Any]) -> None:
        model = self._build()
        self._width = model.output_structs(X[:1])[0].shape[-1]
        if len(self.classes_) != max(self._width, 2):
            raise DataError(
                f"KerasClassifier: the labels are of {len(self.classes_)} classes, but the model has {self._width} "
                "outputs: it needs one for each class, or a single sigmoid unit for two"
            )
        self.model_ = model

    def _by_number(self, settings: dict[str, Any], y: NDArray[Any]) -> dict[str, Any]:
        """Return settings of `Model.fit` in which class numbers stand for labels."""
        settings = {**self._settings_for(["class_weight", "validation_data"]), **settings}
        if settings.get("class_weight") is not None:
            settings["class_weight"] = self._weights_by_number(settings["class_weight"], y)
        if settings.get("validation_data") is not None:
            rows, labels, *rest = settings["validation_data"]
            settings["validation_data"] = (rows, self._targets(np.asarray(labels)), *rest)
        return settings

    def predict_proba(self, X: Any, **settings: Any) -> NDArray[Any]:
        """Return the outputs for every class, ``[rows, classes]``; p of a single unit becomes ``[1 - p, p]``.

        Logits (a loss with ``from_logits=True``) become probabilities; outputs from -1 to 1 (hinge losses for two
        classes) are moved to between 0 and 1.
        """
        outputs = self._outputs(X, settings)
        loss = losses.get(self.model_.loss)
        if getattr(loss, "from_logits", False):
            outputs = expit(outputs) if isinstance(loss, _LOOKS_AT_EACH_OUTPUT) else softmax(outputs, axis=1)
        elif isinstance(loss, losses.Hinge | losses.SquaredHinge):
            outputs = (1 + outputs) / 2
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def predict(self, X: Any, **settings: Any) -> NDArray[Any]:
        """Return the label with the largest output, or every label more probable than not."""
        probabilities = self.predict_proba(X, **settings)
        if self._has_several_labels:
            return (probabilities > 0.5).astype(int)
        labels: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def score(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> float:
        """Return the accuracy; labels may be one-hot rows here too. `settings` go to `predict`."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1 and not self._has_several_labels:
            y = y.argmax(axis=1)
        return float(accuracy_score(y, self.predict(X, **settings), sample_weight=sample_weight))

    # --- labels ------------------------------------------------------------------------------------------

    def _learn_classes(self, y: NDArray[Any]) -> None:
        check_classification_targets(y)
        if type_of_target(y) == "multiclass-multioutput":
            raise DataError(
                "KerasClassifier: several columns of labels must be zeros and ones, a column for each class"
            )
        is_matrix = y.ndim == 2 and y.shape[1] > 1
        self._has_several_labels = is_matrix and bool((y.sum(axis=1) != 1).any())
        self.classes_ = np.arange(y.shape[1]) if is_matrix else np.unique(y)

    def _numbers(self, y: NDArray[Any]) -> NDArray[Any]:
        labels = y.ravel()
        unknown = set(labels.tolist()) - set(self.classes_.tolist())
        if unknown:
            raise DataError(f"labels {sorted(unknown)} are not among those of fit: {self.classes_.tolist()}")
        return np.searchsorted(self.classes_, labels)

    def _targets(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return labels as the model's loss wants them."""
        if y.ndim == 2 and y.shape[1] > 1:
            return y
        numbers = self._numbers(y)
        takes_numbers = isinstance(losses.get(self.model_.loss), _TAKES_CLASS_NUMBERS)
        if self._width > 1 and not takes_numbers:
            return to_categorical(numbers, self._width)
        return numbers.astype(np.float32 if self._width == 1 else np.int32)

    def _weights_by_number(self, weights: Any, y: NDArray[Any]) -> dict[int, float]:
        if self._has_several_labels:
            raise InvalidArgument(
                "KerasClassifier: class_weight is for one label a row; give sample_weight instead"
            )
        if y.ndim == 2 and y.shape[1] > 1:
            y = y.argmax(axis=1)
        factors = compute_class_weight(weights, classes=self.classes_, y=y.ravel())
        return {number: float(factor) for number, factor in enumerate(factors)}
