"""Side-by-side benchmarks of fitwell, its peers, and the fastest loop we can write by hand."""
