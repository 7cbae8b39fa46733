# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a simulated robot's cameras see, as messages."""

import os
import subprocess

import mujoco
import numpy as np
import pytest
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState

from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SENSOR_QOS,
    joint_state,
    to_nanoseconds,
)
from neuro_control.simulation.cameras import Cameras
from neuro_control.simulation.node import Simulation
from tests.bench import MS, Probe, options

MODEL = "neuro_control.quadruped.simulation.body:world"


BOX = """
<mujoco>
  <worldbody>
    <light pos="0 0 2"/>
    <camera name="eye" xyaxes="0 -1 0 0 0 1"/>
    <camera name="back" xyaxes="0 1 0 0 0 1"/>
    <geom group="2" type="box" pos="1 0 0" size=".2 .2 .2" rgba="1 0 0 1"/>
    <body><freejoint/><geom type="sphere" size=".1" pos="-1 0 0" rgba="0 1 0 1"/></body>
  </worldbody>
</mujoco>
"""


def rendered(path, camera, visuals=True, aside=0.0):
    """A picture straight from the process that draws; the sphere stands aside."""
    path.write_text(BOX)
    model = mujoco.MjModel.from_xml_string(BOX)
    data = mujoco.MjData(model)
    data.qpos[1] = aside
    cameras = Cameras(str(path), {}, ["eye", "back"], 48, 64, visuals)
    try:
        cameras.ask(camera, model, data, 1, 0)
        return cameras.fetch(wait=True).astype(int)
    except ConfigurationError as error:
        pytest.skip(str(error))
    finally:
        cameras.close()


def test_a_picture_is_what_that_camera_sees_of_the_state_that_was_asked_for(tmp_path):
    eye, back = (rendered(tmp_path / "box.xml", camera) for camera in (0, 1))
    assert eye.shape == (48, 64, 3)
    assert eye[24, 32, 0] > eye[24, 32, 1] + 50
    assert back[24, 32, 1] > back[24, 32, 0] + 50
    # Behind it, left is to the right.
    green = rendered(tmp_path / "box.xml", 1, aside=0.3)[..., 1]
    assert green[24, 32] < 30
    assert green[24, 32:].max() > 50


def test_visual_meshes_are_drawn_for_people_only(tmp_path):
    hidden = rendered(tmp_path / "box.xml", 0, visuals=False)
    assert hidden[24, 32].max() < 30


def simulated(bench, **values):
    """Simulation, and a robot whose motors do nothing; images and infos by topic."""
    simulation = bench.add(
        Simulation(
            **options(model=MODEL, camera_rate=10.0, camera_width=64, camera_height=48, **values)
        )
    )
    robot = bench.add(Node("robot"))
    commands = robot.create_publisher(JointState, "joint_commands", COMMAND_QOS)
    still = np.zeros(12)

    def answer(message):
        stamp = to_nanoseconds(message.header.stamp)
        commands.publish(joint_state(stamp, list(message.name), effort=still))

    heard, subscriptions = {}, []
    for topic, kind in (("head/image", Image), ("head/camera_info", CameraInfo)):
        heard[topic] = []
        subscriptions.append(
            robot.create_subscription(kind, topic, heard[topic].append, SENSOR_QOS)
        )
    bench.spin_until(lambda: all(each.get_publisher_count() for each in subscriptions))
    robot.create_subscription(JointState, "joint_states", answer, SENSOR_QOS)
    return simulation, heard


def test_in_lockstep_images_come_every_tenth_of_a_second_and_are_the_same_every_time(
    bench, tmp_path
):
    rendered(tmp_path / "box.xml", 0)
    simulation, heard = simulated(bench, duration=0.4)
    bench.spin_until(lambda: simulation.finished)
    bench.spin_until(lambda: len(heard["head/camera_info"]) >= 3)
    images, infos = heard.values()
    stamps = [to_nanoseconds(image.header.stamp) for image in images]
    # The first is drawn before anyone can know of it.
    assert stamps[-3:] == [100 * MS, 200 * MS, 300 * MS]
    assert [info.header for info in infos] == [image.header for image in images]
    last = images[-1]
    assert (last.encoding, last.height, last.width, last.step) == ("rgb8", 48, 64, 192)
    assert last.header.frame_id == "head_optical_frame"
    # Sky above, ground below.
    red, _, blue = np.frombuffer(last.data, np.uint8).reshape(48, 64, 3).astype(int).T
    assert (blue[:, 5] > red[:, 5]).all()
    assert (blue[:, -5] < red[:, -5]).all()
    before = [bytes(image.data) for image in images]
    images.clear()
    simulation.reset()
    bench.spin_until(lambda: simulation.finished)
    bench.spin_until(lambda: len(images) >= 4)
    assert [bytes(image.data) for image in images][-3:] == before[-3:]


def test_the_focal_length_is_that_of_the_field_of_view(bench, tmp_path):
    rendered(tmp_path / "box.xml", 0)
    _, heard = simulated(bench, lockstep=False, real_time_factor=0.5)
    bench.spin_until(lambda: heard["head/camera_info"])
    info = heard["head/camera_info"][0]
    # 75° from top to bottom: a point at 37.5° above the axis is seen at the upper edge.
    assert info.k[4] * np.tan(np.radians(37.5)) == pytest.approx(24.0)
    assert (info.k[2], info.k[5]) == (31.5, 23.5)


def test_nothing_is_drawn_while_nobody_listens(bench, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("a process was started that draws")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    simulation = bench.add(Simulation(**options(model=MODEL, camera_rate=10.0)))
    simulation.reset()
    blind = bench.add(Simulation(name="blind", **options(model=MODEL)))
    topics = [name for name, _ in blind.get_publisher_names_and_types_by_node("blind", "/")]
    assert "/joint_states" in topics
    assert "/head/image" not in topics


def test_without_gl_it_is_said_and_the_simulation_goes_on(bench, monkeypatch):
    monkeypatch.setitem(os.environ, "MUJOCO_GL", "glfw")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    probe = bench.add(Probe())
    simulation, heard = simulated(bench, duration=0.3)
    bench.spin_until(lambda: simulation.finished)
    bench.spin_until(lambda: probe.said("can't be rendered here"))
    assert heard["head/image"] == []
