# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import warnings

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

import neuro_control.envs  # noqa: F401  # registers the environments
from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.evaluation.evaluate import score
from neuro_control.swimmer.simulation.env import SwimmerNavigate, SwimmerSwim
from neuro_control.swimmer.simulation.model import model
from neuro_control.swimmer.simulation.tasks import STEPS, target_reward
from neuro_control.swimmer.simulation.vector import SwimmerVector

TASKS = ["neuro_control/SwimmerSwim-v0", "neuro_control/SwimmerNavigate-v0"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("links", [3, 6, 15])
def test_environments_pass_gymnasiums_check(task, links):
    with warnings.catch_warnings():
        # Joints and velocities of a body in water have no bounds to state.
        warnings.filterwarnings("ignore", message=".*Box observation space m.*imum value is .*inf")
        check_env(gymnasium.make(task, links=links).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("links", [3, 6, 12])
def test_physics_is_dm_controls_to_the_bit(links):
    suite = pytest.importorskip("dm_control.suite.swimmer")
    environment = SwimmerSwim(links)
    environment.reset(seed=links)
    data = environment.body.data
    peer = suite.swimmer(n_links=links, random=0)
    peer.reset()
    with peer.physics.reset_context():
        peer.physics.data.qpos[:] = data.qpos
        peer.physics.data.qvel[:] = 0
    rng = np.random.default_rng(links)
    for _ in range(200):
        action = rng.uniform(-1, 1, links - 1)
        observation, *_ = environment.step(action)
        step = peer.step(action)
        expected = np.concatenate([step.observation["joints"], step.observation["body_velocities"]])
        np.testing.assert_array_equal(observation, expected)


def test_navigate_observes_and_rewards_as_dm_control_does():
    suite = pytest.importorskip("dm_control.suite.swimmer")
    environment = SwimmerNavigate(6)
    environment.reset(seed=4)
    body = environment.body
    peer = suite.swimmer(n_links=6, random=0)
    peer.reset()
    with peer.physics.reset_context():
        peer.physics.data.qpos[:] = body.data.qpos
        peer.physics.data.qvel[:] = 0
        peer.physics.named.model.geom_pos["target"] = body.model.geom("target").pos
    rng = np.random.default_rng(4)
    for _ in range(100):
        action = rng.uniform(-1, 1, 5)
        observation, reward, *_ = environment.step(action)
        step = peer.step(action)
        np.testing.assert_allclose(observation[5:7], step.observation["to_target"], atol=1e-12)
        assert reward == pytest.approx(step.reward, abs=1e-9)


def test_the_model_file_is_the_six_link_swimmer_that_is_built():
    built = model(6)
    file = mujoco.MjModel.from_xml_path(str(resources.find_file("sim", "swimmer.xml")))
    for field in ("body_mass", "body_inertia", "jnt_range", "dof_armature", "actuator_ctrlrange"):
        np.testing.assert_array_equal(getattr(built, field), getattr(file, field), err_msg=field)
    names = [built.sensor(i).name for i in range(built.nsensor)]
    assert names == [file.sensor(i).name for i in range(file.nsensor)]


@pytest.mark.parametrize("links", [3, 15])
def test_a_body_has_as_many_links_as_asked_and_room_to_coil(links):
    built = model(links)
    assert built.nu == links - 1
    np.testing.assert_allclose(np.degrees(built.jnt_range[3:, 1]), 360 / links)
    assert built.body_mass.sum() == pytest.approx(0.01 * links)


@pytest.mark.parametrize("links", [2, 0, -1, 101])
def test_bodies_that_cannot_be_are_refused(links):
    with pytest.raises(ConfigurationError, match=f"3 to 100 links, not {links}"):
        SwimmerSwim(links=links)


def test_the_untrained_circuit_returns_798_of_1000():
    # Measured with the authors' circuit on dm_control's swimmer: 798 ± 5 over ten seeds.
    result = score("ncap", links=6, task="swim", seeds=10)
    assert result["return_mean"] == pytest.approx(798, abs=15)
    assert result["speed_mps"] == pytest.approx(0.082, abs=0.003)


def test_random_actions_and_rest_go_nowhere():
    assert score("random", 6, "swim", 3)["return_mean"] < 200
    # The body starts coiled and springs back from its joint limits, no more.
    assert score("rest", 6, "swim", 3)["return_mean"] < 20


def test_a_seed_is_an_episode():
    first = score("ncap", 6, "swim", 2, seed=3)["returns"]
    assert score("ncap", 6, "swim", 2, seed=3)["returns"] == first
    assert score("ncap", 6, "swim", 2, seed=4)["returns"] != first


def test_an_episode_is_cut_off_after_a_thousand_steps_and_never_ends_before():
    environment = gymnasium.make(TASKS[0], links=3)
    environment.reset(seed=0)
    flags = [environment.step(np.zeros(2))[2:4] for _ in range(STEPS)]
    assert flags == [(False, False)] * (STEPS - 1) + [(False, True)]


@pytest.mark.parametrize(
    ("environment", "term"),
    [(SwimmerSwim(), "reward_forward"), (SwimmerNavigate(), "reward_distance")],
)
def test_the_rewards_term_stands_in_info_by_its_name(environment, term):
    environment.reset(seed=0)
    _, reward, _, _, info = environment.step(np.ones(5))
    assert info == {term: reward}


@pytest.mark.parametrize("action", [np.zeros(4), np.zeros((5, 1)), [0.0] * 5, 0.0, None])
def test_an_action_of_the_wrong_shape_is_refused(action):
    environment = SwimmerSwim()
    environment.reset(seed=0)
    with pytest.raises(ValueError, match="expected an array of 5 torques"):
        environment.step(action)


@settings(max_examples=30)
@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5), st.integers(0, 100))
def test_whatever_the_action_the_state_stays_finite_and_the_reward_in_bounds(action, seed):
    environment = SwimmerSwim()
    environment.reset(seed=seed)
    for _ in range(20):
        observation, reward, *_ = environment.step(np.array(action))
        assert np.isfinite(observation).all()
        assert 0 <= reward <= 1


