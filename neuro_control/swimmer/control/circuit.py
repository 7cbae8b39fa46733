# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The swimming circuit: proprioceptive chain, head oscillator, muscles.

Source: Bhattasali, Zador and Engel, Neural Circuit Architectural Priors for Embodied Control
(arXiv 2201.05242), section 3. Two sides, dorsal and ventral, mirror one another; arrays that hold
both carry the side first, dorsal before ventral.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

SIDES = ("dorsal", "ventral")

# A weight below zero inhibits, one above excites; Dale's law holds each to its sign.
SIGNS = {
    "oscillator": 1,
    "proprioception": 1,
    "ipsilateral": 1,
    "contralateral": -1,
    "speed": -1,
    "turn": 1,
}


@dataclass(frozen=True)
class Weights:
    """Synaptic weights, dimensionless.

    Each is a scalar shared by all joints and both sides, or an array with a weight for each
    synapse, for n joints of the shape given.

    Attributes:
        oscillator: Head oscillator onto the first B-neurons, (2,).
        proprioception: Stretch of the joint in front onto a B-neuron, (2, n - 1).
        ipsilateral: B-neuron onto the muscle of its side, (2, n).
        contralateral: B-neuron onto the muscle of the other side, (2, n).
        speed: Brake (1 - speed) onto every B-neuron, (2, n).
        turn: Turn command onto the B-neurons of the first joints, (2, n); those of joints that the
            command does not reach are not read.
    """

    oscillator: Array
    proprioception: Array
    ipsilateral: Array
    contralateral: Array
    speed: Array
    turn: Array

    def __post_init__(self) -> None:
        for field in fields(self):
            value = np.asarray(getattr(self, field.name), dtype=np.float64)
            if not np.isfinite(value).all():
                raise ConfigurationError(f"the {field.name} weight is not finite: {value}")
            # Dale's law, enforced as in the authors' code: by clamping.
            value = np.maximum(value, 0) if SIGNS[field.name] > 0 else np.minimum(value, 0)
            object.__setattr__(self, field.name, value)

    @classmethod
    def unit(cls, joints: int | None = None) -> Weights:
        """Every excitatory weight 1, every inhibitory one -1.

        Args:
            joints: With a number, each synapse has a weight of its own; without, all share.
        """
        return cls(**{name: np.full(shape, float(SIGNS[name])) for name, shape in _shapes(joints)})

    @classmethod
    def random(cls, rng: np.random.Generator, joints: int | None = None) -> Weights:
        """Magnitudes from U(0, 1), signs as in ``unit``; those of the two commands are 1."""
        drawn = {
            name: float(SIGNS[name])
            * (rng.random(shape) if name not in ("speed", "turn") else np.ones(shape))
            for name, shape in _shapes(joints)
        }
        return cls(**drawn)

    def synapses(self, joints: int) -> tuple[Array, Array, Array, Array]:
        """What ``respond`` takes, of full shape: oscillator (2, 1), the other three (2, n)."""
        oscillator = np.broadcast_to(self.oscillator, (2,))[:, None]
        chain = np.zeros((2, joints))
        chain[:, 1:] = self.proprioception
        ipsilateral, contralateral = (
            np.broadcast_to(weight, (2, joints))
            for weight in (self.ipsilateral, self.contralateral)
        )
        return oscillator, chain, ipsilateral, contralateral

    @property
    def trainable(self) -> int:
        """How many numbers training adapts: 4 when shared, 6 n when not (the commands aside)."""
        return self.oscillator.size + sum(
            weight.size for weight in (self.proprioception, self.ipsilateral, self.contralateral)
        )


def _shapes(joints: int | None) -> list[tuple[str, tuple[int, ...]]]:
    if joints is None:
        return [(name, ()) for name in SIGNS]
    return [
        ("oscillator", (2,)),
        ("proprioception", (2, joints - 1)),
        ("ipsilateral", (2, joints)),
        ("contralateral", (2, joints)),
        ("speed", (2, joints)),
        ("turn", (2, joints)),
    ]


class Activity(NamedTuple):
    """Activity of the circuit in one step.

    Attributes:
        neurons: B-neurons, (2, n), in [0, 1].
        muscles: Contraction of the muscles, (2, n), in [0, 1].
        action: Dorsal less ventral contraction, (n,), in [-1, 1].
    """

    neurons: Array
    muscles: Array
    action: Array


