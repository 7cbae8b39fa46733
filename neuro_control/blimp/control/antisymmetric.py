# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A spiking network of mirrored pairs: what it answers to an opposite error is the opposite.

Twenty pairs of encoding neurons drive twenty pairs of hidden ones, each pair its own. Both neurons
of a pair share their numbers and receive the value with opposite signs. A pair receives no spikes
of another pair, so that a network is not 40 by 40 weights but some two hundred numbers, and all its
pairs run side by side in vector registers.

``expand`` writes such networks out as ``spiking.network.Network``, in whose equations they are
defined; ``respond``, ``tick``, ``tick_both`` and ``tick_and_count`` run them as they are.

Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section II, and their code, whose
networks are mirrored in the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.spiking import network as dense

Array = NDArray[np.float64]

# The compiled loops count on it: with a length that is known they become vector instructions.
PAIRS = 20
# Kinds of the hidden layer: whether thresholds adapt (IWTA), and whether a pair is recurrent.
KINDS = {
    "lif": (False, False),
    "lif-recurrent": (False, True),
    "iwta": (True, False),
    "iwta-recurrent": (True, True),
}

# Where each part of a network's numbers begins, in the order of ``AntisymmetricStructure.shapes``.
# Weights of recurrence follow, if there are any, and the decay of the read-out is the last.
(
    _ENCODER_WEIGHT, _ENCODER_BIAS, _ENCODER_DECAY, _ENCODER_THRESHOLD, _WEIGHT_SAME, _WEIGHT_CROSS,
    _CURRENT_DECAY, _VOLTAGE_DECAY, _THRESHOLD, _READOUT, _TRACE_DECAY, _ADAPTATION,
) = range(0, 12 * PAIRS, PAIRS)  # fmt: skip
_LARGEST = 14 * PAIRS + 1
# Where each part of a state begins: first the + neurons of all pairs, then the − neurons. The last
# number is the output.
(
    ENCODER_VOLTAGE, ENCODER_SPIKE, _TRACE, _CURRENT, HIDDEN_VOLTAGE, _ADAPTED_THRESHOLD,
    HIDDEN_SPIKE,
) = range(0, 14 * PAIRS, 2 * PAIRS)  # fmt: skip
_OUTPUT = 14 * PAIRS


