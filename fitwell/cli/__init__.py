"""fitwell's command-line interface.

Its commands train on a table or a data set, search for good settings, predict, and show runs in TensorBoard.
"""

from fitwell.cli.entry_point import main

__all__ = ["main"]
