# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The commands that make data sets and train, one after another as a user has them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.cli.scenario import find_command
from neuro_control.errors import ConfigurationError
from neuro_control.files import read_csv
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.training import command
from neuro_control.quart.training.command import read_size
from neuro_control.quart.training.data import pictures

NETWORK = "--network image=32,channels=8/8/8,words=8,hidden=16"


def run(verb, name, arguments):
    """Result of a command, as ``--json -`` prints it."""
    command = find_command(verb, name)
    done = CliRunner().invoke(command, f"{arguments} --json -", catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """24 moments of 32 × 32 pixels."""
    folder = tmp_path_factory.mktemp("data") / "moments"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "PART", 24)
        made = run("generate", "quard", f"--moments 24 --pixels 32 --jobs 1 --out {folder}")
    assert made["folder"] == str(folder)
    return folder


def test_data_are_made_a_policy_is_trained_and_resumed_and_then_evaluated(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(command, "_LOGGED", 1)
    out = tmp_path / "training"
    train = f"--data {data} --batch 8 {NETWORK} --out {out}"
    assert run("train", "quart", f"{train} --updates 3")["updates"] == 3
    first = (out / "checkpoint.safetensors").read_bytes()
    result = run("train", "quart", f"{train} --updates 5")
    assert result["updates"] == 5
    assert result["moments"] == 24
    assert result["loss"] > 0.0
    assert (out / "checkpoint.safetensors").read_bytes() != first
    assert list((out / "tensorboard").iterdir())
    curve = read_csv(out / "learning_curve.csv")
    assert [row[0] for row in curve] == ["updates", "1", "2", "3", "4", "5"]
    # A further round starts from the weights that the first one has come to.
    further = f"--data {data} --batch 8 --start {result['policy']} --updates 1"
    run("train", "quart", f"{further} --learning-rate 1e-9 --out {tmp_path / 'further'}")
    before, after = (
        Policy.load(file).network.arrays()
        for file in (result["policy"], tmp_path / "further" / "policy.safetensors")
    )
    for name, array in before.items():
        np.testing.assert_allclose(after[name], array, atol=1e-4)
    assert Policy.load(result["policy"]).network.size.image == 32
    evaluate = f"--policy blind:{result['policy']} --tasks tunnel --episodes 1 --jobs 1"
    found = run("evaluate", "quart", f"{evaluate} --out {tmp_path / 'evaluation'}")
    assert found["tasks"]["tunnel"]["hz"] > 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data {data} --batch 8 --network image=33,channels=8/8/8 --updates 2", None),
        ("--data {data}/nothing", "no data in .*generate quard"),
        ("--data {data}", "a batch of 128 is more than the 24 moments"),
        ("--data {data} --network eyes=3", "--network is like image=96,hidden=256, and 'eyes=3'"),
        ("--data {data} --network architecture=huge", "architecture"),
        ("--data {data} --network image=big", r"the network's image is of the form 96, not big"),
        ("--data {data} --start none.safetensors", "no file none.safetensors"),
        ("--data {data} --start x.safetensors --network image=32", "leave --network out"),
    ],
)
def test_what_a_training_can_not_be_made_of_is_said_in_one_sentence(
    data, tmp_path, arguments, message
):
    arguments = f"{arguments.format(data=data)} --out {tmp_path / 'training'}"
    if message is None:
        # Another training's folder is refused.
        run("train", "quart", arguments)
        arguments, message = arguments + " --seed 1", "holds another training"
    with pytest.raises(ConfigurationError, match=message):
        run("train", "quart", arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--format quard --captions", "--captions belongs to the format moments, and"),
        ("--correct none.safetensors", "no file none.safetensors"),
        ("--correct none.safetensors --captions", "--captions and --correct exclude one another"),
        ("--rate 50", "--rate belongs to the format quard or lerobot"),
        ("--format quard --rate 30", "the rate of recordings is 10, 50, 100 Hz, not 30"),
        ("--format lerobot", "give their folder with --source"),
        ("--tasks sing", "no task 'sing': there are go_to"),
    ],
)
def test_options_that_would_change_nothing_are_refused(tmp_path, arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        run("generate", "quard", f"{arguments} --out {tmp_path / 'data'}")
    assert list(tmp_path.iterdir()) == []


def test_sizes_of_a_network_are_read():
    size = read_size("image=64 channels=8/16/32,hidden=128")
    assert (size.image, size.channels, size.hidden) == (64, (8, 16, 32), 128)
    assert read_size("") == type(size)()
