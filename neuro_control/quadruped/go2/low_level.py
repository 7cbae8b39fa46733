# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The low level: rules by which the Go2's motors are driven past its own controller.

These rules know neither clock nor messages: times come in, calls and drives go out.
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
from neuro_control.ros.safety.proof_of_life import DURATION, ProofOfLife

Array = NDArray[np.float64]

# How often the robot is asked whether its own controller has released the motors, and for how
# long, s.
_ASK, _TIMEOUT = 0.5, 5.0
# How long motors brake before the robot's own controller takes over again, s.
_BRAKED = 0.5
# How long commands must ask for rest before they drive motors that have braked, s, and torques that
# count as rest, as a part of the motors' largest. A gait controller that is to stand asks for more
# at least every second and a half.
_RESTED, _REST = 2.0, 0.1


class Drive(NamedTuple):
    """A command to the motors.

    Their torques are torques + stiffness (angles - their angles) + damping (speeds - their speeds).

    Attributes:
        angles: Reference angles in our order, as all of these, (12,), rad.
        speeds: Reference speeds, (12,), rad/s.
        torques: Torques, (12,), N m.
        stiffness: Stiffness, (12,), N m/rad.
        damping: Damping, (12,), N m s/rad.
    """

    angles: Array
    speeds: Array
    torques: Array
    stiffness: Array
    damping: Array


def limited(
    state: State, angles: Array, speeds: Array, efforts: Array, limits: UnitreeParameters
) -> Drive:
    """Drive whose torques are within the motors' limits, the terms of their own included.

    The whole torque is ``efforts`` at ``state``, clipped to the limits. Motors follow angles and
    speeds by themselves until the next command; the torque that this adds at ``state`` is
    subtracted. Where a joint is so far from its reference that the rest would be beyond the limits,
    its stiffness and damping are lowered until both fit.

    Args:
        state: Last state of the robot.
        angles: Reference angles, (12,), rad; clipped to the motors' range.
        speeds: Reference speeds, (12,), rad/s; clipped likewise.
        efforts: Whole torques, (12,), N m.
        limits: Parameters of the driver.
    """
    most = limits.torque_share * TORQUE
    angles = np.clip(angles, LOWEST, HIGHEST)
    speeds = np.clip(speeds, -SPEED, SPEED)
    whole = np.clip(efforts, -most, most)
    added = limits.stiffness * (angles - state.angles) + limits.damping * (speeds - state.speeds)
    room = most + np.sign(added) * whole
    part = np.minimum(1.0, room / np.maximum(np.abs(added), 1e-9))
    torques = np.clip(whole - part * added, -most, most)
    return Drive(angles, speeds, torques, part * limits.stiffness, part * limits.damping)


