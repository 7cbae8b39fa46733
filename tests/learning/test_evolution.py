# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.learning.evolution import CovarianceSearch, RandomSearch


def search(mean=(0.0, 0.0, 0.0), **changes):
    settings = {"directions": 4, "top": 2, "step_size": 0.5, "noise": 0.1, "seed": 3, **changes}
    return RandomSearch(np.array(mean), **settings)


def test_individuals_lie_in_pairs_around_the_mean():
    population = search(mean=(1.0, 2.0, 3.0)).ask()
    assert population.shape == (8, 3)
    np.testing.assert_allclose(population[:4] + population[4:], [[2.0, 4.0, 6.0]] * 4)
    # 24 draws of a deviation of 0.1.
    assert 0.05 < (population[:4] - [1, 2, 3]).std() < 0.2


def test_a_step_is_the_one_of_the_paper():
    searching = search()
    deltas = searching.ask()[:4] / 0.1
    searching.tell(np.array([1.0, 0.0, 5.0, 2.0, 4.0, 0.5, 1.0, 2.0]))
    # By max(R+, R-) the third (5, 1) and the first (1, 4) are the best two.
    spread = np.std([5.0, 1.0, 1.0, 4.0])
    expected = 0.5 / (2 * spread) * ((5 - 1) * deltas[2] + (1 - 4) * deltas[0])
    np.testing.assert_allclose(searching.mean, expected)


def covariance(mean=(0.0, 0.0, 0.0), **changes):
    settings = {"population": 8, "spread": 0.5, "seed": 3, **changes}
    return CovarianceSearch(np.array(mean), **settings)


SEARCHES = [lambda **c: search(directions=8, top=4, step_size=0.1, **c), covariance]


@pytest.mark.parametrize("make", SEARCHES)
def test_it_climbs_a_hill(make):
    searching = make()
    peak = np.array([1.0, -2.0, 0.5])
    for _ in range(200):
        searching.tell(-((searching.ask() - peak) ** 2).sum(axis=1))
    np.testing.assert_allclose(searching.mean, peak, atol=0.2)


@pytest.mark.parametrize("make", SEARCHES)
def test_its_state_is_all_it_takes_to_go_on_and_its_seed_decides(make):
    def climb(searching, generations):
        for _ in range(generations):
            searching.tell(-(searching.ask() ** 2).sum(axis=1))
        return searching

    whole = climb(make(mean=(1.0, 1.0, 1.0)), 10)
    first = climb(make(mean=(1.0, 1.0, 1.0)), 4)
    np.random.seed(0)  # noqa: NPY002  # what others draw from NumPy's global generator is no matter
    second = make(mean=(1.0, 1.0, 1.0))
    second.restore(first.state())
    assert second.generation == 4
    np.testing.assert_array_equal(climb(second, 6).mean, whole.mean)
    other = climb(make(mean=(1.0, 1.0, 1.0), seed=4), 10)
    assert not np.array_equal(other.mean, whole.mean)


def bounded(size=30, seed=3, **changes):
    """A search inside unequal bounds, from near their corner."""
    lower, upper = np.zeros(size), np.linspace(0.5, 20.0, size)
    settings = {"population": 12, "spread": 0.1, "seed": seed, "bounds": (lower, upper), **changes}
    return CovarianceSearch(0.05 * upper, **settings)


@pytest.mark.parametrize("separable", [False, True])
def test_within_bounds_it_climbs_to_a_peak_at_their_edge(separable):
    searching = bounded(separable=separable)
    upper = np.linspace(0.5, 20.0, 30)
    peak = np.where(np.arange(30) % 3 == 0, 0.0, 0.4) * upper
    for _ in range(400):
        population = searching.ask()
        assert (population >= 0).all()
        assert (population <= upper).all()
        searching.tell(-(((population - peak) / upper) ** 2).sum(axis=1))
    np.testing.assert_allclose(searching.mean / upper, peak / upper, atol=0.03)
    assert searching.spread < 0.05


def test_within_bounds_the_first_generation_has_the_spread_that_was_asked_for():
    lower, upper = np.full(200, -1.0), np.linspace(0.5, 20.0, 200)
    middle = (lower + upper) / 2
    searching = CovarianceSearch(
        middle, population=400, spread=0.1, seed=0, bounds=(lower, upper), separable=True
    )
    np.testing.assert_allclose(searching.mean, middle)
    assert searching.spread == pytest.approx(0.1, rel=1e-3)
    units = (searching.ask() - middle) / (upper - lower)
    # sin²(π/4 + δ) = ½ + ½ sin 2δ, δ ~ N(0, 0.1): the variance is (1 − exp(−8 · 0.01)) / 8.
    assert units.std() == pytest.approx(np.sqrt((1 - np.exp(-0.08)) / 8), rel=0.01)
    np.testing.assert_allclose(units.std(axis=0), 0.098, rtol=0.2)


@pytest.mark.parametrize("changes", [{"population": 4}, {"population": 12}, {"separable": True}])
def test_long_searches_go_on_to_the_bit_wherever_they_are_interrupted(changes):
    def climb(searching, generations):
        for _ in range(generations):
            population = searching.ask()
            searching.tell(-np.abs(population @ np.linspace(1, 2, 30) - 3) - population[:, 0] ** 2)
        return searching

    whole = climb(bounded(**changes), 60)
    for interrupted in (0, 1, 40):
        first = climb(bounded(**changes), interrupted)
        before = first.state()
        asked = first.ask()
        second = bounded(**changes)
        second.restore(before)
        np.testing.assert_array_equal(second.ask(), asked)
        # What has been asked for but not told is asked for again.
        third = bounded(**changes)
        third.restore(first.state())
        for again in (second, third):
            climb(again, 60 - interrupted)
            assert again.generation == 60
            for name, array in whole.state().items():
                np.testing.assert_array_equal(again.state()[name], array, err_msg=name)


@pytest.mark.parametrize("bounds", [([0, 0, 0], [1, 1, -1]), ([1, 1, 1], [2, 2, 2])])
def test_bounds_that_cannot_be_are_refused(bounds):
    with pytest.raises(ConfigurationError, match="the mean lies within bounds"):
        covariance(bounds=tuple(np.array(each, dtype=float) for each in bounds))


@pytest.mark.parametrize("changes", [{"population": 3}, {"spread": 0.0}, {"mean": (1.0,)}])
def test_a_covariance_search_that_cannot_be_is_refused(changes):
    with pytest.raises(ConfigurationError, match="CMA-ES takes"):
        covariance(**changes)


def test_where_all_do_alike_nothing_moves():
    searching = search(mean=(1.0, 1.0, 1.0))
    searching.tell(np.full(8, 3.0))
    np.testing.assert_array_equal(searching.mean, np.ones(3))
    assert searching.generation == 1


@pytest.mark.parametrize(
    "changes", [{"top": 5}, {"top": 0}, {"step_size": 0.0}, {"noise": -1.0}, {"noise": np.nan}]
)
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(ConfigurationError):
        search(**changes)


@pytest.mark.parametrize("returns", [np.zeros(7), np.full(8, np.nan)])
def test_returns_that_are_none_are_refused(returns):
    with pytest.raises(ValueError, match="expected 8 finite returns"):
        search().tell(returns)
