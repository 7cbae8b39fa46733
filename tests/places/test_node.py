# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import io
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from hypothesis import given
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
from PIL import Image as Pillow
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_srvs.srv import Trigger

from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import KIND
from neuro_control.places.nodes.image_messages import (
    compressed_message,
    raw_message,
    read_compressed,
    read_raw,
)
from neuro_control.places.nodes.recognizer import PlaceRecognizer
from neuro_control.places.nodes.travelled import Travelled, spacing
from neuro_control.places.simulation.route import names
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    Rejected,
    to_nanoseconds,
    to_stamp,
)
from tests.bench import MS, Probe, options
from tests.places.models import PLACES, write_model

NAMES = names(PLACES)


class Robot:
    """A camera, and what the recogniser publishes."""

    def __init__(self, bench, model, simulated=False, **values):
        # Where lateness is not the question, a busy machine may take its time.
        values = {"max_age": 60.0, **values}
        self.bench = bench
        self.probe = bench.add(Probe())
        self.places, self.poses = [], []
        compressed = values.get("transport") == "compressed"
        self.images = self.probe.create_publisher(
            *((CompressedImage, "image/compressed") if compressed else (Image, "image")), SENSOR_QOS
        )
        self.probe.create_subscription(JointState, "place", self.places.append, COMMAND_QOS)
        self.probe.create_subscription(
            PoseWithCovarianceStamped, "pose", self.poses.append, COMMAND_QOS
        )
        self.node = bench.add(
            PlaceRecognizer(**options(model=str(model), use_sim_time=simulated, **values))
        )
        self.node.start()
        self.connect()

    def connect(self):
        """Wait until both sides know of each other."""
        topic = self.images.topic_name
        self.bench.spin_until(
            lambda: (
                self.images.get_subscription_count()
                and self.node.count_publishers(topic)
                and self.probe.count_publishers("place")
                and self.probe.count_publishers("/diagnostics")
                and self.node.count_subscribers("place")
                and self.node.count_subscribers("pose")
                and self.node.count_subscribers("/diagnostics")
            )
        )

    def send(self, message, age=0.0):
        """Send an image that is ``age`` seconds old."""
        message.header.stamp = to_stamp(self.node.now() - round(age * 1e9))
        self.images.publish(message)
        return to_nanoseconds(message.header.stamp)

    def deliver(self, message):
        """Send an image and wait until it has been received."""
        count = int(self.node.diagnostic_values()["received"])
        self.send(message)
        self.bench.spin_until(lambda: int(self.node.diagnostic_values()["received"]) > count)

    def show(self, image):
        """Send an image; the place that is answered."""
        count = len(self.places)
        stamp = self.send(raw_message(image))
        self.bench.spin_until(lambda: len(self.places) > count)
        assert to_nanoseconds(self.places[-1].header.stamp) == stamp
        return self.places[-1]

    def values(self):
        """Values of the latest diagnostics."""
        own = [each for each in self.probe.diagnostics if each.name.startswith("place_recognizer")]
        return {value.key: value.value for value in own[-1].values} if own else {}

    def await_values(self, **expected):
        """Wait for diagnostics with these values; ``/`` is ``_of_`` in their names."""
        wanted = {name.replace("_of_", "/"): value for name, value in expected.items()}
        self.bench.spin_until(lambda: wanted.items() <= self.values().items())

    def set(self, **values):
        results = self.node.set_parameters([Parameter(n, value=v) for n, v in values.items()])
        assert all(result.successful for result in results)

    def load(self, **values):
        self.set(**values)
        client = self.probe.create_client(Trigger, "place_recognizer/load_model")
        return self.bench.call(client, Trigger.Request())


