# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""One expert as its authors simulate it, in Brian2: a reference for tests alone.

Source: Hussaini, Milford and Fischer, Ensembles of Compact, Region-specific and Regularized
Spiking Neural Networks for Scalable Place Recognition (arXiv 2209.08723), and the equations of
their code, QVPR/VPRSNN, non_modular_snn/snn_model.py (MIT). Differences: input spikes are given
instead of drawn, and connections without a weight are left out.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pytest

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls pyparsing by names that pyparsing has renamed
        import brian2 as b2
# Brian2 up to 2.9, the last for Python 3.11, ends in an AttributeError beside NumPy 2.4.
except (ImportError, AttributeError) as error:
    pytest.skip(f"Brian2 can't be imported: {error}", allow_module_level=True)

STEP_S = 1e-4

_EXCITATORY = """
    dv/dt = ((v_rest_e - v) + (I_synE + I_synI) / nS) / (100*ms) : volt (unless refractory)
    I_synE = ge * nS * -v              : amp
    I_synI = gi * nS * (-100.*mV - v)  : amp
    dge/dt = -ge / (1.0*ms)            : 1
    dgi/dt = -gi / (0.5*ms)            : 1
    dtimer/dt = 0.1                    : second
"""
_INHIBITORY = """
    dv/dt = ((v_rest_i - v) + (I_synE + I_synI) / nS) / (10*ms) : volt (unless refractory)
    I_synE = ge * nS * -v              : amp
    I_synI = gi * nS * (-85.*mV - v)   : amp
    dge/dt = -ge / (1.0*ms)            : 1
    dgi/dt = -gi / (0.5*ms)            : 1
"""
_TRACES = """
    w : 1
    post2before : 1
    dprees/dt = -prees / (20*ms) : 1 (event-driven)
    dpost1/dt = -post1 / (20*ms) : 1 (event-driven)
    dpost2/dt = -post2 / (40*ms) : 1 (event-driven)
"""
_ON_PRE = """
    ge_post += w
    prees = 1.0
    w = clip(w + 0.0001 * post1, 0, 1.0)
"""
_ON_POST = """
    post2before = post2
    w = clip(w + 0.01 * prees * post2before, 0, 1.0)
    post1 = 1.0
    post2 = 1.0
"""


class Outcome(NamedTuple):
    """What the expert did.

    Attributes:
        spikes: Step and number of each spike of an excitatory neuron, (S, 2), sorted.
        inhibitory_spikes: The same of inhibitory neurons.
        weights: Weights at the end, (K, N).
        theta_mv: Adaptive part of the thresholds at the end, (N,), mV.
        membrane_mv: Of the excitatory neurons after each step, (steps, N), mV.
    """

    spikes: np.ndarray
    inhibitory_spikes: np.ndarray
    weights: np.ndarray
    theta_mv: np.ndarray
    membrane_mv: np.ndarray


def simulate(weights, theta_mv, delays, steps, inputs, *, until, learn=False, rescale_at=()):
    """Let one expert answer recorded input spikes.

    It starts as the authors' runs do: membranes 40 mV below rest, conductances, traces and the
    timers 0.

    Args:
        weights: From input to excitatory neurons, (K, N).
        theta_mv: Adaptive part of the thresholds, (N,), mV.
        delays: From input to excitatory neurons, (K, N), whole steps; 0 arrives in its own step.
        steps: Step of each input spike, (S,); an input spikes once a step at most.
        inputs: Number of the input of each, (S,).
        until: Steps to simulate, of 0.1 ms.
        learn: Whether weights and thresholds learn.
        rescale_at: Steps before which each neuron's weights are rescaled to sum 78.
    """
    count, neurons = weights.shape
    with_theta = "dtheta/dt = -theta / (1e7*ms) : volt" if learn else "theta : volt"
    reset = "v = v_reset_e; timer = 0*ms" + ("; theta += 0.05*mV" if learn else "")
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = STEP_S * b2.second
    constants = {
        "v_rest_e": -65 * b2.mV,
        "v_reset_e": -65 * b2.mV,
        "v_rest_i": -60 * b2.mV,
        "v_reset_i": -45 * b2.mV,
    }
    pixels = b2.SpikeGeneratorGroup(count, inputs, np.asarray(steps) * STEP_S * b2.second)
    excitatory = b2.NeuronGroup(
        neurons,
        _EXCITATORY + with_theta,
        threshold="(v > (theta - 20*mV + -52*mV)) and (timer > 5*ms)",
        refractory=5 * b2.ms,
        reset=reset,
        method="euler",
        namespace=constants,
    )
    inhibitory = b2.NeuronGroup(
        neurons,
        _INHIBITORY,
        threshold="v > -40*mV",
        refractory=2 * b2.ms,
        reset="v = v_reset_i",
        method="euler",
        namespace=constants,
    )
    excitatory.v, inhibitory.v = (-65 - 40) * b2.mV, (-60 - 40) * b2.mV
    excitatory.theta = theta_mv * b2.mV
    feed = b2.Synapses(
        pixels,
        excitatory,
        _TRACES if learn else "w : 1",
        on_pre=_ON_PRE if learn else "ge_post += w",
        on_post=_ON_POST if learn else None,
    )
    feed.connect()
    feed.w = weights[feed.i, feed.j]
    feed.delay = delays[feed.i, feed.j] * STEP_S * b2.second
    relay = b2.Synapses(excitatory, inhibitory, on_pre="ge_post += 10.4")
    relay.connect(j="i")
    rivalry = b2.Synapses(inhibitory, excitatory, on_pre="gi_post += 17.0")
    rivalry.connect(condition="i != j")
    fired, answered = b2.SpikeMonitor(excitatory), b2.SpikeMonitor(inhibitory)
    membrane = b2.StateMonitor(excitatory, "v", record=True, when="end")
    network = b2.Network(
        pixels, excitatory, inhibitory, feed, relay, rivalry, fired, answered, membrane
    )
    begin = 0
    for end in [*rescale_at, until]:
        network.run((end - begin) * STEP_S * b2.second)
        begin = end
        if end != until:
            matrix = np.zeros((count, neurons))
            matrix[feed.i, feed.j] = feed.w
            feed.w = (matrix * (78 / matrix.sum(axis=0)))[feed.i, feed.j]
    final = np.zeros((count, neurons))
    final[feed.i, feed.j] = feed.w
    return Outcome(
        _events(fired),
        _events(answered),
        final,
        np.asarray(excitatory.theta / b2.mV),
        np.asarray(membrane.v / b2.mV).T,
    )


def _events(monitor):
    steps = np.rint(np.asarray(monitor.t) / STEP_S).astype(int)
    pairs = np.stack([steps, np.asarray(monitor.i)], axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
