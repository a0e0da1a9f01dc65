"""Real tables: fitwell at its defaults against boosting, networks and linear models (`python -m benchmarks.tables`)."""
