# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Metrics of a quadruped's walk: how well it obeys, how it steps, falls, rises and lies down.

Errors are sizes of the errors of means over time, since every gait sways within a cycle. What such
a mean hides, a walk that wanders about it, is in the errors of single strides.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.types import GRAVITY, PERIOD
from neuro_control.quadruped.evaluation.rollout import SETTLING, Record, Truth

Array = NDArray[np.float64]

# Control steps that timing leaves out, in which caches fill.
_WARM_UP = 50
# Walks slower than this have no cost of transport, m/s.
_SLOWEST = 0.05
# A foot that presses harder has touched down, N; one that is higher has left the ground, m.
_TOUCHES, _CLEAR = 5.0, 0.005
# Before a new stride a foot has not pressed for so long, s.
_UNLOADED = 0.04

TRACKING = (
    "forward", "left", "yaw_rate", "height", "v_error_mps", "yaw_error_rps", "height_error_m",
    "roll_rad", "cost_of_transport",
)  # fmt: skip

STRIDES = ("v_stride_rms_mps", "yaw_stride_rms_rps", "v_rms_mps", "yaw_rms_rps")


def tracking(
    truth: Truth, command: Command, mass: float, height: float, period: float = PERIOD
) -> dict[str, float]:
    """How well one command was obeyed, without the first 3 s.

    Args:
        truth: True motion, from the time at which the command began.
        command: The command.
        mass: Mass of the robot, kg.
        height: Commanded height of the trunk, m.
        period: Time between two rows, s.

    Returns:
        Means of ``forward``, ``left`` (m/s), ``yaw_rate`` (rad/s) and ``height`` (m);
        ``v_error_mps``, ``yaw_error_rps`` and ``height_error_m``; ``roll_rad``, the largest;
        ``cost_of_transport``, energy by weight and distance (NaN at rest). All are NaN where
        nothing is left.
    """
    settled = truth.part(slice(round(SETTLING / period), None))
    if not len(settled.roll):
        return no_tracking()
    forward, left, _ = settled.velocity.mean(axis=0)
    yaw_rate, mean_height = settled.yaw_rate.mean(), settled.height.mean()
    speed = math.hypot(forward, left)
    power = settled.power.mean()
    values = (
        forward,
        left,
        yaw_rate,
        mean_height,
        math.hypot(forward - command.forward, left - command.left),
        abs(yaw_rate - command.yaw_rate),
        abs(mean_height - height),
        np.abs(settled.roll).max(),
        power / (mass * GRAVITY * speed) if speed > _SLOWEST else math.nan,
    )
    return {name: float(value) for name, value in zip(TRACKING, values, strict=True)}


def no_tracking() -> dict[str, float]:
    """Metrics of ``tracking`` after a fall: none is a number."""
    return dict.fromkeys(TRACKING, math.nan)


def obeyed(record: Record, command: Command) -> dict[str, float]:
    """``tracking`` of a record; NaN after a fall."""
    if record.fell is not None:
        return no_tracking()
    height = record.robot.height + command.height
    return tracking(record.truth, command, record.mass, height, record.period)


def stride_errors(record: Record, command: Command) -> dict[str, float]:
    """How far single strides were from one command, without the first 3 s.

    A stride is the time from one touchdown of the first foot to the next, by its force alone, since
    on rough ground its height says nothing.

    Returns:
        ``v_stride_rms_mps`` and ``yaw_stride_rms_rps``: root mean square over the strides of the
        errors of each stride's mean velocity and yaw rate; ``v_rms_mps`` and ``yaw_rms_rps``: the
        same over all rows, so that the sway within a stride is in them. All are NaN after a fall,
        those of strides also where there was none.
    """
    if record.fell is not None:
        return dict.fromkeys(STRIDES, math.nan)
    first = round(SETTLING / record.period)
    truth = record.truth.part(slice(first, None))
    errors = np.column_stack(
        [
            truth.velocity[:, 0] - command.forward,
            truth.velocity[:, 1] - command.left,
            truth.yaw_rate - command.yaw_rate,
        ]
    )
    landed = _loaded(record.forces[first:, 0], round(_UNLOADED / record.period))
    strides = np.array([errors[a:b].mean(axis=0) for a, b in itertools.pairwise(landed)])
    values = (*_rms(strides.reshape(-1, 3)), *_rms(errors))
    return dict(zip(STRIDES, values, strict=True))


def _loaded(forces: Array, rows: int) -> list[int]:
    """Rows at which a foot is loaded that was not for so many rows before."""
    pressed = forces > _TOUCHES
    return [k for k in range(rows, len(pressed)) if pressed[k] and not pressed[k - rows : k].any()]


