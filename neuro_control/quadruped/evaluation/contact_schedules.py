# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Contact schedules side by side: gaits over speed, tracking, cost of transport, pushes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.experiments import Experiment, Row, table_of
from neuro_control.cli.output import print_table, write_rows
from neuro_control.quadruped.control import oscillators
from neuro_control.quadruped.control.command import RANGES, Command, gait
from neuro_control.quadruped.control.contact_schedule import ContactSchedule
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.gait_scheduler import GaitScheduler
from neuro_control.quadruped.control.oscillators import Oscillators
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import LEGS, PERIOD
from neuro_control.quadruped.evaluation import contact_schedule_figures as figures
from neuro_control.quadruped.evaluation import metrics
from neuro_control.quadruped.evaluation.rollout import SPARSE, Record, random_push, rollout
from neuro_control.quadruped.evaluation.setting import CONTACT_SCHEDULE_OPTIONS, Setting
from neuro_control.quadruped.simulation.body import Body, world

Array = NDArray[np.float64]

# Commanded speeds of pushed walks, m/s, and their duration, s.
_PUSHED, _PUSHED_FOR = (0.0, 0.1, 0.5, 1.2), 6.0
# The commanded speed goes up and down between these, m/s, in steps of so many control steps.
_SLOW, _FAST, _STEPS = 0.1, 1.6, 50
# What is compared, and its colour: a scheduler's trot at the default frequency, at the lowest that
# a command may have, and at the oscillators' own; oscillators ignore a command's frequency.
_COMPARED = {
    "schedule, 3 Hz": "#444444",
    "schedule, 2 Hz": "#999999",
    "schedule, as slow": "#1f78b4",
    "oscillators": "#d95f02",
    "oscillators, load feedback": "#7570b3",
}
_LOAD = 0.2  # nS
_LOWEST = RANGES["frequency"][0]  # Hz
_METRICS = (
    "v_error_mps", "yaw_error_rps", "height_error_m", "roll_rad", "falls", "cost_of_transport",
    "step_ms_p50", "step_ms_p99",
)  # fmt: skip


class _OwnFrequency(GaitScheduler):
    """A gait scheduler at a frequency of its own, which may be below the lowest of a command."""

    def __init__(self, frequency: float) -> None:
        self._own = functools.cache(
            lambda command: dataclasses.replace(command, frequency=frequency)
        )
        super().__init__()

    def reset(self, command: Command) -> None:
        """Begin in the midst of that gait."""
        super().reset(self._own(command))

    def step(
        self,
        command: Command,
        period: float,
        longest: float = 1.0,
        forces: Array | None = None,
        velocity_error: float = 0.0,
    ) -> None:
        """Go on towards a command, as ``GaitScheduler`` has it."""
        super().step(self._own(command), period, longest, forces, velocity_error)


def _contact_schedule(name: str, speed: float) -> ContactSchedule:
    if name.endswith("as slow"):
        return _OwnFrequency(_oscillators_frequency(speed))
    if name.startswith("schedule"):
        return GaitScheduler()
    return Oscillators(load=_LOAD if name.endswith("load feedback") else 0.0)


def _oscillators_frequency(speed: float) -> float:
    """Frequency of the oscillators at a commanded speed, Hz."""
    drive = speed / oscillators.FASTEST
    cycle = np.interp(drive, oscillators.DRIVES, oscillators.SWINGS + oscillators.STANDS)
    return 1.0 / float(cycle)


def _command(name: str, speed: float) -> Command:
    frequency = max(_oscillators_frequency(speed), _LOWEST)
    if name.endswith("Hz"):
        frequency = float(name.split()[1])
    return gait("trot" if speed else "stand", forward=speed, frequency=frequency)


def expressed(leads: Array) -> str:
    """Gait of four feet.

    Left and right hind foot apart by less than a tenth of a cycle make a bound; apart by 0.4 to 0.6
    they make a walk, trot or pace, by how far apart fore and hind foot on a side are; the rest is
    a gallop.

    Args:
        leads: How long after RL each foot begins to swing, cycles, (4,).
    """
    fore, _, _, hind = (leads - leads[2]) % 1.0
    if min(hind, 1.0 - hind) < 0.1:
        return "bound"
    if abs(hind - 0.5) > 0.1:
        return "gallop"
    if min(fore, 1.0 - fore) < 0.125:
        return "pace"
    return "trot" if abs(fore - 0.5) < 0.125 else "walk"


class _Walk(NamedTuple):
    """A walk under one contact schedule, for an executor."""

    robot: str
    name: str
    speed: float
    seed: int
    seconds: float
    force: float = 0.0


def _simulate(walk: _Walk) -> tuple[Record, ContactSchedule]:
    schedule = _contact_schedule(walk.name, walk.speed)
    controller = QuadrupedController(
        find_robot(walk.robot), ControllerSettings(contact_schedule=schedule)
    )
    pushes = (random_push(walk.force, walk.seconds, walk.seed),) if walk.force else ()
    command = _command(walk.name, walk.speed)
    record = rollout(
        Body(world(walk.robot)), controller, command, walk.seconds, walk.seed, pushes, every=SPARSE
    )
    return record, schedule


def _measure(walk: _Walk) -> Row:
    """How a walk obeyed, and the gait at its end."""
    record, schedule = _simulate(walk)
    found = {
        **metrics.obeyed(record, _command(walk.name, walk.speed)),
        **metrics.timing(record),
        "falls": float(record.fell is not None),
    }
    leads = (schedule.phases[2] - schedule.phases) % 1.0
    return {
        "gait": expressed(leads),
        "frequency_hz": float(schedule.frequency),
        "duration": float(schedule.duration),
        **{name: found[name] for name in _METRICS},
    }


