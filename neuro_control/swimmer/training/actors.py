# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The swimmer's policies in torch, as stable-baselines3's PPO and DDPG train them.

What these see is the environment's observation followed by the number of the control step in its
episode, which the circuit's oscillator runs by; an MLP is not shown that number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.td3.policies import Actor, TD3Policy
from torch import nn

from neuro_control.learning.exponentiated import ExponentiatedGradient
from neuro_control.swimmer.control.circuit import Batch, half_period, respond, stretch_limit
from neuro_control.swimmer.control.policy import CircuitDesign, observation_scale
from neuro_control.swimmer.simulation.vector import SwimmerVector

Array = NDArray[np.float64]

# Standard deviation of the exploring actions, fixed as in the paper's PPO.
EXPLORATION = 0.1
# Units of the critics' hidden layers, whatever the actor.
CRITIC = [64, 64]


class Swimmers(VecEnv):
    """``SwimmerVector`` in the form of stable-baselines3's vector environments.

    Args:
        count: Number of swimmers.
        links: Links of each body.
        threads: Threads of the physics.
    """

    def __init__(self, count: int, links: int, threads: int | None = None) -> None:
        self.vector = SwimmerVector(
            count, links=links, threads=threads, autoreset_mode=AutoresetMode.SAME_STEP
        )
        size = len(observation_scale(links - 1)) + 1
        self.render_mode = None
        super().__init__(
            count,
            spaces.Box(-np.inf, np.inf, (size,), np.float32),
            spaces.Box(-1.0, 1.0, self.vector.single_action_space.shape, np.float32),
        )

    def _timed(self, observations: Array, steps: Any) -> NDArray[np.float32]:
        timed = np.empty((len(observations), observations.shape[1] + 1), dtype=np.float32)
        timed[:, :-1] = observations
        timed[:, -1] = steps
        return timed

    def reset(self) -> NDArray[np.float32]:
        """Start all episodes, from the seeds given by ``seed``."""
        observations, _ = self.vector.reset(seed=self._seeds)
        self._reset_seeds()
        return self._timed(observations, 0)

    def step_async(self, actions: Array) -> None:
        """Keep the actions of the next step."""
        self._actions = actions

    def step_wait(self) -> Any:
        """Take the step."""
        before = self.vector.steps
        observations, rewards, _, over, found = self.vector.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(over).tolist():
            final = self._timed(found["final_obs"][i : i + 1], before[i] + 1)[0]
            infos[i] = {"terminal_observation": final, "TimeLimit.truncated": True}
        timed = self._timed(observations, self.vector.steps)
        return timed, rewards.astype(np.float32), over, infos

    def close(self) -> None:
        """End the threads."""
        self.vector.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Attribute of each swimmer."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Not possible: the swimmers are one batch."""
        raise AttributeError(f"the swimmers are one batch; none has a {attr_name} of its own")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        """Not possible: the swimmers are one batch."""
        raise AttributeError(f"the swimmers are one batch; none has a {method_name} of its own")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No swimmer is wrapped."""
        return [False] * len(list(self._get_indices(indices)))


def _joints(space: spaces.Space[Any]) -> int:
    """Joints of the body whose timed observations fill ``space``."""
    return (spaces.utils.flatdim(space) - 4) // 4


class ScaledObservation(BaseFeaturesExtractor):
    """Observation in units of its typical size; for a critic of the circuit also its phase.

    Args:
        observation_space: Space of timed observations.
        period: Control steps of an oscillator whose phase is observed as sine and cosine; with None
            there is no phase.
    """

    def __init__(self, observation_space: spaces.Space[Any], period: float | None = None) -> None:
        scale = observation_scale(_joints(observation_space))
        super().__init__(observation_space, len(scale) + 2 * (period is not None))
        self.period = period
        self._scale: torch.Tensor
        self.register_buffer("_scale", torch.tensor(scale, dtype=torch.float32), persistent=False)

    def forward(self, timed: torch.Tensor) -> torch.Tensor:
        """Features (B, features_dim) of timed observations (B, size + 1)."""
        scaled = timed[:, :-1] / self._scale
        if self.period is None:
            return scaled
        phase = timed[:, -1:] * (2 * math.pi / self.period)
        return torch.cat([scaled, phase.sin(), phase.cos()], dim=1)


class CircuitActor(nn.Module):
    """The circuit as a torch module, differentiable with respect to its weights.

    Args:
        design: Design of the circuit, which is not an extended one.
        start: Its numbers, (size,).
    """

    def __init__(self, design: CircuitDesign, start: Array) -> None:
        super().__init__()
        self.design = design
        self.vector = nn.Parameter(torch.tensor(start, dtype=torch.float32))
        front, head, side = Batch.of(design.joints)
        self.register_buffer("front", torch.tensor(front), persistent=False)
        self.register_buffer("head", torch.tensor(head, dtype=torch.float32), persistent=False)
        self.register_buffer("side", torch.tensor(side, dtype=torch.float32), persistent=False)

    def forward(self, timed: torch.Tensor) -> torch.Tensor:
        """Actions (B, n) for timed observations (B, size + 1)."""
        joints, period = self.design.joints, self.design.PERIOD
        first_half = timed[:, -1] % period < float(half_period(period))
        action: torch.Tensor = respond(
            Batch(self.front, self.head, self.side),
            **self.design.synapses(self.vector),
            stretch=timed[:, :joints] / stretch_limit(joints),
            square=2.0 * first_half.to(timed.dtype) - 1.0,
        )
        return action


def actor_optimiser(kind: str, rate: float) -> Callable[[Any], torch.optim.Optimizer]:
    """Maker of the optimiser "adam" or "exponentiated" with the learning rate ``rate``."""
    if kind == "adam":
        return lambda params: torch.optim.Adam(params, lr=rate)
    return lambda params: ExponentiatedGradient(params, lr=rate)


class Optimisers:
    """Several optimisers as one, for an algorithm that has only one."""

    def __init__(self, each: Sequence[torch.optim.Optimizer]) -> None:
        self.each = tuple(each)
        self.param_groups = [group for one in self.each for group in one.param_groups]

    def zero_grad(self) -> None:
        """Reset the gradients."""
        for one in self.each:
            one.zero_grad()

    def step(self) -> None:
        """Take a step with each."""
        for one in self.each:
            one.step()


class _CircuitExtractor(nn.Module):
    """Circuit for the actor, features of a perceptron for the critic."""

    def __init__(self, space: spaces.Space[Any], design: CircuitDesign, start: Array) -> None:
        super().__init__()
        self.actor = CircuitActor(design, start)
        features = ScaledObservation(space, CircuitDesign.PERIOD)
        layers: list[nn.Module] = [features]
        width = features.features_dim
        for units in CRITIC:
            layers += [nn.Linear(width, units), nn.Tanh()]
            width = units
        self.critic = nn.Sequential(*layers)
        self.latent_dim_pi, self.latent_dim_vf = design.joints, width

    def forward(self, timed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(timed), self.forward_critic(timed)

    def forward_actor(self, timed: torch.Tensor) -> torch.Tensor:
        return self.actor(timed)  # type: ignore[no-any-return]

    def forward_critic(self, timed: torch.Tensor) -> torch.Tensor:
        return self.critic(timed)  # type: ignore[no-any-return]


class CircuitActorCriticPolicy(ActorCriticPolicy):
    """Policy for PPO whose actor is the circuit.

    Args:
        design: The circuit.
        start: Its numbers, (size,).
        optimise_actor: Maker of the optimiser of these numbers; the critic's is Adam.
        args: Arguments of stable-baselines3's policy.
        kwargs: Keyword arguments of stable-baselines3's policy.
    """

    def __init__(
        self,
        *args: Any,
        design: CircuitDesign,
        start: Array,
        optimise_actor: Callable[[Any], torch.optim.Optimizer],
        **kwargs: Any,
    ) -> None:
        self._made_of = (design, start, optimise_actor)
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        design, start, _ = self._made_of
        self._circuit = _CircuitExtractor(self.observation_space, design, start)
        self.mlp_extractor: Any = self._circuit

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()  # the circuit's output is the action
        critic = [*self._circuit.critic.parameters(), *self.value_net.parameters()]
        self.optimizer: Any = Optimisers(
            [
                self._made_of[2](self._circuit.actor.parameters()),
                torch.optim.Adam(critic, lr=lr_schedule(1)),
            ]
        )

    def vector(self) -> Array:
        """The circuit's numbers, (size,)."""
        return _numbers(self._circuit.actor.vector)