def test_whoever_listens_gets_the_scores_of_all_places(bench, route, model):
    robot = Robot(bench, model, best=3)
    scores = []
    topic = "place_recognizer/scores"
    robot.probe.create_subscription(JointState, topic, scores.append, SENSOR_QOS)
    bench.spin_until(lambda: robot.node.count_subscribers(topic))
    place = robot.show(route[0][7])
    bench.spin_until(lambda: len(scores) == 1)
    assert scores[0].header.stamp == place.header.stamp
    assert scores[0].name == list(NAMES)
    by_name = dict(zip(scores[0].name, scores[0].position, strict=True))
    assert [by_name[name] for name in place.name] == list(place.position)
    assert max(by_name.values()) == place.position[0]


def test_an_image_is_answered_by_its_place_the_best_places_and_a_pose(bench, route, model):
    robot = Robot(bench, model, best=3)
    images, poses = route
    for index in (3, 7, 4):
        place = robot.show(images[index])
        assert place.header.frame_id == place.name[0] == NAMES[index]
        assert len(set(place.name)) == len(place.position) == 3
        assert list(place.position) == sorted(place.position, reverse=True)
    bench.spin_until(lambda: len(robot.poses) == 3)
    message = robot.poses[-1]
    assert message.header.frame_id == "map"
    assert message.header.stamp == robot.places[-1].header.stamp
    p, q = message.pose.pose.position, message.pose.pose.orientation
    np.testing.assert_allclose([p.x, p.y, p.z, q.x, q.y, q.z, q.w], poses[4], atol=1e-5)
    covariance = message.pose.covariance.reshape(6, 6)
    np.testing.assert_allclose(covariance, covariance.T)
    # The others of the best three are at least one place, 5 m, away.
    assert np.trace(covariance[:3, :3]) > 3.0
    robot.probe.diagnostics.clear()
    bench.spin_until(lambda: bool(robot.probe.diagnostics))
    status = robot.probe.diagnostics[-1]
    assert (status.name, status.message) == ("place_recognizer: place recogniser", "running")
    assert status.level == DiagnosticStatus.OK
    values = {value.key: value.value for value in status.values}
    assert (values["answered"], values["model"]) == ("3", str(model))


def test_a_place_below_the_threshold_was_reference_threshold(bench, route, model):
    robot = Robot(bench, model, threshold=1e9)
    place = robot.show(route[0][3])
    assert place.header.frame_id == ""
    assert place.name[0] == NAMES[3]
    robot.await_values(never_visited="1")
    assert robot.poses == []


def test_what_was_adapted_to_is_kept_and_read_again(bench, route, model, tmp_path):
    path = tmp_path / "kept.safetensors"
    robot = Robot(bench, model, adaptation=str(path))
    for image in route[0][:5]:
        robot.show(image)
    adapted = robot.node.recogniser.adaptation()
    assert not path.exists()
    robot.node.trigger_deactivate()
    robot.node.trigger_activate()
    restarted = bench.add(PlaceRecognizer(**options(model=str(model), adaptation=str(path))))
    restarted.start()
    for node in (robot.node, restarted):
        found = node.recogniser.adaptation()
        np.testing.assert_allclose(found["expected"], adapted["expected"])
        assert found["seen"] == adapted["seen"]


def test_the_distance_between_images_is_what_odometry_adds_up():
    def at(x, y=0.0):
        message = Odometry()
        message.pose.pose.position.x, message.pose.pose.position.y = x, y
        return message

    travelled = Travelled()
    assert travelled.take() is None
    for message in (at(1.0), at(2.0), at(2.0, 1.5), at(float("nan")), at(2.0, 2.0)):
        travelled.add(message)
    assert travelled.take() == pytest.approx(3.0)
    assert travelled.take() is None
    for message in (at(2.5, 2.0), at(900.0), at(900.5)):  # set anew, not moved
        travelled.add(message)
    assert travelled.take() == pytest.approx(0.5)
    poses = np.zeros((4, 7))
    poses[:, 0] = 0, 2, 4, 60
    assert spacing(poses) == 2.0
    assert spacing(None) is None


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_compressed_images_are_answered(bench, route, model, kind):
    robot = Robot(bench, model, transport="compressed")
    robot.send(compressed_message(route[0][6], kind))
    bench.spin_until(lambda: bool(robot.places))
    assert robot.places[0].name[0] == NAMES[6]
    broken = compressed_message(route[0][6], kind)
    broken.data = broken.data[:100]
    robot.send(broken)
    bench.spin_until(lambda: robot.probe.said("image/compressed rejected: can't read the image"))
    robot.send(compressed_message(route[0][2], kind))
    bench.spin_until(lambda: len(robot.places) == 2)
    assert robot.places[1].name[0] == NAMES[2]


