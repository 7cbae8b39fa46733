# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Leaky integrate-and-fire neurons whose synapses are conductances, as a pure function.

Conductances are in units of the leak's conductance. Source: Diehl and Cook, Unsupervised learning
of digit recognition using spike-timing-dependent plasticity (2015), equations 1 and 2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class ConductanceLIF(NamedTuple):
    """Constants of a kind of neuron.

    Attributes:
        membrane: Time constant, s.
        rest: Voltage towards which the leak pulls, mV.
        reset: Voltage after a spike, mV.
        excitation: Reversal voltage of excitatory synapses, mV.
        inhibition: Reversal voltage of inhibitory synapses, mV.
        refractory: Time for which the voltage stays where it is after a spike, s.
    """

    membrane: float
    rest: float
    reset: float
    excitation: float
    inhibition: float
    refractory: float


class ConductanceState(NamedTuple):
    """State of neurons, each (..., n).

    Attributes:
        voltage: Voltage of the membrane, mV.
        excitation: Conductance of excitatory synapses, relative to the leak's.
        inhibition: Conductance of inhibitory synapses, relative to the leak's.
    """

    voltage: Array
    excitation: Array
    inhibition: Array

    @classmethod
    def at_rest(cls, shape: tuple[int, ...], neuron: ConductanceLIF) -> ConductanceState:
        """State of neurons that have received no input yet."""
        return cls(np.full(shape, neuron.rest), np.zeros(shape), np.zeros(shape))


def conductance_lif(
    state: ConductanceState,
    neuron: ConductanceLIF,
    step: float,
    excitation_decay: float,
    inhibition_decay: float,
) -> ConductanceState:
    """A step of the membrane between spikes.

    τ dv/dt = (v_rest − v) + g_e (E_e − v) + g_i (E_i − v), τ_e dg_e/dt = −g_e,
    τ_i dg_i/dt = −g_i. The conductances decay exactly, and their mean over the step acts on the
    voltage, which takes an implicit Euler step: no conductance, however strong, can make it
    overshoot.

    Args:
        state: State before the step.
        neuron: Constants of the neurons.
        step: Length of the step, s.
        excitation_decay: Time constant τ_e, s.
        inhibition_decay: Time constant τ_i, s.

    Returns:
        State after the step.
    """
    kept_e, kept_i = np.exp(-step / excitation_decay), np.exp(-step / inhibition_decay)
    g_e = state.excitation * (excitation_decay * (1 - kept_e) / step)
    g_i = state.inhibition * (inhibition_decay * (1 - kept_i) / step)
    k = step / neuron.membrane
    drawn = neuron.rest + g_e * neuron.excitation + g_i * neuron.inhibition
    voltage = (state.voltage + k * drawn) / (1 + k * (1 + g_e + g_i))
    return ConductanceState(voltage, state.excitation * kept_e, state.inhibition * kept_i)
