"""Older models: sequential, functional with several inputs and outputs, subclassed; and what is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell as keras
from fitwell.errors import InvalidArgument
from fitwell.layers import Dense
from fitwell.models import Sequential

K = keras.backend


def wide_and_deep(auxiliary: bool = False) -> Any:
    """The functional model of the texts: some features go deep, some straight to the output."""
    input_A = keras.layers.Input(shape=[5], name="wide_input")
    input_B = keras.layers.Input(shape=[6], name="deep_input")
    hidden1 = keras.layers.Dense(30, activation="relu")(input_B)
    hidden2 = keras.layers.Dense(30, activation="relu")(hidden1)
    concat = keras.layers.concatenate([input_A, hidden2])
    output = keras.layers.Dense(1, name="main_output")(concat)
    if not auxiliary:
        return keras.models.Model(inputs=[input_A, input_B], outputs=[output])
    aux_output = keras.layers.Dense(1, name="aux_output")(hidden2)
    return keras.models.Model(inputs=[input_A, input_B], outputs=[output, aux_output])


def halves(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The features for either input; one goes both ways."""
    return X[:, :5], X[:, 4:]


# --- sequential ----------------------------------------------------------------------------------------------


def test_the_first_classifier_of_the_texts() -> None:
    """Old: nothing; layers are added one by one, found by number and by name, and their weights read."""
    K.clear_session()
    model = keras.models.Sequential()
    model.add(keras.layers.Flatten(input_shape=[28, 28]))
    model.add(keras.layers.Dense(300, activation="relu"))
    model.add(keras.layers.Dense(100, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    assert model.count_params() == 266_610
    hidden1 = model.layers[1]
    assert hidden1.name == "dense"
    assert model.get_layer("dense") is hidden1
    weights, biases = hidden1.get_weights()
    assert weights.shape == (784, 300)
    assert not biases.any()
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert "266,610" in "\n".join(lines)


def test_predicting_classes_and_probabilities(older: Any, digits: Any, cancer: Any) -> None:
    """Old: `predict_classes` and `predict_proba`."""
    model = Sequential([keras.layers.Flatten(input_shape=[8, 8]), Dense(10, activation="softmax")])
    X_new = digits[1][0][:5]
    classes, probabilities = "predict_classes(x)", "predict_proba(x)"
    with older(classes, probabilities):
        y_pred = model.predict_classes(X_new)
        y_proba = model.predict_proba(X_new)
    np.testing.assert_array_equal(y_pred, np.argmax(model.predict(X_new), axis=-1))
    np.testing.assert_array_equal(y_proba, model.predict(X_new))
    single = Sequential([Dense(1, activation="sigmoid", input_dim=30)])
    X = cancer[0][:50]
    np.testing.assert_array_equal(single.predict_classes(X), (single.predict(X) > 0.5).astype("int32"))


def test_one_hot_labels(older: Any, digits: Any) -> None:
    """Old: `keras.utils.np_utils`, and the loss for one-hot rows."""
    with older("fitwell.utils.np_utils.to_categorical"):
        from fitwell.utils.np_utils import to_categorical
    X, y = digits[1][0].reshape(-1, 64), digits[1][1]
    Y = to_categorical(y, 10)
    model = Sequential([Dense(10, activation="softmax", input_dim=64)])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    one_hot = model.evaluate(X, Y, verbose=0)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert one_hot == pytest.approx(model.evaluate(X, y, verbose=0), rel=1e-6)


def test_generators(older: Any, diabetes: Any) -> None:
    """Old: `fit_generator` and its kin, with `steps_per_epoch` and hints about threads."""
    X, y = diabetes

    def generate(batch_size: int) -> Any:
        while True:
            for i in range(0, 440, batch_size):
                yield X[i : i + batch_size], y[i : i + batch_size]

    def inputs_only() -> Any:
        for i in range(0, 440, 44):
            yield X[i : i + 44]

    model = Sequential([Dense(1, input_shape=[10])])
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.01))
    names = ("fit_generator", "evaluate_generator", "predict_generator")
    with older(*(f"{name}(generator, ...)" for name in names)):
        history = model.fit_generator(
            generate(44), steps_per_epoch=10, epochs=4, verbose=0, workers=4, use_multiprocessing=True
        )
        loss = model.evaluate_generator(generate(44), steps=10, verbose=0)
        predictions = model.predict_generator(inputs_only(), steps=10)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert loss == pytest.approx(model.evaluate(X[:440], y[:440], verbose=0), rel=1e-5)
    np.testing.assert_allclose(predictions, model.predict(X[:440]), rtol=1e-5, atol=1e-6)


