# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast the quadruped is: its controller, simulation, the node over real topics, its camera."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.table import Table

from neuro_control.cli.benchmark import add_ros_rows, through_ros
from neuro_control.cli.options import json_option
from neuro_control.cli.output import remarks, show_result
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.robots import ROBOTS
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.evaluation.metrics import timing
from neuro_control.quadruped.evaluation.rollout import RolloutSettings, rollout

# Duration of a walk before the timed one, s, in which everything is compiled.
_WARM_UP = 2.0
_CAMERA_RATE = 10.0


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep all threads and processes that start from here on to one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def alone(robot: str, seconds: float) -> dict[str, Any]:
    """Walk without ROS.

    Returns:
        ``step_ms`` (p50 and p99 of the processor time of a control step) and
        ``real_time_factor``, with physics and sensors.
    """
    settings = RolloutSettings(robot, (gait("trot", forward=0.5),))
    body, controller, command = settings.body(), settings.controller(), settings.commands[0]
    rollout(body, controller, command, _WARM_UP)
    found = timing(rollout(body, controller, command, seconds, every=round(seconds / PERIOD)))
    return {
        "step_ms": {"p50": found["step_ms_p50"], "p99": found["step_ms_p99"]},
        "real_time_factor": found["real_time_factor"],
    }


def walk_through_ros(
    robot: str, seconds: float, real_time_factor: float | None, camera: bool = False
) -> dict[str, Any]:
    """Run the scenario in one process, in lockstep or at a real-time factor.

    Args:
        robot: go2 or go1.
        seconds: Simulated time.
        real_time_factor: None for lockstep.
        camera: Whether a node subscribes to the head's camera, 224 × 224 ten times a second.

    Returns:
        ``real_time_factor``, ``latency_ms`` (p50 and p99 from observation to command) and
        ``falls``; with the camera ``images``, how many were received.
    """
    changes = [
        f"simulation.model_arguments={{robot: {robot}}}", f"gait_controller.robot={robot}",
        f"simulation.camera_rate={_CAMERA_RATE if camera else 0.0}",
    ]  # fmt: skip
    images: list[int] = []
    listeners = {"viewer": lambda: _viewer(images)} if camera else {}
    found = through_ros("quadruped", seconds, real_time_factor, changes, listeners)
    result = {key: found[key] for key in ("real_time_factor", "latency_ms", "falls")}
    return {**result, "images": len(images)} if camera else result


def _viewer(images: list[int]) -> Any:
    """Node that receives the head's pictures and keeps their stamps."""
    # ROS reads its environment when it is first imported: the benchmark has set that by now.
    from sensor_msgs.msg import Image

    from neuro_control.ros.intraprocess import HandingOver
    from neuro_control.ros.messages import SENSOR_QOS

    class Viewer(HandingOver):
        def __init__(self) -> None:
            super().__init__("viewer")
            self.create_subscription(
                Image, "head/image", lambda message: images.append(message.header.stamp), SENSOR_QOS
            )

        def start(self) -> None:
            """Its subscription works from the beginning."""

    return Viewer()


@click.command()
@click.option(
    "--robot", type=click.Choice(list(ROBOTS)), default="go2", show_default=True, help="Robot."
)
@click.option(
    "--seconds", type=click.FloatRange(1, 600), default=10.0, show_default=True,
    help="Simulated time of each measurement.",
)  # fmt: skip
@json_option
def benchmark(robot: str, seconds: float, json: str | None) -> None:
    """Measure the quadruped's speed on one core: controller, physics, ROS loop, camera."""
    with _one_core():
        with remarks.status("walking"):
            result: dict[str, Any] = {"robot": robot, "without_ros": alone(robot, seconds)}
        with remarks.status("walking through ROS"):
            result["lockstep"] = walk_through_ros(robot, seconds, None)
            result["free_running"] = walk_through_ros(robot, seconds, 1.0)
        with remarks.status("walking with the camera on"):
            result["lockstep_with_camera"] = walk_through_ros(robot, seconds, None, camera=True)
    show_result(result, json, _table(result))


def _table(result: dict[str, Any]) -> Table:
    table = Table("quantity", "value", title=f"{result['robot']}, one core")
    alone = result["without_ros"]
    step = alone["step_ms"]
    table.add_row("control step, ms", f"p50 {step['p50']:.3f}, p99 {step['p99']:.3f}")
    table.add_row("with physics, without ROS", f"{alone['real_time_factor']:.1f} × real time")
    add_ros_rows(table, result)
    seen = result["lockstep_with_camera"]
    table.add_row(
        "lockstep, with a camera of 224 × 224 at 10 Hz",
        f"{seen['real_time_factor']:.2f} × real time",
    )
    return table
