"""Evolution strategies that ask for returns and can be taken up where they were left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]


class Search(Protocol):
    """What climbs a return by asking for the returns of individuals, generation by generation.

    Attributes:
        mean: Where it stands, (d,).
    """

    mean: Array

    @property
    def generation(self) -> int:
        """How many generations it has been told."""

    def ask(self) -> Array:
        """Individuals of this generation, (P, d)."""

    def tell(self, returns: Array) -> None:
        """Take the generation's step, given the returns (P,) of what ``ask`` gave."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What it takes to go on later."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave; the search is fresh and made alike."""


class RandomSearch:
    """Augmented random search: steps along random directions, weighed by what they gained.

    Source: Mania, Guy and Recht, Simple random search of static linear policies is competitive
    for reinforcement learning (arXiv 1803.07055), algorithm 1, version V1-t.

    One generation tries ``mean ± noise δ`` for each direction δ ~ N(0, 1) and moves by
    ``step_size / (top σ_R) Σ (R₊ − R₋) δ`` over the ``top`` directions with the highest return,
    σ_R the standard deviation of the returns that are used.

    Directions follow from the seed and the number of the generation alone, so that mean and
    generation are all there is to carry on with.

    Args:
        mean: Where to start, (d,).
        directions: Directions a generation.
        top: How many of them are used.
        step_size: Length of a step.
        noise: How far from the mean individuals are tried.
        seed: Seed of the directions.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self,
        mean: Array,
        *,
        directions: int,
        top: int,
        step_size: float,
        noise: float,
        seed: int,
    ) -> None:
        if not 1 <= top <= directions:
            raise ConfigurationError(f"top lies between 1 and directions, {directions}; got {top}")
        if not (step_size > 0 and noise > 0):
            raise ConfigurationError(
                f"step_size and noise are numbers above 0, not {step_size} and {noise}"
            )
        self.mean = np.array(mean, dtype=np.float64)
        self._generation = 0
        self.directions = directions
        self.top = top
        self.step_size = step_size
        self.noise = noise
        self.seed = seed

    @property
    def generation(self) -> int:
        """How many generations it has been told."""
        return self._generation

    def _drawn(self) -> Array:
        rng = np.random.default_rng([self.seed, self._generation])
        return rng.standard_normal((self.directions, len(self.mean)))

    def ask(self) -> Array:
        """Individuals of this generation, (2 directions, d): all ``+`` before all ``-``."""
        steps = self.noise * self._drawn()
        return np.concatenate([self.mean + steps, self.mean - steps])

    def tell(self, returns: Array) -> None:
        """Take the generation's step, given the returns (2 directions,) of what ``ask`` gave.

        Raises:
            ValueError: The returns are not of that shape or not finite.
        """
        returns = _checked(returns, 2 * self.directions)
        up, down = returns.reshape(2, self.directions)
        best = np.argsort(-np.maximum(up, down), kind="stable")[: self.top]
        up, down = up[best], down[best]
        spread = np.concatenate([up, down]).std()
        if spread > 0:  # else all did alike, and nothing can be told
            gain = (up - down) @ self._drawn()[best]
            self.mean = self.mean + self.step_size / (self.top * spread) * gain
        self._generation += 1

    def state(self) -> dict[str, NDArray[Any]]:
        """What it takes to go on later."""
        return {"mean": self.mean, "generation": np.array(self._generation)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave; the search is fresh and made alike."""
        self.mean = state["mean"]
        self._generation = int(state["generation"])


class CovarianceSearch:
    """CMA-ES of the library ``cma`` behind the interface of a search.

    Source: Hansen, The CMA Evolution Strategy: A Tutorial (arXiv 1604.00772). Its state is the
    returns it was told: told them again, a search made alike comes to the same. Needs memory and
    time of the order of d² a generation.

    Args:
        mean: Where to start, (d,), d at least 2.
        population: Individuals a generation, at least 4.
        spread: Standard deviation of the first generation.
        seed: Seed of all draws.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(self, mean: Array, *, population: int, spread: float, seed: int) -> None:
        import cma

        if population < 4 or not spread > 0 or len(mean) < 2:
            raise ConfigurationError(
                "CMA-ES takes two numbers or more, a population of at least 4 and a spread above "
                f"0; got {len(mean)}, {population} and {spread}"
            )
        self._population = population
        rng = np.random.default_rng(seed)
        self._strategy = cma.CMAEvolutionStrategy(
            np.array(mean, dtype=np.float64),
            spread,
            {
                "popsize": population,
                "verbose": -9,
                # Drawn from a generator of our own, the library's is NumPy's global one.
                "randn": lambda *shape: rng.standard_normal(shape),
                "seed": np.nan,
            },
        )
        self.mean = np.array(mean, dtype=np.float64)
        self._told: list[Array] = []
        self._asked: Any = None

    @property
    def generation(self) -> int:
        """How many generations it has been told."""
        return len(self._told)

    def ask(self) -> Array:
        """Individuals of this generation, (population, d); the same until ``tell``."""
        if self._asked is None:
            self._asked = self._strategy.ask()
        return np.array(self._asked)

    def tell(self, returns: Array) -> None:
        """Take the generation's step, given the returns (population,) of what ``ask`` gave.

        Raises:
            ValueError: The returns are not of that shape or not finite.
        """
        individuals = self.ask()
        returns = _checked(returns, len(individuals))
        self._strategy.tell(list(individuals), list(-returns))
        self._asked = None
        self._told.append(returns)
        self.mean = np.array(self._strategy.mean)

    def state(self) -> dict[str, NDArray[Any]]:
        """What it takes to go on later."""
        return {"told": np.array(self._told).reshape(-1, self._population)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave; the search is fresh and made alike."""
        for returns in state["told"]:
            self.tell(returns)


def _checked(returns: Array, count: int) -> Array:
    returns = np.asarray(returns, dtype=np.float64)
    if returns.shape != (count,) or not np.isfinite(returns).all():
        raise ValueError(f"expected {count} finite returns, got the shape {returns.shape}")
    return returns
