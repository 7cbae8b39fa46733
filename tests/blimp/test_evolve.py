# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Evolutions, tiny ones: what they leave, how they resume, what they refuse."""

import csv
import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("cma", reason="trainings need the extra 'train'")

from neuro_control import weights
from neuro_control.blimp.control.antisymmetric import respond
from neuro_control.blimp.control.genome import NetworkDesign, load_network
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.training import judging
from neuro_control.blimp.training.command import join
from neuro_control.blimp.training.dataset import DataSet, recordings
from neuro_control.blimp.training.evolve import Evolution, advance, command, search_of
from neuro_control.blimp.training.judging import TEST, VALIDATION, judge
from neuro_control.blimp.training.run import TrainingRun, train
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers

TINY = Evolution("pd", "lif", steps=6, population=6, validate_every=2)


@pytest.fixture
def short_flights(monkeypatch):
    """A few seconds of three flights, in this process."""

    def flown(term, seed, count, derivative_time):
        whole = recordings(term, seed, 3, derivative_time)
        return DataSet(whole.errors[:, :60], whole.targets[:, :60])

    monkeypatch.setattr(judging, "data_set", flown)


def run(evolution, folder):
    made = TrainingRun(folder, evolution)
    with ThreadPoolExecutor(1) as executor:
        (facts,) = train([made], advance, executor)
    return made, facts


def test_an_evolution_that_was_interrupted_comes_to_the_same_files_to_the_bit(
    short_flights, tmp_path
):
    _, facts = run(TINY, tmp_path / "whole")
    run(dataclasses.replace(TINY, steps=4), tmp_path / "halves")
    assert TrainingRun(tmp_path / "halves", TINY).done == 4
    _, resumed = run(TINY, tmp_path / "halves")
    assert resumed == facts
    names = ["checkpoint.safetensors", "curve.csv", "network.safetensors"]
    assert sorted(p.name for p in (tmp_path / "whole").iterdir()) == names
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "halves" / name).read_bytes()
    # Finished, it has nothing left to do.
    assert run(TINY, tmp_path / "whole")[1] == facts


def test_what_an_evolution_leaves_is_the_best_network_and_its_curve(short_flights, tmp_path):
    made, facts = run(TINY, tmp_path)
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 4, 6]
    costs = [float(row["cost"]) for row in rows]
    best = int(np.argmin(costs))
    genome, known = load_network(made.network)
    assert known == facts
    assert genome.design == NetworkDesign("pd", "lif")
    assert facts["step"] == [2, 4, 6][best]
    flights = judging.flights(TINY, VALIDATION)
    found = judge(genome.design.structure, genome.vector[None], flights)
    assert found[0][0] == pytest.approx(facts["validation"]["cost"])
    assert found[0][0] == pytest.approx(min(costs), rel=1e-5)
    assert float(rows[best]["mae"]) == pytest.approx(found[1][0], rel=1e-5)
    assert float(rows[best]["rho"]) == pytest.approx(found[2][0], rel=1e-4)
    assert facts["validation"]["cost"] == pytest.approx(
        facts["validation"]["mae"] + 1 - facts["validation"]["rho"]
    )
    test = judge(genome.design.structure, genome.vector[None], judging.flights(TINY, TEST))
    assert facts["test"]["cost"] == pytest.approx(test[0][0])


def test_networks_get_better(short_flights, tmp_path):
    evolution = dataclasses.replace(TINY, steps=80, population=20, validate_every=40)
    made, _ = run(evolution, tmp_path)
    first = search_of(evolution).mean
    flights = judging.flights(TINY, VALIDATION)
    before = judge(evolution.design.structure, first[None], flights)[0][0]
    assert made.arrays["curve"][:, 1].min() < 0.9 * before


def test_judging_is_the_mean_over_flights(short_flights):
    design = NetworkDesign("i", "iwta")
    vectors = design.draw(np.random.default_rng(0), 2)
    flights = judging.flights(dataclasses.replace(TINY, term="i"), TEST)
    costs, error, rho = judge(design.structure, vectors, flights)
    for p in range(2):
        errors = [
            np.abs(respond(design.structure, vectors[p : p + 1], e)[0] - t).mean()
            for e, t in zip(*flights, strict=True)
        ]
        assert error[p] == pytest.approx(np.mean(errors))
        assert costs[p] == pytest.approx(error[p] + 1 - rho[p])