def test_hints_about_threads_and_arguments_of_keras_1(older: Any, diabetes: Any) -> None:
    """Old: `workers` and its kin in `fit` itself, and `nb_epoch`, which has another name since Keras 2."""
    X, y = diabetes
    model = Sequential([Dense(1, input_shape=[10])])
    model.compile(loss="mse", optimizer="sgd")
    with older("fit(workers=...)", "fit(use_multiprocessing=...)", "predict(max_queue_size=...)"):
        history = model.fit(X, y, epochs=2, verbose=0, workers=4, use_multiprocessing=True)
        predictions = model.predict(X, max_queue_size=20)
    assert len(history.epoch) == 2 and predictions.shape == (442, 1)
    with pytest.raises(TypeError, match="fit has no argument 'nb_epoch'. Did you mean 'epochs'"):
        model.fit(X, y, nb_epoch=10)
    with pytest.raises(
        TypeError, match="evaluate has no argument 'frobnicate'. Its arguments are x, y, batch_size"
    ):
        model.evaluate(X, y, frobnicate=True)


def test_a_sequence_of_batches(older: Any, diabetes: Any) -> None:
    """Old: the name `keras.utils.Sequence`."""
    X, y = diabetes
    with older("fitwell.utils.Sequence"):

        class Batches(keras.utils.Sequence):  # type: ignore[misc, name-defined]
            def __len__(self) -> int:
                return 10

            def __getitem__(self, index: int) -> Any:
                asked.append(index)
                return X[44 * index : 44 * index + 44], y[44 * index : 44 * index + 44]

    asked: list[int] = []
    model = Sequential([Dense(1, input_shape=[10])])
    model.compile(loss="mse", optimizer="sgd")
    history = model.fit(Batches(), epochs=2, verbose=0)
    assert set(asked) == set(range(10))
    assert len(history.history["loss"]) == 2


def test_batch_by_batch(diabetes: Any) -> None:
    """Old: nothing; the reader's own loop over `train_on_batch` equals `fit` without shuffling."""
    X, y = (array[:440] for array in diabetes)
    models = [Sequential([Dense(1, input_shape=[10])]) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.01))
    for i in range(0, 440, 44):
        models[0].train_on_batch(X[i : i + 44], y[i : i + 44])
    models[1].fit(X, y, batch_size=44, shuffle=False, verbose=0)
    np.testing.assert_allclose(models[0].get_weights()[0], models[1].get_weights()[0], rtol=1e-4, atol=1e-6)


# --- functional ----------------------------------------------------------------------------------------------


def test_several_inputs_as_a_list_a_tuple_and_a_dict(diabetes: Any) -> None:
    """Old: lists of inputs; all three ways give the same predictions."""
    X, y = diabetes
    X_A, X_B = halves(X)
    model = wide_and_deep()
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(learning_rate=1e-2))
    model.fit([X_A, X_B], y, epochs=3, validation_data=([X_A[:50], X_B[:50]], y[:50]), verbose=0)
    assert model.evaluate((X_A, X_B), y, verbose=0) < 0.9
    as_list = model.predict([X_A, X_B])
    np.testing.assert_array_equal(as_list, model.predict((X_A, X_B)))
    np.testing.assert_array_equal(as_list, model.predict({"deep_input": X_B, "wide_input": X_A}))


