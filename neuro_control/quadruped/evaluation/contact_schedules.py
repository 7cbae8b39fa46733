"""Both rhythms side by side: gaits over speed, tracking, cost of transport, pushes.

CSV and figures come of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.cli.output import print_table, write_rows
from neuro_control.cli.plotting import figure
from neuro_control.learning.executors import workers
from neuro_control.quadruped.control import oscillators
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.contact_schedule import ContactSchedule
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.gait_scheduler import GaitScheduler
from neuro_control.quadruped.control.oscillators import Oscillators
from neuro_control.quadruped.control.robots import ROBOTS, find
from neuro_control.quadruped.control.types import LEGS, PERIOD
from neuro_control.quadruped.evaluation.evaluate import Trial, merits, walk
from neuro_control.quadruped.simulation.body import Body, world

Array = NDArray[np.float64]
Rows = list[dict[str, Any]]

_SPEEDS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.1, 1.2)
# Speeds at which it is pushed, m/s, and for how long it walks, s.
_PUSHED, _PUSHED_FOR = (0.1, 0.5, 1.2), 6.0
# The command's speed goes up and down between these, m/s, each way in this time, s.
_SLOW, _FAST, _RAMP = 0.1, 1.6, 30.0
# A schedule's trot at the frequency by default, at the least that a command takes, and at the
# oscillators' own; to oscillators a command's frequency is nothing.
_CONTENDERS = {
    "schedule, 3 Hz": "#444444",
    "schedule, 2 Hz": "#999999",
    "schedule, as slow": "#1f78b4",
    "oscillators": "#d95f02",
    "oscillators, load felt": "#7570b3",
}
_LOAD = 0.2  # nS
_FEET = dict(zip(LEGS, ("#1b9e77", "#d95f02", "#7570b3", "#e7298a"), strict=True))


def _rhythm(name: str) -> ContactSchedule:
    if name.startswith("schedule"):
        return GaitScheduler()
    return Oscillators(load=_LOAD if name.endswith("load felt") else 0.0)


def _command(name: str, speed: float) -> Command:
    if name.endswith("Hz"):
        return gait("trot", forward=speed, frequency=float(name.split()[1]))
    drive = speed / oscillators.FASTEST
    cycle = np.interp(drive, oscillators.DRIVES, oscillators.SWINGS + oscillators.STANDS)
    return gait("trot", forward=speed, frequency=1.0 / float(cycle))


def expressed(leads: Array) -> str:
    """Gait of four feet.

    Left and right hind foot apart by less than a tenth of a cycle make a bound, by 0.4 to 0.6 a
    walk, trot or pace, by what fore and hind foot on a side are apart; the rest is gallop.

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


def _leads(rhythm: ContactSchedule) -> Array:
    found: Array = (rhythm.phases[2] - rhythm.phases) % 1.0
    return found


def _sweep(robot: str, name: str, speeds: Sequence[float], seeds: int, seconds: float) -> Rows:
    """Walks of one rhythm at many speeds: a task for an executor."""
    body, rhythm = Body(world(robot)), _rhythm(name)
    controller = Gait(find(robot), rhythm)
    trial, mass, rows = Trial(robot, seconds), float(body.model.body_mass.sum()), []
    for speed in speeds:
        command = _command(name, speed)
        for seed in range(seeds):
            done = walk(body, controller, command, seed, trial)
            found = merits(done, command, mass, find(robot).height)
            rows.append(
                {
                    "robot": robot, "rhythm": name, "speed_mps": speed, "seed": seed,
                    "gait": expressed(_leads(rhythm)), "frequency_hz": rhythm.frequency,
                    "duration": rhythm.duration,
                    **{key: found[key] for key in (
                        "v_error_mps", "yaw_error_rps", "height_error_m", "roll_rad", "falls",
                        "cost_of_transport", "step_ms_p50", "step_ms_p99",
                    )},
                }
            )  # fmt: skip
    return rows


def _push(robot: str, name: str, seeds: int, force: float) -> Rows:
    """Walks of one rhythm that are pushed: a task for an executor."""
    body, controller = Body(world(robot)), Gait(find(robot), _rhythm(name))
    rows = []
    for speed in _PUSHED:
        command = _command(name, speed)
        trial = Trial(robot, _PUSHED_FOR, force)
        falls = sum(walk(body, controller, command, seed, trial).fallen for seed in range(seeds))
        rows.append(
            {"robot": robot, "rhythm": name, "speed_mps": speed, "force_n": force,
             "walks": seeds, "falls": falls}
        )  # fmt: skip
    return rows