def test_torques_are_cut_off_at_the_muscles_limit():
    weak, strong = SwimmerSwim(), SwimmerSwim()
    weak.reset(seed=0)
    strong.reset(seed=0)
    for _ in range(10):
        np.testing.assert_array_equal(weak.step(np.ones(5))[0], strong.step(np.full(5, 1000.0))[0])


@pytest.mark.parametrize("task", ["swim", "navigate"])
def test_the_batch_moves_as_single_environments_do(task):
    batch = gymnasium.make_vec(
        f"neuro_control/Swimmer{task.title()}-v0",
        num_envs=3,
        vectorization_mode="vector_entry_point",
    )
    singles = [gymnasium.make(f"neuro_control/Swimmer{task.title()}-v0") for _ in range(3)]
    observations, _ = batch.reset(seed=7)
    np.testing.assert_allclose(
        observations, [s.reset(seed=7 + i)[0] for i, s in enumerate(singles)], atol=1e-12
    )
    circuits = [Circuit(5) for _ in range(3)]
    for step in range(STEPS):
        actions = np.array([c.step(o[:5]) for c, o in zip(circuits, observations, strict=True)])
        observations, rewards, terminated, truncated, _ = batch.step(actions)
        each = [s.step(a) for s, a in zip(singles, actions, strict=True)]
        np.testing.assert_allclose(observations, [e[0] for e in each], atol=1e-9)
        np.testing.assert_allclose(rewards, [e[1] for e in each], atol=1e-9)
        assert not terminated.any()
        assert truncated.all() == (step == STEPS - 1)
    again, rewards, _, truncated, _ = batch.step(actions)
    assert not truncated.any()
    assert not rewards.any()
    np.testing.assert_allclose(again, [s.reset()[0] for s in singles], atol=1e-12)
    batch.close()


def test_a_batch_of_none_is_refused():
    with pytest.raises(ConfigurationError, match="at least one swimmer, not 0"):
        SwimmerVector(0)


def test_target_reward_by_hand():
    # Target of 0.1 m; 0.5 m beyond its surface the tail has fallen to a tenth.
    np.testing.assert_allclose(
        target_reward(np.array([[0.05, 0.0], [0.0, 0.6], [0.0, 1.1]]), 0.1), [1, 0.1, 1 / 37]
    )


def test_the_swimmer_swims_towards_where_base_link_points():
    environment = SwimmerSwim()
    observation, _ = environment.reset(seed=0)
    data, circuit = environment.body.data, Circuit(5)
    start = data.site("base_link").xpos.copy()
    for _ in range(300):
        observation, *_ = environment.step(circuit.step(observation[:5]))
    way = data.site("base_link").xpos - start
    assert way @ data.site("base_link").xmat.reshape(3, 3)[:, 0] > 0.3


def test_without_gl_rendering_says_what_to_install():
    program = (
        "from neuro_control.swimmer.simulation.env import SwimmerSwim\n"
        "environment = SwimmerSwim(render_mode='rgb_array')\n"
        "environment.reset(seed=0)\n"
        "environment.render()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MUJOCO_GL": "disable"},
        capture_output=True,
        text=True,
    )
    assert "MuJoCo can't render here" in done.stderr
    assert "install libegl1" in done.stderr
