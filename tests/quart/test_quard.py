# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""QUARD's layout: what is written is what numpy and this package read, and damage is refused."""

import io
import os
import pickle
import shutil

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.files import write_csv
from neuro_control.quart.control.instructions import draw
from neuro_control.quart.control.tasks import BARS, CourseObject, Task
from neuro_control.quart.training.data.formats import numpy_dicts
from neuro_control.quart.training.data.formats.quard import (
    Episode,
    episodes,
    folder_of,
    ranges,
    sentence_of,
)
from tests.quart.quard_episodes import FRAMES, frame, write_episode
from tests.quart.test_words_and_actions import EACH


@pytest.fixture
def folder(tmp_path):
    """An episode that was written."""
    return write_episode(tmp_path / "quard")


# Dictionaries.


def saved(tmp_path, value, **options):
    path = tmp_path / "values.npy"
    np.save(path, value, **options)
    return path


VALUES = {
    "number": 0.25, "whole": 3, "truth": True, "scalar": np.float32(-1.5), "wide": np.int64(7),
    "list": [1.0, 2.0, 3.0], "array": np.arange(6.0, dtype=np.float32).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "big": np.arange(3, dtype=">i4"),
    "truths": np.array([True, False]), "empty": np.zeros(0),
}  # fmt: skip


def test_dictionaries_are_read_as_numpy_reads_them(tmp_path):
    found = numpy_dicts.read(saved(tmp_path, {**VALUES, "text": "slowly", "none": None}))
    assert set(found) == set(VALUES)
    for name, value in VALUES.items():
        np.testing.assert_array_equal(found[name], np.asarray(value, dtype=float))


@pytest.mark.parametrize("protocol", [3, 4])
def test_dictionaries_of_old_and_new_releases_of_numpy_are_read(tmp_path, protocol):
    held = np.empty((), dtype=object)
    held[()] = VALUES
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, np.lib.format.header_data_from_array_1_0(held))
    path = tmp_path / "values.npy"
    path.write_bytes(text.getvalue() + pickle.dumps(held, protocol=protocol))
    np.testing.assert_array_equal(numpy_dicts.read(path)["array"], VALUES["array"])


def test_numpy_loads_what_is_written(tmp_path):
    path = tmp_path / "values.npy"
    numpy_dicts.write(path, {"x_vel_cmd": 0.5, "gait ": np.array([0.5, 0.0, 0.0])})
    # As QUART's own programs do it, and by the name that older releases of numpy know.
    data = np.load(path, allow_pickle=True)
    assert float(data.item()["x_vel_cmd"]) == 0.5
    assert float(data.item()["gait "][0]) == 0.5
    assert b"numpy._core" not in path.read_bytes()


class Runs:
    """Runs a command where it is unpickled."""

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_no_file_gets_a_command_executed(tmp_path):
    hostile = Runs()
    hostile.path = tmp_path / "executed"
    path = saved(tmp_path, {"x": 1.0, "y": hostile})
    with pytest.raises(ConfigurationError, match=r"names posix\.system"):
        numpy_dicts.read(path)
    assert not hostile.path.exists()
    np.load(path, allow_pickle=True)
    assert hostile.path.exists()  # what numpy's own reader would have done


def many_lists():
    """A short file that stands for 10**9 numbers."""
    numbers = [1.0] * 1000
    for _ in range(2):
        numbers = [numbers] * 1000
    return {"x": 1.0, "bomb": numbers}


def test_lists_of_lists_are_left_out_whatever_they_stand_for(tmp_path):
    assert set(numpy_dicts.read(saved(tmp_path, many_lists()))) == {"x"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1.0, 2.0], "its header"),
        (np.array({1: 2.0}, dtype=object), "no dictionary with names"),
        (np.array("go", dtype=object), "no dictionary"),
        ({"x": np.nan}, "not finite"),
        ({"x": np.array([0.0, np.inf])}, "not finite"),
        ({"x": 10**400}, "not finite"),
        ({"x": np.array(["a", "b"])}, "array of .U1"),
        ({"x": np.zeros(2, dtype=[("a", float)])}, "damaged"),
        ({"x": np.complex128(1)}, "array of .c16"),
    ],
)
def test_other_contents_are_refused_in_one_sentence(tmp_path, value, reason):
    with pytest.raises(ConfigurationError, match=reason):
        numpy_dicts.read(saved(tmp_path, value))


def test_no_damage_to_a_file_leads_to_anything_but_a_clear_error(tmp_path):
    whole = saved(tmp_path, {**VALUES, "text": "slowly"}).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.npy"
    refused = 0
    for number in range(300):
        data = bytearray(whole[: int(rng.integers(len(whole)))] if number % 3 == 0 else whole)
        for place in rng.integers(0, max(len(data), 1), int(rng.integers(1, 4))):
            if data:
                data[place] = int(rng.integers(256))
        path.write_bytes(data)
        try:
            numpy_dicts.read(path)
        except ConfigurationError:
            refused += 1
    assert refused > 150


# Names.


def test_folders_are_named_as_quard_names_them():
    names = [folder_of(draw(instruction, seed=0)) for instruction in EACH]
    assert "go_to_red_cube" in names
    for instruction, name in zip(EACH, names, strict=True):
        assert instruction.startswith(sentence_of(name))
    target = CourseObject("bar", "red", (2.0, 0.0))
    bars = [folder_of(Task("crawl", "crawl", (target,), 20.0, bar=bar)) for bar in BARS]
    assert bars == ["crawl_red_gate2", "crawl_red_gate1", "crawl_red_gate3"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("go_to_texture_vase", "go to the vase"),
        ("go_avoid_texture_sofa", "go to the sofa and avoid the obstacle"),
        ("go_through_green_triangle tunnel", "go through the green triangle tunnel"),
        ("distinguish_texture_c", "distinguish letter c"),
        ("unload_blue_traybox", "unload the ball into the blue traybox"),
        ("stop_red_ball", "stop the red ball"),
        ("crawl_red_gate3", "crawl under the bar"),
        ("something", ""),
        ("go_to_red", ""),
    ],
)
def test_a_folders_name_says_what_was_commanded(name, sentence):
    assert sentence_of(name) == sentence


