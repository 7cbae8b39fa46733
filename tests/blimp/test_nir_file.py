# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The blimp's networks leave as NIR, run in snnTorch with the same spikes, and come back."""

import numpy as np
import pytest

from neuro_control import resources
from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.errors import ConfigurationError
from neuro_control.spiking import nir_files
from tests.blimp.test_spiking_controller import PAIRS_OF_KINDS, controller

nir = pytest.importorskip("nir")
snntorch = pytest.importorskip("snntorch")
torch = pytest.importorskip("torch")

from neuro_control.spiking.nir_snntorch import NIRRunner  # noqa: E402  # needs both


def errors(count):
    """Set-points that change now and then, followed with some noise: errors of a flight, m."""
    rng = np.random.default_rng(4)
    steps = np.repeat(rng.uniform(-1.5, 1.5, count // 50 + 1), 50)[:count]
    return steps * np.exp(-np.arange(count) % 50 / 20) + rng.normal(0, 0.02, count)


def assert_runs_alike(made, path, count):
    made.save(path, {"seed": 0})
    runner = NIRRunner(nir.read(path))
    made.reset()
    # Neurons 2k of the file are the + ones of ours, which come first.
    order = np.concatenate([np.arange(0, 40, 2), np.arange(1, 40, 2)])
    names = [f"{term}.{layer}" for term in ("pd", "i") for layer in ("encoders", "hidden")]
    fired = 0
    for error in errors(count):
        command = made.step(error)
        answer = runner(torch.tensor([error])).item()
        assert np.clip(answer, -made.limit, made.limit) == pytest.approx(command, abs=1e-9)
        spikes = np.concatenate([runner.values[name].numpy()[order] for name in names])
        np.testing.assert_array_equal(spikes, made.spikes)
        fired += spikes.sum()
    assert fired > count  # silence would be no test


@pytest.mark.parametrize("kinds", PAIRS_OF_KINDS)
def test_drawn_networks_spike_alike_in_snntorch(tmp_path, kinds):
    assert_runs_alike(controller(kinds), tmp_path / "drawn.nir", 60)


def test_the_networks_that_fly_spike_alike_in_snntorch(tmp_path):
    made = SpikingController.load(resources.find_file("config/weights", "blimp_snn.safetensors"))
    assert_runs_alike(made, tmp_path / "flies.nir", 150)


@pytest.mark.parametrize("kinds", PAIRS_OF_KINDS)
def test_networks_come_back_and_answer_alike(tmp_path, kinds):
    made = controller(kinds, facts={"seed": 3})
    path = tmp_path / "there.nir"
    made.save(path, made.facts)
    back = make_law(str(path))
    assert back.facts == made.facts
    assert back.limit == made.limit
    np.testing.assert_allclose(back.pd.vector, made.pd.vector, rtol=0, atol=1e-12)
    np.testing.assert_allclose(back.integral.vector, made.integral.vector, rtol=0, atol=1e-12)
    for error in errors(100):
        assert back.step(error) == pytest.approx(made.step(error), abs=1e-9)
        np.testing.assert_array_equal(back.spikes, made.spikes)


def test_a_decay_of_one_leaves_and_comes_back():
    constant = nir_files.time_constant(np.array([0.0, 0.5, 1.0]), 0.1)
    assert np.isfinite(constant).all()
    np.testing.assert_allclose(nir_files.decay(constant, 0.1), [0.0, 0.5, 1.0], atol=1e-11)


def test_files_that_hold_no_controller_are_refused(tmp_path):
    path = tmp_path / "other.nir"
    path.write_bytes(b"no HDF5")
    with pytest.raises(ConfigurationError, match="damaged or no file of NIR"):
        SpikingController.load(path)
    nodes = {"a": nir.Input(np.array([1])), "b": nir.Output(np.array([1]))}
    nir_files.write(path, nodes, [("a", "b")], {"step": 0.1})
    with pytest.raises(ConfigurationError, match="holds no controller of a blimp"):
        SpikingController.load(path)
    with pytest.raises(ConfigurationError, match=r"no file .*missing\.nir"):
        SpikingController.load(tmp_path / "missing.nir")
    with pytest.raises(ConfigurationError, match=r"ends in \.nir"):
        nir_files.write(tmp_path / "a.h5", nodes, [("a", "b")], {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: graph.nodes.pop("pd.readout"), "pd.readout is NoneType"),
        (lambda graph: graph.metadata.update(step=0.01), "ticks of 0.01 s"),
        (
            lambda graph: graph.nodes["i.hidden"].metadata.pop("reset"),
            "i.hidden are reset to a voltage",
        ),
        (
            lambda graph: graph.nodes["pd.synapses"].weight.__setitem__((0, 0), 1.9),
            "not made of mirrored pairs",
        ),
        (
            lambda graph: graph.nodes["pd.hidden"].v_threshold.__setitem__(slice(None), 99.0),
            "threshold of a network for pd lies between 0 and 10",
        ),
    ],
)
def test_a_network_of_another_kind_is_refused(tmp_path, change, message):
    path = tmp_path / "changed.nir"
    controller().save(path, {})
    graph = nir.read(path)
    graph.edges = [e for e in graph.edges if "readout" not in "".join(e)]
    change(graph)
    nir.write(path, graph)
    with pytest.raises(ConfigurationError, match=message):
        SpikingController.load(path)
