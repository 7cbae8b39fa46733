# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Conversions between messages and arrays, the QoS of each kind of topic, and content checks.

Every ``read_*`` returns checked numbers or raises ``Rejected``: no other module
sees a number that is not finite or an array of the wrong size.
"""

from __future__ import annotations

import array
import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, Imu, JointState, Range
from std_msgs.msg import Float64, Header

Array = NDArray[np.float64]

NANOSECONDS = 1_000_000_000

SENSOR_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
COMMAND_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
# A best-effort subscription is compatible with every publisher: reliable, best-effort, latched.
SET_POINT_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# For recordings, which must not lose a sample.
RECORD_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)


class Rejected(ValueError):
    """A message that must not be acted upon.

    Attributes:
        reason: One word for counting: names, size, not_finite, range, frame, attitude, stale,
            future, order.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def to_nanoseconds(stamp: Time) -> int:
    """Time stamp in ns."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def to_stamp(nanoseconds: int) -> Time:
    """Time stamp of ``nanoseconds``."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return Time(sec=seconds, nanosec=rest)


def restamped(message: Any, nanoseconds: int, frame: str | None = None) -> Any:
    """Copy of ``message`` under another stamp, which shares all but the header with it.

    A message that has been published is not altered: its subscribers may hold it. One without a
    header has no stamp, and is itself.

    Args:
        message: The message.
        nanoseconds: Time stamp, ns.
        frame: Its frame, if it is another as well.
    """
    if not hasattr(message, "header"):
        return message
    copied = copy.copy(message)
    kept = message.header.frame_id if frame is None else frame
    copied.header = Header(stamp=to_stamp(nanoseconds), frame_id=kept)
    return copied


def doubles(values: Array) -> array.array[float]:
    """``values`` as the array type that a message field accepts without conversion."""
    return array.array("d", np.asarray(values, dtype=np.float64).tobytes())


def all_finite(values: Array) -> bool:
    """Whether all of ``values`` are finite."""
    # The sum of squares is finite only if they all are, and takes a third of the time; it may
    # overflow where they are.
    return math.isfinite(np.vdot(values, values)) or bool(np.isfinite(values).all())


def finite(name: str, values: Any, size: int) -> Array:
    """``values`` as an array of ``size`` finite numbers.

    Raises:
        Rejected: There are more or fewer, or one is not finite.
    """
    numbers = np.frombuffer(values) if isinstance(values, array.array) else np.asarray(values)
    if numbers.shape != (size,):
        raise Rejected("size", f"{len(numbers)} values of {name} instead of {size}")
    if not all_finite(numbers):
        bad = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise Rejected("not_finite", f"{name}[{bad}] is {numbers[bad]}")
    return numbers


class JointReader:
    """Reads one field of JointState messages in a fixed order of joints.

    Args:
        names: The joints wanted, in the order wanted; messages may hold others beside them.
        field: "position", "velocity" or "effort".
        gaps: Accept values that are not finite, for a reader that can do without some of them.
    """

    def __init__(
        self, names: Sequence[str], field: str = "position", *, gaps: bool = False
    ) -> None:
        self.names = list(names)
        self.field = field
        self._gaps = gaps
        self._seen: list[str] | None = None
        self._order: NDArray[np.intp] | None = None

    def __call__(self, message: JointState) -> Array:
        """Values of the joints, (n,), in the message's unit.

        Raises:
            Rejected: A joint is missing or named twice, the field has another length than the
                names, or a value wanted is not finite, unless there may be gaps.
        """
        if message.name != self._seen:
            self._learn(list(message.name))
        values = getattr(message, self.field)
        assert self._seen is not None
        if len(values) != len(self._seen):
            raise Rejected(
                "size", f"{len(values)} values of {self.field} for {len(self._seen)} names"
            )
        numbers = np.frombuffer(values)
        if self._order is not None:
            numbers = numbers[self._order]
        return numbers if self._gaps else finite(self.field, numbers, len(self.names))

    def _learn(self, names: list[str]) -> None:
        missing = [name for name in self.names if name not in names]
        if missing:
            raise Rejected(
                "names", f"no joint {', '.join(missing)} among [{', '.join(names[:20])}]"
            )
        if len(set(names)) != len(names):
            raise Rejected("names", f"a joint is named twice in [{', '.join(names[:20])}]")
        self._order = (
            None if names == self.names else np.array([names.index(name) for name in self.names])
        )
        self._seen = names


def joint_state(
    nanoseconds: int,
    names: list[str],
    position: Array | None = None,
    velocity: Array | None = None,
    effort: Array | None = None,
) -> JointState:
    """JointState of the fields given (rad, rad/s, N·m)."""
    message = JointState(name=names)
    message.header.stamp = to_stamp(nanoseconds)
    if position is not None:
        message.position = doubles(position)
    if velocity is not None:
        message.velocity = doubles(velocity)
    if effort is not None:
        message.effort = doubles(effort)
    return message


