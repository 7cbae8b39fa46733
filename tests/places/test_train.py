# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.recogniser_settings import MODES
from neuro_control.places.control.stdp.expert import PAPER
from neuro_control.places.training.command import train_command
from neuro_control.places.training.train import train
from neuro_control.places.training.train_expert import train_expert
from tests.places.ensembles import design, recogniser_of, small, trained, traverse
from tests.places.textures import textures

TRAINED = (
    "networks",
    "places",
    "weights",
    "thresholds",
    "responses",
    "probe",
    "probed",
    "activity",
)


def assert_same(one, other):
    for name in TRAINED:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


class Cut(Exception):
    pass


def cut_after(experts):
    """Ends a training once so many of its experts are done."""

    def advance(done, _):
        if done >= experts:
            raise Cut

    return advance


def fewer_epochs(progress):
    return trained([traverse(textures(10))], design(epochs=7), progress)


def test_training_is_the_same_from_the_same_seed():
    again = trained([traverse(textures(10))], design())
    assert_same(again, small())
    other = trained([traverse(textures(10))], design(seed=1))
    assert (other.weights != small().weights).any()


def test_an_expert_learns_what_its_places_look_like():
    expert = dataclasses.replace(PAPER, neurons=30)
    levels = textures(3).reshape(1, 3, 784).astype(np.float32)
    arrays = train_expert(levels, expert, 12, [0])
    np.testing.assert_allclose(
        arrays["weights"].sum(axis=0, dtype=float), np.full(30, 78), rtol=3e-3
    )
    assert (arrays["thresholds"] > 20).any()
    best = arrays["responses"].argmax(axis=0)
    assert set(best) == {0, 1, 2}
    fields = [arrays["weights"][:, best == place].astype(float).mean(axis=1) for place in range(3)]
    alike = np.corrcoef(fields, levels[0])[:3, 3:]
    np.testing.assert_array_equal(alike.argmax(axis=0), range(3))


def test_responses_are_those_of_the_last_five_epochs():
    expert = dataclasses.replace(PAPER, neurons=20)
    levels = textures(2).reshape(1, 2, 784).astype(np.float32)
    short, longer = (train_expert(levels, expert, epochs, [0]) for epochs in (5, 6))
    # A neuron fires seven times at most for each image that it is shown.
    assert 0 < short["responses"].max() <= 5 * 7
    assert (longer["responses"] != short["responses"]).any()
    assert longer["responses"].max() <= 5 * 7


def test_thresholds_are_forgotten_by_the_cycles_length():
    expert = dataclasses.replace(PAPER, neurons=5, adaptation=0.0, adaptation_decay=1.0)
    levels = np.zeros((2, 3, 784), np.float32)
    arrays = train_expert(levels, expert, 2, [0])
    # 12 images of half a second each.
    np.testing.assert_allclose(arrays["thresholds"], np.full(5, 20 * np.exp(-6.0)), rtol=1e-5)


def test_what_training_tells_of_its_progress():
    told = []
    trained([traverse(textures(10))], design(epochs=1), advance=lambda *each: told.append(each))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_a_training_that_was_cut_off_goes_on_to_the_same_ensemble(tmp_path):
    progress = tmp_path / "progress"
    with pytest.raises(Cut):
        trained([traverse(textures(10))], design(), progress, advance=cut_after(1))
    done = sorted(each.name for each in progress.iterdir())
    assert "training" in done
    told = []
    resumed = trained(
        [traverse(textures(10))], design(), progress, advance=lambda *each: told.append(each)
    )
    assert told[0][0] >= 1
    assert_same(resumed, small())


def test_a_finished_training_is_not_done_again(tmp_path):
    once = trained([traverse(textures(10))], design(), tmp_path / "progress")
    told = []
    again = trained(
        *([traverse(textures(10))], design(), tmp_path / "progress"),
        advance=lambda *each: told.append(each),
    )
    assert told == [(2, 2)]
    assert again.train_s == once.train_s
    assert_same(again, once)


