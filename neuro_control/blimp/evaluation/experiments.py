# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiments of the blimp: claims of the paper, each tried by one command.

Evolutions run side by side in folders of their own below ``runs`` and are resumed where they were
interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.antisymmetric import KINDS
from neuro_control.blimp.control.genome import TERMS, load_network
from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.control.thrust_allocation import AllocationSettings, ThrustAllocation
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.rollout import rollout
from neuro_control.blimp.evaluation.trajectory import Trajectory
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.world import max_thrust, world
from neuro_control.blimp.training.evolve import Evolution, advance
from neuro_control.blimp.training.run import TrainingRun, train
from neuro_control.cli import experiments
from neuro_control.cli.evaluation import means
from neuro_control.cli.experiments import Experiment, Row
from neuro_control.cli.options import seeds_option
from neuro_control.cli.plotting import figure
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

# Overshoot of the real robot under PID, up and down, m (arXiv 2309.12937).
_REAL_OVERSHOOT = (0.14, 0.20)
_FLIGHTS = 5
# Commands to a neutral blimp at rest, and for how long, s.
_COMMANDS, _SECONDS = (1.0, 2.0, 4.0), 15
_LAYERS_METRICS = (
    "rmse_m", "sse_m", "sse_worst_m", "overshoot_up_m", "overshoot_down_m", "oscillation_m",
)  # fmt: skip


@dataclass(frozen=True)
class BlimpSetting(experiments.Setting):
    """How the blimp's experiments are done.

    Attributes:
        seeds: Evolutions of each kind.
        generations: Generations of each evolution.
    """

    seeds: int = 5
    generations: int = 5000


def identified(command: float, seconds: float) -> Array:
    """Heights (10 seconds,), m, of ḧ + 0.29 ḣ + 0.0164 h = 0.0444 u from rest (2110.00646)."""
    heights = []
    height = speed = 0.0
    for _ in range(round(seconds * 10)):
        for _ in range(100):
            speed += 1e-3 * (0.0444 * command - 0.29 * speed - 0.0164 * height)
            height += 1e-3 * speed
        heights.append(height)
    return np.array(heights)


def calibration(setting: BlimpSetting) -> list[Row]:
    """The simulated blimp beside the identified plant, and its PID beside the real robot's."""
    body, pid = Body(world("heavy")), AltitudeController(make_law("pid"))
    flights = [rollout(body, pid, seed) for seed in range(_FLIGHTS)]
    found = [metrics(flight) for flight in flights]
    rows: list[Row] = []
    for name, real in zip(("overshoot_up_m", "overshoot_down_m"), _REAL_OVERSHOOT, strict=True):
        ours = float(np.mean([each[name] for each in found]))
        rows.append({"what": f"PID, {name}", "reference": real, "simulated": ours})
    heights = {command: _heights(command) for command in _COMMANDS}
    for command, simulated in heights.items():
        rows.append(
            {
                "what": f"height after {_SECONDS} s of u = {command:g}, m",
                "reference": float(identified(command, _SECONDS)[-1]),
                "simulated": float(simulated[-1]),
            }
        )
    _draw_calibration(heights, flights, setting.out / "calibration.png")
    return rows


def _heights(command: float) -> Array:
    """Heights (10 _SECONDS,), m, that a neutral blimp gains from rest by a constant command."""
    body = Body(world("neutral", start=1.0))
    allocation = ThrustAllocation(AllocationSettings(max_thrust(body.model)))
    body.reset(np.random.default_rng(0))
    heights = []
    for _ in range(_SECONDS * 10):
        body.step(allocation.step(command))
        heights.append(body.altitude - 1.0)
    return np.array(heights)


