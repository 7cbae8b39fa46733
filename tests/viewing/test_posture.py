# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A posture is where the simulation has the bodies, and shapes are those of its geoms."""

import mujoco
import numpy as np
import pytest
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState

from neuro_control.simulation import world as worlds
from neuro_control.simulation.interface import Base, Joints
from neuro_control.viewing.posture import Posture
from neuro_control.viewing.shapes import shapes

ROBOTS = [
    ("neuro_control.swimmer.simulation.tasks:swim", {"links": 6}),
    ("neuro_control.blimp.simulation.world:world", {"case": "heavy"}),
    ("neuro_control.quadruped.simulation.body:world", {"robot": "go2"}),
]


@pytest.mark.parametrize(("model", "arguments"), ROBOTS)
def test_bodies_are_where_the_simulation_has_them(model, arguments):
    world = worlds.load(model, arguments)
    data = mujoco.MjData(world.model)
    rng = np.random.default_rng(3)
    active = world.reset(data, rng)
    for _ in range(30):
        world.step(data, active, rng.uniform(-1e-3, 1e-3, world.model.nu), 5)
    posture = Posture(model, arguments, seed=3, meshes=False)
    assert not posture.follow("/ground_truth/odom", Base(world.model).message(0, data))
    assert posture.follow("/joint_states", Joints(world.model).message(0, data))
    positions, attitudes = posture.place()
    mujoco.mj_kinematics(world.model, data)
    # The blimp's encoders measure, with noise, what the others tell as it is.
    assert positions == pytest.approx(data.xpos[posture.robot], abs=2e-3)
    expected = data.xmat[posture.robot].reshape(-1, 3, 3)
    assert attitudes == pytest.approx(expected, abs=2e-2)


def test_an_estimate_moves_the_base_only_until_the_truth_is_known():
    posture = Posture(*ROBOTS[0], meshes=False)
    estimate, truth = Odometry(), Odometry()
    estimate.pose.pose.position.x, truth.pose.pose.position.x = 5.0, 7.0
    for topic, message, x in (
        ("/odom", estimate, 5.0),
        ("/ground_truth/odom", truth, 7.0),
        ("/odom", estimate, 7.0),
    ):
        posture.follow(topic, message)
        assert posture.place()[0][0, 0] == pytest.approx(x, abs=0.2)


def test_numbers_of_joints_that_are_not_finite_or_unknown_change_nothing():
    posture = Posture(*ROBOTS[0], meshes=False)
    before = posture.place()[0]
    posture.follow("/joint_states", JointState(name=["joint_1", "tail"], position=[np.nan, 1.0]))
    assert np.array_equal(posture.place()[0], before)


@pytest.mark.parametrize(("model", "arguments"), ROBOTS)
def test_triangles_lie_within_their_geoms_and_span_them(model, arguments):
    compiled = worlds.load(model, arguments).model
    found = {shape.name: shape for shape in shapes(compiled)}
    for geom in range(compiled.ngeom):
        shape = found.get(compiled.geom(geom).name or f"geom_{geom}")
        if shape is None:
            assert compiled.geom_rgba[geom][3] == 0.0
            continue
        assert shape.faces.max() < len(shape.vertices)
        assert np.all((shape.colour >= 0.0) & (shape.colour <= 1.0))
        if compiled.geom_type[geom] == mujoco.mjtGeom.mjGEOM_PLANE:
            continue
        radii = np.linalg.norm(shape.vertices - compiled.geom_pos[geom], axis=1)
        # MuJoCo's own radius of the sphere around a geom.
        assert radii.max() == pytest.approx(compiled.geom_rbound[geom], rel=0.05)
