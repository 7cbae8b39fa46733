# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast the blimp is: controller, populations, simulation and ROS loop, beside snntorch."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import click
import mujoco
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.blimp.control.antisymmetric import respond
from neuro_control.blimp.control.genome import Genome, NetworkDesign
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.control.types import CONTROL_PERIOD, UP, ThrustCommand
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.world import max_thrust, world
from neuro_control.cli.benchmark import (
    add_ros_rows,
    both_modes,
    in_turns,
    microseconds,
    speed_ratio,
    turns_option,
)
from neuro_control.cli.options import json_option
from neuro_control.cli.output import remarks, show_result
from neuro_control.spiking import network as dense

Array = NDArray[np.float64]
Contestant = Callable[[], None]

# Individuals of a generation and ticks of their input.
_POPULATION, _TICKS = 50, 1000
_PD, _INTEGRAL = NetworkDesign("pd", "lif"), NetworkDesign("i", "iwta")


def _controller() -> SpikingController:
    rng = np.random.default_rng(0)
    return SpikingController(
        Genome(_PD, _PD.draw(rng, 1)[0]), Genome(_INTEGRAL, _INTEGRAL.draw(rng, 1)[0])
    )


def _errors(ticks: int) -> list[float]:
    errors: list[float] = np.random.default_rng(1).normal(0.0, 0.3, ticks).tolist()
    return errors


def _in_numpy() -> Callable[[float], Any]:
    """The same controller by the equations as they are written, in NumPy."""
    controller = _controller()
    genomes = (controller.pd, controller.integral)
    structures = [genome.design.structure for genome in genomes]
    networks = [s.expand(g.vector) for s, g in zip(structures, genomes, strict=True)]
    kinds = [structure.expanded for structure in structures]
    states = [dense.rest(kind, network) for kind, network in zip(kinds, networks, strict=True)]

    def step(error: float) -> float:
        total = 0.0
        for k in range(2):
            output, states[k] = dense.step(kinds[k], networks[k], error, states[k])
            total += float(output)
        return total

    return step


def _ours() -> Contestant:
    rng = np.random.default_rng(0)
    vectors, values = _PD.draw(rng, _POPULATION), rng.normal(0.0, 0.3, _TICKS)

    def run() -> None:
        respond(_PD.structure, vectors, values)

    return run


def _snntorch() -> Contestant | None:
    """The same population of LIF networks in snntorch, or None where it is not installed."""
    try:
        import snntorch
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)  # quicker: its tensors are small
    rng = np.random.default_rng(0)
    vectors, values = _PD.draw(rng, _POPULATION), rng.normal(0.0, 0.3, _TICKS)
    parts = _PD.structure.expand(vectors)._asdict()
    p = {name: torch.tensor(array, dtype=torch.float32) for name, array in parts.items()}
    options = {"init_hidden": False, "reset_mechanism": "subtract"}
    encoders = snntorch.Synaptic(
        alpha=torch.zeros_like(p["encoder_decay"]),
        beta=p["encoder_decay"],
        threshold=p["encoder_threshold"],
        **options,
    )
    hidden = snntorch.Synaptic(
        alpha=p["current_decay"], beta=p["voltage_decay"], threshold=p["threshold"], **options
    )
    inputs = torch.tensor(values, dtype=torch.float32)

    def run() -> None:
        with torch.no_grad():
            state = [torch.zeros_like(p["encoder_decay"]) for _ in range(2)]
            deeper = [torch.zeros_like(p["threshold"]) for _ in range(2)]
            output = torch.zeros(_POPULATION)
            for value in inputs:
                drive = p["encoder_weight"] * value + p["encoder_bias"]
                spikes, *state = encoders(drive, *state)
                drive = torch.bmm(spikes[:, None], p["weight"])[:, 0]
                spikes, *deeper = hidden(drive, *deeper)
                drive = (spikes * p["readout"]).sum(dim=-1)
                output = p["readout_decay"] * output + (1 - p["readout_decay"]) * drive

    return run


def _bare() -> Contestant:
    given = world("heavy")
    data = mujoco.MjData(given.model)
    given.reset(data, np.random.default_rng(0))
    substeps = given.substeps(CONTROL_PERIOD)

    def run() -> None:
        for _ in range(_TICKS):
            mujoco.mj_step(given.model, data, substeps)

    return run


def _body() -> Contestant:
    body = Body(world("heavy"))
    body.reset(np.random.default_rng(0))
    each = max_thrust(body.model) / 8
    command = ThrustCommand(each, each, UP)

    def run() -> None:
        for _ in range(_TICKS):
            body.step(command)

    return run


@click.command()
@turns_option
@json_option
def benchmark(turns: int, json: str | None) -> None:
    """Measure the blimp's speed: neurons, populations, simulation, ROS, beside snntorch."""
    makers = {"pairs": _ours, "snntorch": _snntorch, "mj_step": _bare, "simulation": _body}
    with remarks.status("ticking and flying"):
        contestants = {name: made for name, make in makers.items() if (made := make()) is not None}
        found = in_turns(contestants, turns)
        tick = microseconds(_controller().step, _errors(100_000))
        numpy_tick = microseconds(_in_numpy(), _errors(2000))
    with remarks.status("flying through ROS"):
        through_ros = both_modes("blimp", 100.0, 10.0)
    result: dict[str, Any] = {
        "tick_us": tick,
        "numpy_tick_us": numpy_tick,
        "population_ms": 1e3 * statistics.median(found["pairs"]),
        "population_vs_snntorch": speed_ratio(found, "pairs", "snntorch"),
        "simulation_steps_per_s": _TICKS / statistics.median(found["simulation"]),
        "simulation_vs_mj_step": speed_ratio(found, "simulation", "mj_step"),
        **through_ros,
    }
    show_result(result, json, _table(result))


def _table(result: dict[str, Any]) -> Table:
    table = Table("measurement", "value", title="blimp")
    table.add_row("controller of 160 neurons, µs a tick", f"{result['tick_us']:.2f}")
    table.add_row("the same in plain NumPy, µs a tick", f"{result['numpy_tick_us']:.0f}")
    table.add_row(
        f"{_POPULATION} networks of 80 neurons, {_TICKS} ticks, ms",
        f"{result['population_ms']:.1f}",
    )
    peer = result["population_vs_snntorch"]
    table.add_row(
        "how many times as fast as snntorch",
        "snntorch is not installed" if peer is None else f"{peer:.0f}",
    )
    table.add_row("simulation, control steps/s", f"{result['simulation_steps_per_s']:.0f}")
    table.add_row("simulation / bare mj_step", f"{result['simulation_vs_mj_step']:.2f}")
    add_ros_rows(table, result)
    return table
