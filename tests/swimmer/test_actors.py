# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

pytest.importorskip("stable_baselines3", reason="trainings need the extra 'train'")

import torch

from neuro_control.swimmer.control.policy import CircuitDesign
from neuro_control.swimmer.simulation.tasks import STEPS
from neuro_control.swimmer.training.actors import CircuitActor, Optimisers, Swimmers
from neuro_control.swimmer.training.learners import LEARNERS
from neuro_control.swimmer.training.run import Training, TrainingRecord


def timed_observations(rng, count, joints):
    observations = rng.normal(0, 1, (count, 4 * joints + 3))
    steps = rng.integers(0, STEPS, count)
    return observations, steps, np.column_stack([observations, steps]).astype(np.float32)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_the_circuit_in_torch_acts_as_the_one_in_numpy(own, signed):
    rng = np.random.default_rng(0)
    design = CircuitDesign(5, own=own, random=True, signed=signed)
    vector = design.initial(rng)
    observations, steps, timed = timed_observations(rng, 50, 5)
    actions = CircuitActor(design, vector)(torch.tensor(timed)).detach().numpy()
    for row, step, action in zip(observations, steps, actions, strict=True):
        expected = design.act(vector[None], 1)(row[None], int(step))[0]
        np.testing.assert_allclose(action, expected, atol=1e-5)


def test_its_gradient_is_the_slope_of_the_one_in_numpy():
    rng = np.random.default_rng(1)
    design = CircuitDesign(5, own=True, random=True)
    vector = design.initial(rng)
    observations, steps, timed = timed_observations(rng, 20, 5)
    steps[:] = timed[:, -1] = 3
    weight = torch.tensor(rng.normal(size=(20, 5)), dtype=torch.float32)
    actor = CircuitActor(design, vector)
    (actor(torch.tensor(timed)) * weight).sum().backward()

    def value(numbers):
        return (design.act(numbers[None], 20)(observations, 3) * weight.numpy()).sum()

    slope = [(value(vector + h) - value(vector - h)) / 2e-6 for h in np.eye(design.size) * 1e-6]
    np.testing.assert_allclose(actor.vector.grad.numpy(), slope, atol=1e-3)


@pytest.mark.parametrize("algorithm", ["ppo", "ddpg"])
@pytest.mark.parametrize("policy", ["ncap", "mlp-64"])
def test_the_vector_taken_from_a_learner_acts_as_the_learner_does(algorithm, policy, tmp_path):
    training = Training(algorithm, policy, steps=1)
    learner = LEARNERS[algorithm](TrainingRecord(tmp_path, training, lambda _: None))
    observations, steps, timed = timed_observations(np.random.default_rng(2), 20, 5)
    steps[:] = timed[:, -1] = 40
    actions, _ = learner.model.predict(timed, deterministic=True)
    act = training.design().act(learner._vector()[None], 20)
    np.testing.assert_allclose(actions, act(observations, 40), atol=1e-5)


def test_only_the_circuits_numbers_are_the_actors_to_learn(tmp_path):
    learner = LEARNERS["ppo"](
        TrainingRecord(tmp_path, Training("ppo", "ncap", steps=1), lambda _: None)
    )
    optimisers = learner.model.policy.optimizer
    assert isinstance(optimisers, Optimisers)
    (weights,) = optimisers.each[0].param_groups[0]["params"]
    assert weights.shape == (4,)
    assert not learner.model.policy.log_std.requires_grad
    np.testing.assert_allclose(learner.model.policy.log_std.exp().detach(), 0.1, rtol=1e-6)


def test_swimmers_tell_the_step_and_where_an_episode_ended():
    swimmers = Swimmers(2, links=3)
    swimmers.seed(5)
    first = swimmers.reset()
    assert (first[:, -1] == 0).all()
    for step in range(1, STEPS):
        observations, _, over, infos = swimmers.step(np.ones((2, 2)))
        assert (observations[:, -1] == step).all()
        assert not over.any()
        assert infos == [{}, {}]
    observations, _, over, infos = swimmers.step(np.ones((2, 2)))
    assert over.all()
    assert (observations[:, -1] == 0).all()
    for i, info in enumerate(infos):
        assert info["TimeLimit.truncated"]
        assert info["terminal_observation"][-1] == STEPS
        assert not np.allclose(info["terminal_observation"][:-1], observations[i, :-1])
    swimmers.seed(5)
    np.testing.assert_array_equal(swimmers.reset(), first)


def test_a_batch_of_swimmers_goes_on_from_its_state():
    one, other = Swimmers(3, links=3), Swimmers(3, links=3)
    one.seed(1)
    one.reset()
    other.reset()
    actions = np.random.default_rng(0).uniform(-1, 1, (STEPS + 30, 3, 2))
    for action in actions[: STEPS - 10]:
        one.step(action)
    other.vector.restore(one.vector.state())
    for action in actions[STEPS - 10 :]:
        found, expected = other.step(action), one.step(action)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
