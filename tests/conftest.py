# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every test process keeps to itself: discovery on this machine, a domain, a thread of its own."""

import fcntl
import gc
import os
import signal
import tempfile
from pathlib import Path


def claim_domain():
    """A ROS domain that no other test process on this machine uses."""
    for number in range(os.getpid(), os.getpid() + 100):
        domain = 1 + number % 100
        path = Path(tempfile.gettempdir()) / f"neuro_control_test_domain_{domain}"
        # Open until the process ends, which lets go of the lock.
        lock = os.open(path, os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return domain
    raise RuntimeError("a hundred test processes run already")


# A shell that starts the tests in the background has Ctrl-C ignored, by their children as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["ROS_DOMAIN_ID"] = str(claim_domain())
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")
# Where other processes keep the cores busy, threads that share a product of matrices wait for each
# other, ten times as long as it takes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from neuro_control.ros.process import discover_locally

discover_locally()

import pytest
from hypothesis import settings

from tests.bench import Bench

# A test that takes longer on a busy machine is no wrong test.
settings.register_profile("neuro_control", deadline=None)
# Chosen by --hypothesis-profile long: many more sequences for the state machines.
settings.register_profile("long", deadline=None, max_examples=1000)
settings.load_profile("neuro_control")


@pytest.fixture
def bench():
    """ROS, initialised without arguments, and nodes that are closed in the end."""
    # Nodes of the test before are parts of cycles that its fixtures have held until now; what is
    # left of them would be in this test's graph.
    gc.collect()
    made = Bench()
    try:
        yield made
    finally:
        made.close()