def test_an_auxiliary_output_by_lists_and_by_names(diabetes: Any) -> None:
    """Old: lists, or dicts by the names of outputs, of losses, their weights, metrics and targets."""
    X, y = diabetes
    X_A, X_B = halves(X)
    model = wide_and_deep(auxiliary=True)
    model.compile(loss=["mse", "mse"], loss_weights=[0.9, 0.1], optimizer="sgd")
    total_loss, main_loss, aux_loss = model.evaluate([X_A, X_B], [y, y], verbose=0)
    y_pred_main, y_pred_aux = model.predict([X_A, X_B])
    assert main_loss == pytest.approx(np.mean((y_pred_main[:, 0] - y) ** 2), rel=1e-5)
    assert aux_loss == pytest.approx(np.mean((y_pred_aux[:, 0] - y) ** 2), rel=1e-5)
    assert total_loss == pytest.approx(0.9 * main_loss + 0.1 * aux_loss, rel=1e-5)

    model.compile(
        loss={"main_output": "mse", "aux_output": "mse"},
        loss_weights={"aux_output": 0.1, "main_output": 0.9},
        metrics={"main_output": "mae"},
        optimizer="sgd",
    )
    data = {"wide_input": X_A, "deep_input": X_B}, {"main_output": y, "aux_output": y}
    named = dict(zip(["loss", "main", "aux", "mae"], model.evaluate(*data, verbose=0)))
    assert named["loss"] == pytest.approx(total_loss, rel=1e-5)
    assert named["mae"] == pytest.approx(np.mean(np.abs(y_pred_main[:, 0] - y)), rel=1e-5)
    assert model.fit(*data, epochs=2, verbose=0).history["loss"][-1] < total_loss


def test_what_layers_in_the_middle_give(older: Any, digits: Any) -> None:
    """Old: `K.function` from the input to a hidden layer; today a model of the same symbols."""
    X = digits[1][0][:6]
    model = Sequential([keras.layers.Flatten(input_shape=[8, 8]), Dense(7, "relu"), Dense(10, "softmax")])
    with older("keras.backend.function(inputs, outputs)"):
        hidden = K.function([model.input], [model.layers[1].output, model.output])
    first, last = hidden([X])
    intermediate = keras.models.Model(inputs=model.input, outputs=model.layers[1].output)
    np.testing.assert_array_equal(first, intermediate.predict(X))
    np.testing.assert_array_equal(last, model.predict(X))
    with pytest.raises(InvalidArgument, match=r"model\(x, training=True\)"):
        K.function([model.input, K.learning_phase()], [model.output])