class CircuitTD3Policy(TD3Policy):
    """Policy for TD3 and DDPG whose actor is the circuit.

    Args:
        design: The circuit.
        start: Its numbers, (size,).
        optimise_actor: Maker of the optimiser of these numbers; the critic's is Adam.
        args: Arguments of stable-baselines3's policy.
        kwargs: Keyword arguments of stable-baselines3's policy.
    """

    def __init__(
        self,
        *args: Any,
        design: CircuitDesign,
        start: Array,
        optimise_actor: Callable[[Any], torch.optim.Optimizer],
        **kwargs: Any,
    ) -> None:
        self._made_of = (design, start)
        kwargs["features_extractor_class"] = ScaledObservation
        kwargs["features_extractor_kwargs"] = {"period": CircuitDesign.PERIOD}
        super().__init__(*args, **kwargs)
        self.actor.optimizer = optimise_actor(self.actor.parameters())

    def make_actor(self, features_extractor: Any = None) -> Actor:
        """Actor that is the circuit; it reads observations as they are."""
        kwargs = self._update_features_extractor(
            self.actor_kwargs, FlattenExtractor(self.observation_space)
        )
        actor = Actor(**{**kwargs, "net_arch": []})
        actor.mu = CircuitActor(*self._made_of)  # type: ignore[assignment]  # any module will do
        return actor.to(self.device)

    def vector(self) -> Array:
        """The circuit's numbers, (size,)."""
        return _numbers(self.actor.mu.get_parameter("vector"))


def perceptron_vector(layers: Any) -> Array:
    """Numbers (size,) of an MLP from the modules that hold its layers, in order."""
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    parts = [part for layer in linear for part in (_numbers(layer.weight).T, _numbers(layer.bias))]
    return np.concatenate([part.ravel() for part in parts])


def _numbers(parameter: torch.Tensor) -> Array:
    numbers: Array = parameter.detach().cpu().numpy().astype(np.float64)
    return numbers
