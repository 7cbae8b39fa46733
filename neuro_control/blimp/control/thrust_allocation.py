"""Two propellers on one shaft: a command becomes the way they point and how hard they pull."""

from __future__ import annotations

import math

from neuro_control.errors import ConfigurationError

# Commands lie between -LIMIT and LIMIT, without unit, as the gains of Burgers et al. have it.
LIMIT = 10.0
# Size of a command below which the propellers stand still.
DEAD_ZONE = 0.3
# Angles of the shaft, rad.
UP, DOWN = 0.0, math.pi


class Propulsion:
    """Turns a command into thrusts and the angle of the shaft.

    A command too small to turn the propellers leaves the shaft as it is, so that noise about zero
    doesn't wear out the servo.

    Source: Burgers, Stroobants and de Croon (arXiv 2309.12937), section III.

    Args:
        max_thrust: Of both propellers together at the command 10, N.

    Raises:
        ConfigurationError: The thrust is no number above 0.
    """

    def __init__(self, max_thrust: float) -> None:
        if not 0 < max_thrust < math.inf:
            raise ConfigurationError(f"max_thrust is a number of N above 0, not {max_thrust}")
        self.max_thrust = max_thrust
        self.reset()

    def reset(self) -> None:
        """Point the shaft up, as it is when a flight starts."""
        self.angle = UP

    def step(self, command: float) -> tuple[float, float]:
        """Thrust of each propeller, N, and angle of the shaft, rad.

        Args:
            command: In [-10, 10]; above 0 climbs.
        """
        if abs(command) < DEAD_ZONE:
            return 0.0, self.angle
        self.angle = UP if command > 0 else DOWN
        return abs(command) / LIMIT * self.max_thrust / 2, self.angle
