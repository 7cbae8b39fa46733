# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.spiking.compiled_network import NetworkSimulator, pack, respond
from neuro_control.spiking.network import Network, NetworkStructure, rest, step

KINDS = list(itertools.product([False, True], [False, True]))


def drawn(structure, rng, batch=()):
    """Networks as evolution starts from: uniform inside the paper's bounds."""
    bounds = {
        "encoder_weight": (-2, 2),
        "encoder_bias": (-1, 1),
        "encoder_threshold": (0, 10),
        "weight": (-2, 2),
        "threshold": (0, 10),
        "adaptation": (-1, 1),
        "recurrent_weight": (-1, 1),
        "readout": (-1, 1),
    }
    return Network(
        *(
            rng.uniform(*bounds.get(name, (0, 1)), (*batch, *shape))
            for name, shape in structure.shapes.items()
        )
    )


@given(st.sampled_from(KINDS), st.integers(0, 1000), st.integers(1, 12), st.integers(1, 12))
def test_compiled_and_in_numpy_a_network_answers_alike(kind, seed, encoders, hidden):
    structure = NetworkStructure(encoders, hidden, *kind)
    rng = np.random.default_rng(seed)
    network = drawn(structure, rng)
    simulator, state = NetworkSimulator(structure, network), rest(structure, network)
    for value in rng.normal(0, 5, 60):
        output, state = step(structure, network, value, state)
        assert simulator.step(value) == pytest.approx(float(output), abs=1e-9)
        expected = np.concatenate([state.encoders.spikes, state.hidden.spikes])
        np.testing.assert_array_equal(simulator.spikes, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_population_answers_as_each_of_it(kind):
    structure = NetworkStructure(40, 40, *kind)
    rng = np.random.default_rng(1)
    networks = drawn(structure, rng, (5,))
    packed = pack(structure, networks)
    values = rng.normal(0, 3, (5, 200))
    together = respond(structure, packed, values)
    same = respond(structure, packed, values[0])
    assert together.std() > 0
    for i in range(5):
        simulator = NetworkSimulator(structure, Network(*(part[i] for part in networks)))
        np.testing.assert_array_equal(together[i], [simulator.step(v) for v in values[i]])
        simulator.reset()
        np.testing.assert_array_equal(same[i], [simulator.step(v) for v in values[0]])


def test_a_simulator_is_back_at_rest_after_a_reset():
    structure = NetworkStructure(4, 6, adaptive=True, recurrent=True)
    simulator = NetworkSimulator(structure, drawn(structure, np.random.default_rng(2)))
    first = [simulator.step(3.0) for _ in range(30)]
    simulator.reset()
    assert [simulator.step(3.0) for _ in range(30)] == first


def test_what_does_not_fit_is_refused():
    structure = NetworkStructure(4, 6, adaptive=False, recurrent=False)
    network = drawn(structure, np.random.default_rng(3))
    with pytest.raises(ValueError, match=r"readout has the shape \(5,\), not \(6,\)"):
        pack(structure, network._replace(readout=np.zeros(5)))
    with pytest.raises(ValueError, match="not a batch"):
        NetworkSimulator(structure, drawn(structure, np.random.default_rng(3), (2,)))
    packed = pack(structure, drawn(structure, np.random.default_rng(3), (2,)))
    with pytest.raises(ValueError, match="expected networks"):
        respond(structure, packed[:, :-1], np.zeros(3))
    with pytest.raises(ValueError, match="expected 1 or 2 inputs, got 3"):
        respond(structure, packed, np.zeros((3, 4)))
