# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from neuro_control import weights
from neuro_control.blimp.control.antisymmetric import KINDS
from neuro_control.blimp.control.genome import (
    Genome,
    NetworkDesign,
    load_network,
    save_network,
)
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.errors import ConfigurationError
from neuro_control.spiking.compiled_network import NetworkSimulator
from neuro_control.spiking.network import Network

PAIRS_OF_KINDS = [("lif", "iwta"), ("lif-recurrent", "iwta-recurrent")]


def genome(term, kind, seed=0):
    """A lively network: thresholds are drawn from the lowest tenth of what is allowed."""
    design = NetworkDesign(term, kind)
    vector = design.draw(np.random.default_rng(seed), 1)[0]
    parts = design.structure.parts(vector)
    for name in ("encoder_threshold", "threshold"):
        parts[name][:] /= 10.0
    return Genome(design, vector)


def controller(kinds=("lif", "iwta"), **options):
    return SpikingController(genome("pd", kinds[0]), genome("i", kinds[1], 1), **options)


def flight(count=300):
    return np.random.default_rng(2).normal(0, 1.5, count)


def runners(made):
    """Both networks written out, which run without knowing of pairs."""
    return [
        NetworkSimulator(g.design.structure.expanded, Network(*g.design.structure.expand(g.vector)))
        for g in (made.pd, made.integral)
    ]


@pytest.mark.parametrize("kinds", PAIRS_OF_KINDS)
def test_the_command_is_the_sum_of_both_networks_and_its_spikes_are_theirs(kinds):
    made = controller(kinds)
    pd, integral = runners(made)
    total, operations = 0, 0
    # Neurons 2k of a network written out are the + ones, 2k + 1 the − ones.
    order = np.concatenate([np.arange(0, 40, 2), np.arange(1, 40, 2)])
    order = np.concatenate([order, 40 + order])
    for error in flight():
        expected = pd.step(error) + integral.step(error)
        assert made.step(error) == pytest.approx(np.clip(expected, -10, 10), abs=1e-9)
        spikes = np.concatenate([pd.spikes[order], integral.spikes[order]])
        np.testing.assert_array_equal(made.spikes, spikes)
        total += int(spikes.sum())
        for runner, genome_ in ((pd, made.pd), (integral, made.integral)):
            structure = genome_.design.structure
            network = Network(*structure.expand(genome_.vector))
            # What a spike of each neuron adds to: all weights that are not structurally zero.
            fan_in = [network.weight] + [network.adaptation] * structure.adaptive
            encoders = sum((w != 0).sum(axis=1) for w in fan_in)
            hidden = 1 + (network.recurrent_weight != 0).sum(axis=1)
            operations += int(runner.spikes[:40] @ encoders + runner.spikes[40:] @ hidden)
    assert made.ticks == 300
    assert made.spike_count == total > 1000
    assert made.synaptic_operations == operations


def test_it_is_odd_and_limited_and_reset_forgets_the_past():
    made, mirrored = controller(limit=0.5), controller(limit=0.5)
    first = [made.step(e) for e in flight()]
    assert [mirrored.step(-e) for e in flight()] == [-u for u in first]
    assert max(first) == 0.5
    assert made.spike_count == mirrored.spike_count
    made.reset()
    assert (made.ticks, made.spike_count, made.synaptic_operations) == (0, 0, 0)
    assert not made.spikes.any()
    assert [made.step(e) for e in flight()] == first


@pytest.mark.parametrize("error", [float("nan"), float("inf")])
def test_an_error_that_is_no_number_never_reaches_the_neurons(error):
    made, other = controller(), controller()
    made.step(1.0)
    with pytest.raises(ValueError, match="the error is"):
        made.step(error)
    other.step(1.0)
    assert made.step(0.5) == other.step(0.5)


@pytest.mark.parametrize("kinds", PAIRS_OF_KINDS)
def test_a_file_brings_back_the_controller(kinds, tmp_path):
    path = tmp_path / "new" / "blimp.safetensors"
    made = controller(kinds, limit=7.0)
    made.save(path, {"seed": 3})
    found = SpikingController.load(path)
    assert found.facts == {"seed": 3}
    assert (found.limit, found.pd.design, found.integral.design) == (
        7.0,
        NetworkDesign("pd", kinds[0]),
        NetworkDesign("i", kinds[1]),
    )
    assert [found.step(e) for e in flight()] == [made.step(e) for e in flight()]
    assert [p.name for p in path.parent.iterdir()] == ["blimp.safetensors"]


