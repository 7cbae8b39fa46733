"""The quadruped's gait layer as a ROS 2 node: what it feels in, torques of its joints out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import GAITS, RANGES, gait
from neuro_control.quadruped.control.command_limits import LimitSettings
from neuro_control.quadruped.control.command_mux import CommandSources, MuxSettings
from neuro_control.quadruped.control.contact_schedule import CONTACT_SCHEDULES
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import ROBOTS, find
from neuro_control.quadruped.control.types import JOINTS, LEGS, PERIOD, Observation
from neuro_control.ros.controller import Controller, ControllerParameters, Input
from neuro_control.ros.messages import (
    NANOSECONDS,
    RECORD_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    JointReader,
    Rejected,
    finite,
    joint_state,
    odometry,
    read_imu,
    read_twist,
)
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node

try:  # There is no wheel of it: without a distribution there is no TF.
    from tf2_msgs.msg import TFMessage
except ImportError:
    TFMessage = None

Array = NDArray[np.float64]

_JOINTS = list(JOINTS)
# What joints and IMU can't tell unless they are broken: rad/s, rad/s, m/s².
_SPEED, _RATE, _ACCELERATION = 200.0, 100.0, 2000.0
# Numbers of a command that a gait may bring itself: a parameter of 0 leaves them to it.
_OF_GAITS = ("frequency", "duration", "width")
_ACTIVITY = [
    *(f"{what}_{leg}" for what in ("phase", "stance") for leg in LEGS),
    *(f"commanded_{name}" for name in ("forward", "left", "yaw_rate")),
    *(f"estimated_{name}" for name in ("forward", "left", "yaw_rate", "height")),
]


def _number(name: str, default: float, description: str) -> Any:
    """Parameter for a number of the command."""
    low, high = RANGES[name]
    if name in _OF_GAITS:
        low, description = 0.0, f"{description}; 0 takes the gait's"
    return parameter(default, description, low=low, high=high)


@dataclass(frozen=True)
class GaitParameters(ControllerParameters):
    """Parameters of the gait controller."""

    control_period: float = parameter(
        PERIOD,
        "Time between two commands, s: the gait layer was made for this one",
        low=PERIOD,
        high=PERIOD,
        fixed=True,
    )
    input_timeout: float = parameter(
        0.05, "Age from which an observation is not acted upon, s", low=1e-3, high=1.0
    )
    robot: str = parameter("go2", "go2 or go1", choices=tuple(ROBOTS), fixed=True)
    upright: bool = parameter(
        True, "Stand up at the start; else it lies until ~/stand_up", fixed=True
    )
    rhythm: str = parameter(
        "schedule",
        "Which foot stands when: by a schedule, as commanded, or by oscillators, as fast as told",
        choices=tuple(CONTACT_SCHEDULES),
        fixed=True,
    )
    gait: str = parameter("trot", "Gait while nobody has sent gait_command", choices=tuple(GAITS))
    height: float = _number("height", 0.0, "Its height of the trunk beyond 0.3 m, m")
    frequency: float = _number("frequency", 0.0, "Its steps a second")
    duration: float = _number("duration", 0.0, "Its part of a cycle that a foot stands")
    swing: float = _number("swing", 0.08, "Its height to which feet are lifted, m")
    pitch: float = _number("pitch", 0.0, "Its pitch of the trunk, nose down, rad")
    roll: float = _number("roll", 0.0, "Its roll of the trunk, right side down, rad")
    width: float = _number("width", 0.0, "Its way between left and right feet, m")
    length: float = _number("length", 0.4, "Its way between front and hind feet, m")
    course: tuple[float, ...] = parameter(
        (),
        "Velocities while nobody has sent cmd_vel or gait_command: time (s) from which they count, "
        "forward and left (m/s), yaw rate (rad/s), and so on",
        items=float,
    )
    command_timeout: float = parameter(
        0.5, "Age from which the velocities of a command are zero, s", low=1e-2, high=60.0
    )
    stand_after: float = parameter(
        1.0, "Time from then on after which all feet stay on the ground, s", low=0.0, high=3600.0
    )
    stamped_cmd_vel: bool = parameter(
        False, "cmd_vel is a TwistStamped instead of a Twist", fixed=True
    )
    max_forward: float = parameter(
        RANGES["forward"][1], "Fastest forwards, m/s", low=0.0, high=RANGES["forward"][1]
    )
    max_backward: float = parameter(
        -RANGES["forward"][0], "Fastest backwards, m/s", low=0.0, high=-RANGES["forward"][0]
    )
    max_sideways: float = parameter(
        RANGES["left"][1], "Fastest to either side, m/s", low=0.0, high=RANGES["left"][1]
    )
    max_yaw_rate: float = parameter(
        RANGES["yaw_rate"][1], "Fastest turn, rad/s", low=0.0, high=RANGES["yaw_rate"][1]
    )
    damping: float = parameter(
        3.0, "Of the joints while they only brake, N·m s/rad", low=0.0, high=10.0
    )
    odometry_rate: float = parameter(
        50.0, "Estimated odometry and TF a second; 0 publishes none", low=0.0, high=500.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _OF_GAITS:
            low, high = RANGES[name]
            value = getattr(self, name)
            if value and not low <= value <= high:
                raise ConfigurationError(
                    f"{name} is 0, for the gait's own, or lies between {low:g} and {high:g}, "
                    f"not {value:g}"
                )
        times = self.course[::4]
        if len(self.course) % 4 or list(times) != sorted(times):
            raise ConfigurationError(
                "course is a list of time, forward, left and yaw rate, its times rising, not "
                f"{list(self.course)}"
            )

    @property
    def settings(self) -> ControllerSettings:
        """Settings of the controller that these parameters make."""
        names = ("height", "swing", "pitch", "roll", "length")
        numbers = {name: getattr(self, name) for name in names}
        own = {name: getattr(self, name) for name in _OF_GAITS if getattr(self, name)}
        return ControllerSettings(
            mux=MuxSettings(
                default_command=gait(self.gait, **numbers, **own),
                velocity_profile=self.course,
                command_timeout=self.command_timeout,
                stand_delay=self.stand_after,
            ),
            limits=LimitSettings(
                self.max_forward, self.max_backward, self.max_sideways, self.max_yaw_rate
            ),
            start_standing=self.upright,
            contact_schedule=self.rhythm,
        )


class JointsReader:
    """Reads angles and speeds of all joints; what they are worth is the walker's affair.

    Attributes:
        speeds: Of the joints by the last message, (12,), rad/s; 0 where it told none.
    """

    def __init__(self) -> None:
        self._readers = [
            JointReader(JOINTS, field, gaps=True) for field in ("position", "velocity")
        ]
        self.speeds = np.zeros(len(JOINTS))

    def __call__(self, message: JointState) -> Array:
        """Angles, rad, and speeds, rad/s, (2, 12).

        Raises:
            Rejected: A joint is missing, foreign or named twice.
        """
        try:
            read = np.array([reader(message) for reader in self._readers])
            if len(message.name) != len(JOINTS):
                foreign = [name for name in message.name if name not in JOINTS]
                raise Rejected("names", f"a quadruped has no joint {', '.join(foreign[:20])}")
        except Rejected:
            # A robot that goes down brakes with what can still be read.
            told = dict(zip(message.name, message.velocity, strict=False))
            self._keep(np.array([told.get(name, 0.0) for name in JOINTS]))
            raise
        self._keep(read[1])
        return read

    def _keep(self, speeds: Array) -> None:
        self.speeds = np.where(np.abs(speeds) < _SPEED, speeds, 0.0)


def _felt(message: Imu) -> Array:
    """Angular velocity, rad/s, and acceleration, m/s², (2, 3); Rejected if they can't be."""
    felt = read_imu(message)
    if np.abs(felt[0]).max() > _RATE or np.abs(felt[1]).max() > _ACCELERATION:
        raise Rejected("range", f"no robot turns and is jolted like {felt.tolist()}")
    return felt


