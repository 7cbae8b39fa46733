# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs a scenario: its nodes in one process or in several, from one parameter file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from rclpy.node import Node

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_text, write_text
from neuro_control.limits import MAX_YAML_BYTES
from neuro_control.ros import process
from neuro_control.ros.intraprocess import handing_over
from neuro_control.ros.parameters import parameters_of
from neuro_control.ros.recorder import ParameterChange, Recorder
from neuro_control.yaml_text import read_yaml

Parameters = dict[str, dict[str, Any]]

# Wall time given to a child process to end by itself, s.
_END_TIMEOUT = 5.0
# Wall time given to the last messages of a run to arrive where it is watched, s.
_LAST_TIMEOUT = 0.5
# Wall time after which the simulation is started although a controller has not shown itself, s.
_START_TIMEOUT = 30.0


@dataclass(frozen=True)
class Result:
    """Outcome of a run.

    Attributes:
        recording: Arrays of ``recording.Recording``, time first.
        activity: ``time``, ``names``, ``values`` of the activity topic, or None.
        parameters: All parameters of each node that acted, by the node's name, those left at their
            defaults included; the simulation's first.
        changes: What was set while the run went on.
        interrupted: The signal that ended the run before its time, or None.
    """

    recording: Mapping[str, Any]
    activity: Mapping[str, Any] | None
    parameters: Parameters
    changes: Sequence[ParameterChange]
    interrupted: int | None


def read_parameters(path: Path, nodes: Sequence[str]) -> Parameters:
    """Parameters of ``nodes`` in the ROS parameter file ``path``.

    Raises:
        ConfigurationError: The file can't be read or has another form.
    """
    content = read_yaml(
        read_text(path, MAX_YAML_BYTES, "the parameter file"), f"the parameter file {path}"
    )
    parameters: Parameters = {name: {} for name in nodes}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} is no ROS parameter file: it holds no node names")
    for key, entry in content.items():
        # In a launch "/**/name" stands for the node whatever its namespace.
        name = str(key).removeprefix("/**").removeprefix("/")
        if name not in parameters:
            raise ConfigurationError(
                f"{path} has parameters for '{name}'; the scenario's nodes are {', '.join(nodes)}"
            )
        values = entry.get("ros__parameters") if isinstance(entry, dict) else None
        if not isinstance(values, dict):
            raise ConfigurationError(f"{path}: '{name}' lacks its ros__parameters")
        for parameter, value in values.items():
            if isinstance(value, list) and _holds_mappings(value):
                raise ConfigurationError(
                    f"{path}: {name}.{parameter} holds mappings, which no ROS parameter can: "
                    "put the whole value in quotes, so that it is a text"
                )
        parameters[name] = values
    return parameters


def set_parameters(parameters: Parameters, settings: Sequence[str]) -> None:
    """Apply settings like ``node.parameter=value`` in place.

    Raises:
        ConfigurationError: A setting has another form or names no node.
    """
    for setting in settings:
        target, equals, text = setting.partition("=")
        node, dot, name = target.partition(".")
        if not (equals and dot and name):
            raise ConfigurationError(f"a setting is node.parameter=value, not '{setting}'")
        if node not in parameters:
            raise ConfigurationError(f"no node '{node}': there are {', '.join(parameters)}")
        value = read_yaml(text, f"the value of {target}")
        parameters[node][name] = text if value is None or _holds_mappings(value) else value


def namespaced(name: str, make: Callable[..., Node]) -> Callable[[], Node]:
    """What makes a node of a scenario: ``go2/gait_controller`` is in the namespace go2.

    Args:
        name: Name of the node in the scenario.
        make: Makes it, given rclpy's node options.
    """
    namespace = name.rpartition("/")[0]
    return partial(make, namespace=namespace) if namespace else make


def wait_alike(parameters: Parameters) -> None:
    """Let nodes whose parameters say ``lockstep`` wait where the simulation does, in place."""
    simulation, *others = parameters
    for name in others:
        if "lockstep" in parameters[name]:
            parameters[name]["lockstep"] = parameters[simulation].get("lockstep", True)


def _holds_mappings(value: Any) -> bool:
    """Whether a value is no ROS parameter but a text that holds one or more mappings."""
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_holds_mappings, value)))


def write_parameters(parameters: Parameters, path: Path) -> None:
    """Write ``parameters`` as a ROS parameter file."""
    content = {
        # A node in a namespace goes by its full name.
        f"/{name}" if "/" in name else name: {"ros__parameters": values}
        for name, values in parameters.items()
        if values
    }
    write_text(path, yaml.dump(content, sort_keys=False))


