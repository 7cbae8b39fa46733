# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The package's parsers of bytes, each with examples to start from and what must hold of it.

A parser may refuse its input by the one error that its callers expect: ``ConfigurationError`` for
files, ``Rejected`` for messages, ``ValueError`` for the answers of a robot. Anything else that it
raises is a finding, and so is an invariant that does not hold. No import of this module reads what
it fuzzes, since atheris instruments modules while they are imported.
"""

from __future__ import annotations

import io
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Parser:
    """A parser under test.

    Attributes:
        examples: Makes inputs that it accepts, to start from.
        check: Parses bytes; raises if something does not hold.
        longest: Length of the longest input worth trying, bytes.
    """

    examples: Callable[[], list[bytes]]
    check: Callable[[bytes], None]
    longest: int


@contextmanager
def _file(data: bytes, suffix: str) -> Iterator[Path]:
    """A file with this content, in memory where the system offers that."""
    memory = Path("/dev/shm")  # noqa: S108  # its name there is mkstemp's
    folder = memory if os.access(memory, os.W_OK) else None
    handle, name = tempfile.mkstemp(suffix=suffix, dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield path
    finally:
        path.unlink()


# The lidar's serial frames.


def _frames() -> list[bytes]:
    frame = bytes([0x59, 0x59, 0x2C, 0x01, 0xE8, 0x03, 0x90, 0x09])
    frame += bytes([sum(frame) & 0xFF])
    return [frame, frame[4:] + frame + frame[:5], b"\x59" + frame, frame[:-1] + b"\x00" + frame]


def _check_serial(data: bytes) -> None:
    from neuro_control.drivers.tfmini import FRAME_SIZE, Parser, TfminiParameters, distance

    # The first byte says where the stream is cut into two reads.
    cut = data[0] % max(len(data), 1) if data else 0
    stream = data[1:]
    parser = Parser()
    readings = parser.feed(stream[:cut]) + parser.feed(stream[cut:])
    whole = Parser()
    assert whole.feed(stream) == readings, "readings depend on how the stream was cut"
    parser.clear()
    assert len(readings) == parser.frames
    assert parser.frames * FRAME_SIZE + parser.skipped == len(stream), "bytes were lost"
    limits = TfminiParameters()
    for reading in readings:
        metres = distance(reading, limits)
        ranged = limits.minimum_range <= metres <= limits.maximum_range
        assert ranged or not math.isfinite(metres), f"{metres} m is out of range"


# The Go2's states, and the answers to its requests.


def _states() -> list[bytes]:
    from neuro_control.quadruped.go2 import idl
    from neuro_control.quadruped.go2.motors import state_checksum

    state = idl.LowState(foot_force=[21, 22, 23, 24], power_v=29.0)
    state.imu_state.quaternion = [1.0, 0.0, 0.0, 0.0]
    without = state.serialize()
    state.crc = state_checksum(state)
    return [state.serialize(), without]


def _check_low_state(data: bytes) -> None:
    import numpy as np

    from neuro_control.quadruped.go2 import idl
    from neuro_control.quadruped.go2.motors import read_state, state_checksum
    from neuro_control.ros.messages import Rejected

    try:
        message = idl.LowState.deserialize(data)
    except Exception:
        return  # Cyclone DDS drops such a sample itself
    if data[-1] & 1:
        message.crc = state_checksum(message)  # so that what it holds is judged as well
    try:
        state = read_state(message)
    except Rejected:
        return
    assert not message.crc or message.crc == state_checksum(message)
    for numbers in (state.angles, state.speeds, state.torques, state.rate, state.acceleration):
        assert np.isfinite(numbers).all(), "a state that is not finite was accepted"


def _answers() -> list[bytes]:
    return [json.dumps({"form": "0", "name": "normal"}).encode(), b'{"name": ""}', b"[]", b"1e400"]


def _check_answer(data: bytes) -> None:
    from neuro_control.quadruped.go2.low_level import Motors
    from neuro_control.quadruped.go2.parameters import UnitreeParameters
    from neuro_control.quadruped.go2.sport import CHECK_MODE

    drives: list[object] = []
    motors = Motors(UnitreeParameters(level="low"), lambda call: None, drives.append)
    motors.unlock(0.0)
    try:
        motors.answered(CHECK_MODE.number, data.decode(errors="replace"))
    except (ValueError, RecursionError):
        assert not motors.taken, "an answer that could not be read unlocked the motors"


# Files.


def _weight_files() -> list[bytes]:
    from neuro_control import resources

    folder = resources.share() / "config" / "weights"
    found = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    return [path.read_bytes() for path in found[:8]]


def _check_weights(data: bytes) -> None:
    import numpy as np

    from neuro_control.blimp.control.spiking_controller import SpikingController
    from neuro_control.errors import ConfigurationError
    from neuro_control.places.control.ensemble import Ensemble
    from neuro_control.swimmer.control import policy
    from neuro_control.swimmer.control.steering import Calibration

    with _file(data, ".safetensors") as path:
        for load in (policy.load, Calibration.load, SpikingController.load, Ensemble.read):
            try:
                found = load(path)
            except ConfigurationError:
                continue
            if isinstance(found, Calibration):
                assert all(math.isfinite(each) for each in found.inputs(0.05, 0.1))
            elif isinstance(found, policy.Policy):
                assert np.isfinite(found.vector).all()


def _images() -> list[bytes]:
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)
    made = []
    for kind, picture in (
        ("png", pixels), ("png", pixels[..., 0]), ("jpeg", pixels), ("jpeg", pixels[..., 0]),
    ):  # fmt: skip
        file = io.BytesIO()
        Image.fromarray(picture).save(file, kind)
        made.append(file.getvalue())
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 256).save(file, "png")
    return [*made, file.getvalue()]


def _check_image(data: bytes) -> None:
    import warnings

    import numpy as np

    from neuro_control.errors import ConfigurationError
    from neuro_control.places.control.images import decode_image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
        try:
            image = decode_image(data, "fuzzed")
        except ConfigurationError:
            return
    assert image.ndim == 2
    assert image.size > 0
    assert image.dtype == np.uint8


def _check_raw_image(data: bytes) -> None:
    from neuro_control.errors import ConfigurationError
    from neuro_control.places.control.images import raw_image

    encodings = ("mono8", "mono16", "rgb8", "bgra8", "16UC4", "bayer_rggb8", "")
    head, pixels = data[:10].ljust(10, b"\0"), data[10:]
    height, width = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:4], "big")
    step = int.from_bytes(head[4:8], "big")
    try:
        image = raw_image(
            pixels, (height, width), encodings[head[8] % len(encodings)], step, bool(head[9] & 1)
        )
    except ConfigurationError:
        return
    assert image.shape == (height, width)


def _raw_images() -> list[bytes]:
    return [bytes([0, 2, 0, 3, 0, 0, 0, 3, 0, 0]) + bytes(range(6))]


def _bag_bytes(storage: str) -> bytes:
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    kinds = store.types
    plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
    with tempfile.TemporaryDirectory() as folder:
        bag = Path(folder) / "bag"
        with Writer(bag, version=9, storage_plugin=plugin) as writer:
            kind = "sensor_msgs/msg/CompressedImage"
            connection = writer.add_connection("image", kind, typestore=store)
            import numpy as np

            for number, data in enumerate(_images()[:2]):
                stamp = kinds["builtin_interfaces/msg/Time"](sec=1, nanosec=number)
                header = kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")
                message = kinds[kind](header, "png", np.frombuffer(data, np.uint8))
                writer.write(connection, number, store.serialize_cdr(message, kind))
        (path,) = bag.glob(f"*.{storage}")
        return path.read_bytes()


def _check_bag(suffix: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        from neuro_control.errors import ConfigurationError
        from neuro_control.places.training.bags import read

        with _file(data, suffix) as path:
            try:
                for label, load in read(path):
                    assert label.name
                    load()
            except ConfigurationError:
                return

    return check


_PARAMETERS = b"""\
/**/swimmer_controller:
  ros__parameters: {links: 6, policy: unit, speed: 0.5, joint_names: [a, b], stamped_cmd_vel: true}
