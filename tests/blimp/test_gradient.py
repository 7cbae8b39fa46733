# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="trainings need the extra 'train'")

import torch

from neuro_control.blimp.control import antisymmetric
from neuro_control.blimp.control.genome import NetworkDesign, load_network
from neuro_control.blimp.training import judging
from neuro_control.blimp.training.dataset import DataSet, cost, recordings
from neuro_control.blimp.training.gradient import Descent, advance, command
from neuro_control.blimp.training.judging import VALIDATION, flights, judge
from neuro_control.blimp.training.run import TrainingRun, train
from neuro_control.blimp.training.surrogate import NetworkState, loss, respond, spike
from neuro_control.errors import ConfigurationError

TINY = Descent("pd", "lif", steps=4, validate_every=2, batch=2, window=15)


@pytest.fixture
def short_flights(monkeypatch):
    """A few seconds of three flights."""

    def flown(term, seed, count, derivative_time):
        whole = recordings(term, seed, 3, derivative_time)
        return DataSet(whole.errors[:, :40], whole.targets[:, :40])

    monkeypatch.setattr(judging, "data_set", flown)


def lively(kind, seed=0):
    """A network of low thresholds."""
    structure = antisymmetric.AntisymmetricStructure(kind)
    vector = NetworkDesign("pd", kind).draw(np.random.default_rng(seed), 1)[0]
    parts = structure.parts(vector)
    for name in ("encoder_threshold", "threshold"):
        parts[name][:] /= 10.0
    return structure, vector


@pytest.mark.parametrize("kind", antisymmetric.KINDS)
def test_forward_it_is_the_network_that_flies_whatever_the_windows(kind):
    structure, vector = lively(kind)
    errors = np.random.default_rng(1).normal(0, 1.5, (3, 90))
    expected = antisymmetric.respond(structure, np.repeat(vector[None], 3, 0), errors)
    assert expected.std() > 0.1
    numbers = torch.from_numpy(vector)
    state, found = NetworkState.rest(structure, numbers, 3), []
    for window in np.split(errors, [40, 41], axis=1):
        outputs, state = respond(structure, numbers, torch.from_numpy(window), state.detached())
        found.append(outputs.numpy())
    np.testing.assert_allclose(np.concatenate(found, 1), expected, rtol=0, atol=1e-9)


def test_a_spike_is_a_step_forward_and_a_fast_sigmoid_backward():
    x = torch.tensor([-3.0, 0.0, 0.5], requires_grad=True)
    spikes = spike(x)
    assert spikes.tolist() == [0.0, 0.0, 1.0]
    spikes.sum().backward()
    np.testing.assert_allclose(x.grad, [1 / 16, 1.0, 1 / 2.25])


def test_the_read_outs_gradient_is_the_one_of_differences():
    # It comes after all spikes: here the surrogate plays no part, and the gradient is exact.
    structure, vector = lively("iwta-recurrent")
    errors = torch.from_numpy(np.random.default_rng(1).normal(0, 1.5, (2, 40)))
    targets = torch.linspace(-1, 1, 40, dtype=torch.float64).expand(2, 40)

    def value(numbers):
        state = NetworkState.rest(structure, numbers, 2)
        return loss(respond(structure, numbers, errors, state)[0], targets)

    numbers = torch.tensor(vector, requires_grad=True)
    value(numbers).backward()
    for index in (9 * antisymmetric.PAIRS, 10 * antisymmetric.PAIRS - 1, len(vector) - 1):
        step = torch.zeros(len(vector), dtype=torch.float64)
        step[index] = 1e-6
        difference = (
            value(torch.tensor(vector) + step) - value(torch.tensor(vector) - step)
        ) / 2e-6
        assert numbers.grad[index].item() == pytest.approx(difference.item(), rel=1e-4)
    # All other numbers of a network that spikes are reached as well.
    grads = structure.parts(numbers.grad)
    assert all((grads[name] != 0).any() for name in structure.shapes)


def test_its_loss_is_the_cost_of_evolution():
    outputs, targets = np.random.default_rng(0).normal(size=(2, 50))
    found = loss(torch.tensor(outputs), torch.tensor(targets))
    assert found.item() == pytest.approx(float(cost(outputs, targets)))


def run(descent, folder):
    made = TrainingRun(folder, descent)
    with ThreadPoolExecutor(1) as executor:
        (facts,) = train([made], advance, executor)
    return made, facts


@pytest.mark.parametrize("kind", ["lif", "iwta-recurrent"])
def test_a_descent_that_was_interrupted_comes_to_the_same_files_to_the_bit(
    kind, short_flights, tmp_path
):
    descent = dataclasses.replace(TINY, kind=kind)
    run(descent, tmp_path / "whole")
    run(dataclasses.replace(descent, steps=2), tmp_path / "halves")
    run(descent, tmp_path / "halves")
    names = sorted(p.name for p in (tmp_path / "whole").iterdir())
    assert names == ["checkpoint.safetensors", "curve.csv", "network.safetensors"]
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "halves" / name).read_bytes()


def test_networks_get_better_within_their_bounds(short_flights, tmp_path):
    descent = dataclasses.replace(TINY, steps=40, validate_every=20, learning_rate=0.02)
    _, facts = run(descent, tmp_path)
    genome, _ = load_network(tmp_path / "network.safetensors")
    start = genome.design.draw(np.random.default_rng([0, 1]), 1)
    before = judge(genome.design.structure, start, flights(descent, VALIDATION))[0][0]
    assert facts["validation"]["cost"] < 0.9 * before
    assert (genome.vector >= genome.design.bounds[0]).all()
    assert (genome.vector <= genome.design.bounds[1]).all()


def test_by_command_it_leaves_what_evolution_leaves(short_flights, tmp_path):
    options = ["--controller", "i", "--steps", "1", "--batch", "2", "--window", "20"]
    found = CliRunner().invoke(
        command, [*options, "--out", str(tmp_path), "--json", "-"], catch_exceptions=False
    )
    result = json.loads(found.stdout)
    assert result["parameters"] == 241
    assert result["runs"][0]["training"]["method"] == "Descent"
    assert load_network(tmp_path / "seed_0" / "network.safetensors")[0].design == NetworkDesign(
        "i", "iwta"
    )


@pytest.mark.parametrize(
    "changes", [{"batch": 0}, {"window": 1}, {"learning_rate": 0.0}, {"learning_rate": np.nan}]
)
def test_a_descent_that_cannot_be_is_refused(changes):
    with pytest.raises(ConfigurationError, match="a batch is at least 1"):
        dataclasses.replace(TINY, **changes)
