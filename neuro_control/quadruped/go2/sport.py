# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The high level: requests to the Go2's own controller, and the rules by which they are sent.

Numbers and parameters after Unitree's own sources (unitree_ros2, unitree_sdk2_python,
BSD-3-Clause). These rules know neither clock nor messages: times come in, calls go out.
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from neuro_control.quadruped.go2.parameters import UnitreeParameters


class Service(str, enum.Enum):
    """Service that a request is sent to."""

    SPORT = "sport"
    SWITCHER = "motion_switcher"


class Call(NamedTuple):
    """A request to one of the robot's services.

    Attributes:
        name: Unitree's name of it.
        number: Its api_id.
        values: Its parameters.
        answered: Whether the robot is to answer.
        service: The service that it is sent to.
    """

    name: str
    number: int
    values: dict[str, Any]
    answered: bool = True
    service: Service = Service.SPORT

    @property
    def parameter(self) -> str:
        """Parameters as the request carries them: JSON."""
        return json.dumps(self.values)


DAMP = Call("Damp", 1001, {})
BALANCE_STAND = Call("BalanceStand", 1002, {})
STOP_MOVE = Call("StopMove", 1003, {})
STAND_UP = Call("StandUp", 1004, {})
STAND_DOWN = Call("StandDown", 1005, {})
RECOVERY_STAND = Call("RecoveryStand", 1006, {})
EULER, MOVE, BODY_HEIGHT, SPEED_LEVEL = 1007, 1008, 1013, 1015
CHECK_MODE = Call("CheckMode", 1001, {}, service=Service.SWITCHER)
RELEASE_MODE = Call("ReleaseMode", 1003, {}, service=Service.SWITCHER)


def euler(roll: float, pitch: float) -> Call:
    """Lean the trunk: right side down, nose down, rad."""
    return Call("Euler", EULER, {"x": roll, "y": pitch, "z": 0.0})


def move(forward: float, left: float, yaw_rate: float) -> Call:
    """Walk, m/s and rad/s; as in Unitree's SDK the robot does not answer."""
    return Call("Move", MOVE, {"x": forward, "y": left, "z": yaw_rate}, answered=False)


def body_height(height: float) -> Call:
    """Height of the trunk beyond its default, m; newer firmware does not offer it."""
    return Call("BodyHeight", BODY_HEIGHT, {"data": height})


def speed_level(level: int) -> Call:
    """Slow (-1), default (0) or fast (1)."""
    return Call("SpeedLevel", SPEED_LEVEL, {"data": level})


def select_mode(name: str) -> Call:
    """Let the robot's own controller of that name take over."""
    return Call("SelectMode", 1002, {"name": name}, service=Service.SWITCHER)


# Meaning of an answer's code.
CODES = {
    3104: "no answer in time",
    3201: "the answer could not be sent",
    3202: "internal error",
    3203: "not offered by this firmware",
    3204: "wrong parameter",
    3205: "another program holds the lease",
    3206: "no lease",
    3207: "there is a lease already",
    4101: "wrong path",
    4201: "it took too long",
    4202: "the controller is not ready",
}


def reason(code: int) -> str:
    """Meaning of the code of an answer; its number where that is not known."""
    return f"{CODES[code]} ({code})" if code in CODES else f"code {code}"


# Period of StopMove while the link is lost, s; legs that are still for so long have risen, s.
_REPEAT, _SETTLED = 0.1, 0.5
# Least time between two calls that set the pose, s, and least changes that are sent, rad and m.
_POSING, _LEANT, _RAISED = 0.1, 0.01, 0.005


