"""The older address of the layers that prepare their inputs."""

from fitwell.spellings import older_address

__getattr__ = older_address(
    "fitwell.layers.experimental.preprocessing",
    "fitwell.layers",
    [
        "CategoryEncoding",
        "Normalization",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "Rescaling",
    ],
)
