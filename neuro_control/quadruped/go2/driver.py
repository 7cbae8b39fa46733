"""The Unitree Go2 behind the topics that the simulation offers.

At the high level the robot's own controller walks as ``cmd_vel`` says; at the low one a gait layer
drives its motors by ``joint_commands``, once somebody has unlocked them.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from neuro_control.quadruped.go2.link import Link, connect
from neuro_control.quadruped.go2.low_level import Drive, Motors
from neuro_control.quadruped.go2.motors import (
    JOINTS,
    State,
    fill_brake,
    fill_command,
    read_state,
)
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.sensors import Senses
from neuro_control.quadruped.go2.sport import (
    DAMP,
    RECOVERY_STAND,
    STAND_DOWN,
    STAND_UP,
    Call,
    Service,
    Sport,
    reason,
    speed_level,
)
from neuro_control.ros.inputs import check_age, rejection_reason
from neuro_control.ros.lifecycle import ManagedNode
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SET_POINT_QOS,
    JointReader,
    finite,
    read_twist,
    to_nanoseconds,
)
from neuro_control.ros.process import run_node
from neuro_control.ros.safety import Safety

# Time between two looks at what came, and at what is due, s.
_POLL, _TICK = 0.001, 0.01
# Calves that are folded further belong to a robot that lies, rad on average; slower ones are
# still, rad/s.
_FOLDED, _STILL = -2.2, 0.5
# How long the diagnostics tell what a call or a command came to, s.
_COMPLAINT = 3.0
# Numbers of a gait command, and where among them the robot's own controller's are.
_NUMBERS, _VELOCITY, _HEIGHT, _PITCH, _ROLL = 15, slice(3), 3, 10, 11
_VELOCITIES = ("forward", "left", "yaw rate")


class UnitreeGo2(ManagedNode[UnitreeParameters]):
    """Drives a Unitree Go2.

    Publishes ``imu/imu`` (sensor_msgs/Imu), ``foot_forces`` and ``joint_states``
    (sensor_msgs/JointState) of one stamp, in this order, and ``odom`` (nav_msgs/Odometry) as the
    robot's own controller tells it. Subscribes to ``cmd_vel`` and ``gait_command``
    (std_msgs/Float64MultiArray: velocities, height, pitch and roll count) at the high level, to
    ``joint_commands`` at the low one.

    Services: ``~/stand_up``, ``~/lie_down``, ``~/recover``, ``~/damp`` (std_srvs/Trigger),
    ``~/enable``, ``~/emergency_stop`` and, at the low level, ``~/unlock`` (std_srvs/SetBool). An
    emergency stop lets the legs go and also disables, so that releasing it moves nothing.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is unknown or its value wrong.
    """

    def __init__(self, name: str = "unitree_go2", **node_options: Any) -> None:
        self.link: Link | None = None
        super().__init__(name, UnitreeParameters, "driver", **node_options)
        self._active = False
        self._beats: list[Any] = []
        self._rejected: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._complaint, self._complained = "", -np.inf
        self._speed_level = 0
        self._pending: dict[int, tuple[Call, float]] = {}
        self._begin()
        for service, call in (
            ("stand_up", STAND_UP),
            ("lie_down", STAND_DOWN),
            ("recover", RECOVERY_STAND),
            ("damp", DAMP),
        ):
            self.create_service(Trigger, f"~/{service}", partial(self._on_posture, call))
        self._safety = Safety(self, self._on_disable, self._on_emergency_stop)
        if self.parameters.level == "low":
            self.create_service(SetBool, "~/unlock", self._on_unlock)

    def _begin(self) -> None:
        self.sport = Sport(self.parameters, self._request)
        self.motors = Motors(self.parameters, self._request, self._drive)
        self._felt: State | None = None
        self._heard = -np.inf
        self._published = -np.inf
        self._pending.clear()

    # Lifecycle.

    def set_up(self) -> None:
        """Find the way to the robot; make the topics."""
        p = self.parameters
        self.link = connect(self, p.transport, p.domain, p.network_interface)
        self._angles, self._speeds, self._efforts = (
            JointReader(JOINTS, field) for field in ("position", "velocity", "effort")
        )
        self._senses, subscribe = Senses(self), self.create_subscription
        if p.level == "low":
            self._subscriptions_made = [
                subscribe(JointState, "joint_commands", self._on_joint_commands, COMMAND_QOS)
            ]
            return
        twist = TwistStamped if p.stamped_cmd_vel else Twist
        self._subscriptions_made = [
            subscribe(twist, "cmd_vel", self._on_cmd_vel, SET_POINT_QOS),
            subscribe(Float64MultiArray, "gait_command", self._on_gait_command, SET_POINT_QOS),
        ]

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listen to the robot, and drive it when told to."""
        self._begin()
        self._active = True
        self._beats = [
            self.create_timer(_POLL, self._poll, clock=self.steady),
            self.create_timer(_TICK, self._watch, clock=self.steady),
        ]
        if self.parameters.speed_level:
            self._set_speed_level()
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give up the topics and the way to the robot."""
        self.stop()
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        self._senses.close()
        self._let_go()
        return TransitionCallbackReturn.SUCCESS

    def stop(self) -> None:
        """Stop walking, or brake the motors; more than once does no harm."""
        if not self._active:
            return
        self.sport.halt()
        self.motors.brake()
        self._active = False
        for timer in self._beats:
            self.destroy_timer(timer)
        self.report_deactivated()

    def destroy_node(self) -> None:
        """End the node, the robot stopped."""
        if hasattr(self, "_pending"):
            self.stop()
        self._let_go()
        super().destroy_node()

    def _let_go(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.close()

    def apply(self) -> None:
        """Take over limits, and tell the robot its speed level."""
        self.sport.limits = self.motors.limits = self.parameters
        if self._active and self._speed_level != self.parameters.speed_level:
            self._set_speed_level()

    def _set_speed_level(self) -> None:
        self._speed_level = self.parameters.speed_level
        self._request(speed_level(self._speed_level))

    # What the robot tells.

    def _poll(self) -> None:
        if self.link is None:
            return
        now = time.monotonic()
        for take, act in (
            (self.link.state, self._on_state),
            (self.link.sport_state, self._on_sport_state),
        ):
            try:
                message = take()
                if message is not None:
                    act(now, message)
            except Exception as error:
                self._reject("the robot's state", error)
        try:
            for service, answer in self.link.answers():
                self._on_answer(service, answer)
        except Exception as error:
            self._reject("an answer", error)

    def _on_state(self, now: float, message: Any) -> None:
        state = read_state(message)
        self._counts["states"] += 1
        self._counts["states_without_checksum"] += not message.crc
        raised, still = _raised(state), bool(np.abs(state.speeds).max() < _STILL)
        self._felt, self._heard = state, now
        self.sport.feel(now, raised, still)
        self.motors.feel(now, state)
        if now - self._published < self.parameters.publishing_period:
            return
        self._published = now
        self._senses.tell(self.now(), state, self.parameters.foot_force_scale)

    def _on_sport_state(self, now: float, message: Any) -> None:
        self._senses.tell_odometry(self.now(), message, self.parameters.velocity_frame)

    def _on_answer(self, service: Service, answer: Any) -> None:
        number, code = answer.header.identity.id, answer.header.status.code
        # Others ask as well: the remote control, an app.
        call, _ = self._pending.pop(number, (None, 0.0))
        if call is None or call.service is not service:
            return
        self._counts["answers"] += 1
        if code:
            self._counts[f"refused/{call.name}"] += 1
            self._complain(f"the robot refused {call.name}: {reason(code)}")
        elif service is Service.SWITCHER:
            self.motors.told(call.number, answer.data)

    # What the robot is told.

    def _request(self, call: Call) -> None:
        if self.link is None:
            return
        number = time.monotonic_ns()
        if call.answered:
            self._pending[number] = (call, time.monotonic())
        self._counts[f"calls/{call.name}"] += 1
        self.link.request(number, call)

    def _drive(self, drive: Drive | None) -> None:
        if self.link is None:
            return
        command = self.link.new_command()
        if drive is None:
            fill_brake(command, self.parameters.brake)
        else:
            fill_command(command, *drive)
        self.link.command(command)

    def _on_cmd_vel(self, message: Any) -> None:
        try:
            if isinstance(message, TwistStamped):
                self._check_age(message, self.parameters.command_timeout)
            velocity = read_twist(message)
        except Exception as error:
            self._reject("cmd_vel", error)
            return
        self._steer("cmd_vel", velocity)

    def _on_gait_command(self, message: Float64MultiArray) -> None:
        try:
            numbers = finite("gait_command", message.data, _NUMBERS)
        except Exception as error:
            self._reject("gait_command", error)
            return
        forward, left, turn = numbers[_VELOCITY].tolist()
        self.sport.pose(float(numbers[_ROLL]), float(numbers[_PITCH]), float(numbers[_HEIGHT]))
        self._steer("gait_command", (forward, left, turn))

    def _steer(self, topic: str, velocity: tuple[float, float, float]) -> None:
        if not (self._active and self._safety.enabled):
            return
        limited = self.parameters.limited(velocity)
        for name, wanted, given in zip(_VELOCITIES, velocity, limited, strict=True):
            if wanted != given:
                self._counts["clamped"] += 1
                self._complain(f"{topic}: {name} {wanted:g} is more than {given:g}")
        self.sport.steer(time.monotonic(), limited)

    def _on_joint_commands(self, message: JointState) -> None:
        try:
            self._check_age(message, self.parameters.motor_timeout)
            numbers = self._angles(message), self._speeds(message), self._efforts(message)
        except Exception as error:
            self._reject("joint_commands", error)
            return
        if not (self._active and self._safety.enabled):
            return
        driven = self.motors.drive(time.monotonic(), *numbers)
        self._counts["joint_commands" if driven else "joint_commands_not_obeyed"] += 1

    def _check_age(self, message: Any, limit: float) -> None:
        check_age(to_nanoseconds(message.header.stamp), self.now(), limit)

    # Watching.

    def _watch(self) -> None:
        self._poll()  # what waits to be read is no silence
        now = time.monotonic()
        if not self.motors.taken:
            self.sport.tick(now)
        self.motors.tick(now)
        for number, (call, sent) in list(self._pending.items()):
            if now - sent > self.parameters.answer_timeout:
                del self._pending[number]
                self._counts[f"unanswered/{call.name}"] += 1
                self._complain(f"no answer to {call.name} within {now - sent:.1f} s")
        if self.motors.failed:
            self._complain(self.motors.failed)
            self.motors.failed = ""
        self.set_state(*self._judge(now))

    def _judge(self, now: float) -> tuple[bytes, str, str]:
        """Level, text and key of the state."""
        silence = now - self._heard
        stage = self.motors.stage if self.parameters.level == "low" else self.sport.stage
        level, text, key = DiagnosticStatus.OK, f"running, {stage}", ""
        if self._heard == -np.inf:
            p = self.parameters
            where = f" through {p.network_interface}" if p.network_interface else ""
            level, text = (
                DiagnosticStatus.STALE,
                f"waiting for lowstate on domain {p.domain}{where}",
            )
        elif silence > self.parameters.state_timeout:
            level, key = DiagnosticStatus.ERROR, f"lost, {stage}"
            done = {"lost": "told to stop", "resting": "legs let go or at rest"}.get(stage, stage)
            text = f"no lowstate for {silence:.1f} s: {done}"
        elif not self._safety.enabled:
            level, text = DiagnosticStatus.WARN, self._safety.reason
        elif now - self._complained < _COMPLAINT:
            level, text = DiagnosticStatus.WARN, self._complaint
        elif stage == "braking":
            level, text = DiagnosticStatus.WARN, "motors brake: unlock or lock them"
        elif stage == "unlocked" and not self.motors.commanded(now):
            level, text = DiagnosticStatus.WARN, "motors brake: no good joint_commands"
        elif self.sport.down and not self.motors.taken:
            text = "at rest until ~/stand_up or ~/recover"
        return level, text, key or text

    def _complain(self, text: str) -> None:
        self._complaint, self._complained = text, time.monotonic()

    def _reject(self, source: str, error: Exception) -> None:
        self._rejected[rejection_reason(error)] += 1
        self._complain(f"{source} rejected: {error}")

    # Services.

    def _on_posture(self, call: Call, request: Any, response: Any) -> Any:
        refusal = self._refusal()
        if call is DAMP and self._active:
            self.motors.brake()
        elif refusal:
            response.success, response.message = False, refusal
            return response
        if not self.motors.taken:
            (self.sport.rise if call in (STAND_UP, RECOVERY_STAND) else self.sport.rest)(call)
        response.success, response.message = True, f"asked for {call.name}"
        return response

    def _refusal(self) -> str:
        """Why the robot can't be told to do anything, or nothing."""
        if not self._active:
            return "the driver is not active: activate it first"
        if not self._safety.enabled:
            return self._safety.reason
        if not self.sport.linked(time.monotonic()):
            return "no link to the robot"
        if self.motors.taken:
            return "the motors are unlocked: lock them first"
        return ""

    def _on_unlock(self, request: Any, response: Any) -> Any:
        response.success, response.message = True, "locked"
        if not request.data:
            self.motors.lock(time.monotonic())
            return response
        refusal = "" if self.motors.taken else self._refusal()
        if self.motors.taken and not self._safety.enabled:
            refusal = self._safety.reason
        if not refusal and not self.motors.taken and self._felt is not None and _raised(self._felt):
            refusal = "the robot stands and would fall: ~/lie_down first"
        if refusal:
            response.success, response.message = False, refusal
            return response
        self.sport.leave()
        self.motors.unlock(time.monotonic())
        response.message = self.motors.stage
        return response

    def _on_disable(self) -> None:
        if self._active:
            self.sport.halt()
            self.motors.pause()

    def _on_emergency_stop(self) -> None:
        if self._active:
            if not self.motors.taken:
                self.sport.rest(DAMP)
            self.motors.brake()

    def diagnostic_values(self) -> dict[str, str]:
        """Stages, battery, and counts."""
        state = self._felt
        return {
            "link": "none" if self.link is None else self.link.name,
            "sport": self.sport.stage,
            "motors": self.motors.stage,
            "battery_percent": "" if state is None else str(state.charge),
            "battery_v": "" if state is None else f"{state.voltage:.1f}",
            "hottest_motor_c": "" if state is None else str(state.temperature),
            **self._safety.values(),
            **{name: str(count) for name, count in self._counts.items()},
            **{f"rejected/{kind}": str(count) for kind, count in self._rejected.items()},
        }


def _raised(state: State) -> bool:
    """Whether the robot is on its legs."""
    return bool(state.angles[2::3].mean() > _FOLDED)


def main() -> None:
    """Run the node: the executable unitree_go2."""
    run_node(UnitreeGo2)
