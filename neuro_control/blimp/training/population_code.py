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
    "d_lowest": (0.002, 0.02, 0.008),
    "d_highest": (0.3, 1.5, 0.7),
    "d_power": (0.7, 3.0, 1.7),
    "p_lowest": (0.002, 0.05, 0.01),
    "p_highest": (0.3, 1.5, 0.8),
    "p_power": (0.7, 3.0, 1.7),
    # Proportional gain, per m, and derivative gain, per m/s.
    "proportional_low": (0.0, 40.0, 15.7),
    "proportional_mid": (0.0, 40.0, 12.1),
    "proportional_high": (0.0, 40.0, 8.4),
    "derivative_low": (0.0, 60.0, 28.3),
    "derivative_mid": (0.0, 60.0, 22.0),
    "derivative_high": (0.0, 60.0, 26.4),
    # Time of the traces, s; the part of the largest trace from which the opposite neuron fires.
    "lead_time_low": (0.1, 1.5, 0.3),
    "lead_time_high": (0.1, 1.5, 0.39),
    "slow_threshold": (0.15, 0.9, 0.4),
    "pd_memory": (0.0, 0.9, 0.001),
    "pd_smoothing": (0.0, 0.9, 0.4),
    # The same of the integral: levels, m, gain, per m s.
    "i_lowest": (0.001, 0.02, 0.00101),
    "i_highest": (0.05, 1.0, 0.0808),
    "i_power": (0.7, 3.0, 2.09),
    "integral_low": (0.0, 6.0, 3.13),
    "integral_mid": (0.0, 6.0, 2.93),
    "integral_high": (0.0, 6.0, 3.58),
    # Part of a current that leaks in a tick, and part of that which is given back; memory of the
    # voltages; how far an active neuron holds its opposite down, of the leak.
    "leak": (0.0005, 0.1, 0.000536),
    "balance": (0.5, 1.5, 0.915),
    "i_memory": (0.5, 1.0, 1.0),
    "opposition": (0.0, 5.0, 0.469),
    # How far the thresholds of the integral's pairs differ, lest they fire all at once.
    "dispersion": (0.0, 0.8, 0.3),
    # Largest command of the integral.
    "reach": (8.0, 16.0, 10.5),
    "i_smoothing": (0.0, 0.3, 0.286),
    # IWTA: memory of the traces, and how thresholds follow them.
    "trace_decay": (0.0, 1.0, 0.354),
    "adaptation": (-0.3, 0.3, 0.0276),
}


# Pairs of the PD that answer changes; the others answer the error. The base of their thresholds is
# far below what a spike brings, so that adaptation makes opposite neurons fire and silences none.
_PHASIC, _BASE = 14, 0.2


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


def _encode(parts: dict[str, Array], pairs: slice, levels: Array) -> None:
    """Let encoders fire above ``levels``."""
    weight = np.minimum(2.0, 1.0 / levels)
    parts["encoder_weight"][pairs] = weight
    parts["encoder_bias"][pairs] = -weight * levels


def _pd(code: Numbers) -> dict[str, Array]:
    parts = {name: np.zeros(shape) for name, shape in PD.structure.shapes.items()}
    phasic, tonic = slice(0, _PHASIC), slice(_PHASIC, PAIRS)
    levels, widths = _levels(code, "d", _PHASIC)
    times = _profile(code, "lead_time", _PHASIC)
    _encode(parts, phasic, levels)
    parts["readout"][phasic] = _profile(code, "derivative", _PHASIC) / times * widths
    keep = np.exp(-CONTROL_PERIOD / times)
    parts["trace_decay"][phasic] = keep
    parts["adaptation"][phasic] = -(1.0 - keep) * _BASE / code["slow_threshold"]
    levels, widths = _levels(code, "p", PAIRS - _PHASIC)
    _encode(parts, tonic, levels)
    parts["readout"][tonic] = _profile(code, "proportional", PAIRS - _PHASIC) * widths
    parts["trace_decay"][tonic] = 0.5
    parts["readout"] = np.minimum(parts["readout"], FULL_COMMAND)
    parts["weight_same"][:], parts["threshold"][:] = 2.0, _BASE
    parts["voltage_decay"][:] = code["pd_memory"]
    parts["readout_decay"] = np.array(code["pd_smoothing"])
    return parts


def _integral(code: Numbers) -> dict[str, Array]:
    parts = {name: np.zeros(shape) for name, shape in INTEGRAL.structure.shapes.items()}
    levels, widths = _levels(code, "i", PAIRS)
    _encode(parts, slice(None), levels)
    readout, leak = code["reach"] / PAIRS, code["leak"]
    count = np.minimum(_profile(code, "integral", PAIRS) * widths * CONTROL_PERIOD / readout, 1.0)
    parts["weight_same"][:], parts["weight_cross"][:] = count, -count
    # Neighbours in level are far apart in threshold: multiples of the golden section are spread.
    places = np.arange(PAIRS) * 0.618034 % 1.0 - 0.5
    threshold = 1.0 + code["dispersion"] * places
    parts["weight_same"][:] *= threshold
    parts["weight_cross"][:] *= threshold
    parts["current_decay"][:] = 1.0 - leak
    parts["recurrent_same"][:] = leak * code["balance"] * threshold
    parts["recurrent_cross"][:] = -leak * code["opposition"] * threshold
    parts["voltage_decay"][:], parts["threshold"][:] = code["i_memory"], threshold
    parts["readout"][:] = readout
    parts["trace_decay"][:], parts["adaptation"][:] = code["trace_decay"], code["adaptation"]
    parts["readout_decay"] = np.array(code["i_smoothing"])
    return parts
