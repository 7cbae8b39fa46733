# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import KIND, Ensemble
from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.preprocessing import PatchNormalisation
from tests.places.ensembles import handmade, small
from tests.places.textures import textures

# Spikes of five neurons for two places.
FIRED = [[[5, 1, 0, 0, 1], [2, 3, 0, 4, 19]]]


def test_standard_assignment_by_hand():
    # Neuron 0 votes for place 0; 1, 3 and 4 share place 1; 2 never fired.
    third = 1 / 3
    expected = [[[1, 0, 0, 0, 0], [0, third, 0, third, third]]]
    np.testing.assert_allclose(handmade(FIRED, 2).votes("standard"), expected)


def test_weighted_assignment_by_hand():
    # Shares 5/7 and 2/7, 1/4 and 3/4, 0 and 1, 1/20 (too little to have learnt) and 19/20; halved
    # where a neuron answers to both places: of few places, two are many.
    expected = [[[5 / 14, 1 / 8, 0, 0, 0], [1 / 7, 3 / 8, 0, 1, 19 / 40]]]
    np.testing.assert_allclose(handmade(FIRED, 2).votes("weighted"), expected, rtol=1e-6)


def test_of_many_places_two_are_few_in_weighted_assignment():
    # From 4 of 200 on, a neuron answers to many.
    votes = handmade(FIRED, 200).votes("weighted")
    np.testing.assert_allclose(votes[0, :, 0], [5 / 7, 2 / 7], rtol=1e-6)


@pytest.mark.parametrize("assignment", ["standard", "weighted"])
def test_a_silenced_neuron_has_no_vote_but_is_counted(assignment):
    ensemble = handmade(FIRED, 2)
    silenced = np.array([[False, False, False, True, False]])
    votes, all_votes = ensemble.votes(assignment, silenced), ensemble.votes(assignment)
    assert not votes[..., 3].any()
    others = ~silenced[0]
    np.testing.assert_array_equal(votes[..., others], all_votes[..., others])


@given(
    places=st.integers(1, 30),
    networks=st.integers(1, 3),
    first=st.integers(0, 50),
    count=st.integers(1, 100),
    regions=st.sampled_from(["contiguous", "random"]),
    seed=st.integers(0, 5),
)
def test_each_network_has_each_place_once_in_experts_of_no_more_than_their_size(
    places, networks, first, count, regions, seed
):
    made = EnsembleSettings(places=places, networks=networks, regions=regions, seed=seed)
    divided = made.divided(first, count)
    assert all(1 <= len(own) <= places for _, own in divided)
    for network in range(networks):
        own = np.concatenate([own for number, own in divided if number == network])
        np.testing.assert_array_equal(np.sort(own), first + np.arange(count))
        if regions == "contiguous":
            np.testing.assert_array_equal(own, np.sort(own))
    assert len(divided) == networks * -(-count // places)


def test_random_regions_are_drawn_anew_for_each_network_from_the_seed():
    made = EnsembleSettings(regions="random", networks=2, places=10)
    one, again = (np.concatenate([own for _, own in made.divided(0, 40)]) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert (one[:40] != one[40:]).any()
    assert (one[:40] != np.arange(40)).any()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"preprocessing": "nose"}, "preprocessing is one of retina, patch, not 'nose'"),
        ({"regions": "far"}, "regions is one of contiguous, random, not 'far'"),
        ({"places": 0}, "places must be 1 or more, not 0"),
        ({"epochs": -1}, "epochs must be 1 or more, not -1"),
        ({"saturation": 0.0}, "saturation must be above 0, not 0.0"),
        ({"surround": -1.0}, "surround must be 0 or more, not -1.0"),
        ({"shrinkage": float("nan")}, "shrinkage must be above 0, not nan"),
    ],
)
def test_designs_that_mean_nothing_are_refused(changed, message):
    with pytest.raises(ConfigurationError, match=message):
        EnsembleSettings(**changed)


@pytest.mark.parametrize("preprocessing", ["retina", "patch"])
def test_what_is_written_is_read(preprocessing, tmp_path):
    path = tmp_path / "folder" / "places.safetensors"
    poses = np.arange(70.0).reshape(10, 7)
    written = dataclasses.replace(small(preprocessing=preprocessing), poses=poses, frame_id="odom")
    written.write(path)
    read = Ensemble.read(path)
    for field in dataclasses.fields(Ensemble):
        if field.name != "preprocessing":
            one, other = getattr(written, field.name), getattr(read, field.name)
            np.testing.assert_array_equal(other, one, strict=isinstance(one, np.ndarray))
    images = textures(3, seed=5)
    written.preprocessing.reset()
    np.testing.assert_array_equal(
        read.preprocessing.levels(images), written.preprocessing.levels(images)
    )
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_without_poses_there_are_none_to_read(tmp_path):
    small(preprocessing="patch").write(tmp_path / "file")
    read = Ensemble.read(tmp_path / "file")
    assert read.poses is None
    assert isinstance(read.preprocessing, PatchNormalisation)


