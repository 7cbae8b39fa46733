# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reports of runs: facts that every robot's report shares, and the table on the screen."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.yaml_text import read_yaml

# What a recording of the simulation is compared by.
_STATE = ("time", "qpos", "qvel", "ctrl")


def settings_of(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What a scenario's report reads of the nodes' parameters.

    Args:
        parameters: All parameters of each node that acted, by its name, the simulation's first.

    Returns:
        The simulation's parameters, their ``model_arguments`` read, and under ``nodes`` those of
        the other nodes by name.
    """
    simulation, *others = parameters
    settings = dict(parameters[simulation])
    settings["model_arguments"] = (
        read_yaml(settings.get("model_arguments", "{}"), "model_arguments") or {}
    )
    return {**settings, "nodes": {name: parameters[name] for name in others}}


def run_facts(recording: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the reports of all simulated runs end with.

    Args:
        recording: Arrays of ``simulation.recording.Recording``.
        settings: Parameters of the simulation node.

    Returns:
        ``real_time_factor``, ``latency_ms`` (p50 and p99 from observation to command), ``seed``,
        and ``state_sha256`` over all times, positions, velocities and controls, by which two runs
        can be compared.
    """
    wall = float(recording["wall_time"])
    return {
        "real_time_factor": float(recording["time"][-1]) / wall if wall > 0 else 0.0,
        "latency_ms": latency_ms(recording["latency"]),
        "seed": int(settings["seed"]),
        "state_sha256": sha256(recording, _STATE),
    }


def latency_ms(latencies: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Median and 99th percentile of latencies (n,), s, in ms; NaN if there are none."""
    p50, p99 = np.percentile(latencies if len(latencies) else [np.nan], [50, 99]) * 1e3
    return {"p50": float(p50), "p99": float(p99)}


def sha256(recording: Mapping[str, NDArray[Any]], names: Sequence[str]) -> str:
    """Hash of the arrays ``names`` of a recording."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(np.ascontiguousarray(recording[name]).tobytes())
    return digest.hexdigest()


def summary_table(summary: Mapping[str, Any], needs: Mapping[str, str]) -> tuple[Table, list[str]]:
    """A run's metrics as a table, and why some of them are missing from it.

    Args:
        summary: Metrics by name; a metric may have parts by name.
        needs: By metric: what a run must have for the metric to be a number.

    Returns:
        The table of the metrics that are numbers or texts, and one sentence for each need that the
        run did not meet.
    """
    table = Table("metric")
    table.add_column("value", overflow="fold")
    missing: dict[str, list[str]] = {}
    for metric, whole in summary.items():
        parts = whole if isinstance(whole, dict) else {"": whole}
        for part, value in parts.items():
            name = f"{metric} {part}".rstrip()
            if isinstance(value, float) and math.isnan(value):
                missing.setdefault(needs.get(metric, "a longer run"), []).append(name)
            else:
                table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    return table, [f"without {', '.join(names)}: needs {need}" for need, names in missing.items()]
