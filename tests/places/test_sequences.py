# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.sequences import (
    SequenceMatcher,
    match_sequence,
    match_sequence_ahead,
)

MATRIX = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]])


def random_matrix(queries, places, seed):
    return np.random.default_rng(seed).normal(size=(queries, places))


def test_causal_matching_worked_by_hand():
    # Row 1: (4 + 2) / 2, where 2 is the mean of row 0; (5 + 1) / 2; (6 + 2) / 2.
    expected = [[1, 2, 3], [3, 3, 4], [6, 6, 7], [9, 9, 10]]
    np.testing.assert_allclose(match_sequence(MATRIX, 2), expected)
    # (12 + 8 + 4) / 3
    assert match_sequence(MATRIX, 3)[3, 2] == 8


def test_the_papers_matching_worked_by_hand():
    np.testing.assert_array_equal(match_sequence_ahead(MATRIX, 2), [[6, 8], [12, 14], [18, 20]])
    np.testing.assert_array_equal(match_sequence_ahead(MATRIX, 3), [[15], [24]])


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 12), st.integers(0, 99))
def test_causal_matching_agrees_with_its_definition(queries, places, length, seed):
    matrix = random_matrix(queries, places, seed)
    found = match_sequence(matrix, length)
    assert found.shape == matrix.shape
    for q, p in np.ndindex(matrix.shape):
        past = range(min(length, q + 1))
        terms = [matrix[q - k, p - k] if p >= k else matrix[q - k].mean() for k in past]
        assert found[q, p] == pytest.approx(np.mean(terms))


def test_where_sequences_are_whole_both_give_the_same():
    matrix = random_matrix(20, 15, 0)
    np.testing.assert_allclose(
        match_sequence(matrix, 4)[3:, 3:] * 4, match_sequence_ahead(matrix, 4)
    )


def test_one_query_at_a_time_the_numbers_are_the_same_to_the_bit():
    matrix = random_matrix(30, 12, 1).astype(np.float32)
    running = SequenceMatcher(5)
    found = []
    for row in matrix:
        scores = row.copy()
        found.append(running.step(scores))
        scores[:] = np.nan  # the caller's buffer is its own
    np.testing.assert_array_equal(found, match_sequence(matrix, 5))


def test_what_comes_later_changes_nothing():
    matrix = random_matrix(10, 8, 2)
    np.testing.assert_array_equal(match_sequence(matrix, 4)[:6], match_sequence(matrix[:6], 4))


def test_where_nothing_matches_the_first_places_win_no_more_often_than_others():
    best = match_sequence(random_matrix(4000, 20, 3), 10).argmax(axis=1)
    assert (best < 9).mean() < 9 / 20


def test_a_sequence_of_one_is_the_matrix():
    np.testing.assert_array_equal(match_sequence(MATRIX, 1), MATRIX)
    np.testing.assert_array_equal(match_sequence_ahead(MATRIX, 1), MATRIX)


def test_lengths_that_mean_nothing_are_refused():
    with pytest.raises(ConfigurationError, match="1 query or more, not 0"):
        SequenceMatcher(0)
    for length in (0, 4):
        with pytest.raises(ConfigurationError, match=f"1 to 3 queries here, not {length}"):
            match_sequence_ahead(MATRIX, length)


def test_places_that_change_on_the_way_are_refused():
    running = SequenceMatcher(3)
    running.step(np.zeros(4))
    with pytest.raises(ValueError, match=r"expected \(4,\) scores, got \(5,\)"):
        running.step(np.zeros(5))
