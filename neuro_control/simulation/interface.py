# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A MuJoCo model as a robot: its encoders, motors, sensors and base in ROS messages."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import FluidPressure, Imu, JointState, Range

from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import (
    SENSOR_QOS,
    JointReader,
    fill,
    fill_quaternion,
    joint_state,
    odometry,
    to_stamp,
)
from neuro_control.simulation import world as worlds

Array = NDArray[np.float64]


def _set_distance(message: Range, values: Array) -> None:
    # MuJoCo says -1 where the ray meets nothing; REP 117 says +inf, and -inf for too close.
    distance = float(values[0])
    message.range = math.inf if distance == -1.0 else distance
    message.radiation_type = Range.INFRARED
    message.max_range = math.inf


def _set_pressure(message: FluidPressure, values: Array) -> None:
    message.fluid_pressure = float(values[0])


@dataclass(frozen=True)
class SensorField:
    """What one type of MuJoCo sensor becomes.

    Sensors on the same site whose fields share a topic go into one message, as an IMU's
    accelerometer, gyro and attitude do.

    Attributes:
        topic: Last part of the topic; the site's name goes before it.
        message: Type of the message.
        quantity: Field of the message that the sensor measures.
        fill: Writes the sensor's readings, (dim,), into the message.
    """

    topic: str
    message: type[Any]
    quantity: str
    fill: Callable[[Any, Array], None]


# A new kind of sensor is a new row.
SENSORS: dict[mujoco.mjtSensor, SensorField] = {
    mujoco.mjtSensor.mjSENS_ACCELEROMETER: SensorField(
        "imu",
        Imu,
        "linear_acceleration",
        lambda message, values: fill(message.linear_acceleration, values),
    ),
    mujoco.mjtSensor.mjSENS_GYRO: SensorField(
        "imu",
        Imu,
        "angular_velocity",
        lambda message, values: fill(message.angular_velocity, values),
    ),
    mujoco.mjtSensor.mjSENS_FRAMEQUAT: SensorField(
        "imu",
        Imu,
        "orientation",
        lambda message, values: fill_quaternion(message.orientation, values),
    ),
    mujoco.mjtSensor.mjSENS_VELOCIMETER: SensorField(
        "velocity",
        TwistStamped,
        "twist",
        lambda message, values: fill(message.twist.linear, values),
    ),
    mujoco.mjtSensor.mjSENS_RANGEFINDER: SensorField("range", Range, "range", _set_distance),
    # MuJoCo knows no barometer: a world's user sensors of one number are pressures in Pa.
    mujoco.mjtSensor.mjSENS_USER: SensorField(
        "pressure", FluidPressure, "fluid_pressure", _set_pressure
    ),
}


# Topic of all touch sensors of a model, and what their names in the model end with.
FEET, _FORCE = "foot_forces", "_force"


# The first covariance of a quantity that isn't measured is -1 in sensor_msgs/Imu.
_IMU_QUANTITIES = ("orientation", "angular_velocity", "linear_acceleration")


@dataclass
class Sensor:
    """Publishes one message of a model's sensors.

    Attributes:
        publisher: Its publisher.
        frame: Its frame, the name of the sensors' site.
        parts: What fills the message, and where its numbers lie among the sensor readings.
    """

    publisher: Publisher
    frame: str
    parts: list[tuple[SensorField, slice]]

    def __post_init__(self) -> None:
        self._type = self.parts[0][0].message
        measured = {part.quantity for part, _ in self.parts}
        self._unknown = (
            [f"{each}_covariance" for each in _IMU_QUANTITIES if each not in measured]
            if self._type is Imu
            else []
        )

    def publish(self, nanoseconds: int, data: mujoco.MjData) -> None:
        """Publish the present reading, if somebody subscribes.

        Args:
            nanoseconds: Time stamp, ns.
            data: State whose sensor readings are published.
        """
        if not self.publisher.get_subscription_count():
            return
        message = self._type()
        message.header.stamp = to_stamp(nanoseconds)
        message.header.frame_id = self.frame
        for part, where in self.parts:
            part.fill(message, data.sensordata[where])
        for covariance in self._unknown:
            getattr(message, covariance)[0] = -1.0
        self.publisher.publish(message)


