"""Internal matplotlib helpers that all plots share, for axis limits, ticks, labels, notes, colors and legends.

No function here shows a figure or selects a matplotlib backend.
"""

__all__: list[str] = []
