# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Evolution strategies in the form of ask and tell, which can be interrupted and resumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.learning.random_state import generator_of, words_of

Array = NDArray[np.float64]


class Search(Protocol):
    """Maximises a return, generation by generation, from the returns of individuals.

    Attributes:
        mean: Mean of the individuals, (d,).
    """

    mean: Array

    @property
    def generation(self) -> int:
        """Number of generations whose returns were given to ``tell``."""

    def ask(self) -> Array:
        """Individuals of this generation, (P, d)."""

    def tell(self, returns: Array) -> None:
        """Take the generation's step, given the returns (P,) of what ``ask`` gave."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays from which ``restore`` resumes the search."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Resume from what ``state`` gave; the search is new and made with the same arguments."""


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
        """Number of generations whose returns were given to ``tell``."""
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
        if spread > 0:  # else all returns are equal, and there is no direction to take
            gain = (up - down) @ self._drawn()[best]
            self.mean = self.mean + self.step_size / (self.top * spread) * gain
        self._generation += 1

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays from which ``restore`` resumes the search."""
        return {"mean": self.mean, "generation": np.array(self._generation)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Resume from what ``state`` gave; the search is new and made with the same arguments."""
        self.mean = state["mean"]
        self._generation = int(state["generation"])


class CovarianceSearch:
    """CMA-ES of the library ``cma`` behind the interface of a search.

    Source: Hansen, The CMA Evolution Strategy: A Tutorial (arXiv 1604.00772). Needs memory and time
    of the order of d² a generation; separable, of d: it then learns the scale of each coordinate
    and no correlations (Ros and Hansen, 2008), which for hundreds of coordinates is quicker in
    every sense.

    Within bounds each coordinate is lower + (upper − lower) sin² y of one that has none: the search
    goes past a bound as through a mirror, and takes smaller steps near it.

    Args:
        mean: Where to start, (d,), d at least 2.
        population: Individuals a generation, at least 4.
        spread: Standard deviation of the first generation, of all coordinates or of each, (d,);
            within bounds, amid them, of each coordinate as a part of its range.
        seed: Seed of all draws.
        bounds: Least and largest of each coordinate, each (d,).
        separable: Learn no correlations.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self,
        mean: Array,
        *,
        population: int,
        spread: float | Array,
        seed: int,
        bounds: tuple[Array, Array] | None = None,
        separable: bool = False,
    ) -> None:
        import cma

        spreads = np.broadcast_to(np.asarray(spread, dtype=np.float64), len(mean))
        if population < 4 or not (spreads > 0).all() or len(mean) < 2:
            raise ConfigurationError(
                "CMA-ES takes two numbers or more, a population of at least 4 and a spread above "
                f"0; got {len(mean)}, {population} and {spread}"
            )
        self.mean = np.array(mean, dtype=np.float64)
        start, self._bounds = self.mean, bounds
        if bounds is not None:
            lower, upper = bounds
            if not ((lower < upper) & (lower <= self.mean) & (self.mean <= upper)).all():
                raise ConfigurationError("the mean lies within bounds whose lower is the smaller")
            start = np.arcsin(np.sqrt((self.mean - lower) / (upper - lower)))
        # The library draws all coordinates alike: it is given them in units of their spread.
        widest = float(spreads.max())
        self._units = spreads / widest
        self._rng = np.random.default_rng(seed)
        self._strategy = cma.CMAEvolutionStrategy(
            start / self._units,
            widest,
            {
                "popsize": population,
                "verbose": -9,
                # Drawn from a generator of our own, the library's is NumPy's global one.
                "randn": lambda *shape: self._rng.standard_normal(shape),
                "seed": np.nan,
                "CMA_diagonal": separable,
                # From 300 coordinates on the library would take another, which `state` lacks.
                "AdaptSigma": cma.sigma_adaptation.CMAAdaptSigmaCSA,
                # Mirrored draws, which the library makes of less than six individuals, would need
                # more of it to be kept than `state` keeps.
                "CMA_mirrors": 0,
            },
        )
        self._separable = separable
        self._asked: Array | None = None
        self._random = words_of(self._rng)

    @property
    def generation(self) -> int:
        """Number of generations whose returns were given to ``tell``."""
        return int(self._strategy.countiter)

    @property
    def spread(self) -> float:
        """Standard deviation of its draws now, the mean over all coordinates, as in ``spread``."""
        strategy = self._strategy
        deviations = strategy.sigma * strategy.sigma_vec.scaling * np.sqrt(strategy.sm.variances)
        deviations = deviations * self._units
        return float(np.mean(deviations))

    def _within(self, free: Array) -> Array:
        free = free * self._units
        if self._bounds is None:
            return free
        lower, upper = self._bounds
        within: Array = lower + (upper - lower) * np.sin(free) ** 2
        return within

    def ask(self) -> Array:
        """Individuals of this generation, (population, d); the same until ``tell``."""
        if self._asked is None:
            self._random = words_of(self._rng)
            self._asked = np.array(self._strategy.ask())
        return self._within(self._asked)

    def tell(self, returns: Array) -> None:
        """Take the generation's step, given the returns (population,) of what ``ask`` gave.

        Raises:
            ValueError: The returns are not of that shape or not finite.
        """
        returns = _checked(returns, len(self.ask()))
        self._strategy.tell(list(np.array(self._asked)), list(-returns))
        self._asked = None
        self._random = words_of(self._rng)
        self.mean = self._within(np.array(self._strategy.mean))

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays from which ``restore`` resumes the search.

        The library's own way is a pickle; these arrays are all of it that its next steps read, and
        no more however long the search has run.
        """
        arrays = {name: np.array(getattr(*place)) for name, place in self._arrays().items()}
        counters = [getattr(*place) for place in self._counters()]
        return {**arrays, "counters": np.array(counters, dtype=np.int64), "random": self._random}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Resume from what ``state`` gave; the search is new and made with the same arguments."""
        if state["counters"][0] > 0:
            # The library makes some of its parts in the first generation; then it is overwritten.
            self.tell(np.arange(float(len(self.ask()))))
        for name, place in self._arrays().items():
            # The shape distinguishes a number from an array of one.
            setattr(*place, np.array(state[name])[()])
        for place, count in zip(self._counters(), state["counters"].tolist(), strict=True):
            setattr(*place, count)
        self._rng = generator_of(state["random"])
        self._random = words_of(self._rng)
        self._asked = None
        self.mean = self._within(np.array(state["mean"]))

    def _arrays(self) -> dict[str, tuple[Any, str]]:
        """Where in the library each array of the state lies."""
        strategy, sampler = self._strategy, self._strategy.sm
        found = {
            "mean": (strategy, "mean"),
            "sigma": (strategy, "sigma"),
            "path": (strategy, "pc"),
            "step_path": (strategy.adapt_sigma, "ps"),
        }
        if self._separable:
            return {**found, "scales": (strategy.sigma_vec, "scaling")}
        return {
            **found,
            "covariance": (sampler, "C"),
            "axes": (sampler, "B"),
            "lengths": (sampler, "D"),
        }

    def _counters(self) -> list[tuple[Any, str]]:
        strategy = self._strategy
        found = [
            (strategy, "countiter"),
            (strategy, "countevals"),
            (strategy.adapt_sigma, "_ps_updated_iteration"),
        ]
        if not self._separable:
            names = ("last_update", "count_tell", "count_eigen")
            found += [(strategy.sm, name) for name in names]
        return found


def _checked(returns: Array, count: int) -> Array:
    returns = np.asarray(returns, dtype=np.float64)
    if returns.shape != (count,) or not np.isfinite(returns).all():
        raise ValueError(f"expected {count} finite returns, got the shape {returns.shape}")
    return returns
