# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Several robots in one world: each starts, moves and measures as it does alone."""

import mujoco
import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.world import load

SHARED = "neuro_control.simulation.shared.world:world"
GO2 = {"model": "neuro_control.quadruped.simulation.body:world"}
BLIMP = {"model": "neuro_control.blimp.simulation.world:world", "at": [1.0, 2.0, 0.0]}


def shared(**robots):
    return load(SHARED, {"robots": robots})


def started(world, rng):
    data = mujoco.MjData(world.model)
    return data, world.reset(data, rng)


def test_a_robot_that_is_the_only_one_moves_as_it_does_alone_to_the_bit():
    quiet = {**GO2, "model_arguments": {"noise": 1.0}}
    alone, one = load(quiet["model"], quiet["model_arguments"]), shared(go2=quiet)
    (own,) = np.random.default_rng(5).spawn(1)
    data, active = started(alone, own)
    common, others = started(one, np.random.default_rng(5))
    torques = np.random.default_rng(1)
    for _ in range(100):
        command = torques.uniform(-5.0, 5.0, alone.model.nu)
        alone.step(data, active, command, 1)
        one.step(common, others, command, 1)
    np.testing.assert_array_equal(common.qpos, data.qpos)
    np.testing.assert_array_equal(common.sensordata, data.sensordata)


def test_each_starts_where_it_is_put_and_the_model_is_changed_as_each_asks():
    world = shared(go2=GO2, blimp=BLIMP)
    model, blimp = world.model, load(BLIMP["model"])
    data, _ = started(world, np.random.default_rng(0))
    alone, _ = started(blimp, np.random.default_rng(0))
    place = data.site("blimp/base_link").xpos - alone.site("base_link").xpos
    np.testing.assert_allclose(place, [1.0, 2.0, 0.0], atol=1e-9)
    assert data.site("go2/base_link").xpos[2] == pytest.approx(0.32, abs=0.02)
    borne = model.body_gravcomp[model.body("blimp/envelope").id]
    assert borne == blimp.model.body_gravcomp[blimp.model.body("envelope").id] > 1.0
    np.testing.assert_array_equal(
        model.dof_armature[model.jnt_dofadr[model.joint("blimp/x").id] :][:6],
        blimp.model.dof_armature[:6],
    )
    assert model.opt.density == blimp.model.opt.density
    assert model.opt.timestep == 0.002


def test_a_blimp_among_others_hovers_as_it_does_alone():
    # Of another time step, it is the same flight to within the integrator's error.
    still = {"case": "neutral", "draught": 0.0}
    world = shared(go2=GO2, blimp={**BLIMP, "model_arguments": still})
    alone = load(BLIMP["model"], still)
    data, active = started(world, np.random.default_rng(0))
    own, electronics = started(alone, np.random.default_rng(0))
    command = np.zeros(world.model.nu)
    command[world.model.actuator("blimp/left_propeller").id] = 0.03
    command[world.model.actuator("blimp/right_propeller").id] = 0.03
    for _ in range(10):
        alone.step(own, electronics, np.array([0.03, 0.03, 0.0]), 10)
        for _ in range(50):
            world.step(data, active, command, 1)
    assert own.time == pytest.approx(data.time)
    rise = [d.joint(name).qpos[0] for d, name in ((own, "z"), (data, "blimp/z"))]
    assert rise[0] > 0.42
    assert rise[1] == pytest.approx(rise[0], rel=0.01)


def test_forces_of_a_robots_own_weather_act_on_it_alone():
    world = shared(go2=GO2, blimp={**BLIMP, "model_arguments": {"draught": 0.01}})
    data, active = started(world, np.random.default_rng(0))
    climb = world.model.jnt_dofadr[world.model.joint("blimp/z").id]
    for _ in range(50):
        world.advance(data, active, 1)
        active.observe(data)
    assert data.qfrc_applied[climb] != 0.0
    assert np.count_nonzero(data.qfrc_applied) == 1


def test_sensors_measure_at_their_own_rate_and_motors_without_a_command_go_on():
    prompt = {**BLIMP, "model_arguments": {"delay": 0.0}}
    world = shared(go2=GO2, blimp=prompt)
    data, active = started(world, np.random.default_rng(0))
    assert [robot.period for robot in world.robots] == [0.002, 0.1]
    lidar = world.model.sensor("blimp/lidar").adr[0]
    command = np.full(world.model.nu, np.nan)
    command[world.model.actuator("blimp/servo").id] = 1.0
    thrust = [world.model.actuator(f"blimp/{side}_propeller").id for side in ("left", "right")]
    command[thrust] = 0.02
    data.ctrl[:12] = 3.0
    active.drive(data, command)
    np.testing.assert_array_equal(data.ctrl[:12], 3.0)  # the Go2 was not commanded
    assert data.ctrl[world.model.actuator("blimp/servo").id] == 1.0
    rounded = []
    for _ in range(100):
        world.advance(data, active, 1)
        active.observe(data)
        rounded.append(round(data.sensordata[lidar], 2) == data.sensordata[lidar])
    # The lidar sends whole centimetres, ten times a second.
    assert [k + 1 for k, known in enumerate(rounded) if known] == [50, 100]


def test_an_effect_on_one_robots_motor_leaves_the_other_robots_alone():
    loss = {"loss": {"motors": ["go2/FL_hip"], "probability": 1.0}}
    world = shared(go2=GO2, blimp=BLIMP).with_effects([loss])
    data, active = started(world, np.random.default_rng(0))
    propellers = [world.model.actuator(f"blimp/{side}_propeller").id for side in ("left", "right")]
    data.ctrl[propellers] = 0.02
    command = np.full(world.model.nu, np.nan)
    command[:12] = 3.0
    active.drive(data, command)
    assert data.ctrl[0] == 0.0
    np.testing.assert_array_equal(data.ctrl[1:12], 3.0)
    np.testing.assert_array_equal(data.ctrl[propellers], 0.02)


@pytest.mark.parametrize(
    ("robots", "reason"),
    [
        ({}, "robots is a mapping of names"),
        ({"Go 2": GO2}, "a robot's name is one like go2"),
        ({"go2": {}}, "has a model, and may have at, model_arguments"),
        ({"go2": {**GO2, "where": 1}}, "has a model, and may have at, model_arguments"),
        ({"go2": {**GO2, "at": [1, 2]}}, "is three finite numbers"),
        ({"blimp": BLIMP}, "brings the ground: 'at' is for the others"),
        ({"fish": {"model": "neuro_control.swimmer.simulation.tasks:swim"}}, "has no describe"),
    ],
)
def test_a_world_that_can_not_be_is_refused_with_a_reason(robots, reason):
    with pytest.raises(ConfigurationError, match=reason):
        load(SHARED, {"robots": robots})


def test_an_effect_on_a_command_is_for_a_robot_that_is_alone():
    with pytest.raises(ConfigurationError, match="a robot that is alone"):
        shared(go2=GO2, blimp=BLIMP).with_effects([{"command_delay": {"seconds": 0.1}}])