def test_a_file_brings_back_a_network(tmp_path):
    path = tmp_path / "network.safetensors"
    made = genome("i", "iwta")
    save_network(path, made, {"cost": 0.5})
    found, facts = load_network(path)
    assert found.design == made.design
    np.testing.assert_array_equal(found.vector, made.vector)
    assert facts == {"cost": 0.5}


def altered(path, change):
    """The controller's file after ``change(arrays, facts)``."""
    controller().save(path, {})
    arrays, facts = weights.read(path, "blimp controller")
    change(arrays, facts)
    weights.write(path, "blimp controller", arrays, facts)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a, f: a.pop("pd/readout"), r"readout has the shape of nothing, where a lif netw"),
        (lambda a, f: a.update({"pd/readout": np.zeros(3)}), r"\(3,\), where a lif network has"),
        (lambda a, f: a.update({"pd/adaptation": np.zeros(20)}), "network has none"),
        (lambda a, f: a.update({"x": np.zeros(2)}), "it holds x besides the two networks"),
        (lambda a, f: a["i/threshold"].__setitem__(1, 11.0), "lies between 0 and 10, not at 11"),
        (lambda a, f: a["i/readout_decay"].fill(0.4), "between 0 and 0.3, not at 0.4"),
        (lambda a, f: a["pd/threshold"].fill(np.nan), "not finite"),
        (lambda a, f: f["kinds"].update(pd="x"), "no structure 'x': there are lif"),
        (lambda a, f: f["kinds"].update(pd="iwta"), "where a iwta network has"),
        (lambda a, f: f.pop("kinds"), "which kind its networks are"),
        (lambda a, f: f.update(limit="x"), "a number above 0, not x"),
        (lambda a, f: f.update(limit=-1), "a number above 0, not -1"),
    ],
)
def test_a_file_that_is_not_a_controllers_is_refused_by_what_is_wrong(change, says, tmp_path):
    path = tmp_path / "blimp.safetensors"
    altered(path, change)
    with pytest.raises(ConfigurationError, match=says) as refusal:
        SpikingController.load(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_network_and_a_controller_are_not_taken_for_one_another(tmp_path):
    path = tmp_path / "x.safetensors"
    save_network(path, genome("pd", "lif"), {})
    with pytest.raises(ConfigurationError, match="holds blimp network, not blimp controller"):
        SpikingController.load(path)
    controller().save(path, {})
    with pytest.raises(ConfigurationError, match="holds blimp controller, not blimp network"):
        load_network(path)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigurationError, match="no term 'x': there are pd, i"):
        NetworkDesign("x", "lif")
    with pytest.raises(ConfigurationError, match="for 'i' stands where one for 'pd' belongs"):
        SpikingController(genome("i", "lif"), genome("i", "lif"))
    with pytest.raises(ConfigurationError, match="limit"):
        controller(limit=0.0)
    with pytest.raises(ConfigurationError, match="has 201 numbers, not the shape"):
        SpikingController(Genome(NetworkDesign("pd", "lif"), np.zeros(3)), genome("i", "lif"))


def test_bounds_are_those_of_the_paper_and_draws_lie_within():
    for term, largest in (("pd", 1.0), ("i", 0.3)):
        design = NetworkDesign(term, "iwta-recurrent")
        lower, upper = (design.structure.parts(each) for each in design.bounds)
        assert (lower["encoder_weight"] == -2).all()
        assert (upper["threshold"] == 10).all()
        assert (lower["trace_decay"] == 0).all()
        assert upper["readout_decay"] == largest
        drawn = design.draw(np.random.default_rng(0), 500)
        assert (drawn >= design.bounds[0]).all()
        assert (drawn <= design.bounds[1]).all()
        np.testing.assert_allclose(drawn.mean(axis=0), np.mean(design.bounds, axis=0), atol=0.8)
    assert set(KINDS) == {"lif", "lif-recurrent", "iwta", "iwta-recurrent"}


def test_opposite_errors_exchange_the_membrane_potentials_of_each_pair():
    up, down = controller(), controller()
    for error in flight(40):
        up.step(error)
        down.step(-error)
        layers = up.potentials.reshape(4, 2, 20)
        assert np.array_equal(layers[:, ::-1], down.potentials.reshape(4, 2, 20))
    # In this order its own neurons, encoders of PD first: those are driven by the error alone.
    assert up.potentials.shape == up.spikes.shape
    assert not np.array_equal(layers[0, 0], layers[0, 1])