def _falls(walk: _Walk) -> Row:
    """Whether a walk ended with a fall."""
    return {"falls": int(_simulate(walk)[0].fell is not None)}


def _sweep(setting: Setting) -> list[Row]:
    """Walks under each contact schedule at many speeds."""
    tasks = [
        (
            {"robot": robot, "rhythm": name, "speed_mps": speed, "seed": seed},
            _Walk(robot, name, speed, seed, setting.seconds),
        )
        for robot in setting.robots
        for name in _COMPARED
        for speed in setting.speeds
        for seed in range(setting.seeds)
    ]
    return setting.run("rhythms", tasks, _measure)


def _pushes(setting: Setting) -> list[Row]:
    """Falls among pushed walks under each contact schedule at three speeds, and from a stand."""
    force, walks = setting.force, setting.pushes
    kinds: list[Row] = [
        {"robot": robot, "rhythm": name, "speed_mps": speed, "force_n": force, "walks": walks}
        for robot in setting.robots
        for name in _COMPARED
        for speed in _PUSHED
    ]
    tasks = [
        (
            {**kind, "seed": seed},
            _Walk(kind["robot"], kind["rhythm"], kind["speed_mps"], seed, _PUSHED_FOR, force),
        )
        for kind in kinds
        for seed in range(walks)
    ]
    falls = [row["falls"] for row in setting.run("rhythms_pushes", tasks, _falls)]
    return [
        {**kind, "falls": sum(falls[k * walks : (k + 1) * walks])} for k, kind in enumerate(kinds)
    ]


@functools.cache
def _trot(speed: float) -> Command:
    return gait("trot", forward=speed)


def _ramp(robot: str, ramp: float) -> tuple[list[Row], NDArray[np.bool_]]:
    """A walk whose speed goes up and down: a row for each cycle, and which feet swing, (T, 4)."""
    schedule, body = Oscillators(), Body(world(robot))
    controller = QuadrupedController(
        find_robot(robot), ControllerSettings(contact_schedule=schedule)
    )

    def speed(time: float) -> float:
        return round(_SLOW + (1.0 - abs(time / ramp - 1.0)) * (_FAST - _SLOW), 2)

    def command(time: float) -> Command:
        return _trot(speed(round(time / PERIOD) // _STEPS * _STEPS * PERIOD))

    def probe() -> tuple[Any, ...]:
        return schedule.drive, schedule.frequency, schedule.duration, schedule.stance.copy()

    record = rollout(body, controller, command, 2 * ramp, probe=probe)
    forward = record.truth.velocity[:, 0]
    swinging = ~np.array([stance for *_, stance in record.probed])
    starts = [np.flatnonzero(foot[1:] & ~foot[:-1]) for foot in swinging.T]
    rows = []
    for begin, end in zip(starts[2][:-1], starts[2][1:], strict=True):
        within = [own[(own >= begin) & (own < end)] for own in starts]
        if min(map(len, within)) == 0:
            continue
        leads = np.array([(own[0] - begin) / (end - begin) for own in within])
        time = begin * PERIOD
        drive, frequency, duration, _ = record.probed[begin]
        rows.append(
            {
                "robot": robot, "time_s": time, "way": "down" if time > ramp else "up",
                "speed_mps": speed(time), "drive": drive, "frequency_hz": frequency,
                "duration": duration, "forward_mps": float(np.mean(forward[begin:end])),
                **{f"lead_{leg}": lead for leg, lead in zip(LEGS, leads, strict=True)},
                "gait": expressed(leads),
            }
        )  # fmt: skip
    return rows, swinging


def compare(setting: Setting) -> list[Row]:
    """A gait scheduler and half-centre oscillators, side by side.

    Walks at many speeds, walks that are pushed, and one whose speed goes up and down.
    """
    cycles, swinging = setting.executor.submit(_ramp, setting.robots[0], setting.ramp).result()
    write_rows(setting.out / "rhythms_ramp.csv", cycles)
    figures.ramp(cycles, swinging, setting.out / "rhythms_gaits.png")
    rows = _sweep(setting)
    figures.sweep(rows, _COMPARED, setting.out / "rhythms_transport.png")
    if setting.pushes:
        pushed = _pushes(setting)
        write_rows(setting.out / "rhythms_pushes.csv", pushed)
        print_table(table_of(pushed, f"pushes of {setting.force:g} N for 0.2 s"))
    return rows


def summarise(rows: Sequence[Row]) -> list[Row]:
    """Gait, frequency, error, cost of transport and falls by robot, contact schedule and speed."""
    kinds: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        kinds.setdefault((row["robot"], row["rhythm"], row["speed_mps"]), []).append(row)
    return [
        {
            "robot": robot,
            "rhythm": name,
            "speed_mps": speed,
            "gait": "/".join(dict.fromkeys(row["gait"] for row in own)),
            "frequency_hz": own[0]["frequency_hz"],
            "v_error_mps": figures.mean_at(own, "v_error_mps", speed),
            "cost_of_transport": figures.mean_at(own, "cost_of_transport", speed),
            "falls": int(sum(row["falls"] for row in own)),
        }
        for (robot, name, speed), own in kinds.items()
    ]


contact_schedules = Experiment(compare, summarise=summarise, options=CONTACT_SCHEDULE_OPTIONS)
