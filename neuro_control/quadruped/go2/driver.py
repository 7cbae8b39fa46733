# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Unitree Go2 behind the topics that the simulation offers.

At the high level the robot's own controller walks as ``cmd_vel`` commands; at the low one a gait
controller drives its motors by ``joint_commands``, once they have been unlocked by a service. The
rules of both levels are in ``sport`` and ``low_level``.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from neuro_control.quadruped.control.command import RANGES, Command
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quadruped.go2.events import Events
from neuro_control.quadruped.go2.link import Link, connect
from neuro_control.quadruped.go2.low_level import Drive, Motors
from neuro_control.quadruped.go2.motors import State, fill_brake, fill_command, read_state
from neuro_control.quadruped.go2.parameters import UnitreeParameters
from neuro_control.quadruped.go2.requests import Requests
from neuro_control.quadruped.go2.sensors import SensorTopics
from neuro_control.quadruped.go2.sport import (
    DAMP,
    RECOVERY_STAND,
    STAND_DOWN,
    STAND_UP,
    Call,
    Service,
    Sport,
    speed_level,
)
from neuro_control.quadruped.go2.state_monitor import StateMonitor
from neuro_control.quadruped.go2.status import Status
from neuro_control.ros.inputs import check_age
from neuro_control.ros.lifecycle.managed_node import ManagedNode
from neuro_control.ros.messages import (
    COMMAND_QOS,
    SET_POINT_QOS,
    JointReader,
    Rejected,
    finite,
    read_twist,
    to_nanoseconds,
)
from neuro_control.ros.process import run_node
from neuro_control.ros.safety.safety import Interlocked, Safety

# Time between two looks for messages of the robot, and between two looks at what is due, s.
_POLL, _TICK = 0.001, 0.01
# A robot whose calves are folded further than this, in the mean, lies, rad; joints slower than
# this are still, rad/s.
_FOLDED, _STILL = -2.2, 0.5
_VELOCITIES = ("forward", "left", "yaw rate")
_POSE = ("roll", "pitch", "height")


