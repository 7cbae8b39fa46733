# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.places.control.online_statistics import OnlineStatistics


@given(
    prior=st.integers(1, 5).map(lambda half: 2 * half),
    count=st.integers(0, 30),
    seed=st.integers(0, 1000),
)
def test_online_statistics_are_those_of_all_samples_with_the_prior_as_some(prior, count, seed):
    rng = np.random.default_rng(seed)
    mean, spread = rng.normal(0, 3, 4), rng.uniform(0.1, 2, 4)
    values = rng.normal(1, 2, (count, 4)).astype(np.float32)
    statistics = OnlineStatistics(mean.astype(np.float32), spread.astype(np.float32), prior)
    for value in values:
        statistics.add(value)
    # Half of the prior's samples lie a spread above its mean, half below.
    half = prior // 2
    samples = np.concatenate(
        [np.tile(mean + spread, (half, 1)), np.tile(mean - spread, (half, 1)), values]
    )
    np.testing.assert_allclose(statistics.mean, samples.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(statistics.spread, samples.std(axis=0), rtol=1e-3)


def test_where_nothing_varies_a_spread_is_one():
    statistics = OnlineStatistics(np.zeros(2, np.float32), np.array([0, 2], np.float32))
    np.testing.assert_array_equal(statistics.spread, [1, 2])


def test_online_statistics_leave_what_they_started_from_as_it_was():
    mean = np.zeros(2, np.float32)
    OnlineStatistics(mean, mean).add(np.ones(2, np.float32))
    assert not mean.any()
