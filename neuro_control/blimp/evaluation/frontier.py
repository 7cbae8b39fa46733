# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a network and a PID trade for one another: speed, overshoot and rest, as gains are scaled.

Both are scaled alike, about their tuned numbers: proportional, integral and derivative gain each by
a factor. Networks that are no population code have no gains to scale.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.laws import make_law, pid_settings
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.evaluation.comparison import (
    FIRST_SEED,
    METRICS,
    flight_conditions,
    flights_of,
    metrics_of,
)
from neuro_control.blimp.simulation.heave import Controllers, pids_of, simulate
from neuro_control.blimp.training.population_code import CODE
from neuro_control.blimp.training.tunable import TunableCode
from neuro_control.cli.experiments import Row
from neuro_control.cli.plotting import figure
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

_CONDITIONS = ("heavy", "neutral")
_GAINS = ("proportional", "integral", "derivative")
_FACTORS = (0.5, 0.75, 1.0, 1.35)


def trade(seeds: int) -> list[Row]:
    """Metrics, on average over flights, of PIDs and networks with scaled gains."""
    rows: list[Row] = []
    numbers = range(FIRST_SEED, FIRST_SEED + seeds)
    conditions = flight_conditions()
    factors = list(itertools.product(_FACTORS, repeat=len(_GAINS)))
    families = {"pid-tuned": _pids(factors), "snn": _networks(factors)}
    for condition in _CONDITIONS:
        flights = flights_of(conditions[condition], numbers)
        for name, family in families.items():
            for scaled, flown in zip(factors, simulate(family, *flights), strict=True):
                found = [metrics_of(*each) for each in zip(flights[0], flown, strict=True)]
                label = dict(zip(_GAINS, scaled, strict=True))
                means = {m: float(np.nanmean([each[m] for each in found])) for m in METRICS}
                rows.append({"condition": condition, "controller": name, **label, **means})
    return rows


def _pids(factors: Sequence[tuple[float, ...]]) -> Controllers:
    tuned = pid_settings("pid-tuned")
    scaled = [
        {name: getattr(tuned, name) * f for name, f in zip(_GAINS, each, strict=True)}
        for each in factors
    ]
    return pids_of(np.array([dataclasses.replace(tuned, **each).numbers for each in scaled]))


def _networks(factors: Sequence[tuple[float, ...]]) -> Controllers:
    law = make_law("snn")
    code = law.facts.get("code") if isinstance(law, SpikingController) else None
    if not isinstance(code, dict) or set(code) != set(CODE):
        raise ConfigurationError("the networks of snn don't say which population code they are")
    vectors = []
    for each in factors:
        gains = dict(zip(_GAINS, each, strict=True))
        vectors.append([code[name] * gains.get(name.rpartition("_")[0], 1.0) for name in CODE])
    tunable = TunableCode()
    return tunable.controllers(np.clip(np.array(vectors), *tunable.bounds))


def draw(rows: list[Row], path: Path) -> None:
    """Draw RMSE against overshoot, and against the error at rest, of all of them."""
    with figure(path, 11, 7) as drawn:
        axes = drawn.subplots(2, 2)
        for panels, condition in zip(axes, _CONDITIONS, strict=True):
            for controller, colour in (("pid-tuned", "C0"), ("snn", "tab:red")):
                its = [
                    row
                    for row in rows
                    if (row["condition"], row["controller"]) == (condition, controller)
                ]
                _draw(panels, its, controller, colour)
            for panel, label in zip(panels, ("overshoot", "largest error, last 10 s"), strict=True):
                panel.set(xlabel="RMSE (cm)", ylabel=f"{label} (cm)", title=condition)
                panel.grid(alpha=0.3)
                panel.legend(fontsize=8)


def _draw(panels: Any, rows: Sequence[Row], controller: str, colour: str) -> None:
    rmse = 100.0 * np.array([row["rmse_m"] for row in rows])
    over = [(row["overshoot_up_m"] + row["overshoot_down_m"]) / 2 for row in rows]
    rest = [row["oscillation_m"] for row in rows]
    tuned = [all(row[gain] == 1.0 for gain in _GAINS) for row in rows].index(True)
    # Beyond this a controller swings so widely that the others could not be distinguished.
    near = rmse < 1.25 * rmse.min()
    for panel, values in zip(panels, (over, rest), strict=True):
        centimetres = 100.0 * np.array(values)
        panel.scatter(rmse[near], centimetres[near], s=12, color=colour, alpha=0.4)
        best = _front(rmse, centimetres)
        panel.plot(rmse[best], centimetres[best], color=colour, lw=1, label=f"{controller}, scaled")
        panel.plot(rmse[tuned], centimetres[tuned], "*", ms=12, color=colour, label=controller)


def _front(first: Array, second: Array) -> NDArray[np.int64]:
    """Those for which no other is better in both, by the first."""
    order = np.argsort(first)
    least = np.minimum.accumulate(second[order])
    return order[second[order] <= least]
