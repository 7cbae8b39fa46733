# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A process that runs nodes: it starts, spins and ends without traceback, orphan or hang."""

from __future__ import annotations

import errno
import gc
import hashlib
import importlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import rclpy
import yaml
from rclpy.exceptions import InvalidParameterException, ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_text
from neuro_control.ros.intraprocess import Bus
from neuro_control.ros.parameters import parameters_of
from neuro_control.ros.safety.supervision import report_failure

# Set to its process number by whoever starts nodes; they end when that process has ended.
PARENT_VARIABLE = "NEURO_CONTROL_END_WITH_PARENT"
# Names a folder in which each node leaves its parameters when it starts, as ``parameter_file``.
PARAMETERS_VARIABLE = "NEURO_CONTROL_PARAMETERS_FOLDER"

_POLL = 0.1


def discover_locally() -> None:
    """Make discovery quick and keep it on this machine, unless the environment says otherwise.

    Must run before rclpy is initialised.
    """
    if not any(
        name in os.environ
        for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_DISCOVERY_SERVER")
    ):
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    # The first is Fast DDS 2's name for it (Jazzy), the second Fast DDS 3's (Kilted).
    names = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
    if not any(name in os.environ for name in names):
        profile = str(resources.find_file("config", "fastdds.xml"))
        os.environ.update(dict.fromkeys(names, profile))


