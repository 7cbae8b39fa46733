"""What counts of all that a walker is told, and where it believes to be."""

import numpy as np
import pytest

from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.command_mux import Pilot, on_course
from neuro_control.quadruped.control.estimator import Estimator
from neuro_control.quadruped.control.odometry import LegOdometry
from neuro_control.quadruped.control.robots import GO2

COURSE = (1.0, 0.5, 0.0, 0.1, 3.0, -0.2, 0.3, 0.0)
PACE = gait("pace", forward=0.3, left=0.1, yaw_rate=-0.2, height=-0.05)
NUMBERS = tuple(PACE.array().tolist())


def velocities(command):
    return command.forward, command.left, command.yaw_rate


@pytest.mark.parametrize(
    ("time", "velocity"),
    [(0.0, (0, 0, 0)), (1.0, (0.5, 0, 0.1)), (2.9, (0.5, 0, 0.1)), (9.0, (-0.2, 0.3, 0.0))],
)
def test_a_course_is_followed_from_when_it_began(time, velocity):
    assert on_course(COURSE, time) == velocity
    pilot = Pilot(gait("trot"), COURSE)
    pilot.wanted(100.0)
    assert velocities(pilot.wanted(100.0 + time)) == velocity
    pilot.reset()
    assert velocities(pilot.wanted(500.0)) == (0, 0, 0)


def test_a_gait_command_is_obeyed_whole_and_cmd_vel_overrides_its_velocities():
    pilot = Pilot(gait("trot"), COURSE)
    numbers = NUMBERS
    assert pilot.wanted(5.0, numbers, 0.1) == PACE
    both = pilot.wanted(5.0, numbers, 0.1, (0.7, 0.0, 0.4), 0.2)
    assert velocities(both) == (0.7, 0.0, 0.4)
    assert (both.bound, both.height) == (PACE.bound, PACE.height)
    assert pilot.wanted(5.0, numbers, 0.1, (0.7, 0.0, 0.4), 0.6) == PACE


def test_silence_stops_it_and_then_it_stands():
    pilot = Pilot(gait("trot"), COURSE, silence=0.5, patience=1.0)
    numbers = NUMBERS
    assert velocities(pilot.wanted(5.0, None, np.inf, (0.7, 0.1, 0.4), 0.5)) == (0.7, 0.1, 0.4)
    assert pilot.remark is None
    for given in ((None, np.inf, (0.7, 0.1, 0.4)), (numbers, 0.6, None)):
        ages = (np.inf, 0.6) if given[2] else (0.6, np.inf)
        stopped = pilot.wanted(5.0, given[0], ages[0], given[2], ages[1])
        assert velocities(stopped) == (0, 0, 0)
        assert stopped.duration == 0.5
        assert "stops" in pilot.remark
        ages = (np.inf, 1.6) if given[2] else (1.6, np.inf)
        stands = pilot.wanted(6.0, given[0], ages[0], given[2], ages[1])
        assert (stands.duration, velocities(stands)) == (1.0, (0, 0, 0))
        assert "stands" in pilot.remark


def test_what_is_out_of_range_is_clamped_and_said():
    pilot = Pilot(gait("trot"), most={"forward": (-0.3, 0.4), "left": (-1, 1), "yaw_rate": (-1, 1)})
    assert pilot.wanted(0.0, None, np.inf, (0.9, 0.0, 0.0), 0.0).forward == 0.4
    assert "forward 0.9 is beyond -0.3 to 0.4: clamped" in pilot.remark
    numbers = tuple(Command(frequency=9.0, forward=-2.0).array().tolist())
    told = pilot.wanted(0.0, numbers, 0.0)
    assert (told.frequency, told.forward) == (4.0, -0.3)
    assert "frequency 9 is beyond 2 to 4" in pilot.remark
    assert "forward -2 is beyond" in pilot.remark
    pilot.wanted(0.0, NUMBERS, 0.0)
    assert pilot.remark is None


def test_the_same_command_is_the_same_object_until_something_changes():
    pilot, numbers = Pilot(gait("trot")), NUMBERS
    first = pilot.wanted(1.0, numbers, 0.1)
    assert pilot.wanted(1.1, numbers, 0.2) is first
    assert pilot.wanted(1.1, tuple(gait("trot").array()), 0.0) is not first
    pilot.usual = gait("walk")
    assert pilot.wanted(1.2).duration == 0.75


def test_who_shall_lie_gets_no_command():
    pilot = Pilot(gait("trot"))
    pilot.upright = False
    assert pilot.wanted(0.0, None, np.inf, (9.0, 0.0, 0.0), 0.0) is None
    assert pilot.remark is None
    pilot.upright = True
    assert pilot.wanted(0.0) == gait("trot")


def turned(yaw):
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def test_odometry_goes_on_where_it_was_when_the_estimator_begins_anew():
    odometer, estimator = LegOdometry(), Estimator(GO2, 0.002)
    odometer.step("walking", estimator)
    estimator.position, estimator.rotation = np.array([2.0, 1.0, 0.3]), turned(np.pi / 2)
    odometer.step("walking", estimator)
    position, rotation = odometer.pose(estimator)
    np.testing.assert_allclose(position, [2.0, 1.0, 0.3])
    np.testing.assert_allclose(rotation, turned(np.pi / 2), atol=1e-12)
    for state in ("damped", "tucking"):
        odometer.step(state, estimator)
        assert not odometer.estimating
    # It rises: the estimator is at its origin, looking ahead, and a metre ahead after a while.
    estimator.position, estimator.rotation = np.array([1.0, 0.0, 0.28]), turned(0.1)
    odometer.step("rising", estimator)
    position, rotation = odometer.pose(estimator)
    np.testing.assert_allclose(position, [2.0, 2.0, 0.28], atol=1e-12)
    np.testing.assert_allclose(rotation, turned(np.pi / 2 + 0.1), atol=1e-12)
    odometer.reset()
    np.testing.assert_allclose(odometer.pose(estimator)[0], [1.0, 0.0, 0.28])
