# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies of the swimmer as flat vectors of numbers, which training adapts and files hold.

A *design* describes a policy before it is trained: which numbers it has, where they start, and how
many individuals act at once. Designs are small, frozen and can be sent to another process.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.circuit import (
    SIGNS,
    Batch,
    Circuit,
    Weights,
    half_period,
    respond,
    stretch_limit,
)

Array = NDArray[np.float64]

# Actions (N, n) for the observations (N, size) of the given control step of their episodes.
Act = Callable[[Array, int], Array]

_KIND = "a policy of the swimmer"

# Weights of what is commanded, which training does not adapt.
_COMMANDS = ("speed", "turn")

# Typical size of what is observed, by which an MLP's inputs are divided: angles (rad),
# velocities (m/s), yaw rates (rad/s).
ANGLE_SCALE, VELOCITY_SCALE, YAW_RATE_SCALE = 1.0, 0.05, 2.0


def observation_scale(joints: int) -> Array:
    """Typical size of each observed number of a body of ``joints`` joints, (4 joints + 3,)."""
    link = [VELOCITY_SCALE, VELOCITY_SCALE, YAW_RATE_SCALE]
    return np.array([ANGLE_SCALE] * joints + link * (joints + 1))


@dataclass(frozen=True)
class PolicyDesign:
    """Base of the designs.

    Attributes:
        joints: Number of joints of the body.
    """

    joints: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the numbers that training adapts, by name, in the order of the vector."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Number of numbers that training adapts."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def parts(self, vectors: Any) -> dict[str, Any]:
        """Vectors (..., size) of NumPy or torch taken apart: arrays (..., *shape) by name."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + math.prod(shape)
            found[name] = vectors[..., start:end].reshape(*vectors.shape[:-1], *shape)
            start = end
        return found

    def initial(self, rng: np.random.Generator) -> Array:
        """Vector from which training starts, (size,)."""
        raise NotImplementedError

    def act(self, vectors: Array, episodes: int) -> Act:
        """Actions of a population, whose state is that of the start of an episode.

        Args:
            vectors: A row for each individual, (P, size).
            episodes: Episodes that each swims at the same time; those of an individual follow one
                another in the observations.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class CircuitDesign(PolicyDesign):
    """The NCAP circuit.

    Attributes:
        own: Each synapse has a weight of its own, rather than one for all joints and sides.
        random: Start from magnitudes drawn from U(0, 1), rather than from 1.
        signed: Keep the sign of each weight; otherwise training starts from random signs.
        proprioception: Whether there are stretch receptors.
        oscillator: Whether there is a head oscillator.
        extended: Training adapts the oscillator's period and the receptors' lead as well.
        commands: The numbers hold the weights of the speed and turn commands as well, which have
            no effect at full speed straight ahead; without, these are 1 in size.
    """

    own: bool = False
    random: bool = False
    signed: bool = True
    proprioception: bool = True
    oscillator: bool = True
    extended: bool = False
    commands: bool = False

    # Control steps of the paper's oscillator, and of a lead of 1: in the vector both are in
    # such units that a change of 1 means as much as with a weight.
    PERIOD: ClassVar[float] = 60.0
    LEAD: ClassVar[float] = 5.0

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Weights by name, as in ``circuit.Weights``; then period and lead."""
        n = self.joints
        shapes: dict[str, tuple[int, ...]] = {
            "oscillator": (2, 1) if self.own else (1, 1),
            "proprioception": (2, n - 1) if self.own else (1, 1),
            "ipsilateral": (2, n) if self.own else (1, 1),
            "contralateral": (2, n) if self.own else (1, 1),
        }
        if self.commands:
            shapes |= dict.fromkeys(_COMMANDS, (2, n) if self.own else (1, 1))
        if self.extended:
            shapes |= {"period": (1,), "lead": (1,)}
        return shapes

    def initial(self, rng: np.random.Generator) -> Array:
        """Unit weights, or random ones."""
        parts = []
        for name, shape in self.shapes.items():
            if name in ("period", "lead"):
                parts.append(np.zeros(shape))
                continue
            drawn = self.random and name not in _COMMANDS
            value = rng.random(shape) if drawn else np.ones(shape)
            signs = SIGNS[name] if self.signed else rng.choice([-1.0, 1.0], shape)
            parts.append(value * signs)
        return np.concatenate([part.ravel() for part in parts])

    def synapses(self, vectors: Any) -> dict[str, Any]:
        """Weights for ``respond``, from vectors (..., size) of NumPy or torch."""
        parts = self.parts(vectors)
        found = {}
        for name in ("oscillator", "proprioception", "ipsilateral", "contralateral"):
            weight = parts[name]
            if self.signed:
                weight = weight.clip(0, None) if SIGNS[name] > 0 else weight.clip(None, 0)
            found[name] = weight
        if not self.oscillator:
            found["oscillator"] = found["oscillator"] * 0.0
        if not self.proprioception:
            found["proprioception"] = found["proprioception"] * 0.0
        if self.own:
            # The first joint has no joint in front of it; its entry is not read.
            front = Batch.of(self.joints).front
            found["proprioception"] = found["proprioception"][..., front]
        return found

    def timing(self, vectors: Array) -> tuple[Array, Array]:
        """Oscillator period and receptors' lead, control steps, each (...,)."""
        if not self.extended:
            shape = vectors.shape[:-1]
            return np.full(shape, self.PERIOD), np.zeros(shape)
        parts = self.parts(vectors)
        # An oscillator needs a period of two steps at least.
        period = np.maximum(self.PERIOD * np.exp(0.5 * parts["period"][..., 0]), 2.0)
        return period, self.LEAD * parts["lead"][..., 0]

    def act(self, vectors: Array, episodes: int) -> Act:
        """Circuits that swim side by side."""
        vectors = np.repeat(vectors, episodes, axis=0)
        synapses = self.synapses(vectors)
        period, lead = self.timing(vectors)
        half = half_period(period)
        constants, limit = Batch.of(self.joints), stretch_limit(self.joints)
        before: list[Array] = []

        def act(observations: Array, step: int) -> Array:
            angles = observations[:, : self.joints]
            change = angles - (before.pop() if before else angles)
            before.append(angles.copy())
            square = np.where(step % period < half, 1.0, -1.0)
            stretch = (angles + lead[:, None] * change) / limit
            action: Array = respond(constants, **synapses, stretch=stretch, square=square)
            return action

        return act

    def circuit(self, vector: Array, turn_joints: int = 1) -> Circuit:
        """The control law of one individual, for a node."""
        synapses = self.synapses(vector)
        full = (2, self.joints)
        weights = Weights(
            oscillator=np.broadcast_to(synapses["oscillator"], (2, 1))[:, 0],
            proprioception=np.broadcast_to(synapses["proprioception"], full)[:, 1:],
            ipsilateral=np.broadcast_to(synapses["ipsilateral"], full),
            contralateral=np.broadcast_to(synapses["contralateral"], full),
            **self._commands(vector),
        )
        period, lead = self.timing(vector)
        return Circuit(self.joints, weights, float(period), turn_joints, float(lead))

    def _commands(self, vector: Array) -> dict[str, Array]:
        """Weights of the speed and turn commands, as ``Weights`` takes them."""
        if not self.commands:
            return {name: np.array(float(SIGNS[name])) for name in _COMMANDS}
        parts = self.parts(vector)
        return {name: np.broadcast_to(parts[name], (2, self.joints)) for name in _COMMANDS}

    def on(self, joints: int) -> CircuitDesign:
        """The same for another body.

        Raises:
            ConfigurationError: Each synapse has a weight of its own, and the bodies differ.
        """
        if self.own and joints != self.joints:
            raise ConfigurationError(
                f"these weights are those of {self.joints} joints, one by one, and don't fit "
                f"{joints}: give a policy whose joints share them, or --links {self.joints + 1}"
            )
        return dataclasses.replace(self, joints=joints)


