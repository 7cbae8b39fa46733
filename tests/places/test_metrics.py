# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from neuro_control.errors import ConfigurationError
from neuro_control.places.evaluation.metrics import (
    PrecisionRecall,
    accept_rates,
    area_under_curve,
    precision_recall,
    recall_at,
    recall_at_full_precision,
)

# Best matches: 0 (right, 0.9), 2 (wrong, 0.8), 2 (right, 0.7), 1 (no such place, 0.6).
SIMILARITY = np.array([[9, 1, 2], [3, 5, 8], [1, 2, 7], [0, 6, 1]]) / 10
TRUTH = np.array([0, 1, 2, -1])


def random_cases(values):
    shapes = st.tuples(st.integers(1, 8), st.integers(1, 8))
    return shapes.flatmap(
        lambda shape: st.tuples(
            arrays.arrays(np.float64, shape, elements=st.sampled_from(values)),
            arrays.arrays(np.int64, shape[0], elements=st.integers(-1, shape[1] - 1)),
            st.integers(0, 3),
        )
    ).filter(lambda case: (case[1] >= 0).any())


def test_recall_worked_by_hand():
    assert recall_at(SIMILARITY, TRUTH, ns=(1, 2, 3)) == {1: 2 / 3, 2: 1.0, 3: 1.0}
    # Query 1's best match is place 2, one beside its own.
    assert recall_at(SIMILARITY, TRUTH, ns=(1,), tolerance=1) == {1: 1.0}


def test_recall_is_asked_for_at_the_usual_numbers():
    assert list(recall_at(SIMILARITY, TRUTH)) == [1, 5, 10, 15, 20, 25]


def test_a_tolerance_ends_where_the_places_end():
    similarity = np.array([[1, 0, 0, 9], [9, 0, 0, 1]])
    truth = np.array([0, 3])
    # Place 3 is not beside place 0: the route is no ring.
    assert recall_at(similarity, truth, ns=(1, 2), tolerance=1) == {1: 0.0, 2: 1.0}
    assert recall_at(similarity, truth, ns=(1,), tolerance=3) == {1: 1.0}


def test_of_equal_scores_the_wrong_place_comes_first():
    similarity = np.array([[5, 5, 1, 0]])
    assert recall_at(similarity, np.array([0]), ns=(1, 2)) == {1: 0.0, 2: 1.0}
    assert recall_at(similarity, np.array([1]), ns=(1, 2)) == {1: 0.0, 2: 1.0}
    # Both that are equal are right.
    assert recall_at(similarity, np.array([1]), ns=(1,), tolerance=1) == {1: 1.0}
    assert precision_recall(similarity, np.array([0])).precision.tolist() == [0.0]


def test_a_matrix_that_says_nothing_recalls_nothing():
    similarity, truth = np.full((6, 30), 0.5), np.arange(6)
    assert set(recall_at(similarity, truth).values()) == {0.0}
    curve = precision_recall(similarity, truth)
    assert (recall_at_full_precision(curve), area_under_curve(curve)) == (0.0, 0.0)


def test_a_curve_worked_by_hand():
    curve = precision_recall(SIMILARITY, TRUTH)
    np.testing.assert_array_equal(curve.thresholds, [0.9, 0.8, 0.7, 0.6])
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3, 2 / 4])
    np.testing.assert_allclose(curve.recall, [1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert recall_at_full_precision(curve) == 1 / 3
    # 1/3 · 1 + 1/3 · 2/3
    assert area_under_curve(curve) == pytest.approx(5 / 9)


def test_equal_best_scores_are_accepted_together():
    similarity = np.array([[0.9, 0], [0.9, 0], [0.3, 0]])
    curve = precision_recall(similarity, np.array([0, 1, 0]))
    np.testing.assert_allclose(curve.thresholds, [0.9, 0.3])
    np.testing.assert_allclose(curve.precision, [1 / 2, 2 / 3])
    np.testing.assert_allclose(curve.recall, [1 / 3, 2 / 3])
    assert recall_at_full_precision(curve) == 0.0


def test_recall_at_full_precision_is_no_higher_than_before_the_first_wrong_match():
    curve = PrecisionRecall(np.arange(3.0), np.array([1, 0.5, 0.9]), np.array([0.2, 0.2, 0.9]))
    assert recall_at_full_precision(curve) == 0.2


def test_a_perfect_matrix_is_perfect():
    truth = np.arange(30)
    curve = precision_recall(np.eye(30), truth)
    assert recall_at(np.eye(30), truth)[1] == 1.0
    assert (recall_at_full_precision(curve), area_under_curve(curve)) == (1.0, 1.0)


@given(random_cases([0.0, 1.0, 2.0]))
def test_recall_agrees_with_sorting_the_places(case):
    similarity, truth, tolerance = case
    for n in (1, 2, 5):
        hits = []
        for row, place in zip(similarity, truth, strict=True):
            if place < 0:
                continue
            right = [abs(other - place) <= tolerance for other in range(len(row))]
            order = sorted(range(len(row)), key=lambda other: (-row[other], right[other]))
            hits.append(any(right[other] for other in order[:n]))
        assert recall_at(similarity, truth, (n,), tolerance)[n] == pytest.approx(np.mean(hits))


@given(random_cases([0.0, 1.0, 2.0, 3.0]))
def test_a_curve_agrees_with_counting_at_each_threshold(case):
    similarity, truth, tolerance = case
    curve = precision_recall(similarity, truth, tolerance)
    best = similarity.max(axis=1)
    right = np.array(
        [
            place >= 0
            and all(abs(other - place) <= tolerance for other in np.flatnonzero(row == row.max()))
            for row, place in zip(similarity, truth, strict=True)
        ]
    )
    assert set(curve.thresholds) == set(best)
    for threshold, precision, recall in zip(*curve, strict=True):
        accepted = best >= threshold
        assert precision == pytest.approx(right[accepted].mean())
        assert recall == pytest.approx((right & accepted).sum() / (truth >= 0).sum())
    assert 0.0 <= area_under_curve(curve) <= 1.0 + 1e-9
    # With one match a query, R@1 is the recall at the lowest threshold.
    assert curve.recall[-1] == pytest.approx(recall_at(similarity, truth, (1,), tolerance)[1])


@pytest.mark.parametrize(
    ("similarity", "truth", "tolerance", "message"),
    [
        (np.zeros((2, 3)), [0], 0, r"\(2, 3\) and \(1,\)"),
        (np.zeros(3), [0, 1, 2], 0, r"got \(3,\)"),
        (np.zeros((0, 3)), [], 0, r"got \(0, 3\)"),
        (np.zeros((1, 3)), [3], 0, "between 0 and 2"),
        (np.zeros((1, 3)), [-2], 0, "got -2"),
        (np.zeros((1, 3)), [0], -1, "0 places or more"),
        (np.array([[0, 1], [0, np.nan]]), [0, 1], 0, "query 1 hold NaN"),
        (np.zeros((2, 3)), [-1, -1], 0, "no query has a place"),
    ],
)
def test_what_has_no_metric_is_refused(similarity, truth, tolerance, message):
    truth = np.array(truth, dtype=np.int64)
    with pytest.raises(ConfigurationError, match=message):
        recall_at(similarity, truth, tolerance=tolerance)
    with pytest.raises(ConfigurationError, match=message):
        precision_recall(similarity, truth, tolerance)


def test_a_share_of_no_queries_is_no_number():
    assert np.isnan(accept_rates(np.ones(2), np.ones(2, bool), 0.5)[0])
