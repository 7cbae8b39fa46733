# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import sys

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.stdp.batch_simulator import BatchSimulator, make_present
from neuro_control.places.control.stdp.encoding import InputSpikes, encode
from neuro_control.places.control.stdp.expert import PAPER, RETINAL, Expert
from neuro_control.places.control.stdp.presentation import ExpertState
from tests.places.ensembles import recogniser_of, small
from tests.places.textures import textures


@pytest.fixture(autouse=True)
def package():
    torch = pytest.importorskip("torch", reason="devices are torch's")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more than one for so little work wait for each other
    yield
    torch.set_num_threads(threads)


def simulator(expert, weights, delays, device="cpu"):
    from neuro_control.places.control.stdp.torch_simulator import TorchSimulator

    return TorchSimulator(expert, weights, delays, device)


def both(expert, weights, thresholds, spikes, delays):
    """Counts and drive of compiled experts, and of torch's."""
    compiled = BatchSimulator(expert).respond(ExpertState(weights, thresholds, delays), spikes)
    return compiled, simulator(expert, weights, delays).respond(spikes, thresholds)


@pytest.mark.parametrize("kind", [PAPER, RETINAL], ids=["paper", "retinal"])
def test_torch_gives_the_compiled_experts_spikes_and_drive(kind):
    expert = dataclasses.replace(kind, inputs=196, neurons=45, weight_sum=20.0)
    rng = np.random.default_rng(0)
    delays = expert.input_delays(rng)
    levels = textures(8, side=14).reshape(8, -1) / 255
    weights = levels[rng.integers(0, 8, (3, 45))].transpose(0, 2, 1) ** 2
    weights = np.stack([expert.scaled(each.astype(np.float32) + 0.01) for each in weights])
    drive = 20 * 0.5 * 63.75e-3 * expert.conductance
    thresholds = (-65 / (1 + drive) + 72 - rng.uniform(2, 12, (3, 45))).astype(np.float32)
    same = total = 0
    for image in levels.astype(np.float32):
        spikes = encode(63.75 * image, expert, rng)
        compiled, torchs = both(expert, weights, thresholds, spikes, delays)
        np.testing.assert_allclose(torchs[1], compiled[1], rtol=1e-4)
        same += (torchs[0] == compiled[0]).sum()
        total += compiled[0].sum()
    assert total > 300
    # A voltage that rounding alone holds over or under a threshold changes what follows.
    assert same >= 0.99 * 8 * 3 * 45


def test_each_delay_inhibition_and_silence_are_those_of_compiled_experts():
    # Few inputs, so strong that nothing hangs on rounding: counts are equal, all of them.
    expert = Expert(inputs=3, neurons=42, conductance=200.0, inhibition=2e-3)
    weights = np.random.default_rng(1).choice([0.0, 0.4, 0.9], (2, 3, 42)).astype(np.float32)
    steps = np.array([5, 5, 9, 120, 121, 300, 690, 699])
    inputs = np.array([0, 0, 1, 2, 0, 1, 2, 2])
    spikes = InputSpikes.of(steps, inputs, expert.steps, 3)
    thresholds = np.full((2, 42), 20, np.float32)
    compiled, torchs = both(expert, weights, thresholds, spikes, np.array([0, 11, 20]))
    np.testing.assert_array_equal(torchs[0], compiled[0])
    np.testing.assert_allclose(torchs[1], compiled[1], rtol=1e-6)
    assert len(np.unique(compiled[0])) > 2
    nothing = InputSpikes.of(steps[:0], inputs[:0], expert.steps, 3)
    counts, drive = simulator(expert, weights, np.zeros(3, int)).respond(nothing, thresholds)
    assert not counts.any()
    assert not drive.any()


def test_a_recogniser_on_a_device_scores_as_one_on_the_cores():
    images = textures(10)[:5]
    cores = recogniser_of(small(), mode="spiking").scores(images)
    device = recogniser_of(small(), mode="spiking", device="cpu").scores(images)
    np.testing.assert_array_equal(device.argmax(axis=1), cores.argmax(axis=1))
    assert np.isclose(device, cores).mean() > 0.95
    again = recogniser_of(small(), mode="spiking", device="cpu").scores(images)
    np.testing.assert_array_equal(again, device)


@pytest.mark.parametrize("name", ["gpu of mine", "cuda:77", "meta"])
def test_a_device_that_torch_lacks_is_refused(name):
    with pytest.raises(ConfigurationError, match=f"torch has no device '{name}' here .*: give cpu"):
        recogniser_of(small(), mode="spiking", device=name)


def test_without_torch_it_is_told_what_to_install(monkeypatch):
    monkeypatch.delitem(
        sys.modules, "neuro_control.places.control.stdp.torch_simulator", raising=False
    )
    monkeypatch.setitem(sys.modules, "torch", None)
    weights = np.zeros((1, 784, 400), np.float32)
    with pytest.raises(ConfigurationError, match=r"pip install 'neuro_control\[train\]'"):
        make_present(weights, PAPER, 0, "cpu")