class Batch(NamedTuple):
    """Constants of ``respond`` for bodies of n joints, in NumPy's or torch's arrays.

    Attributes:
        front: Index of the joint in front of each joint, (n,); the first names itself.
        head: 1 for the first joint and 0 for the others, (n,).
        side: 1 for the dorsal and -1 for the ventral side, (2, 1).
    """

    front: Any
    head: Any
    side: Any

    @classmethod
    def of(cls, joints: int) -> Batch:
        """Constants of bodies of ``joints`` joints, in NumPy's arrays."""
        head = np.zeros(joints)
        head[0] = 1.0
        return cls(np.maximum(np.arange(joints) - 1, 0), head, np.array([[1.0], [-1.0]]))


def respond(
    constants: Batch,
    oscillator: Any,
    proprioception: Any,
    ipsilateral: Any,
    contralateral: Any,
    stretch: Any,
    square: Any,
) -> Any:
    """Actions of many circuits at once, at full speed and without a turn.

    The equations of ``Circuit.step`` in operations that NumPy and torch share, so that they can be
    differentiated and run for a population. B are batch dimensions that broadcast.

    Args:
        constants: Those of the body.
        oscillator: Weights that broadcast to (B, 2, 1).
        proprioception: Weights that broadcast to (B, 2, n); the first joint's are not read.
        ipsilateral: Weights that broadcast to (B, 2, n).
        contralateral: Weights that broadcast to (B, 2, n).
        stretch: Input of the stretch receptors, 1 at the joint limit, (B, n).
        square: The oscillator, 1 on the dorsal half of its period and -1 on the ventral, (B,).

    Returns:
        Normalised torques, (B, n), in [-1, 1].
    """
    side, head = constants.side, constants.head
    oscillation = (side * square[..., None, None]).clip(0, 1)
    receptors = (side * stretch[..., constants.front][..., None, :]).clip(0, 1)
    chain = proprioception * receptors * (1 - head)
    neurons = (oscillator * oscillation * head + chain).clip(0, 1)
    muscles = (ipsilateral * neurons + contralateral * neurons[..., [1, 0], :]).clip(0, 1)
    return muscles[..., 0, :] - muscles[..., 1, :]


