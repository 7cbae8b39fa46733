# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import FluidPressure, Imu, JointState, Range
from std_msgs.msg import Float64
from std_srvs.srv import SetBool

from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.types import Observation
from neuro_control.blimp.nodes.altitude import BlimpAltitude
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.world import world
from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import COMMAND_QOS, RECORD_QOS, SENSOR_QOS, to_stamp
from neuro_control.simulation.node import Simulation
from tests.bench import MS, options

PERIOD = 100 * MS


class Blimp:
    """A controller under simulated time, and the topics of the robot that it flies."""

    def __init__(self, bench, **values):
        self.bench = bench
        self.node = bench.add(BlimpAltitude(**options(use_sim_time=True, **values)))
        self.probe = probe = bench.add(Node("robot"))
        self.commands, self.diagnostics = [], []
        self.clock = probe.create_publisher(Clock, "/clock", 10)
        self.lidar = probe.create_publisher(Range, "lidar/range", SENSOR_QOS)
        self.set_points = probe.create_publisher(Float64, "set_point", 1)
        probe.create_subscription(JointState, "joint_commands", self.commands.append, COMMAND_QOS)
        probe.create_subscription(
            DiagnosticArray, "/diagnostics", lambda m: self.diagnostics.extend(m.status), 10
        )
        self.node.start()
        self.now = 10**12
        topics = (self.clock, self.lidar, self.set_points)
        bench.spin_until(lambda: all(each.get_subscription_count() for each in topics))
        bench.spin_until(lambda: probe.count_publishers("joint_commands"))
        bench.spin_for(0.05)
        self.set_clock()

    def set_clock(self):
        self.clock.publish(Clock(clock=to_stamp(self.now)))
        self.bench.spin_until(lambda: self.node.get_clock().now().nanoseconds == self.now)

    def at(self, distance, age=0):
        """Thrust of both propellers, N, below 0 downwards, that answers the next range."""
        self.now += PERIOD
        self.set_clock()
        before = len(self.commands)
        message = Range(range=float(distance))
        message.header.stamp = to_stamp(self.now - age)
        self.lidar.publish(message)
        self.bench.spin_until(lambda: len(self.commands) > before)
        return thrust(self.commands[-1])

    def want(self, altitude):
        self.set_points.publish(Float64(data=float(altitude)))
        self.bench.spin_for(0.1)

    def said(self, text):
        return any(text in status.message for status in self.diagnostics)

    def hover(self, ticks=150):
        """Fly 10 cm below the set-point of 1 m until the trim is known."""
        for tick in range(ticks):
            self.at(0.9 + 0.001 * (tick % 2))


def thrust(command):
    assert command.name == ["left_propeller", "right_propeller", "servo"]
    assert command.effort[0] == command.effort[1] >= 0
    return (command.effort[0] + command.effort[1]) * math.cos(command.position[2])


def proportional(bench, **values):
    """A controller of which one knows what it does: 5 a metre, 10 is 0.1 N."""
    gains = {"proportional_gain": 5.0, "integral_gain": 0.0, "derivative_gain": 0.0}
    return Blimp(bench, controller="pid", max_thrust=0.1, **gains, **values)


def test_ranges_are_answered_by_thrust_upwards_and_downwards(bench):
    blimp = proportional(bench, set_point=1.0)
    assert blimp.at(0.6) == pytest.approx(0.02)
    assert blimp.commands[-1].header.stamp == to_stamp(blimp.now)
    assert blimp.at(1.8) == pytest.approx(-0.04)
    assert blimp.at(1.02) == 0.0


def test_a_set_point_that_is_sent_takes_over_and_is_kept(bench):
    blimp = proportional(bench, set_point=1.0)
    blimp.want(2.0)
    assert blimp.at(1.0) == pytest.approx(0.05)
    blimp.now += 100 * PERIOD
    assert blimp.at(1.0) == pytest.approx(0.05)


def test_a_course_is_flown_by_the_time_since_the_first_range(bench):
    blimp = proportional(bench, course=[0.0, 1.0, 0.3, 2.0])
    found = [blimp.at(1.0) for _ in range(5)]
    assert found == pytest.approx([0.0, 0.0, 0.0, 0.05, 0.05])


