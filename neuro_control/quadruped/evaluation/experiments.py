# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Claims about the quadruped's gait controller, each tried by one command: CSV and figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from neuro_control.cli.evaluation import rate_bound
from neuro_control.cli.experiments import Experiment, Row, group
from neuro_control.quadruped.control.command import GAITS, RANGES, Command, gait
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quadruped.evaluation import figures, metrics
from neuro_control.quadruped.evaluation.contact_schedules import contact_schedules
from neuro_control.quadruped.evaluation.failures import failures
from neuro_control.quadruped.evaluation.interruptions import interruptions
from neuro_control.quadruped.evaluation.lesions import lesions
from neuro_control.quadruped.evaluation.lesions import summarise as lesions_summary
from neuro_control.quadruped.evaluation.rollout import (
    SETTLING,
    SPARSE,
    RolloutSettings,
    simulate,
)
from neuro_control.quadruped.evaluation.setting import OPTIONS, REAL_OPTIONS, Setting
from neuro_control.quadruped.simulation.body import FALLEN, STARTS
from neuro_control.simulation.effects import (
    CommandDelay,
    Effect,
    Jump,
    Lag,
    Loss,
    Push,
    SensorEffect,
    SoftGround,
    Stuck,
)

# Required of the gait controller: errors of velocities are within the larger of a number, m/s or
# rad/s, and a part of the commanded value; those of the height within a number, m; roll, degrees.
_SMALL, _PART, _HEIGHT, _ROLL = 0.03, 0.05, 0.01, 5.0
_SPEED = 0.5  # m/s, in all experiments that are not about velocities
_FORWARD, _LEFT = (-0.5, 0.0, 0.5, 1.0, 1.5), (-0.3, 0.0, 0.3)
_YAW_RATE = (-1.0, -0.5, 0.0, 0.5, 1.0)
_HEIGHTS = (0.18, 0.20, 0.22, 0.24, 0.26, 0.28, 0.30, 0.32, 0.34)
_FREQUENCIES, _SWINGS = (2.0, 2.5, 3.0, 3.5, 4.0), (0.03, 0.05, 0.07, 0.09, 0.11, 0.13, 0.15)
_WALKED = tuple(name for name in GAITS if name != "stand")
_PUSH, _FORCES = 100.0, tuple(float(force) for force in range(100, 451, 50))  # N
# Latency of commands and lag of torques at most, s, and stiffness of soft ground, N/m.
_LATENCY, _LAG, _STIFFNESS = 0.006, 0.006, (5e3, 1e5)
# Up to where each is increased by itself.
_HARDWARE: dict[str, tuple[float, ...]] = {
    "latency": (0.0, 0.002, 0.004, 0.006, 0.008, 0.01, 0.012, 0.016, 0.02),
    "lag": (0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03),
    "stiffness": (1e5, 3e4, 1e4, 5e3, 3e3, 2e3, 1e3),
}
# Random sequences of commands: how long a command holds, s, and how many there are.
_HOLD, _IN_TURN = 2.0, 6
# Transitions: how long the first gait lasts, and the second, s.
_BEFORE, _AFTER = 4.0, 16.0
# How long a robot may take to get up and walk, s.
_RECOVERY = 8.0
# A joint's sensor that jumps does so by this, rad.
_JUMP = 0.5

Labelled = list[tuple[Row, RolloutSettings]]


# Tasks for executors: rows of one walk each.


def measure(settings: RolloutSettings) -> Row:
    """How well a walk obeyed its first command, how it stepped and whether it fell."""
    record = simulate(settings, SPARSE)
    found = metrics.obeyed(record, settings.commands[0])
    roll = math.degrees(found.pop("roll_rad"))
    cost = found.pop("cost_of_transport")
    stepping = metrics.stepping(record)
    return {
        **found,
        **metrics.stride_errors(record, settings.commands[0]),
        "roll_deg": roll,
        **stepping,
        "cost_of_transport": cost,
        **metrics.fall(record),
    }


def survive(settings: RolloutSettings) -> Row:
    """How a walk ended."""
    return metrics.survival(simulate(settings, SPARSE))


def rise(settings: RolloutSettings) -> Row:
    """How a robot got up."""
    return metrics.recovery(simulate(settings, SPARSE), settings.seconds)


def lie_down(settings: RolloutSettings) -> Row:
    """How a robot lay down that lost a sensor, its first effect."""
    (lost,) = settings.effects
    if not isinstance(lost, SensorEffect):
        raise TypeError(f"expected an effect on a sensor, got {lost}")
    return metrics.sensor_loss(simulate(settings, end_at_fall=False), lost.begins, FALLEN)


