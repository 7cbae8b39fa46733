# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The table of a policy: which numbers it observes, and what its own numbers do.

It is a file of YAML beside the network:

    network: go2_goal.safetensors
    period: 0.1                 # s from one action to the next
    observation:                # in the order in which they were trained
      - {source: goal, numbers: [ahead, left], scale: 0.5, clip: 1.0}
      - {source: odom, numbers: [forward, yaw_rate]}
      - {source: action}
    action:
      command: gait_command     # or joint_commands
      numbers: [forward, yaw_rate]
      low: -1.0                 # the network's output is cut off here,
      high: 1.0
      scale: [0.5, 1.0]         # then scaled and shifted
      offset: [0.3, 0.0]

An observed number goes in as (number − offset) · scale, cut off at ±clip. Of ``joint_commands``,
``numbers`` are joints, ``mode`` is ``effort`` (N·m) or ``position`` (rad), which ``stiffness`` and
``damping`` turn into efforts, and ``limit`` is the largest effort. What is a list has a value for
each number; a single value holds for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_text
from neuro_control.policy.control.sources import JOINT_FIELDS, SOURCES
from neuro_control.quadruped.control.command import RANGES
from neuro_control.yaml_text import read_yaml

Array = NDArray[np.float64]

COMMANDS = ("gait_command", "joint_commands")
MODES = ("effort", "position")
# Longest time between two actions, s.
_LONGEST = 10.0


@dataclass(frozen=True)
class Term:
    """Observed numbers of one source, n of them.

    Attributes:
        source: One of ``sources.SOURCES``.
        numbers: Their names; empty for ``action``, which has as many as the action.
        offset: Taken off each, (n,).
        scale: By which each is then multiplied, (n,).
        clip: Bound of what comes of that.
    """

    source: str
    numbers: tuple[str, ...]
    offset: Array
    scale: Array
    clip: float

    def observed(self, values: Array) -> Array:
        """What the network gets of measured values (n,)."""
        found: Array = np.clip((values - self.offset) * self.scale, -self.clip, self.clip)
        return found


@dataclass(frozen=True)
class ActionTable:
    """What a network's output, (n,), does.

    Attributes:
        command: One of ``COMMANDS``.
        numbers: Numbers of a gait command, or joints.
        mode: Of joints: one of ``MODES``.
        low: Lowest output that counts, (n,).
        high: Highest, (n,).
        scale: By which it is multiplied, (n,).
        offset: What is then added, (n,).
        stiffness: Of the mode ``position``, N·m/rad, (n,).
        damping: N·m·s/rad, (n,).
        limit: Largest effort of each joint, N·m, (n,).
    """

    command: str
    numbers: tuple[str, ...]
    mode: str
    low: Array
    high: Array
    scale: Array
    offset: Array
    stiffness: Array
    damping: Array
    limit: Array

    def values(self, output: Array) -> Array:
        """Values of the numbers for an output of the network, both (n,)."""
        found: Array = np.clip(output, self.low, self.high) * self.scale + self.offset
        return found


@dataclass(frozen=True)
class PolicyTable:
    """A policy's table.

    Attributes:
        network: File of the network.
        period: Time from one action to the next, s.
        activation: Of hidden layers, where the file doesn't say it; empty for the default.
        observation: Terms in their order.
        action: What the network's output does.
    """

    network: Path
    period: float
    activation: str
    observation: tuple[Term, ...]
    action: ActionTable

    @property
    def size(self) -> int:
        """Number of observed numbers."""
        return sum(len(term.offset) for term in self.observation)

    def observed(self, measured: Mapping[str, Array], last: Array) -> NDArray[np.float32]:
        """What the network gets, (size,).

        Args:
            measured: For each source but ``action`` the values of all its terms, one after the
                other.
            last: The last action: the network's output within its bounds, (n,).
        """
        parts, taken = [], dict.fromkeys(measured, 0)
        for term in self.observation:
            if term.source == "action":
                parts.append(term.observed(last))
                continue
            first = taken[term.source]
            taken[term.source] = end = first + len(term.numbers)
            parts.append(term.observed(np.asarray(measured[term.source])[first:end]))
        return np.concatenate(parts).astype(np.float32)

    @classmethod
    def read(cls, path: Path) -> PolicyTable:
        """Table of a file.

        Raises:
            ConfigurationError: The file is missing, or an entry is unknown, missing or wrong.
        """
        try:
            return cls.of(read_yaml(read_text(path), str(path)), path.parent)
        except ConfigurationError as error:
            if str(path) in str(error):
                raise
            raise ConfigurationError(f"{path}: {error}") from error

    @classmethod
    def of(cls, described: Any, folder: Path) -> PolicyTable:
        """Table as YAML describes it; the network's file is looked for in ``folder``.

        Raises:
            ConfigurationError: As ``read``.
        """
        entries = _entries(
            "a policy's table", described, ("network", "period", "observation", "action"),
            ("activation",),
        )  # fmt: skip
        period = _number("period", entries["period"])
        if not 0.0 < period <= _LONGEST:
            raise ConfigurationError(f"period lies between 0 and {_LONGEST:g} s, not at {period}")
        action = _action(entries["action"])
        terms = entries["observation"]
        if not isinstance(terms, list) or not terms:
            raise ConfigurationError(f"observation is a list of terms, not {terms!r}")
        observation = tuple(_term(each, len(action.numbers)) for each in terms)
        return cls(
            folder / str(entries["network"]),
            period,
            str(entries.get("activation", "")),
            observation,
            action,
        )


