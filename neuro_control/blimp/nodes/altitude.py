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

from neuro_control.blimp.control.altitude import (
    CONTROL_PERIOD,
    CONTROLLERS,
    FALLBACKS,
    Altimeter,
    Pilot,
    make_controller,
    on_course,
)
from neuro_control.blimp.control.network import SpikingController
from neuro_control.blimp.control.pid import PID, Gains
from neuro_control.blimp.control.thrust_allocation import LIMIT, Propulsion
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

Array = NDArray[np.float64]

_JOINTS = ["left_propeller", "right_propeller", "servo"]


@dataclass(frozen=True)
class BlimpParameters(ControllerParameters):
    """Parameters of the altitude controller."""

    control_period: float = parameter(
        CONTROL_PERIOD,
        "Time between two commands, s: the networks were made for this one",
        low=CONTROL_PERIOD,
        high=CONTROL_PERIOD,
        fixed=True,
    )
    input_timeout: float = parameter(
        0.5, "Age from which a range is not acted upon, s", low=0.11, high=60.0
    )
    controller: str = parameter("snn", "pid, pd or snn", choices=CONTROLLERS, fixed=True)
    weights: str = parameter(
        "",
        "File of the networks, in config/weights or by its path; empty takes the package's",
        fixed=True,
    )
    set_point: float = parameter(
        1.0, "Altitude while nobody sends set_point, m", low=0.0, high=100.0
    )
    course: tuple[float, ...] = parameter(
        (),
        "Altitudes one after another in place of set_point: time (s) from which it counts, "
        "altitude (m), and so on",
        items=float,
    )
    floor: float = parameter(0.2, "Lowest set-point that is flown to, m", low=0.0, high=100.0)
    ceiling: float = parameter(3.0, "Highest set-point that is flown to, m", low=0.1, high=100.0)
    fallback: str = parameter(
        "hold",
        "Without a range: hold keeps the command that kept the altitude lately, descend takes "
        "`descent` less",
        choices=FALLBACKS,
    )
    descent: float = parameter(
        0.5, "How much less, of 10, makes it descend gently", low=0.0, high=LIMIT
    )
    minimum_range: float = parameter(
        0.1, "Smallest range that the lidar can tell, m", low=0.01, high=10.0
    )
    maximum_range: float = parameter(
        8.0, "Largest range that the lidar can tell, m", low=0.1, high=1000.0
    )
    patience: float = parameter(
        0.5, "Time for which the last good range stands in for bad ones, s", low=0.0, high=60.0
    )
    frozen_after: float = parameter(
        5.0, "Time after which a range that never changes is not believed, s", low=0.2, high=3600.0
    )
    max_thrust: float = parameter(
        0.117, "Thrust of both propellers together at full command, N", low=1e-3, high=1000.0
    )
    proportional_gain: float = parameter(9.0, "Of pid and pd, per m", low=0.0, high=1000.0)
    integral_gain: float = parameter(0.75, "Of pid, per m s", low=0.0, high=1000.0)
    derivative_gain: float = parameter(14.0, "Of pid and pd, per m/s", low=0.0, high=1000.0)
    derivative_time: float = parameter(
        0.0, "Time constant of their derivative's low pass, s", low=0.0, high=60.0, fixed=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.floor >= self.ceiling:
            raise ConfigurationError(
                f"floor ({self.floor:g} m) lies below ceiling ({self.ceiling:g} m)"
            )
        if self.minimum_range >= self.maximum_range:
            raise ConfigurationError(
                f"minimum_range ({self.minimum_range:g} m) lies below maximum_range "
                f"({self.maximum_range:g} m)"
            )
        times = self.course[::2]
        if len(self.course) % 2 or list(times) != sorted(times):
            raise ConfigurationError(
                "course is a list of pairs of time and altitude, its times rising, not "
                f"{list(self.course)}"
            )
        if self.weights and self.controller != "snn":
            raise ConfigurationError(
                f"the controller '{self.controller}' has no weights: set controller to snn"
            )

    @property
    def gains(self) -> Gains:
        """Gains of the PID or PD."""
        integral = 0.0 if self.controller == "pd" else self.integral_gain
        return Gains(self.proportional_gain, integral, self.derivative_gain)


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
        """Build controller and pilot; ranges trigger a step."""
        p = self.parameters
        law = make_controller(p.weights or p.controller, p.gains, p.derivative_time)
        self._network = law if isinstance(law, SpikingController) else None
        self._neurons = [] if self._network is None else neuron_names(self._network)
        altimeter = Altimeter(p.minimum_range, p.maximum_range, p.patience, p.frozen_after)
        self.pilot = Pilot(law, altimeter, p.floor, p.ceiling, p.fallback, p.descent)
        self._propulsion = Propulsion(p.max_thrust)
        self._range = Input("lidar/range", Range, read_range, p.input_timeout)
        self._set_point = Input("set_point", Float64, read_number, math.inf, SET_POINT_QOS)
        return self._range, self._set_point

    def apply(self) -> None:
        """Take over gains and limits; what the controller remembers stays."""
        p, pilot = self.parameters, self.pilot
        pilot.floor, pilot.ceiling = p.floor, p.ceiling
        pilot.fallback, pilot.descent = p.fallback, p.descent
        altimeter = pilot.altimeter
        altimeter.minimum, altimeter.maximum = p.minimum_range, p.maximum_range
        altimeter.patience, altimeter.frozen_after = p.patience, p.frozen_after
        self._propulsion.max_thrust = p.max_thrust
        if isinstance(pilot.controller, PID):
            pilot.controller.gains = p.gains

    def reset(self) -> None:
        """Start a flight; a set-point that was sent stays."""
        self.pilot.reset()
        self._propulsion.reset()
        self._began: int | None = None

    def wanted(self) -> float:
        """Altitude that is wanted now, m."""
        p = self.parameters
        if self._set_point.value is not None:
            return self._set_point.value
        if self._began is None:
            self._began = self._range.time
        flown = (self._range.time - self._began) / NANOSECONDS
        return on_course(p.course, flown, p.set_point)

    def step(self, observation: float) -> Array:
        """Command (1,), in [-10, 10], that answers a range, m."""
        return np.array([self.pilot.step(observation, self.wanted())])

    def remark(self) -> str | None:
        """What is wrong with range or set-point, if anything, and what is done about it."""
        return self.pilot.remark

    def limits(self) -> tuple[float, float]:
        """Commands lie between -10 and 10."""
        return -LIMIT, LIMIT

    def safe_action(self) -> Array:
        """Propellers off: a blimp sinks or rises gently then, or stays."""
        return np.zeros(1)

    def fallback_action(self) -> Array:
        """Trim, or a little less: without a range it must not start to climb."""
        return np.array([self.pilot.without_altitude()])

    def command(self, nanoseconds: int, action: Array) -> JointState:
        """Thrusts, N, and the servo's angle, rad."""
        if self._network is not None and self._activity.get_subscription_count():
            spikes = self._network.spikes
            self._activity.publish(joint_state(nanoseconds, self._neurons, spikes))
        thrust, angle = self._propulsion.step(float(action[0]))
        return joint_state(
            nanoseconds,
            _JOINTS,
            position=np.array([0.0, 0.0, angle]),
            effort=np.array([thrust, thrust, 0.0]),
        )


def neuron_names(network: SpikingController) -> list[str]:
    """Names of a controller's neurons, in the order of its spikes."""
    quarter = len(network.spikes) // 4
    return [
        f"{part}_{layer}_{index}"
        for part in ("pd", "integral")
        for layer in ("encoder", "hidden")
        for index in range(quarter)
    ]


def main() -> None:
    """Run the node: the executable blimp_altitude."""
    run_node(BlimpAltitude)