def good(row: Row) -> bool:
    """Whether a walk of ``tracking`` is within what is required."""
    speed = max(_SMALL, _PART * math.hypot(row["vx"], row["vy"]))
    turn = max(_SMALL, _PART * abs(row["yaw"]))
    height = row["map"] != "height" or (
        row["height_error_m"] <= _HEIGHT and row["roll_deg"] <= _ROLL
    )
    # A walk that fell has no errors.
    return bool(row["v_error_mps"] <= speed and row["yaw_error_rps"] <= turn and height)


def tracking(setting: Setting) -> list[Row]:
    """A trot of 20 s under every combination of velocities, and of heights, frequencies, swings."""
    cases = [
        ("velocities", gait("trot", forward=x, left=y, yaw_rate=w))
        for x, y, w in itertools.product(_FORWARD, _LEFT, _YAW_RATE)
    ]
    cases += [("height", gait("trot", forward=_SPEED, height=z - 0.3)) for z in _HEIGHTS]
    cases += [("frequency", gait("trot", forward=_SPEED, frequency=f)) for f in _FREQUENCIES]
    cases += [("swing", gait("trot", forward=_SPEED, swing=h)) for h in _SWINGS]
    tasks: Labelled = [
        (
            {
                "robot": robot, "map": name, "vx": command.forward, "vy": command.left,
                "yaw": command.yaw_rate, "z": round(0.3 + command.height, 6),
                "hz": command.frequency, "lift": command.swing,
            },
            RolloutSettings(robot, (command,), seed=seed),
        )
        for robot in setting.robots
        for seed, (name, command) in enumerate(cases)
    ]  # fmt: skip
    rows = setting.run("tracking", tasks, measure)
    for row in rows:
        row["good"] = good(row)
    return rows


def gaits(setting: Setting) -> list[Row]:
    """Trot, walk, pace, bound and pronk at 0.5 m/s for 20 s, and their contacts."""
    tasks: Labelled = [
        (
            {"robot": robot, "gait": name, "seed": seed},
            RolloutSettings(robot, (gait(name, forward=_SPEED),), seed=seed),
        )
        for robot in setting.robots
        for name in _WALKED
        for seed in range(setting.seeds)
    ]
    rows = setting.run("gaits", tasks, measure)
    records = {
        name: simulate(
            RolloutSettings(setting.robots[0], (gait(name, forward=_SPEED),), seconds=5.0)
        )
        for name in _WALKED
    }
    figures.gaits(records, setting.out / "gaits.png")
    return rows


def transitions(setting: Setting) -> list[Row]:
    """From each gait to each other at 0.5 m/s."""
    tasks: Labelled = [
        (
            {"robot": robot, "from": first, "to": then, "seed": seed},
            RolloutSettings(
                robot, (gait(first, forward=_SPEED), gait(then, forward=_SPEED)),
                _BEFORE, _BEFORE + _AFTER, seed,
            ),
        )
        for robot in setting.robots
        for first, then in itertools.permutations(GAITS, 2)
        for seed in range(setting.seeds)
    ]  # fmt: skip
    return setting.run("transitions", tasks, survive)


def _endured(robot: str, seed: int, real: bool) -> tuple[Row, RolloutSettings]:
    """A walk at 0.5 m/s on random ground with a random payload, pushed once.

    Args:
        robot: go2 or go1.
        seed: Seed of all that is drawn.
        real: Whether motors are late and slow and the ground may be soft, as with a real robot.
    """
    rng = np.random.default_rng([seed, 200])
    direction, ground = seed % 8, ("flat", "slope", "rubble")[seed % 3]
    friction, payload = rng.uniform(0.4, 1.0), rng.uniform(-3.0, 3.0)
    slope = math.radians(rng.uniform(0.0, 15.0)) if ground == "slope" else 0.0
    rises = rng.uniform(-math.pi, math.pi) if ground == "slope" else 0.0
    begins = SETTLING + rng.uniform(0.0, 15.0)
    world: dict[str, Any] = {"friction": friction, "payload": payload, "seed": seed}
    if ground == "rubble":
        world |= {"terrain": "rough", "height": 0.05}
    latency, lag = rng.uniform(0.0, _LATENCY), rng.uniform(0.0, _LAG)
    stiffness = math.exp(rng.uniform(*np.log(_STIFFNESS))) if rng.random() < 0.5 else math.inf
    if not real:
        latency, lag, stiffness = 0.0, 0.0, math.inf
    row = {
        "robot": robot, "seed": seed, "push_deg": 45 * direction, "push_s": begins,
        "ground": ground, "friction": friction, "payload_kg": payload,
        "slope_deg": math.degrees(slope), "rises_deg": math.degrees(rises),
        "stiffness_npm": stiffness, "latency_s": latency, "lag_s": lag,
    }  # fmt: skip
    push = Push(begins=begins, force=_PUSH, direction=direction * math.pi / 4)
    effects = (push, *hardware(latency, lag, stiffness))
    command = gait("trot", forward=_SPEED)
    return row, RolloutSettings(
        robot, (command,), seed=seed, effects=effects, tilt=(slope, rises), world=world
    )


