# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast the swimmer is: environment, batch and ROS loop beside bare MuJoCo and dm_control."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from typing import Any

import click
import mujoco
import numpy as np
from rich.table import Table

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
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.simulation.env import SwimmerSwim
from neuro_control.swimmer.simulation.tasks import swim
from neuro_control.swimmer.simulation.vector import SwimmerVector

# Environments in the batch, and control steps in each turn of a contestant.
_BATCH = 128
_TURN = 8 * _BATCH

Contestant = Callable[[], None]


def _bare(links: int) -> Contestant:
    """MuJoCo alone: nothing but controls and physics steps."""
    world = swim(links)
    model, data = world.model, mujoco.MjData(world.model)
    substeps = world.substeps(world.control_period)
    actions = _actions(model.nu) * model.actuator_ctrlrange[:, 1]

    def run() -> None:
        for i in range(_TURN):
            data.ctrl[:] = actions[i % len(actions)]
            mujoco.mj_step(model, data, substeps)

    return run


def _environment(links: int) -> Contestant:
    environment = SwimmerSwim(links)
    environment.reset(seed=0)
    actions = _actions(links - 1)

    def run() -> None:
        for i in range(_TURN):
            environment.step(actions[i % len(actions)])

    return run


def _vector(links: int) -> Contestant:
    environment = SwimmerVector(_BATCH, links=links)
    environment.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (16, _BATCH, links - 1))

    def run() -> None:
        for i in range(_TURN // _BATCH):
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

    def run() -> None:
        for i in range(_TURN):
            environment.step(actions[i % len(actions)])

    return run


def _actions(joints: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(0).uniform(-1, 1, (64, joints))


def contestants(links: int) -> dict[str, Contestant]:
    """What is compared, by name, each a turn of control steps; what isn't installed is left out."""
    makers = {"mj_step": _bare, "env": _environment, "vector": _vector, "dm_control": _suite}
    return {name: made for name, make in makers.items() if (made := make(links)) is not None}


@click.command()
@click.option(
    "--links", type=click.IntRange(3, 100), default=6, show_default=True, help="Links of the body."
)
@turns_option
@json_option
def benchmark(links: int, turns: int, json: str | None) -> None:
    """Measure the swimmer's speed: alone, batched, through ROS, beside the peers."""
    with remarks.status("stepping environments"):
        found = in_turns(contestants(links), turns)
        circuit = Circuit(links - 1)
        circuit_us = microseconds(circuit.step, list(np.tile(_actions(links - 1), (300, 1))))
    changes = (f"simulation.model_arguments=links: {links}", f"swimmer_controller.links={links}")
    with remarks.status("running through ROS"):
        through_ros = both_modes("swimmer", 30.0, 10.0, changes)
    result: dict[str, Any] = {
        "links": links,
        "steps_per_s": {name: _TURN / statistics.median(each) for name, each in found.items()},
        "env_vs_mj_step": speed_ratio(found, "env", "mj_step"),
        "env_vs_dm_control": speed_ratio(found, "env", "dm_control"),
        "vector_vs_dm_control": speed_ratio(found, "vector", "dm_control"),
        "circuit_us": circuit_us,
        **through_ros,
    }
    show_result(result, json, _table(result))


def _table(result: dict[str, Any]) -> Table:
    table = Table("measurement", "value", title=f"swimmer of {result['links']} links")
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
    add_ros_rows(table, result)
    return table
