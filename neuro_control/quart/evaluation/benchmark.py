# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast QUART is on one core: a decision of each kind of network, a picture, the whole loop."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
import mujoco
import numpy as np
import torch
from rich.table import Table

from neuro_control.cli.benchmark import add_ros_rows, both_modes
from neuro_control.cli.options import json_option
from neuro_control.cli.output import remarks, show_result
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.quart.control.instructions import draw
from neuro_control.quart.control.networks.build import build
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import RobotState
from neuro_control.quart.evaluation.guides import Seer, weights_of
from neuro_control.quart.evaluation.rollout import rollout
from neuro_control.quart.simulation.course import Course

_INSTRUCTION = "go to the red cube"
# What a decision takes does not depend on the weights: these are measured with weights at random.
KINDS: Mapping[str, NetworkSize] = {
    "small": NetworkSize(),
    "small, chunk of 5": NetworkSize(chunk=5),
    "small, chunk of 10 as 4 codes": NetworkSize(chunk=10, tokenizer="codebook"),
    "transformer": NetworkSize("transformer"),
    "transformer, autoregressive": NetworkSize("transformer", decoding="autoregressive"),
    "transformer, chunk of 5": NetworkSize("transformer", chunk=5),
}
_WARM_UP = 10  # decisions


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep all threads and processes that start from here on to one core."""
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, {max(before)})
    torch.set_num_threads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        torch.set_num_threads(threads)


def decisions(policy: Policy, steps: int) -> dict[str, float]:
    """Time of a decision, a picture and a state in, actions out.

    Args:
        policy: The policy.
        steps: Number of decisions.

    Returns:
        ``p50_ms`` and ``p99_ms`` of the wall time and ``cpu_ms``, the mean processor time of a
        decision; ``hz``, decisions a second; ``actions``, how many a decision gives; and
        ``parameters``, the number of weights.
    """
    rng = np.random.default_rng(0)
    pixels = policy.network.size.image
    images = rng.integers(0, 256, (8, pixels, pixels, 3), dtype=np.uint8)
    state = RobotState(np.zeros(2), 0.0, 0.0, 0.0, 0.0, np.zeros(2), 0.0)
    policy.reset(_INSTRUCTION)
    times = []
    for step in range(steps + _WARM_UP):
        if step == _WARM_UP:
            used = time.process_time()
        begin = time.perf_counter()
        policy.act(images[step % len(images)], state)
        times.append(1e3 * (time.perf_counter() - begin))
    cpu = 1e3 * (time.process_time() - used) / steps
    p50, p99 = np.percentile(times[_WARM_UP:], [50, 99])
    return {
        "p50_ms": float(p50), "p99_ms": float(p99), "cpu_ms": cpu, "hz": 1e3 / float(p50),
        "actions": policy.chunk,
        "parameters": sum(each.size for each in policy.network.arrays().values()),
    }  # fmt: skip


def pictures(pixels: int, frames: int) -> float:
    """Mean processor time of a picture of the head's camera on the course, ms.

    Args:
        pixels: Its height and width.
        frames: Number of pictures.
    """
    course = Course()
    course.arrange(draw(_INSTRUCTION))
    data = mujoco.MjData(course.model)
    course.start(course.model, data, np.random.default_rng(0))
    mujoco.mj_forward(course.model, data)
    camera = Camera(course.model, "head", pixels, pixels)
    try:
        camera.look(data)
        begin = time.process_time()
        for _ in range(frames):
            camera.look(data)
        return 1e3 * (time.process_time() - begin) / frames
    finally:
        camera.close()


def loop(policy: Policy) -> dict[str, float]:
    """An episode without ROS: gait controller at 500 Hz, a picture and a decision at 10 Hz.

    Returns:
        ``real_time_factor``, and ``decision_ms``, the mean wall time of a decision in it.
    """
    course = Course()
    guide = Seer(policy, course)
    try:
        begin = time.perf_counter()
        outcome = rollout(course, draw(_INSTRUCTION), guide)
        took = time.perf_counter() - begin
    finally:
        guide.close()
    return {
        "real_time_factor": outcome.seconds / took,
        "decision_ms": 1e3 * statistics.fmean(guide.seconds[1:] or guide.seconds),
    }


@click.command()
@click.option(
    "--policy", "names", multiple=True, metavar="NAME|FILE",
    help="Policy that is measured beside the kinds of networks; may be given more than once. The "
    "first one also runs through ROS.",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(10, 100_000), default=200, show_default=True,
    help="Number of decisions and pictures.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(1, 600), default=10.0, show_default=True,
    help="Simulated time of each run through ROS.",
)  # fmt: skip
@json_option
def benchmark(names: tuple[str, ...], steps: int, seconds: float, json: str | None) -> None:
    """Measure QUART's speed on one core: decisions, pictures, the loop without ROS and with it."""
    files = {name: file for name in names if (file := weights_of(name)) is not None}
    with _one_core():
        result: dict[str, Any] = {"decisions": {}}
        for name, size in KINDS.items():
            with remarks.status(f"deciding: {name}"):
                torch.manual_seed(0)
                result["decisions"][name] = decisions(Policy(build(size).eval()), steps)
        for name, file in files.items():
            with remarks.status(f"deciding: {name}"):
                result["decisions"][name] = decisions(Policy.load(file), steps)
        with remarks.status("taking pictures"):
            result["picture_ms"] = {str(n): pictures(n, steps) for n in (64, 96, 128, 224)}
        with remarks.status("walking"):
            policy = Policy(build(NetworkSize()).eval())
            if files:
                policy = Policy.load(next(iter(files.values())))
            result["without_ros"] = loop(policy)
        if files:
            with remarks.status("walking through ROS"):
                changes = [f"quart_policy.policy={next(iter(files.values()))}"]
                result |= both_modes("quart", seconds, seconds, changes)
    show_result(result, json, _table(result))


def _table(result: dict[str, Any]) -> Table:
    table = Table("quantity", "value", title="QUART, one core")
    for name, found in result["decisions"].items():
        table.add_row(
            f"decision, {name}",
            f"p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms, {found['hz']:.0f} Hz; "
            f"{found['cpu_ms']:.2f} ms of processor time, {found['cpu_ms'] / found['actions']:.2f} "
            f"an action, {found['parameters'] / 1e6:.2f} M weights",
        )
    for pixels, ms in result["picture_ms"].items():
        table.add_row(f"picture of {pixels} × {pixels}", f"{ms:.2f} ms")
    alone = result["without_ros"]
    table.add_row(
        "an episode without ROS",
        f"{alone['real_time_factor']:.1f} × real time, a decision {alone['decision_ms']:.2f} ms",
    )
    if "lockstep" in result:
        add_ros_rows(table, result)
    return table
