# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A walking robot whose observations are lost, late, repeated, at another rate or wrongly stamped.

The robot keeps the last torques while nobody answers, as a simulated robot without motor control
of its own does.
"""

import math

import numpy as np
import pytest

from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.sensor_monitor import MonitorSettings
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.simulation.body import Body, world

SOURCES = CommandSources.constant(gait("trot", forward=0.8))
STEPPED = 2.5  # time after which it walks at its full speed, s


class Walk:
    """A robot and its controller, and what becomes of the robot.

    Args:
        period: Time between two observations, s; a multiple of the physics' time step.
        settings: Settings of the controller.
        stepped: Time for which it walks before the test begins, s.
    """

    def __init__(self, period=PERIOD, settings=None, stepped=STEPPED):
        surroundings = world()
        # The model's own step is 2 ms; steps of 1 ms allow for more rates.
        surroundings.model.opt.timestep = PERIOD if period == PERIOD else 0.5 * PERIOD
        self.body = Body(surroundings)
        self.body.reset(np.random.default_rng(0))
        self.controller = QuadrupedController(GO2, settings)
        self.period, self.clock = period, 0.0
        self.substeps = self.body.world.substeps(period)
        self.efforts = np.zeros(12)
        self.least = math.inf
        self.states = []
        self.go_on(stepped)
        self.least, self.states = math.inf, []

    def advance(self):
        """One period under the present torques."""
        self.body.world.step(self.body.data, self.body.effects, self.efforts, self.substeps)
        self.clock += self.period
        self.least = min(self.least, self.body.height)
        assert not self.body.fallen

    def answer(self, observation=None, clock=None):
        """Answer an observation, by default the present one under its right stamp."""
        observation = self.body.observation if observation is None else observation
        stamp = self.clock if clock is None else clock
        self.efforts = self.controller.step(observation, stamp, SOURCES).efforts
        if self.states[-1:] != [self.controller.state]:
            self.states.append(self.controller.state)

    def go_on(self, seconds, lost=lambda: False):
        for _ in range(round(seconds / self.period)):
            if not lost():
                self.answer()
            self.advance()

    def lose(self, seconds, bridged=False):
        """Time without an observation, which the controller may bridge."""
        for k in range(round(seconds / self.period)):
            if bridged:
                # The last observation was answered a period before this one was due.
                self.efforts = self.controller.bridge((k + 1) * self.period).efforts
            self.advance()

    def walks(self, height=0.24):
        speed = self.body.velocity[0]
        return self.states == ["walking"] and self.least > height and abs(speed - 0.8) < 0.25


def test_observations_lost_in_a_row_are_bridged_whatever_their_number():
    walk = Walk()
    for number in (8, 10, 12, 17, 22, 25):
        walk.lose(number * PERIOD)
        walk.go_on(0.73)
    assert walk.walks(), (walk.states, walk.least, walk.controller.remarks)


def test_two_fifths_of_the_observations_may_be_lost_at_random():
    walk, rng = Walk(), np.random.default_rng(1)
    walk.go_on(3.0, lambda: rng.random() < 0.4)
    assert walk.walks(), (walk.states, walk.least, walk.controller.remarks)


@pytest.mark.parametrize("period", [0.005, 0.004, 0.002, 0.001])
def test_it_walks_at_200_to_1000_observations_a_second(period):
    walk = Walk(period)
    walk.go_on(2.0)
    assert walk.walks(), (walk.states, walk.least, walk.controller.remarks)
    named = [each for each in walk.controller.remarks if "times a second, not 500" in each]
    assert bool(named) == (period != PERIOD)


def test_every_state_may_come_twice():
    walk = Walk()
    for _ in range(1000):
        observation = walk.body.observation
        walk.answer(observation)
        walk.answer(observation, walk.clock + 0.5 * PERIOD)
        walk.advance()
    assert walk.walks(), (walk.states, walk.least, walk.controller.remarks)


def test_a_late_observation_is_an_observation_of_its_stamp():
    walk, rng = Walk(), np.random.default_rng(2)
    waiting = []
    for _ in range(1000):
        waiting.append((walk.body.observation, walk.clock))
        if rng.random() < 0.5 or len(waiting) > 4:
            for each in waiting:
                walk.answer(*each)
            waiting = []
        walk.advance()
    assert walk.walks(), (walk.states, walk.least, walk.controller.remarks)


def test_steps_of_the_clock_change_nothing():
    walk, undisturbed = Walk(), Walk()
    steps = (-5.0, -0.3, -0.01, 0.01, 0.02, 0.05, 0.2, 1.0, 5.0)
    for step in steps:
        walk.clock += step
        walk.go_on(0.13)
        undisturbed.go_on(0.13)
    assert walk.states == ["walking"]
    np.testing.assert_allclose(walk.body.data.qpos, undisturbed.body.data.qpos, atol=1e-6)
    assert walk.controller.clock.steps == len(steps)


def test_one_observation_stamped_ahead_changes_nothing():
    walk = Walk()
    walk.answer(clock=walk.clock + 0.02)
    walk.advance()
    walk.go_on(0.5)
    assert walk.walks()
    assert walk.controller.clock.steps == 2


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.15, 0.2])
def test_a_gap_is_bridged_by_predicted_readings(seconds):
    walk = Walk()
    walk.lose(seconds, bridged=True)
    walk.go_on(1.5)
    assert walk.walks(0.2), (walk.states, walk.least, walk.controller.remarks)


def test_a_gap_that_can_not_be_bridged_ends_on_its_feet_again():
    walk = Walk()
    assert walk.controller.bridge(0.3) is None
    walk.efforts = np.zeros(12)
    walk.lose(0.6)
    walk.go_on(4.0)
    assert walk.states[0] == "holding"
    assert walk.states[-1] == "walking"
    assert walk.body.height == pytest.approx(0.3, abs=0.03)


def test_a_robot_that_lies_is_not_bridged():
    controller = QuadrupedController(GO2, ControllerSettings(start_standing=False))
    body = Body(world(start="lying"))
    body.reset(np.random.default_rng(0))
    for k in range(300):
        body.step(controller.step(body.observation, k * PERIOD, SOURCES).efforts)
    assert controller.state == "damping"
    assert controller.bridge(PERIOD) is not None
    assert controller.bridge(0.05) is None


def silent(walk):
    return walk.body.observation._replace(forces=np.zeros(4))


@pytest.mark.parametrize("known", [True, False])
def test_it_walks_without_foot_sensors(known):
    sensors = MonitorSettings(foot_sensors=not known)
    walk = Walk(settings=ControllerSettings(sensors=sensors), stepped=0.0)
    for _ in range(2500):
        walk.answer(silent(walk))
        walk.advance()
    assert walk.states[-1] == "walking"
    walk.least, walk.states = math.inf, []
    for _ in range(500):
        walk.answer(silent(walk))
        walk.advance()
    assert walk.walks(), (walk.states, walk.least, walk.controller.remarks)
    named = "no foot sensor says a thing: feet are taken to stand as planned"
    assert (named in walk.controller.remarks) == (not known)


def test_foot_sensors_that_fall_silent_in_a_walk_are_done_without_until_they_speak():
    walk = Walk()
    for _ in range(1000):
        walk.answer(silent(walk))
        walk.advance()
    assert walk.walks(), (walk.states, walk.least, walk.controller.remarks)
    assert walk.controller.locomotion.monitor.feet_silent
    walk.go_on(1.0)
    assert walk.walks()
    assert not walk.controller.locomotion.monitor.feet_silent
