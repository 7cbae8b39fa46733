# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Observations and faults of the gait controller, through real topics under simulated time."""

import math

import numpy as np
import pytest
from std_srvs.srv import SetBool, Trigger

from neuro_control.quadruped.control.types import JOINTS, PERIOD
from neuro_control.quadruped.simulation.body import Body, world
from neuro_control.ros.messages import (
    to_nanoseconds,
)
from tests.bench import MS
from tests.quadruped.node_setting import STANDING, STEP, TORQUE, Quadruped


def test_an_observation_is_answered_by_torques_once_all_of_its_stamp_is_there(bench):
    dog = Quadruped(bench)
    dog.tick()
    dog.move()
    dog.bench.spin_for(0.1)
    assert dog.commands == []
    dog.feel()
    command = dog.answer()
    assert to_nanoseconds(command.header.stamp) == dog.now
    for _ in range(10):
        efforts = dog.at()
    # Who holds 15 kg pushes with the knees: above 0 stretches no leg.
    assert (efforts[2::3] > 1.0).all()
    assert (np.abs(efforts) <= TORQUE).all()
    assert dog.node.controller.state in ("rising", "walking")


def test_without_imu_the_last_command_holds_then_it_damps_and_recovers_with_it(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        last = dog.at()
    speeds = np.linspace(-2.0, 2.0, 12)
    for _ in range(2):
        dog.tick()
        dog.move(speeds=speeds)
    np.testing.assert_array_equal(dog.answer(dog.now - STEP).effort, last)
    for _ in range(140):
        dog.tick()
        dog.move(speeds=speeds)
        command = dog.answer(dog.now - STEP)
    np.testing.assert_allclose(command.effort, -3.0 * speeds)
    assert list(command.velocity) == [0.0] * 12
    bench.spin_until(lambda: dog.said("no imu/imu, foot_forces for the observation"))
    dog.feel()
    dog.answer()
    assert (dog.at()[2::3] > 1.0).all()


@pytest.mark.parametrize(
    "wrong", [{"rate": (math.nan, 0.0, 0.0)}, {"acceleration": (1e6, 0.0, 0.0)}]
)
def test_an_imu_that_tells_no_numbers_is_bridged_and_then_lays_the_robot_down(bench, wrong):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    for _ in range(5):
        assert (dog.at(**wrong)[2::3] > 1.0).all()
    speeds = np.ones(12)
    np.testing.assert_allclose(dog.at(speeds=speeds, **wrong), -3.0 * speeds)
    bench.spin_until(lambda: dog.said("down: joints only brake; the IMU is not finite"))


def test_a_sensor_that_jumped_is_cleared_by_the_service_that_the_diagnostics_name(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    jumped = STANDING.copy()
    jumped[4] += 0.5
    for _ in range(10):
        dog.at(jumped)
    bench.spin_until(lambda: dog.said("/gait_controller/clear_sensor_faults makes it count again"))
    assert not dog.node.controller.locomotion.monitor.reliable
    clear = dog.probe.create_client(Trigger, "/gait_controller/clear_sensor_faults")
    assert bench.call(clear, Trigger.Request()).success
    dog.at(jumped)
    assert dog.node.controller.locomotion.monitor.reliable


def test_without_foot_sensors_it_waits_for_none(bench):
    dog = Quadruped(bench, foot_sensors=False)
    for _ in range(10):
        dog.tick()
        dog.feel()
        dog.move()
        effort = np.array(dog.answer().effort)
    assert (effort[2::3] > 1.0).all()


def test_joints_in_another_order_are_sorted_by_their_names(bench):
    dog = Quadruped(bench)
    for _ in range(3):
        expected = dog.at()
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_allclose(
        dog.at(STANDING[order], names=[JOINTS[k] for k in order]), expected, atol=0.5
    )


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ([f"joint_{k}" for k in range(12)], "no joint FL_hip_joint"),
        ([*JOINTS[:11], "RR_knee_joint"], "no joint RR_calf_joint among"),
        ([*JOINTS, "arm_joint"], "a quadruped has no joint arm_joint"),
        ([*JOINTS, "RR_calf_joint"], "a joint is named twice"),
    ],
)
def test_wrong_joint_names_are_refused_and_the_motors_stay_limp(bench, names, why):
    dog = Quadruped(bench)
    count = len(names)
    for _ in range(3):
        effort = dog.at(np.full(count, -0.9), np.zeros(count), names)
        np.testing.assert_array_equal(effort, np.zeros(12))
    bench.spin_until(lambda: dog.said(f"joint_states rejected: {why}"))


@pytest.mark.parametrize(
    ("angle", "speed", "why"),
    [
        (math.nan, 0.0, "is not finite"),
        (math.inf, 0.0, "is not finite"),
        (0.8, math.nan, "is not finite"),
        (3.0, 0.0, "jumps"),
    ],
)
def test_a_joint_that_tells_nonsense_is_bridged_and_then_lays_the_robot_down(
    bench, angle, speed, why
):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    angles, speeds = STANDING.copy(), np.zeros(12)
    angles[4], speeds[4] = angle, speed
    for _ in range(5):
        assert np.isfinite(dog.at(angles, speeds)).all()
        assert dog.node.controller.state in ("rising", "walking")
    dog.at(angles, speeds)
    assert dog.node.controller.state == "sitting_down"
    bench.spin_until(lambda: dog.said(f"lies down; the sensor of FR_thigh_joint {why}"))
    for _ in range(600):
        assert np.isfinite(dog.at(angles, speeds)).all()
    assert dog.node.controller.state == "damping"


