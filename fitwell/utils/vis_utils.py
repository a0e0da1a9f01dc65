"""The older address of `plot_model`."""

from fitwell.spellings import older_address

__getattr__ = older_address("fitwell.utils.vis_utils", "fitwell.utils", ["plot_model"])