# Episodes.


def test_an_episode_that_was_written_is_read_as_it_was(folder):
    (episode,) = episodes(folder.parents[1])
    assert (episode.task, episode.length, episode.success) == ("go_to_red_cube", FRAMES, True)
    assert episode.instruction == "go to the red cube slowly with a trotting gait"
    for number in range(FRAMES):
        expected = frame(number)
        assert episode.action(number) == pytest.approx(expected.action, abs=1e-6)
        np.testing.assert_array_equal(episode.image(number), expected.image)
        np.testing.assert_array_equal(episode.depth(number), expected.depth)
        measured = episode.measured(number)
        for name, values in expected.measured.items():
            assert measured[name] == pytest.approx(values, abs=1e-6)


def test_a_task_that_was_not_done_does_not_end_with_terminate(folder):
    text = (folder / "info.csv").read_text().replace("True", "False")
    (folder / "info.csv").write_text(text)
    episode = Episode(folder)
    assert not episode.success
    assert episode.action(FRAMES - 1)[0] == 0.0


def test_quards_own_columns_give_the_instruction(folder):
    header = ("urdf", "instruction", "traj_len", "gait", "is_success")
    write_csv(folder / "info.csv", header, [("wr2", "go to the r e d, quickly", "40", "[0.5]", "")])
    episode = Episode(folder)
    assert episode.instruction == "go to the red cube quickly with a trotting gait"
    assert episode.success
    write_csv(folder / "info.csv", header, [("wr2", "x, slowly", "40", "pacing", "True")])
    assert Episode(folder).instruction == "go to the red cube slowly with a pacing gait"


def test_ranges_are_those_of_the_actions_and_phases_go_from_0_to_1(folder):
    found = ranges(folder.parents[1])
    assert found[2] == pytest.approx([0.0, 0.01 * (FRAMES - 1)], abs=1e-6)
    assert found[5] == pytest.approx([3.0, 3.001])
    np.testing.assert_array_equal(found[[0, 6, 7, 8]], [[0.0, 1.0]] * 4)


def test_an_empty_file_counts_as_the_one_before_it(folder):
    (folder / "command" / "003.npy").write_bytes(b"")
    (folder / "image" / "003.png").write_bytes(b"")
    episode = Episode(folder)
    assert episode.action(3) == pytest.approx(frame(2).action, abs=1e-6)
    np.testing.assert_array_equal(episode.image(3), frame(2).image)


def remove_a_frame(folder):
    (folder / "command" / "003.npy").unlink()


def remove_the_last_picture(folder):
    (folder / "image" / f"{FRAMES - 1:03}.png").unlink()


def add_a_file(folder):
    (folder / "action" / "notes.txt").write_text("x")


def link_a_frame(folder):
    (folder / "image" / "003.png").unlink()
    (folder / "image" / "003.png").symlink_to("/etc/passwd")


def link_a_folder(folder):
    shutil.move(folder / "action", folder.parents[2] / "action")
    (folder / "action").symlink_to(folder.parents[2] / "action")


def link_the_info(folder):
    (folder / "info.csv").unlink()
    (folder / "info.csv").symlink_to("/etc/passwd")


def remove_the_info(folder):
    (folder / "info.csv").unlink()


def empty_the_info(folder):
    (folder / "info.csv").write_text("urdf,instruction\n")


def remove_the_commands(folder):
    shutil.rmtree(folder / "command")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (remove_a_frame, "missing between"),
        (remove_the_last_picture, "6 files in image"),
        (add_a_file, "is no frame"),
        (link_a_frame, "is no frame"),
        (link_a_folder, "no folder action"),
        (link_the_info, "not followed"),
        (remove_the_info, "can't read"),
        (empty_the_info, "no row of values"),
        (remove_the_commands, "no folder command"),
    ],
)
def test_an_episode_that_is_not_whole_is_refused_in_one_sentence(folder, damage, reason):
    damage(folder)
    with pytest.raises(ConfigurationError, match=reason):
        list(episodes(folder.parents[1]))


def test_damaged_frames_are_refused_when_they_are_read(folder):
    episode = Episode(folder)
    (folder / "image" / "000.png").write_bytes(b"\x89PNG")
    with pytest.raises(ConfigurationError, match="can't read the image"):
        episode.image(0)
    numpy_dicts.write(folder / "command" / "001.npy", {"x_vel_cmd": 0.5})
    with pytest.raises(ConfigurationError, match="a command has no y_vel_cmd"):
        episode.action(1)
    (folder / "action" / "001.npy").write_bytes(b"")
    (folder / "action" / "000.npy").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="damaged"):
        episode.measured(1)


def test_a_folder_without_episodes_is_refused_and_links_out_of_it_are_not_followed(folder):
    root = folder.parents[2] / "other"
    with pytest.raises(ConfigurationError, match="no folder"):
        list(episodes(root))
    root.mkdir()
    (root / "go_to_red_cube").symlink_to(folder.parent)
    with pytest.raises(ConfigurationError, match="no episodes in QUARD's layout"):
        list(episodes(root))
