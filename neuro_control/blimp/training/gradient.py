# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of the same networks, on the same flights, by gradient instead of evolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from neuro_control.blimp.training.command import options, run_command
from neuro_control.blimp.training.judging import TRAINING, Arrays, flights, validated
from neuro_control.blimp.training.settings import TrainingSettings
from neuro_control.blimp.training.surrogate import NetworkState, loss, respond
from neuro_control.errors import ConfigurationError


@dataclass(frozen=True)
class Descent(TrainingSettings):
    """What is trained by gradient and how; a step goes through a few flights from start to end.

    Attributes:
        batch: Number of flights of a step.
        window: Ticks that the gradient goes back.
        learning_rate: Learning rate of Adam; a number changes by about this part of its range a
            window.

    Raises:
        ConfigurationError: A value is out of range.
    """

    steps: int = 400
    validate_every: int = 10
    batch: int = 10
    window: int = 100
    learning_rate: float = 0.003

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch < 1 or self.window < 2 or not 0 < self.learning_rate < 1:
            raise ConfigurationError(
                "a batch is at least 1, a window at least 2 ticks, and a learning rate lies "
                f"between 0 and 1; got {self.batch}, {self.window} and {self.learning_rate}"
            )


# A gradient longer than this is scaled down to it: through resets and traces some explode.
_LONGEST = 1.0


def advance(descent: Descent, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """One stretch of a run: to the next point of the curve, or to the end.

    Args:
        descent: What is trained and how.
        arrays: Arrays of the last checkpoint; none of a run that is yet to begin.

    Returns:
        Arrays of the next checkpoint.
    """
    design = descent.design
    lower, upper = (torch.from_numpy(each) for each in design.bounds)
    training = flights(descent, TRAINING)
    start = design.draw(np.random.default_rng([descent.seed, 1]), 1)[0]
    # Numbers as parts of their ranges: one learning rate suits decays and thresholds alike.
    part = (torch.from_numpy(start) - lower) / (upper - lower)
    part.requires_grad_()
    optimiser = torch.optim.Adam([part], lr=descent.learning_rate)
    step = 0
    if arrays:
        step = int(arrays["curve"][-1, 0])
        part.data.copy_(torch.from_numpy(arrays["part"]))
        names = ("step", "exp_avg", "exp_avg_sq")
        optimiser.state[part] = {name: torch.tensor(arrays[name]) for name in names}
    end = descent.end(step)
    for done in range(step, end):
        rng = np.random.default_rng([descent.seed, done, 2])
        chosen = rng.choice(len(training.errors), min(descent.batch, len(training.errors)), False)
        errors, targets = (torch.from_numpy(each[chosen]) for each in training)
        state = NetworkState.rest(
            design.structure, lower + (upper - lower) * part.detach(), len(chosen)
        )
        for t in range(0, errors.shape[1], descent.window):
            window = slice(t, t + descent.window)
            vector = lower + (upper - lower) * part
            outputs, state = respond(design.structure, vector, errors[:, window], state.detached())
            optimiser.zero_grad()
            error = loss(outputs, targets[:, window])
            error.backward()  # type: ignore[no-untyped-call]  # torch is untyped here
            torch.nn.utils.clip_grad_norm_([part], _LONGEST)
            optimiser.step()
            with torch.no_grad():
                part.clamp_(0.0, 1.0)
    current = (lower + (upper - lower) * part.detach()).numpy()
    moments = {name: value.numpy() for name, value in optimiser.state[part].items()}
    return {
        **validated(descent, end, current[None], arrays),
        "part": part.detach().numpy(),
        **moments,
    }


@click.command("train")
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=Descent.steps,
    show_default=True,
    help="Steps of a run, each a batch of whole flights.",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=Descent.batch,
    show_default=True,
    help="Number of flights of a step.",
)
@click.option(
    "--window",
    type=click.IntRange(min=2),
    default=Descent.window,
    show_default=True,
    help="Ticks that the gradient goes back.",
)
@click.option(
    "--learning-rate",
    type=float,
    default=Descent.learning_rate,
    show_default=True,
    help="Learning rate of Adam, as a part of each number's range.",
)
@click.option(
    "--validate-every",
    type=click.IntRange(min=1),
    default=Descent.validate_every,
    show_default=True,
    help="Steps between points of the curve, and checkpoints.",
)
@options
def command(
    steps: int,
    batch: int,
    window: int,
    learning_rate: float,
    validate_every: int,
    term: str,
    kind: str,
    seed: int,
    derivative_time: float,
    **common: Any,
) -> None:
    """Train a spiking network by gradient; the same command resumes it where it was interrupted."""
    descent = Descent(
        term,
        kind,
        seed,
        steps,
        validate_every,
        derivative_time,
        batch=batch,
        window=window,
        learning_rate=learning_rate,
    )
    run_command(descent, advance, "steps", **common)
