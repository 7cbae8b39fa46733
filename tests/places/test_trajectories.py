# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.sequences import DelayBank, make_matcher, match_sequence
from neuro_control.places.control.trajectories import (
    PlaceBelief,
    TrajectoryMatcher,
    displacements,
    standing_out,
)

_PLACES = 120


def evidence(seed=0):
    """Scores (places, places): an image's own place stands out by 2.6 on average, of ± 1."""
    found = np.random.default_rng(seed).normal(0, 1, (_PLACES, _PLACES))
    return (found + 2.6 * np.eye(_PLACES)).astype(np.float32)


def journey(kind):
    """Place of each image of a journey."""
    rng = np.random.default_rng(1)
    if kind == "stops":
        return np.repeat(np.arange(_PLACES), np.where(rng.random(_PLACES) < 0.1, 6, 1))
    if kind == "lost":
        return np.flatnonzero(rng.random(_PLACES) < 0.7)
    if kind == "changing":
        paces = np.clip(1 + np.cumsum(rng.normal(0, 0.15, 300)), 0.5, 2)
        places = np.cumsum(paces).astype(int)
        return places[places < _PLACES]
    return np.arange(0, _PLACES, kind).astype(int)


def recall(matcher, places, scores):
    found = np.array([matcher.step(row).argmax() for row in scores[places]])
    return (found == places).mean()


@pytest.mark.parametrize("kind", [0.5, 0.75, 1, 1.5, 2, "stops", "lost", "changing"])
def test_a_sequence_is_recognised_at_any_pace(kind):
    scores, places = evidence(), journey(kind)
    assert (scores.argmax(axis=1) == np.arange(_PLACES)).mean() < 0.6  # by one image alone
    assert recall(TrajectoryMatcher(10), places, scores) > 0.8


def test_at_another_pace_than_the_references_a_fixed_pace_finds_little():
    for kind in (2, "lost"):
        assert recall(make_matcher("pace", 10), journey(kind), evidence()) < 0.5


@pytest.mark.parametrize("pace", [0.5, 1, 2])
def test_a_bank_of_delays_recognises_constant_paces(pace):
    scores = evidence()
    places = np.arange(0, _PLACES, max(pace, 1)).astype(int)
    if pace < 1:  # between two places both respond
        places = np.arange(0, _PLACES - 1, 0.5).astype(int)
    bank = DelayBank(10)
    assert recall(bank, places, scores) > 0.8


@pytest.mark.parametrize("make", [TrajectoryMatcher, DelayBank])
def test_the_way_back_is_recognised_where_it_is_asked_for(make):
    scores, places = evidence(), np.arange(_PLACES)[::-1]
    assert recall(make(10, "reverse"), places, scores) > 0.85
    assert recall(make(10, "both"), places, scores) > 0.8
    assert recall(make(10, "both"), places[::-1], scores) > 0.8
    assert recall(make(10, "forward"), places, scores) < 0.6


def test_images_to_come_change_nothing():
    scores = evidence()[:20]
    whole = match_sequence(scores, 5, "trajectory")
    np.testing.assert_array_equal(match_sequence(scores[:8], 5, "trajectory"), whole[:8])


def test_images_farther_back_than_the_sequence_do_not_count():
    scores = evidence()
    other = scores.copy()
    other[:10] = evidence(seed=5)[:10]
    there = match_sequence(scores[:16], 5, "trajectory")
    np.testing.assert_allclose(match_sequence(other[:16], 5, "trajectory")[15], there[15])
    assert (match_sequence(other[:16], 8, "trajectory")[15] != there[15]).any()


def test_while_the_camera_stands_the_sequence_is_kept():
    scores = evidence()
    moving, standing = TrajectoryMatcher(6), TrajectoryMatcher(6)
    for place in range(20, 30):
        expected = moving.step(scores[place])
        found = standing.step(scores[place])
    for _ in range(15):
        found = standing.step(scores[29])
    np.testing.assert_allclose(found, expected)


def test_odometry_tells_what_the_pace_is():
    # Every fifth place: faster than any pace that is known without odometry.
    scores, places = evidence(), np.arange(0, _PLACES, 5)
    blind, guided = TrajectoryMatcher(10), TrajectoryMatcher(10)
    without = np.mean([blind.step(scores[p]).argmax() == p for p in places])
    found = np.mean([guided.step(scores[p], travelled=5.0).argmax() == p for p in places])
    assert found > without + 0.3


def test_displacements_are_probabilities_around_the_pace():
    found = displacements()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found.argmax(axis=1), [1, 2, 3, 4] * 2)
    measured = displacements(travelled=-3.0)
    np.testing.assert_array_equal(measured.argmax(axis=1), [6] * 8)


def test_a_single_image_keeps_its_scores():
    scores = evidence()[3]
    np.testing.assert_array_equal(TrajectoryMatcher(1).step(scores), scores)


def test_what_stands_out_is_measured_by_the_scores_above_the_mean():
    normal = np.random.default_rng(0).normal(5, 3, 20000)
    np.testing.assert_allclose(standing_out(normal), (normal - 5) / 3, atol=0.1)
    assert not standing_out(np.full(4, 2.0)).any()


def test_a_belief_becomes_sure_along_the_route_and_not_elsewhere():
    belief, lost = PlaceBelief(), PlaceBelief()
    foreign = np.random.default_rng(3).normal(0, 1, (60, _PLACES)).astype(np.float32)
    believed = []
    for place, other in zip(range(40, 100), foreign, strict=True):
        sure = belief.step(evidence()[place])
        believed.append(sure[place])
        assert lost.step(other).max() < 0.99
    assert np.mean(np.array(believed[10:]) > 0.7) > 0.9
    assert sure.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "1 query or more, not 0"),
        ({"length": 2, "direction": "up"}, "direction is one of forward, reverse, both, not 'up'"),
    ],
)
def test_a_matcher_refuses_what_means_nothing(options, message):
    with pytest.raises(ConfigurationError, match=message):
        TrajectoryMatcher(**options)


def test_a_fixed_pace_goes_forward_only():
    with pytest.raises(ConfigurationError, match="choose the matching 'trajectory' or 'delays'"):
        make_matcher("pace", 3, "reverse")


def test_the_places_must_stay_as_many():
    matcher = TrajectoryMatcher(3)
    matcher.step(np.zeros(5))
    with pytest.raises(ValueError, match="expected"):
        matcher.step(np.zeros(6))