def hardware(
    latency: float = 0.0, lag: float = 0.0, stiffness: float = math.inf
) -> tuple[Effect, ...]:
    """Effects of what a real robot's hardware and ground add to the model.

    Args:
        latency: From a command to the motors, s.
        lag: Time constant with which torques follow, s.
        stiffness: Of the ground under a foot, N/m; hard as the model's where it is infinite.
    """
    effects: list[Effect] = []
    if latency:
        effects.append(CommandDelay(seconds=latency))
    if lag:
        effects.append(Lag(motors=("all",), seconds=lag))
    if math.isfinite(stiffness):
        effects.append(SoftGround(stiffness=stiffness))
    return tuple(effects)


def robustness(setting: Setting) -> list[Row]:
    """Walks of 20 s at 0.5 m/s with all disturbances at once, drawn by a seed.

    A push of 100 N for 0.2 s from one of 8 directions, friction 0.4 to 1, a payload of -3 to 3 kg,
    flat ground, a slope to 15° that rises any way, or 5 cm of rubble, each soft in half of the
    walks; commands up to 6 ms late, and torques that follow with a lag of up to 6 ms.
    """
    tasks = [
        _endured(robot, seed, setting.real)
        for robot in setting.robots
        for seed in range(setting.seeds)
    ]
    return setting.run("robustness", tasks, measure)


def hardware_limits(setting: Setting) -> list[Row]:
    """Walks of 20 s at 0.5 m/s with later commands, slower torques or softer ground, one by one."""
    cases = [
        (name, value, hardware(**{name: value}))
        for name, values in _HARDWARE.items()
        for value in values
    ]
    tasks: Labelled = [
        (
            {"robot": robot, "what": name, "value": value, "seed": seed},
            RolloutSettings(robot, (gait("trot", forward=_SPEED),), seed=seed, effects=effects),
        )
        for robot in setting.robots
        for name, value, effects in cases
        for seed in range(setting.seeds)
    ]
    return setting.run("hardware", tasks, measure)


def pushes(setting: Setting) -> list[Row]:
    """A trot at 0.5 m/s pushed for 0.2 s harder and harder, at phases that differ by seed."""
    tasks: Labelled = [
        (
            {"robot": robot, "push_deg": 45 * way, "force": force, "seed": seed},
            RolloutSettings(
                robot, (gait("trot", forward=_SPEED),), seconds=7.0, seed=seed,
                effects=(
                    Push(
                        begins=SETTLING + 0.1 * seed, force=force, direction=way * math.pi / 4
                    ),
                ),
            ),
        )
        for robot in setting.robots
        for way in range(8)
        for force in _FORCES
        for seed in range(setting.seeds)
    ]  # fmt: skip
    return setting.run("pushes", tasks, survive)


def drawn(rng: np.random.Generator, kind: str) -> Command:
    """A command at random: of "any" 15 numbers within their ranges, or of a "preset" gait."""
    if kind == "any":
        return Command.of([rng.uniform(*each) for each in RANGES.values()])
    numbers = {
        "forward": (-0.5, 1.0), "left": (-0.3, 0.3), "yaw_rate": (-1.0, 1.0),
        "height": (-0.1, 0.03), "frequency": (2.0, 4.0), "swing": (0.03, 0.12),
    }  # fmt: skip
    name = list(GAITS)[rng.integers(len(GAITS))]
    return gait(name, **{key: rng.uniform(*each) for key, each in numbers.items()})


def commands(setting: Setting) -> list[Row]:
    """Six commands in turn, 2 s each, drawn at random: of any numbers, and of preset gaits."""
    tasks: Labelled = []
    for robot in setting.robots:
        for kind in ("any", "presets"):
            for seed in range(setting.seeds):
                rng = np.random.default_rng([seed, 7])
                turns = tuple(drawn(rng, kind) for _ in range(_IN_TURN))
                task = RolloutSettings(robot, turns, _HOLD, _HOLD * _IN_TURN, seed)
                tasks.append(({"robot": robot, "kind": kind, "seed": seed}, task))
    return setting.run("commands", tasks, survive)