_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
}


@dataclass(frozen=True)
class MLPDesign(PolicyDesign):
    """The baseline: a multi-layer perceptron that reads all observations.

    Attributes:
        hidden: Units of each hidden layer.
        activation: Activation function of the hidden layers, tanh or relu.
        bounded: The outputs pass a tanh (as DDPG has it) instead of being clipped at 1.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    bounded: bool = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Matrices (inputs, outputs) and biases, layer by layer."""
        sizes = [len(observation_scale(self.joints)), *self.hidden, self.joints]
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            shapes[f"weight_{layer}"] = (inputs, outputs)
            shapes[f"bias_{layer}"] = (outputs,)
        return shapes

    def initial(self, rng: np.random.Generator) -> Array:
        """Weights from N(0, 1 / inputs), in the last layer a hundredth of it; zero biases."""
        parts = []
        last = f"weight_{len(self.hidden)}"
        for name, shape in self.shapes.items():
            scale = (0.01 if name == last else 1.0) / math.sqrt(shape[0])
            parts.append(rng.normal(0.0, scale, shape) if len(shape) == 2 else np.zeros(shape))
        return np.concatenate([part.ravel() for part in parts])

    def act(self, vectors: Array, episodes: int) -> Act:
        """Perceptrons side by side."""
        parts = self.parts(vectors)
        scale = observation_scale(self.joints)
        activate = _ACTIVATIONS[self.activation]
        layers = len(self.hidden) + 1

        def act(observations: Array, step: int) -> Array:  # noqa: ARG001  # as Act has it
            x = (observations / scale).reshape(len(vectors), episodes, -1)
            for layer in range(layers):
                x = x @ parts[f"weight_{layer}"] + parts[f"bias_{layer}"][:, None]
                if layer < layers - 1:
                    x = activate(x)
            x = np.tanh(x) if self.bounded else x.clip(-1, 1)
            return x.reshape(len(observations), self.joints)

        return act

    def on(self, joints: int) -> MLPDesign:
        """The same body only.

        Raises:
            ConfigurationError: It is another.
        """
        if joints != self.joints:
            raise ConfigurationError(
                f"this MLP was trained on {self.joints + 1} links and has no inputs for "
                f"{joints + 1}: give one trained on them, or --links {self.joints + 1}"
            )
        return self


