# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Observation, command, period and constants of the blimp's altitude control."""

from __future__ import annotations

import math
from typing import NamedTuple

CONTROL_PERIOD = 0.1  # s
# Control laws answer with a command between -FULL_COMMAND and FULL_COMMAND, which has no unit and
# climbs above 0, as the gains of Burgers et al. (arXiv 2309.12937) have it.
FULL_COMMAND = 10.0
# Names of the actuators, in the model and in messages.
PROPELLERS = ("left_propeller", "right_propeller")
SERVO = "servo"
ACTUATORS = (*PROPELLERS, SERVO)
# Angles of the propellers' shaft, rad.
UP, DOWN = 0.0, math.pi


class Observation(NamedTuple):
    """What an altitude controller sees in one control period.

    Attributes:
        distance: Reading of the downward lidar, m. As REP 117 has it, -inf is too close, inf is
            nothing in range, and NaN is no measurement.
        set_point: Reference altitude of the lidar above the floor, m.
    """

    distance: float
    set_point: float


class ThrustCommand(NamedTuple):
    """What the actuators are commanded, in the order of ``ACTUATORS``.

    Attributes:
        left: Thrust of the left propeller, N.
        right: Thrust of the right propeller, N.
        angle: Angle of the shaft that carries both, rad; 0 pulls up, π down.
    """

    left: float
    right: float
    angle: float
