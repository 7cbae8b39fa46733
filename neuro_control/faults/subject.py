# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a robot declares of a node for the fault matrix: its good streams, and what safe means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile

from neuro_control.cli.scenario import discover, resolve
from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS


@dataclass(frozen=True)
class Moment:
    """When a message of a stream is made.

    Attributes:
        stamp: Time of the node's clock, ns.
        elapsed: Time since the stream began, s.
        rng: Randomness of the trial.
        heard: Latest message of the node's output, or None: a stream may answer it.
    """

    stamp: int
    elapsed: float
    rng: np.random.Generator
    heard: Any


@dataclass(frozen=True)
class Stream:
    """A topic that the node receives while all is well.

    Attributes:
        topic: Relative name.
        message: Its type.
        rate: Messages a second; streams of one rate share their stamps.
        make: A good message.
        fields: Dotted names of the numbers, and arrays of numbers, that the node reads.
        timeout: Time within which the node is safe when this stream is silent or bad, s; None if
            it goes on without.
        qos: Quality of service of who publishes it.
    """

    topic: str
    message: type[Any]
    rate: float
    make: Callable[[Moment], Any]
    fields: tuple[str, ...]
    timeout: float | None
    qos: QoSProfile = field(default_factory=lambda: SENSOR_QOS)


@dataclass(frozen=True)
class Output:
    """The topic by which a node can do harm.

    Attributes:
        topic: Relative name.
        message: Its type.
        trouble: What is wrong with a message in every state, as a number beyond its limits;
            empty if nothing is. Numbers of ``fields`` that are not finite are found without it.
        safe: Whether a message is safe while nothing is known of the robot.
        fields: Dotted names of its numbers, which are finite.
        most: Messages a second that are plausible.
        silence_is_safe: Whether a node that publishes nothing is safe: a sensor's driver.
        qos: Quality of service of who subscribes.
    """

    topic: str
    message: type[Any]
    trouble: Callable[[Any], str]
    safe: Callable[[Any], bool]
    fields: tuple[str, ...]
    most: float
    silence_is_safe: bool = False
    qos: QoSProfile = field(default_factory=lambda: COMMAND_QOS)


@dataclass(frozen=True)
class Surroundings:
    """What a node needs beside its topics, such as a serial line; made anew for each process.

    Attributes:
        parameters: Parameters that lead the node to it.
        processes: Process numbers of what else must live, for faults that end a peer.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    processes: Sequence[int] = ()


def nothing_else(_domain: int) -> AbstractContextManager[Surroundings]:
    """Surroundings of a node that needs none."""
    return nullcontext(Surroundings())


@dataclass(frozen=True)
class Subject:
    """A node of the fault matrix.

    Attributes:
        node: ``module:Class``.
        streams: What it receives; the first is the observation that it answers.
        output: What it can do harm by.
        parameters: What differs from its defaults.
        managed: Whether it has a lifecycle.
        weights: Parameters that name files, with a good file each.
        services: Services (``~/enable`` with true and the like), by their names, that bring the
            robot back and that the node's log names.
        exempt: Faults that can't happen to it, with the reason.
        surroundings: Makes what it needs beside its topics, given the ROS domain.
    """

    node: str
    streams: Sequence[Stream]
    output: Output
    parameters: Mapping[str, Any] = field(default_factory=dict)
    managed: bool = True
    weights: Mapping[str, str] = field(default_factory=dict)
    services: Sequence[str] = ()
    exempt: Mapping[str, str] = field(default_factory=dict)
    surroundings: Callable[[int], AbstractContextManager[Surroundings]] = nothing_else


def find_subjects() -> dict[str, Subject]:
    """All subjects that the scenarios' folders declare, by the node's name."""
    found: dict[str, Subject] = {}
    for scenario in discover().values():
        if scenario.subjects is not None:
            found.update(resolve(scenario.subjects))
    return found


def find_subject(name: str) -> Subject:
    """Subject by the node's name.

    Raises:
        ConfigurationError: There is none; the message lists what there is.
    """
    found = find_subjects()
    if name not in found:
        raise ConfigurationError(f"no node '{name}' in the matrix: there are {', '.join(found)}")
    return found[name]