class Stop:
    """Says when to end: on Ctrl-C, SIGTERM, or the end of the parent process."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._interrupting = False
        self._parent = int(os.environ.get(PARENT_VARIABLE) or 0)
        self._before = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        if self._interrupting:
            raise KeyboardInterrupt

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let a signal raise KeyboardInterrupt within the block.

        Nodes are configured in it: nothing moves yet, and a control law that is compiled for the
        first time would keep the process for another half a minute.
        """
        self._interrupting = True
        try:
            yield
        finally:
            self._interrupting = False

    def __call__(self) -> bool:
        """Whether it is time to end."""
        return self.signal is not None or self._orphaned() or not rclpy.ok()

    def _orphaned(self) -> bool:
        if not self._parent:
            return False
        try:
            os.kill(self._parent, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # the process exists and belongs to another user
        return False

    @staticmethod
    def ignore() -> None:
        """Ignore further signals while the process ends; under launch Ctrl-C arrives twice."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def restore(self) -> None:
        """Handle signals as before this object was made."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def initialise(arguments: Sequence[str] | None = None) -> None:
    """Initialise rclpy, leaving signals to ``Stop``.

    Raises:
        ConfigurationError: The ROS arguments or the parameter file can't be read.
    """
    try:
        rclpy.init(
            args=None if arguments is None else list(arguments),
            signal_handler_options=SignalHandlerOptions.NO,
        )
    except Exception as error:
        raise ConfigurationError(f"rclpy rejects the ROS arguments: {error}") from error


def settle() -> None:
    """Have the garbage collector pass over all that there is by now, until ``close``.

    Looking through what the libraries brought takes it 20 to 100 ms, in the midst of a control
    step; what is made from now on takes it less than 0.1 ms.
    """
    gc.collect()
    gc.freeze()


def spin(nodes: Sequence[Node], until: Callable[[], bool], bus: Bus | None = None) -> None:
    """Run the nodes' callbacks in this thread until ``until`` says so or rclpy is shut down.

    What fails outside of a callback, as a message that can't be decoded, brings all nodes to their
    safe state, since nobody can tell whose it was; they stay alive.

    Args:
        nodes: The nodes.
        until: Whether to end.
        bus: Has the messages that the nodes hand to one another, if they do.
    """
    # The events executor takes a quarter of the time per message that the others take; its
    # spin() can't be ended from here, spin_once() with a time-out can.
    executor = EventsExecutor()
    for node in nodes:
        executor.add_node(node)
    turn = partial(executor.spin_once, timeout_sec=_POLL)
    if bus is not None:
        turn = partial(bus.turn, executor, _POLL)
    try:
        while not until() and rclpy.ok():
            try:
                turn()
            except ExternalShutdownException:
                return
            except Exception as error:
                report_failure(nodes, "the middleware", error)
    finally:
        for node in nodes:
            executor.remove_node(node)
        executor.shutdown()


def claim(nodes: Sequence[Node]) -> list[socket.socket]:
    """Claim the nodes' names on this machine and ROS domain for as long as the sockets stay open.

    Two nodes of one name would command one robot. A name is claimed as the address of a socket
    without a file, which is visible to all users and which the kernel frees when the process ends,
    however it ends. The discovery protocol would consider a killed node alive for another 20 s.

    Raises:
        ConfigurationError: A node of that name runs already.
    """
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    claims: list[socket.socket] = []
    for node in nodes:
        name = node.get_fully_qualified_name()
        claims.append(socket.socket(socket.AF_UNIX))
        # The longest address has 107 bytes; a digest of any name fits.
        digest = hashlib.sha256(name.encode()).hexdigest()
        try:
            claims[-1].bind(f"\0neuro_control/{domain}/{digest}")
        except OSError as error:
            release(claims)
            if error.errno != errno.EADDRINUSE:
                raise
            raise ConfigurationError(
                f"{name} already runs on ROS domain {domain}: stop it, or set another "
                "ROS_DOMAIN_ID or namespace"
            ) from None
    return claims


def release(claims: Sequence[socket.socket]) -> None:
    """Give claimed names back."""
    for each in claims:
        each.close()


def check(node: Any) -> None:
    """Raise the failure that ended ``node`` early, if any, as a ConfigurationError."""
    failure = getattr(node, "failure", None)
    if failure is not None:
        raise ConfigurationError(f"{node.get_name()}: {failure}")


def close(nodes: Sequence[Node]) -> bool:
    """End the nodes; the first, which may be a simulation, is ended last.

    Controllers send their safe command. A node that fails to end does not keep the others from
    ending.

    Returns:
        Whether all nodes ended well; each failure is printed in one line.
    """
    Stop.ignore()
    well = True
    if rclpy.ok():
        for node in reversed(nodes):
            try:
                getattr(node, "stop", lambda: None)()
            except Exception as error:
                well = False
                print(f"error: {node.get_name()} did not end well: {error}", file=sys.stderr)
        # The last messages are sent before their publishers are destroyed.
        time.sleep(0.05 if nodes else 0.0)
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()
    gc.unfreeze()
    return well


def parameter_file(name: str) -> str:
    """Name of the file in which the node of a full name leaves its parameters."""
    return f"{name.lstrip('/').replace('/', '.')}.yaml"


def run_node(make: Callable[[], Any]) -> None:
    """Main function of a node's executable: exits with 0 after a signal, with 1 after an error."""
    nodes: list[Any] = []
    claims: list[socket.socket] = []
    try:
        initialise()
        stop = Stop()
        with stop.interrupting():
            nodes.append(make())
            claims = claim(nodes)
            folder = os.environ.get(PARAMETERS_VARIABLE)
            if folder:
                path = Path(folder) / parameter_file(nodes[0].get_fully_qualified_name())
                write_text(path, yaml.dump(parameters_of(nodes[0]), sort_keys=False))
            start = getattr(nodes[0], "start", None)
            if start is not None:
                start()
        settle()
        spin(nodes, lambda: stop() or getattr(nodes[0], "finished", False))
        check(nodes[0])
    except (ConfigurationError, ParameterException, InvalidParameterException) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        pass  # a signal came before the node was configured
    finally:
        well = close(nodes)
        release(claims)
    if not well:
        raise SystemExit(1)


def _main() -> None:
    """``python -m neuro_control.ros.process module:Class --ros-args …`` runs that node."""
    module, _, name = sys.argv[1].partition(":")
    run_node(getattr(importlib.import_module(module), name))


if __name__ == "__main__":
    _main()
