# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Walks in MuJoCo by half-centre oscillators."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.contact_schedule import (
    CONTACT_SCHEDULES,
    make_contact_schedule,
)
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.locomotion import LocomotionStateMachine
from neuro_control.quadruped.control.oscillators import Oscillators
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.sensor_monitor import SensorMonitor
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.evaluation.evaluate import evaluate
from neuro_control.quadruped.evaluation.rollout import RolloutSettings, random_push, simulate
from neuro_control.quadruped.simulation.body import Body, world


def test_contact_schedules_are_found_by_name():
    assert list(CONTACT_SCHEDULES) == ["schedule", "oscillators"]
    with pytest.raises(
        ConfigurationError, match="no contact schedule 'waltz': there are schedule, osc"
    ):
        make_contact_schedule("waltz")


@pytest.mark.parametrize(
    ("robot", "numbers"),
    [
        ("go2", {"forward": 0.1}),
        ("go2", {"forward": 0.5, "yaw_rate": 0.5}),
        ("go1", {"forward": 1.0, "left": 0.2}),
        ("go2", {"forward": 1.5}),
    ],
)
def test_it_goes_as_fast_as_commanded_to_5_cm_a_second_or_5_percent(robot, numbers):
    command = gait("trot", **numbers)
    settings = RolloutSettings(robot, (command,), seconds=5.0, contact_schedule="oscillators")
    found = simulate(settings)
    assert found.fell is None
    wanted = [command.forward, command.left, command.yaw_rate, 0.3]
    truth = found.truth.part(slice(-1000, None))
    true = np.column_stack([truth.velocity[:, :2], truth.yaw_rate, truth.height])
    error = np.abs(true.mean(axis=0) - wanted)
    assert (error <= np.maximum(0.05, 0.05 * np.abs(wanted))).all()


def test_it_walks_stops_and_stands():
    body, controller = Body(world()), Gait(find_robot("go2"), "oscillators")
    body.reset(np.random.default_rng(0))
    for command, seconds in ((gait("trot", forward=0.8), 2.0), (gait("stand"), 3.0)):
        for _ in range(round(seconds / PERIOD)):
            body.step(controller.step(body.observation, command).efforts)
    assert controller.schedule.duration == 1.0
    assert np.abs(body.velocity).max() < 0.05
    assert not body.fallen


@pytest.mark.parametrize("speed", [0.1, 0.5])
def test_a_push_does_not_fell_it_while_it_walks(speed):
    command = gait("trot", forward=speed)
    settings = RolloutSettings(
        "go2", (command,), seconds=5.2, seed=1, effects=(random_push(100.0, 5.2, 1),),
        contact_schedule="oscillators",
    )  # fmt: skip
    assert simulate(settings).fell is None


def test_it_gets_up_walks_and_lies_down_by_oscillators():
    body = Body(world(start="lying"))
    machine = LocomotionStateMachine(Gait(find_robot("go2"), Oscillators()), SensorMonitor())
    body.reset(np.random.default_rng(0))
    states = []
    for command, seconds in ((gait("trot", forward=0.3), 4.0), (None, 4.0)):
        for _ in range(round(seconds / PERIOD)):
            body.step(machine.step(body.observation, command).efforts)
            states.append(machine.state)
    assert "walking" in states
    assert states[-1] == "damping"
    assert body.height < 0.15


def test_evaluate_takes_the_contact_schedule():
    arguments = ["--contact-schedule", "oscillators", "--command", "forward=0.3", "--seconds", "5"]
    done = CliRunner().invoke(
        evaluate, [*arguments, "--seeds", "1", "--json", "-"], catch_exceptions=False
    )
    assert json.loads(done.stdout)["cost_of_transport"] < 0.8
