"""The public interface of populations."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import scipy.stats

import fitwell as fw
from fitwell import random
from fitwell._deprecation import reset_deprecation_warnings
from fitwell._engine import compile_cache
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.population import member_train_loop
from tests.population.conftest import dense


def test_settings_times_seeds(trained):
    results = trained.results
    assert results["learning_rate"].tolist() == [0.01, 0.01, 0.1, 0.1, 0.05, 0.05]
    assert results["seed"].tolist() == [3, 8] * 3
    assert results["epochs"].tolist() == [4] * 6
    assert results["status"].tolist() == ["finished"] * 6
    assert results["stopped_epoch"].isna().all()
    for row, history in zip(results.itertuples(), trained.history, strict=True):
        assert row.val_loss == history.history["val_loss"][-1]
        assert row.best_loss == min(history.history["loss"])
    assert trained.best("val_loss") is trained.member(int(results["val_loss"].idxmin()))
    assert trained.best() is trained.best("val_loss")


def test_one_structure_is_traced_and_compiled_once(regression):
    def build(setting):
        model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(11, activation="tanh"), fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["learning_rate"]))
        return model

    x, y, validation = regression
    before = dataclasses.replace(compile_cache.compile_stats)
    population = fw.Population(build, fw.grid(learning_rate=[0.01, 0.02, 0.1]), seeds=range(4))
    population.fit(x, y, epochs=3, validation_data=validation, verbose=0)
    assert compile_cache.compile_stats.traced - before.traced == 1
    assert compile_cache.compile_stats.compiled - before.compiled == 1


def test_the_first_program_is_compiled_while_members_are_still_being_sorted(regression, monkeypatch):
    x, y, validation = regression
    begun, events = threading.Event(), []
    compile_lowered, structure = compile_cache.compile_lowered, member_train_loop.trace_key

    def compile_and_tell(*arguments):
        begun.set()
        return compile_lowered(*arguments)

    def sort(*arguments):
        # The first member is sorted before there is anything to compile.
        events.append(begun.wait(30) if events else begun.is_set())
        return structure(*arguments)

    monkeypatch.setattr(compile_cache, "compile_lowered", compile_and_tell)
    monkeypatch.setattr(member_train_loop, "trace_key", sort)
    population = fw.Population(dense, seeds=range(3))
    callbacks = [fw.callbacks.EarlyStopping(patience=3)]
    population.fit(x, y, epochs=2, validation_data=validation, callbacks=callbacks, verbose=0)
    assert events == [False, True, True]
    assert population.results["status"].tolist() == ["finished"] * 3


def test_a_schedule_of_ones_own_is_asked_once_for_every_epoch(regression):
    x, y, _ = regression
    asked = []

    def schedule(epoch, rate):
        asked.append(epoch)
        return rate / 2

    traced = compile_cache.compile_stats.traced
    population = fw.Population(dense, seeds=[0, 1])
    population.fit(x, y, epochs=3, callbacks=[fw.callbacks.LearningRateScheduler(schedule)], verbose=0)
    assert sorted(asked) == [0, 0, 1, 1, 2, 2]
    assert compile_cache.compile_stats.traced - traced == 1


def test_no_epochs_left_is_no_training(regression):
    x, y, _ = regression
    population = fw.Population(dense, seeds=[0, 1])
    population.fit(x, y, epochs=2, initial_epoch=2, verbose=0)
    assert population.results["epochs"].tolist() == [0, 0]


def test_a_build_function_may_take_lists_apart(tmp_path):
    def build(setting):
        model = fw.Sequential([fw.layers.Dense(setting["layers"].pop(0).pop()) for _ in range(2)])
        model.compile(loss="mse", optimizer="sgd")
        return model

    population = fw.Population(build, [{"layers": [["tanh", 3], [1]]}], seeds=[0, 1])
    assert [member.model.layers[0].units for member in population.members] == [3, 3]
    assert population.members[0].setting == {"layers": [["tanh", 3], [1]]}
    population.fit(np.ones((4, 2)), np.ones(4), verbose=0).save(tmp_path / "lists.fit")
    loaded = fw.Population.load(tmp_path / "lists.fit", build)
    assert loaded.members[1].setting == {"layers": [["tanh", 3], [1]]}


def test_structures_that_differ_are_grouped(regression):
    def build(setting):
        hidden = [fw.layers.Dense(setting["units"], activation=setting["activation"]) for _ in range(2)]
        model = fw.Sequential([fw.Input((3,)), *hidden, fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=fw.optimizers.Adam(setting["rate"]))
        return model

    x, y, _ = regression
    members = fw.grid(units=[3, 4], activation=["relu", "tanh"], rate=[0.01, 0.1])
    population = fw.Population(build, members).fit(x, y, epochs=2, verbose=0)
    assert [len(group.members) for group in population._groups] == [2, 2, 2, 2]
    assert population.predict(x).shape == (8, 50, 1)
    for member, outputs in zip(population.members, population.predict(x), strict=True):
        np.testing.assert_allclose(outputs, member.model.predict(x), rtol=1e-6)


def test_functions_with_constants_of_their_own_are_different_programs(regression):
    def build(setting):
        slope = setting["slope"]
        stack = [fw.Input((3,)), fw.layers.Dense(3, activation=lambda x: slope * x), fw.layers.Dense(1)]
        model = fw.Sequential(stack)
        model.compile(loss="mse", optimizer="sgd")
        return model

    x, y, _ = regression
    population = fw.Population(build, fw.grid(slope=[0.1, 2.0])).fit(x, y, epochs=1, verbose=0)
    assert len(population._groups) == 2
    with random.seed_scope(0):
        model = build({"slope": 2.0})
        history = model.fit(x, y, epochs=1, verbose=0)
    assert population.history[1].history["loss"] == pytest.approx(history.history["loss"])


def test_hyperparameters_may_be_missing_or_called_like_a_metric(regression):
    def build(setting):
        model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(1)])
        model.compile(loss=setting["loss"], optimizer="sgd")
        return model

    x, y, _ = regression
    population = fw.Population(build, [{"loss": "mse"}, {"loss": "mae", "extra": 1}]).fit(x, y, verbose=0)
    assert population.results["loss (setting)"].tolist() == ["mse", "mae"]
    assert population.results["extra"].isna().tolist() == [True, False]


def test_draw_is_the_deprecated_name_of_sample():
    reset_deprecation_warnings()
    with pytest.warns(DeprecationWarning, match=r"fw.draw is deprecated: use fw.sample"):
        settings = fw.draw(3, random_state=1, units=[10, 30])
    assert settings == fw.sample(3, random_state=1, units=[10, 30])


def test_grid_and_sample():
    assert fw.grid(a=[1, 2], b="xy"[:1].split()) == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    drawn = fw.sample(200, random_state=1, rate=scipy.stats.loguniform(1e-4, 1e-1), units=[10, 30])
    assert drawn == fw.sample(200, random_state=1, rate=scipy.stats.loguniform(1e-4, 1e-1), units=[10, 30])
    rates = [setting["rate"] for setting in drawn]
    assert all(1e-4 <= rate <= 1e-1 and isinstance(rate, float) for rate in rates)
    assert scipy.stats.kstest(np.log10(rates), scipy.stats.uniform(-4, 3).cdf).pvalue > 0.01
    assert {setting["units"] for setting in drawn} == {10, 30}
    with pytest.raises(InvalidArgument, match="expected a list of values, got 0.1"):
        fw.grid(rate=0.1)
    with pytest.raises(InvalidArgument, match="the list of values is empty"):
        fw.sample(3, rate=[])
    assert len(fw.sample(np.int64(3), rate=[1])) == 3
    for count, space, message in [
        (0, [1], "count must be the number of settings, an integer of at least 1, got 0"),
        (2, {"low": 1, "high": 2}, "expected a list of values, got {'low': 1"),
        (
            2,
            scipy.stats.loguniform,
            "pass a distribution with parameters, such as rate=scipy.stats.loguniform",
        ),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            fw.sample(count, rate=space)


def test_an_ensemble_of_models_that_differ_in_activation_only(regression):
    x, y, _ = regression

    def build(setting):
        model = fw.Sequential([fw.layers.Dense(8, activation=setting["activation"]), fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer="adam")
        return model

    population = fw.Population(build, fw.grid(activation=["relu", "tanh"])).fit(x, y, verbose=0)
    mean, _ = population.ensemble().predict(x)  # first, while neither has predicted
    outputs = []
    for number, activation in enumerate((lambda z: np.maximum(z, 0), np.tanh)):
        kernel, bias, out, last = population.member(number).get_weights()
        outputs.append(activation(x @ kernel + bias) @ out + last)
    np.testing.assert_allclose(mean, np.mean(outputs, axis=0), rtol=1e-4, atol=1e-5)


def test_predictions_and_ensembles(trained, regression):
    _, _, (x_new, y_new) = regression
    outputs = trained.predict(x_new)
    assert outputs.shape == (6, 20, 1)
    for member, output in zip(trained.members, outputs, strict=True):
        np.testing.assert_allclose(output, member.model.predict(x_new), rtol=1e-6)
    best = np.argsort(trained.results["val_loss"].to_numpy())[:3]
    mean, spread = trained.ensemble(top=3).predict(x_new)
    np.testing.assert_allclose(mean, outputs[best].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(spread, outputs[best].std(axis=0), rtol=1e-4)
    table = trained.evaluate(x_new, y_new)
    np.testing.assert_allclose(table["loss"], ((outputs - y_new) ** 2).mean(axis=(1, 2)), rtol=1e-5)
    with pytest.raises(
        InvalidArgument, match="x must be an array or a collection of arrays, not a generator"
    ):
        trained.evaluate(iter([(x_new, y_new)]))
    with pytest.raises(InvalidArgument, match="top=7 exceeds the number of members, 6"):
        trained.ensemble(top=7)
    with pytest.raises(InvalidArgument, match="top must be an integer of at least 1 or None, got 0"):
        trained.ensemble(top=0)
    assert len(trained.ensemble(top=np.int64(3))) == 3


def test_changing_a_member_changes_no_other(regression):
    """All members use the program of the first one, which is an ordinary model that the user may rebuild."""
    x, y, _ = regression

    def build(setting):
        def loss(y_true, y_pred):  # code that fitwell does not know: never shared with other populations
            return (y_true - y_pred) ** 2

        model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(5, activation="tanh"), fw.layers.Dense(1)])
        model.compile(loss=loss, optimizer="sgd")
        return model

    population = fw.Population(build, seeds=[0, 1]).fit(x, y, verbose=0)
    population.predict(x)
    changed, other = population.member(0), population.member(1)
    changed.layers[0].activation = fw.activations.relu
    kernel, bias, out, last = other.get_weights()
    expected = np.tanh(x @ kernel + bias) @ out + last
    np.testing.assert_allclose(population.predict(x[:4])[1], expected[:4], rtol=1e-5, atol=1e-6)
    changed.evaluate(x, y, verbose=0)
    assert other.evaluate(x, y, verbose=0) == pytest.approx(np.mean((expected - y) ** 2), rel=1e-5)
    alone = fw.models.clone_model(other)
    alone.set_weights(other.get_weights())
    alone.compile(loss=build({}).loss, optimizer="sgd")
    few = {"epochs": 2, "batch_size": 5, "shuffle": False, "verbose": 0}
    expected = alone.fit(x[:10], y[:10], **few).history["loss"]
    np.testing.assert_allclose(other.fit(x[:10], y[:10], **few).history["loss"], expected, rtol=1e-5)


def test_errors_of_a_member_say_whose_they_are(regression):
    x, y, _ = regression

    def build(setting):
        model = fw.Sequential([fw.layers.Dense(10 // setting["units"])])
        model.compile(loss="mse", optimizer="sgd")
        return model

    with pytest.raises(ZeroDivisionError) as caught:
        fw.Population(build, fw.grid(units=[10, 0]), seeds=[7])
    assert caught.value.__notes__ == ["The error occurred in member units=0, seed 7."]
    population = fw.Population(build, fw.grid(units=[10, 5]))
    with pytest.raises(ShapeError, match=r"\(50, 1\) do not match outputs of shape \(rows, 2\)") as caught:
        population.fit(x, y, verbose=0)
    assert caught.value.__notes__ == ["The error occurred in member units=5, seed 0."]


def test_rows_may_be_lists(trained, regression):
    x, _, _ = regression
    np.testing.assert_array_equal(trained.predict(x[:4].tolist()), trained.predict(x[:4]))


def test_a_classifier_that_answers_as_one(classes):
    x, y, _ = classes

    def build(setting):
        model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(3, activation="softmax")])
        model.compile(
            loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy", share_right]
        )
        return model

    def share_right(y_true, y_pred):
        return (y_pred.argmax(axis=-1) == y_true).astype("float32")

    population = fw.Population(build, seeds=range(3)).fit(x, y, epochs=3, verbose=0)
    np.testing.assert_allclose(population.ensemble().predict(x).mean.sum(axis=1), 1, rtol=1e-5)
    ranked = population.results["accuracy"].to_numpy()
    assert population.best("accuracy") is population.member(int(ranked.argmax()))
    # The mode cannot be inferred from the name of a user-defined function.
    assert "share_right" in population.results and "best_share_right" not in population.results
    assert population.best("share_right", mode="max") is population.best("accuracy")
    with pytest.raises(InvalidArgument, match="cannot infer from the name 'share_right'"):
        population.best("share_right")


def test_pictures(trained):
    from matplotlib import pyplot as plt

    curves = trained.plot_curves()
    assert len(curves.lines) == 6 + 1
    np.testing.assert_allclose(
        curves.lines[-1].get_ydata(), np.median([h.history["val_loss"] for h in trained.history], axis=0)
    )
    assert len(trained.plot_curves("loss", by="learning_rate").get_legend().get_texts()) == 3
    effect = trained.plot_effect("learning_rate")
    medians = trained.results.groupby("learning_rate")["val_loss"].median()
    np.testing.assert_allclose(effect.lines[0].get_xydata(), np.c_[medians.index, medians], rtol=1e-6)
    with pytest.raises(InvalidArgument, match="'learning_rat'. Did you mean 'learning_rate'"):
        trained.plot_effect("learning_rat")
    with pytest.raises(InvalidArgument, match="two hyperparameters that vary, got 1 .learning_rate."):
        trained.plot_pairs()
    settings = fw.grid(learning_rate=[0.001, 0.1], name=["a", "b"], units=[1, 2])
    pairs = fw.Population(dense, settings).fit(np.ones((4, 3)), np.ones(4), verbose=0).plot_pairs("loss")
    assert len([axes for axes in pairs.axes if axes.get_xlabel()]) == 3
    apart = fw.Population(dense, [{"a": 1}, {"a": 2}, {"b": 1}, {"b": 2}])
    pairs = apart.fit(np.ones((4, 3)), np.ones(4), verbose=0).plot_pairs("loss")
    assert len(pairs.axes) == 2  # no member has both, so nothing is drawn there
    plt.close("all")


def test_pictures_of_members_that_diverge_show_the_others(regression):
    from matplotlib import pyplot as plt

    def build(setting):
        penalty = fw.regularizers.L2(setting["l2"])
        model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(1, kernel_regularizer=penalty)])
        model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["rate"]), metrics=["mae"])
        return model

    x, y, _ = regression
    members = fw.grid(rate=[0.001, 0.01, 0.1, 0.02, 3.0], l2=[0.0, 1e-4, 0.01]) + [
        {"rate": 0.05, "l2": 0.0, "more": None}
    ]
    population = fw.Population(build, members).fit(x, y, epochs=8, verbose=0)
    losses = population.results["loss"].to_numpy()
    largest = losses[losses < 1e6].max()
    curves = population.plot_curves()
    assert largest < curves.get_ylim()[1] < 1e3 < np.nanmax(losses)
    assert curves.get_title(loc="right").startswith("3 of 16 members have values outside the plot, up to ")
    assert largest < population.plot_effect("rate").get_ylim()[1] < 1e3
    # Decades apart, with a place for the penalty that there is not.
    places = population.plot_effect("l2").transData.transform([(0, 0), (1e-4, 0), (1e-2, 0)])[:, 0]
    np.testing.assert_allclose((places[2] - places[1]) / (places[1] - places[0]), 1.8, rtol=0.02)
    pairs = population.plot_pairs("mae")
    assert pairs.axes[-1].get_ylim()[1] < 1e3
    # A member without the hyperparameter is grey, also where None is a value of it.
    colours = [line.get_color() for line in population.plot_curves(by="more").lines[:16]]
    assert set(map(str, colours[:15])) == {"0.7"} and str(colours[15]) != "0.7"
    texts = population.plot_curves(by="rate").get_legend().get_texts()
    assert [text.get_text() for text in texts] == ["0.001", "0.01", "0.02", "0.05", "0.1", "3"]
    once = fw.Population(build, members[:2]).fit(x, y, epochs=1, verbose=0).plot_curves()
    assert once.lines[0].get_marker() == "o"
    plt.close("all")
