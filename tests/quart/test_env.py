# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The environment Quard-v0: spaces, seeds, ends, and several at once."""

import gymnasium
import numpy as np
import pytest

import neuro_control.envs
from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import TERMINATE
from neuro_control.quart.control.instructions import draw
from neuro_control.quart.control.judge import WATCHED
from neuro_control.quart.control.state import IDLE

NAME = "neuro_control/Quard-v0"
WALK = IDLE.copy()
WALK[1] = 0.5
SMALL = {"pixels": 32, "skills": ("go_to",)}


def test_observations_are_of_their_space_and_the_same_seed_is_the_same_episode():
    assert neuro_control.envs  # which registers it
    with gymnasium.make(NAME, **SMALL) as env:
        runs = []
        for _ in range(2):
            first, _ = env.reset(seed=3)
            found, reward, terminated, truncated, info = env.step(WALK)
            runs.append((first, found))
        assert env.observation_space.contains(first)
        assert env.observation_space.contains(found)
    (one, after), (other, again) = runs
    assert one["instruction"] == other["instruction"]
    assert (one["image"] == other["image"]).all()
    assert (after["proprioception"] == again["proprioception"]).all()
    assert (reward, terminated, truncated, info["success"]) == (0.0, False, False, False)


def test_an_episode_that_is_ended_is_watched_for_four_seconds_more():
    action = IDLE.copy()
    action[TERMINATE] = 1.0
    with gymnasium.make(NAME, **SMALL) as env:
        env.reset(seed=0, options={"task": draw("go to the red cube")})
        ends = []
        while not any(ends) and len(ends) < 60:
            _, reward, terminated, truncated, _ = env.step(action)
            assert (reward, truncated) == (0.0, False)
            ends.append(terminated)
    assert 0.1 * len(ends) == pytest.approx(WATCHED, abs=0.21)


def test_what_is_no_action_or_no_skill_is_refused():
    with pytest.raises(ConfigurationError, match=r"skills are go_to, .*, not sing"):
        gymnasium.make(NAME, skills=("sing",))
    with gymnasium.make(NAME, **SMALL) as env:
        env.reset(seed=0)
        for action in (np.zeros(3), np.full(12, np.nan)):
            with pytest.raises(ValueError, match="12 finite numbers"):
                env.step(action)


@pytest.mark.parametrize("form", ["sync", None])
def test_several_at_once_are_what_each_is_alone(form):
    envs = gymnasium.make_vec(NAME, num_envs=2, vectorization_mode=form, **SMALL)
    try:
        first, _ = envs.reset(seed=[3, 4])
        found = envs.step(np.stack([WALK, WALK]))[0]
    finally:
        envs.close()
    with gymnasium.make(NAME, **SMALL) as env:
        for number, seed in enumerate((3, 4)):
            alone, _ = env.reset(seed=seed)
            assert first["instruction"][number] == alone["instruction"]
            assert (first["image"][number] == alone["image"]).all()
            after = env.step(WALK)[0]
            assert (found["proprioception"][number] == after["proprioception"]).all()
