# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The blimp from the command line."""

import json

import numpy as np
import pytest
from PIL import Image

from neuro_control.blimp.simulation.world import max_thrust, world
from neuro_control.resources import find_file
from neuro_control.ros.run import read_parameters
from tests.test_cli import command


def run(*arguments):
    done = command("run", "blimp", *arguments, "--json", "-")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timing
def test_the_network_flies_the_course_and_leaves_plot_animation_and_figures(tmp_path):
    found = run("--seconds", 60, "--out", tmp_path)
    assert found["controller"] == "snn"
    assert found["steps"] == 600
    assert found["rmse_m"] < 0.25
    assert found["overshoot_up_m"] < 0.3
    assert found["real_time_factor"] > 10
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "blimp.gif", "blimp.png", "parameters.yaml", "recording.npz", "result.json",
    ]  # fmt: skip
    with Image.open(tmp_path / "blimp.gif") as animation:
        assert animation.n_frames == 120
    with Image.open(tmp_path / "blimp.png") as plot:
        assert np.asarray(plot.convert("L")).std() > 15


def test_the_same_seed_is_the_same_flight_together_and_apart():
    once, apart = run("--seconds", 5, "--seed", 2), run("--seconds", 5, "--seed", 2, "--processes")
    assert once["state_sha256"] == apart["state_sha256"]


def test_evaluate_prints_metrics_and_draws(tmp_path):
    figure = tmp_path / "flight.png"
    done = command(
        *("evaluate", "blimp", "--controller", "snn", "--seeds", 1, "--jobs", 1),
        *("--json", "-", "--figure", figure),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name in ("rmse_m", "sse_m", "overshoot_up_m", "overshoot_down_m", "settling_s", "energy"):
        assert 0 < found[name] < 100
    assert found["spikes_per_s"] > 0
    assert found["synops_per_s"] > found["spikes_per_s"]
    assert figure.is_file()


def test_an_effect_makes_flights_worse(tmp_path):
    flown = ("evaluate", "blimp", "--controller", "pid", "--seeds", 1, "--jobs", 1, "--json", "-")
    plain, stuck = (
        json.loads(command(*flown, *more).stdout)
        for more in ((), ("--effect", "stuck: {sensors: lidar, begins: 100}"))
    )
    assert stuck["rmse_m"] > 1.5 * plain["rmse_m"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--controller", "magic"], ".nir or .yaml file"),
        (["--controller", "swimmer_ncap.safetensors"], "not blimp controller"),
        (["--controller", "none.safetensors"], "no file 'none.safetensors'"),
        (["--case", "storm"], "'storm' is not one of"),
    ],
)
def test_a_mistake_gets_one_line(arguments, says):
    done = command("evaluate", "blimp", "--seeds", 1, *arguments)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert says in line


def test_controller_drivers_and_model_agree_on_the_thrust():
    full = max_thrust(world("heavy").model)
    controller = read_parameters(
        find_file("config", "blimp.yaml"), ["simulation", "blimp_altitude"]
    )
    assert controller["blimp_altitude"]["max_thrust"] == pytest.approx(full)
    drivers = read_parameters(find_file("config", "blimp_hardware.yaml"), ["tfmini", "propulsion"])
    assert drivers["propulsion"]["max_effort"] == pytest.approx(full / 2)
