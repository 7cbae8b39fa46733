# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot's URDF from its compiled MuJoCo model.

Frames are those of REP 105 and REP 103. The root is ``base_link``, which is the model's site of
that name and carries no mass. Every body is a link of its own name and frame. Sites of sensors and
the like are links without mass; a range finder's looks along x, as sensor_msgs/Range has it. A
camera that is fixed to the robot is a link that looks along x, and has ``NAME_optical_frame``,
which looks along z and in which its images are.

What URDF does not know is left out: the joints that hold the base in space, buoyancy, fluids,
friction of contacts, and the motors' speed limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.description.poses import Pose, rotated, text
from neuro_control.simulation.description.shapes import add_shapes
from neuro_control.simulation.targets import BASE_SITE

Array = NDArray[np.float64]

_HEAD = "<!-- Made of the MuJoCo model by `neuro-control urdf`. -->\n"
# MuJoCo knows no speed limit of a joint, and URDF wants one; this one limits nothing.
_NO_SPEED_LIMIT = 1000.0
# A camera looks along -z in MuJoCo, its image's up is y; REP 103: along x, up is z; along z, up
# is -y.
_CAMERA = rotated([[0, -1, 0], [0, 0, 1], [-1, 0, 0]])
_OPTICAL = rotated([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])
# A range finder measures along z in MuJoCo.
_RANGE_FINDER = rotated([[0, 0, -1], [0, 1, 0], [1, 0, 0]])
_HINGE, _SLIDE = int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE)


def urdf(model: mujoco.MjModel) -> str:
    """URDF of the robot that carries the site base_link.

    Args:
        model: The compiled model; what belongs to the world beside the robot is left out. Meshes
            that it has are referred to as files on this machine.

    Raises:
        ConfigurationError: The model has no site base_link, or a joint that URDF can't describe.
    """
    site = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, BASE_SITE)
    if site < 0:
        raise ConfigurationError(f"a URDF begins with the site {BASE_SITE}, which the model lacks")
    return _Robot(model, site).text()