simulation:
  ros__parameters:
    effects: "[{noise: {signal: joint_states, deviation: 0.1}}]"
"""


def _check_parameters(data: bytes) -> None:
    from neuro_control.errors import ConfigurationError
    from neuro_control.ros.run import read_parameters

    with _file(data, ".yaml") as path:
        try:
            found = read_parameters(path, ["simulation", "swimmer_controller"])
        except ConfigurationError:
            return
    assert set(found) == {"simulation", "swimmer_controller"}
    assert all(isinstance(values, dict) for values in found.values())


def _check_texts(data: bytes) -> None:
    """The YAML texts that are parameters: gains of the quadruped, and effects."""
    from neuro_control.errors import ConfigurationError
    from neuro_control.quadruped.nodes.parameters import read_gains
    from neuro_control.simulation.effects import parse

    text = data.decode(errors="replace")
    for read in (read_gains, parse):
        try:
            read(text)
        except ConfigurationError:
            continue


def _texts() -> list[bytes]:
    return [
        b"{gait: {smoother: {forward_jerk: 20.0}}, sensors: {}, locomotion: {}}",
        b"[{noise: {signal: joint_states, deviation: 0.1}}, {wind: {force: 1.0}}]",
        b"[{push: {at: 1.0, duration: 0.1, force: 5.0}}]",
    ]


PARSERS = {
    "serial": Parser(_frames, _check_serial, 256),
    "low_state": Parser(_states, _check_low_state, 2048),
    "answer": Parser(_answers, _check_answer, 4096),
    "weights": Parser(_weight_files, _check_weights, 1 << 16),
    "image": Parser(_images, _check_image, 4096),
    "raw_image": Parser(_raw_images, _check_raw_image, 512),
    "mcap": Parser(lambda: [_bag_bytes("mcap")], _check_bag(".mcap"), 1 << 15),
    "sqlite": Parser(lambda: [_bag_bytes("db3")], _check_bag(".db3"), 1 << 16),
    "parameters": Parser(lambda: [_PARAMETERS], _check_parameters, 4096),
    "texts": Parser(_texts, _check_texts, 4096),
}
