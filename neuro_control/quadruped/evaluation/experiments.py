"""What the quadruped's gait layer is claimed to do, each tried by one command: CSV and figure."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from neuro_control.cli.output import print_table, remarks, write_rows
from neuro_control.learning.executors import workers
from neuro_control.quadruped.control.command import GAITS, RANGES, Command, gait
from neuro_control.quadruped.control.robots import ROBOTS
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quadruped.evaluation import figures
from neuro_control.quadruped.evaluation.contact_schedules import rhythms
from neuro_control.quadruped.evaluation.evaluate import SETTLING
from neuro_control.quadruped.evaluation.trials import (
    Loss,
    Push,
    Row,
    Task,
    lie_down,
    measure,
    rise,
    survive,
    walk,
)
from neuro_control.quadruped.simulation.body import STARTS

# What is asked of the gait layer: errors of velocities are within the larger of two, m/s or rad/s
# and a part of what was commanded; those of the height within this, m; roll, degrees.
_SMALL, _PART, _HEIGHT, _ROLL = 0.03, 0.05, 0.01, 5.0
_SPEED = 0.5  # m/s, of all that is not about velocities
_FORWARD, _LEFT = (-0.5, 0.0, 0.5, 1.0, 1.5), (-0.3, 0.0, 0.3)
_YAW_RATE = (-1.0, -0.5, 0.0, 0.5, 1.0)
_HEIGHTS = (0.18, 0.20, 0.22, 0.24, 0.26, 0.28, 0.30, 0.32, 0.34)
_FREQUENCIES, _SWINGS = (2.0, 2.5, 3.0, 3.5, 4.0), (0.03, 0.05, 0.07, 0.09, 0.11, 0.13, 0.15)
_WALKED = tuple(name for name in GAITS if name != "stand")
_PUSH, _FORCES = 100.0, tuple(float(force) for force in range(100, 451, 50))  # N
# Of random sequences: how long a command holds and how many there are.
_HOLD, _IN_TURN = 2.0, 6
# Transitions: how long the first gait goes on, and the second, s.
_BEFORE, _AFTER = 4.0, 16.0


@dataclasses.dataclass(frozen=True)
class Setting:
    """How an experiment is done.

    Attributes:
        out: Folder of CSV files and figures.
        robots: Which.
        seeds: Runs of what is drawn at random.
        executor: Where walks are walked.
    """

    out: Path
    robots: tuple[str, ...]
    seeds: int
    executor: Executor

    def run(
        self, name: str, tasks: Sequence[tuple[Row, Task]], measured: Callable[[Task], Row]
    ) -> list[Row]:
        """Rows of tasks, each what it is called and what came of it.

        Rows that are done are kept in a file beside the results until all are: what was cut off
        goes on there.
        """
        kept = self.out / f"{name}.progress"
        done: dict[str, Row] = {}
        if kept.exists():
            # The last line may have been cut off.
            for line in kept.read_text().splitlines():
                try:
                    key, row = json.loads(line)
                except ValueError:
                    continue
                done[key] = row
        labels = [json.dumps(label) for label, _ in tasks]
        with (
            kept.open("a") as file,
            Progress(
                TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                console=remarks, transient=True, disable=not remarks.is_terminal,
            ) as bar,
        ):  # fmt: skip
            shown = bar.add_task("", total=len(tasks), completed=len(done))
            futures = {
                self.executor.submit(measured, task): label
                for label, (_, task) in zip(labels, tasks, strict=True)
                if label not in done
            }
            try:
                for future in as_completed(futures):
                    label = futures[future]
                    done[label] = future.result()
                    file.write(json.dumps([label, done[label]]) + "\n")
                    file.flush()
                    bar.advance(shown)
            finally:
                for future in futures:
                    future.cancel()
        rows = [{**own, **done[label]} for label, (own, _) in zip(labels, tasks, strict=True)]
        kept.unlink()
        return rows


def good(row: Row) -> bool:
    """Whether a walk of ``tracking`` is as it should be."""
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
    tasks: list[tuple[Row, Task]] = [
        (
            {
                "robot": robot, "map": name, "vx": command.forward, "vy": command.left,
                "yaw": command.yaw_rate, "z": round(0.3 + command.height, 6),
                "hz": command.frequency, "lift": command.swing,
            },
            Task(robot, (command,), seed=seed),
        )
        for robot in setting.robots
        for seed, (name, command) in enumerate(cases)
    ]  # fmt: skip
    rows = setting.run("tracking", tasks, measure)
    for row in rows:
        row["good"] = good(row)
    figures.maps(rows, setting.out / "tracking.png")
    return rows


def gaits(setting: Setting) -> list[Row]:
    """Trot, walk, pace, bound and pronk at 0.5 m/s for 20 s, and when which foot stands."""
    tasks: list[tuple[Row, Task]] = [
        (
            {"robot": robot, "gait": name, "seed": seed},
            Task(robot, (gait(name, forward=_SPEED),), seed=seed),
        )
        for robot in setting.robots
        for name in _WALKED
        for seed in range(setting.seeds)
    ]
    rows = setting.run("gaits", tasks, measure)
    records = {
        name: walk(Task(setting.robots[0], (gait(name, forward=_SPEED),), seconds=5.0))
        for name in _WALKED
    }
    figures.gaits(records, setting.out / "gaits.png")
    return rows


def transitions(setting: Setting) -> list[Row]:
    """From each gait to each other at 0.5 m/s."""
    tasks: list[tuple[Row, Task]] = [
        (
            {"robot": robot, "from": first, "to": then, "seed": seed},
            Task(
                robot, (gait(first, forward=_SPEED), gait(then, forward=_SPEED)),
                _BEFORE, _BEFORE + _AFTER, seed,
            ),
        )
        for robot in setting.robots
        for first, then in itertools.permutations(GAITS, 2)
        for seed in range(setting.seeds)
    ]  # fmt: skip
    return setting.run("transitions", tasks, survive)


def _endured(robot: str, seed: int) -> tuple[Row, Task]:
    """A walk at 0.5 m/s on some ground with some load, pushed once."""
    rng = np.random.default_rng([seed, 200])
    direction, ground = seed % 8, ("flat", "slope", "rubble")[seed % 3]
    friction, payload = rng.uniform(0.4, 1.0), rng.uniform(-3.0, 3.0)
    slope = math.radians(rng.uniform(0.0, 15.0)) if ground == "slope" else 0.0
    rises = rng.uniform(-math.pi, math.pi) if ground == "slope" else 0.0
    begins = SETTLING + rng.uniform(0.0, 15.0)
    world: dict[str, Any] = {"friction": friction, "payload": payload, "seed": seed}
    if ground == "rubble":
        world |= {"terrain": "rough", "height": 0.05}
    row = {
        "robot": robot, "seed": seed, "push_deg": 45 * direction, "push_s": begins,
        "ground": ground, "friction": friction, "payload_kg": payload,
        "slope_deg": math.degrees(slope), "rises_deg": math.degrees(rises),
    }  # fmt: skip
    push = Push(begins, _PUSH, direction * math.pi / 4)
    command = gait("trot", forward=_SPEED)
    return row, Task(robot, (command,), seed=seed, push=push, tilt=(slope, rises), world=world)


def robustness(setting: Setting) -> list[Row]:
    """Walks of 20 s at 0.5 m/s with everything at once, drawn by a seed.

    A push of 100 N for 0.2 s from one of 8 directions, friction 0.4 to 1, a payload of -3 to 3 kg,
    and flat ground, a slope to 15° that rises any way, or 5 cm of rubble.
    """
    tasks = [_endured(robot, seed) for robot in setting.robots for seed in range(setting.seeds)]
    rows = setting.run("robustness", tasks, measure)
    figures.robustness(rows, setting.out / "robustness.png")
    return rows


def pushes(setting: Setting) -> list[Row]:
    """A trot at 0.5 m/s pushed for 0.2 s harder and harder, at phases that differ by seed."""
    tasks: list[tuple[Row, Task]] = [
        (
            {"robot": robot, "push_deg": 45 * way, "force": force, "seed": seed},
            Task(
                robot, (gait("trot", forward=_SPEED),), seconds=7.0, seed=seed,
                push=Push(SETTLING + 0.1 * seed, force, way * math.pi / 4),
            ),
        )
        for robot in setting.robots
        for way in range(8)
        for force in _FORCES
        for seed in range(setting.seeds)
    ]  # fmt: skip
    rows = setting.run("pushes", tasks, survive)
    figures.pushes(rows, setting.out / "pushes.png")
    return rows


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
    tasks: list[tuple[Row, Task]] = []
    for robot in setting.robots:
        for kind in ("any", "presets"):
            for seed in range(setting.seeds):
                rng = np.random.default_rng([seed, 7])
                turns = tuple(drawn(rng, kind) for _ in range(_IN_TURN))
                task = Task(robot, turns, _HOLD, _HOLD * _IN_TURN, seed)
                tasks.append(({"robot": robot, "kind": kind, "seed": seed}, task))
    return setting.run("commands", tasks, survive)


def recovery(setting: Setting) -> list[Row]:
    """Onto the feet from every start; and, as a figure, a push of 100 N from the left."""
    tasks: list[tuple[Row, Task]] = [
        (
            {"robot": robot, "start": start, "seed": seed},
            Task(
                robot, (gait("trot", forward=_SPEED),), seconds=8.0, seed=seed,
                world={"start": start},
            ),
        )
        for robot in setting.robots
        for start in STARTS
        for seed in range(setting.seeds)
    ]  # fmt: skip
    rows = setting.run("recovery", tasks, rise)
    robot, command = setting.robots[0], (gait("trot", forward=_SPEED),)
    push = Push(4.0, _PUSH, -math.pi / 2)
    pushed = walk(Task(robot, command, seconds=6.5, push=push))
    figures.push(pushed, push, setting.out / "push.png")
    figures.rising(
        {
            start: walk(Task(robot, command, seconds=8.0, world={"start": start}))
            for start in STARTS
        },
        setting.out / "rising.png",
    )
    return rows


def sensors(setting: Setting) -> list[Row]:
    """Each joint's sensor lost in the midst of a trot, in three ways, at phases by seed."""
    tasks: list[tuple[Row, Task]] = [
        (
            {"robot": robot, "loss": kind, "joint": name, "seed": seed},
            Task(
                robot, (gait("trot", forward=_SPEED),), seconds=SETTLING + 1.5, seed=seed,
                loss=Loss(SETTLING + 0.08 * seed, joint, kind),
            ),
        )
        for robot in setting.robots
        for kind in ("missing", "frozen", "jumping")
        for joint, name in enumerate(JOINTS)
        for seed in range(setting.seeds)
    ]  # fmt: skip
    return setting.run("sensors", tasks, lie_down)


