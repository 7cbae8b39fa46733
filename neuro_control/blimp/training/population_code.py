# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Spiking controllers written down as population codes of a PID: where tuning starts.

Encoders are a population code of the error: each fires from a level of its own on, in every tick,
and not below (a threshold of 0 and no memory). Between two levels an answer does not change, so a
level stands for the errors about it, and what a PID would add between two levels becomes the weight
of one. Gains may differ from level to level, which a PID's can't.

*PD.* Some pairs answer the error. The others answer its changes, by the adaptation of their
thresholds: the neuron of the error's sign fires as soon as its encoder does; the trace of the
encoder's spikes lowers the threshold of the opposite neuron below 0, so that some time later it
fires as well, and their difference is none. When the encoder falls silent the first neuron does at
once and the opposite later: D (e − late e) / T, T the time of the traces, a lead element.

*I.* Each pair counts the spikes of its level, those of its opposite negatively, in the current of
its hidden neuron, which leaks, and whose own spikes give back what leaks away: a line attractor, as
in Seung (PNAS 93, 1996, p. 13339). It keeps any rate between 0 and 1 spike a tick, and above 1
nothing more is given back, so that an integral can't wind up far beyond its range.

A code is some thirty numbers, which CMA-ES tunes with all their correlations in a tenth of the
flights that the four hundred numbers of the networks take.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.antisymmetric import PAIRS
from neuro_control.blimp.control.genome import NetworkDesign
from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND

Array = NDArray[np.float64]
Numbers = dict[str, float]

PD, INTEGRAL = NetworkDesign("pd", "iwta"), NetworkDesign("i", "iwta-recurrent")

# Numbers of a code: least, largest, and where tuning starts. Those that end in low, mid and high
# are for the lowest, the middle and the highest level, and interpolated between them.
CODE: dict[str, tuple[float, float, float]] = {
    # Levels of the encoders for D and for P, m, and the power with which they spread between them.
    "d_lowest": (0.002, 0.02, 0.00463),
    "d_highest": (0.3, 1.5, 0.911),
    "d_power": (0.7, 3.0, 1.67),
    "p_lowest": (0.002, 0.05, 0.00454),
    "p_highest": (0.3, 1.5, 0.762),
    "p_power": (0.7, 3.0, 1.73),
    # Proportional gain, per m, and derivative gain, per m/s.
    "proportional_low": (0.0, 40.0, 13.4),
    "proportional_mid": (0.0, 40.0, 14.2),
    "proportional_high": (0.0, 40.0, 12.4),
    "derivative_low": (0.0, 60.0, 23.6),
    "derivative_mid": (0.0, 60.0, 22.5),
    "derivative_high": (0.0, 60.0, 26.0),
    # Time of the traces, s; the part of the largest trace from which the opposite neuron fires.
    "lead_time_low": (0.1, 1.5, 0.254),
    "lead_time_high": (0.1, 1.5, 0.496),
    "slow_threshold": (0.15, 0.9, 0.421),
    "pd_memory": (0.0, 0.9, 0.00583),
    "pd_smoothing": (0.0, 0.9, 0.249),
    # The same of the integral: levels, m, gain, per m s.
    "i_lowest": (0.001, 0.02, 0.00221),
    "i_highest": (0.05, 1.0, 0.0611),
    "i_power": (0.7, 3.0, 2.68),
    "integral_low": (0.0, 6.0, 1.58),
    "integral_mid": (0.0, 6.0, 2.39),
    "integral_high": (0.0, 6.0, 1.8),
    # Part of a current that leaks in a tick, and part of that which is given back; memory of the
    # voltages; how far an active neuron holds its opposite down, of the leak.
    "leak": (0.002, 0.1, 0.00279),
    "balance": (0.8, 1.2, 1.01),
    "i_memory": (0.5, 1.0, 0.987),
    "opposition": (0.0, 5.0, 1.58),
    # How far the thresholds of the integral's pairs differ, lest they fire all at once.
    "dispersion": (0.0, 0.8, 0.395),
    # Largest command of the integral.
    "reach": (8.0, 16.0, 9.7),
    "i_smoothing": (0.0, 0.3, 0.298),
    # IWTA: memory of the traces, and how thresholds follow them.
    "trace_decay": (0.0, 1.0, 0.126),
    "adaptation": (-0.3, 0.3, 0.0891),
}


# Pairs of the PD that answer changes; the others answer the error. The base of their thresholds is
# far below what a spike brings, so that adaptation makes opposite neurons fire and silences none.
_PHASIC, _BASE = (10, 6), 0.2


def networks(vectors: Array) -> tuple[Array, Array]:
    """Vectors (P, size) of the networks for PD and I that codes (P, numbers) stand for."""
    codes = [dict(zip(CODE, vector.tolist(), strict=True)) for vector in vectors]
    pd = [PD.structure.vector(_pd(code)) for code in codes]
    integral = [INTEGRAL.structure.vector(_integral(code)) for code in codes]
    return np.array(pd), np.array(integral)


