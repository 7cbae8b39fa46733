# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trainings, short ones: what they leave, how they go on, what they refuse."""

import csv
import dataclasses
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError

pytest.importorskip("torch", reason="trainings need the extra 'train'")

from neuro_control import weights
from neuro_control.learning.executors import workers
from neuro_control.swimmer.control import policy
from neuro_control.swimmer.control.policy import find_policy
from neuro_control.swimmer.training.run import Training, read_curve
from neuro_control.swimmer.training.train import train
from tests.bench import wait_until

# As short as can be: three links, and a point of the curve every few thousand steps.
PPO = Training("ppo", "ncap", links=3, steps=2 * 4096, learning_rate=0.05, evaluate_every=4096)
ARS = Training("ars", "ncap", links=3, steps=12_000, population=4, evaluate_every=4000)
TRAININGS = {
    "ppo": PPO,
    "ppo mlp": dataclasses.replace(PPO, policy="mlp-64", learning_rate=3e-4),
    "ddpg": dataclasses.replace(PPO, algorithm="ddpg", steps=1600, evaluate_every=1200),
    "cmaes": dataclasses.replace(
        ARS, algorithm="cmaes", policy="ncap-extended", delays=(0, 3), starts=2, steps=32_000
    ),
}


@pytest.fixture(autouse=True)
def few_held_out_starts(monkeypatch):
    monkeypatch.setattr("neuro_control.swimmer.training.run._HELD_OUT", [1_000_000, 1_000_001])


