"""When the Go2's motors may be driven past its own controller, and by what.

No clock and no messages: times come in, calls and drives go out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.go2.motors import HIGHEST, LOWEST, SPEED, TORQUE, State
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.sport import CHECK_MODE, RELEASE_MODE, Call, select_mode

Array = NDArray[np.float64]

# How often the robot is asked whether its own controller let go, and for how long, s.
_ASK, _PATIENCE = 0.5, 5.0
# How long motors brake before the robot's own controller takes over again, s.
_BRAKED = 0.5


class Drive(NamedTuple):
    """What motors are told: torques + stiffness (angles - theirs) + damping (speeds - theirs).

    Attributes:
        angles: (12,), rad, in our order, as all of these.
        speeds: (12,), rad/s.
        torques: (12,), N m.
        stiffness: N m/rad.
        damping: N m s/rad.
    """

    angles: Array
    speeds: Array
    torques: Array
    stiffness: float
    damping: float


class Motors:
    """Rules by which motors are driven: only while unlocked, linked and told to, else they brake.

    Attributes:
        stage: locked (the robot's own controller has the motors), releasing, unlocked, braking
            (after a loss or an emergency stop, until somebody unlocks or locks), or returning.
        failed: Why the last unlocking came to nothing, if it did.

    Args:
        limits: Its parameters; may be replaced at any time.
        call: Sends a call.
        drive: Sends a drive to the motors; for None they brake.
    """

    def __init__(
        self,
        limits: UnitreeParameters,
        call: Callable[[Call], None],
        drive: Callable[[Drive | None], None],
    ) -> None:
        self.limits = limits
        self._call, self._drive = call, drive
        self.stage = "locked"
        self.failed = ""
        self._controller = ""  # which of the robot's own let go
        self._state: State | None = None
        self._heard = -math.inf  # when a state came
        self._driven = -math.inf  # when a command came
        self._asked = -math.inf
        self._since = -math.inf

    @property
    def taken(self) -> bool:
        """Whether the motors are ours, not the robot's own controller's."""
        return self.stage in ("unlocked", "braking", "returning")

    def feel(self, now: float, state: State) -> None:
        """A state came."""
        self._heard, self._state = now, state

    def linked(self, now: float) -> bool:
        """Whether states come."""
        return now - self._heard <= self.limits.state_timeout

    def commanded(self, now: float) -> bool:
        """Whether commands come."""
        return now - self._driven <= self.limits.motor_timeout

    def unlock(self, now: float) -> None:
        """Take the motors, once the robot's own controller has let go of them."""
        self.failed = ""
        if self.stage == "unlocked":
            return
        self._driven, self._since, self._asked = -math.inf, now, -math.inf
        released = self.taken or not self.limits.release_sport
        self.stage = "unlocked" if released else "releasing"

    def lock(self, now: float) -> None:
        """Brake for a moment, then leave the motors to the robot's own controller."""
        if self.taken:
            self.stage, self._since = "returning", now
            self._drive(None)
        else:
            self.stage = "locked"

    def brake(self) -> None:
        """Brake until somebody unlocks or locks."""
        if self.taken:
            self.stage = "braking"
            self._drive(None)
        else:
            self.stage = "locked"

    def pause(self) -> None:
        """Brake until the next command."""
        if self.taken:
            self._driven = -math.inf
            self._drive(None)

    def told(self, number: int, data: str) -> None:
        """The robot answered a call to its switcher, and well.

        Raises:
            ValueError: The answer is none.
        """
        if self.stage != "releasing":
            return
        if number == RELEASE_MODE.number:
            self._asked = -math.inf  # it has let go, or soon will: ask again
        if number != CHECK_MODE.number:
            return
        answer = json.loads(data)
        name = answer.get("name") if isinstance(answer, dict) else None
        if not isinstance(name, str):
            raise ValueError(f"CheckMode was answered by {data[:80]!r}")
        if name:
            self._controller = name
            self._call(RELEASE_MODE)
        else:
            self.stage = "unlocked"
            self._drive(None)

    def drive(self, now: float, angles: Array, speeds: Array, efforts: Array) -> bool:
        """A command came; ``efforts`` are the torques all in all.

        Motors follow angles and speeds by themselves between two commands; what they add at the
        moment of the last state is taken off the torque, so that the whole is what was asked for.

        Returns:
            Whether it went to the motors.
        """
        if self.stage != "unlocked" or self._state is None or not self.linked(now):
            return False
        p, state = self.limits, self._state
        angles = np.clip(angles, LOWEST, HIGHEST)
        speeds = np.clip(speeds, -SPEED, SPEED)
        most = p.torque_share * TORQUE
        added = p.stiffness * (angles - state.angles) + p.damping * (speeds - state.speeds)
        torques = np.clip(efforts, -most, most) - added
        self._driven = now
        self._drive(Drive(angles, speeds, torques, p.stiffness, p.damping))
        return True

    def tick(self, now: float) -> None:
        """Send what is due."""
        if self.stage == "releasing":
            if now - self._since > _PATIENCE:
                self.stage = "locked"
                self.failed = f"the robot's own controller did not let go within {_PATIENCE:g} s"
            elif now - self._asked >= _ASK:
                self._asked = now
                self._call(CHECK_MODE)
            return
        if self.stage == "unlocked":
            if not self.linked(now):
                self.brake()
            elif not self.commanded(now):
                self._drive(None)
            return
        if self.taken:
            self._drive(None)
        if self.stage == "returning" and now - self._since >= _BRAKED:
            self.stage = "locked"
            if self._controller:
                self._call(select_mode(self._controller))
