"""Categorical labels of pandas are trained on as class numbers."""

import numpy as np
import pandas as pd

import fitwell as fw


def test_a_categorical_series_is_the_same_as_its_codes() -> None:
    generator = np.random.default_rng(0)
    x = pd.DataFrame(generator.normal(size=(60, 3)), columns=["a", "b", "c"])
    labels = pd.Series(np.where(x["a"] > 0, "yes", "no"), dtype=pd.CategoricalDtype(["yes", "no"]))
    histories = []
    for y in (labels, pd.Categorical(labels), labels.cat.codes.to_numpy()):
        fw.utils.set_random_seed(1)
        model = fw.Sequential([fw.layers.Input((3,)), fw.layers.Dense(2, activation="softmax")])
        model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
        histories.append(model.fit(x, y, epochs=3, verbose=0).history)
    assert histories[0] == histories[1] == histories[2]
