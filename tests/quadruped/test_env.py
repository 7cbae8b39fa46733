# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The environment, and its body's truth."""

import contextlib
import os
import subprocess
import sys
import textwrap
import time
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import neuro_control.envs  # noqa: F401  # registers the environments
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.simulation.body import STARTS, Body, world
from neuro_control.quadruped.simulation.env import QuadrupedCommand


def make(**arguments):
    return gymnasium.make("neuro_control/QuadrupedCommand-v0", **arguments).unwrapped


def test_the_environment_passes_gymnasiums_checks():
    with warnings.catch_warnings():
        # Sensors have no bounds to state.
        warnings.filterwarnings("ignore", message=".*Box observation space m.*imum value is .*inf")
        check_env(make(), skip_render_check=True)


def test_an_observation_holds_the_measurements_and_the_command():
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


def test_info_holds_the_terms_of_the_reward_by_name():
    environment = make(command=gait("stand", forward=0.5, yaw_rate=0.5), noise=0.0)
    environment.reset(seed=0)
    environment.body.data.qvel[:] = 0.0
    _, reward, _, _, info = environment.step(np.zeros(12))
    # At rest the errors are 0.5 m/s and 0.5 rad/s, one scale each.
    assert info["tracking_velocity"] == pytest.approx(2 / 3 * np.exp(-1), abs=0.02)
    assert info["tracking_yaw_rate"] == pytest.approx(1 / 3 * np.exp(-1), abs=0.02)
    assert reward == info["tracking_velocity"] + info["tracking_yaw_rate"]


def test_a_picture_needs_no_choice_of_a_graphics_backend():
    lines = """
        import gymnasium
        from neuro_control.errors import ConfigurationError
        arguments = {"render_mode": "rgb_array", "width": 160, "height": 120}
        environment = gymnasium.make("neuro_control/QuadrupedCommand-v0", **arguments)
        environment.reset(seed=0)
        try:
            picture = environment.render()
        except ConfigurationError as error:
            print(error)
        else:
            print(picture.shape, picture.std() > 10)
        environment.close()
    """
    variables = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-c", "import neuro_control.envs\n" + textwrap.dedent(lines)],
        capture_output=True, text=True, timeout=60, env=variables,
    )  # fmt: skip
    if "can't render" in done.stdout:
        pytest.skip(done.stdout)
    assert done.stdout.strip() == "(120, 160, 3) True", done.stderr


def test_a_picture_is_taken_with_the_backend_that_is_named_where_mujoco_came_without_gl():
    lines = """
        from neuro_control.simulation.rendering import make_renderer, no_gl
        with no_gl():
            import mujoco
        model = mujoco.MjModel.from_xml_string("<mujoco/>")
        with make_renderer(model, 12, 16) as renderer:
            renderer.update_scene(mujoco.MjData(model))
            print(renderer.render().shape)
    """
    for backend in ("egl", "osmesa"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(lines)],
            capture_output=True, text=True, timeout=60, env={**os.environ, "MUJOCO_GL": backend},
        )  # fmt: skip
        if done.returncode == 0:
            assert done.stdout.strip() == "(12, 16, 3)"
            return
        assert "no attribute 'GLContext'" not in done.stderr
    pytest.skip(done.stderr)


class Viewer:
    """Stands in for MuJoCo's viewer, which needs a display: remembers what it showed."""

    def __init__(self, model, data):
        self.data, self.times, self.open = data, [], True

    def is_running(self):
        return self.open

    def lock(self):
        return contextlib.nullcontext()

    def sync(self):
        self.times.append(self.data.time)

    def close(self):
        self.open = False


def test_the_human_mode_shows_a_copy_of_the_episode_sixty_times_a_second(monkeypatch):
    opened = []

    def launch(model, data):
        opened.append(Viewer(model, data))
        return opened[-1]

    monkeypatch.setattr("glfw.init", lambda: True)
    monkeypatch.setattr("mujoco.viewer.launch_passive", launch)
    environment, unseen = make(render_mode="human"), make()
    start = time.monotonic()
    for each in (environment, unseen):
        each.reset(seed=3)
        for _ in range(60):
            observation = each.step(np.zeros(12))[0]
            if each is environment:
                seen = observation
    np.testing.assert_array_equal(seen, observation)
    (viewer,) = opened
    assert viewer.times == pytest.approx(0.018 * np.arange(7), abs=1e-9)
    assert time.monotonic() - start > 0.1  # no faster than real time
    assert environment.render() is None
    environment.close()
    assert not viewer.open


def test_without_a_display_the_human_mode_says_what_does(monkeypatch):
    monkeypatch.setattr("glfw.init", lambda: False)
    with pytest.raises(ConfigurationError, match="needs a display: 'rgb_array' does without"):
        make(render_mode="human").reset(seed=0)


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


def test_a_trunks_true_velocity_is_in_its_own_direction():
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
    with pytest.raises(ConfigurationError, match="render_mode is None, 'human' or"):
        QuadrupedCommand(render_mode="ansi")