def sensors(node: Node, model: mujoco.MjModel, prefix: str = "") -> list[Sensor]:
    """Publishers on ``node`` for what the model's sensors on sites measure, by ``SENSORS``.

    A site's name is the beginning of its topics and, without the ``prefix`` that tells several
    robots apart, its frame: a robot does not know that it is one of several.
    """
    groups: dict[tuple[str, str], list[tuple[SensorField, slice]]] = {}
    for index in range(model.nsensor):
        part = SENSORS.get(mujoco.mjtSensor(model.sensor_type[index]))
        if part is None or model.sensor_objtype[index] != mujoco.mjtObj.mjOBJ_SITE:
            continue
        site = model.site(model.sensor_objid[index]).name
        if not site.startswith(prefix):
            continue
        start = int(model.sensor_adr[index])
        where = slice(start, start + int(model.sensor_dim[index]))
        groups.setdefault((site, part.topic), []).append((part, where))
    return [
        Sensor(
            node.create_publisher(parts[0][0].message, f"{site}/{topic}", SENSOR_QOS),
            site.removeprefix(prefix),
            parts,
        )
        for (site, topic), parts in groups.items()
    ]


class Feet:
    """The model's touch sensors as one JointState on ``foot_forces``.

    Effort is the force, N; a sensor ``FL_force`` goes by the name FL. Nothing is published by a
    model without any, or where nobody listens.

    Args:
        node: Publishes the message.
        model: Model that has the sensors.
        prefix: What their names in the model, and the topic, begin with.
    """

    def __init__(self, node: Node, model: mujoco.MjModel, prefix: str = "") -> None:
        touching = np.flatnonzero(model.sensor_type == int(mujoco.mjtSensor.mjSENS_TOUCH))
        names = {int(i): str(model.sensor(int(i)).name) for i in touching}
        found = [i for i, name in names.items() if name.startswith(prefix)]
        self._names = [names[i].removeprefix(prefix).removesuffix(_FORCE) for i in found]
        self._where = model.sensor_adr[found]
        topic = prefix + FEET
        self._publisher = (
            node.create_publisher(JointState, topic, SENSOR_QOS) if self._names else None
        )

    def publish(self, nanoseconds: int, data: mujoco.MjData) -> None:
        """Publish the present forces, if somebody subscribes."""
        if self._publisher is None or not self._publisher.get_subscription_count():
            return
        forces = data.sensordata[self._where]
        self._publisher.publish(joint_state(nanoseconds, self._names, effort=forces))


class Base:
    """Pose and velocity of the site base_link.

    Args:
        model: Model that has it.
        prefix: What its name in the model begins with.

    Raises:
        ConfigurationError: The model has no such site.
    """

    def __init__(self, model: mujoco.MjModel, prefix: str = "") -> None:
        self._model = model
        name = prefix + worlds.BASE_SITE
        self._site = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, name)
        if self._site < 0:
            raise ConfigurationError(
                f"odometry is that of the site {worlds.BASE_SITE}, which the model lacks"
            )
        self._quaternion = np.empty(4)
        self._velocity = np.empty(6)

    def message(self, nanoseconds: int, data: mujoco.MjData) -> Odometry:
        """Odometry of the present state."""
        mujoco.mju_mat2Quat(self._quaternion, data.site_xmat[self._site])
        kind = mujoco.mjtObj.mjOBJ_SITE
        mujoco.mj_objectVelocity(self._model, data, kind, self._site, self._velocity, 1)
        return odometry(
            nanoseconds,
            data.site_xpos[self._site],
            self._quaternion,
            self._velocity[3:],
            self._velocity[:3],
        )


