"""``python -m fitwell``: the command line."""

import sys

from fitwell.cli import main

sys.exit(main())
