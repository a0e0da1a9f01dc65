"""The command line: train on a table or a data set, search for settings, predict, show runs in TensorBoard."""

from fitwell.cli.entry_point import main

__all__ = ["main"]
