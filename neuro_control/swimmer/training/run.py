# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training of the swimmer, and the contents of its folder.

A training owns a folder: ``checkpoint.safetensors`` (all that resuming needs), ``curve.csv``
(returns on held-out starts over environment steps), ``policy.safetensors`` (the trained policy) and
TensorBoard logs. At every checkpoint the random generators start anew from the seed and the step,
in a run that goes on as in one that is resumed there: that is why both give the same policy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_csv
from neuro_control.learning.checkpoints import Checkpoint
from neuro_control.swimmer.control.policy import CircuitDesign, MLPDesign
from neuro_control.swimmer.simulation.rollout import individuals

Array = NDArray[np.float64]
Report = Callable[[int], None]

_KIND = "a training of the swimmer"
ALGORITHMS = ("ppo", "ddpg", "ars", "cmaes")
OPTIMISERS = ("adam", "exponentiated")
NAMES = ("ncap", "ncap-joints", "ncap-extended", "ncap-joints-extended", "mlp-64", "mlp-256")

# Starts on which the curve is measured: neither those of the training nor those of the results.
_HELD_OUT = [1_000_000 + i for i in range(8)]


@dataclass(frozen=True)
class Training:
    """Settings of a training.

    Attributes:
        algorithm: One of ``ALGORITHMS``.
        policy: One of ``NAMES``.
        links: Links of the body.
        seed: Seed of everything random.
        steps: Environment steps to train for.
        learning_rate: Learning rate of Adam or the exponentiated gradient, or step size of the
            random search (ars).
        noise: Standard deviation of individuals about the mean: of ars, and of cmaes at first.
        population: Individuals of a generation of ars and cmaes.
        starts: Starts that each individual swims from.
        optimiser: Optimiser of the circuit's weights under PPO and DDPG, one of ``OPTIMISERS``.
        evaluate_every: Environment steps from one point of the curve, and checkpoint, to the next.
        delays: Delays of the loop, in control steps, that ars and cmaes train for at once.
        random: Start from random magnitudes of the circuit's weights.
        signed: Keep the signs of the circuit's weights.
        proprioception: Whether the circuit has stretch receptors.
        oscillator: Whether the circuit has its oscillator.
    """

    algorithm: str
    policy: str
    links: int = 6
    seed: int = 0
    steps: int = 400_000
    learning_rate: float = 3e-4
    noise: float = 0.1
    population: int = 16
    starts: int = 1
    optimiser: str = "adam"
    evaluate_every: int = 8192
    delays: tuple[int, ...] = (0,)
    random: bool = False
    signed: bool = True
    proprioception: bool = True
    oscillator: bool = True

    def __post_init__(self) -> None:
        for name, known in (
            ("algorithm", ALGORITHMS),
            ("policy", NAMES),
            ("optimiser", OPTIMISERS),
        ):
            if getattr(self, name) not in known:
                raise ConfigurationError(
                    f"no {name} '{getattr(self, name)}': there are {', '.join(known)}"
                )
        if not 3 <= self.links <= 100:
            raise ConfigurationError(f"a swimmer has 3 to 100 links, not {self.links}")
        if min(self.steps, self.evaluate_every, self.starts) < 1:
            raise ConfigurationError("steps, evaluate_every and starts are at least 1")
        if not 0 < self.learning_rate < float("inf"):
            raise ConfigurationError(
                f"the learning rate is a number above 0, not {self.learning_rate}"
            )
        if not self.delays or min(self.delays) < 0:
            raise ConfigurationError("delays are whole numbers of control steps, 0 or more")
        if not self.evolves:
            if "extended" in self.policy:
                raise ConfigurationError(
                    "an oscillator's period has no gradient: train an extended circuit by cmaes"
                )
            if self.delays != (0,):
                raise ConfigurationError("only ars and cmaes train for delays")
        if self.optimiser == "exponentiated" and (
            self.policy.startswith("mlp") or self.evolves or not self.signed
        ):
            raise ConfigurationError(
                "the exponentiated gradient is for signed circuits under ppo and ddpg"
            )
        if self.algorithm == "cmaes" and self.policy.startswith("mlp"):
            raise ConfigurationError("cmaes is for circuits: an MLP has too many numbers")

    @property
    def evolves(self) -> bool:
        """Whether it tries individuals in whole episodes, rather than follow a gradient."""
        return self.algorithm in ("ars", "cmaes")

    def design(self) -> CircuitDesign | MLPDesign:
        """The policy before training."""
        joints = self.links - 1
        if self.policy.startswith("mlp"):
            width = int(self.policy.partition("-")[2])
            # DDPG's actor as stable-baselines3 makes it.
            ddpg = self.algorithm == "ddpg"
            return MLPDesign(joints, (width, width), "relu" if ddpg else "tanh", bounded=ddpg)
        return CircuitDesign(
            joints,
            own="joints" in self.policy,
            random=self.random,
            signed=self.signed,
            proprioception=self.proprioception,
            oscillator=self.oscillator,
            extended="extended" in self.policy,
        )


