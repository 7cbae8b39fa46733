# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the paper on the blimp's evolved spiking PID claims, and the rules by which it is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuro_control.cli.claims import Claim, Finding, Results, Row, figure_of, graded, numbers
from neuro_control.cli.evaluation import interval

_PAPER = "Evolved spiking PID of a blimp (arXiv 2309.12937)"
_FLIGHTS = "blimp/flights.csv"
_COMMAND = "neuro-control experiment blimp flights --seeds 20"
_PIDS = ("pid", "pid-filtered", "pid-tuned")
# What the real robot kept to, cm, and an error that says that nothing integrates.
_NEUTRAL, _HEAVY, _NO_INTEGRAL = 6.0, 3.0, 3.0
# How many conditions are named in which it is worse.
_NAMED = 4
# Metrics in which a network must be no worse than a PID, with their names.
_METRICS = {
    "rmse_m": "RMSE", "sse_m": "steady-state error", "oscillation_m": "error at the end",
    "overshoot_up_m": "overshoot upwards", "overshoot_down_m": "overshoot downwards",
    "settling_s": "settling",
}  # fmt: skip


def _centimetres(rows: Sequence[Row], column: str, **where: str) -> np.ndarray:
    return 100.0 * numbers(rows, column, **where)


def _within(condition: str, column: str, limit: float) -> Claim:
    """A claim that the spiking controller keeps an error within a number of cm."""

    def judge(results: Results) -> Finding:
        rows = results.rows(_FLIGHTS)
        ours = _centimetres(rows, column, condition=condition, controller="snn")
        others = {
            name: _centimetres(rows, column, condition=condition, controller=name) for name in _PIDS
        }
        best = min(others, key=lambda name: float(others[name].mean()))
        return Finding(
            f"{figure_of(ours, 'flights', '.2f')}, at worst {ours.max():.1f}",
            f"{best}: {figure_of(others[best], 'flights', '.2f')}",
            graded(ours.max() <= limit, ours.mean() <= limit),
        )

    name = _METRICS[column]
    return Claim(
        _PAPER,
        f"{condition}: the spiking controller keeps the {name} within {limit:g} cm",
        f"±{limit:g} cm, on the robot",
        "holds if the mean of each flight's steps is within it, in part if that over the flights "
        "is.",
        _COMMAND,
        (_FLIGHTS,),
        judge,
    )


def _compared(rows: Sequence[Row], rival: str) -> tuple[list[str], list[str], int]:
    """Where the network is better and worse than a PID on the same flights, and of how many pairs.

    Pairs are of a condition and a metric, and differ where the 95 % interval leaves 0 out.
    """
    better, worse, compared = [], [], 0
    for condition in dict.fromkeys(row["condition"] for row in rows):
        for column, name in _METRICS.items():
            ours = numbers(rows, column, condition=condition, controller="snn")
            theirs = numbers(rows, column, condition=condition, controller=rival)
            both = np.isfinite(ours) & np.isfinite(theirs)
            if not both.any():
                continue
            low, high = interval((ours - theirs)[both], np.random.default_rng(0))
            compared += 1
            if low > 0:
                worse.append(f"{condition}, {name}")
            elif high < 0:
                better.append(f"{condition}, {name}")
    return better, worse, compared


def _as_pid(results: Results) -> Finding:
    rows = results.rows(_FLIGHTS)
    better, worse, compared = _compared(rows, "pid-tuned")
    own_better, own_worse, _ = _compared(rows, "pid")
    flights = len({row["seed"] for row in rows})
    named = f" ({'; '.join(worse[:_NAMED])}{' …' if len(worse) > _NAMED else ''})" if worse else ""
    return Finding(
        f"beside the tuned PID better in {len(better)} of {compared} pairs of condition and "
        f"metric, worse in {len(worse)}{named}; beside the paper's PID better in "
        f"{len(own_better)}, worse in {len(own_worse)}; {flights} flights each",
        "pid-tuned on the same flights, by the same cost and budget",
        graded(not worse, len(own_better) >= len(own_worse)),
    )


def _integrates(results: Results) -> Finding:
    rows = results.rows("blimp/layers.csv")
    lif = _centimetres(rows, "sse_m", integral="lif")
    iwta = _centimetres(rows, "sse_m", integral="iwta")
    return Finding(
        f"steady-state error of LIF, cm: {figure_of(lif, 'evolutions', '.1f')}",
        f"IWTA: {figure_of(iwta, 'evolutions', '.1f')}",
        graded(lif.min() > max(_NO_INTEGRAL, iwta.max()), lif.mean() > 2 * iwta.mean()),
    )


def _layers(results: Results) -> Finding:
    rows = results.rows("blimp/structures.csv")
    best, figures = {}, []
    for term in ("pd", "i"):
        kinds = dict.fromkeys(row["structure"] for row in rows)
        costs = {kind: numbers(rows, "cost", term=term, structure=kind) for kind in kinds}
        best[term] = min(costs, key=lambda kind: float(np.median(costs[kind])))
        each = ", ".join(f"{kind} {np.median(cost):.2f}" for kind, cost in costs.items())
        figures.append(f"{term.upper()}: {each}")
    seeds = len({row["seed"] for row in rows})
    right = [best["pd"] == "lif", best["i"] == "iwta"]
    return Finding(
        f"median costs of {seeds} evolutions: {'; '.join(figures)}",
        "",
        graded(all(right), any(right)),
    )


CLAIMS = (
    _within("neutral", "oscillation_m", _NEUTRAL),
    _within("heavy", "sse_m", _HEAVY),
    Claim(
        _PAPER,
        "the spiking controller does a PID's work",
        "similar",
        "holds if it is worse than the tuned PID in no metric of any condition (95 % interval of "
        "the difference on the same flights), in part if it is better than the paper's own PID as "
        "often as worse.",
        _COMMAND,
        (_FLIGHTS,),
        _as_pid,
    ),
    Claim(
        _PAPER,
        "a plain LIF layer can't integrate",
        "it failed on the robot",
        f"holds if each evolved LIF integral leaves more than {_NO_INTEGRAL:g} cm and more than "
        "any IWTA, in part if it leaves twice as much on average.",
        "neuro-control experiment blimp layers",
        ("blimp/layers.csv",),
        _integrates,
    ),
    Claim(
        _PAPER,
        "the best hidden layers are LIF for the PD and IWTA for the integral",
        "chosen so",
        "holds if these have the lowest median costs, in part if one of them has.",
        "neuro-control experiment blimp structures --generations 3000",
        ("blimp/structures.csv",),
        _layers,
    ),
)
