# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import Range

from neuro_control.drivers.tfmini import (
    FRAME_SIZE,
    Parser,
    Reading,
    Tfmini,
    TfminiParameters,
    distance,
)
from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import SENSOR_QOS, to_nanoseconds
from tests.bench import Probe, options

ROOT = Path(__file__).resolve().parents[2]
# 1.23 m, strength 1000, 32.5 °C: (32.5 + 256) * 8 = 2308 = 0x0904.
EXAMPLE = bytes.fromhex("5959 7b00 e803 0409 25")


def frame(centimetres, strength=1000, temperature=2308):
    body = b"\x59\x59" + b"".join(
        number.to_bytes(2, "little") for number in (centimetres, strength, temperature)
    )
    return body + bytes([sum(body) % 256])


words = st.integers(0, 65535)
frames = st.builds(frame, words, words, words)
garbage = st.binary(max_size=40)
harmless = garbage.map(lambda data: data.replace(b"\x59", b"\x00"))


def readings_of(whole_frames):
    parser = Parser()
    return [reading for each in whole_frames for reading in parser.feed(each)]


def windows(stream):
    """Every place at which nine bytes are a good frame."""
    return [
        match.start()
        for match in re.finditer(rb"(?=\x59\x59(.{6})(.))", stream, re.S)
        if (0x59 + 0x59 + sum(match[1])) % 256 == match[2][0]
    ]


def test_a_frame_worked_by_hand():
    assert frame(123) == EXAMPLE
    assert Parser().feed(EXAMPLE) == [Reading(123, 1000, 32.5)]


@given(st.lists(st.tuples(harmless, frames), max_size=6), harmless)
def test_every_frame_is_found_whatever_lies_between_without_a_header(parts, end):
    parser = Parser()
    stream = b"".join(junk + whole for junk, whole in parts) + end
    assert parser.feed(stream) == readings_of(whole for _, whole in parts)
    assert parser.frames == len(parts)
    assert parser.bad_checksums == 0


@given(st.lists(st.one_of(garbage, frames), max_size=8).map(b"".join))
def test_only_good_frames_are_found_and_one_is_missed_only_where_another_lies_over_it(stream):
    parser = Parser()
    found = parser.feed(stream)
    expected, free = [], 0
    for start in windows(stream):
        if start >= free:
            free = start + FRAME_SIZE
            expected.append(stream[start:free])
    assert found == readings_of(expected)


@given(st.lists(st.one_of(garbage, frames), max_size=8).map(b"".join), st.data())
def test_how_the_stream_is_cut_does_not_matter_and_nothing_piles_up(stream, data):
    whole, cut = Parser(), Parser()
    found = []
    at = 0
    while at < len(stream):
        size = data.draw(st.integers(1, 12))
        found += cut.feed(stream[at : at + size])
        at += size
        # What is neither a frame nor skipped waits for its other half.
        waiting = min(at, len(stream)) - FRAME_SIZE * cut.frames - cut.skipped
        assert 0 <= waiting < FRAME_SIZE
    assert found == whole.feed(stream)
    assert (cut.frames, cut.bad_checksums) == (whole.frames, whole.bad_checksums)


def test_a_wrong_checksum_is_counted_and_the_next_frame_found():
    parser = Parser()
    bad = EXAMPLE[:-1] + b"\x26"
    assert parser.feed(bad + EXAMPLE) == [Reading(123, 1000, 32.5)]
    assert (parser.bad_checksums, parser.skipped) == (1, 9)


def test_a_header_within_what_looked_like_a_frame_is_found():
    parser = Parser()
    assert parser.feed(b"\x59\x59\x01" + EXAMPLE) == [Reading(123, 1000, 32.5)]


def test_half_a_frame_is_dropped_when_its_other_half_will_not_come():
    parser = Parser()
    parser.feed(EXAMPLE[:5])
    parser.clear()
    assert parser.feed(EXAMPLE) == [Reading(123, 1000, 32.5)]
    assert parser.skipped == 5


@pytest.mark.parametrize(
    ("centimetres", "strength", "expected"),
    [
        (123, 1000, 1.23),
        (10, 100, 0.1),
        (1200, 65534, 12.0),
        (9, 1000, -math.inf),
        (1201, 1000, math.inf),
        (123, 99, math.nan),
        (123, 65535, math.nan),
        *((centimetres, 1000, math.nan) for centimetres in (0, 65535, 65534, 65532)),
    ],
)
def test_distances_follow_rep_117(centimetres, strength, expected):
    found = distance(Reading(centimetres, strength, 30.0), TfminiParameters())
    assert found == pytest.approx(expected, nan_ok=True)