@pytest.mark.parametrize(
    "other",
    [
        fewer_epochs,
        lambda progress: trained([traverse(textures(10, seed=1))], design(), progress),
        lambda progress: trained([traverse(textures(9))], design(), progress),
    ],
    ids=["design", "images", "places"],
)
def test_the_progress_of_another_training_is_refused(other, tmp_path):
    progress = tmp_path / "progress"
    with pytest.raises(Cut):
        trained([traverse(textures(10))], design(), progress, advance=cut_after(0))
    with pytest.raises(
        ConfigurationError, match="progress holds another training, of other images"
    ):
        other(progress)


def test_a_folder_of_something_else_is_no_progress(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ConfigurationError, match="holds another training"):
        trained([traverse(textures(10))], design(), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_a_damaged_expert_of_a_progress_is_named(tmp_path):
    with pytest.raises(Cut):
        trained([traverse(textures(10))], design(epochs=1), tmp_path / "p", advance=cut_after(1))
    expert = next((tmp_path / "p").glob("expert-*"))
    expert.write_bytes(expert.read_bytes()[:50])
    with pytest.raises(ConfigurationError, match=f"{expert.name} is damaged"):
        trained([traverse(textures(10))], design(epochs=1), tmp_path / "p")


@pytest.fixture(scope="module")
def extended():
    added = traverse(textures(7, seed=50), tuple(f"new {n}" for n in range(7)))
    return trained([added], design(), known=small())


def test_new_places_leave_the_known_ones_experts_as_they_were(extended):
    assert extended.names == (*small().names, *(f"new {n}" for n in range(7)))
    for name in ("networks", "places", "weights", "thresholds", "responses"):
        np.testing.assert_array_equal(getattr(extended, name)[:2], getattr(small(), name))
    np.testing.assert_array_equal(extended.reference[:10], small().reference)
    own = np.concatenate([each[each >= 0] for each in extended.places])
    np.testing.assert_array_equal(np.sort(own), np.arange(17))


@pytest.mark.parametrize("mode", MODES)
def test_known_and_new_places_are_recalled(mode, extended):
    images = np.concatenate([textures(10), textures(7, seed=50)])
    scores = recogniser_of(extended, mode=mode).scores(images)
    assert (scores.argmax(axis=1) == np.arange(17)).mean() > 0.9


def test_an_extended_ensemble_is_written_and_read(extended, tmp_path):
    extended.write(tmp_path / "model")
    assert_same(Ensemble.read(tmp_path / "model"), extended)


def test_an_ensemble_is_extended_by_experts_with_other_numbers_of_places():
    # Two experts of one place each, beside two of five.
    added = traverse(textures(2, seed=50), ("a", "b"))
    joined = trained([added], design(places=1), known=small())
    np.testing.assert_array_equal(joined.places[2:, 0], [10, 11])
    assert (joined.places[2:, 1:] == -1).all()
    assert not joined.responses[2:, 1:].any()
    assert recogniser_of(joined).scores(textures(10)).argmax(axis=1).tolist() == list(range(10))


def test_known_places_are_not_added_again():
    added = traverse(textures(2, seed=50), ("3", "new"))
    with pytest.raises(
        ConfigurationError, match="knows 3 already, as 1 of the 2 places of the ref"
    ):
        trained([added], design(), known=small())


def test_poses_of_both_or_of_neither_and_in_one_frame():
    poses = np.zeros((10, 7))
    posed = dataclasses.replace(small(), poses=poses, frame_id="odom")
    names = ("a", "b")
    plain = traverse(textures(2, seed=50), names)
    elsewhere = traverse(textures(2, seed=50), names, poses=np.ones((2, 7)), frame_id="map")
    with pytest.raises(ConfigurationError, match="must both have poses, or neither"):
        trained([plain], design(), known=posed)
    with pytest.raises(ConfigurationError, match="are in 'map', the ensemble's in 'odom'"):
        trained([elsewhere], design(), known=posed)
    there = dataclasses.replace(elsewhere, frame_id="odom")
    joined = trained([there], design(epochs=1), known=posed)
    np.testing.assert_array_equal(joined.poses, np.concatenate([poses, np.ones((2, 7))]))


@pytest.mark.parametrize("mode", MODES)
def test_places_of_random_regions_are_recalled(mode):
    drawn = trained([traverse(textures(10))], design(regions="random", places=4))
    own = np.concatenate([each[each >= 0] for each in drawn.places])
    assert (own != np.arange(10)).any()
    scores = recogniser_of(drawn, mode=mode).scores(textures(10))
    assert (scores.argmax(axis=1) == np.arange(10)).mean() > 0.8


def test_two_reference_traverses_are_matched_by_name_and_both_learnt():
    images = textures(6)
    darker = (images // 2 + np.linspace(0, 40, 28).astype(np.uint8)).astype(np.uint8)
    order = [3, 1, 0, 5, 4, 2]
    names = tuple(str(n) for n in order)
    together = trained([traverse(images), traverse(darker[order], names)], design())
    aligned = trained([traverse(images), traverse(darker)], design())
    assert_same(together, aligned)
    assert together.names == tuple("012345")
    np.testing.assert_array_equal(together.reference, images)
    assert (together.weights != trained([traverse(images)], design()).weights).any()
    for shown in (images, darker):
        found = recogniser_of(together).scores(shown).argmax(axis=1)
        assert (found == np.arange(6)).mean() > 0.8


def test_traverses_of_different_places_are_refused():
    with pytest.raises(ConfigurationError, match="the reference has 5 images, the reference 6"):
        trained([traverse(textures(6)), traverse(textures(5))], design())


def test_what_the_first_images_of_a_traverse_are():
    whole = traverse(
        textures(6), poses=np.zeros((6, 7)), stamps=np.arange(6.0), rows=tuple(range(6))
    )
    part = whole.beginning(4)
    assert len(part) == len(part.images) == len(part.poses) == len(part.stamps) == 4
    assert part.rows == (0, 1, 2, 3)
    assert whole.beginning(None) is whole


def test_two_workers_train_the_same_as_one():
    with ThreadPoolExecutor(2) as executor:
        assert_same(train([traverse(textures(10))], design(), executor), small())


def test_the_command_trains_from_a_folder_and_adds_places(tmp_path):
    for folder, seed in (("summer", 0), ("new", 50)):
        (tmp_path / folder).mkdir()
        for number, image in enumerate(textures(6, seed=seed, side=32)):
            Image.fromarray(image).save(tmp_path / folder / f"{folder}-{number}.png")
    options = ["--places", "4", "--neurons", "30", "--epochs", "3", "--jobs", "1"]
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    shown = ["--reference", str(tmp_path / "summer"), "--out", str(first), "--first", "5"]
    result = CliRunner().invoke(train_command, [*shown, *options], catch_exceptions=False)
    assert result.exit_code == 0
    assert "5 places, 2 experts" in result.stderr
    shown = ["--reference", str(tmp_path / "new"), "--out", str(second), "--extend", str(first)]
    CliRunner().invoke(train_command, [*shown, *options[-4:]], catch_exceptions=False)
    assert len(Ensemble.read(second).names) == 11
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        *("first.safetensors", "new", "second.safetensors", "summer")
    ]


def test_the_option_eye_is_still_accepted_as_preprocessing(tmp_path):
    (tmp_path / "summer").mkdir()
    for number, image in enumerate(textures(2, side=32)):
        Image.fromarray(image).save(tmp_path / "summer" / f"{number}.png")
    model = tmp_path / "model.safetensors"
    shown = ["--reference", str(tmp_path / "summer"), "--out", str(model), "--eye", "patch"]
    small = ["--neurons", "10", "--epochs", "1", "--jobs", "1"]
    result = CliRunner().invoke(train_command, [*shown, *small], catch_exceptions=False)
    assert "warning: --eye is now --preprocessing" in result.stderr
    assert Ensemble.read(model).settings.preprocessing == "patch"