def test_an_image_older_than_the_limit_is_dropped_and_told_and_the_next_one_answered(
    bench, route, model
):
    robot = Robot(bench, model, max_age=5.0)
    robot.send(raw_message(route[0][3]), age=6.0)
    bench.spin_until(lambda: robot.probe.said("s old, the limit is 5 s"))
    robot.send(raw_message(route[0][3]), age=-20.0)
    bench.spin_until(lambda: robot.probe.said("ahead of the clock"))
    assert robot.places == []
    assert robot.show(route[0][4]).name[0] == NAMES[4]
    robot.await_values(dropped_late="1", rejected_of_future="1")


def slow_down(node, seconds):
    """Let the node's recogniser take its time, as a larger one would.

    Gives the images that it has begun with, and when each was done, ns, by the value of its corner.
    """
    step = node.recogniser.step
    begun, done = [], {}

    def slow(image):
        begun.append(image)
        time.sleep(seconds)
        found = step(image)
        done[int(image[0, 0])] = node.now()
        return found

    node.recogniser.step = slow
    return begun, done


@pytest.mark.timing
def test_at_10_hz_no_image_older_than_200_ms_is_answered_however_slow_the_recogniser(
    bench, route, model
):
    robot = Robot(bench, model, max_age=0.2)
    _, done = slow_down(robot.node, 0.12)
    stamps = []
    for number in range(15):
        image = route[0][number % PLACES].copy()
        image[0, 0] = number
        stamps.append(robot.send(raw_message(image)))
        bench.spin_for(0.1)

    def settled():
        dropped = (robot.values().get(f"dropped_{how}", 0) for how in ("late", "overwritten"))
        return len(robot.places) + sum(map(int, dropped))

    # Each waits a little longer than the one before, until one is too old when its time is over.
    bench.spin_until(lambda: settled() >= 14)
    answered = {to_nanoseconds(place.header.stamp) for place in robot.places}
    assert 1 <= len(answered) <= 13
    for number, stamp in enumerate(stamps):
        if stamp in answered:
            assert done[number] - stamp <= 200 * MS
    robot.await_values(answered=str(len(answered)))
    assert float(robot.values()["latency_p50_ms"]) >= 120


@pytest.mark.timing
def test_the_newest_image_wins_and_diagnostics_keep_their_pace(bench, route, model):
    robot = Robot(bench, model, max_age=10.0)
    begun, _ = slow_down(robot.node, 1.1)
    robot.send(raw_message(route[0][1]))
    bench.spin_until(lambda: len(begun) == 1)
    for index in (2, 3, 4):
        robot.deliver(raw_message(route[0][index]))
    robot.probe.diagnostics.clear()
    bench.spin_until(lambda: len(robot.places) == 2)
    assert [place.name[0] for place in robot.places] == [NAMES[1], NAMES[4]]
    assert len(robot.probe.diagnostics) >= 2
    robot.await_values(dropped_overwritten="2")