def test_set_points_beyond_the_limits_are_clamped_and_said(bench):
    blimp = proportional(bench, ceiling=2.0)
    blimp.want(50.0)
    assert blimp.at(1.0) == pytest.approx(0.05)
    bench.spin_until(lambda: blimp.said("set-point 50.00 m lies beyond 0.2 to 2 m: 2 m instead"))
    blimp.want(-3.0)
    assert blimp.at(0.6) == pytest.approx(-0.02)
    bench.spin_until(lambda: blimp.said("0.2 m instead"))
    blimp.want(math.nan)
    assert blimp.at(0.6) == pytest.approx(-0.02)
    bench.spin_until(lambda: blimp.said("rejected"))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (0.0, "range 0.00 m is below the lidar's 0.1 m"),
        (math.nan, "the lidar measured no range"),
        (math.inf, "beyond the lidar's 8 m"),
        (40.0, "beyond the lidar's 8 m"),
    ],
)
@pytest.mark.parametrize(("fallback", "less"), [("hold", 0.0), ("descend", 0.005)])
def test_a_bad_range_is_bridged_then_trim_or_a_little_less_flies_on(
    bench, bad, reason, fallback, less
):
    blimp = proportional(bench, fallback=fallback, last_range_timeout=0.2)
    blimp.hover()
    assert [blimp.at(bad) for _ in range(2)] == pytest.approx([0.005] * 2, abs=1e-4)
    assert blimp.at(bad) == pytest.approx(0.005 - less, abs=4e-4)
    bench.spin_until(lambda: blimp.said(reason))
    assert blimp.at(0.6) == pytest.approx(0.02)


def test_a_stuck_range_is_not_believed(bench):
    blimp = proportional(bench, stuck_timeout=1.0, last_range_timeout=0.1)
    blimp.hover()
    for _ in range(13):
        last = blimp.at(0.5)
    assert last == pytest.approx(0.013, abs=0.006)  # the trim, which went along for a second
    bench.spin_until(lambda: blimp.said("is stuck"))
    assert blimp.at(0.6) == pytest.approx(0.02)


def test_silence_and_stale_ranges_are_answered_by_the_fallback(bench):
    blimp = proportional(bench, fallback="descend")
    blimp.hover()
    assert blimp.at(0.6, age=10 * PERIOD) == pytest.approx(0.0, abs=1e-3)
    bench.spin_until(lambda: blimp.said("lidar/range rejected"))
    blimp.now += 10 * PERIOD
    blimp.set_clock()
    before = len(blimp.commands)
    bench.spin_until(lambda: len(blimp.commands) > before)
    assert thrust(blimp.commands[-1]) == pytest.approx(0.0, abs=1e-3)
    bench.spin_until(lambda: blimp.said("no lidar/range for"))


def test_an_emergency_stop_stops_the_propellers_and_they_stay_so(bench):
    blimp = proportional(bench)
    blimp.hover(20)
    stop = blimp.probe.create_client(SetBool, "/blimp_altitude/emergency_stop")
    bench.call(stop, SetBool.Request(data=True))
    assert blimp.at(0.5) == 0.0
    assert blimp.at(math.nan) == 0.0
    bench.call(stop, SetBool.Request(data=False))
    assert blimp.at(0.5) == 0.0


def test_gains_are_tuned_at_run_time_and_contradictions_refused(bench):
    blimp = proportional(bench)
    results = blimp.node.set_parameters([Parameter("proportional_gain", value=2.0)])
    assert results[0].successful
    assert blimp.at(0.5) == pytest.approx(0.01)
    for name, value in (
        ("floor", 9.0),
        ("course", [1.0]),
        ("course", [2.0, 1.0, 1.0, 1.0]),
        ("fallback", "panic"),
        ("controller", "pd"),
    ):
        assert not blimp.node.set_parameters([Parameter(name, value=value)])[0].successful


def test_limits_are_in_newtons_and_radians_and_set_at_run_time(bench):
    blimp = proportional(bench, thrust_limit=0.03, maximum_servo_angle=2.0)
    assert blimp.at(0.2) == pytest.approx(0.03)
    blimp.at(1.6)
    command = blimp.commands[-1]
    assert list(command.effort) == pytest.approx([0.015, 0.015, 0.0])
    assert command.position[2] == 2.0
    blimp.node.set_parameters([Parameter("thrust_limit", value=0.01)])
    assert blimp.at(0.2) == pytest.approx(0.01)
    # More than the propellers give at full command is not commanded either.
    blimp.node.set_parameters([Parameter("thrust_limit", value=5.0)])
    blimp.node.set_parameters([Parameter("proportional_gain", value=100.0)])
    assert blimp.at(0.2) == pytest.approx(0.1)
    contradiction = [Parameter("minimum_servo_angle", value=2.5)]
    assert not blimp.node.set_parameters(contradiction)[0].successful