class Motors:
    """Rules by which motors are driven: only while unlocked, linked and commanded, else they brake.

    A motor that brakes is damped and follows no angle. Commands drive nothing before they have come
    for a second (``ros.proof_of_life``), and after a loss not before they have asked for rest:
    unlocking leaves the robot where it lies, whatever a gait controller commands meanwhile.

    Attributes:
        stage: locked (the robot's own controller has the motors), releasing, unlocked, braking
            (after a loss or an emergency stop, until somebody unlocks or locks), or returning.
        failed: Why the last unlocking failed, if it did.
        reason: Why the motors brake until somebody unlocks or locks.

    Args:
        limits: Parameters of the driver; may be replaced at any time.
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
        self.failed = self.reason = ""
        self._controller = ""  # name of the robot's own controller that released the motors
        self._state: State | None = None
        self._received = -math.inf  # when a state was received
        self._driven = -math.inf  # when a command was received
        self._asked = -math.inf
        self._since = -math.inf
        self._good_at = -math.inf  # when a good command was received, whether it drove or not
        self._life = ProofOfLife()
        self._resting = False  # whether commands must ask for rest before they drive
        self._moved = -math.inf  # when a command asked for more than rest

    @property
    def taken(self) -> bool:
        """Whether the motors are ours, not the robot's own controller's."""
        return self.stage in ("unlocked", "braking", "returning")

    def observe(self, now: float, state: State) -> None:
        """Take in a state."""
        self._received, self._state = now, state

    def linked(self, now: float) -> bool:
        """Whether states are received."""
        return now - self._received <= self.limits.state_timeout

    def commanded(self, now: float) -> bool:
        """Whether commands are received."""
        return now - self._driven <= self.limits.motor_timeout

    def unlock(self, now: float) -> None:
        """Take the motors, once the robot's own controller has released them."""
        self.failed = self.reason = ""
        if self.stage == "unlocked":
            return
        self._driven, self._since, self._asked = -math.inf, now, -math.inf
        self._moved = now
        self._life.forget()
        released = self.taken or not self.limits.release_sport
        self.stage = "unlocked" if released else "releasing"

    def lock(self, now: float) -> None:
        """Brake for a moment, then leave the motors to the robot's own controller."""
        if self.taken:
            self.stage, self._since = "returning", now
            self._drive(None)
        else:
            self.stage = "locked"

    def brake(self, reason: str) -> None:
        """Brake until somebody unlocks or locks."""
        if self.taken:
            self.stage, self.reason, self._resting = "braking", reason, True
            self._drive(None)
        else:
            self.stage = "locked"

    def pause(self) -> None:
        """Brake until the next command."""
        if self.taken:
            self._driven = -math.inf
            self._life.forget()
            self._drive(None)

    def answered(self, number: int, data: str) -> None:
        """Take in the answer to a call to the robot's switcher that was not refused.

        Raises:
            ValueError: The answer can't be understood.
        """
        if self.stage != "releasing":
            return
        if number == RELEASE_MODE.number:
            self._asked = -math.inf  # it has released the motors, or soon will: ask again
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
        """Drive the motors by a command whose ``efforts`` are the whole torques.

        Returns:
            Whether it was sent to the motors.
        """
        bridged = now - self._received <= self.limits.bridge_time
        if self.stage != "unlocked" or self._state is None or not bridged:
            return False
        if not self._proven(now, efforts):
            return False
        self._driven = now
        self._drive(limited(self._state, angles, speeds, efforts, self.limits))
        return True

    def _proven(self, now: float, efforts: Array) -> bool:
        """Whether commands have shown by now that they may drive the motors."""
        self._good_at = now
        self._life.add(now)
        if self._resting:
            if (np.abs(efforts) > _REST * TORQUE).any() or not self._life.given(now):
                self._moved = now
            self._resting = now - self._moved < _RESTED
        return not self._resting and self._life.given(now)

    def waits_for(self, now: float) -> str:
        """What an unlocked robot's motors wait for, empty if commands drive them."""
        if self.commanded(now):
            return ""
        if now - self._good_at > self.limits.motor_timeout:
            return "motors brake: no good joint_commands"
        if self._resting:
            return (
                "motors brake: after a loss joint_commands must ask for rest for "
                f"{_RESTED:g} s: call ~/lie_down of the gait controller, then its ~/stand_up"
            )
        return f"motors brake until good joint_commands have come for {DURATION:g} s without a gap"

    def tick(self, now: float) -> None:
        """Send what is due."""
        if self.stage == "releasing":
            if now - self._since > _TIMEOUT:
                self.stage = "locked"
                self.failed = (
                    f"the robot's own controller did not release the motors within {_TIMEOUT:g} s"
                )
            elif now - self._asked >= _ASK:
                self._asked = now
                self._call(CHECK_MODE)
            return
        if self.stage == "unlocked":
            if not self.linked(now):
                self.brake("the robot's states were lost")
            elif not self.commanded(now):
                self._drive(None)
            return
        if self.taken:
            self._drive(None)
        if self.stage == "returning" and now - self._since >= _BRAKED:
            self.stage = "locked"
            if self._controller:
                self._call(select_mode(self._controller))
