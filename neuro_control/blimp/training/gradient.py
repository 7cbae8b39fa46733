"""Training of the same networks, on the same flights, by gradient instead of evolution.

Spikes are steps, whose derivative is 0 wherever it is one. Forward they stay steps, so that the
network is the one that flies; backward a smooth curve stands in (a surrogate gradient). Time is
unrolled in windows: the state goes on from one to the next, the gradient doesn't.

Source: Neftci, Mostafa and Zenke, Surrogate Gradient Learning in Spiking Neural Networks (arXiv
1901.09948); Zenke and Ganguli, SuperSpike (arXiv 1705.11146), for the fast sigmoid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from numpy.typing import NDArray

from neuro_control.blimp.control.antisymmetric import PAIRS, AntisymmetricStructure
from neuro_control.blimp.training.run import (
    TRAINING,
    Arrays,
    TrainingSettings,
    command_of,
    flights,
    options,
    validated,
)
from neuro_control.errors import ConfigurationError

Tensor = torch.Tensor


class _Spike(torch.autograd.Function):
    """1 above 0, else 0; backward the slope of a fast sigmoid, 1 / (1 + |x|)²."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope: Tensor = gradients[0] / (1.0 + x.abs()) ** 2
        return slope


def _spike(x: Tensor) -> Tensor:
    found: Tensor = _Spike.apply(x)  # type: ignore[no-untyped-call]  # torch is untyped here
    return found


class State(NamedTuple):
    """State of a network in K flights; + and − neurons of each pair, (K, 2, pairs), and output.

    Attributes:
        encoders: Voltages of the encoders.
        encoder_spikes: What their last tick gave.
        trace: Traces of these spikes.
        current: Synaptic currents of the hidden neurons.
        voltage: Their voltages.
        threshold: Their thresholds.
        spikes: What their last tick gave.
        output: Of the read-out, (K,).
    """

    encoders: Tensor
    encoder_spikes: Tensor
    trace: Tensor
    current: Tensor
    voltage: Tensor
    threshold: Tensor
    spikes: Tensor
    output: Tensor

    @classmethod
    def rest(cls, structure: AntisymmetricStructure, vector: Tensor, count: int) -> State:
        """A network (size,) that has heard nothing, in ``count`` flights."""
        none = torch.zeros(count, 2, PAIRS, dtype=vector.dtype)
        threshold = structure.parts(vector)["threshold"].expand(count, 2, PAIRS)
        output = torch.zeros(count, dtype=vector.dtype)
        return cls(none, none, none, none, none, threshold, none, output)

    def detached(self) -> State:
        """The same, through which no gradient goes."""
        return State(*(each.detach() for each in self))


def respond(
    structure: AntisymmetricStructure, vector: Tensor, errors: Tensor, state: State
) -> tuple[Tensor, State]:
    """What one network answers in several flights, differentiable: ``pairs.tick`` in torch.

    Args:
        structure: What the network is.
        vector: Its numbers, (size,).
        errors: Of each flight, (K, T).
        state: It starts from.

    Returns:
        Outputs, (K, T), and the state after them.
    """
    p = structure.parts(vector)
    sign = torch.tensor([[1.0], [-1.0]], dtype=vector.dtype)
    drives = p["encoder_weight"] * sign * errors.T[:, :, None, None] + p["encoder_bias"]
    encoders, encoder_spikes, trace, current, voltage, threshold, spikes, output = state
    decay = p["readout_decay"]
    outputs = []
    for drive in drives:
        # What a neuron did is not undone for the sake of its reset: the gradient leaves that out.
        reset = encoder_spikes.detach() * p["encoder_threshold"]
        encoders = p["encoder_decay"] * encoders + drive - reset
        encoder_spikes = _spike(encoders - p["encoder_threshold"])
        heard = p["weight_same"] * encoder_spikes + p["weight_cross"] * encoder_spikes.flip(1)
        current = p["current_decay"] * current + heard
        if structure.recurrent:
            back = p["recurrent_same"] * spikes + p["recurrent_cross"] * spikes.flip(1)
            current = current + back
        voltage = p["voltage_decay"] * voltage + current - spikes.detach() * threshold
        if structure.adaptive:
            trace = p["trace_decay"] * trace + encoder_spikes
            threshold = p["threshold"] + p["adaptation"] * (trace.flip(1) - trace)
        spikes = _spike(voltage - threshold)
        total = (p["readout"] * (spikes[:, 0] - spikes[:, 1])).sum(-1)
        output = decay * output + (1.0 - decay) * total
        outputs.append(output)
    state = State(encoders, encoder_spikes, trace, current, voltage, threshold, spikes, output)
    return torch.stack(outputs, -1), state


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """The cost of evolution, mean absolute error + (1 − ρ), over a window of all flights at once.

    Of a window of one flight, in which an integral hardly changes, ρ would say little.
    """
    x, y = outputs - outputs.mean(), targets - targets.mean()
    # Of a network that is silent, the root has no derivative.
    rho = (x * y).sum() / ((x**2).sum() * (y**2).sum() + 1e-12).sqrt()
    return (outputs - targets).abs().mean() + 1.0 - rho


@dataclass(frozen=True)
class Descent(TrainingSettings):
    """What is trained by gradient and how; in a step, a few flights are flown from start to end.

    Attributes:
        batch: Flights of a step.
        window: Ticks that the gradient goes back.
        learning_rate: Adam's; a number changes by about this part of its range a window.

    Raises:
        ConfigurationError: It can't be.
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


# A gradient longer than this is cut to it: through resets and traces some explode.
_LONGEST = 1.0


def advance(descent: Descent, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """One stretch of a run: to the next point of the curve, or to the end.

    Args:
        descent: What is trained and how.
        arrays: Of the last checkpoint; none of a run that is yet to begin.

    Returns:
        Arrays of the next checkpoint.
    """
    design = descent.design
    lower, upper = (torch.from_numpy(each) for each in design.bounds)
    training = flights(descent, TRAINING)
    start = design.draw(np.random.default_rng([descent.seed, 1]), 1)[0]
    # Parts of the ranges, so that one learning rate suits decays and thresholds alike.
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
        state = State.rest(design.structure, lower + (upper - lower) * part.detach(), len(chosen))
        for t in range(0, errors.shape[1], descent.window):
            window = slice(t, t + descent.window)
            vector = lower + (upper - lower) * part
            outputs, state = respond(design.structure, vector, errors[:, window], state.detached())
            optimiser.zero_grad()
            loss(outputs, targets[:, window]).backward()  # type: ignore[no-untyped-call]
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
    help="Flights of a step.",
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
    help="Adam's, as a part of each number's range.",
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
    """Train a spiking network by gradient; the same command goes on where it was interrupted."""
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
    command_of(descent, advance, "steps", **common)
