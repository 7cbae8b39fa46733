# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Legs against MuJoCo, and robots' numbers against the models."""

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control import kinematics, robots
from neuro_control.quadruped.control.types import LEGS
from neuro_control.quadruped.simulation.model import model


@pytest.fixture(scope="module", params=list(robots.ROBOTS))
def pair(request):
    return robots.find_robot(request.param), model(request.param)


def posed(compiled, q, dq=None):
    data = mujoco.MjData(compiled)
    data.qpos[:7] = [0, 0, 1, 1, 0, 0, 0]
    data.qpos[7:] = q
    if dq is not None:
        data.qvel[6:] = dq
    mujoco.mj_forward(compiled, data)
    return data


def draw(robot, seed):
    low, high = np.array(robot.limits).T
    return np.random.default_rng(seed).uniform(np.tile(low, 4), np.tile(high, 4))


@pytest.mark.parametrize("seed", range(5))
def test_feet_and_jacobians_are_mujocos(pair, seed):
    robot, compiled = pair
    q = draw(robot, seed)
    data = posed(compiled, q)
    position, jacobian, full = np.empty(3), np.empty((3, 3)), np.empty((3, compiled.nv))
    for i, leg in enumerate(LEGS):
        down = np.array([0.01, -0.005, -robot.radius])
        for at in (np.zeros(3), down):
            kinematics.contact(robot.legs[i], q[3 * i : 3 * i + 3], at, position, jacobian)
            body = compiled.body(f"{leg}_foot").id
            centre = data.xpos[body] + at
            np.testing.assert_allclose(position, centre - [0, 0, 1], atol=1e-9)
            mujoco.mj_jac(compiled, data, full, None, centre, body)
            np.testing.assert_allclose(jacobian, full[:, 6 + 3 * i : 9 + 3 * i], atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_angles_bring_a_foot_where_it_was(seed):
    for robot in robots.ROBOTS.values():
        q = draw(robot, seed)
        # Feet below the hips: above them a second hip angle reaches the same point.
        q[0::3] *= 0.8
        q[1::3] = np.clip(q[1::3], -0.3, 1.8)
        q[2::3] = np.maximum(q[2::3], -2.2)
        position, again, jacobian, found = np.empty(3), np.empty(3), np.empty((3, 3)), np.empty(3)
        for i in range(4):
            kinematics.foot(robot.legs[i], q[3 * i : 3 * i + 3], position, jacobian)
            kinematics.angles(robot.legs[i], position, found)
            kinematics.foot(robot.legs[i], found, again, jacobian)
            np.testing.assert_allclose(again, position, atol=1e-9)


def test_a_leg_stretches_towards_what_it_does_not_reach():
    leg, q, at, jacobian = robots.GO2.legs[0], np.empty(3), np.empty(3), np.empty((3, 3))
    kinematics.angles(leg, leg[:3] + np.array([0, leg[3], -1.0]), q)
    kinematics.foot(leg, q, at, jacobian)
    np.testing.assert_allclose(at[:2], leg[:2] + np.array([0, leg[3]]), atol=1e-9)
    assert -0.426 < at[2] < -0.42
    assert np.isfinite(np.linalg.inv(jacobian)).all()


@pytest.mark.parametrize("seed", range(3))
def test_centre_of_mass_its_velocity_and_gravitys_torques_are_mujocos(pair, seed):
    robot, compiled = pair
    q, dq = draw(robot, seed), np.random.default_rng(seed).normal(size=12)
    data = posed(compiled, q, dq)
    com, velocity, torque = np.empty(3), np.empty(3), np.empty(12)
    gravity = np.array([0, 0, -9.81])
    kinematics.centre_of_mass(
        robot.record, q, dq, gravity, com, velocity, torque,
    )  # fmt: skip
    # Go1's calves are not quite mirror images.
    np.testing.assert_allclose(com, data.subtree_com[0] - [0, 0, 1], atol=1e-4)
    jacobian = np.empty((3, compiled.nv))
    mujoco.mj_jacSubtreeCom(compiled, data, jacobian, 1)
    np.testing.assert_allclose(velocity, jacobian[:, 6:] @ dq, atol=1e-4)
    held = posed(compiled, q)
    np.testing.assert_allclose(torque, held.qfrc_bias[6:], atol=5e-3)


def test_the_robots_numbers_are_their_models(pair):
    robot, compiled = pair
    assert robot.mass == pytest.approx(compiled.body_mass.sum(), abs=1e-6)
    assert robot.radius == pytest.approx(compiled.geom("FL").size[0])
    np.testing.assert_allclose(robot.imu, compiled.site("imu").pos)
    ranges = compiled.jnt_range[1:].reshape(4, 3, 2)
    limits = np.stack([ranges[..., 0].max(0), ranges[..., 1].min(0)], -1)
    np.testing.assert_allclose(robot.limits, limits)
    np.testing.assert_allclose(compiled.actuator_ctrlrange[:, 1], np.tile(robot.torque, 4))
    friction = compiled.dof_frictionloss[6:].reshape(4, 3).mean(0)
    np.testing.assert_allclose(robot.friction, friction, atol=0.01)
    damping = compiled.dof_damping[6:].reshape(4, 3).mean(0)
    np.testing.assert_allclose(robot.damping, damping, atol=0.01)
    data = posed(compiled, compiled.key("home").qpos[7:])
    whole = np.empty((compiled.nv, compiled.nv))
    mujoco.mj_fullM(compiled, data, whole)
    mass, com = robot.mass, data.subtree_com[0] - [0, 0, 1]
    about = np.diag(whole[3:6, 3:6]) - mass * (com @ com - com**2)
    np.testing.assert_allclose(robot.inertia, about, rtol=0.02)


def test_a_robot_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="there are go2, go1"):
        robots.find_robot("go3")
