# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Steering: from velocities in SI units to the circuit's inputs, from a target to velocities.

The motion that the circuit's inputs cause is measured (``calibrate.py``) and kept in a table; here
the table is inverted. Frames and signs are those of REP 103: a positive yaw rate turns left.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.control.policy import policy_file

Array = NDArray[np.float64]

_KIND = "a calibration of the swimmer's steering"


def fingerprint(circuit: Circuit) -> str:
    """Hash of body, weights, period and lead: the same for circuits that swim alike."""
    numbers = [circuit.joints, circuit.turn_joints, circuit.oscillator_period, circuit.lead]
    # Only the weights that are read, and one number where they are the same.
    turn = np.broadcast_to(circuit.weights.turn, (2, circuit.joints))[:, : circuit.turn_joints]
    numbers += np.unique(turn).tolist() if np.ptp(turn) == 0 else turn.ravel().tolist()
    arrays = [np.asarray(numbers, dtype=np.float64), *circuit.weights.synapses(circuit.joints)]
    digest = hashlib.sha256()
    for array in arrays:
        # Adding zero makes -0 and 0 the same.
        digest.update(np.ascontiguousarray(np.round(array, 9) + 0.0).tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Calibration:
    """What a body does at full tempo, measured over a grid of turn inputs.

    At a lower tempo it swims the same strokes more slowly (``Circuit.step``): forward speed and
    yaw rate are both ``tempo`` times those of the table, so that one grid holds for all.

    Attributes:
        turn: Turn inputs, (m,), rising from right to left: from above to below zero.
        speed: Forward speed at each, mean over a stroke in the head's frame, (m,), m/s.
        yaw_rate: Yaw rate at each, (m,), rad/s, strictly rising, from below to above zero.
        links: Links of the body.
        stroke: Duration of a stroke at full tempo, s.
        circuit: ``fingerprint`` of the circuit.

    Raises:
        ConfigurationError: The table can't be read backwards.
    """

    turn: Array
    speed: Array
    yaw_rate: Array
    links: int
    stroke: float
    circuit: str

    def __post_init__(self) -> None:
        columns = (self.turn, self.speed, self.yaw_rate)
        if len({column.shape for column in columns}) != 1 or self.turn.ndim != 1:
            raise ConfigurationError("turn, speed and yaw_rate of a calibration have one length")
        if not all(np.isfinite(column).all() for column in columns) or not self.stroke > 0:
            raise ConfigurationError("a calibration holds finite numbers and a stroke above 0 s")
        if (self.speed <= 0).any() or (np.abs(self.turn) > 1).any():
            raise ConfigurationError(
                "a calibration's speeds are above 0 and its turn inputs within -1 and 1"
            )
        for name, column in (("-turn", -self.turn), ("yaw_rate", self.yaw_rate)):
            if (np.diff(column) <= 0).any():
                raise ConfigurationError(f"{name} of a calibration rises from row to row")
        if (np.diff(self._curvature) <= 0).any():
            raise ConfigurationError("yaw_rate / speed of a calibration rises from row to row")
        if len(self.turn) < 3 or not self.yaw_rate[0] < 0 < self.yaw_rate[-1]:
            raise ConfigurationError("a calibration turns right as well as left")

    @cached_property
    def _curvature(self) -> Array:
        curvature: Array = self.yaw_rate / self.speed
        return curvature

    @cached_property
    def max_speed(self) -> float:
        """Forward speed straight ahead at full tempo, m/s."""
        return float(np.interp(0.0, self.yaw_rate, self.speed))

    @cached_property
    def max_yaw_rate(self) -> float:
        """Yaw rate that the body reaches to either side, rad/s."""
        return float(min(-self.yaw_rate[0], self.yaw_rate[-1]))

    @cached_property
    def turning_radius(self) -> float:
        """Radius of the tightest circle that the body swims to either side, at any tempo, m."""
        return float(1.0 / min(-self._curvature[0], self._curvature[-1]))

    def inputs(self, speed: float, yaw_rate: float) -> tuple[float, float]:
        """Tempo and turn inputs of the circuit for a forward speed (m/s) and a yaw rate (rad/s).

        Both zero is rest. What the body can't do is cut off where it ends, the yaw rate before
        the speed: a fast turn slows down; a turn tighter than the body's is swum as tight as it
        can, faster forwards than the reference. It doesn't swim backwards.

        Returns:
            Tempo in [0, 1] and turn in [-1, 1].
        """
        limit = self.max_yaw_rate
        yaw_rate = min(max(yaw_rate, -limit), limit)
        fastest = float(np.interp(yaw_rate, self.yaw_rate, self.speed))
        speed = min(max(speed, 0.0), fastest)
        if speed == 0.0 and yaw_rate == 0.0:
            return 0.0, 0.0
        tightest = 1.0 / self.turning_radius
        if abs(yaw_rate) > tightest * speed:
            speed = abs(yaw_rate) / tightest
            if speed == 0.0:
                return 0.0, 0.0  # a turn so slow that its speed is below the smallest number
        curvature = yaw_rate / speed
        turn = float(np.interp(curvature, self._curvature, self.turn))
        at_full_tempo = float(np.interp(curvature, self._curvature, self.speed))
        return min(speed / at_full_tempo, 1.0), turn

    def motion(self, tempo: float, turn: float) -> tuple[float, float]:
        """Forward speed (m/s) and yaw rate (rad/s) at these inputs, the inverse of ``inputs``."""
        # Rows between which both speeds are interpolated over curvature, as ``inputs`` does.
        curvature = np.interp(-turn, -self.turn, self._curvature)
        speed = tempo * float(np.interp(curvature, self._curvature, self.speed))
        return speed, float(curvature) * speed

    def check(self, circuit: Circuit) -> str:
        """What makes the table unfit for ``circuit``: nothing, or that its weights are others.

        Raises:
            ConfigurationError: It was measured with another body.
        """
        if circuit.joints + 1 != self.links:
            raise ConfigurationError(
                f"the calibration is that of {self.links} links, not {circuit.joints + 1}: "
                "measure one with `neuro-control calibrate swimmer`"
            )
        if fingerprint(circuit) != self.circuit:
            return "the calibration was measured with other weights: speeds will be off"
        return ""

    def save(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Write the table as safetensors, whole or not at all, with ``facts`` on its making."""
        arrays = {"turn": self.turn, "speed": self.speed, "yaw_rate": self.yaw_rate}
        own = {"links": self.links, "stroke": self.stroke, "circuit": self.circuit}
        weight_files.write(path, _KIND, arrays, {**facts, **own})

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Table that ``save`` wrote.

        Raises:
            ConfigurationError: There is no such file, or it holds no such table.
        """
        arrays, facts = weight_files.read(path, _KIND)
        try:
            columns = {name: np.asarray(arrays.pop(name), dtype=np.float64)
                       for name in ("turn", "speed", "yaw_rate")}  # fmt: skip
            return cls(
                **columns,
                links=int(facts["links"]),
                stroke=float(facts["stroke"]),
                circuit=str(facts["circuit"]),
            )
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"{path} lacks a part of a calibration: {error}") from error


def calibration_path(policy: str, links: int) -> Path:
    """Where the calibration of a policy on a body of ``links`` links lies, beside its file.

    Args:
        policy: As for ``policy.find_policy``.
        links: Links of the body.
    """
    file = policy_file(policy, links)
    if file is None:
        file = resources.share() / "config" / "weights" / "swimmer_ncap_unit.safetensors"
    return file.with_name(f"{file.stem}_steering_{links}_links.safetensors")


@dataclass(frozen=True)
class HeadingSettings:
    """Numbers of ``Heading``.

    Attributes:
        speed: Reference of the forward speed, m/s.
        stroke: Time over which the bearing is averaged, s.
        turning_radius: Radius of the tightest turn, m.
        reach: Distance from which the target counts as reached, m.
        control_period: Time between two steps, s.
        gain: Yaw rate per mean bearing, 1/s; with the default the swimmer does not waver, although
            its turns lag behind by a stroke.
        clear: Distance of a target from the centre of the tightest turn, in radii of it, from which
            a swimmer that went straight on turns towards it again.
    """

    speed: float
    stroke: float
    turning_radius: float
    reach: float
    control_period: float
    gain: float = 0.5
    clear: float = 2.0


class Heading:
    """Steers to a target and rests there: the target's bearing sets the yaw rate.

    The head swings from side to side with every stroke, so that what counts is the mean bearing
    over the last stroke. A target inside the circle of the tightest turn would be orbited for
    ever; the swimmer goes straight on until it lies well outside.

    Args:
        settings: Its numbers.
    """

    def __init__(self, settings: HeadingSettings) -> None:
        self.settings = settings
        length = max(round(settings.stroke / settings.control_period), 1)
        self._bearings: deque[complex] = deque(maxlen=length)
        self.reset()

    def reset(self) -> None:
        """Forget the bearings: at the start, and for another target."""
        self._bearings.clear()
        self._mean = 0j
        self.straight_on = False

    def step(self, bearing: float, distance: float) -> tuple[float, float]:
        """Velocities that lead to the target.

        Args:
            bearing: Bearing of the target in the head's frame, rad, above zero to the left.
            distance: Distance of the target, m.

        Returns:
            Forward speed (m/s) and yaw rate (rad/s).
        """
        bearings = self._bearings
        if len(bearings) == bearings.maxlen:
            self._mean -= bearings[0]
        bearings.append(complex(math.cos(bearing), math.sin(bearing)))
        self._mean += bearings[-1]
        mean = math.atan2(self._mean.imag, self._mean.real)

        settings = self.settings
        if distance <= settings.reach:
            return 0.0, 0.0
        radius = settings.turning_radius
        aside = math.hypot(distance * math.cos(mean), abs(distance * math.sin(mean)) - radius)
        # It goes on for a while, since the mean bearing and the turn lag behind by a stroke.
        self.straight_on = aside < (
            settings.clear * radius if self.straight_on else radius - settings.reach / 2
        )
        return settings.speed, 0.0 if self.straight_on else settings.gain * mean


def seek(
    circuits: list[Circuit], calibration: Calibration, reach: float, control_period: float
) -> Callable[[Array, int], Array]:
    """Policy of the navigate task, which steers circuits to their targets (``policy.Act``).

    Args:
        circuits: One circuit for each, at its start, (N,).
        calibration: Calibration of these circuits on this body.
        reach: Distance from which a target counts as reached, m.
        control_period: Time between two steps, s.

    Returns:
        Actions (N, n) for the observations (N, size) of ``env.SwimmerNavigate``.
    """
    settings = HeadingSettings(
        calibration.max_speed,
        calibration.stroke,
        calibration.turning_radius,
        reach,
        control_period,
    )
    headings = [Heading(settings) for _ in circuits]

    def act(observations: Array, step: int) -> Array:  # noqa: ARG001  # as Act has it
        actions = []
        for circuit, heading, observation in zip(circuits, headings, observations, strict=True):
            # The head looks along its -y axis, and x points to its left.
            left, back = observation[circuit.joints : circuit.joints + 2].tolist()
            velocities = heading.step(math.atan2(left, -back), math.hypot(left, back))
            tempo, turn = calibration.inputs(*velocities)
            actions.append(circuit.step(observation[: circuit.joints], 1.0, turn, tempo))
        return np.stack(actions)

    return act
