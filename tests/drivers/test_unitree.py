# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math
import sys
import time
from functools import partial

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Twist
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rclpy.parameter import Parameter
from std_msgs.msg import Float64MultiArray

pytest.importorskip("cyclonedds", reason="needs cyclonedds: pip install 'neuro_control[unitree]'")

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import JOINTS, LEGS
from neuro_control.quadruped.go2.driver import UnitreeGo2
from neuro_control.quadruped.go2.motors import command_checksum
from neuro_control.ros.messages import (
    joint_state,
    to_nanoseconds,
)
from tests.bench import Probe, options
from tests.drivers.unitree_peer import DOMAIN, LYING, STANDING
from tests.drivers.unitree_setting import BALANCE, DAMP, DOWN, EULER, STOP, UP


def test_an_observation_comes_in_the_gait_layers_order_joints_last(setting):
    go2 = setting(foot_force_scale=2.0)
    go2.heard.clear()
    go2.bench.spin_until(lambda: len(go2.heard) > 40)
    observation = [(t, m) for t, m in go2.heard if t != "odom"]
    first = next(i for i, (t, _) in enumerate(observation) if t == "imu/imu")
    (_, imu), (_, feet), (_, joints) = observation[first : first + 3]
    assert [t for t, _ in observation[first : first + 6]] == 2 * [
        "imu/imu", "foot_forces", "joint_states",
    ]  # fmt: skip
    stamps = {to_nanoseconds(m.header.stamp) for m in (imu, feet, joints)}
    assert len(stamps) == 1
    # Unitree tells FR FL RR RL: 0.00, 0.01, 0.02 and 0.03 rad beyond, torques 0 to 11.
    assert list(joints.name) == list(JOINTS)
    assert joints.position == pytest.approx(
        [a + b for b in (0.01, 0.0, 0.03, 0.02) for a in STANDING], abs=1e-6
    )
    assert list(joints.effort) == [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]
    assert list(joints.velocity) == [0.0] * 12
    assert (list(feet.name), list(feet.effort)) == (list(LEGS), [44.0, 42.0, 48.0, 46.0])
    assert imu.header.frame_id == "imu"
    assert imu.orientation.w == 1.0
    assert imu.angular_velocity.y == pytest.approx(0.2, abs=1e-6)
    assert imu.linear_acceleration.z == 9.75


def test_odometry_tells_velocities_in_the_frame_of_the_trunk(setting):
    go2 = setting()
    half = math.sqrt(0.5)
    go2.peer.sport_state.imu_state.quaternion = [half, 0.0, 0.0, half]  # looks to the left
    go2.peer.sport_state.velocity = [0.0, 0.5, 0.0]
    go2.peer.sport_state.position = [1.0, 2.0, 0.3]
    go2.bench.spin_until(lambda: go2.newest("odom").pose.pose.position.x == 1.0)
    found = go2.newest("odom")
    assert (found.header.frame_id, found.child_frame_id) == ("odom", "base_link")
    assert found.twist.twist.linear.x == pytest.approx(0.5, abs=1e-6)
    assert found.twist.twist.linear.y == pytest.approx(0.0, abs=1e-6)
    go2.node.set_parameters([Parameter("velocity_frame", value="base")])
    go2.bench.spin_until(
        lambda: go2.newest("odom").twist.twist.linear.y == pytest.approx(0.5, abs=1e-6)
    )
    go2.peer.sport_state.position = [math.nan, 0.0, 0.0]
    go2.says("sportmodestate[0] is nan")


def test_a_velocity_is_cut_off_at_its_limits_and_becomes_a_move(setting):
    go2 = setting(max_forward=0.5, max_backward=0.2, max_sideways=0.1, max_yaw_rate=0.6)
    go2.bench.spin_until(lambda: go2.steer(0.25, 0.05, -0.5) or go2.peer.moves())
    assert go2.peer.asked()[0] == BALANCE
    assert go2.peer.moves()[-1] == {"x": 0.25, "y": 0.05, "z": -0.5}
    go2.bench.spin_until(lambda: go2.steer(9.0, 9.0, 9.0) or go2.peer.moves()[-1]["x"] == 0.5)
    assert go2.peer.moves()[-1] == {"x": 0.5, "y": 0.1, "z": 0.6}
    go2.says("cmd_vel: yaw rate 9 is more than 0.6")
    go2.bench.spin_until(lambda: go2.steer(-9.0, -9.0, 0.0) or go2.peer.moves()[-1]["x"] == -0.2)
    assert all(r.header.policy.noreply for r in go2.peer.requests if r.parameter != "{}")