@given(words, words, words)
def test_any_frame_is_a_distance_in_range_or_one_of_the_three_words(c, strength, temperature):
    (reading,) = Parser().feed(frame(c, strength, temperature))
    found = distance(reading, TfminiParameters())
    assert math.isnan(found) or math.isinf(found) or 0.1 <= found <= 12.0
    assert math.isnan(found) == (
        strength < 100 or strength == 65535 or c in (0, 65535, 65534, 65532)
    )


class Lidar:
    """A pseudo-terminal that plays the lidar, under one path however often it is replugged."""

    def __init__(self, folder):
        self.path = folder / "serial"
        self.master = None

    def plug(self):
        self.master, slave = os.openpty()
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)

    def unplug(self):
        if self.master is not None:
            os.close(self.master)
            self.path.unlink()
            self.master = None

    def send(self, data):
        os.write(self.master, data)


@pytest.fixture
def lidar(tmp_path):
    made = Lidar(tmp_path)
    yield made
    made.unplug()


class Robot:
    def __init__(self, bench, lidar, **values):
        self.bench, self.lidar = bench, lidar
        self.probe = bench.add(Probe())
        self.ranges = []
        self.probe.create_subscription(Range, "lidar/range", self.ranges.append, SENSOR_QOS)
        self.node = bench.add(Tfmini(**options(port=str(lidar.path), **values)))
        bench.spin_until(
            lambda: (
                self.probe.count_publishers("lidar/range")
                and self.probe.count_publishers("/diagnostics")
                and self.node.count_subscribers("lidar/range")
            )
        )
        bench.spin_for(0.1)

    def hear(self, data):
        """Send bytes; the ranges that come of them."""
        self.ranges.clear()
        self.lidar.send(data)
        self.bench.spin_until(lambda: bool(self.ranges))
        self.bench.spin_for(0.15)
        return [message.range for message in self.ranges]

    def figures(self):
        return {v.key: v.value for v in self.probe.diagnostics[-1].values}


@pytest.mark.timing
def test_a_frame_becomes_a_range_with_its_time_of_arrival(bench, lidar):
    lidar.plug()
    robot = Robot(bench, lidar, frame_id="nose")
    before = robot.node.now()
    assert robot.hear(EXAMPLE) == [pytest.approx(1.23)]
    (message,) = robot.ranges
    assert before < to_nanoseconds(message.header.stamp) < robot.node.now() - 100_000_000
    assert message.header.frame_id == "nose"
    assert message.radiation_type == Range.INFRARED
    assert message.field_of_view == pytest.approx(math.radians(2))
    assert (message.min_range, message.max_range) == (pytest.approx(0.1), 12.0)


@pytest.mark.timing
def test_of_many_frames_the_newest_is_told_and_a_silent_lidar_is_a_silent_topic(bench, lidar):
    lidar.plug()
    robot = Robot(bench, lidar, publishing_period=0.2)
    robot.ranges.clear()
    start = time.monotonic()
    for centimetres in range(100, 150):
        lidar.send(frame(centimetres))
        bench.spin_for(0.01)
    bench.spin_for(0.25)
    # A range every 0.2 s at most, and not one of them twice.
    assert 2 <= len(robot.ranges) <= (time.monotonic() - start) / 0.2 + 1
    assert robot.ranges[-1].range == pytest.approx(1.49)
    told = [message.range for message in robot.ranges]
    assert sorted(set(told)) == told
    robot.ranges.clear()
    bench.spin_for(0.5)
    assert robot.ranges == []
    bench.spin_until(lambda: robot.probe.said("no frame on"))
    assert robot.probe.diagnostics[-1].level == DiagnosticStatus.WARN


