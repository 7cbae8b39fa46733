# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all ``evaluate`` commands share: options, episodes over seeds, means, intervals, a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.cli.options import executor_options, json_option, seed_option, seeds_option

Command = TypeVar("Command", bound=Callable[..., Any])
Array = NDArray[np.float64]

# Number of draws that the bootstrap interval rests on.
_DRAWS = 10_000
# Quantile of the standard normal distribution for an interval of 95 %.
_QUANTILE = 1.959964


def evaluation_options(command: Command) -> Command:
    """Add ``--seeds``, ``--seed``, ``--jobs``, ``--cluster`` and ``--json``."""
    return seeds_option(seed_option(executor_options(json_option(command))))


def over_seeds(
    executor: Executor,
    episodes: Callable[..., list[dict[str, float]]],
    *arguments: Any,
    seed: int,
    seeds: int,
    tasks: int,
) -> list[dict[str, float]]:
    """Metrics of each episode, in the order of their seeds.

    Args:
        executor: Where the episodes are done.
        episodes: Function of a module that takes ``arguments`` and a list of seeds.
        arguments: As ``episodes`` takes them.
        seed: Seed of the first episode.
        seeds: Number of episodes.
        tasks: Number of tasks that the episodes are divided into.
    """
    parts = np.array_split(np.arange(seed, seed + seeds), min(tasks, seeds))
    futures = [executor.submit(episodes, *arguments, part.tolist()) for part in parts]
    return [found for future in futures for found in future.result()]


def means(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each metric over the episodes in which it is a number; NaN if it is one in none."""
    columns = {name: np.array([each[name] for each in found], dtype=float) for name in found[0]}
    known = {name: column[~np.isnan(column)] for name, column in columns.items()}
    return {name: float(np.mean(c)) if len(c) else float("nan") for name, c in known.items()}


def interval(values: Array, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of ``values`` (n,)."""
    drawn = rng.choice(values, size=(_DRAWS, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson, J. Am. Stat. Assoc. 22, 1927, p. 209).

    Args:
        successes: Number of successes.
        trials: Number of trials, at least 1.
    """
    rate, z2 = successes / trials, _QUANTILE**2
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _QUANTILE / (1 + z2 / trials)
    half *= math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def rate_bound(events: int, trials: int) -> float:
    """Rate that so many events in so many trials rule out with 95 % confidence, from above.

    One-sided, by the binomial distribution (Clopper and Pearson, Biometrika 26, 1934, p. 404): of
    no event in n trials nearly 3 / n.

    Args:
        events: Number of events.
        trials: Number of trials, at least 1.
    """
    if events >= trials:
        return 1.0
    low, high = events / trials, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        # Probability of no more events than there were.
        log_odds = math.log(rate) - math.log1p(-rate)
        logs = [
            math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
            + k * log_odds + trials * math.log1p(-rate)
            for k in range(events + 1)
        ]  # fmt: skip
        low, high = (rate, high) if sum(map(math.exp, logs)) > 0.05 else (low, rate)
    return high


def metrics_table(
    title: str,
    labels: Mapping[str, tuple[str, float]],
    results: Mapping[str, Mapping[str, float]],
    digits: str = ".1f",
) -> Table:
    """One row per metric and one column per result.

    Args:
        title: Title of the table.
        labels: By metric: its label, with its unit, and the factor into that unit.
        results: Metrics by the name of the column.
        digits: Format of the numbers.
    """
    table = Table(title=title)
    table.add_column("mean over the episodes")
    for name in results:
        table.add_column(name, justify="right")
    for metric, (label, scale) in labels.items():
        values = (format(scale * each[metric], digits) for each in results.values())
        table.add_row(label, *values)
    return table
