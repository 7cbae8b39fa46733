# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import io
import sys

import numpy as np
import pytest
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.places.training.bags import is_bag
from neuro_control.places.training.dataset import open_traverse, pair_by_pose
from tests.places.recordings import bag, compressed, pose, raw
from tests.places.routes import picture

START = 1_700_000_000.0


def camera(count, topic="/camera"):
    """One image every 0.1 s, recorded 0.05 s late."""
    times = [START + 0.1 * number for number in range(count)]
    return [(topic, time + 0.05, raw(picture(i), time)) for i, time in enumerate(times)]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_images_come_out_of_a_bag_as_they_went_in(storage, tmp_path):
    file = bag(tmp_path / "drive", camera(4), storage)
    for path in (tmp_path / "drive", file):
        assert is_bag(path)
        traverse = open_traverse(path)
        np.testing.assert_array_equal(traverse.images, [picture(i) for i in range(4)])
        assert traverse.names[1] == "1700000000100000000"
        np.testing.assert_allclose(traverse.stamps - START, [0, 0.1, 0.2, 0.3], atol=1e-6)
        assert traverse.poses is None


def test_compressed_and_coloured_images_are_read(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(picture(1)).save(buffer, "png")
    coloured = np.repeat(picture(0)[..., None], 3, axis=2)
    messages = [
        ("/packed", START, compressed(buffer.getvalue(), START)),
        ("/colour", START, raw(coloured, START, "bgr8")),
    ]
    bag(tmp_path / "drive", messages)
    for topic, seed in (("/packed", 1), ("/colour", 0)):
        traverse = open_traverse(tmp_path / "drive", topic=topic)
        np.testing.assert_array_equal(traverse.images[0], picture(seed))


def test_a_message_without_a_stamp_has_the_time_of_its_recording(tmp_path):
    bag(tmp_path / "drive", [("/camera", START + 1, raw(picture(0), 0.0))])
    np.testing.assert_allclose(open_traverse(tmp_path / "drive").stamps, [START + 1])


def test_a_bag_is_thinned_by_time_or_by_number(tmp_path):
    bag(tmp_path / "drive", camera(10))
    assert len(open_traverse(tmp_path / "drive", stride=4)) == 3
    thinned = open_traverse(tmp_path / "drive", period=0.25)
    np.testing.assert_allclose(thinned.stamps - START, [0, 0.3, 0.6, 0.9], atol=1e-6)
    assert len(open_traverse(tmp_path / "drive", period=0.1)) == 10


def test_of_several_topics_one_has_to_be_chosen(tmp_path):
    bag(tmp_path / "drive", camera(1, "/left") + camera(2, "/right"))
    with pytest.raises(ConfigurationError, match="its image topics are /left, /right"):
        open_traverse(tmp_path / "drive")
    with pytest.raises(ConfigurationError, match=r"no image topic /up in .* are /left, /right"):
        open_traverse(tmp_path / "drive", topic="/up")
    with pytest.raises(ConfigurationError, match=r"no pose topic /odom .* it has no pose topic"):
        open_traverse(tmp_path / "drive", topic="/left", pose_topic="/odom")
    assert len(open_traverse(tmp_path / "drive", topic="/right")) == 2


def test_a_bag_without_images_is_refused(tmp_path):
    bag(tmp_path / "drive", [("/pose", START, pose(0.0, START))])
    with pytest.raises(ConfigurationError, match="it has no image topic"):
        open_traverse(tmp_path / "drive")


@pytest.mark.parametrize(
    "kind",
    [
        "nav_msgs/msg/Odometry",
        "geometry_msgs/msg/PoseStamped",
        "geometry_msgs/msg/PoseWithCovarianceStamped",
    ],
)
def test_each_image_gets_the_pose_nearest_in_time(kind, tmp_path):
    poses = [("/pose", START + t, pose(10 * t, START + t, kind)) for t in (0.04, 0.16, 0.22, 0.31)]
    bag(tmp_path / "drive", camera(4) + poses)
    traverse = open_traverse(tmp_path / "drive", pose_topic="/pose")
    np.testing.assert_allclose(traverse.poses[:, 0], [0.4, 0.4, 2.2, 3.1])
    np.testing.assert_allclose(traverse.poses[:, 3:], [[0, 0, 0, 1]] * 4)
    assert traverse.frame_id == "odom"


def test_an_image_without_a_pose_in_time_is_left_out(tmp_path, capsys):
    late = [("/pose", START, pose(1.0, START + 0.65))]
    bag(tmp_path / "drive", camera(4) + late)
    traverse = open_traverse(tmp_path / "drive", pose_topic="/pose")
    assert traverse.names == ("1700000000200000000", "1700000000300000000")
    assert "no pose within 0.5 s" in capsys.readouterr().err


def test_a_pose_that_means_nothing_is_refused(tmp_path):
    bag(tmp_path / "drive", [*camera(1), ("/pose", START, pose(1.0, START, w=0.0))])
    with pytest.raises(ConfigurationError, match="quaternion of a pose is zero"):
        open_traverse(tmp_path / "drive", pose_topic="/pose")


def test_two_bags_pair_by_their_poses(tmp_path):
    for name, offset in (("first", 0.0), ("second", 1.2)):
        poses = [
            ("/pose", START + t / 10, pose(2.0 * t + offset, START + t / 10)) for t in range(4)
        ]
        bag(tmp_path / name, camera(4) + poses)
    first, second = (
        open_traverse(tmp_path / name, pose_topic="/pose") for name in ("first", "second")
    )
    assert pair_by_pose(first, second, within=1.0).tolist() == [1, 2, 3, -1]


def test_a_message_of_a_wrong_encoding_is_named_and_the_rest_goes_on(tmp_path, capsys):
    wrong = raw(picture(5), START + 1, "yuv422")
    cut_off = compressed(b"\x89PNG", START)
    bag(tmp_path / "drive", [*camera(2), ("/camera", START + 1, wrong)])
    assert len(open_traverse(tmp_path / "drive")) == 2
    told = capsys.readouterr().err
    assert "1700000001000000000" in told
    assert "no encoding 'yuv422'" in told
    bag(tmp_path / "packed", [("/camera", START, cut_off)])
    with pytest.raises(ConfigurationError, match="no image of a format that is read"):
        open_traverse(tmp_path / "packed")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_damaged_bag_is_named_whatever_rosbags_makes_of_it(storage, tmp_path):
    file = bag(tmp_path / "drive", camera(6), storage)
    whole = np.frombuffer(file.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(40):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 20)] ^= 77
        file.write_bytes(damaged[: rng.integers(1, len(whole) + 1)].tobytes())
        try:
            open_traverse(tmp_path / "drive")
        except ConfigurationError as error:
            refused += 1
            assert "drive" in str(error)
            assert "\n" not in str(error)
    assert refused > 20
    file.unlink()
    with pytest.raises(ConfigurationError, match="can't read the bag"):
        open_traverse(tmp_path / "drive")