def test_a_foot_that_tells_no_number_does_not_stop_it_and_is_said(bench):
    dog = Quadruped(bench)
    for k in range(40):
        dog.at(STANDING + 1e-4 * (k % 2), forces=(math.nan, 37.0, 37.0, 37.0))
    assert dog.node.controller.state in ("rising", "walking")
    bench.spin_until(lambda: dog.said("the foot sensor of FL is not finite"))


def test_without_observations_the_torque_is_zero_and_it_begins_anew_after_a_gap(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at(speeds=np.full(12, 0.5))
    dog.now += 300 * MS
    dog.set_clock()
    # The watchdog's commands follow those that answer the last observations.
    bench.spin_until(lambda: not np.any(dog.commands[-1].effort))
    bench.spin_until(lambda: dog.said("no joint_states for"))
    # It has moved meanwhile: the clock was not only set.
    dog.at(STANDING + 0.1)
    assert dog.node.controller.state == "rising"


class Walking(Quadruped):
    """A robot in MuJoCo that walks at 0.8 m/s by the node's commands, through topics."""

    def __init__(self, bench):
        super().__init__(bench, velocity_profile=[0.0, 0.8, 0.0, 0.0])
        self.body = Body(world())
        self.body.reset(np.random.default_rng(0))
        self.efforts = np.zeros(12)
        self.go_on(1.5)

    def go_on(self, seconds):
        for _ in range(round(seconds / PERIOD)):
            o = self.body.observation
            self.efforts = self.at(o.angles, o.speeds, rate=o.rate, acceleration=o.acceleration,
                                   forces=o.forces)  # fmt: skip
            self.body.step(self.efforts)
            assert not self.body.fallen

    def lose(self, seconds):
        """Time goes on and nothing is received."""
        for k in range(round(seconds / PERIOD)):
            self.tick()
            if k > 6:
                # By then it is the watchdog that commands.
                self.efforts = np.array(self.answer().effort)
            self.body.step(self.efforts)

    def walks(self):
        return self.node.controller.state == "walking" and self.body.height > 0.25


def test_a_walking_robot_bears_lost_observations_and_steps_of_the_clock(bench):
    dog = Walking(bench)
    for seconds in (0.02, 0.05, 0.15):
        dog.lose(seconds)
        dog.go_on(0.3)
        assert dog.walks()
    for step in (20 * MS, -20 * MS, 200 * MS, -3000 * MS):
        dog.now += step
        dog.go_on(0.1)
        assert dog.walks()
    # One observation is stamped ahead.
    dog.now += 20 * MS
    dog.go_on(PERIOD)
    dog.now -= 20 * MS
    dog.go_on(0.1)
    assert dog.walks()


@pytest.mark.parametrize("stopped", [False, True])
def test_the_safe_command_does_not_brake_by_speeds_older_than_the_timeout(bench, stopped):
    dog = Quadruped(bench)
    speeds = np.zeros(12)
    speeds[2] = 12.0
    for _ in range(5):
        dog.at(speeds=speeds)
    if stopped:
        stop = dog.probe.create_client(SetBool, "/gait_controller/emergency_stop")
        bench.call(stop, SetBool.Request(data=True))
        np.testing.assert_allclose(dog.at(speeds=speeds), np.clip(-3.0 * speeds, -TORQUE, TORQUE))
    # From here on each is stamped 0.2 s in the past, and refused for it.
    for _ in range(60):
        dog.tick()
        stamp, dog.now = dog.now, dog.now - 200 * MS
        dog.move(speeds=np.zeros(12))
        dog.now = stamp
        effort = np.array(dog.answer().effort)
    np.testing.assert_array_equal(effort, np.zeros(12))


def test_a_fall_is_damped_and_said(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    for k in range(300):
        # Encoders that never change have frozen.
        felt = STANDING + 1e-4 * (k % 2)
        dog.at(felt, acceleration=(0.0, 9.81, 0.0), rate=(4.0, 0.0, 0.0))
        if dog.node.controller.state == "damping":
            break
    speeds = np.linspace(-1.0, 1.0, 12)
    np.testing.assert_allclose(dog.at(speeds=speeds, rate=(4.0, 0.0, 0.0)), -3.0 * speeds)
    bench.spin_until(lambda: dog.said("down: joints only brake; it fell"))


def test_an_estimate_that_can_not_be_is_forgotten(bench):
    dog = Quadruped(bench)
    for _ in range(5):
        dog.at()
    dog.node.controller.gait.estimator.rotation[:] = math.nan
    speeds = np.linspace(-1.0, 1.0, 12)
    np.testing.assert_allclose(dog.at(speeds=speeds), -3.0 * speeds)
    bench.spin_until(lambda: dog.said("its state estimate is not finite"))
    for _ in range(400):
        dog.at()
        if dog.node.controller.state != "damping":
            break
    assert dog.node.controller.state == "folding"
