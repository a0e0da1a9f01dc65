"""Measure which loops gain from being one function, for the limits in `fitwell/_engine/xla_cpu_heuristics.py`.

Run by `python -m benchmarks.loop_fusion`: trains dense networks in three ways, one after the other, and prints their
epoch times: with the loop compiled into one function, with the loop kept apart, and kept apart with the compiler
options of the first way, which take matrix products to Eigen instead of XLA's library of kernels.
"""

from __future__ import annotations

import time
from statistics import median
from unittest import mock

import numpy as np

from benchmarks.environment import set_environment

# Widths of the layers and the batch size.
SHAPES = [
    ((8, 30, 1), 32),
    ((2, 500, 1), 30),
    ((30, 32, 1), 32),
    ((30, 64, 1), 32),
    ((13, 32, 16, 1), 8),
    ((13, 32, 16, 1), 32),
    ((64, 32, 1), 32),
    ((64, 64, 1), 8),
    ((32, 32, 32, 1), 32),
    ((16, 64, 64, 1), 32),
    ((64, 100, 10), 32),
    ((100, 300, 10), 32),
    ((784, 300, 100, 10), 32),
    ((64, 1024, 512, 10), 32),
]
ROWS, EPOCHS, REPEATS = 1000, 10, 7


def epoch_time(widths: tuple[int, ...], batch_size: int, fuse_loop: bool, library: bool) -> list[float]:
    """Return seconds an epoch, measured `REPEATS` times, with the choices of the engine overruled."""
    import fitwell as fw
    from fitwell._engine import compile_cache

    options = compile_cache.compiler_options(library)
    compile_cache.clear_caches()

    generator = np.random.default_rng(0)
    x = generator.normal(size=(ROWS, widths[0])).astype(np.float32)
    y = generator.normal(size=(ROWS, widths[-1])).astype(np.float32)
    hidden = [fw.layers.Dense(units, activation="relu") for units in widths[1:-1]]
    model = fw.Sequential([fw.layers.Input((widths[0],)), *hidden, fw.layers.Dense(widths[-1])])
    model.compile(loss="mse", optimizer="sgd")
    seconds = []
    with (
        mock.patch("fitwell._engine.xla_cpu_heuristics.should_fuse_loop", lambda *_, **__: fuse_loop),
        mock.patch("fitwell._engine.compile_cache.compiler_options", lambda _: options),
        mock.patch(
            "fitwell.models.executable_sharing.MAX_PARAMETERS", -1
        ),  # or it ran what was compiled another way
    ):
        model.fit(x, y, batch_size=batch_size, epochs=EPOCHS, verbose=0)
        for _ in range(REPEATS):
            began = time.perf_counter()
            model.fit(x, y, batch_size=batch_size, epochs=EPOCHS, verbose=0)
            seconds.append((time.perf_counter() - began) / EPOCHS)
    return seconds


def main() -> None:
    """Print the table."""
    set_environment("cpu")
    print("network              batch  one function, ms  kept apart, ms  with Eigen, ms")
    for widths, batch_size in SHAPES:
        ways = ((True, False), (False, True), (False, False))
        together, apart, eigen = (1e3 * median(epoch_time(widths, batch_size, *way)) for way in ways)
        name = "-".join(map(str, widths))
        print(f"{name:20} {batch_size:5} {together:17.3f} {apart:15.3f} {eigen:15.3f}")


if __name__ == "__main__":
    main()
