# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.novelty import (
    NoveltyThreshold,
    reference_threshold,
    visited_threshold,
)
from neuro_control.places.evaluation.metrics import accept_rates


def test_a_score_of_never_visited_places_by_hand():
    # Of place 0 only 6 and beyond, of 13 only 7 and before, can be taken for places elsewhere.
    probed = np.zeros((2, 14), np.float32)
    probed[0, [0, 5, 6]] = 9, 8, 0.75
    probed[1, [13, 8, 7]] = 9, 8, 0.25
    probe = np.array([0, 13])
    assert reference_threshold(probe, probed, 1, 0.5)[0] == 0.75
    assert reference_threshold(probe, probed, 1, 0.0)[0] == np.nextafter(0.75, 1)
    assert reference_threshold(probe, probed, 1, 1.0)[0] == 0.25
    # No sequence goes on from 0 to 13.
    assert reference_threshold(probe, probed, 2, 0.5)[0] == 0.75
    # Away from place 6 the best is 0 (12 and 13), away from place 7 as well (0 and 1).
    np.testing.assert_array_equal(reference_threshold(probe, probed, 1, 0.5)[1], [0.75, 0.25])


def test_a_score_of_never_visited_places_in_sequences_by_hand():
    # Of two images the second ends the one whole sequence: 8 has (1 + 0) / 2, 9 (0.25 + 0.5) / 2.
    probed = np.zeros((2, 14), np.float32)
    probed[0, [0, 8]] = 9, 0.5
    probed[1, [1, 9, 8]] = 9, 0.25, 1.0
    assert reference_threshold(np.arange(2), probed, 2, 1.0)[0] == 0.5
    assert reference_threshold(np.arange(2), probed, 2, 0.0)[0] == np.nextafter(0.5, 1)


def test_where_all_places_are_near_no_score_is_too_low():
    threshold, leads = reference_threshold(np.array([2]), np.ones((1, 6)), 1, 0.05)
    assert threshold == -np.inf
    assert not len(leads)


def test_a_novelty_threshold_worked_by_hand():
    threshold = NoveltyThreshold(3.0, np.array([0.5, 1.0]), false_accepts=0.2)
    assert threshold.value == pytest.approx(3.0)
    scores = np.zeros(30)
    scores[[10, 12, 25]] = 9.0, 8.0, 1.0  # 12 is too near the best to be another place
    for _ in range(2):
        threshold.add(scores)
    assert threshold.value == pytest.approx(3.0)  # 18 of 20 are still the reference's
    for _ in range(18):
        threshold.add(scores)
    # By half a point or a whole one more than the second of such scores, in turns.
    assert threshold.value == pytest.approx(2.0)
    for _ in range(40):
        threshold.add(scores, place=25)  # it was 25: 10 is what the place elsewhere has
    assert threshold.value == pytest.approx(9.0)
    few = NoveltyThreshold(3.0, np.zeros(1), false_accepts=0.2)
    few.add(np.arange(5.0))
    assert few.value == pytest.approx(3.0)


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("drift", [0.0, 0.002])
def test_the_share_that_is_aimed_at_is_kept_while_scores_drift_or_are_equal(equal, drift):
    rng = np.random.default_rng(0)
    threshold = NoveltyThreshold(0.0, np.zeros(1), false_accepts=0.05)
    accepted = 0
    for image in range(1000):
        scores = rng.normal(drift * image, 1.0, 100)
        if equal:
            scores = np.round(2 * scores) / 2
        scores[50] = 99.0
        elsewhere = np.delete(scores, range(45, 56)).max()
        accepted += elsewhere >= threshold.value
        threshold.add(scores, place=50)
    assert accepted / 1000 == pytest.approx(0.05, abs=0.02)


def test_of_sequences_places_count_as_never_visited_after_as_many_doubts():
    threshold = NoveltyThreshold(7.0, np.zeros(1), 0.5, near=5, length=3)
    scores = np.arange(40.0)
    for _ in range(2):
        threshold.add(scores)
    assert threshold.value == pytest.approx(7.0)
    for _ in range(40):
        threshold.add(scores)
    assert threshold.value == pytest.approx(39.0)


def test_a_threshold_worked_by_hand():
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.35, 0.5, 0.9])
    visited = np.array([False] * 4 + [True] * 3)
    # One of four may pass, the one of 0.4: the lowest score above 0.3 is that of a visited place.
    assert visited_threshold(scores, visited, 0.25) == 0.35
    assert accept_rates(scores, visited, 0.35) == (0.25, 1.0)
    assert visited_threshold(scores, visited, 0.0) == 0.5
    assert accept_rates(scores, visited, 0.5) == (0.0, 2 / 3)
    assert visited_threshold(scores, visited, 1.0) == 0.1


def test_equal_scores_of_places_never_visited_pass_together_or_not_at_all():
    scores, visited = np.array([0.5, 0.5, 0.4, 0.5]), np.array([False, False, False, True])
    threshold = visited_threshold(scores, visited, 1 / 3)
    assert threshold > 0.5
    assert accept_rates(scores, visited, threshold) == (0.0, 0.0)


@given(
    arrays.arrays(np.float64, 12, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])),
    arrays.arrays(np.bool_, 12).filter(lambda visited: not visited.all()),
    st.floats(0, 1),
)
def test_no_lower_threshold_keeps_the_false_accepts(scores, visited, share):
    threshold = visited_threshold(scores, visited, share)
    assert accept_rates(scores, visited, threshold)[0] <= share + 1e-9
    for lower in scores[scores < threshold]:
        assert accept_rates(scores, visited, lower)[0] > share


@pytest.mark.parametrize(
    ("scores", "visited", "share", "message"),
    [
        ([0.5], [True], 0.05, "no query is of a place never visited"),
        ([0.5, 0.1], [False], 0.05, "got"),
        ([np.nan], [False], 0.05, "NaN"),
        ([0.5], [False], 1.5, "between 0 and 1"),
    ],
)
def test_a_threshold_that_nothing_tells_is_refused(scores, visited, share, message):
    with pytest.raises(ConfigurationError, match=message):
        visited_threshold(np.array(scores), np.array(visited), share)