_DESIGNS: dict[str, type[CircuitDesign] | type[MLPDesign]] = {
    "circuit": CircuitDesign,
    "mlp": MLPDesign,
}


def to_facts(design: PolicyDesign) -> dict[str, Any]:
    """``design`` as JSON has it."""
    (kind,) = (name for name, each in _DESIGNS.items() if isinstance(design, each))
    return {"kind": kind, **dataclasses.asdict(design)}


def from_facts(facts: Mapping[str, Any]) -> CircuitDesign | MLPDesign:
    """Design that ``to_facts`` described.

    Raises:
        ConfigurationError: The facts are not those of a design.
    """
    arguments = dict(facts)
    try:
        kind = _DESIGNS[arguments.pop("kind")]
        if "hidden" in arguments:
            arguments["hidden"] = tuple(arguments["hidden"])
        return kind(**arguments)
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"no design of a policy: {error}") from error


class Policy(NamedTuple):
    """A policy ready for use.

    Attributes:
        design: Design of the policy.
        vector: Its numbers, (size,).
        facts: How it was trained, as JSON has it.
    """

    design: CircuitDesign | MLPDesign
    vector: Array
    facts: Mapping[str, Any]


def save(path: Path, policy: Policy) -> None:
    """Write a policy as safetensors, whole or not at all."""
    facts = {**policy.facts, "design": to_facts(policy.design)}
    weight_files.write(path, _KIND, policy.design.parts(policy.vector), facts)


def load(path: Path) -> Policy:
    """Policy from a file.

    Raises:
        ConfigurationError: There is no such file, it is damaged or holds something else, or its
            numbers have other shapes than its design.
    """
    arrays, facts = weight_files.read(path, _KIND)
    try:
        design = from_facts(facts.pop("design", {}))
        shapes = design.shapes
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    found = {name: array.shape for name, array in arrays.items()}
    if found != shapes:
        raise ConfigurationError(f"{path} holds arrays of the shapes {found}, not {shapes}")
    vector = np.concatenate([np.asarray(arrays[name], dtype=np.float64).ravel() for name in shapes])
    return Policy(design, vector, facts)


# Policies by name; any other is a file.
POLICIES = {
    "ncap": "the circuit with unit weights, untrained",
    "ncap-random": "the circuit with weights drawn anew for each episode",
    "ncap-trained": "the circuit as trained",
    "ncap-extended": "the circuit with trained oscillator period and receptor lead",
    "ncap-delay": "the same, trained for delayed commands",
    "mlp": "an MLP of 64 × 64 units, trained on this body",
    "random": "random torques",
    "rest": "no torques",
}
_FILES = {
    "ncap-trained": "swimmer_ncap.safetensors",
    "ncap-extended": "swimmer_ncap_extended.safetensors",
    "ncap-delay": "swimmer_ncap_delay.safetensors",
    "mlp": "swimmer_mlp_{links}_links.safetensors",
}


def policy_file(name: str, links: int) -> Path | None:
    """File of the policy ``name`` on a body of ``links`` links; none for "ncap".

    Raises:
        ConfigurationError: There is no such policy.
    """
    if name == "ncap":
        return None
    if name in _FILES:
        return resources.find_file("config/weights", _FILES[name].format(links=links))
    if Path(name).suffix:
        return resources.find_file("config/weights", name)
    raise ConfigurationError(
        f"no policy '{name}': there are {', '.join(POLICIES)}; or give a .safetensors file"
    )


def find_policy(name: str, links: int) -> tuple[CircuitDesign | MLPDesign, Array]:
    """Design and numbers (size,) of the policy ``name`` on a body of ``links`` links.

    Args:
        name: "ncap", a name of ``POLICIES`` that stands for a file in ``config/weights``, or a
            path; a file name alone is one of ``config/weights``.
        links: Links of the body.

    Raises:
        ConfigurationError: There is no such policy, or it doesn't fit the body.
    """
    path = policy_file(name, links)
    if path is None:
        unit = CircuitDesign(links - 1)
        return unit, unit.initial(np.random.default_rng(0))
    found = load(path)
    return found.design.on(links - 1), found.vector
