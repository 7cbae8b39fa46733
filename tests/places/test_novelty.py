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
    assert reference_threshold(probe, probed, 1, 0.5)[1] == 0.5


def test_a_score_of_never_visited_places_in_sequences_by_hand():
    # Of two images the second ends the one whole sequence: 8 has (1 + 0) / 2, 9 (0.25 + 0.5) / 2.
    probed = np.zeros((2, 14), np.float32)
    probed[0, [0, 8]] = 9, 0.5
    probed[1, [1, 9, 8]] = 9, 0.25, 1.0
    assert reference_threshold(np.arange(2), probed, 2, 1.0)[0] == 0.5
    assert reference_threshold(np.arange(2), probed, 2, 0.0)[0] == np.nextafter(0.5, 1)


def test_where_all_places_are_near_no_score_is_too_low():
    assert reference_threshold(np.array([2]), np.ones((1, 6)), 1, 0.05) == (-np.inf, 0.0)


def test_a_novelty_threshold_worked_by_hand():
    threshold = NoveltyThreshold(3.0, 0.5, false_accepts=0.2)
    assert threshold.value == 3.0
    scores = np.zeros(30)
    scores[[10, 12, 25]] = 9.0, 8.0, 1.0  # 12 is too near the best to be another place
    for _ in range(7):
        threshold.add(scores)
    assert threshold.value == 3.0  # three of ten are still the reference's
    threshold.add(scores)
    assert threshold.value == 3.0  # two of ten: a fifth may reach it
    threshold.add(scores)
    assert threshold.value == 1.5  # by half a point more than the second of such scores
    few = NoveltyThreshold(3.0, 0.5, false_accepts=0.2)
    few.add(np.arange(5.0))
    assert few.value == 3.0


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
