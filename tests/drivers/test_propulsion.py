# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from neuro_control.drivers.motor_outputs import PropulsionParameters
from neuro_control.drivers.propulsion import Propulsion
from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import COMMAND_QOS, joint_state
from tests.bench import Probe, options

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["left_propeller", "right_propeller", "servo"]
DEFAULTS = PropulsionParameters()
FULL = 39 / 45


class Blimp:
    """The node on pins that only remember, and the probe that plays its controller."""

    def __init__(self, bench, **values):
        self.bench = bench
        self.probe = bench.add(Probe())
        self.publisher = self.probe.create_publisher(JointState, "joint_commands", COMMAND_QOS)
        self.node = bench.add(Propulsion(**options(pin_factory="mock", **values)))
        self.pins = {pin: self.node.outputs.factory.pin(pin) for pin in (19, 26, 12, 21, 17)}
        bench.spin_until(
            lambda: (
                self.publisher.get_subscription_count()
                and self.probe.count_publishers("/diagnostics")
            )
        )
        bench.spin_for(0.05)

    def duties(self):
        return self.pins[19].state, self.pins[12].state

    def send(self, left=0.06, right=0.03, angle=0.0, age=0.0, **fields):
        message = joint_state(
            self.node.now() - round(age * 1e9),
            NAMES,
            position=np.array([0.0, 0.0, angle]),
            effort=np.array([left, right, 0.0]),
        )
        for name, value in fields.items():
            setattr(message, name, value)
        self.publisher.publish(message)

    def keep(self, seconds, **command):
        """Send a command every 20 ms."""
        for _ in range(round(seconds / 0.02)):
            self.send(**command)
            self.bench.spin_for(0.02)

    def fly(self):
        """Command until the motors turn."""
        self.bench.spin_until(lambda: self.keep(0.02) or self.duties() == (FULL, 24 / 45))

    def figures(self):
        self.probe.diagnostics.clear()
        self.bench.spin_until(lambda: bool(self.probe.diagnostics))
        return {v.key: v.value for v in self.probe.diagnostics[-1].values}


@pytest.fixture
def blimp(bench):
    return Blimp(bench, servo_travel_time=0.0)


def test_nothing_turns_before_a_command(blimp):
    blimp.bench.spin_for(0.3)
    assert blimp.duties() == (0, 0)
    assert blimp.pins[17].state == 0
    blimp.bench.spin_until(lambda: blimp.probe.said("waiting for joint_commands"))
    assert blimp.probe.diagnostics[-1].name == "propulsion: driver"


@pytest.mark.timing
def test_a_command_turns_motors_and_servo(blimp):
    blimp.send(angle=math.pi / 2)
    blimp.bench.spin_until(lambda: blimp.duties() == (FULL, 24 / 45))
    assert blimp.pins[17].state == pytest.approx(0.0015 / 0.02)
    assert (blimp.pins[17].frequency, blimp.pins[19].frequency) == (50, 400)
    assert (blimp.pins[26].state, blimp.pins[21].state) == (0, 0)
    figures = blimp.figures()
    assert figures["servo_pulse_ms"] == "1.500"
    assert figures["commands"] == "1"
    blimp.send(left=0.001, right=0.0)
    blimp.bench.spin_until(lambda: blimp.duties() == (0, 0))


@pytest.mark.timing
def test_joints_come_in_any_order_among_others(blimp):
    blimp.send(
        name=["servo", "rudder", *NAMES[1::-1]],
        position=[math.pi, math.nan, 0.0, 0.0],
        effort=[math.nan, 1.0, 0.03, 0.06],
    )
    blimp.bench.spin_until(lambda: blimp.duties() == (FULL, 24 / 45))
    assert blimp.pins[17].state == pytest.approx(0.125)


@pytest.mark.timing
def test_the_motors_rest_while_the_shaft_turns(bench):
    blimp = Blimp(bench, servo_travel_time=0.4)
    start = time.monotonic()
    blimp.fly()
    assert time.monotonic() - start > 0.35  # at first it may be anywhere
    blimp.pins[19].clear_states()
    start = time.monotonic()
    bench.spin_until(lambda: blimp.keep(0.02, angle=math.pi) or blimp.duties() != (FULL, 24 / 45))
    assert blimp.duties() == (0, 0)
    assert blimp.pins[17].state == pytest.approx(0.125)
    bench.spin_until(lambda: blimp.keep(0.02, angle=math.pi) or blimp.duties() != (0, 0))
    assert 0.38 < time.monotonic() - start < 1.0
    assert [state.state for state in blimp.pins[19].states] == [FULL, 0.0, FULL]


