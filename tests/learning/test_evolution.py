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
