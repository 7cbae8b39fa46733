# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import io
import threading

import numpy as np
import pytest
from nav_msgs.msg import Odometry
from PIL import Image as Pillow
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Float64, Float64MultiArray, Header, String

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command
from neuro_control.quart.control.policy import KIND
from neuro_control.quart.nodes.policy import QuartPolicy
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    image,
    odometry,
    to_stamp,
)
from tests.bench import Loop, Probe, options
from tests.quart.policies import random_policy, steady_policy, write

# As a camera's, its neighbouring pixels have something in common.
PICTURE = np.kron(
    np.random.default_rng(0).integers(0, 256, (12, 12, 3)), np.ones((4, 4, 1))
).astype(np.uint8)
GO = "go to the red cube"
WALKS = {"forward": 0.5, "yaw_rate": 0.4}


class Robot:
    """A robot that sends odometry and images, and takes down what the policy's node says."""

    def __init__(self, bench, path, transport="raw", start=True, **values):
        self.bench = bench
        self.probe = bench.add(Probe())
        self.commands, self.progress, self.confidences, self.decisions = [], [], [], []
        create = self.probe.create_subscription
        create(Float64MultiArray, "gait_command", self._on_command, COMMAND_QOS)
        create(String, "quart_policy/progress", lambda m: self.progress.append(m.data), 10)
        create(Float64, "quart_policy/confidence", lambda m: self.confidences.append(m.data), 10)
        create(JointState, "quart_policy/activity", self.decisions.append, 10)
        self.odom = self.probe.create_publisher(Odometry, "odom", SENSOR_QOS)
        kind = Image if transport == "raw" else CompressedImage
        topic = "image" if transport == "raw" else "image/compressed"
        self.images = self.probe.create_publisher(kind, topic, SENSOR_QOS)
        self.words = self.probe.create_publisher(String, "instruction", SET_POINT_QOS)
        # Where lateness is not the question, a busy machine may take its time.
        values = {
            "input_timeout": 30.0, "image_timeout": 30.0, "hold": 10.0, "control_period": 0.002,
            **values,
        }  # fmt: skip
        self.node = bench.add(
            QuartPolicy(**options(policy=str(path), transport=transport, **values))
        )
        if not start:
            return
        self.node.start()
        bench.spin_until(
            lambda: (
                self.odom.get_subscription_count()
                and self.images.get_subscription_count()
                and self.words.get_subscription_count()
                and self.probe.count_publishers("gait_command")
                and self.node.count_subscribers("gait_command")
                and self.node.count_subscribers("quart_policy/activity")
                and self.node.count_publishers("odom")
                and self.probe.count_publishers("/diagnostics")
            )
        )

    def _on_command(self, message):
        self.commands.append(Command.of(message.data))

    def say(self, text):
        self.words.publish(String(data=text))
        known = self.node._instruction.value
        self.bench.spin_until(lambda: self.node._instruction.value is not known)

    def show(self, picture=PICTURE, message=None):
        """Send an image, and wait until the node has it."""
        stamp = self.node.now()
        if message is None:
            message = image(Header(), picture)
        message.header.stamp = to_stamp(stamp)
        self.images.publish(message)
        self.bench.spin_until(lambda: self.node._image.time == stamp)

    def move(self, **changes):
        """Send odometry; the command that answers it."""
        count = len(self.commands)
        message = odometry(
            self.node.now(), np.array([0.0, 0.0, 0.3]), np.array([1.0, 0.0, 0.0, 0.0]),
            np.zeros(3), np.zeros(3),
        )  # fmt: skip
        for name, value in changes.items():
            setattr(message.pose.pose.position, name, value)
        self.odom.publish(message)
        self.bench.spin_until(lambda: len(self.commands) > count)
        return self.commands[-1]

    def walk(self):
        """Show a new image and send odometry until it walks."""
        self.show()
        self.bench.spin_until(lambda: self.move().forward > 0.1)

    def stands_saying(self, text):
        """Send odometry until it stands and the diagnostics say why."""
        self.bench.spin_until(lambda: stands(self.move()) and self.probe.said_last(text))


def stands(command):
    return command.duration == 1.0 and command.forward == command.left == command.yaw_rate == 0.0


