# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Gaits of the oscillators' circuit alone, intact and without some of its neurons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.experiments import Row
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.oscillators import Oscillators
from neuro_control.quadruped.control.types import LEGS, PERIOD
from neuro_control.quadruped.evaluation.contact_schedules import expressed
from neuro_control.quadruped.evaluation.setting import Setting

# What a circuit lacks. V0 neurons are all that drive left and right apart.
LESIONS: dict[str, tuple[str, ...]] = {
    "intact": (),
    "no V0V": ("V0V", "V0VDiag"),
    "no V0D": ("V0D", "V0D2", "V0DDiag"),
    "no V0": ("V0V", "V0VDiag", "V0D", "V0D2", "V0DDiag"),
    "no V3": ("V3",),
    "no diagonal V0V": ("V0VDiag",),
}
_DRIVES = (0.06, 0.08, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
# From rest the circuit settles for so long, and is then watched, s.
_SETTLES, _WATCHED = 12.0, 6.0
_COMMAND = gait("trot", forward=0.5)


class _Circuit(NamedTuple):
    """A circuit under a drive: a task for an executor."""

    lesion: str
    drive: float


def leads(swinging: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """How long after RL each foot begins to swing, as parts of a cycle, (4,), and the cycle, s.

    Args:
        swinging: Which feet swing at each control step, (T, 4).
    """
    starts = [np.flatnonzero(foot[1:] & ~foot[:-1]) for foot in swinging.T]
    cycle = float(np.diff(starts[2]).mean())
    turns = [np.exp(2j * np.pi * (own[:, None] - starts[2][None]) / cycle).mean() for own in starts]
    found: NDArray[np.float64] = np.angle(turns) / (2 * np.pi) % 1.0
    return found, cycle * PERIOD


def _oscillate(task: _Circuit) -> Row:
    """Gait, frequency and duty factor of a circuit that has settled."""
    circuit = Oscillators(task.drive, silenced=LESIONS[task.lesion])
    for _ in range(round(_SETTLES / PERIOD)):
        circuit.step(_COMMAND, PERIOD)
    stances = []
    for _ in range(round(_WATCHED / PERIOD)):
        circuit.step(_COMMAND, PERIOD)
        stances.append(circuit.stance)
    swinging = ~np.array(stances)
    steps = int((swinging[1:] & ~swinging[:-1]).sum(axis=0).min())
    if steps < 2:  # a limb that doesn't step has no place in a gait
        return {"gait": "none", "frequency_hz": 0.0, "duty_factor": float((~swinging).mean())} | {
            f"lead_{leg}": np.nan for leg in LEGS
        }
    found, cycle = leads(swinging)
    return {
        "gait": expressed(found),
        "frequency_hz": 1.0 / cycle,
        "duty_factor": float((~swinging).mean()),
        **{f"lead_{leg}": float(lead) for leg, lead in zip(LEGS, found, strict=True)},
    }


def lesions(setting: Setting) -> list[Row]:
    """Gait of the oscillators' circuit by its drive, without body: intact and with lesions."""
    tasks: list[tuple[Row, _Circuit]] = [
        ({"lesion": lesion, "drive": drive}, _Circuit(lesion, drive))
        for lesion in LESIONS
        for drive in _DRIVES
    ]
    return setting.run("lesions", tasks, _oscillate)


def summarise(rows: list[Row]) -> list[Row]:
    """A row for each lesion, with the gait at each drive."""
    return [
        {"lesion": lesion}
        | {f"{row['drive']:g}": row["gait"] for row in rows if row["lesion"] == lesion}
        for lesion in dict.fromkeys(row["lesion"] for row in rows)
    ]
