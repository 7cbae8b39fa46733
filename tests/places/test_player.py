# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import io
import time

import numpy as np
import pytest
from PIL import Image as Pillow
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image, JointState

from neuro_control.errors import ConfigurationError
from neuro_control.places.nodes.player import Player
from neuro_control.places.nodes.recognizer import PlaceRecognizer
from neuro_control.places.simulation.route import names, render_route
from neuro_control.places.simulation.route_files import write_route
from neuro_control.ros.messages import COMMAND_QOS, SENSOR_QOS, to_nanoseconds
from tests.bench import MS, Probe, options


class Audience:
    """Hears a player's images, answers none."""

    def __init__(self, bench, message=Image, **values):
        self.bench = bench
        self.probe = bench.add(Probe())
        self.images, self.ticks = [], []
        topic = "image" if message is Image else "image/compressed"
        self.probe.create_subscription(message, topic, self.images.append, SENSOR_QOS)
        self.probe.create_subscription(
            Clock, "/clock", lambda m: self.ticks.append(to_nanoseconds(m.clock)), 10
        )
        self.player = bench.add(Player(**options(**values)))

    def stamps(self):
        return [to_nanoseconds(message.header.stamp) for message in self.images]


def pixels(message):
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, -1)


def test_the_rendered_route_is_played_at_its_rate_by_its_own_clock(bench):
    audience = Audience(bench, rate=20.0, places=20, season="summer", seed=2)
    bench.spin_until(lambda: audience.player.finished)
    images, _ = render_route("summer", places=20, traverse=2)
    stamps = audience.stamps()
    # What was sent before the audience was known is not heard.
    assert len(stamps) > 10
    assert stamps == sorted(set(stamps))
    assert {stamp % (50 * MS) for stamp in stamps} == {0}
    for stamp, message in zip(stamps, audience.images, strict=True):
        np.testing.assert_array_equal(pixels(message), images[stamp // (50 * MS)])
    assert {m.header.frame_id for m in audience.images} == {"camera_optical_frame"}
    assert (audience.images[0].encoding, audience.images[0].step) == ("rgb8", 192)
    assert audience.ticks == sorted(set(audience.ticks))
    assert np.median(np.diff(audience.ticks)) <= 10 * MS


def test_a_folder_is_played_round_and_round_by_the_machines_time(bench, tmp_path):
    write_route(tmp_path / "route", "winter", places=3)
    audience = Audience(bench, source=str(tmp_path / "route"), rate=50.0, loop=True, clock=False)
    bench.spin_until(lambda: len(audience.images) > 6)
    age = audience.player.now() - audience.stamps()[-1]
    assert 0 <= age < 1000 * MS
    assert audience.ticks == []
    first, *_, last = audience.images
    assert first.encoding == "mono8"
    shown = {message.data.tobytes() for message in audience.images}
    assert len(shown) == 3
    assert not audience.player.finished
    assert last.height == 32


@pytest.mark.parametrize(("format_", "tolerance"), [("png", 0), ("jpeg", 12)])
def test_compressed_images_show_the_same(bench, format_, tolerance):
    audience = Audience(
        bench,
        CompressedImage,
        transport="compressed",
        format=format_,
        rate=50.0,
        places=10,
        loop=True,
    )
    bench.spin_until(lambda: audience.images)
    message = audience.images[0]
    assert message.format == format_
    images, _ = render_route("winter", places=10)
    shown = np.asarray(Pillow.open(io.BytesIO(message.data.tobytes())), dtype=float)
    errors = np.abs(shown - images).mean(axis=(1, 2, 3))
    assert errors.min() <= tolerance


@pytest.mark.timing
def test_free_running_follows_the_real_time_factor_and_ends_with_the_duration(bench):
    audience = Audience(bench, rate=10.0, real_time_factor=10.0, duration=2.0, loop=True, places=4)
    bench.spin_until(lambda: audience.player.finished)
    assert audience.player.time == pytest.approx(2.0)
    assert audience.player.diagnostic_values()["played"] == "20"


def test_in_lockstep_an_unanswered_image_is_sent_again_and_ends_the_run_in_the_end(bench):
    audience = Audience(bench, lockstep=True, lockstep_limit=2.5, places=5)
    bench.spin_until(lambda: audience.player.finished)
    assert len(set(audience.stamps())) == 1
    assert len(audience.images) > 5
    assert "no place answered the image 0.png in " in audience.player.failure
    assert audience.probe.said("s: nobody publishes place, start a recogniser")


def test_in_lockstep_a_recogniser_that_is_not_active_yet_is_waited_for(bench, model):
    audience = Audience(bench, lockstep=True, lockstep_limit=2.5, places=5)
    node = bench.add(
        PlaceRecognizer(**options(model=str(model), use_sim_time=True, autostart=False))
    )
    began = time.monotonic()
    bench.spin_until(lambda: audience.probe.said("waiting for place_recognizer to become active"))
    bench.spin_until(lambda: time.monotonic() - began > 4.0)
    assert not audience.player.finished
    node.trigger_configure()
    node.trigger_activate()
    bench.spin_until(lambda: audience.player.finished)
    assert audience.player.failure is None
    assert audience.player.diagnostic_values()["answered"] == "5"


def test_answers_to_other_images_are_not_answers(bench):
    audience = Audience(bench, lockstep=True, places=5)
    publisher = audience.probe.create_publisher(JointState, "place", COMMAND_QOS)
    bench.spin_until(publisher.get_subscription_count)
    message = JointState(name=["a"], position=[1.0])
    message.header.stamp.sec = 7
    publisher.publish(message)
    bench.spin_for(0.3)
    assert set(audience.stamps()) == {0}
    message.header.stamp.sec = 0
    publisher.publish(message)
    bench.spin_until(lambda: 100 * MS in audience.stamps())


def play(bench, model, recording, reliable=False, **values):
    """A run of player and recogniser; what it recorded."""
    player = bench.add(
        Player(
            **options(
                places=12, landscape=5, season="summer", seed=1, recording=str(recording), **values
            )
        )
    )
    node = bench.add(
        PlaceRecognizer(**options(model=str(model), use_sim_time=True, reliable=reliable))
    )
    node.start()
    bench.spin_until(lambda: player.finished)
    assert player.failure is None
    for each in (node, player):
        each.stop()
        bench.executor.remove_node(each)
        bench.nodes.remove(each)
        each.destroy_node()
    with np.load(recording, allow_pickle=False) as file:
        return dict(file)


def test_a_run_in_lockstep_answers_every_image_and_is_the_same_again(bench, model, tmp_path):
    first = play(bench, model, tmp_path / "first.npz", lockstep=True)
    again = play(bench, model, tmp_path / "again.npz", reliable=True, lockstep=True)
    assert first["name"].tolist() == names(12)
    np.testing.assert_allclose(first["time"], np.arange(12) / 10)
    assert np.isfinite(first["latency"]).all()
    assert np.mean(first["best"] == first["name"]) > 0.8
    for key in ("name", "best", "place", "score", "time"):
        np.testing.assert_array_equal(first[key], again[key])


def test_a_free_run_is_recorded_with_what_was_not_answered(bench, model, tmp_path):
    found = play(bench, model, tmp_path / "free.npz", rate=20.0)
    assert found["name"].tolist() == names(12)
    unanswered = np.isnan(found["latency"])
    assert not unanswered.all()
    assert set(found["best"][unanswered]) <= {""}


def test_no_peer_can_have_a_recording_written_over_a_file(bench, tmp_path):
    kept = tmp_path / "diary.npz"
    kept.write_text("dear diary")
    player = bench.add(Player(**options(places=12)))
    client = bench.add(Probe()).create_client(SetParameters, "player/set_parameters")
    recording = Parameter("recording", value=str(kept)).to_parameter_msg()
    (result,) = bench.call(client, SetParameters.Request(parameters=[recording])).results
    assert not result.successful
    assert "read-only parameter: recording" in result.reason
    player.stop()
    assert kept.read_text() == "dear diary"


def test_what_can_not_be_played_is_told(bench, tmp_path):
    for values, why in (
        ({"source": str(tmp_path / "none")}, "none"),
        ({"source": str(tmp_path)}, "no image"),
        ({"source": str(tmp_path), "topic": "/camera"}, "topics are for bags"),
        ({"clock": False, "real_time_factor": 2.0}, "real_time_factor is 1"),
        ({"season": "monsoon"}, "season is one of summer, winter, dusk"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            Player(**options(**values))


def test_effects_act_on_the_images_and_a_lost_one_is_not_published(bench):
    audience = Audience(
        bench,
        rate=50.0,
        places=30,
        effects="[{stuck: {begins: 0.2, lasts: 0.2}}, {loss: {begins: 0.5}}]",
    )
    bench.spin_until(lambda: audience.player.finished)
    images, _ = render_route("winter", places=30)
    stamps = audience.stamps()
    assert stamps
    assert max(stamps) == 480 * MS
    for stamp, message in zip(stamps, audience.images, strict=True):
        step = stamp // (20 * MS)
        shown = 9 if 10 <= step < 20 else step
        np.testing.assert_array_equal(pixels(message), images[shown])
    # The player is the clock, whatever becomes of its images.
    assert max(audience.ticks) > 560 * MS


def test_lost_images_do_not_stop_a_lockstep_run(bench, tmp_path):
    recording = tmp_path / "played.npz"
    values = {"places": 6, "lockstep": True, "recording": str(recording)}
    player = bench.add(Player(**options(**values, effects="loss: {begins: 0.1, lasts: 0.2}")))
    answers = player.create_publisher(JointState, "place", COMMAND_QOS)
    heard = []

    def answer(image):
        heard.append(to_nanoseconds(image.header.stamp))
        answers.publish(JointState(header=image.header))

    player.create_subscription(Image, "image", answer, SENSOR_QOS)
    bench.spin_until(lambda: player.finished)
    assert sorted(set(heard)) == [0, 300 * MS, 400 * MS, 500 * MS]
    player.stop()
    with np.load(recording) as played:
        assert len(played["name"]) == 6
        assert np.isnan(played["latency"]).tolist() == [False, True, True, False, False, False]


def test_effects_that_do_not_act_on_images_are_refused(bench):
    with pytest.raises(ConfigurationError, match="no effect 'push' on images: there are noise"):
        bench.add(Player(**options(effects="push: {force: 1}")))
