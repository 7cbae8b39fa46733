# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a robot declares of a node for the fault matrix: its good streams, and what safe means."""

from __future__ import annotations

import math
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
        received: Latest message of the node's output, or None: a stream may answer it.
    """

    stamp: int
    elapsed: float
    rng: np.random.Generator
    received: Any


@dataclass(frozen=True)
class Received:
    """A message of the node's output.

    Attributes:
        time: When it was published, ns of the machine's clock.
        message: The message.
        before: The message before it, or None.
        state: What the node's latest diagnostics said, if they were no good news.
    """

    time: int
    message: Any
    before: Any
    state: str


@dataclass(frozen=True)
class Stream:
    """A topic that the node receives while all is well.

    Attributes:
        topic: Relative name.
        message: Its type.
        rate: Messages a second; streams of one rate share their stamps.
        make: A good message, or None while there is none to be sent.
        fields: Dotted names of the numbers, and arrays of numbers, that the node reads; an index
            names one of an array: ``effort[1]``.
        timeout: Time within which the node is safe when this stream is silent or bad, s; None if
            it goes on without.
        silence_is_normal: Whether nothing is wrong where it falls silent, as a joystick that is let
            go: the node is safe and need not say why.
        not_finite: Numbers that are none, and bad in this stream: REP 117 gives some a meaning.
        qos: Quality of service of who publishes it.
    """

    topic: str
    message: type[Any]
    rate: float
    make: Callable[[Moment], Any]
    fields: tuple[str, ...]
    timeout: float | None
    silence_is_normal: bool = False
    not_finite: tuple[float, ...] = (math.nan, math.inf, -math.inf)
    qos: QoSProfile = field(default_factory=lambda: SENSOR_QOS)


@dataclass(frozen=True)
class Output:
    """The topic by which a node can do harm.

    Attributes:
        topic: Relative name.
        message: Its type.
        trouble: What is wrong with a message in every state, as a number beyond its limits;
            empty if nothing is. Numbers of ``fields`` that are not finite are found without it.
        safe: Whether a message does no harm while nothing is known of the robot.
        fields: Dotted names of its numbers, which are finite.
        most: Messages a second that are plausible.
        silence_is_safe: Whether a node that publishes nothing is safe: a sensor's driver.
        qos: Quality of service of who subscribes.
    """

    topic: str
    message: type[Any]
    trouble: Callable[[Any], str]
    safe: Callable[[Received], bool]
    fields: tuple[str, ...]
    most: float
    silence_is_safe: bool = False
    qos: QoSProfile = field(default_factory=lambda: COMMAND_QOS)


@dataclass(frozen=True)
class Surroundings:
    """What a node needs beside its topics, such as a serial line; made anew for each harness.

    Attributes:
        parameters: Parameters that lead the node to it.
        send: What sends the messages of a stream that is no topic, by the stream's name.
        listen: Gives what has come since of an output that is no topic, in turn.
        lose: Takes the device, or the robot, away; None if the robot is the streams alone.
        restore: Brings it back.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    send: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    listen: Callable[[], Sequence[Any]] | None = None
    lose: Callable[[], None] | None = None
    restore: Callable[[], None] | None = None


def nothing_else(_domain: int) -> AbstractContextManager[Surroundings]:
    """Surroundings of a node that needs none."""
    return nullcontext(Surroundings())


@dataclass(frozen=True)
class Subject:
    """A node of the fault matrix.

    Attributes:
        node: ``module:Class``.
        name: Name of the node.
        streams: What it receives; the first is the observation that it answers.
        output: What it can do harm by.
        parameters: What differs from its defaults.
        managed: Whether it has a lifecycle.
        weights: Parameters that name files, with a good file each.
        services: Services (``~/enable`` with true and the like), by their names, that bring the
            robot back and that the node's log names.
        with_weights: Parameters that a file of weights needs beside its name.
        shortest: Shortest time for which a fault lasts that the node must report, s: what it needs
            to notice, and the time between two of its reports.
        exempt: Faults that can't happen to it, with the reason.
        surroundings: Makes what it needs beside its topics, given the ROS domain.
    """

    node: str
    name: str
    streams: Sequence[Stream]
    output: Output
    parameters: Mapping[str, Any] = field(default_factory=dict)
    managed: bool = True
    weights: Mapping[str, str] = field(default_factory=dict)
    with_weights: Mapping[str, Any] = field(default_factory=dict)
    services: Sequence[str] = ()
    shortest: float = 1.2
    exempt: Mapping[str, str] = field(default_factory=dict)
    surroundings: Callable[[int], AbstractContextManager[Surroundings]] = nothing_else


def find_subjects() -> dict[str, Subject]:
    """All subjects that the scenarios' folders declare, by name."""
    found: dict[str, Subject] = {}
    for scenario in discover().values():
        if scenario.subjects is not None:
            found.update(resolve(scenario.subjects))
    return found


def find_subject(name: str) -> Subject:
    """Subject by name.

    Raises:
        ConfigurationError: There is none; the message lists what there is.
    """
    found = find_subjects()
    if name not in found:
        raise ConfigurationError(f"no node '{name}' in the matrix: there are {', '.join(found)}")
    return found[name]
