"""Older programs that hand a function which builds a model to scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import reciprocal
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import fitwell as keras


def build_model(n_hidden: int = 1, n_neurons: int = 30, learning_rate: float = 3e-3) -> Any:
    model = keras.models.Sequential()
    model.add(keras.layers.InputLayer(input_shape=[10]))
    for _ in range(n_hidden):
        model.add(keras.layers.Dense(n_neurons, activation="relu"))
    model.add(keras.layers.Dense(1))
    optimizer = keras.optimizers.SGD(lr=learning_rate)
    model.compile(loss="mse", optimizer=optimizer)
    return model


def test_a_regressor_and_a_random_search(older: Any, diabetes: Any) -> None:
    """Old: `keras.wrappers.scikit_learn`, and a score that is minus the loss."""
    X, y = diabetes
    X_train, y_train, X_valid, y_valid = X[:340], y[:340], X[340:], y[340:]
    with older("fitwell.wrappers.scikit_learn.KerasRegressor", "lr="):
        keras_reg = keras.wrappers.scikit_learn.KerasRegressor(build_model)
        keras_reg.fit(
            X_train,
            y_train,
            epochs=20,
            validation_data=(X_valid, y_valid),
            callbacks=[keras.callbacks.EarlyStopping(patience=5)],
        )
        mse_test = keras_reg.score(X_valid, y_valid)
    y_pred = keras_reg.predict(X_valid[:3])
    assert y_pred.shape == (3,)
    assert mse_test == pytest.approx(-np.mean((keras_reg.predict(X_valid) - y_valid) ** 2), rel=1e-5)

    param_distribs = {
        "n_hidden": [0, 1],
        "n_neurons": np.arange(1, 20),
        "learning_rate": reciprocal(3e-4, 3e-2),
    }
    rnd_search_cv = RandomizedSearchCV(keras_reg, param_distribs, n_iter=2, cv=2, random_state=42)
    rnd_search_cv.fit(
        X_train,
        y_train,
        epochs=5,
        validation_data=(X_valid, y_valid),
        callbacks=[keras.callbacks.EarlyStopping(patience=5)],
    )
    assert set(rnd_search_cv.best_params_) == set(param_distribs)
    assert -2 < rnd_search_cv.best_score_ < 0
    model = rnd_search_cv.best_estimator_.model
    assert len(model.layers) - 1 == rnd_search_cv.best_params_["n_hidden"]
    assert -model.evaluate(X_valid, y_valid, verbose=0) == pytest.approx(
        rnd_search_cv.score(X_valid, y_valid), rel=1e-5
    )


def test_a_classifier_over_a_grid(older: Any, cancer: Any) -> None:
    """Old: the address again; arguments of `fit` are searched beside those of the function."""
    with older("fitwell.wrappers.scikit_learn.KerasClassifier"):
        from fitwell.wrappers.scikit_learn import KerasClassifier

    def create_model(optimizer: str = "rmsprop", init: str = "glorot_uniform") -> Any:
        model = keras.models.Sequential()
        model.add(keras.layers.Dense(8, input_dim=30, kernel_initializer=init, activation="relu"))
        model.add(keras.layers.Dense(1, kernel_initializer=init, activation="sigmoid"))
        model.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
        return model

    X, y = cancer
    model = KerasClassifier(build_fn=create_model, verbose=0)
    grid = GridSearchCV(model, {"optimizer": ["nadam"], "epochs": [1, 8], "batch_size": [16]}, cv=2)
    grid_result = grid.fit(X, y)
    assert grid_result.best_params_["epochs"] == 8
    assert grid_result.best_score_ > 0.9
    assert grid.best_estimator_.predict_proba(X[:4]).shape == (4, 2)


def test_words_for_classes_in_a_pipeline(digits: Any) -> None:
    """Old: nothing; labels are words, columns are standardised in each fold, and folds are stratified."""
    names = np.array(["zero", "one", "two"])
    X, y = digits[0][0].reshape(-1, 64), digits[0][1]
    X, labels = X[y < 3], names[y[y < 3]]

    def baseline_model() -> Any:
        model = keras.models.Sequential()
        model.add(keras.layers.Dense(8, input_dim=64, activation="relu"))
        model.add(keras.layers.Dense(3, activation="softmax"))
        model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        return model

    estimator = keras.wrappers.KerasClassifier(build_fn=baseline_model, epochs=12, batch_size=5, verbose=0)
    pipeline = Pipeline([("standardize", StandardScaler()), ("mlp", estimator)])
    results = cross_val_score(pipeline, X, labels, cv=StratifiedKFold(2, shuffle=True, random_state=7))
    assert results.mean() > 0.95
    pipeline.fit(X, labels, mlp__class_weight={"zero": 1.0, "one": 1e-6, "two": 1e-6})
    assert (pipeline.predict(X[labels == "zero"]) == "zero").all()  # nothing else counts