@dataclass(frozen=True)
class AntisymmetricStructure:
    """Which numbers an antisymmetric network has, and what they mean.

    Attributes:
        kind: One of ``KINDS``.

    Raises:
        ConfigurationError: There is no such kind.
    """

    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigurationError(f"no structure '{self.kind}': there are {', '.join(KINDS)}")

    @property
    def adaptive(self) -> bool:
        """Whether the hidden thresholds follow the encoders' spikes (IWTA)."""
        return KINDS[self.kind][0]

    @property
    def recurrent(self) -> bool:
        """Whether a hidden pair receives its own spikes."""
        return KINDS[self.kind][1]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of a network's numbers by name, in the order of its vector.

        ``same`` leads from a neuron to the one of its own sign, ``cross`` to that of the other.
        ``adaptation`` lowers a threshold by the trace of the encoder of its own sign and raises it
        by the other's. One number, not two: as in the authors' code, thresholds follow the
        difference of the traces, and a trace that both have in common doesn't move the thresholds.
        """
        names = [
            *("encoder_weight", "encoder_bias", "encoder_decay", "encoder_threshold"),
            *("weight_same", "weight_cross", "current_decay", "voltage_decay", "threshold"),
            "readout",
        ]
        if self.adaptive:
            names += ["trace_decay", "adaptation"]
        if self.recurrent:
            names += ["recurrent_same", "recurrent_cross"]
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(names, (PAIRS,))
        return {**shapes, "readout_decay": ()}

    @property
    def size(self) -> int:
        """How many numbers a network has."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def fan_out(self) -> tuple[int, int]:
        """Synapses that a spike of an encoder, and one of a hidden neuron, passes through.

        An encoder reaches both neurons of its hidden pair, by a weight each and, where thresholds
        adapt, by a second weight each. A hidden neuron reaches the read-out and, where the layer is
        recurrent, both neurons of its pair.
        """
        return 2 + 2 * self.adaptive, 1 + 2 * self.recurrent

    def parts(self, vectors: Any) -> dict[str, Any]:
        """Vectors (..., size) of NumPy or torch taken apart: arrays (..., *shape) by name."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + math.prod(shape)
            found[name] = vectors[..., start:end].reshape((*vectors.shape[:-1], *shape))
            start = end
        return found

    def vector(self, parts: dict[str, Any]) -> Array:
        """Vectors (..., size) of parts as ``parts`` gives them.

        Raises:
            ValueError: A part is missing, or has another shape.
        """
        if parts.keys() != self.shapes.keys():
            raise ValueError(f"expected {', '.join(self.shapes)}; got {', '.join(parts)}")
        batch = np.shape(parts["readout_decay"])
        rows = []
        for name, shape in self.shapes.items():
            array = np.asarray(parts[name], dtype=np.float64)
            if array.shape != batch + shape:
                raise ValueError(f"{name} has the shape {array.shape}, not {batch + shape}")
            rows.append(array.reshape(*batch, -1))
        return np.concatenate(rows, axis=-1)

    @property
    def expanded(self) -> dense.NetworkStructure:
        """The same as the structure of a network without pairs."""
        return dense.NetworkStructure(2 * PAIRS, 2 * PAIRS, self.adaptive, self.recurrent)

    def expand(self, vectors: Array) -> dense.Network:
        """Networks (..., size) written out; neurons 2k and 2k + 1 make a pair, the + one first."""
        p = self.parts(np.asarray(vectors, dtype=np.float64))
        batch = vectors.shape[:-1]
        none = np.zeros((*batch, PAIRS))
        adaptation = p.get("adaptation", none)
        return dense.Network(
            encoder_weight=_alternating(p["encoder_weight"]),
            encoder_bias=np.repeat(p["encoder_bias"], 2, -1),
            encoder_decay=np.repeat(p["encoder_decay"], 2, -1),
            encoder_threshold=np.repeat(p["encoder_threshold"], 2, -1),
            weight=_blocks(p["weight_same"], p["weight_cross"]),
            current_decay=np.repeat(p["current_decay"], 2, -1),
            voltage_decay=np.repeat(p["voltage_decay"], 2, -1),
            threshold=np.repeat(p["threshold"], 2, -1),
            trace_decay=np.repeat(p.get("trace_decay", none), 2, -1),
            adaptation=_blocks(-adaptation, adaptation),
            recurrent_weight=_blocks(p.get("recurrent_same", none), p.get("recurrent_cross", none)),
            readout=_alternating(p["readout"]),
            readout_decay=p["readout_decay"],
        )

    def collapse(self, network: dense.Network) -> Array:
        """The vector (size,) of a network that ``expand`` wrote out.

        Raises:
            ConfigurationError: The network is not antisymmetric.
        """
        plus = np.arange(0, 2 * PAIRS, 2)
        parts = {
            name: getattr(network, name)[plus] if shape else network.readout_decay
            for name, shape in self.shapes.items()
            if hasattr(network, name)
        }
        parts["weight_same"] = network.weight[plus, plus]
        parts["weight_cross"] = network.weight[plus, plus + 1]
        if self.adaptive:
            parts["adaptation"] = network.adaptation[plus, plus + 1]
        if self.recurrent:
            parts["recurrent_same"] = network.recurrent_weight[plus, plus]
            parts["recurrent_cross"] = network.recurrent_weight[plus, plus + 1]
        vector = self.vector(parts)
        if not all(map(np.array_equal, self.expand(vector), network)):
            raise ConfigurationError("the network is not made of mirrored pairs")
        return vector

    def rest(self, vectors: Array) -> Array:
        """States at rest, (..., 281), of networks (..., size)."""
        states = np.zeros((*vectors.shape[:-1], _OUTPUT + 1))
        threshold = self.parts(vectors)["threshold"]
        for start in (_ADAPTED_THRESHOLD, _ADAPTED_THRESHOLD + PAIRS):
            states[..., start : start + PAIRS] = threshold
        return states


def _alternating(values: Array) -> Array:
    """(..., pairs) to (..., 2 pairs): each value, then its opposite."""
    return np.stack([values, -values], -1).reshape(*values.shape[:-1], -1)


def _blocks(same: Array, cross: Array) -> Array:
    """Weights (..., 2 pairs, 2 pairs) of [[same, cross], [cross, same]] along the diagonal."""
    found = np.zeros((*same.shape[:-1], 2 * PAIRS, 2 * PAIRS))
    plus = np.arange(0, 2 * PAIRS, 2)
    found[..., plus, plus] = found[..., plus + 1, plus + 1] = same
    found[..., plus, plus + 1] = found[..., plus + 1, plus] = cross
    return found


# The order of a sum doesn't matter to its mirror image, and left free it is a vector instruction.
@numba.njit(cache=True, fastmath={"reassoc"})  # type: ignore[untyped-decorator]  # numba is untyped
def _read(p: Array, s: Array) -> float:
    total = 0.0
    for k in range(PAIRS):
        total += p[_READOUT + k] * (s[HIDDEN_SPIKE + k] - s[HIDDEN_SPIKE + PAIRS + k])
    return total


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def tick(value: float, p: Array, s: Array, adaptive: bool, recurrent: bool) -> float:
    """What one network answers to ``value``, from its state on, which changes in place.

    Every sum is written so that its mirror image rounds alike.

    Args:
        value: Input.
        p: Numbers of the network, in the order of ``AntisymmetricStructure.shapes``; the decay of
            the read-out stands last, whatever lies between it and the rest.
        s: State of the network, as ``AntisymmetricStructure.rest`` gives it: voltages, spikes and
            traces of the encoders, currents, voltages, thresholds and spikes of the hidden
            neurons, each for all + and then all − neurons; and the output.
        adaptive: Whether thresholds adapt.
        recurrent: Whether pairs are recurrent.
    """
    recurrent_same = _TRACE_DECAY + 2 * PAIRS if adaptive else _TRACE_DECAY
    recurrent_cross = recurrent_same + PAIRS
    for k in range(PAIRS):
        m = PAIRS + k  # the − neuron of the pair
        scaled, bias = p[_ENCODER_WEIGHT + k] * value, p[_ENCODER_BIAS + k]
        decay, threshold = p[_ENCODER_DECAY + k], p[_ENCODER_THRESHOLD + k]
        up = decay * s[ENCODER_VOLTAGE + k] + (bias + scaled) - s[ENCODER_SPIKE + k] * threshold
        down = decay * s[ENCODER_VOLTAGE + m] + (bias - scaled) - s[ENCODER_SPIKE + m] * threshold
        plus = 1.0 if up > threshold else 0.0
        minus = 1.0 if down > threshold else 0.0
        s[ENCODER_VOLTAGE + k], s[ENCODER_VOLTAGE + m] = up, down
        s[ENCODER_SPIKE + k], s[ENCODER_SPIKE + m] = plus, minus

        same, cross, decay = p[_WEIGHT_SAME + k], p[_WEIGHT_CROSS + k], p[_CURRENT_DECAY + k]
        up = decay * s[_CURRENT + k] + (same * plus + cross * minus)
        down = decay * s[_CURRENT + m] + (same * minus + cross * plus)
        up_before, down_before = s[HIDDEN_SPIKE + k], s[HIDDEN_SPIKE + m]
        if recurrent:
            same, cross = p[recurrent_same + k], p[recurrent_cross + k]
            up += same * up_before + cross * down_before
            down += same * down_before + cross * up_before
        s[_CURRENT + k], s[_CURRENT + m] = up, down

        decay = p[_VOLTAGE_DECAY + k]
        up = decay * s[HIDDEN_VOLTAGE + k] + up - up_before * s[_ADAPTED_THRESHOLD + k]
        down = decay * s[HIDDEN_VOLTAGE + m] + down - down_before * s[_ADAPTED_THRESHOLD + m]
        s[HIDDEN_VOLTAGE + k], s[HIDDEN_VOLTAGE + m] = up, down
        if adaptive:
            base, adaptation = p[_THRESHOLD + k], p[_ADAPTATION + k]
            decay = p[_TRACE_DECAY + k]
            trace_up = decay * s[_TRACE + k] + plus
            trace_down = decay * s[_TRACE + m] + minus
            shift = adaptation * (trace_down - trace_up)
            s[_TRACE + k], s[_TRACE + m] = trace_up, trace_down
            s[_ADAPTED_THRESHOLD + k], s[_ADAPTED_THRESHOLD + m] = base + shift, base - shift
        s[HIDDEN_SPIKE + k] = 1.0 if up > s[_ADAPTED_THRESHOLD + k] else 0.0
        s[HIDDEN_SPIKE + m] = 1.0 if down > s[_ADAPTED_THRESHOLD + m] else 0.0
    decay = p[len(p) - 1]
    s[_OUTPUT] = decay * s[_OUTPUT] + (1.0 - decay) * _read(p, s)
    return float(s[_OUTPUT])


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def tick_both(
    error: float, limit: float, numbers: Array, states: Array, kinds: NDArray[np.bool_]
) -> float:
    """Sum of what two networks answer to ``error``, cut off at ±limit.

    The arrays are those of ``Networks``. It stands beside ``tick`` because the compiler's cache
    looks at no other file for changes.
    """
    command = tick(error, numbers[0], states[0], kinds[0, 0], kinds[0, 1])
    command += tick(error, numbers[1], states[1], kinds[1, 0], kinds[1, 1])
    return float(min(max(command, -limit), limit))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def tick_and_count(
    error: float,
    limit: float,
    numbers: Array,
    states: Array,
    kinds: NDArray[np.bool_],
    counts: NDArray[np.int64],
) -> float:
    """Answer as ``tick_both`` does, and add this tick's spikes to ``counts``.

    The columns of ``counts``, (2, 2), are the encoders and the hidden neurons of each network.
    """
    command = tick_both(error, limit, numbers, states, kinds)
    for k in range(2):
        encoders, hidden = 0.0, 0.0
        for j in range(2 * PAIRS):
            encoders += states[k, ENCODER_SPIKE + j]
            hidden += states[k, HIDDEN_SPIKE + j]
        counts[k, 0] += int(encoders)
        counts[k, 1] += int(hidden)
    return float(command)


class Networks(NamedTuple):
    """Two networks of any kinds side by side, as ``tick_both`` takes them.

    Attributes:
        numbers: Their numbers, (..., 2, 281), for which ``tick`` says the order.
        states: Their states, (..., 2, 281).
        kinds: Whether each is adaptive and whether it is recurrent, (2, 2).
    """

    numbers: Array
    states: Array
    kinds: NDArray[np.bool_]


def pack(*networks: tuple[AntisymmetricStructure, Array]) -> Networks:
    """Two networks at rest.

    Args:
        networks: Structure and numbers, (..., size), of each.
    """
    (_, first), _ = networks
    numbers = np.zeros((*first.shape[:-1], 2, _LARGEST))
    for k, (_, vectors) in enumerate(networks):
        numbers[..., k, : vectors.shape[-1] - 1] = vectors[..., :-1]
        numbers[..., k, -1] = vectors[..., -1]
    return Networks(
        numbers,
        np.stack([structure.rest(vectors) for structure, vectors in networks], axis=-2),
        np.array([(structure.adaptive, structure.recurrent) for structure, _ in networks]),
    )


@numba.njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _respond(
    values: Array, vectors: Array, states: Array, outputs: Array, adaptive: bool, recurrent: bool
) -> None:
    for i in numba.prange(len(vectors)):
        row = values[i] if len(values) > 1 else values[0]
        for t in range(len(row)):
            outputs[i, t] = tick(row[t], vectors[i], states[i], adaptive, recurrent)


def respond(structure: AntisymmetricStructure, vectors: Array, values: Array) -> Array:
    """What each of a population answers to an input over time, on all cores.

    Args:
        structure: Structure of all of them.
        vectors: Their numbers, (P, size).
        values: Input to each, (P, T), or the same for all, (T,).

    Returns:
        Outputs, (P, T), from rest on.

    Raises:
        ValueError: The shapes don't fit.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float64)
    values = np.ascontiguousarray(np.atleast_2d(values), dtype=np.float64)
    if vectors.ndim != 2 or vectors.shape[1] != structure.size:
        raise ValueError(f"expected networks (P, {structure.size}), got {vectors.shape}")
    if len(values) not in (1, len(vectors)):
        raise ValueError(f"expected 1 or {len(vectors)} inputs, got {len(values)}")
    outputs = np.empty((len(vectors), values.shape[1]))
    _respond(
        values, vectors, structure.rest(vectors), outputs, structure.adaptive, structure.recurrent
    )
    return outputs
