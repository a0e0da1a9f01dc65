"""The entry point for ``python -m fitwell``, which runs the command line."""

import sys

from fitwell.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
