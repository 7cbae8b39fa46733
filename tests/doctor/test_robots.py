# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The doctor of each robot against real DDS, a real serial line, and gpiozero's own mock pins."""

import os
import threading
import time

import pytest

pytest.importorskip("cyclonedds", reason="needs cyclonedds: pip install 'neuro_control[unitree]'")
pytest.importorskip("serial", reason="needs pyserial: pip install 'neuro_control[hardware]'")

from neuro_control.blimp.nodes import hardware_checks as blimp
from neuro_control.doctor.check import Outcome, findings
from neuro_control.quadruped.go2 import doctor as go2
from neuro_control.quadruped.go2 import sport
from tests.drivers.test_tfmini import frame
from tests.drivers.unitree_peer import DOMAIN, LYING, STANDING, Peer


class Living:
    """Calls something steadily in a thread, as a device lives."""

    def __init__(self, live, period):
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(live, period))
        self._thread.start()

    def _run(self, live, period):
        while not self._over.wait(period):
            live()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()


def by_name(found):
    return {each.name: each for each in found}


def outcomes(found):
    return {each.name: each.outcome.value for each in found}


GO2 = {
    "unitree_go2": {
        "domain": DOMAIN, "network_interface": "lo", "state_timeout": 4.0, "damp_after": 10.0
    }
}  # fmt: skip


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.close()


def test_a_go2_that_sends_nothing_is_named_with_what_to_look_at(monkeypatch, peer):
    monkeypatch.setattr(go2, "_FIRST", 0.2)
    peer.silent = True
    with Living(peer.live, 0.01):
        found = by_name(findings(go2.checks(GO2)))
    assert found["states"].outcome is Outcome.FAIL
    assert f"domain {DOMAIN} through lo" in found["states"].detail
    assert "switch the robot on" in found["states"].remedy


def test_what_a_go2_sends_is_judged_by_rate_contents_and_battery(monkeypatch, peer):
    monkeypatch.setattr(go2, "_COUNTED", 0.4)
    monkeypatch.setattr(go2, "_SLOWEST", 0.1)  # whatever else this machine does

    def spoil(state):
        state.bms_state.soc, state.crc = 3, 0
        state.imu_state.accelerometer = [0.0, 0.0, 4.0]
        state.motor_state[2].q = 9.0

    peer.spoil = spoil
    with Living(peer.live, 0.004):
        found = by_name(findings(go2.checks(GO2)))
    assert found["rates"].outcome is Outcome.PASS, found["rates"]
    slow = go2._rate(go2._Heard(elapsed=1.0, sport_states=50))
    assert slow.outcome is Outcome.FAIL
    assert "cable" in slow.remedy
    assert "out of its range" in found["plausible states"].detail
    assert found["IMU"].outcome is Outcome.FAIL
    assert found["battery"].remedy == "charge it to more than 5 %"
    assert '"name": "normal"' in found["the robot's own controller"].detail


class Obeying(Peer):
    """It stands up and lies down when it is asked to, but for a knee that is stuck."""

    stuck = False

    def live(self):
        super().live()
        for number in self.asked():
            if number in (1004, 1005):
                self.leg = STANDING if number == 1004 else LYING

    def state(self):
        made = super().state()
        if self.stuck:
            made.motor_state[2].q, made.crc = -2.0, 0
        return made


@pytest.mark.parametrize("stuck", [False, True])
def test_before_its_first_walk_a_go2_stands_up_lies_down_and_stops(monkeypatch, stuck):
    monkeypatch.setattr(go2, "_RISES", 20.0)
    monkeypatch.setattr(sport, "_SETTLED", 0.1)
    peer, asked = Obeying(), []
    peer.leg, peer.stuck = LYING, stuck
    peer.spoil = lambda state: setattr(state.bms_state, "soc", 80) or setattr(state, "crc", 0)

    def ask(question):
        asked.append((question, peer.asked().count(1004)))
        return True

    try:
        with Living(peer.live, 0.004):
            found = list(go2.before_start(GO2, ask))
    finally:
        peer.close()
    assert asked[0][1] == 0  # nothing moves before somebody has said yes
    told = by_name(found)
    if stuck:
        assert "FR_calf_joint did not turn" in told["actuators"].detail
    else:
        assert set(outcomes(found).values()) == {"pass"}, found
    assert told["emergency stop"].outcome is Outcome.PASS
    assert peer.asked().count(1001) >= 1  # the stop damped its joints


def test_a_no_moves_no_go2():
    peer = Obeying()
    peer.leg = LYING
    try:
        with Living(peer.live, 0.004):
            found = outcomes(go2.before_start(GO2, lambda question: False))
    finally:
        peer.close()
    assert found["actuators"] == "fail"
    assert not {1004, 1005} & set(peer.asked())


class Lidar:
    """A TFmini-S behind a pseudo-terminal."""

    def __init__(self):
        self.host, device = os.openpty()
        self.device, self.port = device, os.ttyname(device)
        self.centimetres = 50

    def live(self):
        os.write(self.host, frame(self.centimetres))

    def close(self):
        os.close(self.host)
        os.close(self.device)


@pytest.fixture
def lidar(monkeypatch):
    monkeypatch.setattr(blimp, "_COUNTED", 0.2)
    monkeypatch.setattr(blimp, "_TURNS", 0.15)
    monkeypatch.setattr(blimp, "_FEWEST", 0.1)
    made = Lidar()
    yield made
    made.close()


def parameters_of(lidar):
    return {
        "tfmini": {"port": lidar.port, "publishing_period": 0.02},
        "propulsion": {"pin_factory": "mock", "servo_travel_time": 0.1},
    }


def test_a_blimps_port_frames_and_pins_are_checked(lidar):
    with Living(lidar.live, 0.01):
        found = by_name(findings(blimp.checks(parameters_of(lidar))))
    assert [each.outcome for each in found.values()] == [Outcome.PASS] * 3, found
    assert "0.50 m" in found["lidar"].detail
    silent = by_name(findings(blimp.checks(parameters_of(lidar))))
    assert "pin 10" in silent["lidar"].remedy
    lidar.port = "/dev/no_such_port"
    missing = by_name(findings(blimp.checks(parameters_of(lidar))))
    assert "raspi-config" in missing["serial port"].remedy
    assert missing["pins"].outcome is Outcome.PASS


@pytest.mark.timing
def test_before_take_off_a_blimp_is_lifted_turns_each_propeller_and_stops(lidar):
    asked = []

    def ask(question):
        asked.append(question)
        if "Lift it" in question:
            lidar.centimetres = 100
        return "right propeller" not in question  # its motor is not plugged in

    with Living(lidar.live, 0.01):
        start = time.monotonic()
        found = outcomes(blimp.before_start(parameters_of(lidar), ask))
        assert time.monotonic() - start < 60
    assert found == {
        "battery": "pass", "altitude": "pass", "servo": "pass", "left propeller": "pass",
        "right propeller": "fail", "emergency stop": "pass",
    }  # fmt: skip
    assert len(asked) == 7


def test_a_no_turns_no_propeller(lidar, monkeypatch):
    monkeypatch.setattr(blimp, "_ANSWERS", 0.2)
    found = outcomes(blimp.before_start(parameters_of(lidar), lambda question: False))
    assert found == {"battery": "fail", "altitude": "fail", "actuators": "fail"}