BAD = {
    "NaN": ({"left": math.nan}, "not_finite", "effort[0] is nan"),
    "infinite angle": ({"angle": math.inf}, "not_finite", "position[0] is inf"),
    "pulling": ({"right": -0.001}, "range", "propellers only push"),
    "names": ({"name": ["a", "b", "c"]}, "names", "no joint left_propeller"),
    "size": ({"effort": [0.0]}, "size", "1 values of effort for 3 names"),
    "no efforts": ({"effort": []}, "size", "0 values of effort for 3 names"),
    "old": ({"age": 0.6}, "stale", "the limit is 0.5 s"),
    "ahead": ({"age": -3600.0}, "future", "ahead of the clock"),
}


@pytest.mark.timing
@pytest.mark.parametrize("fault", BAD)
def test_a_bad_command_moves_nothing_keeps_nothing_alive_and_is_counted(blimp, fault):
    command, reason, says = BAD[fault]
    blimp.send(**command)
    blimp.bench.spin_until(lambda: blimp.probe.said(says))
    assert blimp.duties() == (0, 0)
    blimp.fly()
    blimp.keep(0.8, **{"left": 0.01, **command})
    assert blimp.duties() == (0, 0)
    assert {state.state for state in blimp.pins[19].states} == {0, FULL}
    assert int(blimp.figures()[f"rejected/{reason}"]) > 10
    blimp.fly()


@pytest.mark.timing
def test_silence_stops_the_motors_says_why_and_commands_bring_them_back(blimp):
    blimp.fly()
    last = time.monotonic()
    blimp.bench.spin_until(lambda: blimp.duties() == (0, 0))
    assert 0.4 < time.monotonic() - last < 0.7
    blimp.bench.spin_until(lambda: blimp.probe.said("motors off: no valid joint_commands for 0.5"))
    assert blimp.probe.diagnostics[-1].level == DiagnosticStatus.WARN
    blimp.bench.spin_for(0.2)
    assert blimp.duties() == (0, 0)
    blimp.fly()
    blimp.bench.spin_until(lambda: blimp.probe.diagnostics[-1].message == "running")


def test_the_watchdog_runs_though_a_simulated_clock_stands_still(bench):
    blimp = Blimp(bench, servo_travel_time=0.0, use_sim_time=True)
    blimp.probe.tick(10**12)
    bench.spin_until(lambda: blimp.node.now() == 10**12)
    blimp.fly()
    bench.spin_until(lambda: blimp.duties() == (0, 0))


@pytest.mark.timing
def test_an_emergency_stop_holds_until_released_and_enabled(blimp):
    stop = blimp.probe.create_client(SetBool, "propulsion/emergency_stop")
    enable = blimp.probe.create_client(SetBool, "propulsion/enable")

    def call(client, data):
        return blimp.bench.call(client, SetBool.Request(data=data))

    def moves():
        blimp.keep(0.2)
        return blimp.duties() != (0, 0)

    assert moves()
    assert call(stop, True).message == "stopped"
    assert blimp.duties() == (0, 0)
    blimp.send(left=math.nan)  # what is said of it doesn't hide the stop for long
    assert not moves()
    blimp.bench.spin_until(lambda: blimp.probe.said_last("emergency stop is active"))
    refused = call(enable, True)
    assert not refused.success
    assert "release it first" in refused.message
    assert call(stop, False).message == "released: call `~/enable` true to move again"
    assert not moves()
    assert call(enable, True).success
    assert blimp.duties() == (0, 0)  # the last command was before the stop
    assert moves()
    assert call(enable, False).success
    assert blimp.duties() == (0, 0)
    assert not moves()
    blimp.bench.spin_until(lambda: blimp.probe.said_last("disabled: call"))


def test_pins_that_fail_leave_the_motors_off_and_the_node_up(blimp):
    blimp.fly()
    turn = blimp.node.outputs.turn
    blimp.node.outputs.turn = lambda width: {}["by hand"]
    blimp.send()
    blimp.bench.spin_until(lambda: blimp.probe.said("setting the pins failed: 'by hand'"))
    assert blimp.duties() == (0, 0)
    # One motor that can't be stopped doesn't keep the other turning.
    blimp.node.outputs.turn = turn
    blimp.fly()
    left = blimp.node.outputs.motors[0]
    blimp.node.outputs.motors[0] = type("Stuck", (), {"off": lambda self: {}["stuck"]})()
    blimp.bench.spin_until(lambda: blimp.probe.said("motors can't be stopped"))
    assert blimp.duties() == (FULL, 0)
    blimp.node.outputs.motors[0] = left


def test_parameters_change_at_run_time_whole_or_not_at_all(blimp):
    node = blimp.node
    assert node.set_parameters([Parameter("full_duty", value=0.6)])[0].successful
    blimp.send()
    blimp.bench.spin_until(lambda: blimp.duties() == (0.6, 18 / 45))
    refused = node.set_parameters([Parameter("minimum_duty", value=0.7)])[0]
    assert "is not above full_duty" in refused.reason
    assert not node.set_parameters([Parameter("left_pin", value=5)])[0].successful