def test_seeds_differ_and_where_the_work_is_done_does_not_matter(tmp_path):
    evolutions = [dataclasses.replace(TINY, seed=seed, steps=2) for seed in (0, 1)]
    here = [TrainingRun(tmp_path / f"here_{e.seed}", e) for e in evolutions]
    there = [TrainingRun(tmp_path / f"there_{e.seed}", e) for e in evolutions]
    with ThreadPoolExecutor(1) as executor:
        results = train(here, advance, executor, threads=1)
    done = []
    with workers(2) as executor:
        assert train(there, advance, executor, done.append, threads=1) == results
    assert (done[0], done[-1]) == (0, 4)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one.arrays["best"], other.arrays["best"])
    assert not np.array_equal(here[0].arrays["best"], here[1].arrays["best"])


def test_a_dask_cluster_does_the_work_as_well(tmp_path):
    distributed = pytest.importorskip("distributed", reason="a cluster needs the extra 'cluster'")
    evolution = dataclasses.replace(TINY, steps=4)
    here, facts = run(evolution, tmp_path / "here")
    there = TrainingRun(tmp_path / "there", evolution)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        workers(cluster=cluster.scheduler_address) as executor,
    ):
        assert train([there], advance, executor, threads=1) == [facts]
    np.testing.assert_array_equal(here.arrays["best"], there.arrays["best"])


def test_a_stretch_ends_at_the_next_point_of_the_curve_or_at_the_end(short_flights):
    evolution = dataclasses.replace(TINY, steps=3)
    first = advance(evolution, {})
    second = advance(evolution, first)
    assert first["curve"][:, 0].tolist() == [2]
    assert second["curve"][:, 0].tolist() == [2, 3]


def test_another_evolution_in_the_same_folder_is_refused_and_nothing_is_lost(
    short_flights, tmp_path
):
    run(TINY, tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(ConfigurationError, match=r"another training \(kind, seed differ\)"):
        TrainingRun(tmp_path, dataclasses.replace(TINY, seed=1, kind="iwta"))
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before
    (tmp_path / "checkpoint.safetensors").write_bytes(before[:-20])
    with pytest.raises(ConfigurationError, match=r"checkpoint\.safetensors is damaged"):
        TrainingRun(tmp_path, TINY)
    arrays = {"mean": np.zeros(3)}
    weights.write(tmp_path / "checkpoint.safetensors", "blimp network", arrays, {})
    with pytest.raises(ConfigurationError, match="holds blimp network, not a training of the"):
        TrainingRun(tmp_path, TINY)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"term": "x"}, "no term 'x': there are pd, i"),
        ({"kind": "x"}, "no structure 'x': there are lif"),
        ({"steps": 0}, "at least one step, .* not 0 and 2"),
        ({"derivative_time": -1.0}, "derivative's time constant is 0 s or more, not -1"),
        ({"population": 3}, "a population is at least 4, not 3"),
    ],
)
def test_an_evolution_that_cannot_be_is_refused(changes, says):
    with pytest.raises(ConfigurationError, match=says):
        dataclasses.replace(TINY, **changes)


OPTIONS = ["--generations", "2", "--population", "4", "--validate-every", "1", "--jobs", "1"]


def commanded(*options):
    found = CliRunner().invoke(command, [*OPTIONS, "--json", "-", *options], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_by_command_both_networks_make_a_controller(short_flights, tmp_path):
    pd = commanded("--controller", "pd", "--structure", "lif", "--out", str(tmp_path / "pd"))
    assert pd["parameters"] == 201
    assert pd["runs"][0]["training"]["steps"] == 2
    both = commanded(
        *("--controller", "i", "--runs", "2", "--seed", "4", "--out", str(tmp_path / "i")),
        *("--partner", pd["network"]),
    )
    assert sorted(p.name for p in (tmp_path / "i").iterdir()) == [
        "controller.safetensors",
        "seed_4",
        "seed_5",
    ]
    assert [each["training"]["seed"] for each in both["runs"]] == [4, 5]
    costs = [each["validation"]["cost"] for each in both["runs"]]
    assert both["network"].endswith(f"seed_{4 + int(np.argmin(costs))}/network.safetensors")
    made = SpikingController.load(tmp_path / "i" / "controller.safetensors")
    assert (made.pd.design, made.integral.design) == (
        NetworkDesign("pd", "lif"),
        NetworkDesign("i", "iwta"),
    )
    np.testing.assert_array_equal(
        made.integral.vector, load_network(Path(both["network"]))[0].vector
    )
    assert made.facts["pd"] == pd["runs"][0]


def test_two_networks_for_the_same_part_make_no_controller(short_flights, tmp_path):
    network = commanded("--controller", "pd", "--out", str(tmp_path / "pd"))["network"]
    with pytest.raises(ConfigurationError, match="is for 'pd' too: give the other part"):
        commanded("--controller", "pd", "--out", str(tmp_path / "x"), "--partner", network)
    with pytest.raises(ConfigurationError, match="both for 'pd': give one for each of pd, i"):
        join(Path(network), Path(network), tmp_path / "x.safetensors")
    assert not (tmp_path / "x").exists()
