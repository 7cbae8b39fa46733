# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Population neurons: one voltage sets the activity of a whole population, without spikes.

There are two kinds: rhythm generators, which a persistent sodium current makes burst, and all
others, which follow their synapses. The functions are compiled and scalar, state in and state out.
Potentials are in mV, conductances in nS, times in ms, as in the source: Danner, Shevtsova, Frigon
and Rybak,
"Computational modeling of spinal circuits controlling limb coordination and gaits in quadrupeds"
(eLife 2017;6:e31050), Materials and methods; the persistent sodium current is that of Butera,
Rinzel and Smith (J. Neurophysiol. 82:382, 1999).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba

# Reversal potentials of sodium, excitation and inhibition, mV; capacitance, pF.
SODIUM, EXCITATION, INHIBITION = 50.0, -10.0, -75.0
CAPACITANCE = 10.0
# A population is silent below the first and fully active above the second, mV.
THRESHOLD, SATURATION = -50.0, 0.0
# Activation and inactivation of the persistent sodium current: half-way potential and slope, mV.
_ACTIVATION, _INACTIVATION = (-40.0, 6.0), (-45.0, 4.0)
# Time constant of the inactivation: the shortest and the longest, ms; potential at which it is
# longest, and width, mV.
_QUICKEST, _SLOWEST, _SLOWEST_AT, _WIDTH = 80.0, 160.0, -35.0, 15.0


class Kind(NamedTuple):
    """Constants of a kind of population.

    Attributes:
        leak: Conductance of the leak, nS.
        rest: Potential towards which the leak pulls, mV.
        sodium: Greatest conductance of the persistent sodium current, nS; 0 for none.
    """

    leak: float
    rest: float
    sodium: float


HALF_CENTRE = Kind(leak=4.5, rest=-62.5, sodium=4.5)
INTERNEURON = Kind(leak=2.8, rest=-60.0, sodium=0.0)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def activity(voltage: float) -> float:
    """Activity of a population, 0 to 1: f(V) = (V − V_thr) / (V_max − V_thr), cut off."""
    return min(max((voltage - THRESHOLD) / (SATURATION - THRESHOLD), 0.0), 1.0)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def gates(voltage: float) -> tuple[float, float, float]:
    """Activation of persistent sodium, its steady inactivation, and its time constant, ms.

    m_∞ = 1 / (1 + exp(−(V + 40) / 6)), h_∞ = 1 / (1 + exp((V + 45) / 4)),
    τ_h = 80 + 80 / cosh((V + 35) / 15).
    """
    activation = 1.0 / (1.0 + math.exp(-(voltage - _ACTIVATION[0]) / _ACTIVATION[1]))
    inactivation = 1.0 / (1.0 + math.exp((voltage - _INACTIVATION[0]) / _INACTIVATION[1]))
    bell = 1.0 / math.cosh((voltage - _SLOWEST_AT) / _WIDTH)
    return activation, inactivation, _QUICKEST + (_SLOWEST - _QUICKEST) * bell


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def population(
    voltage: float, inactivation: float, kind: Kind,
    excitation: float, inhibition: float, step: float,
) -> tuple[float, float]:  # fmt: skip
    """A step of a population.

    C dV/dt = g_L (E_L − V) + g_NaP m_∞(V) h (E_Na − V) + g_E (E_E − V) + g_I (E_I − V),
    τ_h(V) dh/dt = h_∞(V) − h. With all conductances held over the step both are linear, and the
    step is exact (exponential Euler): no synapse, however strong, can make it overshoot.

    Args:
        voltage: V, mV.
        inactivation: h, 0 to 1; unused without sodium.
        kind: Constants of the population.
        excitation: Conductance of all excitatory synapses g_E, nS.
        inhibition: Conductance of all inhibitory synapses g_I, nS.
        step: Length of the step, ms.

    Returns:
        Voltage and inactivation after the step.
    """
    total = kind.leak + excitation + inhibition
    drawn = kind.leak * kind.rest + excitation * EXCITATION + inhibition * INHIBITION
    if kind.sodium > 0.0:
        activation, steady, constant = gates(voltage)
        sodium = kind.sodium * activation * inactivation
        total += sodium
        drawn += sodium * SODIUM
        inactivation = steady + (inactivation - steady) * math.exp(-step / constant)
    drawn /= total
    return drawn + (voltage - drawn) * math.exp(-step * total / CAPACITANCE), inactivation
