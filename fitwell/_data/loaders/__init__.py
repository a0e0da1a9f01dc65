"""Data loaders: yield the rows of a run as dispatches, each for one call of the compiled loop.

An `ArrayLoader` keeps its rows on the device and permutes them every epoch. A `GeneratorLoader` takes batches from an
iterator, or slices of arrays larger than memory, and prefetches them on a thread.
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