class Joints:
    """The model's hinges and slides, as a robot's encoders see them.

    Joints that hold a body's place in space have no encoder: those without an actuator on the
    body that carries base_link, and free and ball joints. Where the model has sensors of a joint's
    position or velocity, those readings are published, with the noise that the world gives them.

    Args:
        model: The model.
        prefix: What the names of the robot's joints in the model begin with; messages leave it out.
    """

    def __init__(self, model: mujoco.MjModel, prefix: str = "") -> None:
        base = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, prefix + worlds.BASE_SITE)
        root = model.site_bodyid[base] if base >= 0 else -1
        # MuJoCo's enumerations equal NumPy's integers only as integers of Python.
        scalar = {int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE)}
        joints = [
            j
            for j in range(model.njnt)
            if int(model.jnt_type[j]) in scalar
            and model.jnt_bodyid[j] != root
            and model.joint(j).name.startswith(prefix)
        ]
        self.names = [model.joint(j).name.removeprefix(prefix) for j in joints]
        self._qpos = model.jnt_qposadr[joints] if joints else np.empty(0, dtype=int)
        self._dof = model.jnt_dofadr[joints] if joints else np.empty(0, dtype=int)
        self._encoders = [
            _of_joints(model, kind, joints)
            for kind in (mujoco.mjtSensor.mjSENS_JOINTPOS, mujoco.mjtSensor.mjSENS_JOINTVEL)
        ]

    def message(self, nanoseconds: int, data: mujoco.MjData) -> JointState:
        """Angles or displacements, speeds and actuator efforts of all joints."""
        position, velocity = data.qpos[self._qpos], data.qvel[self._dof]
        for reading, (rows, where) in zip((position, velocity), self._encoders, strict=True):
            reading[rows] = data.sensordata[where]
        return joint_state(
            nanoseconds, self.names, position, velocity, data.qfrc_actuator[self._dof]
        )


def _of_joints(
    model: mujoco.MjModel, kind: mujoco.mjtSensor, joints: list[int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of the joints have a sensor of a kind, and where its readings lie."""
    found = {int(model.sensor_objid[i]): i for i in np.flatnonzero(model.sensor_type == int(kind))}
    rows = [row for row, joint in enumerate(joints) if joint in found]
    where = [model.sensor_adr[found[joints[row]]] for row in rows]
    return np.array(rows, dtype=np.intp), np.array(where, dtype=np.intp)


class Actuators:
    """Turns joint commands into MuJoCo controls: motors take efforts, servos their set-point.

    A motor that drives no joint but pushes at a site, as a propeller does, goes by its own name.

    Args:
        model: The model.
        prefix: What the names of the robot's motors and joints in the model begin with; commands
            leave it out.
    """

    def __init__(self, model: mujoco.MjModel, prefix: str = "") -> None:
        self.readers: list[tuple[JointReader, NDArray[np.intp], Array]] = []
        fields: dict[str, list[int]] = {}
        for index in range(model.nu):
            if not model.actuator(index).name.startswith(prefix):
                continue
            if model.actuator_trntype[index] not in _TRANSMISSIONS:
                raise ConfigurationError(
                    f"actuator {model.actuator(index).name} drives neither a joint nor a site; "
                    "joint_commands can't"
                )
            fields.setdefault(_field(model, index), []).append(index)
        for field, indices in fields.items():
            names = [_commanded(model, index).removeprefix(prefix) for index in indices]
            gear = _gear(model, indices) if field == "effort" else np.ones(len(indices))
            self.readers.append((JointReader(names, field), np.array(indices), gear))
        self.nu = model.nu
        # A motor or a speed servo without a command is released; a position servo holds.
        self.released = np.array(
            sorted(i for field in fields if field != "position" for i in fields[field]), dtype=int
        )

    def read(self, message: JointState) -> Array:
        """Controls (nu,) of a command; Rejected if joints, sizes or numbers are wrong.

        Those of other robots are not numbers.
        """
        ctrl = np.full(self.nu, np.nan)
        for reader, indices, gear in self.readers:
            ctrl[indices] = reader(message) / gear
        return ctrl


# MuJoCo's enumerations equal NumPy's integers only as integers of Python.
_TRANSMISSIONS = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_SITE))


def _commanded(model: mujoco.MjModel, index: int) -> str:
    """Name by which a joint command calls an actuator."""
    if model.actuator_trntype[index] == mujoco.mjtTrn.mjTRN_SITE:
        return str(model.actuator(index).name)
    return str(model.joint(model.actuator_trnid[index, 0]).name)


def _gear(model: mujoco.MjModel, indices: list[int]) -> Array:
    """What a control of 1 exerts: N·m or N."""
    return np.array(
        [
            model.actuator_gear[i, 0]
            if model.actuator_trntype[i] == mujoco.mjtTrn.mjTRN_JOINT
            else np.linalg.norm(model.actuator_gear[i, :3])
            for i in indices
        ]
    )


def _field(model: mujoco.MjModel, index: int) -> str:
    """Field of a joint command that an actuator follows."""
    if model.actuator_biastype[index] == mujoco.mjtBias.mjBIAS_NONE:
        return "effort"
    return "position" if model.actuator_biasprm[index, 1] else "velocity"
