# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The blimp's altitude controller as a ROS 2 node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import JointState, Range
from std_msgs.msg import Float64

from neuro_control.blimp.control.altimeter import AltimeterSettings
from neuro_control.blimp.control.altitude import FALLBACKS, AltitudeController, AltitudeSettings
from neuro_control.blimp.control.laws import LAWS, NETWORKS, make_law
from neuro_control.blimp.control.pid import ANTI_WINDUP, PID, PIDSettings
from neuro_control.blimp.control.set_points import check_course, set_point_at
from neuro_control.blimp.control.thrust_allocation import AllocationSettings
from neuro_control.blimp.control.types import (
    ACTUATORS,
    CONTROL_PERIOD,
    DOWN,
    FULL_COMMAND,
    UP,
    Observation,
)
from neuro_control.errors import ConfigurationError
from neuro_control.ros.controller import Controller, ControllerParameters, Input
from neuro_control.ros.messages import (
    NANOSECONDS,
    RECORD_QOS,
    SET_POINT_QOS,
    joint_state,
    read_number,
    read_range,
)
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node
from neuro_control.ros.ros2_control.groups import GroupParameters

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BlimpParameters(ControllerParameters, GroupParameters):
    """Parameters of the altitude controller."""

    control_period: float = parameter(
        CONTROL_PERIOD,
        "Time between two commands, s; the networks were made for this one",
        low=CONTROL_PERIOD,
        high=CONTROL_PERIOD,
        fixed=True,
    )
    input_timeout: float = parameter(
        0.5, "Age from which a range is not acted upon, s", low=0.11, high=60.0
    )
    controller: str = parameter(
        "snn",
        "Control law: snn (networks tuned in flight), snn-evolved (by the paper's method), pid, "
        "pd, pid-filtered (the paper's gains with a low pass) or pid-tuned (as the networks are)",
        choices=LAWS,
        fixed=True,
    )
    weights: str = parameter(
        "",
        "File of the networks, in config/weights or by its path; empty takes the package's",
        fixed=True,
    )
    set_point: float = parameter(
        1.0, "Reference altitude while nobody publishes set_point, m", low=0.0, high=100.0
    )
    course: tuple[float, ...] = parameter(
        (),
        "Reference altitudes one after another in place of set_point: time (s) from which an "
        "altitude counts, that altitude (m), and so on",
        items=float,
    )
    floor: float = parameter(0.2, "Lowest set-point that is flown to, m", low=0.0, high=100.0)
    ceiling: float = parameter(3.0, "Highest set-point that is flown to, m", low=0.1, high=100.0)
    fallback: str = parameter(
        "hold",
        "Command without a range: hold keeps the command that kept the altitude lately, descend "
        "commands `descent` less",
        choices=FALLBACKS,
    )
    descent: float = parameter(
        0.5, "How much less, of 10, `fallback: descend` commands", low=0.0, high=FULL_COMMAND
    )
    minimum_range: float = parameter(
        0.1, "Smallest range that the lidar can measure, m", low=0.01, high=10.0
    )
    maximum_range: float = parameter(
        8.0, "Largest range that the lidar can measure, m", low=0.1, high=1000.0
    )
    last_range_timeout: float = parameter(
        0.5,
        "Time for which the last valid range replaces invalid ones, s",
        low=0.0,
        high=60.0,
        formerly=("patience",),
    )
    stuck_timeout: float = parameter(
        10.0,
        "Time after which a range that never changes counts as stuck and is not believed, s",
        low=0.2,
        high=3600.0,
        formerly=("frozen_after",),
    )
    max_thrust: float = parameter(
        0.18, "Thrust of both propellers together at full command, N", low=1e-3, high=1000.0
    )
    command_dead_zone: float = parameter(
        0.3,
        "Size of a command, of 10, below which the propellers stand still",
        low=0.0,
        high=FULL_COMMAND,
    )
    thrust_limit: float = parameter(
        1000.0,
        "Largest thrust of both propellers together that is commanded, N; max_thrust, if that is "
        "less",
        low=0.0,
        high=1000.0,
    )
    minimum_servo_angle: float = parameter(
        UP, "Smallest servo angle that is commanded, rad; at 0 the propellers pull upwards",
        low=UP, high=DOWN,
    )  # fmt: skip
    maximum_servo_angle: float = parameter(
        DOWN, "Largest servo angle that is commanded, rad; at π the propellers pull downwards",
        low=UP, high=DOWN,
    )  # fmt: skip
    proportional_gain: float = parameter(
        9.0, "Proportional gain of pid and pd, per m", low=0.0, high=1000.0
    )
    integral_gain: float = parameter(0.75, "Integral gain of pid, per m s", low=0.0, high=1000.0)
    derivative_gain: float = parameter(
        14.0, "Derivative gain of pid and pd, per m/s", low=0.0, high=1000.0
    )
    derivative_time: float = parameter(
        0.0,
        "Time constant of the low pass on the derivative of pid and pd, s; 0 for none",
        low=0.0,
        high=60.0,
    )
    anti_windup: str = parameter(
        "conditional",
        "What the integral of pid does while its command is cut off: stand still (conditional), "
        "return within tracking_time (back-calculation), or go on (none)",
        choices=tuple(ANTI_WINDUP),
    )
    tracking_time: float = parameter(
        1.0, "Time constant of the back-calculation of pid, s", low=CONTROL_PERIOD, high=600.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_course(self.course)
        if self.minimum_servo_angle > self.maximum_servo_angle:
            raise ConfigurationError(
                f"minimum_servo_angle ({self.minimum_servo_angle:g} rad) is at most "
                f"maximum_servo_angle ({self.maximum_servo_angle:g} rad)"
            )
        if self.weights and self.controller not in NETWORKS:
            raise ConfigurationError(
                f"the controller '{self.controller}' has no weights: set controller to snn"
            )
        _ = self.settings  # refuses what contradicts itself

    @property
    def settings(self) -> AltitudeSettings:
        """Numbers of the altitude controller."""
        return AltitudeSettings(
            self.floor,
            self.ceiling,
            self.fallback,
            self.descent,
            AltimeterSettings(
                self.minimum_range,
                self.maximum_range,
                self.last_range_timeout,
                self.stuck_timeout,
            ),
            AllocationSettings(self.max_thrust, self.command_dead_zone),
        )

    @property
    def pid(self) -> PIDSettings | None:
        """Numbers of ``pid`` and ``pd``; the other laws have their own."""
        if self.controller not in ("pid", "pd"):
            return None
        integral = 0.0 if self.controller == "pd" else self.integral_gain
        return PIDSettings(
            self.proportional_gain,
            integral,
            self.derivative_gain,
            self.derivative_time,
            self.anti_windup,
            self.tracking_time,
        )


class BlimpAltitude(Controller[BlimpParameters]):
    """Holds a blimp at an altitude by PID, PD or spiking network.

    Subscribes to ``lidar/range`` (sensor_msgs/Range, downwards) and ``set_point``
    (std_msgs/Float64, m above the floor), publishes ``joint_commands`` (efforts of the propellers,
    N, and the angle of their servo, rad) and, where someone listens, ``~/activity``: the networks'
    spikes, 0 or 1 each, in the position field of a JointState.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.
    """

    def __init__(self, name: str = "blimp_altitude", **node_options: Any) -> None:
        super().__init__(name, BlimpParameters, JointState, "joint_commands", **node_options)
        self._activity = self.create_publisher(JointState, "~/activity", RECORD_QOS)

    def configure(self) -> Sequence[Input[Any]]:
        """Build the altitude controller, which compiles its networks; ranges trigger a step."""
        p = self.parameters
        self.controller = AltitudeController(make_law(p.weights or p.controller, p.pid), p.settings)
        network = self.controller.network
        self._neurons = [] if network is None else network.neurons
        self._range = Input("lidar/range", Range, read_range, p.input_timeout)
        self._set_point = Input("set_point", Float64, read_number, math.inf, SET_POINT_QOS)
        return self._range, self._set_point

    def apply(self) -> None:
        """Take over gains and limits; what the controller remembers stays."""
        self.controller.change(self.parameters.settings)
        pid = self.parameters.pid
        if pid is not None and isinstance(self.controller.law, PID):
            self.controller.law.settings = pid

    def reset(self) -> None:
        """Start a flight; a set-point that was sent stays."""
        self.controller.reset()
        self._began: int | None = None

    def set_point(self) -> float:
        """Reference altitude now, m."""
        p = self.parameters
        if self._set_point.value is not None:
            return self._set_point.value
        if self._began is None:
            self._began = self._range.time
        elapsed = (self._range.time - self._began) / NANOSECONDS
        return set_point_at(p.course, elapsed, p.set_point)

    def step(self, observation: float) -> Array:
        """Thrusts (N) and servo angle (rad), (3,), that answer a range, m."""
        return np.array(self.controller.step(Observation(observation, self.set_point())))

    def remark(self) -> str | None:
        """What is wrong with range or set-point, if anything, and what is done about it."""
        return self.controller.remark

    def limits(self) -> tuple[Array, Array]:
        """Limits of the thrusts, N, and of the servo's angle, rad."""
        p = self.parameters
        each = min(p.max_thrust, p.thrust_limit) / 2
        return (
            np.array([0.0, 0.0, p.minimum_servo_angle]),
            np.array([each, each, p.maximum_servo_angle]),
        )

    def safe_action(self) -> Array:
        """Stop the propellers: a blimp sinks or rises gently then, or stays."""
        return np.array(self.controller.allocation.idle())

    def fallback_action(self) -> Array:
        """Command the trim, or a little less: without a range it must not start to climb."""
        return np.array(self.controller.fallback())

    def command(self, nanoseconds: int, action: Array) -> JointState:
        """Command message of thrusts, N, and the servo's angle, rad."""
        network = self.controller.network
        if network is not None and self._activity.get_subscription_count():
            self._activity.publish(
                joint_state(nanoseconds, self._neurons, network.spikes, effort=network.potentials)
            )
        left, right, angle = action
        return joint_state(
            nanoseconds,
            list(ACTUATORS),
            position=np.array([0.0, 0.0, angle]),
            effort=np.array([left, right, 0.0]),
        )


def main() -> None:
    """Run the node: the executable blimp_altitude."""
    run_node(BlimpAltitude)
