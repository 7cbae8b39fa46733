"""How fast the swimmer is: environment, batch and ROS loop beside bare MuJoCo and dm_control."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import click
import mujoco
import numpy as np
from rich.table import Table

from neuro_control import resources
from neuro_control.cli.options import json_option
from neuro_control.cli.output import print_table, remarks, write_json
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.simulation.env import SwimmerSwim, SwimmerVector, swim

# Control steps in each turn of a contestant, and environments in the batch.
_TURN = 1000
_BATCH = 128

Contestant = Callable[[int], None]


def _bare(links: int) -> Contestant:
    """MuJoCo alone: nothing but controls and physics steps."""
    world = swim(links)
    model, data = world.model, mujoco.MjData(world.model)
    substeps = world.substeps(world.control_period)
    actions = _actions(model.nu) * model.actuator_ctrlrange[:, 1]

    def run(steps: int) -> None:
        for i in range(steps):
            data.ctrl[:] = actions[i % len(actions)]
            mujoco.mj_step(model, data, substeps)

    return run


def _environment(links: int) -> Contestant:
    environment = SwimmerSwim(links)
    environment.reset(seed=0)
    actions = _actions(links - 1)

    def run(steps: int) -> None:
        for i in range(steps):
            environment.step(actions[i % len(actions)])

    return run


def _vector(links: int) -> Contestant:
    environment = SwimmerVector(_BATCH, links=links)
    environment.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (16, _BATCH, links - 1))

    def run(steps: int) -> None:
        for i in range(-(-steps // _BATCH)):
            environment.step(actions[i % len(actions)])

    return run


def _suite(links: int) -> Contestant | None:
    """dm_control's own environment of the same body, or None where it is not installed."""
    # Nothing is drawn; dm_control would look for a display and warn.
    os.environ.setdefault("MUJOCO_GL", "disable")
    try:
        from dm_control.suite import swimmer
    except ImportError:
        return None
    environment = swimmer.swimmer(n_links=links, time_limit=float("inf"))
    environment.reset()
    actions = _actions(links - 1)

    def run(steps: int) -> None:
        for i in range(steps):
            environment.step(actions[i % len(actions)])

    return run


def _actions(joints: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(0).uniform(-1, 1, (64, joints))


def rates(links: int, turns: int) -> dict[str, list[float]]:
    """Control steps per second of each contestant, a number a turn.

    The contestants take turns, so that a machine whose speed drifts slows all of them alike.
    """
    makers = {"mj_step": _bare, "env": _environment, "vector": _vector, "dm_control": _suite}
    runners = {name: made for name, make in makers.items() if (made := make(links)) is not None}
    found: dict[str, list[float]] = {name: [] for name in runners}
    for run in runners.values():
        run(_TURN // 10)
    for _ in range(turns):
        for name, run in runners.items():
            steps = -(-_TURN // _BATCH) * _BATCH if name == "vector" else _TURN
            begin = time.perf_counter()
            run(steps)
            found[name].append(steps / (time.perf_counter() - begin))
    return found


def circuit_microseconds(links: int, steps: int = 20_000) -> float:
    """Time of one step of the circuit, µs."""
    circuit = Circuit(links - 1)
    angles = _actions(links - 1)
    begin = time.perf_counter()
    for i in range(steps):
        circuit.step(angles[i % len(angles)])
    return (time.perf_counter() - begin) / steps * 1e6


def through_ros(links: int, seconds: float, real_time_factor: float | None) -> dict[str, Any]:
    """Run the scenario in one process, in lockstep or at a real-time factor."""
    from neuro_control.ros import process

    process.discover_locally()
    from neuro_control.ros import run as runs
    from neuro_control.simulation.node import Simulation
    from neuro_control.swimmer.evaluation.report import summary
    from neuro_control.swimmer.nodes.controller import SwimmerController

    names = ["simulation", "swimmer_controller"]
    parameters = runs.read_parameters(resources.find_file("config", "swimmer.yaml"), names)
    parameters["simulation"]["model_arguments"] = f"links: {links}"
    parameters["swimmer_controller"]["links"] = links
    factories = {"simulation": Simulation, "swimmer_controller": SwimmerController}
    recording = runs.measure(factories, parameters, seconds, real_time_factor)
    return summary(recording, {**parameters["simulation"], "model_arguments": {"links": links}})


@click.command()
@click.option(
    "--links", type=click.IntRange(3, 100), default=6, show_default=True, help="Links of the body."
)
@click.option(
    "--turns",
    type=click.IntRange(1, 1000),
    default=15,
    show_default=True,
    help="Turns of each contestant.",
)
@json_option
def benchmark(links: int, turns: int, json: str | None) -> None:
    """Measure the swimmer's speed: alone, batched, through ROS, beside the peers."""
    with remarks.status("stepping environments"):
        found = rates(links, turns)
        microseconds = circuit_microseconds(links)
    with remarks.status("running through ROS"):
        lockstep = through_ros(links, 30.0, None)
        free = through_ros(links, 10.0, 1.0)

    def ratio(name: str, base: str) -> float | None:
        if name not in found or base not in found:
            return None
        return statistics.median(
            ours / theirs for ours, theirs in zip(found[name], found[base], strict=True)
        )

    result: dict[str, Any] = {
        "links": links,
        "steps_per_s": {name: statistics.median(values) for name, values in found.items()},
        "env_vs_mj_step": ratio("env", "mj_step"),
        "env_vs_dm_control": ratio("env", "dm_control"),
        "vector_vs_dm_control": ratio("vector", "dm_control"),
        "circuit_us": microseconds,
        "lockstep": {key: lockstep[key] for key in ("real_time_factor", "latency_ms")},
        "free_running": {key: free[key] for key in ("real_time_factor", "latency_ms")},
    }
    if json is not None:
        write_json(result, json)
    if json != "-":
        _print(result)


def _print(result: dict[str, Any]) -> None:
    table = Table("what", "value", title=f"swimmer of {result['links']} links")
    labels = {
        "mj_step": "bare mj_step, control steps/s",
        "env": "environment, control steps/s",
        "vector": f"{_BATCH} environments on all cores, control steps/s",
        "dm_control": "dm_control's suite, control steps/s",
    }
    for name, value in result["steps_per_s"].items():
        table.add_row(labels[name], f"{value:.0f}")
    for key, label in (
        ("env_vs_mj_step", "environment / bare mj_step"),
        ("env_vs_dm_control", "environment / dm_control's suite"),
        ("vector_vs_dm_control", "batch / dm_control's suite"),
    ):
        value = result[key]
        table.add_row(label, "dm_control is not installed" if value is None else f"{value:.2f}")
    table.add_row("circuit, µs a step", f"{result['circuit_us']:.1f}")
    for mode in ("lockstep", "free_running"):
        found = result[mode]
        latency = found["latency_ms"]
        table.add_row(
            f"through ROS, {mode.replace('_', '-')}",
            f"{found['real_time_factor']:.2f} × real time, observation to command "
            f"p50 {latency['p50']:.2f} ms, p99 {latency['p99']:.2f} ms",
        )
    print_table(table)
