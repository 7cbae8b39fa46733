# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of this machine: what is installed, its clock, its scheduling and its pictures."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from neuro_control import resources
from neuro_control.doctor.check import Check, Finding, failed, passed, warned
from neuro_control.simulation.rendering import BACKENDS, PACKAGES

_PYTHONS = ((3, 10), (3, 13))
# What a node needs beside ROS.
_LIBRARIES = ("numpy", "scipy", "numba", "mujoco", "gymnasium", "daqp", "safetensors")
# The priority that docs/safety.md gives the driver.
_PRIORITY = 40
# From Linux's <sys/timex.h>: the clock is not synchronised; and a clock that is further off, µs.
_STA_UNSYNC = 0x0040
_CLOCK_ERROR = 100_000
# Space for logs and recordings, bytes.
_SPACE = 500_000_000
# Draws one black pixel with MuJoCo.
_DRAW = (
    "import mujoco; m = mujoco.MjModel.from_xml_string('<mujoco/>'); "
    "r = mujoco.Renderer(m, 8, 8); r.update_scene(mujoco.MjData(m)); r.render(); r.close()"
)


def checks() -> list[tuple[str, Check]]:
    """Checks of this machine, by name."""
    return [
        ("python", python),
        ("libraries", libraries),
        ("middleware", middleware),
        ("clock", clock),
        ("real-time scheduling", scheduling),
        ("rendering", rendering),
        ("disk", disk),
    ]


def python() -> Finding:
    """Whether this Python is one that the package knows."""
    here = ".".join(map(str, sys.version_info[:3]))
    low, high = _PYTHONS
    if low <= sys.version_info[:2] <= high:
        return passed("python", here)
    return failed("python", here, "make the environment with Python 3.10 to 3.13")


def libraries() -> Finding:
    """Which versions of the libraries are installed."""
    found, missing = {}, []
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            missing.append(name)
    there = ", ".join(f"{name} {number}" for name, number in found.items())
    if missing:
        return failed("libraries", there, f"pip install {' '.join(missing)}")
    return passed("libraries", there)


def middleware() -> Iterator[Finding]:
    """Which ROS and which middleware nodes run on, and in which domain."""
    if importlib.util.find_spec("rclpy") is None:
        remedy = (
            "source a ROS 2 distribution (Jazzy or Kilted), or pip install 'neuro_control[ros]'"
        )
        yield failed("middleware", "there is no rclpy", remedy)
        return
    import rclpy

    distribution = os.environ.get("ROS_DISTRO", "wheels")
    name = rclpy.get_rmw_implementation_identifier()
    yield passed("middleware", f"ROS {distribution}, {name}{_version_of_ros()}")
    yield domain()
    yield _discovery()


def _version_of_ros() -> str:
    try:
        return f", rclpy {version('ros-rclpy')}"
    except PackageNotFoundError:
        return ""


def domain() -> Finding:
    """ROS_DOMAIN_ID."""
    text = os.environ.get("ROS_DOMAIN_ID", "")
    if not text:
        return passed("domain", "0, since ROS_DOMAIN_ID is not set")
    if text.isdigit() and int(text) <= 101:
        return passed("domain", text)
    if text.isdigit() and int(text) <= 232:
        remedy = "export ROS_DOMAIN_ID with a number up to 101: the ports of others may be taken"
        return warned("domain", text, remedy)
    return failed("domain", f"ROS_DOMAIN_ID is '{text}'", "export ROS_DOMAIN_ID=0 (to 101)")


def _discovery() -> Finding:
    """How far nodes look for one another."""
    if os.environ.get("ROS_LOCALHOST_ONLY") == "1":
        return passed("discovery", "this machine only (ROS_LOCALHOST_ONLY)")
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET").upper()
    words = {"LOCALHOST": "this machine only", "SUBNET": "this machine and its networks"}
    if reach == "OFF":
        remedy = "unset ROS_AUTOMATIC_DISCOVERY_RANGE: nodes find none but ROS_STATIC_PEERS"
        return warned("discovery", "off", remedy)
    return passed("discovery", words.get(reach, reach))


class _Timex(ctypes.Structure):
    """The beginning of Linux's struct timex, and room for its rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


def clock() -> Finding:
    """Whether the clock is set by others (NTP, PTP), and how far it may be off."""
    times = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(times)) < 0:
        return warned("clock", "its state can't be read", "look at `timedatectl`")
    remedy = "sudo timedatectl set-ntp true, or install chrony: stamps of two machines must agree"
    if times.status & _STA_UNSYNC:
        return warned("clock", "it is not synchronised with any other", remedy)
    if times.maxerror > _CLOCK_ERROR:
        return warned("clock", f"synchronised, to {times.maxerror / 1e3:.0f} ms at most", remedy)
    return passed("clock", f"synchronised, to {times.maxerror / 1e3:.0f} ms at most")


def scheduling() -> Finding:
    """Whether a node may take a real-time priority."""
    name, before = "real-time scheduling", os.sched_getscheduler(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError:
        remedy = (
            f"add `USER - rtprio {_PRIORITY + 9}` to /etc/security/limits.conf and log in again, "
            "or leave thread_priority at 0"
        )
        return warned(name, f"this user may not take priority {_PRIORITY}", remedy)
    os.sched_setscheduler(0, before, os.sched_param(0))
    return passed(name, f"priority {_PRIORITY} may be taken")


def rendering() -> Finding:
    """Whether MuJoCo draws pictures here; only simulated cameras and animations need them."""
    chosen = os.environ.get("MUJOCO_GL", "disable")
    for backend in BACKENDS if chosen == "disable" else (chosen,):
        done = subprocess.run(
            [sys.executable, "-c", _DRAW],
            env={**os.environ, "MUJOCO_GL": backend},
            capture_output=True,
            timeout=60,
        )
        if done.returncode == 0:
            return passed("rendering", f"MuJoCo draws with {backend}")
    remedy = f"install {PACKAGES} (Debian and Ubuntu), if cameras are simulated here"
    return warned("rendering", "MuJoCo draws no pictures", remedy)


def disk() -> Finding:
    """Whether there is space for logs and recordings."""
    free = shutil.disk_usage(os.path.expanduser("~")).free  # noqa: PTH111  # ROS's logs are there
    if free < _SPACE:
        return warned("disk", f"{free / 1e6:.0f} MB are free", "make room for logs and recordings")
    return passed("disk", f"{free / 1e9:.1f} GB are free; files are in {resources.share()}")
