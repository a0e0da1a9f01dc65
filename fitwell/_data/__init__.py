"""Data preparation: arrays, tables, preprocessors, splits, and the loaders that feed a training run."""

__all__: list[str] = []
