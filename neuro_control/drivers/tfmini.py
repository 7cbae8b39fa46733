# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The lidar Benewake TFmini-S on a serial port, as a range topic.

The lidar sends a frame of nine bytes a hundred times a second: two bytes 0x59, then distance (cm),
strength and temperature of two bytes each, the low byte first, and the low byte of the sum of
these eight. Source: Benewake, TFmini-S product manual (SJ-PM-TFmini-S), section 5.
"""

from __future__ import annotations

import errno
import math
import os
import struct
import termios
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Range

from neuro_control.drivers.driver import Driver
from neuro_control.errors import ConfigurationError
from neuro_control.ros.diagnostics.monitoring import Rate
from neuro_control.ros.messages import SENSOR_QOS, to_stamp
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node

if TYPE_CHECKING:
    import serial

HEADER = b"\x59\x59"
FRAME_SIZE = 9

# Strength that stands for a saturated signal.
_SATURATED = 65535
# Distances that stand for none, cm: old firmware; weak signal; saturated; ambient light too bright.
_NO_DISTANCE = (0, 65535, 65534, 65532)
# Width of the beam, rad.
_FIELD_OF_VIEW = math.radians(2.0)
# Time between two reads of the port, s: the lidar's own period, which bounds the stamps' error.
_POLL = 0.01
# Bytes per read: as many as the kernel buffers for a port that is not read.
_CHUNK = 4096
# Time between two attempts to open the port, and time without a frame that is reported, s.
_RETRY = 1.0


@dataclass(frozen=True)
class Reading:
    """Content of one frame.

    Attributes:
        centimetres: Distance, cm, or one of four numbers that stand for none.
        strength: Strength of the signal, 0 to 65535.
        temperature: Temperature of the chip, °C.
    """

    centimetres: int
    strength: int
    temperature: float

    def reliable(self, minimum_strength: int) -> bool:
        """Whether the signal is strong enough, and not saturated, for a valid distance."""
        return (
            minimum_strength <= self.strength < _SATURATED and self.centimetres not in _NO_DISTANCE
        )


class Parser:
    """Finds frames in a stream of bytes that may begin, break off or go wrong anywhere.

    Attributes:
        frames: Good frames so far.
        bad_checksums: Headers whose frame had a wrong checksum.
        skipped: Bytes that belonged to no good frame.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.bad_checksums = 0
        self.skipped = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Reading]:
        """Readings of the frames that ``data`` completes, the oldest first."""
        stream = self._rest + data
        readings = []
        at = 0
        while len(stream) - at >= FRAME_SIZE:
            start = stream.find(HEADER, at)
            if start < 0:
                # The last byte may be half a header.
                start = len(stream) - stream.endswith(HEADER[:1])
            self.skipped += start - at
            at = start
            frame = stream[at : at + FRAME_SIZE]
            if len(frame) < FRAME_SIZE:
                break
            if sum(frame[:-1]) & 0xFF != frame[-1]:
                # A header may begin within what looked like a frame.
                self.bad_checksums += 1
                self.skipped += 1
                at += 1
                continue
            distance, strength, temperature = struct.unpack("<3H", frame[2:8])
            readings.append(Reading(distance, strength, temperature / 8 - 256))
            self.frames += 1
            at += FRAME_SIZE
        self._rest = stream[at:]
        return readings

    def clear(self) -> None:
        """Drop an incomplete frame whose rest will not come."""
        self.skipped += len(self._rest)
        self._rest = b""


@dataclass(frozen=True)
class TfminiParameters:
    """Parameters of the lidar node."""

    port: str = parameter("/dev/serial0", "Serial port that the lidar is on", fixed=True)
    baud_rate: int = parameter(
        115200, "Baud rate that the lidar is set to", low=9600, high=921600, fixed=True
    )
    publishing_period: float = parameter(
        0.1, "Time between two ranges, each the newest, s", low=0.01, high=10.0, fixed=True
    )
    frame_id: str = parameter("lidar", "Frame of the ranges, x along the beam")
    minimum_range: float = parameter(
        0.1, "Distance below which the answer is 'too close', m", low=0.0, high=12.0
    )
    maximum_range: float = parameter(
        12.0, "Distance above which the answer is 'nothing in range', m", low=0.1, high=100.0
    )
    minimum_strength: int = parameter(
        100, "Strength of the signal below which a distance is unreliable", low=0, high=65534
    )

    def __post_init__(self) -> None:
        if self.minimum_range >= self.maximum_range:
            raise ConfigurationError(
                f"minimum_range ({self.minimum_range:g} m) is shorter than "
                f"maximum_range ({self.maximum_range:g} m)"
            )


