# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Controllers through real topics under simulated time, each beside a twin.

The twin is a second object of the node's own class that no topic reaches: its control law is
stepped by hand on what the node should have accepted. So the oracles know each command to the bit.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, Range
from std_msgs.msg import Float64, Float64MultiArray
from std_srvs.srv import SetBool

from neuro_control.blimp.nodes.altitude import BlimpAltitude
from neuro_control.quadruped.control.types import JOINTS, LEGS
from neuro_control.quadruped.nodes.gait_controller import GaitController
from neuro_control.ros.messages import (
    RECORD_QOS,
    SENSOR_QOS,
    joint_state,
    odometry,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.swimmer.nodes.controller import SwimmerController
from neuro_control.swimmer.nodes.navigator import SwimmerNavigator
from tests.bench import MS, Bench, options

START = 10**12
Spoil = Callable[[Any], None]


class Subject:
    """A controller, its twin, and the robot that both of them know.

    A derived class says what its observations, set-points and faults are.

    Attributes:
        now: Simulated time, ns.
        commands: What the node has published, in order.
        faults: What may be wrong with an observation, by name.
        bad_set_points: Set-points that are refused.
        good_set_points: Others.
    """

    kind: type[Any]
    observation: str
    set_point: str
    output: str = "joint_commands"
    period: int = 30 * MS
    faults: ClassVar[dict[str, Spoil]] = {}
    good_set_points: Sequence[Any] = ()
    bad_set_points: Sequence[Any] = ()

    def __init__(self, bench: Bench, **values: Any) -> None:
        self.bench = bench
        self.node = bench.add(self.kind(**options(use_sim_time=True, **values)))
        self.twin = bench.add(self.kind("twin", **options(use_sim_time=True, **values)))
        self.inputs = self.twin.configure()
        self.twin.reset()
        self.timeout = self.silence_timeout = round(self.node.parameters.input_timeout * 1e9)
        self.robot = bench.add(Node("robot"))
        self.clock = self.robot.create_publisher(Clock, "/clock", 10)
        self.commands: list[Any] = []
        self.node.start()
        types = {each.topic: each.message for each in self.inputs}
        self.out = {
            topic: self.robot.create_publisher(kind, topic, SENSOR_QOS)
            for topic, kind in types.items()
        }
        (made,) = [
            each
            for each in self.node.publishers
            if each.topic_name == self.robot.resolve_topic_name(self.output)
        ]
        self.robot.create_subscription(made.msg_type, self.output, self.commands.append, RECORD_QOS)
        self.received: Counter[str] = Counter()
        for subscription in self.node.subscriptions:
            self._count(subscription)
        self.services = {
            name: self.robot.create_client(SetBool, f"{self.node.get_name()}/{name}")
            for name in ("enable", "emergency_stop")
        }
        bench.spin_until(
            lambda: (
                all(each.get_subscription_count() for each in (self.clock, *self.out.values()))
                and made.get_subscription_count()
            )
        )
        self.now = START
        self.set_clock()

    def _count(self, subscription: Any) -> None:
        """Count what the node has received, so that a test need not guess how long that takes."""
        callback, topic = subscription.callback, subscription.topic_name

        def counting(message: Any) -> None:
            callback(message)
            self.received[topic] += 1

        subscription.callback = counting

    # Time.

    def set_clock(self) -> None:
        self.clock.publish(Clock(clock=to_stamp(self.now)))
        self.bench.spin_until(
            lambda: all(
                each.get_clock().now().nanoseconds == self.now for each in (self.node, self.twin)
            )
        )

    def advance(self, nanoseconds: int) -> None:
        self.now += nanoseconds
        self.set_clock()

    # Messages.

    def send(self, topic: str, message: Any) -> None:
        """Publish a message, and wait until the node has dealt with it."""
        publisher = self.out[topic]
        name = publisher.topic_name
        expected = self.received[name] + 1
        publisher.publish(message)
        self.bench.spin_until(
            lambda: self.received[name] >= expected, what=f"{topic} arrives at the node"
        )

    def observe(self, messages: Sequence[tuple[str, Any]]) -> None:
        for topic, message in messages:
            self.send(topic, message)

    def answers(self, stamp: int, since: int) -> list[Any]:
        """Commands under ``stamp`` (ns) after the first ``since`` commands; waits for the first."""

        def found() -> list[Any]:
            return [
                each for each in self.commands[since:] if to_nanoseconds(each.header.stamp) == stamp
            ]

        self.bench.spin_until(found, what=f"a command under {stamp} ns")
        return found()

    def same(self, command: Any, other: Any) -> bool:
        """Whether two commands are the same: to the bit."""
        return bool(command == other)

    def awaited(self, command: Any, since: int) -> bool:
        """Whether ``command`` comes within 5 s, after the first ``since`` commands."""
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            if any(self.same(each, command) for each in self.commands[since:]):
                return True
            self.bench.spin_for(0.002)
        return False

    def steps(self) -> int:
        """How many observations the node has accepted."""
        return int(self.node.diagnostic_values()["steps"])

    def call(self, service: str, data: bool) -> Any:
        return self.bench.call(self.services[service], SetBool.Request(data=data))

    # The twin.

    def expected(self, stamp: int, messages: Sequence[tuple[str, Any]]) -> Any:
        """The command by which the twin answers an observation."""
        by_topic = {each.topic: each for each in self.inputs}
        for topic, message in messages:
            self._keep(by_topic[topic], message, stamp)
        action = np.clip(self.twin.step(self.inputs[0].value), *self.twin.limits())
        return self.twin.command(stamp, action)

    def learn(self, message: Any) -> None:
        """Let the twin know a set-point."""
        (source,) = [each for each in self.inputs if each.topic == self.set_point]
        header = getattr(message, "header", None)
        stamp = self.now if header is None else to_nanoseconds(header.stamp)
        self._keep(source, message, stamp)

    def _keep(self, source: Any, message: Any, stamp: int) -> None:
        """Make a message the twin's latest on a topic; its age is that of its stamp.

        The twin is stepped by hand and never active: of the simulated clock, by which an active
        node tells how old a value is, it knows the stamps only.
        """
        source.keep(source.read(message), stamp, self.now)
        source.measured = None

    # What a derived class provides.

    def observed(self, stamp: int, numbers: Any) -> list[tuple[str, Any]]:
        """Messages of an observation made of the random ``numbers`` (8,), in [0, 1]."""
        raise NotImplementedError

    def numbers(self, command: Any) -> Any:
        """All numbers of a command, (n,)."""
        return np.concatenate([command.position, command.velocity, command.effort])

    def within(self, command: Any) -> bool:
        raise NotImplementedError

    def safe(self, command: Any) -> bool:
        raise NotImplementedError

    def brakes(self, command: Any) -> bool:
        """Whether it is a safe command whatever was measured before."""
        return self.safe(command)

    def falls_back(self, command: Any) -> bool:
        """Whether it is a command that may answer what was refused; the safe one by default."""
        return self.safe(command)

    def make_set_point(self, given: Any) -> Any:
        raise NotImplementedError


def _joint_faults(field: str) -> dict[str, Spoil]:
    def damage(index: int, value: float) -> Spoil:
        def spoil(message: Any) -> None:
            getattr(message, field)[index] = value

        return spoil

    def rename(message: Any) -> None:
        message.name = ["foreign", *message.name[1:]]

    def cut(message: Any) -> None:
        setattr(message, field, list(getattr(message, field))[:-1])

    def empty(message: Any) -> None:
        message.name, message.position, message.velocity, message.effort = [], [], [], []

    def double(message: Any) -> None:
        message.name = [message.name[0], *message.name[:-1]]

    return {
        "NaN": damage(0, math.nan),
        "infinite": damage(1, -math.inf),
        "foreign name": rename,
        "too few numbers": cut,
        "empty": empty,
        "named twice": double,
    }


class Swimmer(Subject):
    """swimmer_controller, with the trained weights and their calibration."""

    kind = SwimmerController
    observation, set_point = "joint_states", "cmd_vel"
    faults = _joint_faults("position")
    good_set_points = ((0.05, 0.0), (0.03, 0.2), (0.0, 0.0), (-1.0, 0.0), (1e300, -1e300))
    bad_set_points = ((math.nan, 0.0), (0.1, math.inf))

    def __init__(self, bench: Bench, **values: Any) -> None:
        super().__init__(bench, policy="trained", **values)

    def observed(self, stamp: int, numbers: Any) -> list[tuple[str, Any]]:
        angles = 2.0 * np.asarray(numbers[:5]) - 1.0
        return [("joint_states", joint_state(stamp, self.node.parameters.joints, angles))]

    def within(self, command: Any) -> bool:
        return bool((np.abs(command.effort) <= self.node.parameters.max_torque).all())

    def safe(self, command: Any) -> bool:
        return not np.any(command.effort) and len(command.effort) == 5

    def make_set_point(self, given: Any) -> Any:
        twist = Twist()
        twist.linear.x, twist.angular.z = given
        return twist


class Navigator(Subject):
    """swimmer_navigator."""

    kind = SwimmerNavigator
    observation, set_point, output = "odom", "goal_pose", "cmd_vel"
    good_set_points = ((1.0, 0.0), (0.0, 0.0), (-3.0, 5.0), (1e200, -1e200))
    bad_set_points = ((math.nan, 0.0), (0.0, math.inf))

    @staticmethod
    def _spoil(name: str, value: Any) -> Spoil:
        def spoil(message: Any) -> None:
            target = message
            *way, last = name.split(".")
            for each in way:
                target = getattr(target, each)
            setattr(target, last, value)

        return spoil

    faults: ClassVar = {
        "NaN": _spoil("pose.pose.position.x", math.nan),
        "infinite": _spoil("pose.pose.orientation.w", math.inf),
        "no unit quaternion": _spoil("pose.pose.orientation.w", 7.0),
        "another frame": _spoil("header.frame_id", "map"),
    }

    def __init__(self, bench: Bench, **values: Any) -> None:
        super().__init__(bench, waypoints=[1.0, 0.0, 0.0, 1.0], loop=True, **values)

    def observed(self, stamp: int, numbers: Any) -> list[tuple[str, Any]]:
        x, y, yaw = 2.0 * np.asarray(numbers[:3]) - 1.0
        quaternion = np.array([math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])
        zero = np.zeros(3)
        message: Odometry = odometry(stamp, np.array([x, y, 0.0]), quaternion, zero, zero)
        return [("odom", message)]

    def numbers(self, command: Any) -> Any:
        a, b = command.twist.linear, command.twist.angular
        return np.array([a.x, a.y, a.z, b.x, b.y, b.z])

    def within(self, command: Any) -> bool:
        p, twist = self.node.parameters, command.twist
        return 0 <= twist.linear.x <= p.speed and abs(twist.angular.z) <= p.max_yaw_rate

    def safe(self, command: Any) -> bool:
        return not np.any(self.numbers(command))

    def make_set_point(self, given: Any) -> Any:
        message = PoseStamped()
        message.header.frame_id, message.header.stamp = "odom", to_stamp(self.now)
        message.pose.position.x, message.pose.position.y = given
        message.pose.orientation.w = 1.0
        return message


class Blimp(Subject):
    """blimp_altitude with its PID."""

    kind = BlimpAltitude
    observation, set_point, period = "lidar/range", "set_point", 100 * MS
    good_set_points = (1.0, 0.0, -50.0, 1e300, 2.5)
    bad_set_points = (math.nan, -math.inf)

    def __init__(self, bench: Bench, **values: Any) -> None:
        super().__init__(bench, controller="pid", thrust_limit=0.1, **values)

    def observed(self, stamp: int, numbers: Any) -> list[tuple[str, Any]]:
        # Ranges that are no distance are observations, too: REP 117 gives them a meaning.
        special = [math.nan, math.inf, -math.inf, 0.0, -1.0, 3e38]
        chosen = int(numbers[1] * 24)
        distance = special[chosen] if chosen < len(special) else 0.1 + 8.0 * numbers[0]
        message = Range(range=float(np.float32(distance)))
        message.header.stamp = to_stamp(stamp)
        return [("lidar/range", message)]

    def within(self, command: Any) -> bool:
        p = self.node.parameters
        thrust, angle = command.effort[0] + command.effort[1], command.position[2]
        return (
            min(command.effort) >= 0
            and thrust <= min(p.thrust_limit, p.max_thrust) + 1e-12
            and p.minimum_servo_angle <= angle <= p.maximum_servo_angle
        )

    def safe(self, command: Any) -> bool:
        return not np.any(command.effort)

    def brakes(self, command: Any) -> bool:
        """Whether it is a safe command whatever was measured before."""
        return self.safe(command)

    def falls_back(self, command: Any) -> bool:
        return self.within(command)

    def make_set_point(self, given: Any) -> Any:
        return Float64(data=given)


class Quadruped(Subject):
    """gait_controller, standing or walking as gait_command says."""

    kind = GaitController
    observation, set_point, period = "joint_states", "gait_command", 2 * MS
    faults: ClassVar = {
        name: spoil
        for name, spoil in _joint_faults("position").items()
        if name in ("foreign name", "too few numbers", "empty", "named twice")
    }
    good_set_points = (
        (0.4, 0.0, 0.0, 0.0, 3.0, 0.5, 0.0, 0.0, 0.5, 0.08, 0.0, 0.0, 0.28, 0.4, 0.0),
        (0.0, 0.0, 0.0, -0.05, 3.0, 0.5, 0.0, 0.0, 1.0, 0.08, 0.1, 0.0, 0.28, 0.4, 0.0),
        (1e300,) * 15,
        (-1e300,) * 15,
    )
    bad_set_points = ((math.nan,) * 15, (0.0,) * 14, ())

    def __init__(self, bench: Bench, **values: Any) -> None:
        super().__init__(bench, **values)
        self.torque = self.node.limits()[1][2]
        self.silence_timeout = round(self.node.parameters.bridge_time * 1e9)

    def same(self, command: Any, other: Any) -> bool:
        # The optimiser of the stance starts from its last solution, which no reset takes away.
        return bool(
            command.header == other.header
            and command.name == other.name
            and np.allclose(self.numbers(command), self.numbers(other), rtol=1e-3, atol=0.02)
        )

    def observed(self, stamp: int, numbers: Any) -> list[tuple[str, Any]]:
        rng = np.random.default_rng([round(1e6 * each) for each in numbers])
        angles = np.tile([0.0, 0.8, -1.6], 4) + rng.normal(0.0, 1e-3, 12)
        # Speeds that the safe command would brake.
        speeds = rng.normal(0.0, 0.3, 12)
        imu = Imu()
        imu.header.stamp = to_stamp(stamp)
        rate = rng.normal(0.0, 0.02, 3).tolist()
        imu.angular_velocity.x, imu.angular_velocity.y, imu.angular_velocity.z = rate
        imu.linear_acceleration.z = 9.81 + float(rng.normal(0.0, 0.05))
        feet = joint_state(stamp, list(LEGS), effort=37.0 + rng.normal(0.0, 1.0, 4))
        return [
            ("imu/imu", imu),
            ("foot_forces", feet),
            ("joint_states", joint_state(stamp, list(JOINTS), angles, speeds)),
        ]

    def within(self, command: Any) -> bool:
        low, high = self.node.limits()
        angles = np.asarray(command.position)
        reached = bool(((angles >= low[0]) & (angles <= high[0])).all())
        return bool((np.abs(command.effort) <= self.torque).all()) and (
            # A robot that lies may be beyond the angles at which it walks.
            reached or self.safe(command)
        )

    def safe(self, command: Any) -> bool:
        # Of what ``observed`` makes: some 0.3 rad/s by 3 N·m s/rad. Nobody stands by so little.
        return self.brakes(command) and bool((np.abs(command.effort) < 6.0).all())

    def brakes(self, command: Any) -> bool:
        return not np.any(command.velocity)

    def make_set_point(self, given: Any) -> Any:
        return Float64MultiArray(data=list(given))


SUBJECTS: dict[str, type[Subject]] = {
    "swimmer_controller": Swimmer,
    "swimmer_navigator": Navigator,
    "blimp_altitude": Blimp,
    "gait_controller": Quadruped,
}
