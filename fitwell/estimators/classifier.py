"""`MLPClassifier`: a dense network, or several, as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from fitwell.arguments import Instance, Options, Real, check
from fitwell.errors import DataError, InvalidArgument
from fitwell.estimators.base import BaseMLP

_CLASS_WEIGHT = (Instance((Mapping, list), "a dict") | Options("balanced") | None).said(
    "a dict, 'balanced' or None"
)


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """A multi-layer perceptron that classifies, in scikit-learn's form.

    Labels of any kind: two classes (one sigmoid output), several (softmax), or several labels a row as an
    indicator matrix (a sigmoid each). Inputs are best standardised first, in a pipeline.

    Parameters
    ----------
    hidden_layer_sizes: neurons of each hidden layer, ``(100,)``.
    activation: of the hidden layers: scikit-learn's names or any of `fitwell.activations`, ``"relu"``.
    solver: ``"adam"``, ``"sgd"`` (without scikit-learn's momentum: ``SGD(0.01, momentum=0.9, nesterov=True)`` has it)
        or any of `fitwell.optimizers`, by name or as an object, whose own learning rate is then used.
    alpha: L2 penalty on all kernels, 0.0001, as in scikit-learn: ``alpha / 2 Σ w²`` beside the sum of the log losses
        of a batch, in which a row of sample weight 2 is two rows.
    batch_size: ``"auto"`` is 200 rows, or all when there are fewer.
    learning_rate_init: step size, 0.001.
    max_iter: most epochs, 200.
    shuffle: whether every epoch visits the rows in a new order.
    random_state: a number makes weights, order, dropout and held-out rows the same every time.
    tol, n_iter_no_change: training stops when the loss has not fallen by `tol` for so many epochs.
    early_stopping: whether the loss of held-out rows is watched instead, and the best weights are kept.
    validation_fraction: of the rows held out for that, 0.1, classes in proportion.
    verbose: 1 shows progress.
    dropout: rate after each hidden layer, 0.
    batch_normalization: whether to normalise before each hidden activation.
    n_members: so many networks that differ in their seeds are trained as one program; their probabilities
        are averaged.
    class_weight: weights by class, or ``"balanced"``: ``rows / (classes · rows of the class)``.

    After `fit`:
    classes_, n_features_in_, n_outputs_, n_layers_, n_iter_ (epochs of the longest member), loss_ and
    loss_curve_ (means over members), population_ (the members, a `fitwell.Population`; the weights of the first are
    ``population_.member(0).get_weights()``).

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> MLPClassifier(max_iter=500, n_members=3, random_state=0).fit(X, y).predict(X[:2])
    array([0, 0])
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: int = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        dropout: float = 0.0,
        batch_normalization: bool = False,
        n_members: int = 1,
        class_weight: Any = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            dropout=dropout,
            batch_normalization=batch_normalization,
            n_members=n_members,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Train on rows `X` ``[rows, features]`` with labels `y`; `sample_weight` says what each row counts."""
        X, y = validate_data(self, X, y, dtype=np.float32, multi_output=True)
        y = self._learn_classes(y)
        weights = self._check_weights(self._with_classes(sample_weight, X, y), X)
        self._train(X, self._targets(y), weights, self._task, self._outputs_for())
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> MLPClassifier:
        """Train for one epoch on some rows: a fresh network at the first call, later the one there is.

        classes: all labels there will ever be; needed at the first call.
        sample_weight: multiplies the losses of the rows as it is, and so do weights by class.
        """
        first = not hasattr(self, "population_")
        X, y = validate_data(self, X, y, dtype=np.float32, multi_output=True, reset=first)
        if first:
            if classes is None:
                raise InvalidArgument(
                    "partial_fit: give all labels there will be at the first call, classes=np.unique(all_labels)"
                )
            self._learn_classes(np.asarray(classes) if y.ndim == 1 else y)
        elif (
            classes is not None
            and self._task != "multilabel"
            and not np.array_equal(np.unique(classes), self.classes_)
        ):
            raise InvalidArgument(
                f"partial_fit: classes were {self.classes_.tolist()} at the first call and cannot become "
                f"{np.unique(classes).tolist()}; fit anew for others"
            )
        if isinstance(self.class_weight, str):
            raise InvalidArgument(
                "partial_fit: class_weight='balanced' would need all rows; give weights by class or sample_weight"
            )
        y = y if self._task == "multilabel" else column_or_1d(y)
        weights = self._check_weights(self._with_classes(sample_weight, X, y), X)
        self._train_on(X, self._targets(y), weights, self._task, self._outputs_for())
        return self

    def predict_proba(self, X: Any, return_std: bool = False) -> Any:
        """Return the probability of every class, ``[rows, classes]``, the mean over members.

        return_std: return the standard deviation over members as well.
        """
        said = self._outputs(X).astype(np.float64)
        if self._task == "binary":
            said = np.concatenate([1 - said, said], axis=2)
        elif self._task == "multiclass":
            # float32 left them some 1e-7 off 1, which scikit-learn minds.
            said /= said.sum(axis=2, keepdims=True)
        return (said.mean(axis=0), said.std(axis=0)) if return_std else said.mean(axis=0)

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithms of `predict_proba`."""
        return np.asarray(np.log(self.predict_proba(X)))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of every row, or every label more probable than not."""
        probabilities = self.predict_proba(X)
        if self._task == "multilabel":
            return (probabilities > 0.5).astype(int)
        labels: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels

    # --- labels ------------------------------------------------------------------------------------------

    def _learn_classes(self, y: NDArray[Any]) -> NDArray[Any]:
        """Note which classes there are, and return `y` as a vector of labels or an indicator matrix."""
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            self._task, self.classes_ = "multilabel", np.arange(y.shape[1])
            return y
        y = column_or_1d(y, warn=True)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise DataError(
                f"a classifier needs rows of two classes or more, got only one class: {self.classes_.tolist()}"
            )
        self._task = "binary" if len(self.classes_) == 2 else "multiclass"
        return y

    def _targets(self, y: NDArray[Any]) -> NDArray[Any]:
        if self._task == "multilabel":
            return y.astype(np.float32)
        return self._codes(y).astype(np.float32 if self._task == "binary" else np.int32)

    def _codes(self, y: NDArray[Any]) -> NDArray[Any]:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(
                f"y has labels that are not among the classes {self.classes_.tolist()}: {unknown.tolist()}"
            )
        return np.searchsorted(self.classes_, y)

    def _outputs_for(self) -> int:
        return 1 if self._task == "binary" else len(self.classes_)

    def _with_classes(self, sample_weight: Any, X: NDArray[Any], y: NDArray[Any]) -> Any:
        check(type(self).__name__, "class_weight", self.class_weight, _CLASS_WEIGHT)
        if self.class_weight is None:
            return sample_weight
        if isinstance(self.class_weight, Mapping):
            for label, weight in self.class_weight.items():
                check(type(self).__name__, f"class_weight[{label!r}]", weight, Real(0))
        if self._task == "multilabel":
            by_class = compute_sample_weight(self.class_weight, y)
        else:
            # By all classes there are: those of a batch for `partial_fit` may be fewer.
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            by_class = factors[self._codes(y)]
        return by_class if sample_weight is None else by_class * self._check_weights(sample_weight, X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