class _Robot:
    """A URDF that is being written."""

    def __init__(self, model: mujoco.MjModel, base: int) -> None:
        self._model, self._base = model, base
        name = model.names[: model.names.index(b"\0")].decode()
        self._root = ElementTree.Element("robot", name=name)
        self._links: set[str] = set()
        self._add_link(BASE_SITE)
        trunk = int(model.site_bodyid[base])
        first = int(model.body_rootid[trunk])
        self._bodies = [
            body for body in range(model.nbody) if body and model.body_rootid[body] == first
        ]
        if first != trunk:
            raise ConfigurationError(
                f"the site {BASE_SITE} belongs to a body that moves within another one"
            )
        self._add_fixed(BASE_SITE, self._name(first), self._site_pose(base).inverse)
        for body in self._bodies:
            self._add_body(body, moves=body != first)
        self._add_sites()
        self._add_cameras()

    def text(self) -> str:
        """The whole as XML."""
        ElementTree.indent(self._root)
        return _HEAD + ElementTree.tostring(self._root, encoding="unicode") + "\n"

    def _name(self, body: int) -> str:
        return str(self._model.body(body).name) or f"body_{body}"

    # Links and joints.

    def _add_link(self, name: str) -> ElementTree.Element:
        if name in self._links:
            raise ConfigurationError(f"two links of the URDF would be named '{name}'")
        self._links.add(name)
        return ElementTree.SubElement(self._root, "link", name=name)

    def _add_joint(
        self, name: str, kind: str, parent: str, child: str, pose: Pose
    ) -> ElementTree.Element:
        joint = ElementTree.SubElement(self._root, "joint", name=name, type=kind)
        ElementTree.SubElement(joint, "parent", link=parent)
        ElementTree.SubElement(joint, "child", link=child)
        origin = {"xyz": text(*pose.position), "rpy": text(*pose.rpy)}
        ElementTree.SubElement(joint, "origin", origin)
        return joint

    def _add_fixed(self, parent: str, child: str, pose: Pose) -> None:
        self._add_joint(f"{child}_fixed", "fixed", parent, child, pose)

    def _add_body(self, body: int, moves: bool) -> None:
        """Link of a body, and the joint that leads to it.

        A link turns about its own origin. Where a joint of MuJoCo is elsewhere in its body, a link
        at the joint carries mass and shape, and the body's frame is fixed to it.
        """
        name, model = self._name(body), self._model
        parent = self._name(int(model.body_parentid[body]))
        pose = Pose(model.body_pos[body], model.body_quat[body])
        joints = range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body])
        if not moves:
            self._describe(self._add_link(name), body, Pose())
        elif len(joints) == 0:
            self._add_fixed(parent, name, pose)
            self._describe(self._add_link(name), body, Pose())
        elif len(joints) == 1:
            self._add_moving(body, int(joints[0]), parent, pose)
        else:
            raise ConfigurationError(f"the body '{name}' has {len(joints)} joints: URDF has one")

    def _add_moving(self, body: int, joint: int, parent: str, pose: Pose) -> None:
        model, name = self._model, self._name(body)
        anchor = Pose(model.jnt_pos[joint].copy())
        at_joint = name if not anchor.position.any() else f"{model.joint(joint).name}_link"
        self._add_axis(joint, parent, at_joint, pose @ anchor)
        self._describe(self._add_link(at_joint), body, anchor.inverse)
        if at_joint != name:
            self._add_link(name)
            self._add_fixed(at_joint, name, anchor.inverse)

    def _add_axis(self, joint: int, parent: str, child: str, pose: Pose) -> None:
        model = self._model
        kind, limited = int(model.jnt_type[joint]), bool(model.jnt_limited[joint])
        name = str(model.joint(joint).name)
        if kind not in (_HINGE, _SLIDE) or model.qpos0[model.jnt_qposadr[joint]]:
            raise ConfigurationError(f"the joint '{name}' is neither a hinge nor a slide from zero")
        words = ("revolute" if limited else "continuous") if kind == _HINGE else "prismatic"
        element = self._add_joint(name, words, parent, child, pose)
        ElementTree.SubElement(element, "axis", xyz=text(*model.jnt_axis[joint]))
        low, high = model.jnt_range[joint] if limited else (-np.inf, np.inf)
        limits = {"effort": text(self._effort(joint)), "velocity": text(_NO_SPEED_LIMIT)}
        if np.isfinite(low):
            limits.update(lower=text(low), upper=text(high))
        ElementTree.SubElement(element, "limit", limits)
        dof = int(model.jnt_dofadr[joint])
        damping, friction = text(model.dof_damping[dof]), text(model.dof_frictionloss[dof])
        ElementTree.SubElement(element, "dynamics", damping=damping, friction=friction)

    def _effort(self, joint: int) -> float:
        """Largest effort of the joint's motors, N·m or N; 0 if it has none."""
        model, most = self._model, 0.0
        for index in range(model.nu):
            drives = model.actuator_trntype[index] == mujoco.mjtTrn.mjTRN_JOINT
            if not drives or model.actuator_trnid[index, 0] != joint:
                continue
            gear = abs(float(model.actuator_gear[index, 0]))
            if model.actuator_forcelimited[index]:
                most = max(most, gear * float(np.abs(model.actuator_forcerange[index]).max()))
            elif model.actuator_biastype[index] == mujoco.mjtBias.mjBIAS_NONE:
                most = max(most, gear * float(np.abs(model.actuator_ctrlrange[index]).max()))
        return most

    def _describe(self, link: ElementTree.Element, body: int, pose: Pose) -> None:
        """Add mass and shapes of a body whose frame is ``pose`` in the link's."""
        model, mass = self._model, float(self._model.body_mass[body])
        if mass:
            centre = pose @ Pose(model.body_ipos[body], model.body_iquat[body])
            inertial = ElementTree.SubElement(link, "inertial")
            origin = {"xyz": text(*centre.position), "rpy": text(*centre.rpy)}
            ElementTree.SubElement(inertial, "origin", origin)
            ElementTree.SubElement(inertial, "mass", value=text(mass))
            ixx, iyy, izz = (text(each) for each in model.body_inertia[body])
            ElementTree.SubElement(
                inertial, "inertia", ixx=ixx, iyy=iyy, izz=izz, ixy="0", ixz="0", iyz="0"
            )
        add_shapes(link, model, body, pose)

    # Frames of sensors.

    def _site_pose(self, site: int) -> Pose:
        return Pose(self._model.site_pos[site], self._model.site_quat[site])

    def _add_sites(self) -> None:
        model = self._model
        for site in self._of_robot(model.site_bodyid):
            name, body = str(model.site(site).name), int(model.site_bodyid[site])
            if not name or site == self._base or name == self._name(body):
                continue  # one that bears its body's name is where the body is
            self._add_link(name)
            pose = self._site_pose(site)
            self._add_fixed(
                self._name(body), name, pose @ _RANGE_FINDER if self._measures_range(site) else pose
            )

    def _measures_range(self, site: int) -> bool:
        model = self._model
        kinds = np.flatnonzero(model.sensor_type == int(mujoco.mjtSensor.mjSENS_RANGEFINDER))
        return any(
            model.sensor_objtype[k] == mujoco.mjtObj.mjOBJ_SITE and model.sensor_objid[k] == site
            for k in kinds
        )

    def _add_cameras(self) -> None:
        model = self._model
        for camera in self._of_robot(model.cam_bodyid):
            name = str(model.camera(camera).name)
            if not name or model.cam_mode[camera] != mujoco.mjtCamLight.mjCAMLIGHT_FIXED:
                continue  # one that follows the robot is for people
            pose = Pose(model.cam_pos[camera], model.cam_quat[camera]) @ _CAMERA
            self._add_link(name)
            self._add_fixed(self._name(int(model.cam_bodyid[camera])), name, pose)
            self._add_link(f"{name}_optical_frame")
            self._add_fixed(name, f"{name}_optical_frame", _OPTICAL)

    def _of_robot(self, bodies: NDArray[np.int32]) -> Iterator[int]:
        """Indices of what is fixed to the robot's bodies."""
        return (index for index, body in enumerate(bodies.tolist()) if body in self._bodies)
