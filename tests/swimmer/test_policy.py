# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.policy import (
    CircuitDesign,
    MLPDesign,
    Policy,
    find_policy,
    from_facts,
    load,
    observation_scale,
    save,
    to_facts,
)
from neuro_control.swimmer.evaluation.evaluate import score
from neuro_control.swimmer.simulation.rollout import SwimConditions, individuals

DESIGNS = [
    CircuitDesign(5),
    CircuitDesign(5, own=True, random=True),
    CircuitDesign(5, extended=True),
    CircuitDesign(5, own=True, commands=True),
    CircuitDesign(5, signed=False, proprioception=False, oscillator=False),
    MLPDesign(5),
    MLPDesign(3, hidden=(8,), activation="relu", bounded=True),
]


def test_sizes_are_those_of_the_paper():
    assert CircuitDesign(5).size == 4
    assert CircuitDesign(5, own=True).size == 30
    assert CircuitDesign(5, extended=True).size == 6
    assert CircuitDesign(5, own=True, commands=True).size == 30 + 2 * 10
    assert MLPDesign(5).size == 6021
    assert MLPDesign(5, hidden=(256, 256)).size == 73221


@given(
    joints=st.integers(2, 14),
    own=st.booleans(),
    extended=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_a_population_acts_as_the_circuits_it_is_made_of(joints, own, extended, seed):
    rng = np.random.default_rng(seed)
    design = CircuitDesign(joints, own=own, random=True, extended=extended)
    vectors = np.stack([design.initial(rng) for _ in range(3)])
    if extended:
        vectors[:, -2:] = rng.normal(0, 1, (3, 2))
    act = design.act(vectors, 2)
    circuits = [design.circuit(vector) for vector in vectors for _ in range(2)]
    for step in range(100):
        angles = rng.uniform(-2, 2, (6, joints))
        expected = [circuit.step(row) for circuit, row in zip(circuits, angles, strict=True)]
        np.testing.assert_allclose(act(angles, step), expected, atol=1e-12)


def test_a_file_of_a_policy_may_hold_weights_of_the_commands_joint_by_joint(tmp_path):
    design = CircuitDesign(5, own=True, commands=True)
    vector = design.initial(np.random.default_rng(0))
    design.parts(vector)["turn"][1, 0] = 0.25
    save(tmp_path / "own.safetensors", Policy(design, vector, {}))
    found, numbers = find_policy(str(tmp_path / "own.safetensors"), 6)
    circuit = found.circuit(numbers, turn_joints=2)
    np.testing.assert_array_equal(circuit.step(np.zeros(5), turn=-0.8), [0.8, -0.8, 0, 0, 0])


def test_a_perceptron_by_hand():
    # One hidden unit: it sees the first joint alone, and moves the second.
    design = MLPDesign(2, hidden=(1,))
    parts = design.parts(np.zeros(design.size))
    parts["weight_0"][0, 0] = 2.0
    parts["bias_0"][0] = 0.5
    parts["weight_1"][0, 1] = 3.0
    parts["bias_1"][1] = -1.0
    vector = np.concatenate([part.ravel() for part in parts.values()])
    observations = np.zeros((2, len(observation_scale(2))))
    observations[1, 0] = -0.25
    actions = design.act(vector[None], 2)(observations, 0)
    np.testing.assert_allclose(actions, [[0.0, 3 * np.tanh(0.5) - 1], [0.0, -1.0]])


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_a_design_survives_json_and_its_policy_a_file(design, tmp_path):
    assert from_facts(json.loads(json.dumps(to_facts(design)))) == design
    vector = np.random.default_rng(0).normal(size=design.size)
    save(tmp_path / "p.safetensors", Policy(design, vector, {"seed": 7}))
    found = load(tmp_path / "p.safetensors")
    assert found.design == design
    assert found.facts == {"seed": 7}
    np.testing.assert_array_equal(found.vector, vector)


def test_parts_of_the_wrong_shape_are_refused(tmp_path):
    path = tmp_path / "p.safetensors"
    design = CircuitDesign(5)
    parts = design.parts(np.ones(4))
    parts["ipsilateral"] = np.ones((2, 5))
    weights.write(path, "a policy of the swimmer", parts, {"design": to_facts(design)})
    with pytest.raises(ConfigurationError, match=r"shapes .*\(2, 5\).* not "):
        load(path)


@pytest.mark.parametrize(
    "facts", [{}, {"kind": "x"}, {"kind": "mlp", "nonsense": 3}, {"kind": "mlp"}]
)
def test_facts_that_tell_no_design_are_refused(facts, tmp_path):
    path = tmp_path / "p.safetensors"
    weights.write(path, "a policy of the swimmer", {"a": np.ones(1)}, {"design": facts})
    with pytest.raises(ConfigurationError, match="no design of a policy"):
        load(path)


def test_shared_weights_fit_any_body_and_others_their_own(tmp_path):
    for design, says in (
        (CircuitDesign(5, own=True), "--links 6"),
        (MLPDesign(5), "trained on 6 links"),
    ):
        path = tmp_path / "p.safetensors"
        save(path, Policy(design, np.zeros(design.size), {}))
        assert find_policy(str(path), 6)[0] == design
        with pytest.raises(ConfigurationError, match=says):
            find_policy(str(path), 8)
    save(path, Policy(CircuitDesign(5), np.ones(4), {}))
    assert find_policy(str(path), 8)[0].joints == 7


def test_delay_costs_what_was_measured_with_the_authors_circuit():
    # 802 without and 655 with five control steps of delay.
    late = score("ncap", 6, "swim", 10, conditions=SwimConditions(delay=5))["return_mean"]
    assert late == pytest.approx(655, abs=15)


def test_noise_a_thicker_medium_and_a_lost_sensor_change_the_run_and_the_seed_decides():
    plain = score("ncap", 6, "swim", 2)["returns"]
    for conditions in (
        SwimConditions(noise=0.1),
        SwimConditions(density=2.0),
        SwimConditions(lost_joint=2),
    ):
        found = score("ncap", 6, "swim", 2, conditions=conditions)["returns"]
        assert found != plain
        assert score("ncap", 6, "swim", 2, conditions=conditions)["returns"] == found


def test_a_joint_that_is_not_there_cannot_be_lost():
    with pytest.raises(ConfigurationError, match="no joint 6: the body has 5"):
        score("ncap", 6, "swim", 1, conditions=SwimConditions(lost_joint=6))


def test_ablated_circuits_swim_as_measured_with_the_authors_circuit():
    # A start without an oscillator is worth 1 to 142, so that ten of them vary by 15.
    seeds = list(range(10))
    for design, expected, spread in (
        (CircuitDesign(5, proprioception=False), 131, 25),
        (CircuitDesign(5, oscillator=False), 53, 45),
    ):
        vector = design.initial(np.random.default_rng(0))
        found = individuals(design, vector[None], seeds).returns
        assert found.shape == (1, 10)
        assert found.mean() == pytest.approx(expected, abs=spread)
