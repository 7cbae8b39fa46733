# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The statements T and S of docs/safety.md: the lidar and the simulation."""

import math
import os

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sensor_msgs.msg import Range

from neuro_control.drivers.tfmini import Reading, Tfmini, distance
from neuro_control.ros.messages import SENSOR_QOS, joint_state, to_nanoseconds
from tests.bench import Probe, options
from tests.policies import holds, sequences, told
from tests.ros.simulation_setting import rig


class Machine(RuleBasedStateMachine):
    """A machine over a node that lives on from sequence to sequence."""

    def __init__(self):
        super().__init__()
        self.trail = []


# The lidar.


def framed(centimetres, strength=1000):
    body = b"\x59\x59" + centimetres.to_bytes(2, "little") + strength.to_bytes(2, "little")
    body += b"\x04\x09"
    return body + bytes([sum(body) % 256])


class LidarMachine(Machine):
    """A lidar on a serial line that sends anything."""

    def send(self, data):
        os.write(self.line, data)

    def nothing_follows(self):
        before = len(self.ranges)
        self.bench.spin_for(0.06)
        holds("T2", len(self.ranges) == before, self.ranges[before:])

    @rule(
        before=st.sampled_from((b"", b"\x00" * 7, b"\x59", framed(300)[:5])),
        centimetres=st.sampled_from((0, 5, 123, 1100, 1300, 65535, 65534, 65532)),
        strength=st.sampled_from((0, 99, 100, 1000, 65534, 65535)),
    )  # fmt: skip
    @told
    def frame(self, before, centimetres, strength):
        count, earliest = len(self.ranges), self.node.now()
        self.send(before + framed(centimetres, strength))
        self.bench.spin_until(lambda: len(self.ranges) > count, what="a range")
        message = self.ranges[-1]
        expected = distance(Reading(centimetres, strength, 32.5), self.node.parameters)
        same = message.range == np.float32(expected) or (
            math.isnan(message.range) and math.isnan(expected)
        )
        holds("T1", same, f"{message.range} in place of {expected}")
        stamp = to_nanoseconds(message.header.stamp)
        holds("T1", earliest <= stamp <= self.node.now(), stamp)
        self.nothing_follows()

    @rule(junk=st.sampled_from((b"\x00" * 40, b"\xff" * 9, framed(123)[:-1] + b"\x00", b"")))
    @told
    def no_frame(self, junk):
        self.send(junk)
        self.nothing_follows()


def test_whatever_comes_over_the_line_the_lidar_publishes_what_is_stated(bench):
    pytest.importorskip("serial")
    line, port = os.openpty()
    try:
        node = bench.add(Tfmini(**options(port=os.ttyname(port), publishing_period=0.02)))
        ranges, probe = [], bench.add(Probe())
        probe.create_subscription(Range, "lidar/range", ranges.append, SENSOR_QOS)
        bench.spin_until(
            lambda: probe.count_publishers("lidar/range") and node.count_subscribers("lidar/range")
        )

        class Own(LidarMachine):
            pass

        Own.bench, Own.node, Own.ranges, Own.line = bench, node, ranges, line
        run_state_machine_as_test(Own, settings=sequences(examples=3, steps=8))
    finally:
        os.close(line)
        os.close(port)


# The simulation.


class SimulationMachine(Machine):
    """A simulation in lockstep, whose observations are answered by anything."""

    def command(self, stamp, **changes):
        names = [f"joint_{number}" for number in range(1, 6)]
        message = joint_state(stamp, names, effort=np.zeros(5))
        for name, value in changes.items():
            setattr(message, name, value)
        self.pilot.command.publish(message)

    @property
    def stamp(self):
        return to_nanoseconds(self.pilot.observations[-1].header.stamp)

    @rule(effort=st.sampled_from((0.0, 0.5, -1.0, 1e3, 1e308)))
    @told
    def answer(self, effort):
        steps, stamp = self.node.steps, self.stamp
        self.command(stamp, effort=[effort] * 5)
        self.bench.spin_until(lambda: self.stamp > stamp, what="the next observation")
        holds("S2", self.node.steps == steps + 1, self.node.steps)
        message = self.pilot.observations[-1]
        numbers = [*message.position, *message.velocity, *message.effort]
        holds("S1", np.isfinite(numbers).all(), message)

    @rule(kind=st.sampled_from(("NaN", "infinite", "names", "sizes", "old", "ahead")))
    @told
    def no_answer(self, kind):
        steps, stamp = self.node.steps, self.stamp
        changes = {
            "NaN": {"effort": [math.nan] * 5},
            "infinite": {"effort": [math.inf] * 5},
            "names": {"name": ["joint_1"] * 5},
            "sizes": {"effort": [0.0] * 4},
        }
        moved = {"old": -30_000_000, "ahead": 30_000_000}.get(kind, 0)
        self.command(max(stamp + moved, 0) if moved >= 0 or stamp else 1, **changes.get(kind, {}))
        self.bench.spin_for(0.05)
        holds("S2", self.node.steps == steps, f"{kind}: {self.node.steps}")

    @rule()
    @told
    def silence(self):
        """The observation comes again until it is answered."""
        count, stamp = len(self.pilot.observations), self.stamp
        self.bench.spin_until(
            lambda: len(self.pilot.observations) > count, what="the observation again"
        )
        holds("S3", self.stamp == stamp, self.stamp)


def test_whatever_is_commanded_the_simulation_does_what_is_stated(bench):
    simulation, pilot = rig(bench, lockstep=True)
    pilot.answering = False
    simulation.start()
    bench.spin_until(lambda: pilot.observations)

    class Own(SimulationMachine):
        pass

    Own.bench, Own.node, Own.pilot = bench, simulation, pilot
    run_state_machine_as_test(Own, settings=sequences(examples=3, steps=10))
