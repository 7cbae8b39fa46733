# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Measures what a circuit's inputs do to a body: the table that ``steering.Calibration`` holds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.cli.options import json_option
from neuro_control.cli.output import show_result
from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.policy import POLICIES, CircuitDesign, find_policy
from neuro_control.swimmer.control.steering import Calibration, calibration_path, fingerprint
from neuro_control.swimmer.control.types import CONTROL_PERIOD
from neuro_control.swimmer.simulation.vector import SwimmerVector

Array = NDArray[np.float64]

# Turn inputs to either side: closer near zero, where trained circuits turn fastest.
_TURNS = (np.arange(25) / 24) ** 2
# Strokes until the gait has settled, and strokes over which it is measured then.
_SETTLING, _MEASURED = 6, 12
# Episodes at each turn input, from different poses.
_EPISODES = 2
# A turn input is of use while the swimmer keeps this part of its speed (beyond, the head locks) and
# its episodes agree on the yaw rate within this much, rad/s, or this part of it.
_KEPT, _AGREED, _AGREED_PART = 0.5, 0.04, 0.15
# References by which the table is checked: parts of the highest speed and yaw rate.
_REFERENCES = [(v, w) for v in (0.3, 0.6, 0.9) for w in (-0.4, -0.2, 0.0, 0.2, 0.4)]


class Motion(NamedTuple):
    """Of each episode, (N,): forward speed (m/s) and yaw rate (rad/s), means over strokes."""

    speed: Array
    yaw_rate: Array


def measure(
    design: CircuitDesign, vector: Array, tempos: Array, turns: Array, seeds: list[int]
) -> Motion:
    """Settled motion at constant inputs, from episodes side by side.

    Args:
        design: What the circuit is.
        vector: Its numbers, (size,).
        tempos: Tempo of each episode, (N,), above 0.
        turns: Turn input of each, (N,).
        seeds: Seed of each episode's start, (N,).
    """
    joints = design.joints
    circuits = [design.circuit(vector) for _ in seeds]
    # A stroke in control steps; whole strokes only, over which the head's swing cancels out.
    stroke = circuits[0].oscillator_period / tempos
    first = np.round(_SETTLING * stroke).astype(int)
    last = first + np.round(_MEASURED * stroke).astype(int)
    way, angle = np.zeros(len(seeds)), np.zeros(len(seeds))
    environment = SwimmerVector(len(seeds), links=joints + 1, episode_steps=int(last.max()) + 1)
    try:
        observations, _ = environment.reset(seed=list(seeds))
        for step in range(int(last.max())):
            actions = np.stack([
                circuit.step(angles, 1.0, turn, tempo)
                for circuit, angles, turn, tempo in zip(
                    circuits, observations[:, :joints], turns.tolist(), tempos.tolist(),
                    strict=True,
                )
            ])  # fmt: skip
            observations, *_ = environment.step(actions)
            counts = (step >= first) & (step < last)
            way += environment.forward_speed() * counts
            angle += observations[:, joints + 2] * counts
    finally:
        environment.close()
    return Motion(way / (last - first), angle / (last - first))


def calibrate(design: CircuitDesign, vector: Array, seed: int = 0) -> Calibration:
    """Table of a circuit on the body of its design.

    Raises:
        ConfigurationError: The circuit does not swim, or can't be turned.
    """
    turns = np.concatenate([-_TURNS[:0:-1], _TURNS])
    each = np.repeat(turns, _EPISODES)
    seeds = [seed + i % _EPISODES for i in range(len(each))]
    motion = measure(design, vector, np.ones(len(each)), each, seeds)
    speeds, rates = (values.reshape(len(turns), _EPISODES) for values in motion)
    if not design.own:
        # Both sides have the same weights: each turn input was measured on either.
        speeds = np.concatenate([speeds, speeds[::-1]], axis=1)
        rates = np.concatenate([rates, -rates[::-1]], axis=1)
    spread, speed, rate = np.ptp(rates, axis=1), speeds.mean(axis=1), rates.mean(axis=1)
    useful = (speed > _KEPT * speed[len(_TURNS) - 1]) & (
        spread < np.maximum(_AGREED, _AGREED_PART * np.abs(rate))
    )
    rows = _usable(useful, rate, speed)
    circuit = design.circuit(vector)
    if len(rows) < 3:
        raise ConfigurationError(
            f"this circuit can't be steered on {design.joints + 1} links: it swims "
            f"{speed[len(_TURNS) - 1]:.4f} m/s and no turn input keeps that up"
        )
    # From right to left, as the yaw rate rises.
    rows = rows[::-1]
    return Calibration(
        turns[rows],
        speed[rows],
        rate[rows],
        design.joints + 1,
        circuit.oscillator_period * CONTROL_PERIOD,
        fingerprint(circuit),
    )