def run(training, folder):
    with ThreadPoolExecutor(1) as executor:
        return train(training, folder, executor)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_that_was_interrupted_comes_to_the_same_to_the_bit(name, tmp_path):
    training = TRAININGS[name]
    whole = run(training, tmp_path / "whole")
    # The first half ends at a checkpoint, as an interrupted training is taken up from one.
    half = dataclasses.replace(training, steps=int(read_curve(tmp_path / "whole")[0][-2]))
    run(half, tmp_path / "halves")
    assert read_curve(tmp_path / "halves")[0][-1] == half.steps
    resumed = run(training, tmp_path / "halves")
    np.testing.assert_array_equal(resumed.vector, whole.vector)
    for one, other in zip(
        read_curve(tmp_path / "whole"), read_curve(tmp_path / "halves"), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(whole.vector, training.design().initial(np.random.default_rng(0)))
    again = run(training, tmp_path / "whole")
    np.testing.assert_array_equal(again.vector, whole.vector)


def command(folder, *options):
    return [
        *(sys.executable, "-m", "neuro_control.cli", "train", "swimmer"),
        *("--algorithm", "ars", "--links", "3", "--steps", "48000", "--out", str(folder)),
        *options,
    ]


def test_a_training_that_was_killed_goes_on_to_the_same_by_the_same_command(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = subprocess.Popen(command(killed), stderr=subprocess.DEVNULL)
    wait_until(
        lambda: (killed / "curve.csv").is_file() and len(read_curve(killed)[0]) > 1,
        "the training has written two rows of its curve",
        timeout=60,
    )
    process.kill()
    process.wait()
    assert 0 < read_curve(killed)[0][-1] < 48_000
    found = [
        json.loads(
            subprocess.run(
                command(folder, "--json", "-"), capture_output=True, text=True, check=True
            ).stdout
        )
        for folder in (killed, whole)
    ]
    assert found[0].pop("policy") == str(killed / "policy.safetensors")
    assert found[1].pop("policy") == str(whole / "policy.safetensors")
    assert found[0] == found[1]
    assert found[0]["parameters"] == 4
    for name in ("curve.csv", "policy.safetensors"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--links", "2"], "3 to 100 links, not 2"),
        (["--policy", "mlp-64", "--algorithm", "cmaes"], "too many numbers"),
        (["--policy", "x"], "'x' is not one of"),
        (["--cluster", "nonsense"], "no dask scheduler at 'nonsense'"),
        (["--out", "/proc/no/where"], "/proc/no"),
    ],
)
def test_a_command_that_cannot_be_done_is_told_in_one_line(options, says, tmp_path):
    done = subprocess.run(command(tmp_path, *options), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith("error: ")
    assert says in line


def test_what_a_training_leaves_can_be_read_and_swims(tmp_path):
    found = run(ARS, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint.safetensors",
        "curve.csv",
        "policy.safetensors",
        "tensorboard",
    ]
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    steps, returns = read_curve(tmp_path)
    assert [int(row["steps"]) for row in rows] == steps.tolist() == [0, 4000, 8000, 12_000]
    assert [float(r["return_mean"]) for r in rows] == pytest.approx(returns.tolist(), abs=1e-3)
    design, vector = find_policy(str(tmp_path / "policy.safetensors"), 3)
    assert design == found.design
    np.testing.assert_array_equal(vector, found.vector)
    assert policy.load(tmp_path / "policy.safetensors").facts["training"]["seed"] == 0
    assert list((tmp_path / "tensorboard").iterdir())


def test_seeds_differ_and_where_the_work_is_done_does_not_matter(tmp_path):
    training = dataclasses.replace(ARS, population=12, steps=12_000)
    here = run(training, tmp_path / "here").vector
    with workers(2) as executor:
        there = train(training, tmp_path / "there", executor).vector
    np.testing.assert_array_equal(here, there)
    other = run(dataclasses.replace(training, seed=1), tmp_path / "other").vector
    assert not np.array_equal(here, other)


def test_a_dask_cluster_does_the_work_as_well(tmp_path):
    distributed = pytest.importorskip("distributed", reason="a cluster needs the extra 'cluster'")
    here = run(ARS, tmp_path / "here").vector
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        workers(cluster=cluster.scheduler_address) as executor,
    ):
        there = train(ARS, tmp_path / "there", executor).vector
    np.testing.assert_array_equal(here, there)


def test_a_cluster_that_is_not_there_is_told():
    with (
        pytest.raises(ConfigurationError, match="no dask scheduler at 'tcp://127"),
        workers(cluster="tcp://127.0.0.1:1"),
    ):
        pass


def test_another_training_in_the_same_folder_is_refused_and_nothing_is_lost(tmp_path):
    run(ARS, tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(ConfigurationError, match=r"another training \(seed differ\)"):
        run(dataclasses.replace(ARS, seed=1), tmp_path)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize("damage", ["truncated", "foreign", "not finite"])
def test_a_damaged_checkpoint_is_refused(damage, tmp_path):
    run(dataclasses.replace(ARS, steps=4000), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "foreign":
        path.write_bytes((tmp_path / "policy.safetensors").read_bytes())
    else:
        arrays, facts = weights.read(path, "a training of the swimmer")
        arrays["mean"][0] = np.nan
        weights.write(path, "a training of the swimmer", arrays, facts)
    with pytest.raises(ConfigurationError, match=r"checkpoint\.safetensors"):
        run(ARS, tmp_path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"algorithm": "x"}, "no algorithm 'x': there are ppo, ddpg, ars, cmaes"),
        ({"policy": "x"}, "no policy 'x'"),
        ({"links": 2}, "3 to 100 links, not 2"),
        ({"steps": 0}, "at least 1"),
        ({"learning_rate": float("nan")}, "a number above 0"),
        ({"delays": (0, -1)}, "0 or more"),
        ({"algorithm": "ppo", "policy": "ncap-extended"}, "no gradient"),
        ({"algorithm": "ppo", "delays": (3,)}, "only ars and cmaes"),
        ({"algorithm": "cmaes", "policy": "mlp-64"}, "too many numbers"),
        ({"optimiser": "exponentiated"}, "under ppo and ddpg"),
        ({"algorithm": "ppo", "optimiser": "exponentiated", "signed": False}, "signed circuits"),
    ],
)
def test_a_training_that_cannot_be_is_refused_with_what_would_be_right(changes, says):
    with pytest.raises(ConfigurationError, match=says):
        dataclasses.replace(ARS, **changes)