def facts_of(training: Training) -> dict[str, Any]:
    """``training`` as JSON has it."""
    facts = dataclasses.asdict(training)
    facts["delays"] = list(training.delays)
    return facts


class TrainingRecord:
    """Curve and checkpoints of a training, in its folder.

    Args:
        folder: The training's own.
        training: Settings of the training.
        report: Called with the environment steps done so far.
        threads: Threads of the physics in this process; None takes as many as there are cores.

    Raises:
        ConfigurationError: The folder holds another training, or a damaged one.
    """

    def __init__(
        self, folder: Path, training: Training, report: Report, threads: int | None = None
    ) -> None:
        self.folder, self.training, self.report, self.threads = folder, training, report, threads
        self.design = training.design()
        self.steps: list[int] = []
        self.returns: list[Array] = []
        # A training may be made longer: its steps are no part of what it is.
        self._checkpoint = Checkpoint(folder, _KIND, facts_of(training))
        self.found = self._checkpoint.read()
        if self.found:
            self.steps = self.found.pop("curve/steps").tolist()
            self.returns = list(self.found.pop("curve/returns"))
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigurationError(
                f"{error.name} is missing: pip install 'neuro_control[train]'"
            ) from error
        # What an interrupted run logged beyond its last checkpoint is logged again.
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=self.done + 1)

    @property
    def done(self) -> int:
        """Environment steps of the last checkpoint."""
        return self.steps[-1] if self.steps else 0

    def due(self, steps: int) -> bool:
        """Whether a point of the curve is due after ``steps`` environment steps."""
        every = self.training.evaluate_every
        return not self.steps or steps // every > self.steps[-1] // every

    def take(self, steps: int, vector: Array, arrays: dict[str, NDArray[Any]]) -> None:
        """Measure the policy, add the point to the curve, write the checkpoint."""
        scores = individuals(self.design, vector[None], _HELD_OUT, threads=self.threads)
        self.steps.append(steps)
        self.returns.append(scores.returns[0])
        curve = {"curve/steps": np.array(self.steps), "curve/returns": np.array(self.returns)}
        self._checkpoint.write({**arrays, **curve})
        self._write_curve()
        self._log(steps, float(scores.returns.mean()), float(scores.speeds.mean()))
        self.report(steps)

    def _write_curve(self) -> None:
        header = ["steps", "return_mean", *(f"return_{i}" for i in range(len(_HELD_OUT)))]
        rows = (
            [steps, f"{returns.mean():.3f}", *(f"{r:.3f}" for r in returns)]
            for steps, returns in zip(self.steps, self.returns, strict=True)
        )
        write_csv(self.folder / "curve.csv", header, rows)

    def _log(self, steps: int, mean: float, speed: float) -> None:
        self._writer.add_scalar("evaluation/return", mean, steps)
        self._writer.add_scalar("evaluation/speed_mps", speed, steps)
        self._writer.flush()

    def close(self) -> None:
        """Close the logs."""
        self._writer.close()


def read_curve(folder: Path) -> tuple[NDArray[np.int64], Array]:
    """Environment steps (K,) and mean returns (K,) of the training in ``folder``.

    Raises:
        ConfigurationError: There is none, or it is damaged.
    """
    arrays, _ = weights.read(folder / "checkpoint.safetensors", _KIND)
    returns: Array = arrays["curve/returns"].mean(axis=1)
    return arrays["curve/steps"], returns