def distance(reading: Reading, parameters: TfminiParameters) -> float:
    """Distance as REP 117 has it, m: -inf too close, +inf nothing in range, NaN unreliable."""
    if not reading.reliable(parameters.minimum_strength):
        return math.nan
    metres = reading.centimetres / 100
    if metres < parameters.minimum_range:
        return -math.inf
    if metres > parameters.maximum_range:
        return math.inf
    return metres


class Tfmini(Driver[TfminiParameters]):
    """Publishes ``lidar/range`` (sensor_msgs/Range) from a TFmini-S.

    A range is stamped with the time at which its frame was read. Without a new frame no range is
    published, so that a controller's timeout notices a lost sensor. A port that is missing or was
    unplugged is tried again every second.

    Args:
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong, or pyserial is missing.
    """

    def __init__(self, name: str = "tfmini", **node_options: Any) -> None:
        try:
            import serial  # noqa: F401  # reported at start rather than every second
        except ImportError as error:
            raise ConfigurationError(
                "the lidar needs pyserial: pip install 'neuro_control[hardware]'"
            ) from error
        super().__init__(name, TfminiParameters, **node_options)
        self.port: serial.Serial | None = None
        self.parser = Parser()
        self._newest: tuple[int, Reading] | None = None  # time of arrival (ns), not yet published
        self._weak = 0
        self._temperature = math.nan
        self._received = time.monotonic()
        self._rate = Rate()
        self._publisher = self.create_publisher(Range, "lidar/range", SENSOR_QOS)
        self.create_timer(_POLL, self._read, clock=self.steady)
        self.create_timer(self.parameters.publishing_period, self._publish, clock=self.steady)
        self.create_timer(_RETRY, self._look_after, clock=self.steady)
        self._open()

    def stop(self) -> None:
        """Close the port."""
        port, self.port = getattr(self, "port", None), None
        if port is not None:
            port.close()

    # The port.

    def _open(self) -> None:
        import serial

        p = self.parameters
        try:
            # A second reader would take some of the bytes.
            self.port = serial.Serial(p.port, p.baud_rate, timeout=0, exclusive=True)
        except (OSError, ValueError, termios.error) as error:
            self._miss(f"can't open {p.port}: {_reason(error)}")
            return
        self._received = time.monotonic()

    def _miss(self, text: str) -> None:
        # Both kinds of failure share a key: an unplugged port also fails to open.
        self.set_state(
            DiagnosticStatus.ERROR, f"{text}; trying again every {_RETRY:g} s", key="port"
        )

    def _read(self) -> None:
        if self.port is None:
            return
        try:
            data = self.port.read(_CHUNK)
        except (OSError, termios.error) as error:
            self.stop()
            self.parser.clear()
            self._miss(f"lost {self.parameters.port}: {_reason(error)}")
            return
        readings = self.parser.feed(data)
        if not readings:
            return
        self._received = time.monotonic()
        self._newest = (self.now(), readings[-1])
        self._temperature = readings[-1].temperature
        self._weak += sum(not r.reliable(self.parameters.minimum_strength) for r in readings)
        self.set_state(DiagnosticStatus.OK, "running")

    def _look_after(self) -> None:
        """Open a missing port, and report a lidar that sends no frames; called every second."""
        now = time.monotonic()
        if self.port is None:
            self._open()
        elif now - self._received >= _RETRY:
            self.set_state(
                DiagnosticStatus.WARN,
                f"no frame on {self.parameters.port} for {now - self._received:.0f} s: "
                "check the lidar's power and the parameter baud_rate",
                key="silence",
            )

    # Messages.

    def _publish(self) -> None:
        if self._newest is None:
            return
        (nanoseconds, reading), self._newest = self._newest, None
        p = self.parameters
        message = Range(
            radiation_type=Range.INFRARED,
            field_of_view=_FIELD_OF_VIEW,
            min_range=p.minimum_range,
            max_range=p.maximum_range,
            range=distance(reading, p),
        )
        message.header.stamp = to_stamp(nanoseconds)
        message.header.frame_id = p.frame_id
        self._publisher.publish(message)

    def diagnostic_values(self) -> dict[str, str]:
        """State of the port, frame rate, counts and temperature."""
        return {
            "port": "open" if self.port is not None else "missing",
            "frame_rate_hz": f"{self._rate.update(self.parser.frames):.1f}",
            "frames": str(self.parser.frames),
            "bad_checksums": str(self.parser.bad_checksums),
            "skipped_bytes": str(self.parser.skipped),
            "weak_readings": str(self._weak),
            "temperature_c": f"{self._temperature:.1f}",
        }


def _reason(error: Exception) -> str:
    """Why a port failed, as the operating system words it, with a hint where there is one."""
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EACCES, errno.EBUSY):
        hint = "another program uses it" if number != errno.EACCES else "is the user in 'dialout'?"
        return f"{os.strerror(number)} ({hint})"
    return str(error) if number is None else os.strerror(number)


def main() -> None:
    """Run the node: the executable tfmini."""
    run_node(Tfmini)