def test_a_gait_command_leans_the_trunk_and_walks(setting):
    go2 = setting()
    numbers = [0.3, 0.0, 0.1, 0.0, 3.0, 0.5, 0.0, 0.0, 0.5, 0.08, 0.2, -0.1, 0.28, 0.4, 0.0]
    message = Float64MultiArray(data=numbers)
    go2.bench.spin_until(lambda: go2.gait.publish(message) or go2.peer.moves())
    assert go2.peer.moves()[-1] == {"x": 0.3, "y": 0.0, "z": 0.1}
    lean = next(r for r in go2.peer.requests if r.header.identity.api_id == EULER)
    assert lean.parameter == '{"x": -0.1, "y": 0.2, "z": 0.0}'
    go2.bench.spin_until(
        lambda: go2.gait.publish(Float64MultiArray(data=[1.0])) or go2.probe.said("instead of 15")
    )


@pytest.mark.timing
def test_commands_that_fall_silent_stop_the_robot_which_then_stands(setting):
    go2 = setting(command_timeout=0.3, stand_after=0.2)
    go2.walk()
    go2.bench.spin_until(lambda: go2.peer.asked()[-2:] == [STOP, BALANCE])
    moves = len(go2.peer.moves())
    go2.bench.spin_for(0.3)
    assert len(go2.peer.moves()) == moves
    go2.bench.spin_until(lambda: go2.steer() or len(go2.peer.moves()) > moves)


def test_a_command_that_is_not_finite_moves_nothing(setting):
    go2 = setting()
    go2.bench.spin_until(lambda: go2.steer(math.nan) or go2.probe.said("cmd_vel rejected"))
    go2.bench.spin_until(lambda: go2.steer(0.1, 0.0, math.inf) or go2.probe.said("inf"))
    assert go2.peer.requests == []
    assert int(go2.figures()["rejected/not_finite"]) >= 2


@pytest.mark.timing
def test_a_lost_link_stops_the_robot_then_lets_its_legs_go(setting):
    go2 = setting(state_timeout=0.3, damp_after=0.8)
    go2.walk()
    go2.peer.silent = True
    go2.bench.spin_until(lambda: go2.peer.asked()[-1] == DAMP)
    asked = go2.peer.asked()
    assert STOP in asked
    assert set(asked[asked.index(STOP) :]) == {STOP, DAMP}
    go2.says("no lowstate for")
    go2.peer.silent = False
    go2.says("at rest until ~/stand_up or ~/recover")
    go2.steer()
    go2.bench.spin_for(0.3)
    assert go2.peer.asked()[-1] == DAMP
    assert go2.call("recover").success
    go2.peer.requests.clear()
    go2.walk()


@pytest.mark.timing
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda s: setattr(s, "crc", s.crc ^ 1), "checksum"),
        (lambda s: (setattr(s.motor_state[3], "q", math.nan), setattr(s, "crc", 0)), "not_finite"),
    ],
)
def test_states_that_are_wrong_are_no_states(setting, spoil, reason):
    go2 = setting(state_timeout=0.3, damp_after=0.8)
    go2.walk()
    go2.peer.spoil = spoil
    go2.bench.spin_until(lambda: go2.steer() or go2.peer.asked()[-1] == DAMP)
    assert int(go2.figures()[f"rejected/{reason}"]) > 3


@pytest.mark.timing
def test_what_the_robot_answers_is_told(setting):
    go2 = setting(leg=LYING, answer_timeout=0.5)
    go2.peer.codes = {UP: 4202, DOWN: None}
    assert go2.call("stand_up").message == "asked for StandUp"
    go2.says("the robot refused StandUp: the controller is not ready (4202)")
    assert go2.call("lie_down").success
    go2.says("no answer to StandDown within")
    figures = go2.figures()
    assert (figures["refused/StandUp"], figures["unanswered/StandDown"]) == ("1", "1")
    assert go2.call("damp").success
    go2.bench.spin_until(lambda: go2.peer.asked() == [UP, DOWN, DAMP])


def test_an_emergency_stop_lets_the_legs_go_until_released_enabled_and_risen(setting):
    go2 = setting()
    go2.walk()
    assert go2.call("emergency_stop", True).message == "stopped"
    go2.bench.spin_until(lambda: go2.peer.asked()[-1] == DAMP)
    go2.says("emergency stop is active")
    assert "release it first" in go2.call("enable", True).message
    assert not go2.call("stand_up").success
    assert go2.call("emergency_stop", False).success
    assert not go2.call("stand_up").success  # still disabled
    go2.says("disabled: call `~/enable` true")
    assert go2.call("enable", True).success
    go2.peer.requests.clear()
    go2.steer()
    go2.bench.spin_for(0.2)
    assert go2.peer.requests == []
    assert go2.call("stand_up").success
    go2.bench.spin_until(lambda: go2.steer() or go2.peer.moves())
    assert go2.peer.asked()[:2] == [UP, BALANCE]