def saved(tmp_path, **numbers):
    return write(steady_policy(**numbers), tmp_path / "policy.safetensors")


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_it_stands_until_words_and_an_image_are_there_and_then_walks_as_the_policy_says(
    bench, tmp_path, transport
):
    robot = Robot(bench, saved(tmp_path, **WALKS), transport)
    assert stands(robot.move())
    robot.say(GO)
    robot.stands_saying("waiting for image")
    if transport == "raw":
        robot.show()
    else:
        file = io.BytesIO()
        Pillow.fromarray(PICTURE).save(file, "png")
        robot.show(message=CompressedImage(format="png", data=file.getvalue()))
    bench.spin_until(lambda: robot.move().forward > 0.1)
    command = robot.commands[-1]
    assert command.forward == pytest.approx(0.5, abs=0.01)
    assert command.yaw_rate == pytest.approx(0.4, abs=0.01)
    assert command.duration == 0.5
    bench.spin_until(lambda: robot.progress == [f"accepted: {GO}", f"running: {GO}"])
    bench.spin_until(lambda: robot.confidences and robot.decisions)
    assert robot.confidences[-1] > 0.99
    shown = dict(zip(robot.decisions[-1].name, robot.decisions[-1].position, strict=True))
    assert shown["forward"] == pytest.approx(0.5, abs=0.01)
    assert shown["understood"] == 1.0


def test_an_instruction_of_the_parameter_is_followed_from_the_start_and_another_takes_over(
    bench, tmp_path
):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO)
    robot.walk()
    robot.node.set_parameters([Parameter("instruction", value="stop the blue ball")])
    robot.walk()
    bench.spin_until(lambda: "running: stop the blue ball" in robot.progress)
    robot.say("crawl under the bar")
    bench.spin_until(lambda: robot.move() and robot.progress[-1] == "accepted: crawl under the bar")
    robot.walk()


def test_who_is_on_its_way_looks_around_for_the_target_of_the_next_instruction(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, sees=False, **WALKS), instruction=GO)
    robot.walk()
    robot.say("go to the blue ball")
    bench.spin_until(lambda: robot.show() or robot.move().yaw_rate > 0.7)
    assert robot.commands[-1].forward == 0.0


def test_an_instruction_of_two_parts_is_followed_part_after_part(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, ends=True, **WALKS))
    both = f"{GO}, then crawl under the bar"
    robot.say(both)
    robot.show()
    bench.spin_until(lambda: robot.move() and robot.progress[-1:] == [f"running: {both}"])
    bench.spin_until(lambda: robot.show() or (robot.move() and f"done: {both}" in robot.progress))


def test_terminate_ends_the_instruction_and_the_robot_stands_until_the_next(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, ends=True, **WALKS), instruction=GO)
    robot.show()
    bench.spin_until(lambda: robot.move() and robot.progress[-1:] == [f"done: {GO}"])
    assert stands(robot.move())
    robot.show()
    assert stands(robot.move())
    assert robot.node.diagnostic_values()["decisions"] == "1"
    robot.say("go to the blue ball")
    bench.spin_until(lambda: robot.move() and robot.progress[-1] == "accepted: go to the blue ball")


def test_words_that_the_policy_does_not_know_are_given_up_and_the_robot_stands(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, understands=False, **WALKS))
    robot.say("why is a raven like a writing desk")
    robot.show()
    robot.stands_saying("no instruction that the policy knows")
    assert robot.progress[-1].startswith("given up: the words are no instruction")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the instruction is empty"),
        ("go " * 4000, "characters, the limit is 400"),
        ("go to\x07 the red cube", "control characters"),
        ("  ...  ", "the instruction is empty"),
        ("; ".join(["go to the red cube"] * 9), "parts, the limit is 8"),
    ],
)
def test_an_instruction_that_can_not_be_read_stops_the_robot_with_a_reason(
    bench, tmp_path, text, reason
):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO)
    robot.walk()
    robot.say(text)
    robot.stands_saying(reason)
    assert reason in robot.progress[-1]
    robot.say(GO)
    robot.walk()


def bad(kind):
    if kind == "noise":
        noise = np.random.default_rng(1).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        return image(Header(), noise)
    if kind == "one colour":
        return image(Header(), np.full((48, 48, 3), 90, np.uint8))
    message = image(Header(), PICTURE)
    if kind == "0 bytes":
        message.data = b""
    elif kind == "no pixels":
        return Image(encoding="rgb8")
    elif kind == "bayer":
        message.encoding = "bayer_rggb8"
    elif kind == "short":
        message.data = message.data[:-1]
    elif kind == "huge":
        message.height = message.width = 2**31
    return message


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("one colour", "one colour"),
        ("noise", "it is noise"),
        ("0 bytes", "0 bytes"),
        ("no pixels", "needs rows"),
        ("bayer", "no encoding 'bayer_rggb8'"),
        ("short", "bytes in rows of"),
        ("huge", "needs rows of"),
    ],
)
def test_a_bad_image_stops_the_robot_with_a_reason_and_the_next_good_one_lets_it_walk(
    bench, tmp_path, kind, reason
):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO)
    robot.walk()
    robot.show(message=bad(kind))
    robot.stands_saying(reason)
    assert robot.progress[-1] == f"running: {GO}"
    robot.walk()


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" * 9])
def test_bad_compressed_images_stop_the_robot_too(bench, tmp_path, data):
    robot = Robot(bench, saved(tmp_path, **WALKS), "compressed", instruction=GO)
    robot.show(message=CompressedImage(format="png", data=data))
    robot.stands_saying("image/compressed rejected")


