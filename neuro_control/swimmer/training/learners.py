# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""PPO and DDPG of stable-baselines3 on the swimmer, stopped and taken up at checkpoints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import DDPG, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.utils import set_random_seed
from torch import nn

from neuro_control.swimmer.control.policy import CircuitDesign, MLPDesign
from neuro_control.swimmer.training.actors import (
    EXPLORATION,
    CircuitActorCriticPolicy,
    CircuitTD3Policy,
    Optimisers,
    ScaledObservation,
    Swimmers,
    actor_optimiser,
    perceptron_vector,
)
from neuro_control.swimmer.training.run import TrainingRecord

Array = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

# Seeds of the swimmers' starts lie this far apart, away from those that are evaluated.
_STARTS = 10_000
_CRITIC_RATE = 1e-3
_BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class _PPO(PPO):
    """PPO whose optimisers keep the learning rates they were made with."""

    def _update_learning_rate(self, optimizers: Any) -> None:
        pass


class _DDPG(DDPG):
    """DDPG whose optimisers keep the learning rates they were made with."""

    def _update_learning_rate(self, optimizers: Any) -> None:
        pass


class _Checkpoints(BaseCallback):
    """Calls the learner before it collects experience, when nothing else is under way."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self._learner = learner

    def _on_rollout_start(self) -> None:
        self._learner.rest(self.num_timesteps)

    def _on_step(self) -> bool:
        return True


class Learner:
    """Base of PPO and DDPG.

    Args:
        record: The training's record; learning resumes from its checkpoint, if there is one.
    """

    swimmers: int

    def __init__(self, record: TrainingRecord) -> None:
        self.record = record
        self.training, self.design = record.training, record.design
        self.environment = Swimmers(self.swimmers, self.training.links, record.threads)
        self.model: Any = self._make(self.design.initial(np.random.default_rng(self.training.seed)))
        self.environment.seed(_STARTS * (self.training.seed + 1))
        if record.found:
            self._restore(record.found)

    def _make(self, start: Array) -> Any:
        raise NotImplementedError

    def _vector(self) -> Array:
        """Numbers of the policy, (size,)."""
        raise NotImplementedError

    def _optimisers(self) -> list[torch.optim.Optimizer]:
        raise NotImplementedError

    def learn(self) -> Array:
        """Learn to the end; the policy's numbers, (size,)."""
        threads = torch.get_num_threads()
        # More gain nothing on networks this small, and would make sums depend on the machine.
        torch.set_num_threads(1)
        try:
            left = self.training.steps - self.record.done
            if left > 0:
                self.model.learn(
                    left,
                    callback=_Checkpoints(self),
                    reset_num_timesteps=not self.record.steps,
                )
                self._take(self.model.num_timesteps)
        finally:
            torch.set_num_threads(threads)
            self.environment.close()
        return self._vector()

    def rest(self, steps: int) -> None:
        """Make a checkpoint if one is due, between two rounds of learning."""
        self.record.report(steps)
        if self.record.due(steps):
            self._take(steps)
            self._reseed(steps)

    def _reseed(self, steps: int) -> None:
        set_random_seed(self.training.seed + steps)
        self.model.action_space.seed(self.training.seed + steps)

    def _take(self, steps: int) -> None:
        self.record.take(steps, self._vector(), self._state())

    def _state(self) -> Arrays:
        model = self.model
        arrays = {
            f"policy/{name}": tensor.detach().numpy()
            for name, tensor in model.policy.state_dict().items()
        }
        for i, optimiser in enumerate(self._optimisers()):
            for j, weight in enumerate(_weights(optimiser)):
                for key, value in optimiser.state[weight].items():
                    arrays[f"optimiser/{i}/{j}/{key}"] = value.detach().numpy()
        for name, array in self.environment.vector.state().items():
            arrays[f"environment/{name}"] = array
        arrays["last_observations"] = model._last_obs
        arrays["episode_starts"] = model._last_episode_starts
        return arrays

    def _restore(self, arrays: Arrays) -> None:
        model = self.model
        model.policy.load_state_dict(
            {name: torch.tensor(array) for name, array in _below(arrays, "policy").items()}
        )
        for i, optimiser in enumerate(self._optimisers()):
            for j, weight in enumerate(_weights(optimiser)):
                found = _below(arrays, f"optimiser/{i}/{j}")
                optimiser.state[weight] = {k: torch.tensor(array) for k, array in found.items()}
        self.environment.vector.restore(_below(arrays, "environment"))
        model._last_obs = arrays["last_observations"]
        model._last_episode_starts = arrays["episode_starts"]
        model.num_timesteps = self.record.done
        self._reseed(self.record.done)