def test_disabled_it_stops_and_takes_no_command(setting):
    go2 = setting()
    go2.walk()
    assert go2.call("enable", False).success
    go2.bench.spin_until(lambda: go2.peer.asked()[-1] == STOP)
    go2.steer()
    go2.bench.spin_for(0.2)
    assert go2.peer.asked()[-1] == STOP


def test_a_speed_level_is_asked_for_at_the_start_and_when_it_changes(setting):
    go2 = setting(speed_level=1)
    go2.bench.spin_until(lambda: 1015 in go2.peer.asked() or go2.node.set_parameters(
        [Parameter("speed_level", value=-1)]))  # fmt: skip
    assert go2.peer.requests[-1].parameter in ('{"data": 1}', '{"data": -1}')


def test_deactivated_it_stops_and_cleaned_up_it_lets_go_and_comes_back(setting):
    go2 = setting()
    go2.walk()
    go2.node.trigger_deactivate()
    go2.bench.spin_until(lambda: go2.peer.asked()[-1] == STOP)
    assert go2.call("stand_up").message == "the driver is not active: activate it first"
    go2.node.trigger_cleanup()
    assert go2.node.link is None
    go2.node.trigger_configure()
    go2.node.trigger_activate()
    go2.peer.requests.clear()
    go2.walk()


# The low level.


def test_joint_commands_move_nothing_before_motors_are_unlocked(setting):
    go2 = setting(leg=LYING, level="low")
    for _ in range(30):
        go2.drive()
        go2.bench.spin_for(0.01)
    assert go2.peer.commands == []
    assert int(go2.figures()["joint_commands_not_obeyed"]) > 10


def test_a_robot_that_stands_is_not_unlocked(setting):
    go2 = setting(level="low")
    refused = go2.call("unlock", True)
    assert not refused.success
    assert "~/lie_down first" in refused.message
    assert go2.peer.requests == []


def test_unlocked_motors_get_torques_in_their_own_order_with_a_right_checksum(setting):
    go2 = setting(leg=LYING, level="low", stiffness=0.0, damping=0.0)
    go2.unlock()
    assert go2.peer.controller == ""
    assert go2.braked()  # nobody commands yet
    go2.obeys(np.arange(12.0))
    command = go2.driven()[-1]
    assert [m.tau for m in command.motor_cmd[:12]] == [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]
    assert all(command.crc == command_checksum(command) for command in go2.peer.commands)
    assert go2.call("unlock", False).success
    go2.bench.spin_until(lambda: go2.node.motors.stage == "locked")
    go2.bench.spin_until(lambda: go2.peer.requests[-1].parameter == '{"name": "normal"}')
    go2.peer.commands.clear()
    go2.drive()
    go2.bench.spin_for(0.2)
    assert go2.peer.commands == []


BAD = {
    "NaN": ({"effort": [math.nan] * 12}, "not_finite"),
    "names": ({"name": [f"joint_{i}" for i in range(12)]}, "names"),
    "size": ({"effort": [1.0] * 11}, "size"),
    "no angles": ({"position": []}, "size"),
    "old": ({"age": 5.0}, "stale"),
    "ahead": ({"age": -3600.0}, "future"),
}


def test_bad_joint_commands_never_reach_a_motor(setting):
    go2 = setting(leg=LYING, level="low", motor_timeout=0.3)
    go2.unlock()
    for fields, reason in BAD.values():
        for _ in range(3):
            go2.drive(**fields)
            go2.bench.spin_for(0.02)
        go2.bench.spin_until(partial(go2.rejects, reason))
        assert go2.driven() == []
    assert go2.braked()
    assert go2.driven() == []
    go2.obeys()


def test_joint_commands_that_fall_silent_leave_motors_braking_until_the_next(setting):
    go2 = setting(leg=LYING, level="low", motor_timeout=0.1)
    go2.unlock()
    go2.obeys()
    go2.bench.spin_until(lambda: not go2.node.motors.commanded(time.monotonic()))
    go2.probe.diagnostics.clear()
    go2.says("motors brake: no good joint_commands")
    assert go2.braked()
    go2.obeys()


@pytest.mark.timing
def test_motors_brake_after_a_lost_link_and_after_an_emergency_stop(setting):
    go2 = setting(leg=LYING, level="low", state_timeout=0.3, damp_after=0.8)
    go2.unlock()
    go2.obeys()
    go2.peer.silent = True
    go2.bench.spin_until(lambda: go2.node.motors.stage == "braking")
    go2.peer.silent = False
    go2.drive()
    go2.says("motors brake: call ~/unlock with true to drive them")
    assert go2.braked()
    go2.unlock()
    go2.obeys()
    go2.call("emergency_stop", True)
    assert go2.braked()
    assert not go2.call("unlock", True).success
    go2.call("emergency_stop", False)
    go2.call("enable", True)
    assert go2.braked()
    go2.unlock()
    go2.obeys()
    assert not go2.call("stand_up").success
    assert go2.call("damp").success
    assert go2.braked()


