"""The command line of fitwell.

Its commands train on a table or a data set, search for good settings, predict, and show runs in TensorBoard.
"""

from fitwell.cli.entry_point import main

__all__ = ["main"]