def _entries(
    what: str, value: Any, needed: tuple[str, ...], others: tuple[str, ...]
) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{what} is a mapping with {', '.join(needed)}, not {value!r}")
    unknown = sorted(str(key) for key in value if key not in (*needed, *others))
    missing = [key for key in needed if key not in value]
    if unknown or missing:
        wrong = f"has no {', '.join(unknown)}" if unknown else f"lacks {', '.join(missing)}"
        raise ConfigurationError(f"{what} {wrong}: it has {', '.join((*needed, *others))}")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ConfigurationError(f"{name} is a finite number, not {value!r}")
    return float(value)


def _numbers(name: str, value: Any, count: int) -> Array:
    """``value``, or each of its items, for ``count`` numbers."""
    values = value if isinstance(value, list) else [value] * count
    if len(values) != count:
        raise ConfigurationError(f"{name} has {len(values)} values for {count} numbers")
    return np.array([_number(name, each) for each in values])


def _names(what: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ConfigurationError(f"numbers of {what} are a list of names, not {value!r}")
    if not value or len(set(value)) != len(value):
        raise ConfigurationError(f"numbers of {what} are different names, one at least")
    return tuple(value)


def _term(described: Any, actions: int) -> Term:
    entries = _entries(
        "a term of the observation", described, ("source",), ("numbers", "offset", "scale", "clip")
    )
    source = str(entries["source"])
    if source not in SOURCES:
        raise ConfigurationError(f"no source '{source}': there are {', '.join(SOURCES)}")
    names = _observed_names(source, entries)
    count = actions if source == "action" else len(names)
    clip = _number("clip", entries.get("clip", 1e6))
    if clip <= 0:
        raise ConfigurationError(f"clip is above 0, not {clip:g}")
    offset = _numbers("offset", entries.get("offset", 0.0), count)
    scale = _numbers("scale", entries.get("scale", 1.0), count)
    return Term(source, names, offset, scale, clip)


def _observed_names(source: str, entries: Mapping[str, Any]) -> tuple[str, ...]:
    if source == "action":
        if "numbers" in entries:
            raise ConfigurationError("the source action has no numbers: it is the whole action")
        return ()
    names = _names(source, entries.get("numbers"))
    known = SOURCES[source]
    if known is not None:
        unknown = [name for name in names if name not in known]
        there = ", ".join(known)
    else:
        wrong = source == "joints"
        unknown = [n for n in names if wrong and n.rpartition(".")[2] not in JOINT_FIELDS]
        there = "JOINT.position and JOINT.velocity"
    if unknown:
        raise ConfigurationError(f"{source} has no {', '.join(unknown)}: it has {there}")
    return names


def _action(described: Any) -> ActionTable:
    entries = _entries(
        "the action", described, ("command", "numbers"),
        ("mode", "low", "high", "scale", "offset", "stiffness", "damping", "limit"),
    )  # fmt: skip
    command, mode = str(entries["command"]), str(entries.get("mode", "effort"))
    if command not in COMMANDS:
        raise ConfigurationError(f"no command '{command}': there are {', '.join(COMMANDS)}")
    if mode not in MODES:
        raise ConfigurationError(f"no mode '{mode}': there are {', '.join(MODES)}")
    names = _names("the action", entries["numbers"])
    of_joints = command == "joint_commands"
    unknown = [name for name in names if not of_joints and name not in RANGES]
    if unknown:
        raise ConfigurationError(
            f"a gait command has no {', '.join(unknown)}: it has {', '.join(RANGES)}"
        )
    if of_joints and "limit" not in entries:
        raise ConfigurationError("joint_commands need limit, the largest effort in N·m")
    defaults = {"low": -1e6, "high": 1e6, "scale": 1.0, "offset": 0.0,
                "stiffness": 0.0, "damping": 0.0, "limit": 0.0}  # fmt: skip
    arrays = {
        name: _numbers(name, entries.get(name, default), len(names))
        for name, default in defaults.items()
    }
    if (arrays["low"] > arrays["high"]).any() or (arrays["limit"] < 0).any():
        raise ConfigurationError("low is at most high, and limit not below 0")
    return ActionTable(command, names, mode, **arrays)
