# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node in a process of its own, which can be killed, stopped and continued."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from neuro_control.ros import process

# Wall time that a process has to end by itself, s.
_END = 5.0


class Child:
    """A node's process.

    Args:
        name: Name of the node.
        node: ``module:Class``.
        parameters: Its ROS parameters.
        domain: ROS domain.
    """

    def __init__(self, name: str, node: str, parameters: Mapping[str, Any], domain: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="neuro_control_faults_")
        folder = Path(self._folder.name)
        file = folder / "parameters.yaml"
        file.write_text(yaml.dump({f"/**/{name}": {"ros__parameters": dict(parameters)}}))
        self._log = folder / "log"
        environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(domain),
            process.PARENT_VARIABLE: str(os.getpid()),
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "neuro_control.ros.process", node),
                    *("--ros-args", "--params-file", str(file)),
                ],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def number(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Exit code; minus the signal that ended it; None while it is alive."""
        return self._process.poll()

    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is alive."""
        if self.alive:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a chance to say anything."""
        self._process.kill()
        self._process.wait()

    def limit_files(self, size: int | None) -> None:
        """Limit the size of files that it writes, bytes, as a full disk does; None frees it."""
        _, hard = resource.prlimit(self.number, resource.RLIMIT_FSIZE)
        soft = hard if size is None else size
        resource.prlimit(self.number, resource.RLIMIT_FSIZE, (soft, hard))

    def waited(self) -> dict[str, float]:
        """Time for which each thread was ready to run and the machine ran others, s."""
        found = {}
        for file in Path(f"/proc/{self.number}/task").glob("*/schedstat"):
            try:
                found[file.parent.name] = 1e-9 * int(file.read_text().split()[1])
            except (OSError, IndexError):
                continue  # the thread has just ended
        return found

    def close(self) -> None:
        """End it, and remove what it has left."""
        if self.alive:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                self._process.wait(_END)
            except subprocess.TimeoutExpired:
                self.kill()
        self._folder.cleanup()