class Watcher(Protocol):
    """Takes what the nodes of a run publish, to a file or a view."""

    def connect(self, nodes: Sequence[Node], now: Callable[[], float]) -> Node:
        """Node that receives it, to be spun with ``nodes``; ``now`` gives the simulated time, s."""

    def close(self) -> None:
        """Finish: the run is over.

        Raises:
            ConfigurationError: What was taken did not arrive.
        """


def run_together(
    factories: Mapping[str, Callable[[], Node]],
    parameter_file: Path,
    recording: Path,
    activity: str | None,
    progress: Callable[[float], None],
    watchers: Sequence[Watcher] = (),
) -> Result:
    """Run nodes in this process until the first, the simulation, has finished.

    Args:
        factories: Makes each node, by name; the simulation first.
        parameter_file: ROS parameter file of all.
        recording: Where the simulation leaves its recording.
        activity: Topic to record, or None.
        progress: Called with the simulated time, s, at least ten times a second.
        watchers: Take what the nodes publish; they are closed in the end.

    Raises:
        ConfigurationError: A node can't be made or started, or a watcher fails.
    """
    process.initialise(["--ros-args", "--params-file", str(parameter_file)])
    stop = process.Stop()
    nodes: list[Any] = []
    claims: list[socket.socket] = []
    recorder: Recorder | None = None
    beside: list[Any] = []  # nodes that watch
    with handing_over() as bus:
        try:
            # Extended one by one, so that those made so far are closed if the next can't be made.
            nodes.extend(make() for make in factories.values())
            claims = process.claim(nodes)
            simulation = nodes[0]
            recorder = Recorder(activity, list(factories), lambda: float(simulation.time))
            acted = {name: parameters_of(node) for name, node in zip(factories, nodes, strict=True)}
            # The simulation last: it waits for the others.
            with stop.interrupting():
                for node in nodes[1:]:
                    node.start()
                # Now all publishers are there, and nothing has been published yet.
                beside.extend(
                    each.connect(nodes, lambda: float(simulation.time)) for each in watchers
                )
                simulation.start()

            def over() -> bool:
                progress(simulation.time)
                return bool(stop() or simulation.finished)

            process.settle()
            process.spin([*nodes, recorder.node, *beside], over, bus)
            if watchers and simulation.finished:
                bus.deliver(time.perf_counter() + _LAST_TIMEOUT)  # the last messages
            process.check(simulation)
            progress(simulation.time)
        finally:
            process.close([*nodes, *([] if recorder is None else [recorder.node]), *beside])
            process.release(claims)
            stop.restore()
            for watcher in watchers:
                watcher.close()
    assert recorder is not None
    return _result(recording, recorder, acted, stop.signal)


def measure(
    factories: Mapping[str, Callable[[], Node]],
    parameters: Parameters,
    seconds: float,
    real_time_factor: float | None,
    watchers: Sequence[Watcher] = (),
) -> Result:
    """Run nodes in this process in order to measure: in lockstep, or at a real-time factor.

    Args:
        factories: As for ``run_together``.
        parameters: Of all nodes; those of the simulation are changed in place.
        seconds: Simulated time, s.
        real_time_factor: None for lockstep.
        watchers: As for ``run_together``.

    Raises:
        ConfigurationError: As ``run_together``.
    """
    with tempfile.TemporaryDirectory() as folder:
        recording, file = Path(folder) / "recording.npz", Path(folder) / "parameters.yaml"
        simulation, *others = factories
        parameters[simulation].update(
            duration=seconds, seed=0, lockstep=real_time_factor is None, recording=str(recording)
        )
        if real_time_factor is not None:
            parameters[simulation]["real_time_factor"] = real_time_factor
        for name in others:
            parameters[name]["use_sim_time"] = True
        wait_alike(parameters)
        write_parameters(parameters, file)
        result = run_together(factories, file, recording, None, lambda _: None, watchers)
    if result.interrupted is not None:
        raise SystemExit(128 + result.interrupted)
    return result


def _drain(recorder: Recorder) -> None:
    """Receive what was published and is still on its way."""
    deadline = time.monotonic() + 0.2
    process.spin([recorder.node], lambda: time.monotonic() > deadline)