def _weights(optimiser: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def _below(arrays: Arrays, prefix: str) -> Arrays:
    """Arrays whose names start with ``prefix/``, by what follows."""
    return {
        name[len(prefix) + 1 :]: array
        for name, array in arrays.items()
        if name.startswith(f"{prefix}/")
    }


class PPOLearner(Learner):
    """Proximal policy optimisation, by the paper's settings but for minibatches."""

    swimmers = 16

    def _make(self, start: Array) -> Any:
        t = self.training
        settings: dict[str, Any] = {
            "n_steps": 4096 // self.swimmers,
            "batch_size": 512,
            "n_epochs": 10,
            "gamma": 0.99,
            "gae_lambda": 0.97,
            "clip_range": 0.2,
            "target_kl": 0.015,
            "seed": t.seed,
            "device": "cpu",
        }
        log_std = math.log(EXPLORATION)
        if isinstance(self.design, CircuitDesign):
            model = _PPO(
                CircuitActorCriticPolicy,
                self.environment,
                learning_rate=_CRITIC_RATE,
                policy_kwargs={
                    "design": self.design,
                    "start": start,
                    "optimise_actor": actor_optimiser(t.optimiser, t.learning_rate),
                    "log_std_init": log_std,
                },
                # The critic's gradient is far larger: clipping by it would leave the circuit none.
                max_grad_norm=math.inf,
                **settings,
            )
        else:
            model = _PPO(
                "MlpPolicy",
                self.environment,
                learning_rate=t.learning_rate,
                policy_kwargs={
                    "features_extractor_class": ScaledObservation,
                    "net_arch": {"pi": list(self.design.hidden), "vf": list(self.design.hidden)},
                    "activation_fn": nn.Tanh,
                    "log_std_init": log_std,
                },
                **settings,
            )
        # The paper's exploration is fixed.
        model.policy.log_std.requires_grad_(False)
        return model

    def _vector(self) -> Array:
        policy = self.model.policy
        if isinstance(self.design, MLPDesign):
            layers = [*policy.mlp_extractor.policy_net, policy.action_net]
            return perceptron_vector(layers)
        vector: Array = policy.vector()
        return vector

    def _optimisers(self) -> list[torch.optim.Optimizer]:
        optimiser = self.model.policy.optimizer
        return list(optimiser.each) if isinstance(optimiser, Optimisers) else [optimiser]


class DDPGLearner(Learner):
    """Deep deterministic policy gradient, by the paper's settings."""

    swimmers = 8

    def _make(self, start: Array) -> Any:
        t = self.training
        joints = self.design.joints
        settings: dict[str, Any] = {
            "learning_rate": t.learning_rate,
            "buffer_size": t.steps + self.swimmers,
            "learning_starts": 20_000,
            "batch_size": 100,
            "tau": 0.005,
            "gamma": 0.99,
            "train_freq": 1,
            # One for every two environment steps: twice as many gained nothing in twice the time.
            "gradient_steps": self.swimmers // 2,
            "action_noise": NormalActionNoise(np.zeros(joints), np.full(joints, EXPLORATION)),
            "seed": t.seed,
            "device": "cpu",
        }
        critic = [256, 256]
        if isinstance(self.design, CircuitDesign):
            return _DDPG(
                CircuitTD3Policy,
                self.environment,
                policy_kwargs={
                    "design": self.design,
                    "start": start,
                    "optimise_actor": actor_optimiser(t.optimiser, t.learning_rate),
                    "net_arch": {"pi": [], "qf": critic},
                },
                # The circuit swims from the start: there is no need to begin with random actions.
                **{**settings, "learning_rate": _CRITIC_RATE, "learning_starts": 1000},
            )
        return _DDPG(
            "MlpPolicy",
            self.environment,
            policy_kwargs={
                "features_extractor_class": ScaledObservation,
                "net_arch": {"pi": list(self.design.hidden), "qf": critic},
            },
            **settings,
        )

    def _vector(self) -> Array:
        policy = self.model.policy
        if isinstance(self.design, MLPDesign):
            return perceptron_vector(policy.actor.mu)
        vector: Array = policy.vector()
        return vector

    def _optimisers(self) -> list[torch.optim.Optimizer]:
        policy = self.model.policy
        return [policy.actor.optimizer, policy.critic.optimizer]

    def _state(self) -> Arrays:
        buffer = self.model.replay_buffer
        # It holds the whole training, so that nothing is overwritten.
        filled = {f"buffer/{name}": getattr(buffer, name)[: buffer.pos] for name in _BUFFER}
        return {**super()._state(), **filled}

    def _restore(self, arrays: Arrays) -> None:
        super()._restore(arrays)
        buffer = self.model.replay_buffer
        found = _below(arrays, "buffer")
        for name in _BUFFER:
            getattr(buffer, name)[: len(found[name])] = found[name]
        buffer.pos = len(found["observations"])


LEARNERS: dict[str, type[Learner]] = {"ppo": PPOLearner, "ddpg": DDPGLearner}
