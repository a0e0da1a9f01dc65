"""A population uses all devices, and its results do not depend on their number."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fitwell import config


@pytest.mark.slow
def test_four_devices_do_what_one_does():
    done = subprocess.run(
        [sys.executable, "-m", "tests.population.several_devices"],
        env={
            **os.environ,
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": f"{config.XLA_SMALL_LOOP_FLAG} --xla_force_host_platform_device_count=4",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
