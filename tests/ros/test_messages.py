# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from geometry_msgs.msg import Twist, TwistStamped
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import JointState

from neuro_control.ros.messages import (
    JointReader,
    Rejected,
    joint_state,
    odometry,
    read_twist,
    to_nanoseconds,
    to_stamp,
)

NAMES = ["a", "b", "c"]
numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_time_stamps_go_there_and_back(nanoseconds):
    assert to_nanoseconds(to_stamp(nanoseconds)) == nanoseconds


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
def test_joint_positions_go_there_and_back_to_the_bit(values):
    message = joint_state(5, NAMES, np.array(values))
    np.testing.assert_array_equal(JointReader(NAMES)(message), values)


@given(st.lists(numbers, max_size=6), st.lists(st.sampled_from("abcde"), max_size=6))
def test_a_reader_gives_finite_numbers_in_its_order_or_refuses(values, names):
    message = joint_state(0, names, np.array(values, dtype=float))
    try:
        read = JointReader(NAMES)(message)
    except Rejected as error:
        good = (
            len(values) == len(names)
            and len(set(names)) == len(names)
            and all(name in names and math.isfinite(values[names.index(name)]) for name in NAMES)
        )
        assert not good
        assert error.reason in ("names", "size", "not_finite")
    else:
        assert read.tolist() == [values[names.index(name)] for name in NAMES]


def test_joints_may_come_in_any_order_among_others():
    message = joint_state(0, ["x", "c", "a", "b"], np.array([9.0, 3.0, 1.0, 2.0]))
    assert JointReader(NAMES)(message).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("names", "values", "reason", "says"),
    [
        (["a", "b"], [1, 2], "names", "no joint c among"),
        ([], [], "names", "no joint a, b, c among"),
        (["a", "b", "c", "c"], [1, 2, 3, 4], "names", "named twice"),
        (NAMES, [1, 2], "size", "2 values of position for 3 names"),
        (NAMES, [1, math.nan, 3], "not_finite", r"position\[1\] is nan"),
        (NAMES, [1, 2, -math.inf], "not_finite", r"position\[2\] is -inf"),
    ],
)
def test_a_bad_joint_state_is_refused_with_its_reason(names, values, reason, says):
    with pytest.raises(Rejected, match=says) as caught:
        JointReader(NAMES)(joint_state(0, names, np.array(values, dtype=float)))
    assert caught.value.reason == reason


def test_a_reader_recovers_from_a_bad_message():
    reader = JointReader(NAMES)
    with pytest.raises(Rejected):
        reader(joint_state(0, ["x"], np.zeros(1)))
    assert reader(joint_state(0, NAMES, np.ones(3))).tolist() == [1, 1, 1]


def test_a_velocity_command_is_read_stamped_or_not():
    twist = Twist()
    twist.linear.x, twist.linear.y, twist.angular.z = 1.0, 2.0, 3.0
    assert read_twist(twist) == (1, 2, 3)
    assert read_twist(TwistStamped(twist=twist)) == (1, 2, 3)


@given(st.lists(numbers, min_size=6, max_size=6))
def test_a_velocity_command_with_any_number_not_finite_is_refused(values):
    twist = Twist()
    for vector, three in ((twist.linear, values[:3]), (twist.angular, values[3:])):
        vector.x, vector.y, vector.z = three
    if all(map(math.isfinite, values)):
        assert read_twist(twist) == (values[0], values[1], values[5])
    else:
        with pytest.raises(Rejected, match="not finite"):
            read_twist(twist)


def test_odometry_carries_rep_105_frames():
    message = odometry(
        7, np.array([1.0, 2, 3]), np.array([1.0, 0, 0, 0]), np.array([4.0, 5, 6]), np.zeros(3)
    )
    assert (message.header.frame_id, message.child_frame_id) == ("odom", "base_link")
    assert (message.pose.pose.position.y, message.twist.twist.linear.z) == (2, 6)
    assert message.pose.pose.orientation.w == 1


def test_a_joint_state_without_efforts_says_so_by_their_absence():
    message = joint_state(0, NAMES, np.zeros(3))
    assert isinstance(message, JointState)
    assert len(message.effort) == 0
