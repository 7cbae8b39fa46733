# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The statements L of docs/safety.md: what gets to a Go2's motors at the low level.

The rules that drive them know neither clock nor messages, so that hours pass in a second.
"""

import math
from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from neuro_control.quadruped.go2.low_level import Motors
from neuro_control.quadruped.go2.motors import HIGHEST, LOWEST, TORQUE
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from tests.policies import holds, sequences, told

TICK = 0.01  # s
# What commands ask for: rest, something, or more than any motor has.
EFFORTS = st.sampled_from((0.0, 5.0, 1e3, 1e308))


class MotorsMachine(RuleBasedStateMachine):
    """Motors under random commands and states, beside what the statements allow."""

    def __init__(self):
        super().__init__()
        self.trail = []
        self.now = 0.0
        self.limits = UnitreeParameters(level="low", release_sport=False)
        self.sent = []
        self.motors = Motors(self.limits, lambda call: None, self.sent.append)
        self.state = None
        self.may = False  # whether somebody unlocked, and nothing has happened since
        self.must_rest = False  # whether a loss or a stop came before it was unlocked
        self.seen = self.commanded = -math.inf  # last state, last command that drove
        self.steady = math.inf  # since when commands have come
        self.rested = math.inf  # when the last asked for more than rest, or the first came
        self.last = -math.inf  # last good command

    @initialize(seed=st.integers(0, 99))
    @told
    def begin(self, seed):
        self.rng = np.random.default_rng(seed)

    def observe(self):
        self.state = SimpleNamespace(
            angles=self.rng.uniform(LOWEST, HIGHEST), speeds=self.rng.normal(0.0, 10.0, 12)
        )
        self.seen = self.now
        self.motors.observe(self.now, self.state)

    def command(self, effort):
        gap = self.now - self.last
        if gap > 0.5:  # below 2 Hz
            self.steady = self.rested = self.now
        if effort > 0.0:
            self.rested = self.now
        self.last = self.now
        angles, speeds = self.rng.uniform(LOWEST, HIGHEST), self.rng.normal(0.0, 20.0, 12)
        efforts = effort * self.rng.choice([-1.0, 1.0], 12)
        self.sent.clear()
        drove = self.motors.drive(self.now, angles, speeds, efforts)
        holds("L2", drove == any(each is not None for each in self.sent))
        if not drove:
            return
        holds("L2", self.may, "it drives while locked, braking or stopped")
        holds("L4", self.now - self.seen <= self.limits.bridge_time + 1e-9, self.now - self.seen)
        holds("L5", self.now - self.steady >= 1.0 - 1e-9, self.now - self.steady)
        if self.must_rest:
            holds("L5", self.now - self.rested >= 2.0 - 1e-9, self.now - self.rested)
            self.must_rest = False
        self.commanded = self.now
        self.judge(self.sent[-1])

    def judge(self, drive):
        most = self.limits.torque_share * TORQUE
        s = self.state
        whole = (
            drive.torques
            + drive.stiffness * (drive.angles - s.angles)
            + drive.damping * (drive.speeds - s.speeds)
        )
        holds("L1", all(np.isfinite(each).all() for each in drive), drive)
        holds("L1", (np.abs(drive.torques) <= most + 1e-9).all(), drive.torques)
        holds("L1", (np.abs(whole) <= most + 1e-6).all(), whole)

    def live(self, seconds, states, every, effort):
        """Time passes, with states or without, and a command each so many ticks or none."""
        for k in range(round(seconds / TICK)):
            self.now += TICK
            if states:
                self.observe()
            if every and k % every == 0:
                self.command(effort)
            self.sent.clear()
            taken = self.motors.taken
            self.motors.tick(self.now)
            if self.may and self.now - self.seen > self.limits.state_timeout + 1e-9:
                self.may, self.must_rest = False, True
            holds("L3", all(each is None for each in self.sent), "a tick drives nothing")
            silent = self.now - self.commanded > self.limits.motor_timeout + 1e-9
            if taken and (silent or not self.may):
                holds("L3", self.sent, "the motors are not braked")

    @rule(
        seconds=st.sampled_from((0.1, 0.6, 1.5, 3.0)), states=st.booleans(),
        every=st.sampled_from((1, 5, 60, 0)), effort=EFFORTS,
    )  # fmt: skip
    @told
    def anything(self, seconds, states, every, effort):
        self.live(seconds, states, every, effort)

    @rule(rests=st.sampled_from((0.0, 1.2, 2.5)), effort=EFFORTS)
    @told
    def work(self, rests, effort):
        """Unlocked, with states, commands ask for rest, and then for something."""
        self.unlock()
        self.live(rests, states=True, every=1, effort=0.0)
        self.live(2.5, states=True, every=2, effort=effort)

    @rule()
    @told
    def call_unlock(self):
        self.unlock()

    def unlock(self):
        if not self.may:
            self.may = True
            self.steady = self.rested = math.inf
            self.last = -math.inf
            self.commanded = -math.inf
        self.motors.unlock(self.now)

    @rule()
    @told
    def lock(self):
        self.may = False
        self.motors.lock(self.now)

    @rule()
    @told
    def stop(self):
        """What an emergency stop and ``~/damp`` do."""
        self.must_rest = self.must_rest or self.motors.taken
        self.may = False
        self.sent.clear()
        taken = self.motors.taken
        self.motors.brake("stopped")
        holds("L2", self.sent == [None] if taken else not self.sent, self.sent)


def test_whatever_comes_the_motors_do_what_is_stated():
    driven = []

    class Machine(MotorsMachine):
        def judge(self, drive):
            driven.append(self.now)
            super().judge(drive)

    run_state_machine_as_test(Machine, settings=sequences(examples=25, steps=15))
    assert len(driven) > 1000  # there was something to judge