def _ramp(robot: str, ramp: float) -> tuple[Rows, NDArray[np.bool_]]:
    """A walk whose speed goes up and down: a row for each cycle, and which feet swing, (T, 4)."""
    body, rhythm = Body(world(robot)), Oscillators()
    controller = Gait(find(robot), rhythm)
    body.reset(np.random.default_rng(0))
    told, stood = [], []
    for k in range(round(2 * ramp / PERIOD)):
        part = 1.0 - abs(k * PERIOD / ramp - 1.0)
        speed = round(_SLOW + part * (_FAST - _SLOW), 2)
        if k % 50 == 0:
            command = gait("trot", forward=speed)
        body.step(controller.step(body.observation, command).efforts)
        told.append((speed, rhythm.drive, rhythm.frequency, rhythm.duration, body.velocity[0]))
        stood.append(rhythm.stance)
        if body.fallen:
            break
    swinging = ~np.array(stood)
    starts = [np.flatnonzero(foot[1:] & ~foot[:-1]) for foot in swinging.T]
    rows = []
    for begin, end in zip(starts[2][:-1], starts[2][1:], strict=True):
        within = [own[(own >= begin) & (own < end)] for own in starts]
        if min(map(len, within)) == 0:
            continue
        leads = np.array([(own[0] - begin) / (end - begin) for own in within])
        speed, drive, frequency, duration, _ = told[begin]
        rows.append(
            {"robot": robot, "time_s": begin * PERIOD, "way": "down" if begin * PERIOD > ramp
             else "up", "speed_mps": speed, "drive": drive, "frequency_hz": frequency,
             "duration": duration, "forward_mps": float(np.mean([t[4] for t in told[begin:end]])),
             **{f"lead_{leg}": lead for leg, lead in zip(LEGS, leads, strict=True)},
             "gait": expressed(leads)}
        )  # fmt: skip
    return rows, swinging


