"""Names and colors of logged values that histories and plots share."""

__all__ = ["LEARNING_RATE_NAMES", "TRAINING_COLOR", "VALIDATION_COLOR", "VALIDATION_PREFIX"]

VALIDATION_PREFIX = "val_"
# The names under which the learning rate is logged. It is not a metric.
# In Keras 2, it was logged as ``lr``.
LEARNING_RATE_NAMES = ("learning_rate", "lr")
TRAINING_COLOR = "#2f6db5"
VALIDATION_COLOR = "#d9731a"
