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


# Draws of a coordinate that lies beyond its bounds, before it is put on the bound.
_REDRAWS = 100


class CovarianceSearch:
    """CMA-ES of the library ``cma`` behind the interface of a search.

    Source: Hansen, The CMA Evolution Strategy: A Tutorial (arXiv 1604.00772). Needs memory and time
    of the order of d² a generation, and of d³ for each decomposition of the covariance.

    Within bounds it searches the unit cube that they make. A coordinate that is drawn beyond its
    bounds is drawn anew, by itself, from its own normal distribution about the mean: of individuals
    with hundreds of coordinates hardly one lies inside as a whole, and to draw whole ones anew, as
    one would for a few coordinates, never ends. The library is told the individuals that were
    tried, and treats those as it treats any it didn't draw itself: their Mahalanobis distance from
    the mean is cut off where its own draws end.

    Args:
        mean: Where to start, (d,), d at least 2.
        population: Individuals a generation, at least 4.
        spread: Standard deviation of the first generation; within bounds, of each coordinate as a
            part of its range.
        seed: Seed of all draws.
        bounds: Least and largest of each coordinate, each (d,).
        patience: Generations that a decomposition of the covariance serves; the library decides by
            default. With hundreds of coordinates it changes by thousandths a generation.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self,
        mean: Array,
        *,
        population: int,
        spread: float,
        seed: int,
        bounds: tuple[Array, Array] | None = None,
        patience: int | None = None,
    ) -> None:
        import cma

        if population < 4 or not spread > 0 or len(mean) < 2:
            raise ConfigurationError(
                "CMA-ES takes two numbers or more, a population of at least 4 and a spread above "
                f"0; got {len(mean)}, {population} and {spread}"
            )
        self.mean = np.array(mean, dtype=np.float64)
        self._bounded = bounds is not None
        self._lower, self._range = np.zeros(len(mean)), np.ones(len(mean))
        if bounds is not None:
            lower, upper = (np.asarray(each, dtype=np.float64) for each in bounds)
            if not ((lower < upper) & (lower <= self.mean) & (self.mean <= upper)).all():
                raise ConfigurationError("the mean lies within bounds whose lower is the smaller")
            self._lower, self._range = lower, upper - lower
        self._rng = np.random.default_rng(seed)
        options = {
            "popsize": population,
            "verbose": -9,
            # Drawn from a generator of our own, the library's is NumPy's global one.
            "randn": lambda *shape: self._rng.standard_normal(shape),
            "seed": np.nan,
            # Mirrored draws, which the library makes of less than six individuals, would need
            # more of it to be kept than `state` keeps.
            "CMA_mirrors": 0,
        }
        if patience is not None:
            options["updatecovwait"] = patience
        start = (self.mean - self._lower) / self._range
        self._strategy = cma.CMAEvolutionStrategy(start, spread, options)
        self._asked: Array | None = None
        self._random = _random_state(self._rng)

    @property
    def generation(self) -> int:
        """How many generations it has been told."""
        return int(self._strategy.countiter)

    @property
    def spread(self) -> Array:
        """Standard deviation of each coordinate's draws before bounds are looked at, (d,)."""
        strategy = self._strategy
        deviation: Array = strategy.sigma * np.sqrt(strategy.sm.variances) * self._range
        return deviation

    def ask(self) -> Array:
        """Individuals of this generation, (population, d); the same until ``tell``."""
        if self._asked is None:
            self._random = _random_state(self._rng)
            self._asked = self._inside(np.array(self._strategy.ask()))
        return self._lower + self._range * self._asked

    def _inside(self, drawn: Array) -> Array:
        if not self._bounded:
            return drawn
        mean, deviation = np.array(self._strategy.mean), self.spread / self._range
        for _ in range(_REDRAWS):
            out = (drawn < 0.0) | (drawn > 1.0)
            if not out.any():
                break
            column = np.nonzero(out)[1]
            drawn[out] = mean[column] + deviation[column] * self._rng.standard_normal(len(column))
        return drawn.clip(0.0, 1.0)

    def tell(self, returns: Array) -> None:
        """Take the generation's step, given the returns (population,) of what ``ask`` gave.

        Raises:
            ValueError: The returns are not of that shape or not finite.
        """
        individuals = self.ask()
        returns = _checked(returns, len(individuals))
        self._strategy.tell(list(np.array(self._asked)), list(-returns))
        self._asked = None
        self._random = _random_state(self._rng)
        self.mean = self._lower + self._range * np.array(self._strategy.mean)

    def state(self) -> dict[str, NDArray[Any]]:
        """What it takes to go on later.

        The library's own way is a pickle; these arrays are all of it that its next steps read, and
        a few hundred kilobytes, however long the search has run.
        """
        strategy = self._strategy
        counters = [getattr(owner, name) for owner, name in self._counters()]
        return {
            "mean": np.array(strategy.mean),
            "sigma": np.array(strategy.sigma),
            "covariance": np.array(strategy.sm.C),
            "axes": np.array(strategy.sm.B),
            "lengths": np.array(strategy.sm.D),
            "path": np.array(strategy.pc),
            "step_path": np.array(strategy.adapt_sigma.ps),
            "counters": np.array(counters, dtype=np.int64),
            "random": self._random,
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave; the search is fresh and made alike."""
        strategy = self._strategy
        if state["counters"][0] > 0:
            # The library makes some of its parts in the first generation; then it is overwritten.
            self.tell(np.arange(float(len(self.ask()))))
        strategy.mean = np.array(state["mean"])
        strategy.sigma = np.float64(state["sigma"])
        strategy.sm.C = np.array(state["covariance"])
        strategy.sm.B = np.array(state["axes"])
        strategy.sm.D = np.array(state["lengths"])
        strategy.pc = np.array(state["path"])
        strategy.adapt_sigma.ps = np.array(state["step_path"])
        for (owner, name), count in zip(self._counters(), state["counters"].tolist(), strict=True):
            setattr(owner, name, count)
        self._rng = _generator(state["random"])
        self._random = _random_state(self._rng)
        self._asked = None
        self.mean = self._lower + self._range * strategy.mean

    def _counters(self) -> list[tuple[Any, str]]:
        strategy, sampler = self._strategy, self._strategy.sm
        return [
            (strategy, "countiter"),
            (strategy, "countevals"),
            (sampler, "last_update"),
            (sampler, "count_tell"),
            (sampler, "count_eigen"),
            (strategy.adapt_sigma, "_ps_updated_iteration"),
        ]


_WORD = 2**64


def _random_state(rng: np.random.Generator) -> NDArray[np.uint64]:
    """State of a PCG64 generator: its two numbers of 128 bits, and half a draw that may be left."""
    state: Any = rng.bit_generator.state
    words = [w for name in ("state", "inc") for w in divmod(state["state"][name], _WORD)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def _generator(state: NDArray[np.uint64]) -> np.random.Generator:
    """The generator whose state ``_random_state`` told."""
    high, low, inc_high, inc_low, has, left = (int(word) for word in state)
    rng = np.random.default_rng(0)
    rng.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low},
        "has_uint32": has,
        "uinteger": left,
    }
    return rng


def _checked(returns: Array, count: int) -> Array:
    returns = np.asarray(returns, dtype=np.float64)
    if returns.shape != (count,) or not np.isfinite(returns).all():
        raise ValueError(f"expected {count} finite returns, got the shape {returns.shape}")
    return returns