@contextmanager
def _drawn(path: Path, rows: int, columns: int, width: float, height: float) -> Iterator[Any]:
    with figure(path, width, height) as drawn:
        axes = drawn.subplots(rows, columns, squeeze=False)
        for panel in axes.flat:
            panel.grid(alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
        yield axes


def _draw_ramp(rows: Rows, swinging: NDArray[np.bool_], path: Path) -> None:
    with _drawn(path, 2, 4, 14.0, 6.4) as axes:
        for column, name in enumerate(("walk", "trot", "gallop", "bound")):
            panel = axes[0, column]
            there = [row for row in rows if row["gait"] == name]
            if not there:
                panel.set_title(f"no {name}")
                continue
            row = there[len(there) // 2]
            start = round(row["time_s"] / PERIOD)
            shown = swinging[start : start + round(2.5 / row["frequency_hz"] / PERIOD)]
            time = np.arange(len(shown)) * PERIOD
            for foot, leg in enumerate(("RL", "FL", "RR", "FR")):
                stands = ~shown[:, LEGS.index(leg)]
                panel.fill_between(
                    time, foot - 0.4, foot + 0.4, where=stands, color=_FEET[leg], step="post", lw=0
                )
            panel.set_yticks(range(4), ("RL", "FL", "RR", "FR"))
            panel.set_xlabel("s; filled: stands")
            panel.set_title(f"{name}, {row['speed_mps']:.1f} m/s, drive {row['drive']:.2f}")
        for column, way in enumerate(("up", "down")):
            panel = axes[1, column]
            there = [row for row in rows if row["way"] == way]
            for leg in ("FL", "FR", "RR"):
                panel.plot(
                    [row["drive"] for row in there], [row[f"lead_{leg}"] for row in there], ".",
                    ms=4, color=_FEET[leg], label=leg,
                )  # fmt: skip
            panel.set_ylim(0, 1)
            panel.set_xlim((0, 1) if way == "up" else (1, 0))
            panel.set_xlabel(f"drive, going {way}")
            panel.set_ylabel("begins to swing after RL, cycles")
            panel.legend()
        for panel, key, label in (
            (axes[1, 2], "frequency_hz", "frequency, Hz"),
            (axes[1, 3], "duration", "part of the cycle that a foot stands"),
        ):
            for way, colour in (("up", "#d95f02"), ("down", "#7570b3")):
                there = [row for row in rows if row["way"] == way]
                panel.plot(
                    [row["drive"] for row in there], [row[key] for row in there], ".",
                    ms=4, color=colour, label=f"going {way}",
                )  # fmt: skip
            panel.set_xlabel("drive")
            panel.set_ylabel(label)
            panel.legend()


def _mean(rows: Sequence[Mapping[str, Any]], key: str, speed: float) -> float:
    values = np.array([row[key] for row in rows if row["speed_mps"] == speed], dtype=np.float64)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _draw_sweep(rows: Rows, path: Path) -> None:
    robots = list(dict.fromkeys(row["robot"] for row in rows))
    with _drawn(path, len(robots), 2, 9.6, 3.4 * len(robots)) as axes:
        speeds = sorted({row["speed_mps"] for row in rows})
        for robot, (cost, error) in zip(robots, axes, strict=True):
            for name, colour in _CONTENDERS.items():
                own = [row for row in rows if row["robot"] == robot and row["rhythm"] == name]
                for panel, key in ((cost, "cost_of_transport"), (error, "v_error_mps")):
                    means = [_mean(own, key, speed) for speed in speeds]
                    panel.plot(speeds, means, ".-", color=colour, label=name)
            cost.set_yscale("log")
            cost.set_ylabel(f"{robot}: cost of transport")
            error.set_ylabel("error of the velocity, m/s")
            error.set_ylim(bottom=0)
            for panel in (cost, error):
                panel.set_xlabel("commanded speed, m/s")
            cost.legend()


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("out/quadruped"),
    show_default=True, help="Folder of CSV files and figures.",
)  # fmt: skip
@click.option(
    "--robot", "robots", type=click.Choice(list(ROBOTS)), multiple=True, default=list(ROBOTS),
    show_default=True, help="Which; may be given many times.",
)  # fmt: skip
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=2, show_default=True,
    help="Walks at each speed.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(4, 600), default=8.0, show_default=True,
    help="Length of a walk.",
)  # fmt: skip
@click.option(
    "--pushes", type=click.IntRange(0, 1000), default=8, show_default=True,
    help="Walks with a push at each of the speeds where there is one.",
)  # fmt: skip
@click.option(
    "--force", type=click.FloatRange(0, 1000), default=100.0, show_default=True,
    help="Of a push of 0.2 s, N.",
)  # fmt: skip
@click.option(
    "--ramp", type=click.FloatRange(3, 600), default=_RAMP, show_default=True,
    help="Time in which the speed goes up, and down again, s.",
)  # fmt: skip
@click.option(
    "--speed", "speeds", type=click.FloatRange(0, 1.6), multiple=True, default=_SPEEDS,
    show_default=True, help="Of the walks, m/s; may be given many times.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes."
)
def rhythms(
    out: Path,
    robots: tuple[str, ...],
    seeds: int,
    seconds: float,
    pushes: int,
    force: float,
    ramp: float,
    speeds: tuple[float, ...],
    jobs: int,
) -> None:
    """Walk by a schedule and by half-centre oscillators, side by side."""
    with workers(jobs) as executor:
        ramped = executor.submit(_ramp, robots[0], ramp)
        pairs = [(robot, name) for robot in robots for name in _CONTENDERS]
        walks = [executor.submit(_sweep, *pair, speeds, seeds, seconds) for pair in pairs]
        pushed = [executor.submit(_push, *pair, pushes, force) for pair in pairs if pushes]
        cycles, swinging = ramped.result()
        swept = [row for future in walks for row in future.result()]
        fallen = [row for future in pushed for row in future.result()]
    out.mkdir(parents=True, exist_ok=True)
    write_rows(out / "rhythms_ramp.csv", cycles)
    write_rows(out / "rhythms.csv", swept)
    _draw_ramp(cycles, swinging, out / "rhythms_gaits.png")
    _draw_sweep(swept, out / "rhythms_transport.png")
    table = Table(title=f"both rhythms: {seeds} walks of {seconds:g} s at each speed")
    for head in ("robot", "rhythm", "speed (m/s)", "gait", "step (Hz)", "error (m/s)",
                 "cost of transport", "falls"):  # fmt: skip
        table.add_column(head)
    for robot, name in pairs:
        for speed in speeds:
            own = [r for r in swept if (r["robot"], r["rhythm"], r["speed_mps"])
                   == (robot, name, speed)]  # fmt: skip
            table.add_row(
                robot, name, f"{speed:g}", own[0]["gait"], f"{own[0]['frequency_hz']:.2f}",
                f"{_mean(own, 'v_error_mps', speed):.3f}",
                f"{_mean(own, 'cost_of_transport', speed):.2f}",
                str(int(sum(r["falls"] for r in own))),
            )  # fmt: skip
    print_table(table)
    if not fallen:
        return
    write_rows(out / "rhythms_pushes.csv", fallen)
    table = Table(title=f"pushes of {force:g} N for 0.2 s")
    for head in ("robot", "rhythm", "speed (m/s)", "falls"):
        table.add_column(head)
    for row in fallen:
        table.add_row(row["robot"], row["rhythm"], f"{row['speed_mps']:g}",
                      f"{row['falls']} of {row['walks']}")  # fmt: skip
    print_table(table)
