# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Effects on the robots themselves: the same in every channel."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import neuro_control.envs  # noqa: F401  # registers the environments
from neuro_control.blimp.control.types import ThrustCommand
from neuro_control.blimp.simulation import body as blimp
from neuro_control.blimp.simulation import world as blimp_world
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.simulation import body as quadruped
from neuro_control.simulation.effects import Friction, Payload
from neuro_control.swimmer.simulation.env import SwimmerSwim
from neuro_control.swimmer.simulation.rollout import SwimConditions
from neuro_control.swimmer.simulation.tasks import swim
from neuro_control.swimmer.simulation.vector import SwimmerVector

_SWIMMER = """[
    {noise: {sensors: joint_position, std: 0.05}}, {stuck: {sensor: joint_2, begins: 0.5}},
    {loss: {sensors: velocity_3, probability: 0.3}}, {command_delay: {seconds: 0.06}},
    {command_loss: {probability: 0.2}}, {push: {begins: 0.3, force: 0.05, lasts: 0.3}},
    {wind: {speed: 0.05, direction: 1.0}}, {density: {factor: 0.8}}, {payload: {mass: 0.002}}]"""


def test_a_batch_of_swimmers_has_the_effects_of_a_single_one() -> None:
    actions = np.random.default_rng(7).uniform(-1, 1, (60, 2, 5))
    batch = SwimmerVector(2, effects=_SWIMMER)
    rows, _ = batch.reset(seed=[3, 4])
    for i, seed in enumerate((3, 4)):
        single = SwimmerSwim(effects=_SWIMMER)
        observation, _ = single.reset(seed=seed)
        assert np.array_equal(observation, rows[i], equal_nan=True)
        seen = [single.step(action[i])[:2] for action in actions]
        if i == 0:
            rows_of_batch = [batch.step(action)[:2] for action in actions]
        for (observation, reward), (observations, rewards) in zip(seen, rows_of_batch, strict=True):
            np.testing.assert_allclose(observation, observations[i], atol=1e-9)
            assert reward == pytest.approx(rewards[i], abs=1e-9)


def test_a_swimmer_is_rewarded_for_its_true_speed() -> None:
    clean, noisy = SwimmerSwim(), SwimmerSwim(effects="noise: {sensors: velocity, std: 1}")
    for environment in (clean, noisy):
        environment.reset(seed=0)
    action = np.array([0.3, -0.2, 0.1, 0.5, -0.9])
    for _ in range(20):
        (seen, reward, *_), (truth, due, *_) = noisy.step(action), clean.step(action)
        assert reward == due
        assert not np.isclose(seen[5::3], truth[5::3]).any()


def test_the_swimmers_conditions_are_effects() -> None:
    conditions = SwimConditions(delay=2, density=1.5, lost_joint=3, effects="noise: {std: 0.1}")
    assert [effect.kind for effect in conditions.all_effects()] == [
        "command_delay", "density", "stuck", "noise"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "effect"),
    [
        ({"payload": 3.0}, Payload(mass=3.0)),
        ({"friction": 0.4}, Friction(coefficient=0.4)),
    ],
)
def test_a_quadrupeds_payload_and_friction_are_the_same_as_effects(
    argument: dict[str, float], effect: Payload | Friction
) -> None:
    efforts = np.random.default_rng(1).uniform(-10, 10, (200, 12))
    states = []
    for world in (quadruped.world(**argument), quadruped.world().with_effects(effect)):
        body = quadruped.Body(world)
        body.reset(np.random.default_rng(0))
        for each in efforts:
            body.step(each)
        states.append(np.concatenate([body.data.qpos, body.data.qvel, body.data.sensordata]))
    assert np.array_equal(*states)


def test_a_blimps_payload_pulls_it_down_whatever_its_own_buoyancy() -> None:
    world = blimp_world.world("neutral").with_effects({"payload": {"mass": 0.002}})
    body = blimp.Body(world)
    body.reset(np.random.default_rng(0))
    model = body.model
    borne = float(model.body_mass @ model.body_gravcomp)
    assert model.body_mass.sum() - borne == pytest.approx(0.002, abs=1e-12)
    start = body.altitude
    for _ in range(50):
        body.step(ThrustCommand(0.0, 0.0, 0.0))
    assert body.altitude < start


def test_wind_needs_a_medium() -> None:
    with pytest.raises(ConfigurationError, match="wind: the model has no medium"):
        quadruped.world().with_effects("wind: {speed: 1}")
    with pytest.raises(ConfigurationError, match="friction: the model touches no ground"):
        swim().with_effects("friction: {coefficient: 1}")
    with pytest.raises(ConfigurationError, match="density: this body floats"):
        blimp_world.world().with_effects("density: {factor: 2}")


@pytest.mark.parametrize(
    ("name", "effects"),
    [
        ("neuro_control/SwimmerSwim-v0", "loss: {sensors: joint_position}"),
        ("neuro_control/SwimmerNavigate-v0", "loss: {sensors: joint_position}"),
        ("neuro_control/BlimpAltitude-v0", "noise: {sensors: pressure, std: 100}"),
        ("neuro_control/QuadrupedCommand-v0", "jump: {sensor: FL_calf, offset: 0.5}"),
    ],
)
def test_every_environment_takes_effects(name: str, effects: str) -> None:
    plain, affected = gymnasium.make(name), gymnasium.make(name, effects=effects)
    observations = [each.reset(seed=0)[0] for each in (plain, affected)]
    assert not np.array_equal(*observations)
    assert np.isclose(*observations).any()
