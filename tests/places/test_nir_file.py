# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A place expert leaves as NIR, runs in snnTorch with the same spikes, and comes back."""

import dataclasses

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.places.control import nir_file
from neuro_control.places.control.stdp.constants import step_constants
from neuro_control.places.control.stdp.encoding import encode
from neuro_control.places.control.stdp.expert import RETINAL
from neuro_control.places.control.stdp.presentation import ExpertState, Record, present
from neuro_control.spiking import nir_files

nir = pytest.importorskip("nir")
snntorch = pytest.importorskip("snntorch")
torch = pytest.importorskip("torch")

from neuro_control.spiking.nir_snntorch import NIRRunner  # noqa: E402  # needs both

EXPERT = dataclasses.replace(RETINAL, inputs=98, neurons=30, presentation=0.1, conductance=8.0)


def state(expert, seed=0):
    rng = np.random.default_rng(seed)
    weights = expert.scaled(expert.initial_weights(rng))
    thresholds = rng.uniform(8.0, 14.0, expert.neurons).astype(np.float32)
    return ExpertState(weights, thresholds, expert.input_delays(rng))


def raster_of(expert, made, spikes):
    """Steps and neurons of all spikes, as the package simulates them."""
    counts = np.zeros(expert.neurons, np.int32)
    raster = np.full((4000, 2), -1)
    record = Record(np.zeros(expert.neurons, np.float32), counts, raster)
    present(made, spikes, step_constants(expert), False, record)
    return raster[: counts.sum()]


def raster_in_snntorch(expert, path, spikes):
    runner = NIRRunner(nir.read(path), torch.float32)
    found = []
    for t in range(expert.steps):
        fired = np.bincount(spikes.inputs[spikes.first[t] : spikes.first[t + 1]],
                            minlength=expert.inputs)  # fmt: skip
        answer = runner(torch.as_tensor(fired))
        found += [(t, int(j)) for j in torch.nonzero(answer).ravel()]
    return np.array(found)


def test_every_spike_of_an_expert_comes_in_the_same_step_in_snntorch(tmp_path):
    made = state(EXPERT)
    spikes = encode(np.full(EXPERT.inputs, 40.0), EXPERT, np.random.default_rng(1))
    nir_file.write(tmp_path / "expert.nir", EXPERT, made)
    expected = raster_of(EXPERT, made, spikes)
    assert len(expected) > 30
    alone = dataclasses.replace(EXPERT, from_inhibitory=0.0)
    assert not np.array_equal(raster_of(alone, made, spikes), expected)  # inhibition counts
    np.testing.assert_array_equal(
        raster_in_snntorch(EXPERT, tmp_path / "expert.nir", spikes), expected
    )


def test_an_expert_comes_back_as_it_left(tmp_path):
    made = state(EXPERT)
    nir_file.write(tmp_path / "expert.nir", EXPERT, made)
    expert, back = nir_file.read(tmp_path / "expert.nir")
    assert expert == EXPERT
    np.testing.assert_array_equal(back.weights, made.weights)
    np.testing.assert_array_equal(back.delays, made.delays)
    np.testing.assert_allclose(back.thresholds, made.thresholds, atol=1e-5)


def test_a_file_of_something_else_is_no_expert(tmp_path):
    nodes = {"a": nir.Input(np.array([1])), "b": nir.Output(np.array([1]))}
    nir_files.write(tmp_path / "other.nir", nodes, [("a", "b")], {"step": 0.1})
    with pytest.raises(ConfigurationError, match="holds no place expert"):
        nir_file.read(tmp_path / "other.nir")