def _rms(errors: Array) -> tuple[float, float]:
    """Root mean squares of errors (N, 3): of the velocity's size, and of the yaw rate."""
    if not len(errors):
        return math.nan, math.nan
    x, y, yaw = np.square(errors).mean(axis=0)
    return math.sqrt(x + y), math.sqrt(yaw)


def stepping(record: Record) -> dict[str, float]:
    """How the feet stepped, without the first 3 s.

    Returns:
        ``frequency`` of touchdowns, Hz, and ``swing_m``, the median height that feet reach; NaN
        after a fall.
    """
    if record.fell is not None:
        return {"frequency": math.nan, "swing_m": math.nan}
    first = round(SETTLING / record.period)
    tops, rates = [], []
    for forces, heights in zip(record.forces[first:].T, record.feet[first:, :, 2].T, strict=True):
        landed, reached = _touchdowns(forces, heights)
        tops += reached
        if len(landed) > 1:
            rates.append((len(landed) - 1) / ((landed[-1] - landed[0]) * record.period))
    if not rates:
        return {"frequency": 0.0, "swing_m": 0.0}
    return {"frequency": float(np.mean(rates)), "swing_m": float(np.median(tops))}


def _touchdowns(forces: Array, heights: Array) -> tuple[list[int], list[float]]:
    """Rows at which a foot touches down, and the height that it reached before each, m."""
    up = heights > _CLEAR
    down = (forces > _TOUCHES) & ~up
    landed, reached = [], []
    top, lifted = 0.0, False
    for k in range(len(up)):
        if up[k]:
            top, lifted = max(top, float(heights[k])), True
        elif lifted and down[k]:
            landed.append(k)
            reached.append(top)
            top, lifted = 0.0, False
    return landed, reached


def timing(record: Record) -> dict[str, float]:
    """``step_ms_p50`` and ``step_ms_p99`` of a control step, and ``real_time_factor``."""
    steps = record.step_ms
    settled = steps[_WARM_UP:] if len(steps) > _WARM_UP else steps
    p50, p99 = np.percentile(settled, [50, 99])
    return {
        "step_ms_p50": float(p50),
        "step_ms_p99": float(p99),
        "real_time_factor": len(steps) * PERIOD / record.wall,
    }


def fall(record: Record) -> dict[str, float]:
    """``fell_s``: when it fell or the controller released the joints; NaN if neither."""
    return {"fell_s": math.nan if record.fell is None else record.fell}


def survival(record: Record) -> dict[str, float]:
    """How a walk ended.

    Returns:
        ``fell_s`` as ``fall`` has it; ``lean_deg``, the trunk's lean at that time, NaN without a
        fall; ``remarks``, the number of different remarks.
    """
    lean = math.nan if record.fell is None else math.degrees(record.truth.lean[-1])
    return {**fall(record), "lean_deg": lean, "remarks": len(record.remarks)}


def recovery(record: Record, seconds: float) -> dict[str, float]:
    """How a robot got up that was to walk for some time, s.

    Returns:
        ``up_s``, when it walked, NaN if it never did; ``turns``, how often it rolled over;
        ``fell_s``: NaN if it got up and did not fall.
    """
    walks = [state == "walking" for state in record.states]
    turns = sum(
        before == "self_righting" and after != "self_righting"
        for before, after in zip(record.states, record.states[1:], strict=False)
    )
    stood = record.fell is None and any(walks)
    return {
        "up_s": walks.index(True) * record.period if any(walks) else math.nan,
        "turns": turns,
        "fell_s": math.nan if stood else seconds,
    }


def sensor_loss(record: Record, begins: float, leans: float) -> dict[str, float]:
    """How a robot lay down that lost a sensor as it walked.

    Args:
        record: Record of every control step, to the end.
        begins: When the sensor was lost, s.
        leans: Lean at which the trunk has fallen, rad.

    Returns:
        ``told_s`` and ``lies_s``: time from the loss until the robot stops walking, and until its
        joints are only damped, s; ``lean_deg`` and ``sinks_mps``: the trunk's largest lean and
        speed downwards from then on; ``fell_s``: NaN unless it fell.
    """
    after = record.time - begins
    lost = after >= 0.0
    states = np.array(record.states)[lost]
    after, truth = after[lost], Truth(*(column[lost] for column in record.truth))

    def first(happens: NDArray[np.bool_]) -> float:
        return float(after[happens.argmax()]) if happens.any() else math.nan

    return {
        "told_s": first(states != "walking"),
        "lies_s": first(states == "damping"),
        "lean_deg": math.degrees(truth.lean.max(initial=0.0)),
        "sinks_mps": float(-truth.velocity[:, 2].min(initial=0.0)),
        "fell_s": first(truth.lean > leans),
    }
