# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Failures that a parameter service switches while a simulation runs, seen through topics."""

import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.node import Simulation
from tests.bench import options
from tests.ros.test_effects import SWIM, Puppeteer

ON = {**SWIM, "failure_injection": True}
STUCK = "joint_2 stuck"


class Setting:
    """A simulation whose observations are answered, and a client of its parameter service."""

    def __init__(self, bench, **parameters):
        self.bench = bench
        self.simulation = bench.add(Simulation(**options(**parameters)))
        self.puppeteer = bench.add(Puppeteer(1e-6))
        self.client = self.puppeteer.create_client(SetParameters, "/simulation/set_parameters")
        bench.spin_until(lambda: len(self.puppeteer.received) > 3)

    def set(self, **parameters):
        """The service's answer."""
        wanted = [
            Parameter(name, value=value).to_parameter_msg() for name, value in parameters.items()
        ]
        return self.bench.call(self.client, SetParameters.Request(parameters=wanted)).results[0]

    def angles(self, count=10):
        """Angles of the next observations, (count, 5)."""
        self.puppeteer.received.clear()
        self.bench.spin_until(lambda: len(self.puppeteer.received) >= count)
        return np.array([message.position for message in self.puppeteer.received[:count]])


def test_a_failure_comes_and_goes_while_the_simulation_runs(bench):
    setting = Setting(bench, **ON)
    assert np.ptp(setting.angles(), axis=0).all()
    assert setting.set(injected_failures=STUCK).successful
    spread = np.ptp(setting.angles(), axis=0)
    assert spread[1] == 0
    assert spread[[0, 2, 3, 4]].all()
    bench.spin_until(lambda: setting.simulation.reported_state()[1].endswith(STUCK))
    assert setting.set(injected_failures="none").successful
    assert np.ptp(setting.angles(), axis=0).all()
    assert setting.simulation.reported_state()[1] == "running"


def test_failures_are_refused_unless_the_start_allowed_them(bench):
    setting = Setting(bench, **SWIM)
    answer = setting.set(injected_failures=STUCK)
    assert not answer.successful
    assert "start the node with failure_injection true" in answer.reason
    answer = setting.set(failure_injection=True)
    assert not answer.successful
    assert np.ptp(setting.angles(), axis=0).all()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gps off", "no sensor 'gps': the model has"),
        ("motor:propeller off", "no motor 'propeller': the model has"),
        ("joint_2 broken", "no failure 'broken': there are off, stuck"),
        ("joint_2", "a failure is COMPONENT KIND"),
    ],
)
def test_what_the_robot_can_not_fail_in_is_refused_with_a_reason(bench, text, reason):
    setting = Setting(bench, **ON)
    assert setting.set(injected_failures=STUCK).successful
    answer = setting.set(injected_failures=text)
    assert not answer.successful
    assert reason in answer.reason
    assert setting.simulation.active_effects.failures == (STUCK,)


def test_a_failure_outlasts_a_reset_and_is_there_from_the_start_if_it_was_given_then(bench):
    setting = Setting(bench, **ON, injected_failures="joint_2 wrong 7")
    assert setting.angles()[:, 1].min() > 6
    reset = setting.puppeteer.create_client(Trigger, "/simulation/reset")
    assert bench.call(reset, Trigger.Request()).success
    assert setting.angles()[2:, 1].min() > 6


def test_a_failure_that_the_model_does_not_know_stops_the_start(bench):
    with pytest.raises(ConfigurationError, match="no sensor 'tail'"):
        Simulation(**options(**ON, injected_failures="tail off"))