def run_apart(
    factories: Mapping[str, str],
    parameter_file: Path,
    recording: Path,
    activity: str | None,
    progress: Callable[[float], None],
) -> Result:
    """Run each node in a process of its own until the first, the simulation, has ended.

    The simulation is started once the other nodes are there: it gives up on a controller that does
    not answer, and must not take one for silent that is still being imported.

    Args:
        factories: ``module:Class`` of each node, by name; the simulation first.
        parameter_file: ROS parameter file of all.
        recording: Where the simulation leaves its recording.
        activity: Topic to record, or None.
        progress: Called with the simulated time, s, at least ten times a second.

    Raises:
        ConfigurationError: A node ended with an error; it names the one that failed first.
    """
    process.initialise([])
    stop = process.Stop()
    recorder = Recorder(activity, list(factories))
    children: dict[str, subprocess.Popen[bytes]] = {}
    left = tempfile.TemporaryDirectory()
    environment = {
        **os.environ,
        process.PARENT_VARIABLE: str(os.getpid()),
        process.PARAMETERS_VARIABLE: left.name,
    }
    # Children inherit the library path; only a fresh interpreter may decide to set it anew.
    simulation, *others = factories
    failed: list[str] = []
    deadline = time.monotonic() + _START_TIMEOUT

    def start(name: str) -> None:
        namespace = name.rpartition("/")[0]
        children[name] = subprocess.Popen(
            [
                sys.executable,
                *("-m", "neuro_control.ros.process", factories[name]),
                *("--ros-args", "--params-file", str(parameter_file)),
                *(("-r", f"__ns:=/{namespace}") if namespace else ()),
            ],
            env=environment,
            # Ctrl-C on the terminal is for this process, which then ends its children.
            start_new_session=True,
        )

    def over() -> bool:
        progress(recorder.now())
        failed.extend(name for name, child in children.items() if child.poll() not in (None, 0))
        if stop() or failed:
            return True
        if simulation in children:
            return children[simulation].poll() is not None
        there = {
            f"{place}/{name}".lstrip("/")
            for name, place in recorder.node.get_node_names_and_namespaces()
        }
        if set(others) <= there or time.monotonic() > deadline:
            start(simulation)
        return False

    try:
        for name in others:
            start(name)
        process.spin([recorder.node], over)
        if not failed and stop.signal is None:
            _drain(recorder)
    finally:
        _end(children.values())
        process.close([recorder.node])
        stop.restore()
        acted = {
            name: _parameters_left(Path(left.name) / process.parameter_file(name))
            for name in factories
        }
        left.cleanup()
    if failed and stop.signal is None:
        first = _first_to_fail(children, failed, simulation)
        code = children[first].returncode
        why = "its own message is above" if code > 0 else f"by {signal.Signals(-code).name}"
        raise ConfigurationError(f"{first} ended early; {why}")
    return _result(recording, recorder, acted, stop.signal)


def _end(children: Collection[subprocess.Popen[bytes]]) -> None:
    """End the processes that still run, and wait for them."""
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    for child in children:
        try:
            child.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _first_to_fail(
    children: Mapping[str, subprocess.Popen[bytes]], failed: Sequence[str], simulation: str
) -> str:
    """Name of the node whose failure ended the run; all ``children`` have ended.

    Without its controller a simulation fails, too, and may end before a controller that takes long
    to. A node that was well ends with 0 when it is told to, or by the signal while it starts.
    """
    well = (0, -signal.SIGTERM, -signal.SIGKILL)
    controllers = [
        name
        for name, child in children.items()
        if name != simulation and (name in failed or child.returncode not in well)
    ]
    return controllers[0] if controllers else failed[0]


def _parameters_left(path: Path) -> dict[str, Any]:
    """Parameters that a node has left in a file; none, if it was ended before."""
    return dict(yaml.safe_load(path.read_text())) if path.is_file() else {}


def _result(
    path: Path, recorder: Recorder, parameters: Parameters, interrupted: int | None
) -> Result:
    if not path.is_file():
        if interrupted is not None:
            raise SystemExit(128 + interrupted)
        raise ConfigurationError("the simulation left no recording: it was ended before it began")
    with np.load(path, allow_pickle=False) as file:
        recording = dict(file)
    return Result(recording, recorder.activity(), parameters, recorder.changes, interrupted)


def replayable(parameters: Parameters) -> Parameters:
    """``parameters`` of a run, without what concerns that run alone."""
    simulation, *others = parameters
    own = {name: value for name, value in parameters[simulation].items() if name != "recording"}
    return {simulation: own, **{name: parameters[name] for name in others}}
