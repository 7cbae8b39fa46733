# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The scenario quart, through `neuro-control run`."""

import json
import os
import subprocess
import sys

import mujoco
import numpy as np
import pytest
from PIL import Image

from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.evaluation.rendering.instructed_run import instruct
from neuro_control.simulation import world as worlds
from neuro_control.simulation.cameras import Cameras
from tests.quart.policies import random_policy, write

ARGUMENTS = {"task": "go to the red cube", "pair": "hard", "scenery": "seen", "seed": 3}


def run(*arguments):
    line = [sys.executable, "-m", "neuro_control.cli", "run", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=180, check=False)


def result(*arguments):
    done = run("quart", *arguments, "--json", "-")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(400)  # five processes load what they need: on a busy machine that takes long
def test_a_run_in_lockstep_is_the_same_together_and_apart_and_leaves_an_animation(tmp_path):
    path = write(random_policy(seed=1), tmp_path / "policy.safetensors")
    short = ["--seconds", 0.6, "--seed", 4, "--set", f"quart_policy.policy={path}"]
    out, words = tmp_path / "out", "stop the blue ball quickly with a trotting gait"
    once = result(*short, "--instruction", words, "--out", out)
    assert once["task"] == once["instruction"] == words
    assert once["success"] is False
    assert once["failed"] == "it was neither done nor ended"
    with Image.open(out / "quart.gif") as animation:
        assert animation.n_frames == 2
        assert np.asarray(animation.convert("L")).std() > 10
    apart = result(*short, "--config", out / "parameters.yaml", "--processes")
    assert apart["state_sha256"] == once["state_sha256"]


def test_a_scenario_that_does_not_read_takes_no_instruction():
    done = run("swimmer", "--seconds", 1, "--instruction", "swim to the red cube")
    assert done.returncode == 2
    assert "--instruction is for scenarios that read" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_instruction_sets_the_course_too_if_it_has_one_of_quards_forms():
    parameters = {
        "simulation": {"model_arguments": "{task: go to the red cube, pair: hard}"},
        "gait_controller": {},
        "quart_policy": {},
    }
    assert instruct(parameters, "crawl under the bar") is None
    assert parameters["simulation"]["model_arguments"].strip() == (
        "{task: crawl under the bar, pair: hard}"
    )
    remark = instruct(parameters, "would you be so kind as to crawl")
    assert "it stays that of 'crawl under the bar'" in remark
    assert parameters["quart_policy"]["instruction"] == "would you be so kind as to crawl"


@pytest.mark.skipif("MUJOCO_GL" in os.environ, reason="each of the two chooses a backend")
def test_the_simulations_images_are_the_pictures_that_policies_are_trained_on():
    world = worlds.load("neuro_control.quart.simulation.course:world", ARGUMENTS)
    data = mujoco.MjData(world.model)
    world.reset(data, np.random.default_rng(0))
    cameras = Cameras(
        "neuro_control.quart.simulation.course:world", ARGUMENTS, ["head"], 96, 96, visuals=False
    )
    camera = Camera(world.model, "head", 96, 96)
    try:
        cameras.ask(0, world.model, data, 0, 0)
        np.testing.assert_array_equal(cameras.fetch(wait=True), camera.look(data))
    finally:
        camera.close()
        cameras.close()
