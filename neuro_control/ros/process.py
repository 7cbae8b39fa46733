"""A process that runs nodes: start, spin, and an end without traceback, orphan or hang."""

from __future__ import annotations

import fcntl
import importlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, Any

import rclpy
from rclpy.exceptions import InvalidParameterException, ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from neuro_control import resources
from neuro_control.errors import ConfigurationError

# Set by whatever starts nodes as its children: they then end when it is gone.
PARENT_VARIABLE = "NEURO_CONTROL_END_WITH_PARENT"

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
        profile = str(resources.find("config", "fastdds.xml"))
        os.environ.update(dict.fromkeys(names, profile))


class Stop:
    """Says when to end: on Ctrl-C, SIGTERM, or the end of the parent process."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._parent = os.getppid() if os.environ.get(PARENT_VARIABLE) else None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = number

    def __call__(self) -> bool:
        """Whether it is time to end."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return self.signal is not None or orphaned or not rclpy.ok()

    @staticmethod
    def ignore() -> None:
        """From now on the end is under way: Ctrl-C arrives twice under launch."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


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
        raise ConfigurationError(f"ROS doesn't take these arguments: {error}") from error


def spin(nodes: Sequence[Node], until: Callable[[], bool]) -> None:
    """Run the nodes' callbacks in this thread until ``until`` says so or rclpy is shut down."""
    # The events executor takes a quarter of the time per message that the others take; its
    # spin() can't be ended from here, spin_once() with a time-out can.
    executor = EventsExecutor()
    for node in nodes:
        executor.add_node(node)
    try:
        while not until():
            executor.spin_once(timeout_sec=_POLL)
    except ExternalShutdownException:
        pass
    finally:
        for node in nodes:
            executor.remove_node(node)
        executor.shutdown()


def claim(nodes: Sequence[Node]) -> list[IO[str]]:
    """Claim the nodes' names on this machine and ROS domain for as long as the files stay open.

    Two masters would drive one robot. The kernel lets go of a claim when its process dies, however
    it dies; the discovery protocol would take a killed node for alive for another 20 s.

    Raises:
        ConfigurationError: A node of that name runs already.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    root = Path(runtime) if runtime and os.access(runtime, os.W_OK) else Path(tempfile.gettempdir())
    folder = root / f"neuro_control-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    claims: list[IO[str]] = []
    for node in nodes:
        name = node.get_fully_qualified_name()
        file = (folder / f"{domain}{name.replace('/', '.')}").open("w")
        claims.append(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            release(claims)
            raise ConfigurationError(
                f"{name} already runs on ROS domain {domain}: stop it, or set another "
                "ROS_DOMAIN_ID or namespace"
            ) from None
    return claims


def release(claims: Sequence[IO[str]]) -> None:
    """Let go of claimed names."""
    for file in claims:
        file.close()


def check(node: Any) -> None:
    """Raise what ended ``node`` before its time, as a ConfigurationError."""
    failure = getattr(node, "failure", None)
    if failure is not None:
        raise ConfigurationError(f"{node.get_name()}: {failure}")


def close(nodes: Sequence[Node]) -> None:
    """End the nodes: controllers send their safe command first."""
    Stop.ignore()
    if rclpy.ok():
        for node in nodes:
            getattr(node, "stop", lambda: None)()
        # What was published last leaves before its publisher does.
        time.sleep(0.05 if nodes else 0.0)
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()


def run_node(make: Callable[[], Any]) -> None:
    """Main function of a node's executable; exits 0 when told to end, 1 with one line otherwise."""
    nodes: list[Any] = []
    claims: list[IO[str]] = []
    try:
        initialise()
        stop = Stop()
        nodes.append(make())
        claims = claim(nodes)
        start = getattr(nodes[0], "start", None)
        if start is not None:
            start()
        spin(nodes, lambda: stop() or getattr(nodes[0], "finished", False))
        check(nodes[0])
    except (ConfigurationError, ParameterException, InvalidParameterException) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        close(nodes)
        release(claims)


def _main() -> None:
    """``python -m neuro_control.ros.process module:Class --ros-args …`` runs that node."""
    module, _, name = sys.argv[1].partition(":")
    run_node(getattr(importlib.import_module(module), name))


if __name__ == "__main__":
    _main()