def _draw_calibration(
    heights: Mapping[float, Array], flights: Sequence[Trajectory], path: Path
) -> None:
    with figure(path, 11, 4) as drawn:
        left, right = drawn.subplots(1, 2)
        for (command, simulated), colour in zip(heights.items(), ("C0", "C1", "C2"), strict=True):
            time = np.arange(1, len(simulated) + 1) / 10
            left.plot(time, simulated, color=colour, label=f"simulated, u = {command:g}")
            plant = identified(command, _SECONDS)
            left.plot(time, plant, "--", color=colour, label="identified plant")
        left.set(xlabel="time (s)", ylabel="height (m)", title="Neutral, constant command")
        left.legend(fontsize=8)
        for flight in flights:
            right.plot(flight.time, flight.altitude, color="C0", lw=0.7)
        first = flights[0]
        right.step(first.time, first.set_point, "k--", lw=1, where="pre")
        edges = np.flatnonzero(np.diff(first.set_point)) + 1
        for start, end in zip(edges, [*edges, len(first.time)][1:], strict=True):
            up = first.set_point[start] > first.set_point[start - 1]
            level = first.set_point[start] + (_REAL_OVERSHOOT[0] if up else -_REAL_OVERSHOOT[1])
            right.hlines(level, first.time[start], first.time[end - 1], "tab:red", lw=1)
        right.set(
            xlabel="time (s)",
            ylabel="altitude (m)",
            title="Heavy, PID: five flights; red: the real robot's overshoot",
        )


def structures(setting: BlimpSetting) -> list[Row]:
    """Cost of all four hidden layers for both terms, on flights that nothing was chosen by."""
    runs = [
        TrainingRun(
            setting.out / "runs" / f"{term}-{kind}" / f"seed_{seed}",
            Evolution(term, kind, seed, setting.generations, 500),
        )
        for term in TERMS
        for kind in KINDS
        for seed in range(setting.seeds)
    ]
    with progress("structures", len(runs) * setting.generations, "generations") as show:
        results = train(runs, advance, setting.executor, show, threads=1)
    return [
        {
            "term": run.training.term,
            "structure": run.training.kind,
            "seed": run.training.seed,
            "parameters": run.training.design.structure.size,
            **{name: result["test"][name] for name in ("cost", "mae", "rho")},
        }
        for run, result in zip(runs, results, strict=True)
    ]


def _draw_structures(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    with figure(path, 10, 3.6) as drawn:
        axes = drawn.subplots(1, len(TERMS))
        for panel, term in zip(axes, TERMS, strict=True):
            for x, kind in enumerate(KINDS):
                costs = [r["cost"] for r in rows if r["term"] == term and r["structure"] == kind]
                panel.plot([x] * len(costs), costs, "o", alpha=0.6)
                panel.hlines(np.median(costs), x - 0.25, x + 0.25, "k", lw=1)
            panel.set(
                xticks=range(len(KINDS)), ylabel="MAE + 1 − ρ", title=f"{term.upper()} network"
            )
            panel.set_xticklabels(list(KINDS), rotation=15)
            panel.set_ylim(bottom=0.0)
            panel.grid(alpha=0.3)


def layers(setting: BlimpSetting) -> list[Row]:
    """Heavy flights with the integral networks of ``structures``, beside one PD network.

    The paper finds that a plain LIF layer can't integrate. Each kind is flown with the network of
    each of its seeds; the PD network is always the plain LIF with the lowest held-out cost.
    """
    folder = setting.out / "runs"
    pd = min(
        sorted(folder.glob("pd-lif/*/network.safetensors")),
        key=lambda path: float(load_network(path)[1]["validation"]["cost"]),
        default=None,
    )
    if pd is None:
        raise ConfigurationError(f"no networks in {folder}: do `structures` first")
    tasks: list[tuple[Row, tuple[Path, Path]]] = [
        ({"integral": kind, "seed": int(path.parent.name.removeprefix("seed_"))}, (pd, path))
        for kind in KINDS
        for path in sorted(folder.glob(f"i-{kind}/*/network.safetensors"))
    ]
    return setting.run("layers", tasks, _fly_networks)


def _fly_networks(files: tuple[Path, Path]) -> Row:
    """Metrics, on average over two heavy flights, of the networks in two files: a task."""
    pd, integral = (load_network(path)[0] for path in files)
    controller, body = AltitudeController(SpikingController(pd, integral)), Body(world("heavy"))
    found = means([metrics(rollout(body, controller, seed)) for seed in range(2)])
    return {name: found[name] for name in _LAYERS_METRICS}


_GENERATIONS = click.option(
    "--generations",
    type=click.IntRange(min=1),
    default=5000,
    show_default=True,
    help="Generations of each evolution.",
)

EXPERIMENTS: dict[str, Experiment[BlimpSetting]] = {
    "calibration": Experiment(calibration),
    "structures": Experiment(structures, _draw_structures, options=(seeds_option, _GENERATIONS)),
    "layers": Experiment(layers),
}

experiment = experiments.group("blimp", EXPERIMENTS, BlimpSetting)