def test_an_image_of_4000_by_3000_pixels_is_answered_in_the_policys_own_thread(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO)
    large = np.tile(np.linspace(0, 255, 4000).astype(np.uint8)[None, :, None], (3000, 1, 3))
    message = image(Header(), large)
    robot.node._receive(robot.node._image, stamped(message, robot.node.now()))
    bench.spin_until(lambda: robot.move().forward > 0.1)


def stamped(message, stamp):
    message.header.stamp = to_stamp(stamp)
    return message


def test_an_old_image_stops_the_robot(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO, image_timeout=1.0)
    bench.spin_until(lambda: robot.show() or robot.move().forward > 0.1)
    robot.stands_saying("no image for")


def test_an_empty_queue_means_zero_velocity_while_the_policy_thinks(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO, hold=0.2)
    go_on = threading.Event()
    act = robot.node._inference.policy.act
    bench.spin_until(lambda: robot.show() or robot.move().forward > 0.1)

    def slow(*arguments):
        go_on.wait(30.0)
        return act(*arguments)

    robot.node._inference.policy.act = slow
    robot.show()
    # It walks on by what was decided, then stands; commands come all the while.
    bench.spin_until(lambda: stands(robot.move()))
    go_on.set()
    bench.spin_until(lambda: robot.show() or robot.move().forward > 0.1)


def test_a_policy_that_is_unsure_walks_slowly_and_says_so(bench, tmp_path):
    path = saved(tmp_path, sure=6.0, **WALKS)
    robot = Robot(bench, path, instruction=GO, min_confidence=0.9, unsure_speed=0.5)
    robot.walk()
    assert robot.commands[-1].forward == pytest.approx(0.25, abs=0.03)
    bench.spin_until(lambda: robot.move() and robot.probe.said_last("walks at 50% of its speed"))
    robot.node.set_parameters([Parameter("min_confidence", value=0.0)])
    bench.spin_until(lambda: robot.move().forward > 0.4)


def test_what_takes_too_long_is_given_up(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO, time_limit=0.5)
    robot.walk()
    robot.stands_saying("not done within 0.5 s")


def test_a_policy_that_fails_stops_the_robot_and_is_asked_again(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO)
    act = robot.node._inference.policy.act

    def broken(*arguments):
        robot.node._inference.policy.act = act
        raise RuntimeError("forgot everything")

    robot.node._inference.policy.act = broken
    robot.show()
    robot.stands_saying("the control law failed: forgot everything")
    robot.walk()


def test_odometry_that_can_not_be_true_stops_the_robot(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO)
    robot.walk()
    for value in (float("nan"), 1e308):
        assert stands(robot.move(x=value))
        assert robot.move().forward > 0.1


def test_weights_of_another_version_or_missing_are_refused_in_one_sentence(bench, tmp_path):
    path = write(random_policy(), tmp_path / "old.safetensors")
    arrays, facts = weights.read(path, KIND)
    weights.write(path, KIND, arrays, {**facts, "version": 0})
    for name, reason in ((path, "of version 0"), (tmp_path / "no.safetensors", "no file")):
        robot = Robot(bench, name, start=False)
        with pytest.raises(ConfigurationError, match=reason):
            robot.node.start()
        bench.nodes.remove(robot.node)
        bench.executor.remove_node(robot.node)
        robot.node.destroy_node()


def test_in_lockstep_each_image_is_decided_upon_before_the_odometry_is_answered(bench, tmp_path):
    robot = Robot(bench, saved(tmp_path, **WALKS), instruction=GO, lockstep=True)
    for count in (1, 2, 3):
        robot.show()
        assert robot.move().forward > 0.1
        assert robot.node.diagnostic_values()["decisions"] == str(count)


def test_disabled_it_stands_and_words_sent_meanwhile_do_not_act(bench, tmp_path):
    loop_policy = saved(tmp_path, **WALKS)
    robot = Robot(bench, loop_policy)
    robot.say(GO)
    robot.walk()
    call = Loop.call
    assert call(robot, "emergency_stop", True).success
    assert stands(robot.move())
    call(robot, "emergency_stop", False)
    robot.words.publish(String(data=GO))
    bench.spin_for(0.2)
    assert call(robot, "enable", True).success
    robot.show()
    assert stands(robot.move())
    robot.say(GO)
    robot.walk()
