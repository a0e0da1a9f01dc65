"""A stacked autoencoder on Fashion-MNIST, and a classifier on top of its encoder.

The encoder compresses 784 pixels to 30 numbers, and the decoder reconstructs the image. Two questions are answered on
test images. Is the reconstruction better than that of 30 principal components, the best linear encoder? And does
the encoder, which needs no labels, improve a classifier that has only a few hundred labels?

With three seeds the mean squared error is 0.013, and 0.016 for the principal components. With 500 labels the accuracy
is 79.2 % with the encoder and 77.0 % from scratch. (With 100 labels the encoder does not help.)

    python -m examples.stacked_autoencoder
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import fitwell as fw


def make_encoder() -> fw.Sequential:
    """Create the encoder, 784-100-30."""
    return fw.Sequential(
        [
            fw.Input((784,)),
            fw.layers.Dense(100, activation="selu", kernel_initializer="lecun_normal"),
            fw.layers.Dense(30, activation="selu", kernel_initializer="lecun_normal"),
        ],
        name="encoder",
    )


def train_autoencoder(images: np.ndarray, epochs: int) -> fw.Sequential:
    """Train an autoencoder, 784-100-30-100-784."""
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
    """Reconstruct `unseen` from the first `count` principal components of `images`."""
    mean = images.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(images, rowvar=False))
    kept = axes[:, -count:]
    return mean + (unseen - mean) @ kept @ kept.T


def classify(encoder: fw.Sequential, images: np.ndarray, labels: np.ndarray, epochs: int) -> fw.Sequential:
    """Train a classifier on top of `encoder`: first the top alone, then both together."""
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
    """Train once per seed; return the reconstruction errors and the accuracies."""
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
