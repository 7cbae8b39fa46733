# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where a robot's bodies are, by its joints and the pose of its base, as a model has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.simulation import world as worlds

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Topic of the ground truth of a simulation.
TRUE_ODOMETRY = "ground_truth/odom"


class Posture:
    """A model that takes the posture of a robot, simulated or real.

    The model is that of the simulation, at the start of an episode. Nothing is simulated: joints
    are set to what was measured, and the robot is put where its base is.

    Args:
        model: Name of the simulation's world.
        arguments: Arguments of that world.
        seed: Seed of the episode, which may place things.
        meshes: Whether the robot carries its meshes, where there are any, for people to look at.

    Attributes:
        model: The compiled model.
        robot: Numbers of the robot's bodies.
        site: Number of the site base_link.

    Raises:
        ConfigurationError: The world can't be made, or has no base.
    """

    def __init__(
        self, model: str, arguments: dict[str, Any], seed: int = 0, *, meshes: bool = True
    ) -> None:
        world = _with_meshes(model, arguments) if meshes else worlds.load(model, arguments)
        self.model, self._data = world.model, mujoco.MjData(world.model)
        world.reset(self._data, np.random.default_rng(seed))
        self.site = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_SITE, worlds.BASE_SITE)
        if self.site < 0:
            raise ConfigurationError(f"the model {model} has no site {worlds.BASE_SITE}")
        root = int(self.model.body_rootid[self.model.site_bodyid[self.site]])
        self.robot = np.flatnonzero(self.model.body_rootid == root)
        self._joints = {
            self.model.joint(j).name: int(self.model.jnt_qposadr[j])
            for j in range(self.model.njnt)
            if int(self.model.jnt_type[j]) in _SCALAR
        }
        self._base: tuple[Array, Array] | None = None  # position, and attitude as a matrix
        self._true = False  # whether that pose is the simulation's own

    def geoms(self) -> Indices:
        """Numbers of the robot's geoms."""
        return np.flatnonzero(np.isin(self.model.geom_bodyid, self.robot))

    def follow(self, topic: str, message: Any) -> bool:
        """Take what a message says of the robot's posture.

        Once there is a true pose of the base, estimated ones count no more.

        Args:
            topic: Its topic.
            message: The message, of any type.

        Returns:
            Whether the robot has moved: with each message of ``joint_states``.
        """
        if topic.endswith("joint_states"):
            self.set_joints(message.name, message.position)
            return True
        if isinstance(message, Odometry):
            true = topic.endswith(TRUE_ODOMETRY)
            if true or not self._true:
                self._true = true
                p, q = message.pose.pose.position, message.pose.pose.orientation
                self.set_base(np.array([p.x, p.y, p.z]), np.array([q.w, q.x, q.y, q.z]))
        return False

    def set_joints(self, names: Sequence[str], positions: Sequence[float]) -> None:
        """Take measured angles (rad) or displacements (m); names that the model lacks are left."""
        for name, position in zip(names, positions, strict=False):
            where = self._joints.get(name)
            if where is not None and np.isfinite(position):
                self._data.qpos[where] = position

    def set_base(self, position: Array, quaternion: Array) -> None:
        """Take the pose of base_link: position (3,), m, and attitude (4,) as w, x, y, z."""
        matrix = np.empty(9)
        mujoco.mju_quat2Mat(matrix, np.asarray(quaternion, dtype=np.float64))
        self._base = np.asarray(position, dtype=np.float64), matrix.reshape(3, 3)

    def place(self, bodies: Array | None = None) -> tuple[Array, Array]:
        """Poses of bodies, by default of the robot's.

        Returns:
            Positions (n, 3), m, and attitudes (n, 3, 3).
        """
        mujoco.mj_kinematics(self.model, self._data)
        chosen = self.robot if bodies is None else bodies
        positions = self._data.xpos[chosen].copy()
        attitudes = self._data.xmat[chosen].reshape(-1, 3, 3).copy()
        if bodies is not None or self._base is None:
            return positions, attitudes
        # The whole robot moves to where its base is.
        there, turned = self._base
        here = self._data.site_xpos[self.site]
        turn = turned @ self._data.site_xmat[self.site].reshape(3, 3).T
        return (positions - here) @ turn.T + there, turn @ attitudes


# MuJoCo's enumerations equal NumPy's integers only as integers of Python.
_SCALAR = {int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE)}


def _with_meshes(model: str, arguments: dict[str, Any]) -> worlds.World:
    if ":" in model and "meshes" not in arguments:
        try:
            return worlds.load(model, {**arguments, "meshes": True})
        except ConfigurationError:
            pass  # it has none
    return worlds.load(model, arguments)