def read_twist(message: Twist | TwistStamped) -> tuple[float, float, float]:
    """Forward speed and leftward speed (m/s) and yaw rate (rad/s) of a velocity command.

    Raises:
        Rejected: One of the six numbers is not finite.
    """
    twist = message.twist if isinstance(message, TwistStamped) else message
    numbers = (
        twist.linear.x,
        twist.linear.y,
        twist.linear.z,
        twist.angular.x,
        twist.angular.y,
        twist.angular.z,
    )
    if not all(map(math.isfinite, numbers)):
        raise Rejected("not_finite", f"the velocity command {numbers} is not finite")
    return numbers[0], numbers[1], numbers[5]


def read_range(message: Range) -> float:
    """Distance, m: as REP 117 has it, -inf is too close, inf nothing in range, NaN a failure.

    Rounded to 0.1 mm, which undoes the message's conversion to 32 bits.
    """
    return round(float(message.range), 4) if math.isfinite(message.range) else float(message.range)


def read_imu(message: Imu) -> Array:
    """Angular velocity, rad/s, and linear acceleration, m/s², (2, 3).

    Raises:
        Rejected: A number is not finite.
    """
    w, a = message.angular_velocity, message.linear_acceleration
    return finite("the IMU", [w.x, w.y, w.z, a.x, a.y, a.z], 6).reshape(2, 3)


def read_number(message: Float64) -> float:
    """The number in a message.

    Raises:
        Rejected: It is not finite.
    """
    if not math.isfinite(message.data):
        raise Rejected("not_finite", f"the number is {message.data}")
    return float(message.data)


def read_pose(frame: str, message: Odometry | PoseStamped) -> Array:
    """Position and heading in the plane, (3,): x, y (m), yaw (rad).

    Raises:
        Rejected: A number of the pose is not finite, the attitude is no unit quaternion, or the
            pose is in another frame than ``frame``.
    """
    if message.header.frame_id != frame:
        raise Rejected("frame", f"a pose in '{message.header.frame_id}' instead of '{frame}'")
    pose = message.pose.pose if isinstance(message, Odometry) else message.pose
    p, q = pose.position, pose.orientation
    numbers = finite("pose", [p.x, p.y, p.z, q.w, q.x, q.y, q.z], 7)
    if abs(float(np.linalg.norm(numbers[3:])) - 1.0) > 1e-3:
        raise Rejected("attitude", f"the attitude {numbers[3:]} is no unit quaternion")
    yaw = math.atan2(2 * (q.w * q.z + q.x * q.y), 1 - 2 * (q.y * q.y + q.z * q.z))
    return np.array([p.x, p.y, yaw])


def odometry(
    nanoseconds: int, position: Array, quaternion: Array, linear: Array, angular: Array
) -> Odometry:
    """Odometry of base_link in odom (REP 105).

    Args:
        nanoseconds: Time stamp, ns.
        position: Position in odom, (3,), m.
        quaternion: Attitude as w, x, y, z, (4,).
        linear: Velocity in base_link, (3,), m/s.
        angular: Angular velocity in base_link, (3,), rad/s.
    """
    message = Odometry(child_frame_id="base_link")
    message.header.stamp = to_stamp(nanoseconds)
    message.header.frame_id = "odom"
    pose, twist = message.pose.pose, message.twist.twist
    fill(pose.position, position)
    fill_quaternion(pose.orientation, quaternion)
    fill(twist.linear, linear)
    fill(twist.angular, angular)
    return message


def image(header: Header, picture: NDArray[np.uint8]) -> Image:
    """Image in ``rgb8`` of a picture (height, width, 3)."""
    height, width, _ = picture.shape
    return Image(
        header=header,
        height=height,
        width=width,
        encoding="rgb8",
        step=3 * width,
        data=array.array("B", picture.tobytes()),
    )


def camera_info(frame: str, size: tuple[int, int], fovy: float) -> CameraInfo:
    """CameraInfo of a camera without distortion (REP 104).

    Args:
        frame: Its optical frame: x to the right, y down, z ahead.
        size: Height and width of its images, pixels.
        fovy: Vertical field of view, degrees.
    """
    height, width = size
    focal = height / 2 / math.tan(math.radians(fovy) / 2)
    x, y = (width - 1) / 2, (height - 1) / 2
    message = CameraInfo(height=height, width=width, distortion_model="plumb_bob")
    message.header.frame_id = frame
    message.d = [0.0] * 5
    message.k = [focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [focal, 0.0, x, 0.0, 0.0, focal, y, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def fill(vector: Any, values: Array) -> None:
    """Set x, y and z of ``vector`` from values (3,)."""
    vector.x, vector.y, vector.z = values.tolist()


def fill_quaternion(quaternion: Any, values: Array) -> None:
    """Set ``quaternion`` from values w, x, y, z (4,)."""
    quaternion.w, quaternion.x, quaternion.y, quaternion.z = values.tolist()