def test_a_file_written_before_preprocessing_had_its_name_is_read(tmp_path):
    def older(arrays, facts):
        facts["design"]["eye"] = facts["design"].pop("preprocessing")

    damaged(tmp_path / "file", older)
    assert Ensemble.read(tmp_path / "file").settings == small().settings


def damaged(path, change):
    """A file whose arrays and facts ``change`` has changed."""
    small().write(path)
    arrays, facts = weight_files.read(path, KIND)
    change(arrays, facts)
    weight_files.write(path, KIND, arrays, facts)


def halved(name):
    """A change that leaves half of an array."""
    return lambda arrays, facts: arrays.update({name: arrays[name][: len(arrays[name]) // 2]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays, facts: arrays.pop("weights"), "weights"),
        (lambda arrays, facts: arrays.pop("mean"), "mean"),
        (lambda arrays, facts: arrays.update(more=np.zeros(1)), "more"),
        (lambda arrays, facts: facts.pop("design"), "design"),
        (lambda arrays, facts: facts["design"].pop("surround"), "surround"),
        (
            lambda arrays, facts: facts["design"].update(preprocessing="nose"),
            "preprocessing is one of",
        ),
        (lambda arrays, facts: facts["design"].update(colour=1), "colour"),
        (lambda arrays, facts: facts["design"].update(neurons=7), r"weights is \(2, 1568, 40\)"),
        (lambda arrays, facts: facts["names"].pop(), r"reference is \(10, 28, 28\)"),
        (lambda arrays, facts: arrays.update(poses=np.zeros((10, 6))), r"poses is \(10, 6\)"),
        (lambda arrays, facts: arrays.update(places=np.array([3])), "unpack"),
        (
            lambda arrays, facts: arrays["places"].__iadd__(1),
            "places has 10, which does not lie from -1 to 9",
        ),
        (lambda arrays, facts: facts.update(train_s="long"), "long"),
        (halved("mean"), r"mean is \(392,\), not \(784,\)"),
        (halved("inhibition"), r"inhibition is \(392, 784\)"),
        (halved("probe"), r"probed is \(10, 10\), not \(5, 10\)"),
        (halved("reference"), r"reference is \(5, 28, 28\)"),
        (halved("networks"), r"networks is \(1,\), not \(2,\)"),
        (lambda arrays, facts: arrays["networks"].__isub__(3), "networks has -3"),
        (lambda arrays, facts: arrays["networks"].__iadd__(2**40), "networks has 1099511627776"),
        (lambda arrays, facts: arrays["places"].__isub__(3), "places has -3"),
        (lambda arrays, facts: arrays["probe"].__isub__(1), "probe has -1"),
        (
            lambda arrays, facts: arrays.update(responses=-arrays["responses"].astype(np.int16)),
            "responses is of int16, not of whole numbers from 0 on",
        ),
        (
            lambda arrays, facts: arrays.update(places=arrays["places"].astype(float)),
            "places is of float64, not of whole numbers",
        ),
        (
            lambda arrays, facts: arrays.update(reference=arrays["reference"][:, :14, :14]),
            "images of 14 × 14 don't make 1568 inputs",
        ),
        (lambda arrays, facts: facts["design"].update(neurons=-1), "neurons must be 1 or more"),
        (lambda arrays, facts: facts["design"].update(neurons="40"), "neurons is '40', no int"),
        (lambda arrays, facts: facts["design"].update(seed=None), "seed is None, no int"),
        (lambda arrays, facts: facts.update(names=3), "len"),
    ],
)
def test_a_file_that_lacks_something_is_named(change, message, tmp_path):
    path = tmp_path / "places.safetensors"
    damaged(path, change)
    with pytest.raises(ConfigurationError, match=f"places.safetensors doesn't hold .*{message}"):
        Ensemble.read(path)


def test_files_that_are_cut_off_missing_or_no_numbers_are_named(tmp_path):
    path = tmp_path / "places.safetensors"
    with pytest.raises(ConfigurationError, match=r"no file .*places\.safetensors"):
        Ensemble.read(path)
    small().write(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ConfigurationError, match=r"places\.safetensors is damaged"):
        Ensemble.read(path)
    damaged(path, lambda arrays, facts: arrays["thresholds"].fill(np.nan))
    with pytest.raises(ConfigurationError, match=r"places\.safetensors"):
        Ensemble.read(path)
