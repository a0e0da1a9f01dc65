"""`MLPClassifier`, a scikit-learn classifier that consists of one or more dense networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import check_array, check_consistent_length, compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from fitwell._param_validation import Instance, Options, Real, validate_param
from fitwell._typing import NumpyArray
from fitwell.errors import DataError, InvalidArgument
from fitwell.estimators.base import BaseMLP

__all__ = [
    "MLPClassifier",
]

_CLASS_WEIGHT = (Instance((Mapping, list), "a dict") | Options("balanced") | None).described_as(
    "a dict, 'balanced' or None"
)


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """A multilayer perceptron classifier with scikit-learn's interface.

    Labels may be of any type. Two classes use one sigmoid output, and more classes use a softmax. An
    indicator matrix, in which a row may have more than one label, uses one sigmoid per column. Tables with
    categories or missing values are preprocessed. Standardize other inputs first, for example with
    ``preprocess=True``.

    As in scikit-learn, a batch's loss is proportional to ``Σ log loss + alpha / 2 · Σ w²``, where w are the
    kernels' weights. A row with sample weight 2 counts as two rows.

    Args:
        hidden_layer_sizes (int | Sequence[int]): Number of units in each hidden layer. ``()`` gives a linear
            model. Default: (100,).
        activation (str | Callable): The hidden layers' activation, which is a name from scikit-learn or from
            `fitwell.activations`, or a function. Default: "relu".
        solver (str | Optimizer): Name of an optimizer from `fitwell.optimizers`, or an optimizer, which keeps
            the learning rate it was created with. Unlike in scikit-learn, ``"sgd"`` has no momentum. For
            momentum, use ``SGD(0.01, momentum=0.9, nesterov=True)``. Default: "adam".
        alpha (float): Strength of the L2 penalty on all kernels, which must be >= 0. Default: 0.0001.
        batch_size (int | str): Number of rows per batch. ``"auto"`` means 200, or all rows if there are
            fewer. Default: "auto".
        learning_rate_init (float): Learning rate, which must be above 0. It is used only if `solver` is a
            name. Default: 0.001.
        max_iter (int): Maximum number of epochs. Default: 200.
        shuffle (bool): Whether to shuffle the rows in every epoch. Default: True.
        random_state (int | RandomState | None): Seed for the initial weights, the shuffling, the dropout
            masks and the held-out rows. An integer makes the run reproducible. Default: None.
        tol (float): Smallest decrease of the loss that counts as an improvement. Default: 0.0001.
        verbose (int | str): Verbosity, as for `Model.fit`. 1 shows progress. Default: 0.
        early_stopping (bool): Whether to monitor the loss on held-out rows instead of the training loss, and
            to restore the best weights. Default: False.
        validation_fraction (float): Fraction of the rows to hold out for early stopping, stratified by class,
            in (0, 1). Default: 0.1.
        n_iter_no_change (int): Number of epochs without an improvement after which training stops. Default:
            10.
        dropout (float): Dropout rate after each hidden layer, in [0, 1). Default: 0.0.
        batch_normalization (bool): Whether to add batch normalization before each hidden activation.
            Default: False.
        n_members (int): Number of networks, which differ in their seeds. They are trained as one program and
            their probabilities are averaged. Default: 1.
        preprocess (bool | str): Whether to preprocess `X`: numbers are standardized, categories are one-hot encoded,
            dates are split into parts, and missing values are imputed and flagged. ``"auto"`` does so if `X` is a data
            frame with missing values or with columns that are not numbers. Default: ``"auto"``.
        class_weight (Mapping | str | None): A dict that maps labels to weights, or ``"balanced"``, which
            means the weights ``rows / (classes · rows of the class)``. Default: None.

    Attributes:
        classes_ (ndarray): Class labels, ``[classes]``.
        n_features_in_ (int): Number of input features.
        n_outputs_ (int): Number of output units.
        n_layers_ (int): Number of layers, including inputs and outputs.
        n_iter_ (int): Number of epochs for which the longest-trained member was trained.
        loss_ (float): Final training loss, averaged over members.
        loss_curve_ (list[float]): Training loss of each epoch, averaged over members.
        population_ (Population): The members. ``population_.member(0)`` is the first model.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = MLPClassifier(learning_rate_init=0.01, tol=0.01, n_members=3, random_state=0).fit(X, y)
        >>> classifier.predict(X[:2])
        array([0, 0])
        >>> classifier.predict_proba(X[:2]).shape
        (2, 3)

    Source: scikit-learn `MLPClassifier`.
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
        preprocess: bool | str = "auto",
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
            preprocess=preprocess,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Train new members on all rows.

        Args:
            X (array): Inputs, ``[rows, features]``.
            y (array): Labels, ``[rows]``, or an indicator matrix, ``[rows, classes]``.
            sample_weight (array | None): Weight of each row, ``[rows]``. Default: None.

        Returns:
            MLPClassifier: The fitted estimator.

        Raises:
            InvalidArgument: if a parameter is out of range, or no row has a positive weight.
            DataError: if there is only one class, or early stopping cannot hold out rows.
        """
        X, y = self._check(X, y, reset=True)
        y = self._find_classes(y)
        weights = self._check_weights(self._combine_weights(sample_weight, X, y), X)
        self._train(X, self._encode_targets(y), weights, self._task, self._output_count())
        return self

    def _check(self, X: Any, y: Any, *, reset: bool) -> tuple[NumpyArray, NumpyArray]:
        inputs = self._preprocess(X, reset=reset)
        if inputs is None:
            inputs, y = validate_data(self, X, y, dtype=np.float32, multi_output=True, reset=reset)
        else:
            y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
            check_consistent_length(inputs, y)
        return inputs, y

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> MLPClassifier:
        """Train for one epoch on a chunk of rows. The first call creates the members.

        Args:
            X (array): Inputs, ``[rows, features]``.
            y (array): Labels, ``[rows]``, or an indicator matrix, ``[rows, classes]``.
            classes (array | None): All labels that may occur in any call. The first call requires it.
                Default: None.
            sample_weight (array | None): Weight of each row, ``[rows]``. The weights multiply the losses
                without normalization, as class weights do. Default: None.

        Returns:
            MLPClassifier: The estimator.

        Raises:
            InvalidArgument: if `classes` is missing or changed, if one of the network's parameters changed,
                if `early_stopping` is True, or if `class_weight` is ``"balanced"``.
        """
        first = not hasattr(self, "population_")
        X, y = self._check(X, y, reset=first)
        if first:
            if classes is None:
                raise InvalidArgument(
                    "partial_fit: the first call requires all labels; pass classes=np.unique(all_labels)"
                )
            self._find_classes(np.asarray(classes) if y.ndim == 1 else y)
        elif (
            classes is not None
            and self._task != "multilabel"
            and not np.array_equal(np.unique(classes), self.classes_)
        ):
            raise InvalidArgument(
                f"partial_fit: classes were {self.classes_.tolist()} at the first call and cannot become "
                f"{np.unique(classes).tolist()}; call fit to start over with different classes"
            )
        if isinstance(self.class_weight, str):
            raise InvalidArgument(
                "partial_fit: class_weight='balanced' needs all rows at once; set class_weight to a dict with a "
                "weight for each class, or pass sample_weight"
            )
        y = y if self._task == "multilabel" else column_or_1d(y)
        weights = self._check_weights(self._combine_weights(sample_weight, X, y), X)
        self._partial_train(X, self._encode_targets(y), weights, self._task, self._output_count())
        return self

    def predict_proba(self, X: Any, return_std: bool = False) -> Any:
        """Return the probability of every class, averaged over members.

        Args:
            X (array): Inputs, ``[rows, features]``.
            return_std (bool): Whether to return the standard deviation over members too. Default: False.

        Returns:
            ndarray | tuple[ndarray, ndarray]: The probabilities, ``[rows, classes]``. If `return_std` is
            True, also their standard deviation over members, with the same shape.
        """
        probabilities = self._predict_members(X).astype(np.float64)
        if self._task == "binary":
            probabilities = np.concatenate([1 - probabilities, probabilities], axis=2)
        elif self._task == "multiclass":
            # In float32, the sums differ from 1 by about 1e-7, which scikit-learn rejects.
            probabilities /= probabilities.sum(axis=2, keepdims=True)
        return (
            (probabilities.mean(axis=0), probabilities.std(axis=0))
            if return_std
            else probabilities.mean(axis=0)
        )

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the log-probability of every class as an array with the axes ``[rows, classes]``."""
        return np.asarray(np.log(self.predict_proba(X)))

    def predict(self, X: Any) -> NumpyArray:
        """Return each row's most probable label, or, for multilabel data, all labels with a probability above 0.5.

        Args:
            X (array): Inputs, ``[rows, features]``.

        Returns:
            ndarray: The labels, ``[rows]``, or an indicator matrix ``[rows, classes]``.
        """
        probabilities = self.predict_proba(X)
        if self._task == "multilabel":
            return (probabilities > 0.5).astype(int)
        labels: NumpyArray = self.classes_[probabilities.argmax(axis=1)]
        return labels

    # --- labels ------------------------------------------------------------------------------------------

    def _find_classes(self, y: NumpyArray) -> NumpyArray:
        """Set `classes_` and the task, and return `y` as a vector of labels or an indicator matrix."""
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            self._task, self.classes_ = "multilabel", np.arange(y.shape[1])
            return y
        y = column_or_1d(y, warn=True)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise DataError(
                f"a classifier requires rows from at least two classes, got only one class: {self.classes_.tolist()}"
            )
        self._task = "binary" if len(self.classes_) == 2 else "multiclass"
        return y

    def _encode_targets(self, y: NumpyArray) -> NumpyArray:
        if self._task == "multilabel":
            return y.astype(np.float32)
        return self._encode_labels(y).astype(np.float32 if self._task == "binary" else np.int32)

    def _encode_labels(self, y: NumpyArray) -> NumpyArray:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(
                f"y has labels that are not among the classes {self.classes_.tolist()}: {unknown.tolist()}"
            )
        return np.searchsorted(self.classes_, y)

    def _output_count(self) -> int:
        return 1 if self._task == "binary" else len(self.classes_)

    def _combine_weights(self, sample_weight: Any, X: NumpyArray, y: NumpyArray) -> Any:
        validate_param(type(self).__name__, "class_weight", self.class_weight, _CLASS_WEIGHT)
        if self.class_weight is None:
            return sample_weight
        if isinstance(self.class_weight, Mapping):
            for label, weight in self.class_weight.items():
                validate_param(type(self).__name__, f"class_weight[{label!r}]", weight, Real(0))
        if self._task == "multilabel":
            by_class = compute_sample_weight(self.class_weight, y)
        else:
            # All classes are passed, because a chunk that is passed to `partial_fit` may contain fewer.
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            by_class = factors[self._encode_labels(y)]
        return by_class if sample_weight is None else by_class * self._check_weights(sample_weight, X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