def test_garbage_halves_and_weak_signals(bench, lidar):
    lidar.plug()
    robot = Robot(bench, lidar)
    assert robot.hear(b"\x00\x59garbage" + EXAMPLE + EXAMPLE[:4]) == [pytest.approx(1.23)]
    assert robot.hear(EXAMPLE[4:]) == [pytest.approx(1.23)]
    assert robot.hear(EXAMPLE[:-1] + b"\x00" + frame(200)) == [pytest.approx(2.0)]
    assert robot.hear(frame(5)) == [-math.inf]
    assert robot.hear(frame(1300)) == [math.inf]
    assert robot.hear(frame(65535, 20)) == [pytest.approx(math.nan, nan_ok=True)]
    robot.probe.diagnostics.clear()
    bench.spin_until(lambda: bool(robot.probe.diagnostics))
    assert robot.probe.diagnostics[-1].name == "tfmini: driver"
    assert robot.probe.diagnostics[-1].message == "running"
    figures = robot.figures()
    assert figures["frames"] == "6"
    assert figures["bad_checksums"] == "1"
    assert figures["skipped_bytes"] == str(9 + 9)
    assert figures["weak_readings"] == "1"
    assert figures["temperature_c"] == "32.5"


@pytest.mark.timing
def test_the_frame_rate_is_in_the_diagnostics(bench, lidar):
    lidar.plug()
    robot = Robot(bench, lidar)
    start, sent = time.monotonic(), 100
    for _ in range(sent):
        lidar.send(EXAMPLE)
        bench.spin_for(0.02)
    rate = sent / (time.monotonic() - start)
    rates = [
        float(v.value)
        for status in robot.probe.diagnostics
        for v in status.values
        if v.key == "frame_rate_hz"
    ]
    assert max(rates) == pytest.approx(rate, rel=0.3)


def test_a_port_that_comes_late_goes_and_comes_back(bench, lidar, capfd):
    robot = Robot(bench, lidar)
    bench.spin_until(lambda: robot.probe.said("No such file or directory; trying again"))
    status = robot.probe.diagnostics[-1]
    assert status.level == DiagnosticStatus.ERROR
    trouble = f"can't open {lidar.path}: No such file or directory"
    assert status.message == f"{trouble}; trying again every 1 s"
    assert robot.figures()["port"] == "missing"
    bench.spin_for(1.5)  # tried again, and nothing new to say
    assert robot.ranges == []
    lidar.plug()
    bench.spin_until(lambda: robot.node.port is not None)
    assert robot.hear(EXAMPLE) == [pytest.approx(1.23)]
    bench.spin_for(1.1)  # beyond what is told once
    lidar.send(EXAMPLE[:5])
    bench.spin_for(0.1)
    robot.probe.diagnostics.clear()
    lidar.unplug()
    bench.spin_until(lambda: robot.probe.said(f"lost {lidar.path}"))
    assert robot.node.port is None
    bench.spin_until(lambda: robot.probe.said("can't open"))
    lidar.plug()
    bench.spin_until(lambda: robot.node.port is not None)
    assert robot.hear(frame(200)) == [pytest.approx(2.0)]
    bench.spin_until(lambda: robot.probe.diagnostics[-1].message == "running")
    # Half a frame from before is not taken for the begin of the first one after.
    assert robot.figures()["bad_checksums"] == "0"
    lines = capfd.readouterr().err.splitlines()
    # One line a loss, one a return.
    assert len([line for line in lines if "trying again" in line]) == 2
    assert len([line for line in lines if line.endswith("running")]) == 2


def test_a_port_that_is_no_port_or_taken_is_told_in_a_line(bench, lidar, tmp_path):
    lidar.plug()
    first = bench.add(Tfmini("first", **options(port=str(lidar.path))))
    assert first.port is not None
    probe = bench.add(Probe())
    bench.spin_until(lambda: probe.count_publishers("/diagnostics"))
    bench.add(Tfmini("second", **options(port=str(lidar.path))))
    bench.spin_until(lambda: probe.said("(another program uses it)"))
    (tmp_path / "file").write_text("no port")
    bench.add(Tfmini("third", **options(port=str(tmp_path / "file"))))
    bench.spin_until(lambda: probe.said("Inappropriate ioctl"))


def test_ranges_that_contradict_are_refused(bench):
    with pytest.raises(ConfigurationError, match=r"minimum_range \(3 m\) is shorter than"):
        Tfmini(**options(minimum_range=3.0, maximum_range=2.0))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_executable_waits_for_its_port_and_ends_when_told(lidar, end):
    process = subprocess.Popen(
        [
            *(sys.executable, str(ROOT / "bin" / "tfmini"), "--ros-args"),
            *("-r", "__ns:=/waiting", "-p", f"port:={lidar.path}"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        line = process.stderr.readline()
        assert "can't open" in line
        process.send_signal(end)
        _, rest = process.communicate(timeout=10)
    assert process.returncode == 0
    assert rest == ""
