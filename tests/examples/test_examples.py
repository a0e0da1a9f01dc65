"""Every example runs in smaller settings, and gains what it says it gains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from examples import greedy_pretraining, perceptron, stacked_autoencoder, transfer_learning


@pytest.mark.slow
def test_reused_layers_know_sandals_from_shirts(
    load_dataset: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    load_dataset("fashion_mnist")
    found = transfer_learning.main(seeds=range(1), base_rows=10_000, base_epochs=1)
    assert [len(values) for values in found.values()] == [1, 1, 1]
    # Half the pictures are shirts: the untrained top alone would get half of them right.
    assert min(found["from scratch"]) > 0.97
    assert min(found["reused, frozen"]) > 0.8
    assert min(found["reused, all trained"]) > 0.97
    assert capsys.readouterr().out.count("test accuracy") == 3


@pytest.mark.slow
def test_transfer_learning_passes_the_published_99_25_percent(load_dataset: Any) -> None:
    load_dataset("fashion_mnist")
    found = transfer_learning.main()
    assert np.mean(found["reused, all trained"]) > 0.9925
    assert np.mean(found["reused, all trained"]) > np.mean(found["from scratch"])


@pytest.mark.slow
def test_a_stacked_autoencoder_beats_principal_components(load_dataset: Any) -> None:
    load_dataset("fashion_mnist")
    found = stacked_autoencoder.main(seeds=range(1), rows=20_000, epochs=6, labelled_epochs=5)
    assert np.mean(found["error"]) < 0.95 * found["error of principal components"][0]
    assert np.mean(found["accuracy on the encoder"]) > 0.7


@pytest.mark.slow
def test_greedy_pretraining_gets_a_deep_sigmoid_network_going(load_dataset: Any) -> None:
    load_dataset("mnist")
    found = greedy_pretraining.main(seeds=range(1))
    assert found["pretrained layer by layer"][0] > 0.85
    assert found["pretrained layer by layer"][0] > found["at once"][0] + 0.1


def test_one_unit_finds_setosa_and_xor_takes_two_layers() -> None:
    found = perceptron.main()
    assert found["setosa"] == found["xor, two layers"] == 1
    assert found["xor, one unit"] <= 0.75
