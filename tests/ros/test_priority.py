# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The real-time priority of a node's threads, in a process of its own."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.faults.child import Child
from neuro_control.ros.lifecycle import priority
from tests.bench import wait_until

PRIORITY = 7


@pytest.fixture
def permitted():
    """Skips where the user may give no process a real-time priority."""
    process = subprocess.Popen(["sleep", "60"])
    try:
        os.sched_setscheduler(process.pid, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        pytest.skip("the user may not give real-time priorities")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def toy(request):
    domain = int(os.environ.get("ROS_DOMAIN_ID", "0"))
    child = Child("toy", "tests.ros.toy:Toy", {"thread_priority": request.param}, domain)
    yield child
    child.close()


def priorities(child):
    """Policy and priority of each of a process's threads."""
    found = []
    for thread in Path(f"/proc/{child.number}/task").iterdir():
        number = int(thread.name)
        found.append((os.sched_getscheduler(number), os.sched_getparam(number).sched_priority))
    return found


@pytest.mark.parametrize("toy", [PRIORITY], indirect=True)
def test_all_threads_of_a_node_have_the_priority_that_is_asked_for(permitted, toy):
    wait_until(
        lambda: set(priorities(toy)) == {(os.SCHED_FIFO, PRIORITY)} or not toy.alive,
        "all threads have it",
    )
    assert toy.alive, toy.log()
    assert len(priorities(toy)) > 3


def test_a_priority_that_is_not_permitted_is_refused_with_what_permits_it(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with pytest.raises(
        ConfigurationError, match="not permitted: let the user have it by `- rtprio"
    ):
        priority.prioritise(PRIORITY)
