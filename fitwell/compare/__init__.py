"""Honest comparison of training ideas: paired repeats, intervals, and plain sentences."""