def test_parameters_keep_their_former_names(bench):
    node = BlimpAltitude(**options(patience=0.3, frozen_after=2.0))
    bench.add(node)
    assert node.parameters.last_range_timeout == 0.3
    assert node.parameters.stuck_timeout == 2.0


def test_foreign_weights_are_refused(bench):
    node = bench.add(BlimpAltitude(**options(weights="swimmer_ncap.safetensors")))
    with pytest.raises(ConfigurationError, match="swimmer_ncap"):
        node.start()
    with pytest.raises(ConfigurationError, match="has no weights"):
        BlimpAltitude(**options(controller="pid", weights="x.safetensors"))


# What the message's own check of a float32 lets through: it rounds the largest one down.
single_precision = st.one_of(
    st.floats(-(2.0**127), 2.0**127, width=32), st.sampled_from([np.inf, -np.inf, np.nan])
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(single_precision, min_size=1, max_size=10))
def test_whatever_the_range_thrusts_stay_within_their_limits(bench, distances):
    if not hasattr(bench, "blimp"):
        bench.blimp = Blimp(bench, controller="pid", max_thrust=0.1)
    for distance in distances:
        assert abs(bench.blimp.at(distance)) <= 0.1 + 1e-9


def fly_by_ros(bench, recording, controller, case, seconds, **values):
    """Positions at every control step, by the file that the simulation records."""
    arguments = f"case: {case}"
    simulation = bench.add(
        Simulation(
            **options(
                model="neuro_control.blimp.simulation.world:world",
                model_arguments=arguments,
                seed=3,
                duration=seconds,
                recording=str(recording),
            )
        )
    )
    node = bench.add(BlimpAltitude(**options(use_sim_time=True, controller=controller, **values)))
    node.start()
    bench.spin_until(lambda: simulation.finished, timeout=60)
    simulation.stop()
    return np.load(recording)["qpos"][1:]


@pytest.mark.parametrize(("controller", "case"), [("snn", "heavy"), ("pid", "varied")])
def test_a_flight_through_ros_is_the_flight_without_it_to_the_bit(
    bench, tmp_path, controller, case
):
    course = [0.0, 0.8, 10.0, 1.5]
    rows = fly_by_ros(bench, tmp_path / "flight.npz", controller, case, 20.0, course=course)
    body, flown_by = Body(world(case)), AltitudeController(make_law(controller))
    body.reset(np.random.default_rng(3))
    for tick, row in enumerate(rows):
        set_point = 0.8 if tick < 100 else 1.5
        body.step(flown_by.step(Observation(body.distance, set_point)))
        assert (body.data.qpos == row).all(), tick
    assert len(rows) == 200


def test_the_simulated_blimp_offers_its_sensors_as_messages(bench):
    bench.add(
        Simulation(
            **options(
                model="neuro_control.blimp.simulation.world:world",
                model_arguments="{case: neutral, start: 1.0}",
                lockstep=False,
            )
        )
    )
    probe = bench.add(Node("listener"))
    received = {}
    for topic, kind in (
        ("lidar/range", Range),
        ("imu/imu", Imu),
        ("barometer/pressure", FluidPressure),
        ("joint_states", JointState),
    ):
        probe.create_subscription(
            kind, topic, lambda message, topic=topic: received.update({topic: message}), SENSOR_QOS
        )
    bench.spin_until(lambda: len(received) == 4)
    assert received["lidar/range"].range == pytest.approx(1.0, abs=0.03)
    assert received["imu/imu"].linear_acceleration.z == pytest.approx(9.81, abs=0.3)
    # 1.2 Pa a decimetre.
    assert received["barometer/pressure"].fluid_pressure == pytest.approx(101_325 - 11.8, abs=10)
    assert list(received["joint_states"].name) == ["servo"]


def test_spikes_of_all_neurons_are_published_while_someone_listens(bench):
    blimp = Blimp(bench)
    received = []
    blimp.probe.create_subscription(
        JointState, "/blimp_altitude/activity", received.append, RECORD_QOS
    )
    for tick in range(100):
        blimp.at(0.5 + 0.01 * (tick % 3))
        if len(received) >= 30:
            break
    spikes = np.array([message.position for message in received])
    assert spikes.shape == (30, 160)
    assert set(np.unique(spikes)) == {0.0, 1.0}
    assert received[0].name[0] == "pd_encoder_0"
    assert received[0].name[-1] == "integral_hidden_39"
