# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Worlds of the quadruped: what they are built of, and what they refuse."""

import mujoco
import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import JOINTS, LEGS
from neuro_control.quadruped.simulation.model import TERRAINS, model


@pytest.mark.parametrize("robot", ["go2", "go1"])
@pytest.mark.parametrize("terrain", TERRAINS)
def test_every_robot_stands_in_every_world(robot, terrain):
    compiled = model(robot, terrain)
    data = mujoco.MjData(compiled)
    mujoco.mj_resetDataKeyframe(compiled, data, compiled.key("home").id)
    mujoco.mj_forward(compiled, data)
    feet = [data.body(f"{leg}_foot").xpos[2] for leg in LEGS]
    assert min(feet) > -0.02
    assert [compiled.sensor(i).name for i in range(2)] == ["accelerometer", "gyro"]
    angles = [data.sensor(f"{name}_angle").data[0] for name in JOINTS]
    np.testing.assert_allclose(angles, data.qpos[7:])


@pytest.mark.parametrize("terrain", TERRAINS)
def test_a_contact_has_the_grounds_friction(terrain):
    for robot in ("go2", "go1"):
        compiled = model(robot, terrain, friction=0.37)
        data = mujoco.MjData(compiled)
        mujoco.mj_resetDataKeyframe(compiled, data, compiled.key("home").id)
        data.qpos[0] = 0.0 if terrain == "flat" else 1.5
        ahead = data.qpos[0] - 0.8
        data.qpos[2] += {"slope": ahead * np.tan(np.radians(10.0)), "stairs": 0.1}.get(terrain, 0.0)
        data.qpos[2] -= 0.03
        mujoco.mj_forward(compiled, data)
        assert data.ncon >= 4
        np.testing.assert_allclose(data.contact.friction[:, 0], 0.37)


def test_feet_feel_the_weight():
    compiled = model("go2", payload=2.0)
    data = mujoco.MjData(compiled)
    mujoco.mj_resetDataKeyframe(compiled, data, compiled.key("home").id)
    compiled.dof_damping[6:] = 1e4  # legs like wood
    mujoco.mj_step(compiled, data, 1000)
    forces = sum(data.sensor(f"{leg}_force").data[0] for leg in LEGS)
    assert forces == pytest.approx(compiled.body_mass.sum() * 9.81, rel=0.02)
    assert compiled.body_mass.sum() == pytest.approx(17.206, abs=1e-3)


def ground_at(compiled, data, *where):
    """Height of the ground at places of x and y."""
    heights = []
    for x, y in where:
        start, down = np.array([x, y, 5.0]), np.array([0, 0, -1.0])
        hit = np.zeros(1, dtype=np.int32)
        heights.append(5.0 - mujoco.mj_ray(compiled, data, start, down, None, 1, -1, hit))
    return heights


def still(compiled):
    data = mujoco.MjData(compiled)
    mujoco.mj_forward(compiled, data)
    return data


def test_a_slope_rises_as_asked():
    compiled = model("go2", "slope", slope=12.0)
    # 0.8 m ahead it begins.
    heights = ground_at(compiled, still(compiled), (0.79, 1.0), (1.8, 1.0), (2.8, -3.0))
    np.testing.assert_allclose(heights, np.tan(np.radians(12)) * np.arange(3), atol=1e-6)


@pytest.mark.parametrize("height", [0.03, 0.08])
def test_stairs_are_as_high_and_as_deep_as_asked(height):
    compiled = model("go1", "stairs", height=height)
    edges = 0.8 + 0.3 * np.arange(9)
    before = ground_at(compiled, still(compiled), *((edge - 0.01, 1.0) for edge in edges))
    np.testing.assert_allclose(before, height * np.arange(9), atol=2e-4)
    behind = ground_at(compiled, still(compiled), *((edge + 0.01, -1.0) for edge in edges[:8]))
    np.testing.assert_allclose(behind, height * np.arange(1, 9), atol=2e-4)


def test_rubble_is_as_high_as_asked_and_begins_ahead():
    compiled = model("go2", "rough", height=0.06, seed=1)
    data, rng = still(compiled), np.random.default_rng(0)
    ahead = ground_at(compiled, data, *rng.uniform((0.9, -5.0), (12.0, 5.0), (300, 2)))
    assert 0.0 <= min(ahead) < 0.01
    assert 0.05 < max(ahead) <= 0.06
    assert ground_at(compiled, data, (0.5, 1.0)) == [0.0]


def test_rubble_is_its_seeds():
    one, same, other = (model("go2", "rough", seed=seed).hfield_data for seed in (1, 1, 2))
    assert (one == same).all()
    assert not np.allclose(one, other)


def test_meshes_are_there_for_people_only():
    assert model("go1").nmesh == 0
    assert model("go1", meshes=True).nmesh > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"robot": "spot"}, "there are go2, go1"),
        ({"terrain": "moon"}, "there are flat"),
        ({"friction": 0.0}, "friction lies between"),
        ({"slope": 45.0}, "slope lies between"),
        ({"payload": float("nan")}, "payload lies between"),
    ],
)
def test_worlds_that_can_not_be_are_refused(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        model(**arguments)
