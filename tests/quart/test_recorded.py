# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded episodes as data to be trained on."""

import math

import numpy as np
import pytest
import torch

from neuro_control.errors import ConfigurationError
from neuro_control.files import write_csv
from neuro_control.learning.executors import workers
from neuro_control.quart.control.actions import NUMBERS
from neuro_control.quart.control.state import Memory, state_vector
from neuro_control.quart.training.chunks import CHUNK
from neuro_control.quart.training.data.formats import numpy_dicts
from neuro_control.quart.training.data.formats.quard import Episode, robot_state
from neuro_control.quart.training.data.formats.recorded import Recorded, convert, moments_of
from neuro_control.quart.training.data.pictures import UNKNOWN, PictureSet
from neuro_control.quart.training.data.texts import unpacked
from neuro_control.quart.training.train import Training, train
from tests.quart.quard_episodes import FRAMES, frame, write_episode

SETTINGS = Recorded(pixels=32, rate=20)


@pytest.fixture
def source(tmp_path):
    source = tmp_path / "quard"
    write_episode(source)
    write_episode(source, "stop the blue ball", success=False)
    return source


def converted(source, folder):
    shown = []
    with workers(1) as executor:
        convert(source, folder, SETTINGS, executor, lambda *done: shown.append(done))
    return shown


def test_moments_are_those_frames_that_a_policy_would_see(source):
    episode = Episode(source / "go_to_red_cube" / "000004")
    rows = moments_of(episode, SETTINGS, np.random.default_rng(0))
    # 20 frames a second, 10 actions: every second one, the last included.
    chosen = list(range(0, FRAMES, 2))
    assert len(rows) == len(chosen)
    memory = Memory()
    for row, index in zip(rows, chosen, strict=True):
        action = frame(index).action
        assert row["actions"] == pytest.approx(action, abs=1e-6)
        following = [frame(min(index + 2 * later, FRAMES - 1)).action for later in range(CHUNK)]
        assert row["chunks"] == pytest.approx(np.array(following), abs=1e-2)
        state = robot_state(episode.measured(index))
        expected = state_vector(state.motion(), memory.bows, None)
        assert row["states"] == pytest.approx(expected, abs=1e-6)
        memory.did(action, 0.1)
        assert unpacked(row["texts"]) == "go to the red cube slowly with a trotting gait"
        assert row["visible"] == UNKNOWN
        assert row["images"].shape == (3, 32, 32)


def test_a_recorded_place_is_remembered_once_it_was_in_sight(source):
    folder = source / "go_to_red_cube" / "000004"
    for index, left in enumerate([0.2, 0.2, 3.0, 3.0, 3.0, 3.0, 3.0]):
        values = {**frame(index).measured, "target_place": np.array([2.0, left])}
        numpy_dicts.write(folder / "action" / f"{index:03}.npy", values)
    rows = moments_of(Episode(folder), SETTINGS, np.random.default_rng(0))
    assert [int(row["visible"]) for row in rows] == [1, 0, 0, 0]
    assert rows[0]["places"] == pytest.approx([2.0, 0.2])
    # Not yet believed in the first one; then about where it was seen.
    assert [row["states"][-3] for row in rows] == [0.0, 1.0, 1.0, 1.0]
    assert 3.0 * rows[1]["states"][-2:] == pytest.approx([1.8, 0.1], abs=0.5)


def test_a_robots_state_is_that_of_the_record(source):
    state = robot_state(Episode(source / "go_to_red_cube" / "000004").measured(2))
    assert state.motion() == pytest.approx([0.5, 0.1, -0.2, -0.02, 0.0, 0.0], abs=1e-6)
    assert state.yaw == pytest.approx(0.4, abs=1e-6)
    assert state.position == pytest.approx([0.2, 0.0], abs=1e-6)
    for axis, pitch, roll in ((1, 0.3, 0.0), (0, 0.0, 0.3)):
        turned = np.zeros(4)
        turned[[axis, 3]] = math.sin(0.15), math.cos(0.15)
        state = robot_state({**frame(0).measured, "body_quat": turned})
        assert (state.pitch, state.roll) == pytest.approx((pitch, roll), abs=1e-9)
    with pytest.raises(ConfigurationError, match="lacks numbers"):
        robot_state({"body_pos": np.zeros(3)})


def test_a_data_set_leaves_out_failures_goes_on_and_refuses_another(source, tmp_path):
    folder = tmp_path / "moments"
    assert converted(source, folder) == [(0, 1), (1, 1)]
    before = (folder / "part_0000.safetensors").stat().st_mtime_ns
    assert converted(source, folder) == [(1, 1)]
    assert (folder / "part_0000.safetensors").stat().st_mtime_ns == before
    data = PictureSet(folder)
    assert data.size == 4
    assert data.batch(np.arange(4))["actions"][-1, NUMBERS.index("terminate")] == 1.0
    write_episode(source, number=5)
    with pytest.raises(ConfigurationError, match="another data set"):
        converted(source, folder)


def test_a_network_learns_from_recorded_episodes(source, tmp_path):
    folder = tmp_path / "moments"
    converted(source, folder)
    torch.set_num_threads(1)
    losses = []
    train(
        PictureSet(folder), Training(updates=30, batch=4, mirror=False), tmp_path / "run",
        show=lambda update, loss: losses.append(loss),
    )  # fmt: skip
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.3


def test_what_can_not_be_trained_on_is_refused(source, tmp_path):
    with pytest.raises(ConfigurationError, match="25 frames a second do not fit"):
        _ = Recorded(rate=25).every
    folder = source / "go_to_red_cube" / "000004"
    write_csv(folder / "info.csv", ("instruction", "gait"), [("x, " + "y" * 200, "trotting")])
    with pytest.raises(ConfigurationError, match="more than 96 bytes"):
        moments_of(Episode(folder), SETTINGS, np.random.default_rng(0))
    write_csv(folder / "info.csv", ("is_success",), [("False",)])
    with pytest.raises(ConfigurationError, match="nothing to learn"):
        converted(source, tmp_path / "moments")