def _usable(useful: NDArray[np.bool_], rate: Array, speed: Array) -> NDArray[np.intp]:
    """Rows around the middle one over which yaw rate and curvature fall, in order of turn.

    Outwards from the middle, a row in which nothing more happens (the muscles saturate before a
    small turn input has an effect) is left out; one that is of no use ends it.
    """
    middle = len(rate) // 2
    rows = [middle]
    for direction in (-1, 1):
        edge = middle
        i = middle + direction
        while 0 <= i < len(rate) and useful[i]:
            rises = -direction * (rate[i] - rate[edge])
            tightens = -direction * (rate[i] / speed[i] - rate[edge] / speed[edge])
            if rises > 0 and tightens > 0:
                rows.append(i)
                edge = i
            i += direction
    return np.sort(np.array(rows))


def errors(
    design: CircuitDesign, vector: Array, calibration: Calibration, seed: int = 0
) -> dict[str, Any]:
    """Errors of the motion that the table leads to, over a grid of references of both signs.

    Returns:
        ``asked`` (the references) and ``reached``, each a list of (m/s, rad/s), and the largest
        difference of each
        as ``speed_error_mps`` and ``yaw_rate_error_radps``.
    """
    references = np.array(_REFERENCES) * [calibration.max_speed, calibration.max_yaw_rate]
    inputs = np.array([calibration.inputs(speed, rate) for speed, rate in references.tolist()])
    can = np.array([calibration.motion(tempo, turn) for tempo, turn in inputs.tolist()])
    motion = measure(design, vector, inputs[:, 0], inputs[:, 1], [seed + 100] * len(references))
    reached = np.stack(motion, axis=1)
    largest = np.abs(reached - can).max(axis=0)
    return {
        "asked": references.tolist(),
        "reached": reached.tolist(),
        "speed_error_mps": float(largest[0]),
        "yaw_rate_error_radps": float(largest[1]),
    }


def known_or_measured(policy: str, design: CircuitDesign, vector: Array) -> Calibration:
    """Calibration that lies beside a policy's file, or a new one if it lacks or doesn't fit.

    Args:
        policy: As for ``policy.find_policy``.
        design: Design of the policy.
        vector: Its numbers, (size,).
    """
    path = calibration_path(policy, design.joints + 1)
    if path.is_file():
        known = Calibration.load(path)
        if not known.check(design.circuit(vector)):
            return known
    return calibrate(design, vector)


@click.command()
@click.option(
    "--policy",
    default="ncap",
    show_default=True,
    help=f"A circuit: {', '.join(name for name in POLICIES if 'ncap' in name)}, or a file.",
)
@click.option("--links", default=6, show_default=True, help="Links of the body, 3 to 100.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File for the table.")
@json_option
def command(policy: str, links: int, out: Path | None, json: str | None) -> None:
    """Measure how a circuit's inputs turn into m/s and rad/s, for cmd_vel and navigation."""
    begin = time.perf_counter()
    design, vector = find_policy(policy, links)
    if not isinstance(design, CircuitDesign):
        raise ConfigurationError(f"{policy} is no circuit: only circuits have inputs to steer by")
    found = calibrate(design, vector)
    result = {
        "policy": policy,
        "links": links,
        "max_speed_mps": found.max_speed,
        "max_yaw_rate_radps": found.max_yaw_rate,
        "turning_radius_m": found.turning_radius,
        "stroke_s": found.stroke,
        "turn": found.turn.tolist(),
        "speed_mps": found.speed.tolist(),
        "yaw_rate_radps": found.yaw_rate.tolist(),
        **errors(design, vector, found),
        "wall_s": time.perf_counter() - begin,
    }
    if out is not None:
        kept = ("policy", "speed_error_mps", "yaw_rate_error_radps")
        found.save(out, {name: result[name] for name in kept})
    table = Table(title=f"{policy}, {links} links")
    for heading in ("speed (m/s)", "yaw rate (rad/s)", "radius (m)", "error (m/s, rad/s)"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{found.max_speed:.4f}",
        f"± {found.max_yaw_rate:.3f}",
        f"{found.turning_radius:.2f}",
        f"{result['speed_error_mps']:.4f}, {result['yaw_rate_error_radps']:.3f}",
    )
    show_result(result, json, table)
