"""Populations: total wall time of training many small networks, beside the ways in which others do it."""