def test_a_picture_of_the_model(older: Any, tmp_path: Path) -> None:
    """Old: `keras.utils.vis_utils`. Nothing but matplotlib is needed."""
    with older("fitwell.utils.vis_utils.plot_model"):
        keras.utils.vis_utils.plot_model(Sequential([Dense(3, input_dim=2)]), str(tmp_path / "small.png"))
    keras.utils.plot_model(wide_and_deep(), to_file=tmp_path / "model.png", show_shapes=True)
    for name in ("small.png", "model.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    words = [text.get_text() for text in keras.utils.plot_model(wide_and_deep(), None, True).axes[0].texts]
    assert sum("(None, 35)" in text for text in words) == 1  # the concatenation
    with pytest.raises(InvalidArgument, match="plot_model: rankdir must be 'TB', got 'LR'"):
        keras.utils.plot_model(wide_and_deep(), tmp_path / "model.png", rankdir="LR")


# --- subclassed ----------------------------------------------------------------------------------------------


def test_wide_and_deep_as_a_class(diabetes: Any) -> None:
    """Old: nothing; two inputs in `call`, two outputs, both trained."""

    class WideAndDeepModel(keras.models.Model):
        def __init__(self, units: int = 30, activation: str = "relu", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.hidden1 = keras.layers.Dense(units, activation=activation)
            self.hidden2 = keras.layers.Dense(units, activation=activation)
            self.main_output = keras.layers.Dense(1)
            self.aux_output = keras.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            input_A, input_B = inputs
            hidden2 = self.hidden2(self.hidden1(input_B))
            concat = keras.layers.concatenate([input_A, hidden2])
            return self.main_output(concat), self.aux_output(hidden2)

    X, y = diabetes
    model = WideAndDeepModel(20)
    model.compile(loss="mse", loss_weights=[0.9, 0.1], optimizer=keras.optimizers.SGD(0.01))
    history = model.fit(halves(X), (y, y), epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    y_pred, y_pred_aux = model.predict(halves(X))
    assert y_pred.shape == y_pred_aux.shape == (len(X), 1)
    assert model.count_params() == 6 * 20 + 20 + 20 * 20 + 20 + 25 + 1 + 21


def test_a_loss_of_a_models_own(older: Any, diabetes: Any) -> None:
    """Old: `self.add_loss` in `call`, with the backend's functions: hidden layers shall keep the inputs."""

    class ReconstructingRegressor(keras.models.Model):
        def __init__(self, strength: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.strength = strength
            self.hidden = [keras.layers.Dense(12, activation="selu") for _ in range(2)]
            self.out = keras.layers.Dense(1)
            self.reconstruct = keras.layers.Dense(10)

        def call(self, inputs: Any, training: Any = None) -> Any:
            Z = inputs
            for layer in self.hidden:
                Z = layer(Z)
            reconstruction = self.reconstruct(Z)
            self.add_loss(self.strength * K.mean(K.square(reconstruction - inputs)))
            return self.out(Z)

    X, y = diabetes
    with older("keras.backend.mean", "keras.backend.square"):
        model = ReconstructingRegressor(0.5)
        model.compile(loss="mse", optimizer="sgd")
        loss = model.evaluate(X, y, verbose=0)
    Z = model.hidden[1](model.hidden[0](X))
    own = 0.5 * jnp.mean((model.reconstruct(Z) - X) ** 2)
    assert loss == pytest.approx(np.mean((model.predict(X)[:, 0] - y) ** 2) + float(own), rel=1e-4)


# --- layers of another model ----------------------------------------------------------------------------------


def test_transfer_learning(digits: Any) -> None:
    """Old: nothing; a clone keeps the original safe, frozen layers wait until the new one has learned."""
    (X, y), (X_valid, y_valid) = digits
    low, high = y < 5, y >= 5
    model_A = Sequential(
        [keras.layers.Flatten(input_shape=[8, 8]), Dense(32, "relu"), Dense(5, activation="softmax")]
    )
    model_A.compile("nadam", "sparse_categorical_crossentropy")
    model_A.fit(X[low], y[low], epochs=6, verbose=0)

    model_A_clone = keras.models.clone_model(model_A)
    model_A_clone.set_weights(model_A.get_weights())
    model_B_on_A = keras.models.Sequential(model_A_clone.layers[:-1])
    model_B_on_A.add(keras.layers.Dense(5, activation="softmax"))
    for layer in model_B_on_A.layers[:-1]:
        layer.trainable = False
    model_B_on_A.compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert len(model_B_on_A.trainable_weights) == 2
    model_B_on_A.fit(X[high], y[high] - 5, epochs=6, verbose=0)
    np.testing.assert_array_equal(model_B_on_A.layers[1].get_weights()[0], model_A.layers[1].get_weights()[0])

    for layer in model_B_on_A.layers[:-1]:
        layer.trainable = True
    model_B_on_A.compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model_B_on_A.fit(X[high], y[high] - 5, epochs=4, verbose=0)
    assert np.abs(model_B_on_A.layers[1].get_weights()[0] - model_A.layers[1].get_weights()[0]).max() > 1e-3
    assert model_B_on_A.evaluate(X_valid[y_valid >= 5], y_valid[y_valid >= 5] - 5, verbose=0)[1] > 0.7


def test_folds_by_hand(diabetes: Any) -> None:
    """Old: cross-validation written out, a fresh model for each fold, the session cleared in between."""
    X, y = diabetes

    def build_model() -> Any:
        K.clear_session()
        model = keras.models.Sequential()
        model.add(keras.layers.Dense(16, activation="relu", input_shape=(X.shape[1],)))
        model.add(keras.layers.Dense(1))
        model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
        return model

    all_scores = []
    num_val_samples = len(X) // 2
    for i in range(2):
        held_out = slice(i * num_val_samples, (i + 1) * num_val_samples)
        rest = np.delete(np.arange(len(X)), np.r_[held_out])
        model = build_model()
        assert model.layers[0].name == "dense"
        model.fit(X[rest], y[rest], epochs=15, batch_size=8, verbose=0)
        _val_mse, val_mae = model.evaluate(X[held_out], y[held_out], verbose=0)
        all_scores.append(val_mae)
    assert np.mean(all_scores) < np.mean(np.abs(y - np.median(y)))
