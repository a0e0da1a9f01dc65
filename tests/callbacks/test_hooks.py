"""Every hook of Keras is called at the same time and with the same arguments as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell.errors import InvalidArgument

HOOKS = [
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_predict_begin",
    "on_predict_end",
    "on_predict_batch_begin",
    "on_predict_batch_end",
]

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = X[:, :1] * 2


def recorder(library: Any, only: list[str] | None = None) -> Any:
    """Return a callback that records (hook, number, names in logs) of every call."""

    def hook(name: str) -> Any:
        def record(self: Any, *arguments: Any, **keywords: Any) -> None:
            numbers = [argument for argument in arguments if isinstance(argument, int)]
            logs = keywords["logs"] if "logs" in keywords else arguments[-1]
            self.calls.append((name, numbers, tuple(sorted(logs or {}))))

        return record

    methods = {name: hook(name) for name in HOOKS if only is None or name in only}
    callback = type("Recorder", (library.callbacks.Callback,), methods)()
    callback.calls = []
    return callback


def model(library: Any) -> Any:
    net = library.Sequential([library.layers.Input((3,)), library.layers.Dense(1)])
    net.compile(loss="mse", optimizer="sgd", metrics=["mae"])
    return net


def calls_of(library: Any, action: str, only: list[str] | None = None) -> list[Any]:
    watch = recorder(library, only)
    net = model(library)
    if action == "fit":
        net.fit(
            X,
            Y,
            batch_size=4,
            epochs=2,
            validation_data=(X[:5], Y[:5]),
            validation_batch_size=4,
            callbacks=[watch],
            verbose=0,
        )
    elif action == "fit without validation":
        net.fit(X, Y, batch_size=4, epochs=2, callbacks=[watch], verbose=0)
    elif action == "evaluate":
        net.evaluate(X, Y, batch_size=4, callbacks=[watch], verbose=0)
    else:
        net.predict(X, batch_size=4, callbacks=[watch], verbose=0)
    return watch.calls


@pytest.mark.parametrize("action", ["fit", "fit without validation", "evaluate", "predict"])
def test_the_sequence_is_that_of_keras(action: str) -> None:
    import keras

    assert calls_of(fitwell, action) == calls_of(keras, action)


@pytest.mark.parametrize("hook", HOOKS[:10])
def test_each_hook_alone_is_called_as_often_as_among_all(hook: str) -> None:
    """The overridden hooks decide how a run is divided into dispatches, so test each hook alone."""
    alone = calls_of(fitwell, "fit", [hook])
    assert alone == [call for call in calls_of(fitwell, "fit") if call[0] == hook]
    assert alone


def test_logs_are_floats_with_the_right_values() -> None:
    seen: dict[str, list[dict[str, float]]] = {"batch": [], "epoch": [], "test": []}

    class Reads(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            assert isinstance(logs["loss"], float)
            seen["batch"].append(dict(logs))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen["epoch"].append(dict(logs))

        def on_test_end(self, logs: Any = None) -> None:
            seen["test"].append(dict(logs))

    net = model(fitwell)
    kernel, bias = (w.astype(np.float64) for w in net.get_weights())
    history = net.fit(
        X, Y, batch_size=4, shuffle=False, validation_data=(X[:5], Y[:5]), callbacks=[Reads()], verbose=0
    ).history
    # The running mean of the rows seen so far, by plain gradient descent in NumPy.
    squares: list[float] = []
    for logs, start in zip(seen["batch"], range(0, 10, 4), strict=True):
        x, y = X[start : start + 4], Y[start : start + 4]
        error = x @ kernel + bias - y
        squares += np.square(error)[:, 0].tolist()
        assert logs["loss"] == pytest.approx(np.mean(squares), rel=1e-4)
        kernel -= 0.01 * 2 * x.T @ error / len(x)
        bias -= 0.01 * 2 * error.mean(axis=0)
    assert seen["epoch"][0] == {name: values[0] for name, values in history.items()}
    validation = np.square(X[:5] @ kernel + bias - Y[:5]).mean()
    assert seen["test"][0]["loss"] == pytest.approx(validation, rel=1e-4)
    assert history["val_loss"][0] == pytest.approx(validation, rel=1e-4)


def test_older_names_of_the_batch_hooks_work() -> None:
    seen = []

    class Old(callbacks.Callback):
        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append(("begin", batch))

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(("end", batch))

    model(fitwell).fit(X, Y, batch_size=5, callbacks=[Old()], verbose=0)
    assert seen == [("begin", 0), ("end", 0), ("begin", 1), ("end", 1)]


def test_params_and_model_are_there() -> None:
    kept: dict[str, Any] = {}

    class Looks(callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            kept.update(self.params, model=self.model)

    net = model(fitwell)
    net.fit(X, Y, batch_size=4, epochs=3, callbacks=[Looks()], verbose=0)
    assert (kept["epochs"], kept["steps"], kept["verbose"]) == (3, 3, 0)
    assert kept["model"] is net


@pytest.mark.parametrize(
    ("hook", "at", "epochs", "updates"),
    [("on_epoch_end", 1, 2, 6), ("on_train_batch_end", 1, 1, 2), ("on_epoch_begin", 1, 2, None)],
)
def test_stop_training(hook: str, at: int, epochs: int, updates: int | None) -> None:
    def stop(number: int, logs: Any = None) -> None:
        if number == at:
            watch.model.stop_training = True

    watch = callbacks.LambdaCallback(**{hook: stop})
    net = model(fitwell)
    history = net.fit(X, Y, batch_size=4, epochs=5, callbacks=[watch], verbose=0)
    assert len(history.epoch) == epochs
    if updates is not None:
        assert int(net.optimizer.step.value) == updates
    # `stop_training` of one fit does not stop the next.
    assert len(net.fit(X, Y, epochs=2, verbose=0).epoch) == 2


def test_stopping_at_a_batch_is_logged_as_keras_logs_it() -> None:
    import keras

    lengths = []
    for library in (fitwell, keras):

        class Stops(library.callbacks.Callback):  # type: ignore[name-defined,misc]
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                self.model.stop_training = batch == 1

        history = model(library).fit(
            X, Y, batch_size=4, epochs=3, validation_data=(X, Y), callbacks=[Stops()], verbose=0
        )
        lengths.append((history.epoch, sorted(history.history)))
    assert lengths[0] == lengths[1]


@pytest.mark.optimised
def test_weights_can_be_set_from_a_hook() -> None:
    class Zeros(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.set_weights([np.zeros((3, 1)), np.zeros(1)])

    net = model(fitwell)
    history = net.fit(X, Y, batch_size=10, epochs=3, callbacks=[Zeros()], verbose=0).history
    assert history["loss"][1] == pytest.approx(float(np.square(Y).mean()), rel=1e-5)
    assert history["loss"][2] == history["loss"][1]
    assert not net.get_weights()[0].any()


def test_evaluate_and_predict_from_a_hook_do_not_disturb_the_run() -> None:
    class Uses(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.losses = [*getattr(self, "losses", []), self.model.evaluate(X, Y, verbose=0)[0]]
            self.model.predict(X)

    results = []
    for watch in (Uses(), None):
        fitwell.utils.set_random_seed(0)
        net = model(fitwell)
        callback_list = [watch] if watch else []
        history = net.fit(
            X, Y, batch_size=4, epochs=3, callbacks=callback_list, validation_data=(X, Y), verbose=0
        ).history
        results.append((net.get_weights(), history))
        if watch:
            assert watch.losses == pytest.approx(history["val_loss"], rel=1e-5)
    np.testing.assert_array_equal(results[0][0][0], results[1][0][0])
    assert results[0][1]["val_loss"] == pytest.approx(results[1][1]["val_loss"], rel=1e-6)


def test_lambda_callbacks_take_functions_and_none() -> None:
    seen = []
    watch = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, sorted(logs))), on_train_begin=None
    )
    model(fitwell).fit(X, Y, epochs=2, callbacks=[watch], verbose=0)
    assert seen == [(0, ["loss", "mae"]), (1, ["loss", "mae"])]
    with pytest.raises(InvalidArgument, match="no hook 'on_epoch_finish'"):
        callbacks.LambdaCallback(on_epoch_finish=print)


def test_one_callback_and_nested_lists_are_accepted_as_in_keras() -> None:
    seen: list[int] = []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    for given in (watch, (watch,), [[watch], []]):
        model(fitwell).fit(X, Y, callbacks=given, verbose=0)
        fitwell.Population(lambda setting: model(fitwell)).fit(X, Y, callbacks=given, verbose=0)
    assert seen == [0] * 6


def test_history_has_epochs_params_and_every_value() -> None:
    net = model(fitwell)
    history = net.fit(X, Y, batch_size=4, epochs=5, initial_epoch=2, validation_split=0.3, verbose=0)
    assert net.history is history
    assert history.epoch == [2, 3, 4]
    assert sorted(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert all(len(values) == 3 for values in history.history.values())
    assert history.params["epochs"] == 5


def test_what_a_hook_adds_to_the_logs_is_in_the_history_as_in_keras() -> None:
    import keras

    def adds(epoch: int, logs: Any) -> None:
        logs["ratio"] = 2.0 * epoch

    found = []
    for library in (fitwell, keras):
        watch = library.callbacks.LambdaCallback(on_epoch_end=adds)
        found.append(model(library).fit(X, Y, epochs=3, callbacks=[watch], verbose=0).history["ratio"])
    assert found[0] == found[1] == [0.0, 2.0, 4.0]


def test_a_fit_without_epochs_works() -> None:
    net = model(fitwell)
    before = net.get_weights()
    history = net.fit(X, Y, epochs=3, initial_epoch=3, verbose=0)
    assert history.epoch == []
    np.testing.assert_array_equal(before[0], net.get_weights()[0])


@pytest.mark.parametrize("validation", ["inside", "outside"])
@pytest.mark.parametrize(("frequency", "expected"), [(2, [1, 3]), ([1, 4], [0, 3]), (1, [0, 1, 2, 3, 4])])
def test_validation_in_some_epochs_only(validation: str, frequency: Any, expected: list[int]) -> None:
    epochs: list[int] = []
    watch = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epochs.append(epoch) if "val_loss" in logs else None
    )
    extra = [callbacks.LambdaCallback(on_test_begin=lambda logs: None)] if validation == "outside" else []
    history = model(fitwell).fit(
        X,
        Y,
        epochs=5,
        validation_data=(X, Y),
        validation_freq=frequency,
        callbacks=[watch, *extra],
        verbose=0,
    )
    assert epochs == expected
    assert len(history.history["val_loss"]) == len(expected)
    assert len(history.history["loss"]) == 5


def test_early_stopping_with_a_validation_in_some_epochs_only() -> None:
    """Epochs without validation neither count nor fail."""
    history = model(fitwell).fit(
        X,
        Y,
        epochs=20,
        validation_data=(X, -Y),
        validation_freq=3,
        callbacks=[callbacks.EarlyStopping(patience=2)],
        verbose=0,
    )
    assert len(history.epoch) == 9


def test_layers_of_the_name_are_found() -> None:
    assert isinstance(model(fitwell).get_layer(index=0), layers.Dense)