def half_period(period: ArrayLike) -> Array:
    """Control steps of a period of the oscillator for which the dorsal side is on.

    Of a whole number of steps the authors' code takes ``period // 2``, so that of an odd number the
    ventral side has one step more. A period that is no whole number, as training finds them, is
    halved.

    Args:
        period: Periods in control steps, of any shape, which is that of the result.
    """
    periods = np.asarray(period, dtype=np.float64)
    return np.where(periods == np.floor(periods), periods // 2, periods / 2)


def stretch_limit(joints: int) -> float:
    """Angle at which a stretch receptor saturates, the swimmer's joint limit, rad."""
    return 2 * np.pi / (joints + 1)


class Circuit:
    """Control law of a swimmer: joint angles in, normalised torques out.

    The only state is the phase of the oscillator in control steps and, where the
    receptors have a lead, the angles of the step before.

    Args:
        joints: Number of joints n, at least 2.
        weights: Synaptic weights; unit weights by default.
        oscillator_period: Period of the head oscillator in control steps, at least 2.
        turn_joints: How many joints, from the head, the turn command reaches.
        lead: Control steps that the stretch receptors look ahead: they respond to the angle plus
            ``lead`` times its change over the last step. An extension of the paper's circuit,
            where it is 0; stretch receptors of animals respond to the rate of stretch, too.

    Raises:
        ConfigurationError: An argument is out of range or the weights don't fit the joints.
    """

    def __init__(
        self,
        joints: int,
        weights: Weights | None = None,
        oscillator_period: float = 60,
        turn_joints: int = 1,
        lead: float = 0.0,
    ) -> None:
        if joints < 2:
            raise ConfigurationError(f"a swimmer has at least 2 joints, not {joints}")
        if not 1 <= turn_joints <= joints:
            raise ConfigurationError(
                f"turn_joints lies between 1 and {joints}, the number of joints; got {turn_joints}"
            )
        if not 2 <= oscillator_period < np.inf:
            raise ConfigurationError(
                f"the oscillator's period is at least 2 control steps, not {oscillator_period}"
            )
        if not np.isfinite(lead):
            raise ConfigurationError(f"the receptors' lead is a finite number, not {lead}")
        self.joints = joints
        self.turn_joints = turn_joints
        self.oscillator_period = oscillator_period
        self._half_period = float(half_period(oscillator_period))
        self.lead = lead
        self._stretch = stretch_limit(joints)
        self._drive = np.empty((2, joints))
        self._mirrored = np.empty((2, joints))
        self.weights = Weights.unit() if weights is None else weights
        self.reset()

    @property
    def weights(self) -> Weights:
        """Synaptic weights; new ones apply from the next step on, the oscillator runs on."""
        return self._weights

    @weights.setter
    def weights(self, weights: Weights) -> None:
        for name, shape in _shapes(self.joints):
            got = getattr(weights, name).shape
            if got not in ((), shape):
                raise ConfigurationError(
                    f"the {name} weights of {self.joints} joints have the shape {shape} "
                    f"or are one number; got the shape {got}"
                )
        self._weights = weights
        # Dorsal and ventral oscillator are on in turn: what reaches the first B-neurons in each.
        on = np.broadcast_to(weights.oscillator, (2,))
        self._oscillation = np.array([[on[0], 0.0], [0.0, on[1]]])
        # The muscles of both sides in one product: q and -q clipped at 0 are the two receptors.
        self._proprioception = weights.proprioception / self._stretch * np.array([[1.0], [-1.0]])
        self._proprioception_cap = np.broadcast_to(weights.proprioception, (2, self.joints - 1))
        self._speed = weights.speed
        self._turn = np.broadcast_to(weights.turn, (2, self.joints))[:, : self.turn_joints]

    def reset(self) -> None:
        """Back to the first step."""
        # Phase of the oscillator, in control steps at full tempo.
        self.phase = 0.0
        self._last_angles: Array | None = None
        self.activity = Activity(
            np.zeros((2, self.joints)), np.zeros((2, self.joints)), np.zeros(self.joints)
        )

    def step(
        self,
        joint_angles: ArrayLike,
        speed: float = 1.0,
        turn: float = 0.0,
        tempo: float = 1.0,
    ) -> Array:
        """Action that answers one observation.

        The brake of ``speed`` is the paper's; it takes strength from the wave and stalls it near
        a half. ``tempo``, an extension, slows it down instead: the oscillator runs ``tempo``
        times as fast, the muscles contract ``tempo``² times as hard, the receptors look
        1 / ``tempo`` times as far ahead. Inertia and the drag of a fast swimmer both grow with
        the square of speed, so that it then swims the same strokes at ``tempo`` times the speed.

        Args:
            joint_angles: Joint angles from head to tail, (n,), rad.
            speed: 1 swims at full speed, 0 brakes every B-neuron.
            turn: In [-1, 1]; above zero bends the head to the dorsal side (right).
            tempo: In [0, 1]; at 0 the muscles are slack and the oscillator stands still.

        Returns:
            Normalised torques, (n,), in [-1, 1].

        Raises:
            ValueError: The angles don't have the shape (n,).
        """
        angles = np.asarray(joint_angles, dtype=np.float64)
        if angles.shape != (self.joints,):
            raise ValueError(f"expected {self.joints} joint angles, got the shape {angles.shape}")
        second_half = self.phase % self.oscillator_period >= self._half_period
        self.phase += tempo
        if self.lead:
            before = angles if self._last_angles is None else self._last_angles
            self._last_angles = angles.copy()
            if tempo:
                angles = angles + self.lead / tempo * (angles - before)

        # B_0 = g(w_osc osc + w_turn turn + w_speed (1 - speed))
        # B_i = g(w_prop q_{i-1} + ...), g(x) = clip(x, 0, 1); each side alike.
        drive = self._drive
        drive[:, 0] = self._oscillation[int(second_half)]
        chain = drive[:, 1:]
        np.multiply(self._proprioception, angles[:-1], out=chain)
        np.maximum(chain, 0.0, out=chain)
        np.minimum(chain, self._proprioception_cap, out=chain)
        if speed != 1.0:
            drive += self._speed * (1.0 - speed)
        if turn:
            side = 0 if turn > 0 else 1
            drive[side, : self.turn_joints] += self._turn[side] * abs(turn)
        # minimum and maximum take half the time of clip on arrays this small.
        neurons = np.minimum(np.maximum(drive, 0.0), 1.0)

        # M_d = g(w_ipsi B_d + w_contra B_v), M_v mirrored.
        muscles = self._weights.contralateral * neurons[::-1]
        muscles += self._weights.ipsilateral * neurons
        np.maximum(muscles, 0.0, out=muscles)
        np.minimum(muscles, 1.0, out=muscles)
        if tempo != 1.0:
            muscles *= tempo * tempo
        action: Array = muscles[0] - muscles[1]
        self.activity = Activity(neurons, muscles, action)
        return action