def test_bad_images_are_rejected_with_a_reason_and_the_rest_goes_on(bench, route, model):
    robot = Robot(bench, model)
    bayer = raw_message(route[0][0][..., 0])
    bayer.encoding = "bayer_rggb8"
    robot.send(bayer)
    bench.spin_until(lambda: robot.probe.said("no encoding 'bayer_rggb8' is known"))
    short = raw_message(route[0][0])
    short.data = short.data[:-1]
    robot.send(short)
    robot.await_values(rejected_of_image="2")
    robot.send(raw_message(np.full((32, 64), 90, np.uint8)))
    bench.spin_until(lambda: robot.probe.said("it is of one colour"))
    assert robot.places == []
    assert robot.show(route[0][5]).name[0] == NAMES[5]
    robot.await_values(rejected_of_image="2", rejected_of_featureless="1", answered="1")


def test_what_a_recogniser_does_wrong_is_told_and_the_next_image_answered(bench, route, model):
    robot = Robot(bench, model)
    step = robot.node.recogniser.step

    def broken(image):
        robot.node.recogniser.step = step
        raise RuntimeError("spiked out")

    robot.node.recogniser.step = broken
    robot.send(raw_message(route[0][1]))
    bench.spin_until(lambda: robot.probe.said("the recogniser failed"))
    assert robot.probe.diagnostics[-1].level == DiagnosticStatus.ERROR
    assert robot.show(route[0][5]).name[0] == NAMES[5]


def test_an_image_sent_again_gets_the_same_answer_and_an_older_one_none(bench, route, model):
    robot = Robot(bench, model, max_age=60.0)
    message = raw_message(route[0][5])
    robot.send(message)
    bench.spin_until(lambda: len(robot.places) == 1)
    robot.images.publish(message)
    bench.spin_until(lambda: len(robot.places) == 2)
    assert robot.places[0] == robot.places[1]
    robot.send(raw_message(route[0][4]), age=30.0)
    bench.spin_until(lambda: robot.probe.said("it is older than the one answered before it"))
    assert len(robot.places) == 2


def test_a_clock_that_goes_back_starts_another_run(bench, route, model):
    robot = Robot(bench, model, simulated=True)
    resets = []
    reset = robot.node.recogniser.reset
    robot.node.recogniser.reset = lambda: (resets.append(1), reset())
    for time_, index in ((5000, 1), (5100, 2), (0, 3), (100, 4)):
        robot.probe.tick(time_ * MS)
        bench.spin_until(lambda time_=time_: robot.node.now() == time_ * MS)
        robot.show(route[0][index])
    assert resets == [1]