def test_an_image_whose_definition_in_the_bag_is_another_is_refused(tmp_path):
    messages = [("/camera", START, raw(picture(0), START))]
    file = bag(tmp_path / "drive", messages)
    file.write_bytes(file.read_bytes().replace(b"uint8[] data", b"uint8[] dato"))
    with pytest.raises(ConfigurationError, match="its message is no sensor_msgs/msg/Image"):
        open_traverse(file)


def test_a_bag_of_which_a_part_is_missing_is_refused_rather_than_read_in_part(tmp_path):
    file = bag(tmp_path / "drive", camera(10))
    whole = np.frombuffer(file.read_bytes(), np.uint8)
    refused = 0
    for at in range(0, len(whole), 16):
        damaged = whole.copy()
        damaged[at] ^= 77
        file.write_bytes(damaged.tobytes())
        try:
            traverse = open_traverse(tmp_path / "drive")
            assert len(traverse) + len(traverse.skipped) == 10  # what is skipped is named
        except ConfigurationError as error:
            refused += " is damaged: " in str(error)
    assert refused > 0


def test_without_rosbags_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    bag(tmp_path / "drive", camera(1))
    monkeypatch.setitem(sys.modules, "rosbags.highlevel", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'neuro_control\[bags\]'"):
        open_traverse(tmp_path / "drive")