EXPERIMENTS: dict[str, Callable[[Setting], list[Row]]] = {
    "tracking": tracking,
    "gaits": gaits,
    "transitions": transitions,
    "robustness": robustness,
    "pushes": pushes,
    "commands": commands,
    "recovery": recovery,
    "sensors": sensors,
}
# How falls are counted: by what.
_COUNTED = {
    "tracking": ("robot", "map"),
    "gaits": ("robot", "gait"),
    "transitions": ("robot",),
    "robustness": ("robot", "ground"),
    "pushes": ("robot", "force"),
    "commands": ("robot", "kind"),
    "recovery": ("robot", "start"),
    "sensors": ("robot", "loss"),
}


# Of what means are told.
_MEANS = (
    "v_error_mps", "yaw_error_rps", "cost_of_transport", "up_s", "told_s", "lies_s",
    "lean_deg", "sinks_mps", "remarks",
)  # fmt: skip


def _table(name: str, rows: Sequence[Row]) -> Table:
    """Runs, falls and means by kind."""
    numbers = [key for key in _MEANS if key in rows[0]]
    table = Table(*_COUNTED[name], "runs", "falls", *numbers, title=name)
    kinds = dict.fromkeys(tuple(str(row[key]) for key in _COUNTED[name]) for row in rows)
    for kind in kinds:
        own = [row for row in rows if tuple(str(row[key]) for key in _COUNTED[name]) == kind]
        falls = sum(not math.isnan(row["fell_s"]) for row in own)
        values = np.array([[row[key] for key in numbers] for row in own]).reshape(len(own), -1)
        known = [column[np.isfinite(column)] for column in values.T]
        means = [f"{column.mean():.4g}" if len(column) else "" for column in known]
        table.add_row(*kind, str(len(own)), str(falls), *means)
    return table