def recovery(setting: Setting) -> list[Row]:
    """Getting up from every start; and, as a figure, a push of 100 N from the left."""
    tasks: Labelled = [
        (
            {"robot": robot, "start": start, "seed": seed},
            RolloutSettings(
                robot, (gait("trot", forward=_SPEED),), seconds=_RECOVERY, seed=seed,
                world={"start": start},
            ),
        )
        for robot in setting.robots
        for start in STARTS
        for seed in range(setting.seeds)
    ]  # fmt: skip
    rows = setting.run("recovery", tasks, rise)
    robot, command = setting.robots[0], (gait("trot", forward=_SPEED),)
    push = Push(begins=4.0, force=_PUSH, direction=-math.pi / 2)
    pushed = simulate(RolloutSettings(robot, command, seconds=6.5, effects=(push,)))
    figures.push(pushed, push, command[0], setting.out / "push.png")
    figures.rising(
        {
            start: simulate(
                RolloutSettings(robot, command, seconds=_RECOVERY, world={"start": start})
            )
            for start in STARTS
        },
        setting.out / "rising.png",
    )
    return rows


def _lost(kind: str, joint: str, begins: float) -> SensorEffect:
    """Loss of a joint's sensor: its angle is missing or jumps, or angle and speed are frozen."""
    angle, speed = f"{joint}_angle", f"{joint}_speed"
    if kind == "missing":
        return Loss(sensors=(angle,), begins=begins)
    if kind == "frozen":
        return Stuck(sensors=(angle, speed), begins=begins)
    return Jump(sensors=(angle,), begins=begins, offset=_JUMP)


def sensors(setting: Setting) -> list[Row]:
    """The loss of each joint's sensor during a trot, in three ways, at phases by seed."""
    tasks: Labelled = [
        (
            {"robot": robot, "loss": kind, "joint": joint, "seed": seed},
            RolloutSettings(
                robot, (gait("trot", forward=_SPEED),), seconds=SETTLING + 1.5, seed=seed,
                effects=(_lost(kind, joint, SETTLING + 0.08 * seed),),
            ),
        )
        for robot in setting.robots
        for kind in ("missing", "frozen", "jumping")
        for joint in JOINTS
        for seed in range(setting.seeds)
    ]  # fmt: skip
    return setting.run("sensors", tasks, lie_down)


# Columns of which the summaries show means.
_MEANS = (
    "good", "v_error_mps", "yaw_error_rps", *metrics.STRIDES, "cost_of_transport", "up_s",
    "noticed_s", "told_s", "lies_s", "lean_deg", "sinks_mps", "remarks", "sat_down", "walks",
    "walks_again_s",
)  # fmt: skip


def summarise(by: tuple[str, ...], rows: Sequence[Row]) -> list[Row]:
    """Runs, falls and means of the rows that have the same values in the columns ``by``.

    ``falls_below`` is the rate of falls that the runs rule out with 95 % confidence.
    """
    kinds: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        kinds.setdefault(tuple(row[key] for key in by), []).append(row)
    columns = [key for key in _MEANS if key in rows[0]]
    found = []
    for kind, own in kinds.items():
        falls = sum(not math.isnan(row["fell_s"]) for row in own)
        found.append(
            {
                **dict(zip(by, kind, strict=True)),
                "runs": len(own),
                "falls": falls,
                "falls_below": rate_bound(falls, len(own)),
                **{key: _mean([row[key] for row in own]) for key in columns},
            }
        )
    return found


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _robustness_summary(rows: list[Row]) -> list[Row]:
    """By robot and ground, and over all grounds."""
    return summarise(("robot", "ground"), [*rows, *({**row, "ground": "all"} for row in rows)])


EXPERIMENTS: dict[str, Experiment[Setting]] = {
    "tracking": Experiment(tracking, figures.maps, partial(summarise, ("robot", "map"))),
    "gaits": Experiment(gaits, summarise=partial(summarise, ("robot", "gait"))),
    "transitions": Experiment(transitions, summarise=partial(summarise, ("robot",))),
    "robustness": Experiment(robustness, figures.robustness, _robustness_summary, REAL_OPTIONS),
    "hardware": Experiment(
        hardware_limits, summarise=partial(summarise, ("robot", "what", "value"))
    ),
    "pushes": Experiment(pushes, figures.pushes, partial(summarise, ("robot", "force"))),
    "commands": Experiment(commands, summarise=partial(summarise, ("robot", "kind"))),
    "recovery": Experiment(recovery, summarise=partial(summarise, ("robot", "start"))),
    "sensors": Experiment(sensors, summarise=partial(summarise, ("robot", "loss"))),
    "failures": Experiment(failures, summarise=partial(summarise, ("robot", "failure"))),
    "interruptions": Experiment(interruptions, summarise=partial(summarise, ("robot", "kind"))),
    "rhythms": contact_schedules,
    "lesions": Experiment(lesions, summarise=lesions_summary),
}

experiment = group("quadruped", EXPERIMENTS, Setting, OPTIONS)
