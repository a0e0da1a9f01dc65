"""Run the command line with ``python -m fitwell``."""

import sys

from fitwell.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