def test_another_model_is_taken_over_whole_or_not_at_all(bench, route, model, tmp_path):
    images, poses = route
    half = tmp_path / "half.safetensors"
    write_model(half, images[: PLACES // 2], poses[: PLACES // 2])
    robot = Robot(bench, model)
    (tmp_path / "bad.safetensors").write_bytes(model.read_bytes()[:1000])
    for bad in ("bad.safetensors", "missing.safetensors"):
        done = robot.load(model=str(tmp_path / bad))
        assert not done.success
        assert bad in done.message
        assert done.message.endswith(f"; {model} stays")
        assert robot.show(images[9]).name[0] == NAMES[9]
    robot.await_values(model=str(model))
    done = robot.load(model=str(half), best=100)
    assert done.success
    assert done.message == f"{half} knows {PLACES // 2} places"
    assert sorted(robot.show(images[9]).name) == names(PLACES)[: PLACES // 2]


def test_a_model_whose_arrays_do_not_fit_is_refused_and_the_next_image_answered(
    bench, route, model, tmp_path
):
    def halve_the_retina(arrays, facts):
        arrays["mean"] = arrays["mean"][::2]

    def count_negatively(arrays, facts):
        facts["design"]["neurons"] = -60

    def count_networks_without_end(arrays, facts):
        arrays["networks"] = arrays["networks"] + 2**40

    def count_spikes_negatively(arrays, facts):
        arrays["responses"] = -arrays["responses"].astype(np.int16)

    robot = Robot(bench, model)
    for change in (
        *(halve_the_retina, count_negatively),
        *(count_networks_without_end, count_spikes_negatively),
    ):
        arrays, facts = weight_files.read(model, KIND)
        change(arrays, facts)
        path = tmp_path / "bad.safetensors"
        weight_files.write(path, KIND, arrays, facts)
        done = robot.load(model=str(path))
        assert not done.success
        assert "doesn't hold what an ensemble needs" in done.message
        assert done.message.endswith(f"; {model} stays")
        assert robot.show(route[0][9]).name[0] == NAMES[9]


def test_without_a_model_it_says_so(bench, tmp_path):
    for name, why in (("", "model is empty"), (str(tmp_path / "none"), "no file")):
        node = bench.add(PlaceRecognizer(**options(model=name)))
        with pytest.raises(ConfigurationError, match=f"place_recognizer: .*{why}"):
            node.start()
        bench.executor.remove_node(node)
        bench.nodes.remove(node)
        node.destroy_node()


def test_a_deactivated_node_answers_nothing_until_it_is_active_again(bench, route, model):
    robot = Robot(bench, model)
    bench.spin_until(lambda: robot.probe.said("no image for"))
    assert robot.show(route[0][1]).name[0] == NAMES[1]
    threads = threading.active_count()
    robot.node.trigger_deactivate()
    assert threading.active_count() == threads - 1
    robot.deliver(raw_message(route[0][2]))
    robot.node.trigger_cleanup()
    bench.spin_until(lambda: not robot.images.get_subscription_count())
    robot.node.trigger_configure()
    robot.node.trigger_activate()
    robot.connect()
    assert robot.show(route[0][3]).name[0] == NAMES[3]
    assert len(robot.places) == 2


ENCODINGS = st.sampled_from(
    ["mono8", "mono16", "rgb8", "bgr8", "rgba8", "bgra8", "16UC1", "bayer_rggb8", "yuv422", ""]
)


@given(
    height=st.integers(0, 40),
    width=st.integers(0, 40),
    encoding=ENCODINGS,
    step=st.integers(0, 400),
    big=st.integers(0, 255),
    data=st.binary(max_size=4000),
)
def test_any_image_message_is_an_image_of_its_size_or_rejected(
    height, width, encoding, step, big, data
):
    message = SimpleNamespace(
        height=height, width=width, encoding=encoding, step=step, is_bigendian=big, data=data
    )
    try:
        image = read_raw(message)
    except Rejected as error:
        assert error.reason == "image"
        return
    assert image.shape == (height, width)
    assert image.dtype == np.uint8
    assert "bayer" not in encoding


@given(st.data())
def test_any_bytes_are_a_compressed_image_or_rejected(data):
    file = io.BytesIO()
    Pillow.new("RGB", (8, 6), (10, 200, 30)).save(file, data.draw(st.sampled_from(["png", "jpeg"])))
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        image = read_compressed(CompressedImage(format="any", data=content))
    except Rejected as error:
        assert error.reason == "image"
        return
    assert image.ndim == 2
    assert image.size > 0


@pytest.mark.parametrize(
    ("encoding", "pixel"),
    [
        ("rgb8", [200, 100, 50]),
        ("bgr8", [50, 100, 200]),
        ("rgba8", [200, 100, 50, 7]),
        ("bgra8", [50, 100, 200, 7]),
    ],
)
def test_colours_are_told_apart_by_the_encoding_and_rows_may_be_padded(encoding, pixel):
    row = bytes(pixel * 3) + b"\x01\x02"
    message = Image(height=2, width=3, encoding=encoding, step=len(row), data=row * 2)
    # 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
    np.testing.assert_array_equal(read_raw(message), np.full((2, 3), 124))


@pytest.mark.parametrize("big", [False, True])
def test_16_bits_are_read_by_their_endianness(big):
    data = (0x8000).to_bytes(2, "big" if big else "little")
    message = Image(height=1, width=1, encoding="mono16", step=2, is_bigendian=big, data=data)
    assert read_raw(message)[0, 0] == 128
