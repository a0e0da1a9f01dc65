"""Data loaders, which yield a run's rows as dispatches. One dispatch is the input for one call to the compiled loop.

An `ArrayLoader` keeps its rows on the device and permutes them every epoch. A `GeneratorLoader` reads batches from an
iterator, or slices arrays that are larger than memory, and prefetches the batches on a thread.
"""

from fitwell._data.loaders.array_loader import MAX_EPOCHS_PER_DISPATCH, ArrayLoader
from fitwell._data.loaders.base import Batch, DataLoader, Dispatch, batch_layout, count_rows, pad_rows
from fitwell._data.loaders.generator_loader import MAX_BATCHES_PER_BLOCK, GeneratorLoader

__all__ = [
    "MAX_BATCHES_PER_BLOCK",
    "MAX_EPOCHS_PER_DISPATCH",
    "ArrayLoader",
    "Batch",
    "DataLoader",
    "Dispatch",
    "GeneratorLoader",
    "batch_layout",
    "count_rows",
    "pad_rows",
]