class UnitreeGo2(Interlocked, ManagedNode[UnitreeParameters]):
    """Drives a Unitree Go2.

    Publishes ``imu/imu`` (sensor_msgs/Imu), ``foot_forces`` and ``joint_states``
    (sensor_msgs/JointState) of one stamp, in this order, and ``odom`` (nav_msgs/Odometry) as the
    robot's own controller estimates it. Subscribes to ``cmd_vel`` and ``gait_command``
    (std_msgs/Float64MultiArray: velocities, height, pitch and roll count) at the high level, to
    ``joint_commands`` at the low one.

    Services: ``~/stand_up``, ``~/lie_down``, ``~/recover``, ``~/damp`` (std_srvs/Trigger),
    ``~/enable``, ``~/emergency_stop`` and, at the low level, ``~/unlock`` (std_srvs/SetBool). An
    emergency stop damps the joints and also disables, so that releasing it moves nothing.

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
        self._timers_made: list[Any] = []
        self._events = Events()
        self._requests = Requests(self._events, self._send_request)
        self._speed_level = 0
        self._begin()
        for service, call in (
            ("stand_up", STAND_UP),
            ("lie_down", STAND_DOWN),
            ("recover", RECOVERY_STAND),
            ("damp", DAMP),
        ):
            self.create_service(Trigger, f"~/{service}", partial(self._on_posture, call))
        self._safety = Safety(
            self,
            self._on_disable,
            self._on_emergency_stop,
            self._on_enable,
            heartbeat_timeout=self.parameters.heartbeat_timeout,
            lock=self.lock,
        )
        if self.parameters.level == "low":
            self.create_service(SetBool, "~/unlock", self._on_unlock)

    def _begin(self) -> None:
        self.sport = Sport(self.parameters, self._requests.send)
        self.motors = Motors(self.parameters, self._requests.send, self._send_command)
        self._monitor = StateMonitor(self.parameters)
        self._status = Status(
            self.parameters, self.sport, self.motors, self._monitor, self._events,
            lambda: self._safety.reason,
        )  # fmt: skip
        self._counted_from = self.now()  # no command that was stamped before counts
        self._robot: State | None = None  # its latest state, and when it was received
        self._received = -np.inf
        self._published = -np.inf
        self._requests.forget()

    # Lifecycle.

    def set_up(self) -> None:
        """Connect to the robot and make the topics."""
        p = self.parameters
        self.link = connect(self, p.transport, p.domain, p.network_interface)
        self._angles, self._speeds, self._efforts = (
            JointReader(JOINTS, field) for field in ("position", "velocity", "effort")
        )
        self._sensors, subscribe = SensorTopics(self), self.create_subscription
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
        """Begin to receive the robot's states and to act on commands."""
        self._begin()
        self._active = True
        self._timers_made = [
            self.create_timer(_POLL, self._poll, clock=self.steady),
            self.create_timer(_TICK, self._watch, clock=self.steady),
        ]
        if self.parameters.speed_level:
            self._set_speed_level()
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Destroy the topics and disconnect from the robot."""
        self.stop()
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        self._sensors.close()
        self._disconnect()
        return TransitionCallbackReturn.SUCCESS

    def stop(self) -> None:
        """Stop walking, or brake the motors; calling it more than once does no harm."""
        if not self._active:
            return
        self.sport.halt()
        self.motors.brake("the driver was stopped")
        self._active = False
        for timer in self._timers_made:
            self.destroy_timer(timer)
        self.report_deactivated()

    def destroy_node(self) -> None:
        """End the node, the robot stopped."""
        # The base ends a node whose parameters are wrong before there is anything to stop.
        if hasattr(self, "_safety"):
            self._safety.close()
            self.stop()
        self._disconnect()
        super().destroy_node()

    def _disconnect(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.close()

    def apply(self) -> None:
        """Take over limits, and ask the robot for its speed level."""
        for each in (self.sport, self.motors, self._monitor, self._status):
            each.limits = self.parameters
        if self._active and self._speed_level != self.parameters.speed_level:
            self._set_speed_level()

    def _set_speed_level(self) -> None:
        self._speed_level = self.parameters.speed_level
        self._requests.send(speed_level(self._speed_level))

    # From the robot.

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
                self._events.reject("the robot's state", error)
        try:
            for service, answer in self.link.answers():
                call = self._requests.answered(service, answer)
                if call is not None and service is Service.SWITCHER:
                    self.motors.answered(call.number, answer.data)
        except Exception as error:
            self._events.reject("an answer", error)

    def _on_state(self, now: float, message: Any) -> None:
        try:
            state = read_state(message)
            self._monitor.check(now, state)
        except Exception as error:
            self._monitor.refuse(now, error)
            raise
        self._events.count("states")
        self._events.count("states_without_checksum", int(not message.crc))
        still = bool(np.abs(state.speeds).max() < _STILL)
        self._robot, self._received = state, now
        self.sport.observe(now, _raised(state), still)
        self.motors.observe(now, state)
        if now - self._published < self.parameters.publishing_period:
            return
        self._published = now
        self._sensors.publish(self.now(), state, self.parameters.foot_force_scale)

    def _on_sport_state(self, now: float, message: Any) -> None:
        frame = self.parameters.velocity_frame
        self._sensors.publish_odometry(self.now(), message, frame, self._robot)

    # To the robot.

    def _send_request(self, number: int, call: Call) -> None:
        if self.link is not None:
            self.link.request(number, call)

    def _send_command(self, drive: Drive | None) -> None:
        if self.link is None:
            return
        command = self.link.new_command()
        if drive is None:
            fill_brake(command, self.parameters.brake)
        else:
            fill_command(command, *drive)
        self.link.command(command)

    # Commands.

    def _on_cmd_vel(self, message: Any) -> None:
        try:
            if isinstance(message, TwistStamped):
                self._check_age(message, self.parameters.command_timeout)
            velocity = read_twist(message)
        except Exception as error:
            self._events.reject("cmd_vel", error)
            return
        self._steer("cmd_vel", velocity)

    def _on_gait_command(self, message: Float64MultiArray) -> None:
        try:
            command = Command.of(finite("gait_command", message.data, len(RANGES)))
        except Exception as error:
            self._events.reject("gait_command", error)
            return
        if self._active and self._safety.enabled:
            pose = command.roll, command.pitch, command.height
            limited = self.parameters.limited_pose(*pose)
            self._remark_limits("gait_command", _POSE, pose, limited)
            self.sport.pose(*limited)
        self._steer("gait_command", (command.forward, command.left, command.yaw_rate))

    def _steer(self, topic: str, velocity: tuple[float, float, float]) -> None:
        if not (self._active and self._safety.enabled):
            return
        limited = self.parameters.limited(velocity)
        self._remark_limits(topic, _VELOCITIES, velocity, limited)
        self.sport.steer(time.monotonic(), limited)

    def _remark_limits(
        self,
        topic: str,
        names: tuple[str, ...],
        commanded: tuple[float, ...],
        limited: tuple[float, ...],
    ) -> None:
        for name, number, limit in zip(names, commanded, limited, strict=True):
            if number != limit:
                self._events.count("clamped")
                text = f"{topic}: {name} {number:g} is more than {limit:g}"
                self._events.warn(text, f"{topic}: {name}")

    def _on_joint_commands(self, message: JointState) -> None:
        try:
            self._check_age(message, self.parameters.motor_timeout)
            numbers = self._angles(message), self._speeds(message), self._efforts(message)
        except Exception as error:
            self._events.reject("joint_commands", error)
            return
        if not (self._active and self._safety.enabled):
            return
        driven = self.motors.drive(time.monotonic(), *numbers)
        self._events.count("joint_commands" if driven else "joint_commands_not_obeyed")

    def _check_age(self, message: Any, limit: float) -> None:
        stamp, now = to_nanoseconds(message.header.stamp), self.now()
        check_age(stamp, now, limit)
        if stamp < self._counted_from <= now:
            raise Rejected("disabled", "it was sent before the driver was enabled")

    # Watching.

    def _watch(self) -> None:
        self._poll()  # a message that waits to be read was not missed
        now = time.monotonic()
        reason = self._monitor.fault or self._monitor.overheated(now)
        if reason and self.motors.stage == "unlocked":
            self.motors.brake(reason)
        if not self.motors.taken:
            self.sport.tick(now)
        self.motors.tick(now)
        self._requests.expire(now, self.parameters.answer_timeout)
        if self.motors.failed:
            self._events.warn(self.motors.failed)
            self.motors.failed = ""
        self.set_state(*self._status.judge(now, self._received))

    @property
    def robot_state(self) -> State | None:
        """The robot's latest good state; None before the first."""
        return self._robot

    def diagnostic_values(self) -> dict[str, str]:
        """Stages, battery, and counts."""
        state = self._robot
        return {
            "link": "none" if self.link is None else self.link.name,
            "sport": self.sport.stage,
            "motors": self.motors.stage,
            "battery_percent": "" if state is None else str(state.charge),
            "battery_v": "" if state is None else f"{state.voltage:.1f}",
            "hottest_motor_c": "" if state is None else str(state.temperature),
            **self._safety.values(),
            **self._events.values(),
        }

    # Services.

    def _on_posture(self, call: Call, request: Any, response: Any) -> Any:
        refusal = self._refusal()
        if call in (STAND_UP, RECOVERY_STAND):
            refusal = refusal or self._monitor.empty(time.monotonic())
        if call is DAMP and self._active:
            self.motors.brake("~/damp was called")
        elif refusal:
            response.success, response.message = False, refusal
            return response
        if not self.motors.taken:
            (self.sport.rise if call in (STAND_UP, RECOVERY_STAND) else self.sport.rest)(call)
        response.success, response.message = True, f"asked for {call.name}"
        return response

    def _refusal(self) -> str:
        """Why nothing can be asked of the robot; empty if it can."""
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
        now = time.monotonic()
        refusal = self._safety.reason if self.motors.taken else self._refusal()
        refusal = refusal or self._monitor.overheated(now) or self._monitor.empty(now)
        if not refusal and not self.motors.taken and self._robot and _raised(self._robot):
            refusal = "the robot stands and would fall: ~/lie_down first"
        if refusal:
            response.success, response.message = False, refusal
            return response
        self.sport.leave()
        self.motors.unlock(now)
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
            self.motors.brake("after an emergency stop")

    def _on_enable(self) -> None:
        self._counted_from = self.now()


def _raised(state: State) -> bool:
    """Whether the robot is on its legs."""
    return bool(state.angles[2::3].mean() > _FOLDED)


def main() -> None:
    """Run the node: the executable unitree_go2."""
    run_node(UnitreeGo2)
