# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""LeRobot's format: what its package writes of recorded episodes and reads again."""

import importlib.util

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.quart.training.data.formats import numpy_dicts
from neuro_control.quart.training.data.formats.lerobot_dataset import (
    IMAGE,
    features,
    frame_of,
    write,
)
from neuro_control.quart.training.data.formats.quard import Episode
from tests.quart.quard_episodes import FRAMES, frame, write_episode

INSTALLED = importlib.util.find_spec("lerobot") is not None


@pytest.fixture
def source(tmp_path):
    """Two episodes of done tasks, and one that failed."""
    source = tmp_path / "quard"
    write_episode(source)
    write_episode(source, "stop the blue ball")
    write_episode(source, "crawl under the bar", success=False)
    return source


def test_each_frame_has_the_shapes_types_and_names_that_are_declared(source):
    episode = Episode(source / "go_to_red_cube" / "000004")
    declared = features(8, 10)
    for index in range(FRAMES):
        given = frame_of(episode, index)
        assert given.pop("task") == episode.instruction
        assert set(given) == set(declared)
        for name, feature in declared.items():
            assert given[name].shape == feature["shape"]
            assert feature["dtype"] in (str(given[name].dtype), "image")
            if feature["names"] and name != IMAGE:
                assert len(feature["names"]) == feature["shape"][0]


def test_a_state_holds_motion_and_joints(source):
    episode = Episode(source / "go_to_red_cube" / "000004")
    given, written = frame_of(episode, 2)["observation.state"], frame(2)
    assert given[:6] == pytest.approx([0.5, 0.1, -0.2, -0.02, 0.0, 0.0], abs=1e-6)
    assert given[6:18] == pytest.approx(written.measured["joint_pos"], abs=1e-6)
    assert given[18:] == pytest.approx(written.measured["joint_vel"], abs=1e-6)


def test_an_episode_without_joints_is_refused(source):
    folder = source / "go_to_red_cube" / "000004"
    numbers = dict(frame(0).measured)
    del numbers["joint_vel"]
    numpy_dicts.write(folder / "action" / "000.npy", numbers)
    with pytest.raises(ConfigurationError, match="no joint_vel of 12 joints"):
        frame_of(Episode(folder), 0)


@pytest.mark.skipif(INSTALLED, reason="lerobot is installed")
def test_without_the_package_it_says_what_to_install(source, tmp_path):
    with pytest.raises(ConfigurationError, match="pip install lerobot"):
        write(source, tmp_path / "lerobot")


@pytest.mark.skipif(not INSTALLED, reason="lerobot is not installed")
@pytest.mark.filterwarnings("ignore")  # of the packages that it imports
def test_the_package_reads_what_it_wrote(source, tmp_path):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    folder, shown = tmp_path / "lerobot", []
    write(source, folder, every=5, show=shown.append)
    assert shown == [1, 2]
    data = LeRobotDataset("quard", root=folder)
    assert (data.num_episodes, data.fps, data.meta.robot_type) == (2, 10, "go2")
    assert set(data.meta.tasks.index) == {
        "go to the red cube slowly with a trotting gait", "stop the blue ball",
    }  # fmt: skip
    # Of seven frames every fifth, the last one included.
    assert len(data) == 4
    episode = Episode(source / "go_to_red_cube" / "000004")
    for row, index in enumerate((1, 6)):
        picture = np.rint(255.0 * data[row][IMAGE].numpy()).astype(np.uint8)
        np.testing.assert_array_equal(picture.transpose(1, 2, 0), episode.image(index))
        assert data[row]["action"].numpy() == pytest.approx(episode.action(index), abs=1e-6)
        assert bool(data[row]["next.done"]) == (index == 6)
    with pytest.raises(ConfigurationError, match="is there already"):
        write(source, folder)


@pytest.mark.skipif(not INSTALLED, reason="lerobot is not installed")
@pytest.mark.filterwarnings("ignore")
def test_what_fails_halfway_leaves_no_data_set(source, tmp_path):
    (source / "stop_blue_ball" / "000004" / "image" / "001.png").write_bytes(b"\x89PNG")
    with pytest.raises(ConfigurationError, match="can't read the image"):
        write(source, tmp_path / "lerobot")
    assert not (tmp_path / "lerobot").exists()
    with pytest.raises(ConfigurationError, match="one in 3 can't be taken"):
        write(source, tmp_path / "lerobot", every=3)