anything = st.floats(width=64)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    names=st.one_of(
        st.just(list(JOINTS)),
        st.permutations(JOINTS),
        st.lists(st.sampled_from([*JOINTS, "other"]), max_size=14),
    ),
    fields=st.lists(
        st.lists(st.one_of(anything, st.floats(-50, 50)), min_size=11, max_size=13),
        min_size=3, max_size=3,
    ),
    age=st.one_of(st.just(0), st.integers(-(2**40), 2**40)),
)  # fmt: skip
def test_no_message_brings_more_than_a_motor_may_do_or_an_exception(shared_low, names, fields, age):
    go2 = shared_low
    before = go2.received()
    go2.drive()  # proof of life
    go2.bench.spin_until(lambda: go2.received() > before)
    go2.peer.commands.clear()
    before, obeyed = go2.received(), go2.counted("joint_commands")
    stamp = max(0, go2.node.now() - age)
    go2.joints.publish(joint_state(stamp, list(names), *map(np.array, fields)))
    go2.bench.spin_until(lambda: go2.received() > before)
    if go2.counted("joint_commands") > obeyed:
        go2.bench.spin_until(lambda: go2.peer.commands)
    for command in go2.peer.commands:
        assert command.crc == command_checksum(command)
        torques = np.array([m.tau for m in command.motor_cmd[:12]])
        assert (np.abs(torques) <= np.tile([23.7, 23.7, 45.43], 4) + 1e-4).all()


@pytest.fixture
def shared_low(setting):
    go2 = setting(leg=LYING, level="low", stiffness=0.0, damping=0.0, release_sport=False)
    go2.unlock()
    go2.obeys()
    return go2


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(st.lists(anything, max_size=20), st.lists(anything, min_size=6, max_size=6))
def test_no_command_asks_for_a_move_beyond_its_limits(shared_high, numbers, velocity):
    go2 = shared_high
    twist = Twist()
    twist.linear.x, twist.linear.y, twist.linear.z = velocity[:3]
    twist.angular.x, twist.angular.y, twist.angular.z = velocity[3:]
    go2.gait.publish(Float64MultiArray(data=numbers))
    go2.bench.spin_for(0.02)
    go2.twist.publish(twist)
    go2.bench.spin_for(0.02)
    for move in go2.peer.moves():
        assert abs(move["x"]) <= 1.0
        assert abs(move["y"]) <= 0.4
        assert abs(move["z"]) <= 1.0


@pytest.fixture
def shared_high(setting):
    go2 = setting(move_period=0.01)
    go2.walk()
    go2.steer(9.0, -9.0, 9.0)
    return go2


# What is wrong from the start.


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"damp_after": 0.1}, "it stops before it damps the joints"),
        ({"command_timeout": 0.05, "move_period": 0.1}, "is longer than move_period"),
        ({"level": "middle"}, "level is one of high, low, not 'middle'"),
        ({"max_forward": 9.0}, "max_forward lies between 0 and 3.8"),
        ({"nonsense": 1}, "has no parameter nonsense"),
    ],
)
def test_parameters_that_are_wrong_are_refused(bench, values, says):
    with pytest.raises(ConfigurationError, match=says):
        UnitreeGo2(**options(**values))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"transport": "ros"}, "unitree_go and unitree_api are not built"),
        ({"network_interface": "nowhere0"}, "no DDS on domain .* through nowhere0"),
    ],
)
def test_a_robot_that_can_not_be_reached_from_here_is_told_in_a_sentence(bench, values, says):
    node = bench.add(UnitreeGo2(**options(domain=DOMAIN + 1, **values)))
    with pytest.raises(ConfigurationError, match=says):
        node.start()


def test_without_cyclonedds_it_says_what_to_install(bench, monkeypatch):
    for module in ("cyclonedds.core", "cyclonedds.domain"):
        monkeypatch.setitem(sys.modules, module, None)
    node = bench.add(UnitreeGo2())
    with pytest.raises(ConfigurationError, match=r"pip install 'neuro_control\[dds\]'"):
        node.start()


def test_waiting_for_a_robot_it_says_where(bench):
    probe = bench.add(Probe())
    node = bench.add(UnitreeGo2(**options(domain=DOMAIN, network_interface="lo")))
    node.start()
    bench.spin_until(lambda: probe.said(f"waiting for lowstate on domain {DOMAIN} through lo"))
    assert probe.diagnostics[-1].level == DiagnosticStatus.STALE