def _levels(code: Numbers, term: str, count: int) -> tuple[Array, Array]:
    """Levels of encoders, m, and the width of the errors that each stands for, each (count,)."""
    lowest, highest, power = (code[f"{term}_{name}"] for name in ("lowest", "highest", "power"))
    levels = lowest + (highest - lowest) * np.linspace(0.0, 1.0, count) ** power
    middles = (levels[1:] + levels[:-1]) / 2
    edges = np.concatenate([[0.0], middles, [levels[-1] + (levels[-1] - levels[-2]) / 2]])
    return levels, np.diff(edges)


def _profile(code: Numbers, name: str, count: int) -> Array:
    """A number for each level, (count,)."""
    places = [place for place in ("low", "mid", "high") if f"{name}_{place}" in code]
    known = np.linspace(0.0, 1.0, len(places))
    values = [code[f"{name}_{place}"] for place in places]
    return np.interp(np.linspace(0.0, 1.0, count), known, values)


def _phasic(code: Numbers, network: int) -> dict[str, Array]:
    """Parts of the pairs of a network, 0 for PD and 1 for I, that answer changes."""
    count = sum(_PHASIC)
    # Neighbours in level lie in both networks, as evenly as their numbers allow.
    mine = (np.arange(count) * _PHASIC[1] // count) != (
        (np.arange(count) + 1) * _PHASIC[1] // count
    )
    mine = mine if network else ~mine
    levels, widths = _levels(code, "d", count)
    times = _profile(code, "lead_time", count)
    keep = np.exp(-CONTROL_PERIOD / times)
    parts = {
        **_encoders(levels),
        "readout": np.minimum(_profile(code, "derivative", count) / times * widths, FULL_COMMAND),
        "trace_decay": keep,
        "adaptation": -(1.0 - keep) * _BASE / code["slow_threshold"],
        "weight_same": np.full(count, 2.0),
        "threshold": np.full(count, _BASE),
        "voltage_decay": np.full(count, code["pd_memory"]),
    }
    return {name: values[mine] for name, values in parts.items()}


def _encoders(levels: Array) -> dict[str, Array]:
    """Parts of encoders that fire above ``levels``."""
    weight = np.minimum(2.0, 1.0 / levels)
    return {"encoder_weight": weight, "encoder_bias": -weight * levels}


def _pd(code: Numbers) -> dict[str, Array]:
    """Parts of the network for PD: pairs that answer changes, then those that answer the error."""
    count = PAIRS - _PHASIC[0]
    levels, widths = _levels(code, "p", count)
    tonic = {
        **_encoders(levels),
        "readout": np.minimum(_profile(code, "proportional", count) * widths, FULL_COMMAND),
        "trace_decay": np.full(count, 0.5),
        "weight_same": np.full(count, 2.0),
        "threshold": np.full(count, _BASE),
        "voltage_decay": np.full(count, code["pd_memory"]),
    }
    return _joined(PD, _phasic(code, 0), tonic, code["pd_smoothing"])


def _integral(code: Numbers) -> dict[str, Array]:
    """Parts of the network for I: pairs that answer changes, then the line attractors."""
    count = PAIRS - _PHASIC[1]
    levels, widths = _levels(code, "i", count)
    readout, leak = code["reach"] / count, code["leak"]
    each = np.minimum(_profile(code, "integral", count) * widths * CONTROL_PERIOD / readout, 1.0)
    # Neighbours in level are far apart in threshold: multiples of the golden section are spread.
    places = np.arange(count) * 0.618034 % 1.0 - 0.5
    threshold = 1.0 + code["dispersion"] * places
    attractors = {
        **_encoders(levels),
        "weight_same": each * threshold,
        "weight_cross": -each * threshold,
        "current_decay": np.full(count, 1.0 - leak),
        "recurrent_same": leak * code["balance"] * threshold,
        "recurrent_cross": -leak * code["opposition"] * threshold,
        "voltage_decay": np.full(count, code["i_memory"]),
        "threshold": threshold,
        "readout": np.full(count, readout),
        "trace_decay": np.full(count, code["trace_decay"]),
        "adaptation": np.full(count, code["adaptation"]),
    }
    return _joined(INTEGRAL, _phasic(code, 1), attractors, code["i_smoothing"])


def _joined(
    design: NetworkDesign, first: dict[str, Array], second: dict[str, Array], smoothing: float
) -> dict[str, Array]:
    """Parts of a network of two kinds of pairs; what neither names is 0."""
    parts = {name: np.zeros(shape) for name, shape in design.structure.shapes.items()}
    split = len(first["readout"])
    for name, values in first.items():
        parts[name][:split] = values
    for name, values in second.items():
        parts[name][split:] = values
    return {**parts, "readout_decay": np.array(smoothing)}
