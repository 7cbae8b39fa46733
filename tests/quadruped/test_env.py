"""The environment, and its body's truth."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import neuro_control.envs  # noqa: F401  # registers the environments
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.simulation.env import STARTS, Body, world


def make(**arguments):
    return gymnasium.make("neuro_control/QuadrupedCommand-v0", **arguments).unwrapped


def test_the_environment_passes_gymnasiums_checks():
    with warnings.catch_warnings():
        # Sensors have no bounds to state.
        warnings.filterwarnings("ignore", message=".*Box observation space m.*imum value is .*inf")
        check_env(make(), skip_render_check=True)


def test_an_observation_is_what_sensors_tell_and_the_command():
    environment = make(command=gait("pace", forward=0.3))
    observation, _ = environment.reset(seed=1)
    felt = environment.body.observation
    np.testing.assert_array_equal(observation[:3], felt.rate)
    np.testing.assert_array_equal(observation[6:18], felt.angles)
    np.testing.assert_array_equal(observation[30:34], felt.forces)
    assert Command.of(observation[34:]) == gait("pace", forward=0.3)


def test_meeting_the_command_earns_one():
    environment = make(command=gait("stand"), noise=0.0)
    environment.reset(seed=0)
    _, reward, terminated, truncated, _ = environment.step(np.zeros(12))
    assert reward > 0.95
    assert not terminated
    assert not truncated


def test_lying_on_the_side_ends_it():
    environment = make(start="side")
    environment.reset(seed=0)
    assert environment.step(np.zeros(12))[2]


@pytest.mark.parametrize("action", [np.zeros(11), np.full(12, np.nan)])
def test_an_action_that_is_none_is_refused(action):
    environment = make()
    environment.reset(seed=0)
    with pytest.raises(ValueError, match="12 finite numbers"):
        environment.step(action)


def test_the_same_seed_is_the_same_episode():
    def walk(seed):
        environment = make()
        environment.reset(seed=seed)
        rng = np.random.default_rng(0)
        return [environment.step(rng.uniform(-0.3, 0.3, 12))[0] for _ in range(50)]

    np.testing.assert_array_equal(walk(1), walk(1))
    assert not np.allclose(walk(1), walk(2))


@pytest.mark.parametrize("start", STARTS)
def test_every_start_rests_on_the_ground(start):
    body = Body(world(start=start, noise=0.0))
    body.reset(np.random.default_rng(0))
    assert body.fallen == (start in ("side", "back"))
    for _ in range(25):
        body.step(np.zeros(12))
    assert np.abs(body.data.qvel[:3]).max() < 1.5
    assert 0.0 < body.height < 0.35


def test_a_trunks_truth_is_told_in_its_own_direction():
    body = Body(world(noise=0.0))
    body.reset(np.random.default_rng(0))
    body.data.qpos[3:7] = np.cos(np.pi / 4), 0, 0, np.sin(np.pi / 4)  # looks along y
    body.data.qvel[:6] = 0.1, 0.5, 0.0, 0.0, 0.0, 0.7
    body.step(np.zeros(12))
    np.testing.assert_allclose(body.velocity[:2], [0.5, -0.1], atol=0.05)
    assert body.yaw_rate == pytest.approx(0.7, abs=0.05)


def test_noise_is_as_large_as_it_should_be():
    body, quiet = (Body(world(noise=noise)) for noise in (1.0, 0.0))
    for each in (body, quiet):
        each.reset(np.random.default_rng(0))
    spread = []
    for _ in range(200):
        body.data.qpos[:], body.data.qvel[:] = quiet.data.qpos, quiet.data.qvel
        body.step(np.zeros(12))
        quiet.step(np.zeros(12))
        spread.append(body.observation.speeds - quiet.observation.speeds)
    assert np.std(spread) == pytest.approx(0.05, rel=0.1)


def test_worlds_that_can_not_be_are_refused():
    with pytest.raises(ConfigurationError, match="there are standing, lying"):
        world(start="flying")
    with pytest.raises(ConfigurationError, match="noise lies between"):
        world(noise=-1.0)
    with pytest.raises(ConfigurationError, match="camera is"):
        make(camera="tail")
