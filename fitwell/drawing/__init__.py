"""What every picture of this library is drawn with: axes, limits, notes, colours, legends, and names as they are.

No function here shows a figure, and none chooses a backend of matplotlib.
"""