def test_stopped_for_good_the_pins_are_let_go(blimp):
    blimp.fly()
    rest = blimp.node.outputs.rest
    # At rest while the pins are still held.
    blimp.node.outputs.rest = lambda: (
        rest() or held.append((blimp.pins[19].function, *blimp.duties()))
    )
    held = []
    blimp.node.stop()
    assert held == [("output", 0, 0)]
    assert blimp.duties() == (0, 0)
    assert blimp.pins[19].function == "input"
    blimp.send()
    blimp.bench.spin_for(0.2)
    assert blimp.duties() == (0, 0)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"propellers": ["a"]}, "three joints of different names"),
        ({"servo": "left_propeller"}, "three joints of different names"),
        ({"pin_factory": "real"}, "pin_factory is empty or mock, not 'real'"),
        ({"left_pin": 12}, "a pin is used twice"),
        ({"dead_zone": 0.06}, r"dead_zone \(0.06 N\) is less than max_effort"),
        ({"servo_minimum_angle": 4.0}, r"servo_minimum_angle \(4 rad\) is less than"),
        ({"nonsense": 1}, "has no parameter nonsense"),
    ],
)
def test_parameters_that_contradict_are_refused(bench, values, says):
    with pytest.raises(ConfigurationError, match=says):
        Propulsion(**options(**{"pin_factory": "mock", **values}))


def test_without_pins_it_says_so(bench, monkeypatch):
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "nowhere")
    with pytest.raises(ConfigurationError, match=r"'nowhere'.*a dry run needs no pins"):
        Propulsion()


anything = st.floats(allow_nan=True, allow_infinity=True, width=64)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.one_of(st.just(NAMES), st.lists(st.sampled_from([*NAMES, "other"]), max_size=5)),
    efforts=st.lists(st.one_of(anything, st.floats(0, 0.1)), min_size=2, max_size=4),
    positions=st.lists(anything, min_size=2, max_size=4),
    age=st.one_of(st.just(0), st.integers(-(2**40), 2**40)),
)
def test_no_message_brings_a_duty_out_of_bounds_or_an_exception(
    blimp, names, efforts, positions, age
):
    message = joint_state(
        max(0, blimp.node.now() - age), names, np.array(positions), effort=np.array(efforts)
    )

    def handled():
        values = blimp.node.diagnostic_values()
        return sum(int(n) for name, n in values.items() if name.startswith(("rej", "commands")))

    before = handled()
    blimp.publisher.publish(message)
    blimp.bench.spin_until(lambda: handled() > before)
    for pin, least, most in ((19, 0, FULL), (12, 0, FULL), (17, 0.025, 0.125)):
        value = blimp.pins[pin].state
        assert value == 0 or least - 1e-9 <= value <= most + 1e-9


def test_an_exception_in_a_callback_stops_the_motors_and_not_the_node():
    program = (
        "from neuro_control.drivers.propulsion import Propulsion\n"
        "from neuro_control.ros.process import run_node\n"
        "class Failing(Propulsion):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.finished = False\n"
        "        self.create_timer(0.05, self.fail, clock=self.steady)\n"
        "        self.create_timer(0.2, self.look, clock=self.steady)\n"
        "    def fail(self):\n"
        "        self.outputs.drive((0.5, 0.5))\n"
        "        self.left, self.right = self.outputs.motors[0].pin, self.outputs.motors[1].pin\n"
        "        assert (self.left.state, self.right.state) == (0.5, 0.5)\n"
        "        raise RuntimeError('by hand')\n"
        "    def look(self):\n"
        "        print(self.left.state, self.right.state)\n"
        "        self.finished = True\n"
        "run_node(Failing)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--ros-args", "-p", "pin_factory:=mock"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert "RuntimeError: by hand" in done.stderr
    assert done.stdout == "0.0 0.0\n"
    assert done.returncode == 0


def run(*arguments):
    return subprocess.Popen(
        [
            *(sys.executable, str(ROOT / "bin" / "propulsion"), "--ros-args"),
            *("-r", "__ns:=/dry", *arguments),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_dry_run_ends_when_told(end):
    with run("-p", "pin_factory:=mock") as process:
        assert "waiting for joint_commands" in process.stderr.readline()
        process.send_signal(end)
        _, rest = process.communicate(timeout=10)
    assert process.returncode == 0
    assert rest == ""


def test_without_pins_the_executable_ends_with_one_line(monkeypatch):
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "nowhere")
    with run() as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.startswith("error: the pins of this machine can't be used: ")
    assert errors.count("\n") == 1
