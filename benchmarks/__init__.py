"""Side-by-side benchmarks of fitwell, its peers, and the fastest loop we can write by hand."""

import os

# A benchmark of the first epoch must compile, also if an earlier run has stored the program on disk.
os.environ.setdefault("FITWELL_COMPILE_CACHE", "0")