class GaitController(Controller[GaitParameters]):
    """Walks as told.

    Subscribes to ``joint_states`` (sensor_msgs/JointState: position, velocity), ``imu/imu``
    (sensor_msgs/Imu) and ``foot_forces`` (sensor_msgs/JointState: effort, N), which carry one
    stamp, and to ``cmd_vel`` (m/s, rad/s) and ``gait_command`` (std_msgs/Float64MultiArray: the
    numbers of ``command.Command``). Publishes ``joint_commands`` (position, velocity and all the
    torque, N m), ``odometry`` with TF as estimated and, where someone listens, ``~/activity``:
    phases and stances of the feet, velocities told and felt. Services: ``~/stand_up`` and
    ``~/lie_down`` (std_srvs/Trigger).

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.
    """

    def __init__(self, name: str = "gait_controller", **node_options: Any) -> None:
        super().__init__(name, GaitParameters, JointState, "joint_commands", **node_options)
        self._activity = self.create_publisher(JointState, "~/activity", RECORD_QOS)
        self._odometry = self.create_publisher(Odometry, "odometry", SENSOR_QOS)
        self._transforms = (
            None if TFMessage is None else self.create_publisher(TFMessage, "/tf", 100)
        )
        self.create_service(Trigger, "~/stand_up", self._on_stand_up)
        self.create_service(Trigger, "~/lie_down", self._on_lie_down)

    def configure(self) -> Sequence[Input[Any]]:
        """Build the controller; joint states trigger a step."""
        p = self.parameters
        robot = find(p.robot)
        self.controller = QuadrupedController(robot, p.settings)
        self.controller.compile()
        self._torque = np.tile(robot.torque, len(LEGS))
        self._low, self._high = np.tile(robot.limits, (len(LEGS), 1)).T
        self._reader = JointsReader()
        self._joints = Input("joint_states", JointState, self._reader, p.input_timeout)
        # Each observation is answered once all of its stamp is there.
        self._imu: Input[Any] = Input("imu/imu", Imu, _felt, p.input_timeout, awaited=True)
        feet = JointReader(LEGS, "effort", gaps=True)
        self._forces: Input[Any] = Input(
            "foot_forces", JointState, feet, p.input_timeout, awaited=True
        )
        twist = TwistStamped if p.stamped_cmd_vel else Twist
        self._cmd_vel = Input("cmd_vel", twist, read_twist, p.command_timeout, SET_POINT_QOS)
        self._gait_command = Input(
            "gait_command",
            Float64MultiArray,
            lambda message: tuple(finite("gait_command", message.data, len(RANGES)).tolist()),
            math.inf,
            SET_POINT_QOS,
        )
        self.apply()
        if p.odometry_rate and TFMessage is None:
            self.get_logger().info("tf2_msgs is not installed: odometry comes without TF")
        return self._joints, self._imu, self._forces, self._cmd_vel, self._gait_command

    def apply(self) -> None:
        """Take over how to walk; what is under way goes on."""
        p = self.parameters
        settings = p.settings
        self.controller.apply(settings.mux, settings.limits)
        self._cmd_vel.timeout = p.command_timeout
        for each in (self._imu, self._forces):
            each.timeout = p.input_timeout

    def reset(self) -> None:
        """Hold the joints, then stand up or lie, as the parameter ``upright`` says."""
        self.controller.reset()
        self._stepped: int | None = None
        self._odometry_due = 0

    def step(self, observation: Array) -> Array:
        """Angles, speeds and torques, (3, 12), that answer angles and speeds, (2, 12)."""
        stamp = self._joints.time
        if self._stepped is not None:
            gap = (stamp - self._stepped) / NANOSECONDS
            if gap > self.parameters.input_timeout:
                self.controller.restart()  # nobody knows how it stands or lies by now
        self._stepped = stamp
        # Both were awaited: they are there.
        imu: Any = self._imu.value
        forces: Any = self._forces.value
        measured = Observation(imu[0], imu[1], observation[0], observation[1], forces)
        sources = CommandSources(*self._latest(self._gait_command), *self._latest(self._cmd_vel))
        action = np.array(self.controller.step(measured, stamp / NANOSECONDS, sources))
        if self._activity.get_subscription_count():
            self._tell_activity(stamp)
        rate = self.parameters.odometry_rate
        if rate and self.controller.odometry.estimating and stamp >= self._odometry_due:
            self._odometry_due = stamp + round(NANOSECONDS / rate)
            self._tell_odometry(stamp)
        return action

    def _latest(self, source: Input[Any]) -> tuple[Any, float]:
        """Last good value and its age, s, or the time till then if the clock has gone back."""
        return source.value, abs(self._joints.time - source.time) / NANOSECONDS

    def remark(self) -> str | None:
        """That it has fallen, which sensors are lost, and what of its command is not obeyed."""
        return "; ".join(self.controller.remarks) or None

    def limits(self) -> tuple[Array, Array]:
        """Of angles, speeds and torques."""
        free = np.full(len(JOINTS), np.inf)
        return (
            np.stack([self._low, -free, -self._torque]),
            np.stack([self._high, free, self._torque]),
        )

    def safe_action(self) -> Array:
        """Joints only brake, and a robot that stands sinks down; limp while speeds are unknown."""
        known = abs(self._joints.silence(self.now())) <= self.parameters.input_timeout
        speeds = self._reader.speeds if known else np.zeros(len(JOINTS))
        efforts = np.clip(-self.parameters.damping * speeds, -self._torque, self._torque)
        told = np.zeros(len(JOINTS)) if self._joints.value is None else self._joints.value[0]
        angles = np.where(np.isfinite(told), told, 0.0)
        return np.stack([angles, np.zeros(len(JOINTS)), efforts])

    def command(self, nanoseconds: int, action: Array) -> JointState:
        """Angles, rad, speeds, rad/s, and all the torque, N m."""
        return joint_state(nanoseconds, _JOINTS, *action)

    def _tell_activity(self, nanoseconds: int) -> None:
        gait, told = self.controller.gait, self.controller.command
        values = np.concatenate(
            [
                gait.schedule.phases,
                gait.schedule.stance,
                (told.forward, told.left, told.yaw_rate),
                gait.estimate,
            ]
        )
        self._activity.publish(joint_state(nanoseconds, _ACTIVITY, values))

    def _tell_odometry(self, nanoseconds: int) -> None:
        estimator = self.controller.gait.estimator
        position, rotation = self.controller.odometry.pose(estimator)
        linear = estimator.rotation.T @ estimator.velocity
        message = odometry(nanoseconds, position, _quaternion(rotation), linear, estimator.rate)
        self._odometry.publish(message)
        if self._transforms is not None:
            transform = TransformStamped(header=message.header, child_frame_id="base_link")
            place, pose = transform.transform.translation, message.pose.pose
            place.x, place.y, place.z = position.tolist()
            transform.transform.rotation = pose.orientation
            self._transforms.publish(TFMessage(transforms=[transform]))

    def _on_stand_up(self, request: Any, response: Any) -> Any:
        self.controller.stand_up()
        response.success, response.message = True, "stands up"
        return response

    def _on_lie_down(self, request: Any, response: Any) -> Any:
        self.controller.lie_down()
        response.success, response.message = True, "lies down"
        return response


def _quaternion(rotation: Array) -> Array:
    """Of a rotation (3, 3), as w, x, y, z (4,); the largest of the four is found first."""
    trace = float(np.trace(rotation))
    squares = np.array([trace, *(2 * np.diag(rotation) - trace)]) + 1.0
    k = int(squares.argmax())
    r = rotation
    rows = np.array(
        [
            [squares[0], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], squares[1], r[1, 0] + r[0, 1], r[0, 2] + r[2, 0]],
            [r[0, 2] - r[2, 0], r[1, 0] + r[0, 1], squares[2], r[2, 1] + r[1, 2]],
            [r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[2, 1] + r[1, 2], squares[3]],
        ]
    )
    quaternion: Array = rows[k] / np.linalg.norm(rows[k])
    return quaternion


def main() -> None:
    """Run the node: the executable gait_controller."""
    run_node(GaitController)
