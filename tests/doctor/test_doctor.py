# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The doctor finds what is wrong with a machine and its networks, and names what mends it."""

import json
import os

import pytest
from click.testing import CliRunner
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from neuro_control.cli.doctor import doctor
from neuro_control.doctor import machine, network, running
from neuro_control.doctor.check import Outcome, failed, findings, passed
from neuro_control.doctor.robot import doctors, settings
from neuro_control.drivers.tfmini import TfminiParameters
from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import to_stamp


def raising(error):
    def check():
        raise error

    return check


def test_a_check_that_fails_does_not_keep_the_others_from_running():
    found = list(
        findings(
            [
                ("one", raising(OSError("no such thing"))),
                ("two", raising(ConfigurationError("pip install two"))),
                ("three", lambda: [passed("three", "well"), failed("four", "ill", "mend it")]),
            ]
        )
    )
    assert [each.name for each in found] == ["one", "two", "three", "four"]
    assert "no such thing" in found[0].remedy
    assert found[1].remedy == "pip install two"
    assert [each.outcome for each in found].count(Outcome.FAIL) == 3


def test_everything_that_is_not_well_has_a_remedy(monkeypatch):
    monkeypatch.setattr(machine, "_DRAW", "raise SystemExit(1)")
    found = list(findings(machine.checks()))
    assert len(found) >= len(machine.checks())
    assert all(bool(each.remedy) == (each.outcome is not Outcome.PASS) for each in found)
    pictures = next(each for each in found if each.name == "rendering")
    assert pictures.outcome is Outcome.WARN
    assert "libegl1" in pictures.remedy


@pytest.mark.parametrize(
    ("number", "outcome"),
    [("", "pass"), ("42", "pass"), ("140", "warn"), ("300", "fail"), ("mine", "fail")],
)
def test_a_domain_that_can_not_be_is_named(monkeypatch, number, outcome):
    monkeypatch.setenv("ROS_DOMAIN_ID", number)
    assert machine.domain().outcome.value == outcome


def test_a_missing_library_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setattr(machine, "_LIBRARIES", ("numpy", "no-such-library"))
    assert machine.libraries().remedy == "pip install no-such-library"


def test_an_interface_that_is_missing_down_or_elsewhere_is_named(monkeypatch):
    missing = network.interface_check("enp99")
    assert missing.outcome is Outcome.FAIL
    assert "lo" in missing.remedy
    assert network.interface_check("lo", "192.168.123.0/24").outcome is Outcome.PASS
    monkeypatch.setattr(network, "address", lambda name: "10.0.0.2")
    monkeypatch.setattr(network, "interfaces", lambda: ["eth"])
    monkeypatch.setattr(network, "flags", lambda name: 0x1)
    other = network.interface_check("eth", "192.168.123.0/24")
    assert other.remedy.endswith("192.168.123.99/24")
    monkeypatch.setattr(network, "flags", lambda name: 0)
    assert "it is down" in network.interface_check("eth").detail


def test_multicast_is_tried_by_a_packet_that_comes_back(monkeypatch):
    if not network.flags("lo") & 0x1000:
        assert "one by one" in network.multicast("lo").detail
    monkeypatch.setattr(network, "_GROUP", "10.255.255.1")  # no group: nothing comes back
    assert network.multicast("").outcome is Outcome.FAIL


class Speaker:
    """Publishes diagnostics as a node of a machine whose clock is off."""

    def __init__(self, offset):
        import time

        import rclpy

        from neuro_control.ros import process

        self.time, self.context = time, rclpy.Context()
        rclpy.init(context=self.context, signal_handler_options=process.SignalHandlerOptions.NO)
        self.node = rclpy.create_node("speaker", context=self.context)
        self.publisher = self.node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.offset = offset

    def speak(self):
        status = DiagnosticStatus(level=DiagnosticStatus.ERROR, name="arm: driver", message="lost")
        message = DiagnosticArray(status=[status])
        message.header.stamp = to_stamp(self.time.time_ns() + round(self.offset * 1e9))
        self.publisher.publish(message)

    def close(self):
        import rclpy

        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


def test_nodes_that_run_are_listed_and_a_clock_that_is_off_is_noticed(monkeypatch):
    monkeypatch.setattr(running, "_LISTENS", 0.5)
    speaker = Speaker(-3.0)
    spin = running.process.spin

    def speaking(listening, until):
        spin(listening, lambda: speaker.speak() or until())

    monkeypatch.setattr(running.process, "spin", speaking)
    try:
        found = {each.name: each for each in running.running_nodes()}
    finally:
        speaker.close()
    assert found["arm: driver"].outcome is Outcome.FAIL
    assert found["clock offset"].outcome is Outcome.FAIL
    assert "+3" in found["clock offset"].detail


def test_the_command_tells_line_by_line_and_ends_with_1_if_one_failed(monkeypatch):
    # It has a test of its own, and click's runner has no files that rclpy could write to.
    monkeypatch.setattr(running, "running_nodes", lambda: passed("running nodes", "none"))
    monkeypatch.setattr(machine, "_DRAW", "")
    done = CliRunner().invoke(doctor, ["--json", "-"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)["checks"]
    assert {each["name"] for each in told} >= {"python", "middleware", "multicast", "firewall"}
    assert os.environ["ROS_DOMAIN_ID"] in next(
        each["detail"] for each in told if each["name"] == "domain"
    )
    monkeypatch.setenv("ROS_DOMAIN_ID", "none")
    done = CliRunner().invoke(doctor, [])
    assert done.exit_code == 1
    assert "FAIL  domain" in done.stdout


def test_robots_are_found_and_an_unknown_one_or_parameter_is_refused():
    assert set(doctors()) == {"go2", "blimp"}
    done = CliRunner().invoke(doctor, ["cat"])
    assert "no robot 'cat': there are blimp, go2" in str(done.exception)
    with pytest.raises(ConfigurationError, match="no parameter prot"):
        settings(TfminiParameters, {"prot": "/dev/serial0"})
