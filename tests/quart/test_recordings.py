# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded roll-outs: what the expert did and the robot saw, and data sets that are resumed."""

import math

import mujoco
import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control.actions import TERMINATE
from neuro_control.quart.control.instructions import draw as task_of
from neuro_control.quart.evaluation import recordings
from neuro_control.quart.evaluation.guides import Expert
from neuro_control.quart.evaluation.recordings import Recordings, draw, generate
from neuro_control.quart.evaluation.rollout import rollout
from neuro_control.quart.simulation.course import Course, load_of
from neuro_control.quart.training.data.formats.quard import episodes
from neuro_control.quart.training.data.moments import Draws

SETTINGS = Recordings(Draws(skills=("go_to", "stop")), pixels=48, rate=10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recorded data set of two episodes."""
    folder = tmp_path_factory.mktemp("recorded") / "quard"
    shown = []
    with workers(1) as executor:
        generate(folder, SETTINGS, 2, executor, shown.append)
    assert shown == [0, 2]
    return folder


@pytest.fixture(scope="module")
def recorded(folder):
    return {episode.folder.name: episode for episode in episodes(folder)}


def test_a_recorded_episode_is_what_the_expert_does(recorded):
    task, scenery = draw(SETTINGS, 0)
    actions, poses = [], []

    def watch(body, moment, action):
        actions.append(action.copy())
        poses.append(body.data.qpos[:7].copy())

    course = Course("go2", load_of(task.skill))
    outcome = rollout(course, task, Expert(), 0, scenery, watch=watch)
    ended = next(i for i, action in enumerate(actions) if action[TERMINATE] > 0.5)
    episode = recorded["000000"]
    assert episode.length == ended + 1
    assert episode.success == outcome.strict
    assert episode.instruction == task.instruction
    for index in range(episode.length):
        assert episode.action(index) == pytest.approx(actions[index], abs=1e-6)
        measured = episode.measured(index)
        assert measured["body_pos"] == pytest.approx(poses[index][:3], abs=1e-6)
        assert measured["body_quat"] == pytest.approx(np.roll(poses[index][3:], -1), abs=1e-6)


def test_pictures_and_depth_are_those_of_the_heads_camera(recorded):
    task, scenery = draw(SETTINGS, 0)
    course = Course("go2", load_of(task.skill))
    camera = Camera(course.model, "head", 48, 48)
    pictures, distances = [], []

    def watch(body, moment, action):
        if len(pictures) < 3:
            pictures.append(camera.look(body.data))
            distances.append(camera.depth(body.data))

    rollout(course, task, Expert(), 0, scenery, watch=watch)
    camera.close()
    for index, (picture, metres) in enumerate(zip(pictures, distances, strict=True)):
        np.testing.assert_array_equal(recorded["000000"].image(index), picture)
        assert recorded["000000"].depth(index) == pytest.approx(1000.0 * metres, abs=0.51)


def test_a_depth_picture_holds_distances_along_the_cameras_axis():
    course = Course()
    course.arrange(task_of("go to the red cube", seed=1))
    data = mujoco.MjData(course.model)
    course.start(course.model, data, np.random.default_rng(0))
    mujoco.mj_forward(course.model, data)
    camera = Camera(course.model, "head", 101, 101)
    middle = camera.depth(data)[50, 50]
    looked = camera.look(data)
    axis = -data.camera("head").xmat.reshape(3, 3)[:, 2]
    hit = np.zeros(1, dtype=np.int32)
    # What waits under the floor is in a group that no camera draws, nor does the ray see it.
    groups = np.array([1, 1, 1, 1, 1, 0], dtype=np.uint8)
    trunk = int(course.model.body_rootid[course.model.cam_bodyid[camera_id(course)]])
    expected = mujoco.mj_ray(
        course.model, data, data.camera("head").xpos, axis, groups, 1, trunk, hit
    )
    camera.close()
    if expected < 0:  # the horizon
        expected = course.model.vis.map.zfar * course.model.stat.extent
    assert middle == pytest.approx(expected, rel=0.02)
    assert looked.dtype == np.uint8  # and pictures are pictures again


def camera_id(course):
    return course.model.camera("head").id


def place_of(measured):
    """Where a frame's target is in the world, (2,), m."""
    x, y, z, w = measured["body_quat"]
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    ahead, left = measured["target_place"]
    c, s = math.cos(yaw), math.sin(yaw)
    return measured["body_pos"][:2] + np.array([c * ahead - s * left, s * ahead + c * left])


def test_a_recorded_place_is_where_the_target_is(recorded):
    episode = recorded["000000"]
    task, _ = draw(SETTINGS, 0)
    for index in (0, episode.length // 2, episode.length - 1):
        place = place_of(episode.measured(index))
        assert place == pytest.approx(task.target.position, abs=1e-4)


def test_the_place_of_a_ball_that_rolls_moves_on(recorded):
    first, later = (place_of(recorded["000001"].measured(index)) for index in (0, 20))
    assert later[0] - first[0] == pytest.approx(-0.1, abs=0.04)  # 5 cm/s for 2 s


def test_a_data_set_goes_on_and_gives_the_same_files_in_any_order(folder, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}
    other = tmp_path / "other"
    recordings.record(other, SETTINGS, [1])
    with workers(1) as executor:
        generate(folder, SETTINGS, 2, executor)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")} == before
    for path in other.rglob("*.*"):
        assert path.read_bytes() == (folder / path.relative_to(other)).read_bytes()


def test_another_data_set_in_the_same_folder_is_refused(folder):
    with workers(1) as executor, pytest.raises(ConfigurationError, match="another data set"):
        generate(folder, Recordings(seed=5), 2, executor)


def test_a_rate_that_does_not_fit_the_gait_layer_is_refused():
    with pytest.raises(ConfigurationError, match="10, 50, 100 Hz, not 30"):
        Recordings(rate=30)
