# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report of a run through ROS: what the judges say, and the run as an animated picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.report import run_facts
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import PERIOD
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quart.control.actions import POLICY_PERIOD
from neuro_control.quart.control.judge import Moment, StrictJudge, published
from neuro_control.quart.control.tasks import Task
from neuro_control.quart.evaluation.rendering.film import film
from neuro_control.quart.simulation.course import Witness, arranged

Array = NDArray[np.float64]

# A robot that stays slower than this until the end, and does so for this long, has ended.
_STILL, _STANDS = 0.1, 1.0  # m/s, s
_EVERY = round(POLICY_PERIOD / PERIOD)


def summary(recording: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics of a recorded run.

    Args:
        recording: Arrays of ``Recording``: time, qpos, qvel, ctrl, sensordata, latency, wall_time.
        settings: Parameters of the simulation node, with the other nodes' by name under ``nodes``.

    Returns:
        ``instruction`` and ``task`` (what stands on the course); ``success`` by the strict test,
        ``published`` by QUARD's, ``failed`` in words; ``touched``; ``fell``; ``ended_s``, from when
        on the robot stood, NaN if it walked to the last; ``distance_m``; and what ``run_facts``
        gives.
    """
    course, task = _course(settings)
    body = Body(course.world())
    moments, fell = _moments(recording, body, Witness(course, body))
    ended = _ended(moments)
    judge, passed = StrictJudge(task), False
    for moment in moments:
        judge.see(moment._replace(terminated=moment.time >= ended))
        passed |= moment.time <= task.seconds and published(task, moment)
    way = np.diff([moment.position for moment in moments], axis=0)
    return {
        "instruction": settings["nodes"]["quart_policy"]["instruction"],
        "task": task.instruction,
        "success": judge.success and not fell,
        "published": passed,
        "failed": _why(judge, fell, ended),
        "touched": judge.touched,
        "fell": fell,
        "ended_s": ended if math.isfinite(ended) else math.nan,
        "distance_m": float(np.linalg.norm(way, axis=1).sum()) if len(moments) > 1 else 0.0,
        **run_facts(recording, settings),
    }


def _why(judge: StrictJudge, fell: bool, ended: float) -> str:
    """Why it was no success, in words; empty if it was one."""
    if fell:
        return "it fell"
    if not (judge.failed or judge.done or math.isfinite(ended)):
        return "it was neither done nor ended"
    return judge.reason


def _course(settings: Mapping[str, Any], *, meshes: bool = False) -> tuple[Any, Task]:
    arguments = {**settings["model_arguments"], "meshes": meshes}
    arguments.pop("noise", None)
    return arranged(**arguments)


def _moments(
    recording: Mapping[str, Array], body: Body, witness: Witness
) -> tuple[list[Moment], bool]:
    """What the judge would have seen every 0.1 s, and whether the robot has fallen."""
    moments, fell = [], False
    for number, (time, qpos, qvel) in enumerate(
        zip(recording["time"], recording["qpos"], recording["qvel"], strict=True)
    ):
        body.data.qpos[:], body.data.qvel[:] = qpos, qvel
        mujoco.mj_fwdPosition(body.model, body.data)
        witness.look()
        if number % _EVERY == 0:
            mujoco.mj_fwdVelocity(body.model, body.data)
            moments.append(witness.moment(float(time)))
            fell |= body.fallen
    return moments, fell


def _ended(moments: list[Moment]) -> float:
    """Time from which on the robot stood until the end, s; inf if it did not."""
    ended = math.inf
    for moment in reversed(moments):
        if moment.speed >= _STILL:
            break
        ended = moment.time
    return ended if moments[-1].time - ended >= _STANDS else math.inf


def pictures(
    recording: Mapping[str, Array],
    activity: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    out: Path,
) -> list[str]:
    """Draw ``quart.gif`` into the folder ``out``: robot, its own view, words and attention.

    Args:
        recording: As for ``summary``.
        activity: ``time`` (s), ``names`` and ``values`` (times, names) of the topic
            ``quart_policy/activity``, if it was recorded.
        settings: As for ``summary``.
        out: Folder that exists.

    Returns:
        Remarks for the user.
    """
    if activity is None or not len(activity["time"]):
        return ["quart.gif is left out: the policy decided nothing, so that there is no view of it"]
    try:
        film(out / "quart.gif", recording, activity, settings)
    except ConfigurationError as error:
        return [f"quart.gif is left out: {error}"]
    return []
