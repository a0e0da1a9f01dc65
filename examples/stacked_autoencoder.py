"""A stacked autoencoder on Fashion-MNIST, trained in one go, and what its lower half is good for.

The encoder squeezes 784 pixels into 30 numbers, the decoder makes a picture of them again. Two questions are
answered on pictures that neither saw: does the network reconstruct better than 30 principal components, the
best a linear encoder can do? And does the encoder, which needed no labels, help a classifier that has only
a few hundred of them?

Three seeds: the mean squared error is 0.013 against 0.016 of the principal components; with 500 labels the
accuracy is 79.2 % on the encoder and 77.0 % from scratch. (With 100 labels the encoder does not help.)

    python -m examples.stacked_autoencoder
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import fitwell as fw


def make_encoder() -> fw.Sequential:
    """Return 784-100-30."""
    return fw.Sequential(
        [
            fw.Input((784,)),
            fw.layers.Dense(100, activation="selu", kernel_initializer="lecun_normal"),
            fw.layers.Dense(30, activation="selu", kernel_initializer="lecun_normal"),
        ],
        name="encoder",
    )


def train_autoencoder(images: np.ndarray, epochs: int) -> fw.Sequential:
    """Return 784-100-30-100-784, trained to give back what it was shown."""
    decoder = fw.Sequential(
        [
            fw.Input((30,)),
            fw.layers.Dense(100, activation="selu", kernel_initializer="lecun_normal"),
            fw.layers.Dense(784, activation="sigmoid"),
        ],
        name="decoder",
    )
    model = fw.Sequential([make_encoder(), decoder])
    model.compile(loss="binary_crossentropy", optimizer=fw.optimizers.Adam(2e-3))
    model.fit(images, images, batch_size=64, epochs=epochs, verbose=0)
    return model


def principal_components(images: np.ndarray, unseen: np.ndarray, count: int = 30) -> np.ndarray:
    """Return `unseen` as rebuilt from its `count` principal components."""
    mean = images.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(images, rowvar=False))
    kept = axes[:, -count:]
    return mean + (unseen - mean) @ kept @ kept.T


def classify(encoder: fw.Sequential, images: np.ndarray, labels: np.ndarray, epochs: int) -> fw.Sequential:
    """Return a classifier on top of `encoder`: the top is trained alone first, then both together."""
    model = fw.Sequential([encoder, fw.layers.Dense(10, activation="softmax")])
    for trainable in (False, True):
        encoder.trainable = trainable
        model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        model.fit(images, labels, epochs=epochs, verbose=0)
    return model


def main(
    seeds: Sequence[int] = range(3),
    rows: int = 60_000,
    epochs: int = 3,
    labelled: int = 500,
    labelled_epochs: int = 50,
) -> dict[str, list[float]]:
    """Train once per seed; return the squared errors of reconstruction and the accuracies."""
    (images, labels), (test_images, test_labels) = fw.datasets.fashion_mnist.load_data()
    images, test_images = (x.reshape(len(x), -1).astype("float32") / 255 for x in (images, test_images))
    images = images[:rows]
    linear = np.square(principal_components(images, test_images) - test_images).mean()
    found: dict[str, list[float]] = {"error": [], "error of principal components": [float(linear)]}
    found |= {"accuracy from scratch": [], "accuracy on the encoder": []}
    for seed in seeds:
        fw.utils.set_random_seed(seed)
        few = np.random.default_rng(seed).choice(len(images), labelled, replace=False)
        autoencoder = train_autoencoder(images, epochs)
        found["error"].append(float(np.square(autoencoder.predict(test_images) - test_images).mean()))
        encoders = {"from scratch": make_encoder(), "on the encoder": autoencoder.get_layer("encoder")}
        for name, encoder in encoders.items():
            model = classify(encoder, images[few], labels[few], labelled_epochs)
            found[f"accuracy {name}"].append(model.evaluate(test_images, test_labels, verbose=0)[1])
    for name, values in found.items():
        print(f"{name:30} {np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})")
    return found


if __name__ == "__main__":
    main()
