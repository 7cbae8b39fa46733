# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Node that drives two propellers and the servo that turns their shaft by ``joint_commands``.

No propeller turns while the shaft does. Pins, duty cycles and pulses are in ``motor_outputs``.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import JointState

from neuro_control.drivers.driver import Driver
from neuro_control.drivers.motor_outputs import (
    Outputs,
    PropulsionParameters,
    Travel,
    cut_off,
    duty,
    pulse,
)
from neuro_control.errors import ConfigurationError
from neuro_control.ros.inputs import check_age, rejection_reason
from neuro_control.ros.messages import COMMAND_QOS, JointReader, Rejected, to_nanoseconds
from neuro_control.ros.process import run_node
from neuro_control.ros.safety.safety import Safety

# Time between two checks of the servo's travel and of the command's age, s.
_TICK = 0.01
# Duty cycles of motors that stand still.
_NO_DUTY = (0.0, 0.0)


class Propulsion(Driver[PropulsionParameters]):
    """Drives two propellers and their servo by ``joint_commands`` (sensor_msgs/JointState).

    Efforts are the propellers' thrusts (N), the servo's position is the shaft's angle (rad).
    The motors stand still until a valid command is received, while the shaft turns, after
    ``command_timeout`` without a valid command, while disabled, and once the node has ended. An
    invalid or stale command moves nothing and does not restart the timeout.

    Services: ``~/enable`` and ``~/emergency_stop`` (std_srvs/SetBool). An emergency stop also
    disables, so that releasing it moves nothing.

    Args:
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong, or there are no pins to drive.
    """

    def __init__(self, name: str = "propulsion", **node_options: Any) -> None:
        self.outputs: Outputs | None = None
        super().__init__(name, PropulsionParameters, **node_options)
        p = self.parameters
        self._read_efforts = JointReader(p.propellers, "effort")
        self._read_angle = JointReader([p.servo], "position")
        self._rejected: Counter[str] = Counter()
        self._rejection = ""
        self._commands = 0
        self._received = -math.inf
        self._duties = _NO_DUTY  # commanded; applied to the motors while the shaft is at rest
        self._driven: tuple[float, float] = _NO_DUTY
        self._pulse = 0.0
        self._travel = Travel(
            p.servo_minimum_angle, p.servo_maximum_angle, p.servo_travel_time, time.monotonic()
        )
        try:
            self.outputs = Outputs(p)
        except ConfigurationError:
            self.destroy_node()
            raise
        self.create_subscription(JointState, "joint_commands", self._receive, COMMAND_QOS)
        self._safety = Safety(
            self,
            on_disable=self._report_rest,
            on_emergency_stop=self._rest,
            on_enable=self._report_waiting,
            report=self._report_reason,
            heartbeat_timeout=self.parameters.heartbeat_timeout,
            lock=self.lock,
        )
        self.create_timer(_TICK, self._watch, clock=self.steady)
        self.set_state(DiagnosticStatus.STALE, "waiting for joint_commands")

    def destroy_node(self) -> None:
        """Stop the motors and end the node and its safety's thread."""
        if hasattr(self, "_safety"):
            self._safety.close()
        super().destroy_node()

    def fail_safe(self, reason: str) -> None:
        """Stop the motors until the next valid command, and report ``reason``."""
        with self.lock:
            self._rest()
        self.set_state(DiagnosticStatus.ERROR, reason)

    def stop(self) -> None:
        """Stop the motors and release the pins; the node does not drive them again."""
        outputs, self.outputs = self.outputs, None
        if outputs is not None:
            self._duties = self._driven = _NO_DUTY
            outputs.close()

    # From a command to the motors.

    def _receive(self, message: JointState) -> None:
        try:
            stamp = to_nanoseconds(message.header.stamp)
            check_age(stamp, self.now(), self.parameters.command_timeout)
            left, right = self._read_efforts(message).tolist()
            (angle,) = self._read_angle(message).tolist()
            if min(left, right) < 0:
                raise Rejected("range", f"a thrust of {min(left, right):g} N: propellers only push")
        except Exception as error:
            reason = rejection_reason(error)
            self._rejected[reason] += 1
            self._rejection = f"joint_commands rejected: {error}"
            self.set_state(DiagnosticStatus.WARN, self._rejection, key=f"rejected/{reason}")
            return
        self._commands += 1
        if not self._safety.enabled:
            self.set_state(DiagnosticStatus.WARN, self._safety.reason)
            return
        self._received = time.monotonic()
        self._rejection = ""
        self._duties = (duty(left, self.parameters), duty(right, self.parameters))
        if self._move(cut_off(angle, self.parameters)):
            self.set_state(DiagnosticStatus.OK, "running")

    def _move(self, angle: float | None = None) -> bool:
        """Send the shaft to ``angle`` (rad), if given; drive the motors once the shaft has arrived.

        Returns:
            Whether the pins could be set; if not, the motors are stopped as far as possible.
        """
        if self.outputs is None:
            return False
        try:
            now = time.monotonic()
            if angle is not None:
                self._travel.send(angle, now)
            arrived = self._travel.arrived(now)
            duties = self._duties if arrived else _NO_DUTY
            if duties != self._driven:
                self.outputs.drive(duties)
                self._driven = duties
            # After the motors: no thrust while the shaft turns.
            if angle is not None:
                self._pulse = pulse(angle, self.parameters)
                self.outputs.turn(self._pulse)
        except Exception as error:
            self._rest()
            self.set_state(DiagnosticStatus.ERROR, f"motors off: setting the pins failed: {error}")
            return False
        return True

    def _rest(self) -> None:
        """Stop the motors until the next valid command."""
        self._duties = self._driven = _NO_DUTY
        self._received = -math.inf
        if self.outputs is None:
            return
        try:
            self.outputs.rest()
        except Exception as error:
            self.set_state(
                DiagnosticStatus.ERROR,
                f"motors can't be stopped: setting the pins failed: {error}; cut their power",
            )

    def _watch(self) -> None:
        """Drive the motors once the shaft has arrived; stop them after the command timeout."""
        if self._received == -math.inf:
            return  # at rest already
        silence = time.monotonic() - self._received
        if silence > self.parameters.command_timeout:
            self._rest()
            why = f" ({self._rejection})" if self._rejection else ""
            self.set_state(
                DiagnosticStatus.WARN,
                f"motors off: no valid joint_commands for {silence:.2f} s{why}; "
                "the next one starts them",
                key="silence",
            )
            return
        self._move()

    # Services and diagnostics.

    def _report_rest(self) -> None:
        self._rest()
        self._report_reason()

    def _report_reason(self) -> None:
        self.set_state(DiagnosticStatus.WARN, self._safety.reason)

    def _report_waiting(self) -> None:
        self.set_state(DiagnosticStatus.STALE, "waiting for joint_commands")

    @property
    def duties(self) -> tuple[float, float]:
        """Duty cycles that the left and the right motor have now."""
        return self._driven

    def diagnostic_values(self) -> dict[str, str]:
        """State of motors and servo, counts and safety state."""
        left, right = self._driven
        return {
            "left_duty": f"{left:.3f}",
            "right_duty": f"{right:.3f}",
            "servo_pulse_ms": f"{self._pulse * 1e3:.3f}",
            "servo_arrived": str(self._travel.arrived(time.monotonic())).lower(),
            "commands": str(self._commands),
            "publishers": str(self.count_publishers("joint_commands")),
            **self._safety.values(),
            **{f"rejected/{reason}": str(count) for reason, count in self._rejected.items()},
        }


def main() -> None:
    """Run the node: the executable propulsion."""
    run_node(Propulsion)