class Sport:
    """Rules by which the robot is asked to stand, walk, stop and damp its joints.

    A robot walks only after it has stood on its legs. Without commands StopMove is sent, and after
    a while BalanceStand. Without states StopMove is sent, and after a while Damp; then it takes a
    request to get up again.

    Attributes:
        stage: resting (lying, damped, or left alone), rising, standing, moving, stopped or lost.
        down: Whether it was asked to lie down or to damp its joints: then it takes a request to
            get up.

    Args:
        limits: Parameters of the driver; may be replaced at any time.
        call: Sends a call.
    """

    def __init__(self, limits: UnitreeParameters, call: Callable[[Call], None]) -> None:
        self.limits = limits
        self._call = call
        self.stage = "resting"
        self.down = False
        self._received = -math.inf  # when a state was received
        self._raised = False
        self._still_since = math.inf
        self._steered = -math.inf  # when a command was received
        self._velocity = (0.0, 0.0, 0.0)
        self._lean = self._leant = (0.0, 0.0)  # roll and pitch: commanded, requested
        self._height = self._raised_to = 0.0
        self._sent = -math.inf  # when Move or StopMove was sent
        self._posed = -math.inf
        self._stopped = math.inf

    def observe(self, now: float, raised: bool, still: bool) -> None:
        """Take in whether the robot is on its legs, and whether these are still."""
        self._received, self._raised = now, raised
        if not (raised and still):
            self._still_since = math.inf
        elif self._still_since == math.inf:
            self._still_since = now

    def steer(self, now: float, velocity: tuple[float, float, float]) -> None:
        """Take in a command: forwards, to the left (m/s) and yaw rate (rad/s)."""
        self._steered, self._velocity = now, velocity

    def pose(self, roll: float, pitch: float, height: float) -> None:
        """Take in the commanded lean of the trunk, rad, and its height beyond the default, m."""
        self._lean, self._height = (roll, pitch), height

    def linked(self, now: float) -> bool:
        """Whether states are received."""
        return now - self._received <= self.limits.state_timeout

    def steered(self, now: float) -> bool:
        """Whether commands are received."""
        return now - self._steered <= self.limits.command_timeout

    def rise(self, call: Call) -> None:
        """Get up, by StandUp or RecoveryStand."""
        self._call(call)
        self.stage, self.down = "rising", False
        self._still_since = math.inf
        self._forget()

    def rest(self, call: Call) -> None:
        """Stop standing, by StandDown or Damp."""
        self._call(call)
        self.leave()

    def leave(self) -> None:
        """Send nothing until it is asked to rise."""
        self.stage, self.down = "resting", True
        self._forget()

    def halt(self) -> None:
        """Stop where it stands, if it walks."""
        self._forget()
        if self.stage in ("moving", "stopped", "standing"):
            self._call(STOP_MOVE)
            self.stage = "standing"

    def _forget(self) -> None:
        """No command from before counts, neither a velocity nor a pose that was not sent yet."""
        self._steered = -math.inf
        self._lean, self._height = self._leant, self._raised_to

    def tick(self, now: float) -> None:
        """Send what is due."""
        if not self.linked(now):
            self._lose(now)
            return
        if self.stage == "lost":
            # It came back before the joints were damped.
            self.stage, self._stopped = "stopped", now
            self._forget()
        if self.stage == "rising":
            if now - self._still_since >= _SETTLED:
                # StandUp locks the joints; this lets them move.
                self._call(BALANCE_STAND)
                self.stage = "standing"
            return
        if not self._raised:
            self.stage = "resting"
            return
        if self.stage == "resting":
            # Somebody else made it stand: the remote control, or it stood when this began.
            if self.down or not self.steered(now):
                return
            self._call(BALANCE_STAND)
            self.stage = "standing"
            return
        if self.steered(now):
            self._move(now)
        elif self.stage == "moving":
            self._call(STOP_MOVE)
            self.stage, self._stopped = "stopped", now
        elif self.stage == "stopped" and now - self._stopped >= self.limits.stand_after:
            self._call(BALANCE_STAND)
            self.stage = "standing"

    def _move(self, now: float) -> None:
        # One call a period, since those that come close together may overwrite one another.
        if now - self._sent < self.limits.move_period:
            return
        self._sent = now
        turned = any(abs(a - b) > _LEANT for a, b in zip(self._lean, self._leant, strict=True))
        if now - self._posed > _POSING and turned:
            self._posed, self._leant = now, self._lean
            self._call(euler(*self._lean))
        elif (
            now - self._posed > _POSING
            and self.limits.body_height
            and abs(self._height - self._raised_to) > _RAISED
        ):
            self._posed, self._raised_to = now, self._height
            self._call(body_height(self._height))
        else:
            self._call(move(*self._velocity))
            self.stage = "moving"

    def _lose(self, now: float) -> None:
        if self.stage == "resting":
            return
        if self.stage != "lost":
            self.stage, self._sent = "lost", -math.inf
        if now - self._received >= self.limits.damp_after:
            self.rest(DAMP)
        elif now - self._sent >= _REPEAT:
            self._sent = now
            self._call(STOP_MOVE)