_OPTIONS = (
    click.option(
        "--robot", "robots", type=click.Choice(list(ROBOTS)), multiple=True, default=tuple(ROBOTS),
        show_default="all", help="Which; may be given more than once.",
    ),
    click.option(
        "--seeds", type=click.IntRange(1, 10_000), default=1, show_default=True,
        help="Runs of what is drawn at random; `robustness` asks for 200.",
    ),
    click.option(
        "--workers", "jobs", type=click.IntRange(1, 1000), default=len(os.sched_getaffinity(0)),
        show_default="one a core", help="Walks at the same time.",
    ),
    click.option("--cluster", help="Address of a dask scheduler whose workers walk instead."),
    click.option(
        "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/quadruped"),
        show_default=True, help="Folder of CSV files and figures.",
    ),
)  # fmt: skip


@click.group()
def experiment() -> None:
    """Try a claim about the quadruped's gait layer; what was cut off goes on."""


def _command(name: str, tried: Callable[[Setting], list[Row]]) -> click.Command:
    def command(
        robots: tuple[str, ...], seeds: int, jobs: int, cluster: str | None, out: Path
    ) -> None:
        out.mkdir(parents=True, exist_ok=True)
        with workers(jobs, cluster) as executor:
            rows = tried(Setting(out, robots, seeds, executor))
        write_rows(out / f"{name}.csv", rows)
        print_table(_table(name, rows))
        if name == "tracking":
            remarks.print(f"{sum(row['good'] for row in rows)} of {len(rows)} within what is asked")
        remarks.print(f"written to {out}")

    for option in reversed(_OPTIONS):
        command = option(command)
    return click.command(name, help=tried.__doc__)(command)


for _name, _tried in EXPERIMENTS.items():
    experiment.add_command(_command(_name, _tried))
experiment.add_command(rhythms)
