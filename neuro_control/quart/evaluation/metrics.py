# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What seeded episodes amount to: success with its interval, touching, speed, failures."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence

from neuro_control.cli.experiments import Row

TESTS = ("strict", "published")
# Quantile of the standard normal distribution for an interval of 95 %.
_QUANTILE = 1.959964


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


def summary(episodes: Sequence[Row], test: str = "strict") -> Row:
    """What episodes amount to.

    Args:
        episodes: Rows of ``episodes.measure``, at least one.
        test: Test that ``success`` and ``ci95`` are of, strict or published.

    Returns:
        ``success`` (a rate) and ``ci95`` (Wilson); ``hz``, decisions a second that one core could
        make; ``touched``, ``strict``, ``published``, ``done`` (strict but for the end), ``ended``
        and ``fell`` (rates); ``seconds`` and ``speed_mps`` (means); ``failures``, how often the
        strict test gave which reason.
    """
    number = len(episodes)
    passed = sum(bool(each[test]) for each in episodes)
    rates = {
        name: sum(bool(each[column]) for each in episodes) / number
        for name, column in (
            ("touched", "touched"), ("strict", "strict"), ("published", "published"),
            ("done", "done"), ("ended", "terminated"), ("fell", "fell"),
        )
    }  # fmt: skip
    failures = Counter(each["failed"] for each in episodes if not each["strict"])
    return {
        "success": passed / number,
        "ci95": list(wilson(passed, number)),
        "hz": 1e3 / statistics.fmean(each["step_ms"] for each in episodes),
        "episodes": number,
        **rates,
        "seconds": statistics.fmean(each["seconds"] for each in episodes),
        "speed_mps": statistics.fmean(each["speed"] for each in episodes),
        "failures": dict(failures.most_common()),
    }
