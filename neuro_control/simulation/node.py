# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""MuJoCo as a robot: sensor messages out, joint commands in, in lockstep or in real time.

The node has the topics, services, parameters and diagnostics; ``pacing`` says when the physics
advances, ``interface`` and ``camera_topics`` turn its state into messages.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger

from neuro_control.errors import ConfigurationError
from neuro_control.ros.diagnostics.monitoring import Timing
from neuro_control.ros.messages import (
    NANOSECONDS,
    SENSOR_QOS,
    Rejected,
    restamped,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.ros.process import run_node
from neuro_control.ros.ros2_control.groups import GroupCommands
from neuro_control.simulation import world as worlds
from neuro_control.simulation.active_effects import ActiveEffects
from neuro_control.simulation.camera_topics import CameraTopics
from neuro_control.simulation.cameras import Cameras
from neuro_control.simulation.failure_injection import InjectionNode
from neuro_control.simulation.pacing import FreeRunning, Lockstep, Pacing
from neuro_control.simulation.parameters import SimulationParameters
from neuro_control.simulation.recording import Recording
from neuro_control.simulation.robot_topics import RobotTopics
from neuro_control.simulation.world import Robot

Array = NDArray[np.float64]

# Observations whose time of sending is remembered, to tell how late their answers come.
_REMEMBERED = 100
# Topic of the ground truth in earlier releases, and the wall time between two looks whether
# somebody still subscribes to it, s.
_OLD_ODOMETRY = "odom"
_OLD_ODOMETRY_PERIOD = 0.5


class Simulation(InjectionNode[SimulationParameters]):
    """Simulates a world behind the topics of a robot.

    Publishes ``/clock``, ``joint_states`` and, while somebody subscribes, ``ground_truth/odom``,
    the model's sensors as ``SITE/imu`` and the like (``interface.SENSORS``), its touch sensors as
    ``foot_forces`` and its cameras. Subscribes to ``joint_commands`` (sensor_msgs/JointState; the
    stamp names the observation that it answers): efforts for motors, positions or velocities for
    servos. Each of several robots has these topics below its own name. Services: ``~/reset`` (from
    the parameter ``seed``), ``~/pause``, ``~/step`` (one observation period, while paused).

    Args:
        node_options: Passed on to the rclpy node.

    Attributes:
        model: The compiled model.
        data: Its state.
        robots: Topics of its robots.
        pacing: Advances it.
        substeps: Physics steps in an observation period.
        steps: Observation periods since the episode began.
        observed: Stamp of the last observation, ns.
        refused: Why the last command was rejected, if none was accepted since.
        paused: Whether it is paused.
        finished: Whether the run is over.
        failure: Why it ended before its time, if it did.
        started: Wall time of the episode's first step (perf_counter), s.
        ended: Wall time of its latest, s.
        timing: Latencies from observation to command.

    Raises:
        ConfigurationError: A parameter is wrong or the model cannot be loaded.
    """

    def __init__(self, name: str = "simulation", **node_options: Any) -> None:
        super().__init__(name, SimulationParameters, "simulation", **node_options)
        p = self.parameters
        try:
            self._world = worlds.load(p.model, p.arguments).with_effects(p.effects)
            self.substeps = self._world.substeps(p.observation_period or self._world.control_period)
            self.robots = self._make_robots()
        except ConfigurationError:
            self.destroy_node()
            raise
        self.model = self._world.model
        self.data = mujoco.MjData(self.model)
        self.paused = False
        self.finished = False
        self.failure: str | None = None
        self._episodes = 0
        self._rejected: Counter[str] = Counter()
        self._troubled = False
        self._recording: Recording | None = None
        self._postponed: list[tuple[Any, Any]] = []  # responses to ~/step, and their headers
        self._make_topics()
        self._make_services()
        self.pacing: Pacing = (Lockstep if p.lockstep else FreeRunning)(self, self, self.steady)
        try:
            self._begin_episode()
        except ConfigurationError:
            self.destroy_node()
            raise
        self.set_running()

    def _make_robots(self) -> list[RobotTopics]:
        """The robots of the world; a robot that is alone has neither name nor prefix."""
        model, own_period = self._world.model, self.substeps * self._world.model.opt.timestep
        alone = (Robot("", own_period),)
        made = []
        for robot in self._world.robots or alone:
            topics = RobotTopics(model, robot, self.parameters.odometry)
            topics.every = max(1, round(robot.period / own_period))
            if abs(topics.every * own_period - robot.period) > 1e-9:
                raise ConfigurationError(
                    f"the robot {robot.prefix.rstrip('/')} is observed every {robot.period:g} s, "
                    f"which is no multiple of the simulation's {own_period:g} s"
                )
            made.append(topics)
        return made

    def _make_topics(self) -> None:
        p = self.parameters
        self._clock_publisher = self.create_publisher(ClockMessage, "/clock", 10)
        for number, robot in enumerate(self.robots):
            robot.open(self, self.model, p.odometry_topic, partial(self._on_command, number))
        self._old_odometry_publisher: Publisher | None = None
        self._warned_of_old_odometry = False
        alone = len(self.robots) == 1 and not self.robots[0].robot.prefix
        if p.odometry and alone and p.odometry_topic != _OLD_ODOMETRY:
            self.create_timer(_OLD_ODOMETRY_PERIOD, self._serve_old_odometry, clock=self.steady)
        self._camera_error = ""
        self._cameras: CameraTopics | None = None
        if p.camera_rate:
            size = p.camera_height, p.camera_width
            self._cameras = CameraTopics(
                self,
                self.model,
                lambda names: Cameras(p.model, p.arguments, names, *size, p.camera_visuals),
                size,
                p.camera_rate,
                wait=p.lockstep,
            )
        if p.group_controllers:
            # They answer no observation in particular; the last one is as good as any.
            GroupCommands(
                self, p.group_controllers,
                lambda command: self._on_command(0, restamped(command, self.observed)),
                partial(self._refuse_command, 0),
            )  # fmt: skip

    def _make_services(self) -> None:
        self.create_service(Trigger, "~/reset", self._on_reset)
        self.create_service(SetBool, "~/pause", self._on_pause)
        step = self.create_service(Trigger, "~/step", self._on_step)
        self._send_step_response = step.send_response
        step.send_response = self._send_when_stepped

    # Episode.

    def start(self) -> None:
        """Begin to wait for commands: the nodes that send them are there."""
        self.pacing.begin()
        if self._cameras is not None:
            self._cameras.begin()
        self.publish_observation()

    def reset(self) -> None:
        """Start an episode from the parameter ``seed``: the clock goes back to zero."""
        self._begin_episode()
        self._observe()

    def _begin_episode(self) -> None:
        # Nothing is published yet: a simulation that is made beside another one, and then refused,
        # must not let that one's controllers begin anew.
        rng = np.random.default_rng(self.parameters.seed)
        self._episodes += 1
        self._seed = self.parameters.seed
        self._effects = self._world.reset(self.data, rng)
        self.inject()
        self.steps = 0
        self.finished = False
        self.refused = ""
        self._sent_at: dict[int, float] = {}
        self.timing = Timing()
        if self.parameters.recording:
            self._recording = Recording()
            self._recording.add(self.data)
        self.started = self.ended = time.perf_counter()
        self.observed = self.stamp
        self.pacing.begin()

    @property
    def time(self) -> float:
        """Simulated time, s."""
        return float(self.data.time)

    @property
    def stamp(self) -> int:
        """Simulated time, ns."""
        return round(self.time * NANOSECONDS)

    def now(self) -> int:
        """Simulated time, ns: the simulation is the clock."""
        return self.stamp

    @property
    def active_effects(self) -> ActiveEffects:
        """What acts on the present episode."""
        return self._effects

    def drive(self, ctrl: Array) -> None:
        """Let the motors follow controls (nu,) from now on; those of NaN go on as before."""
        self._effects.drive(self.data, ctrl)

    def due(self) -> list[int]:
        """Numbers of the robots that were observed last."""
        return [number for number, robot in enumerate(self.robots) if robot.due(self.steps)]

    def release_motors(self, robot: int) -> None:
        """Let a robot's motors only brake, by ``brake_damping``; position servos hold."""
        released = self.robots[robot].actuators.released
        damping = self.parameters.brake_damping
        self.data.ctrl[released] = -damping * self.data.actuator_velocity[released]

    def advance(self, substeps: int) -> None:
        """Take physics steps."""
        self._world.advance(self.data, self._effects, substeps)

    def end_step(self) -> None:
        """After an observation period: record it, then publish the next observation, or end."""
        self.steps += 1
        self._effects.observe(self.data)
        if self._recording is not None:
            self._recording.add(self.data)
        self.ended = time.perf_counter()
        duration = self.parameters.duration
        # Half a step of slack, since times are sums of steps that binary fractions don't hold.
        if duration and self.data.time > duration - self.model.opt.timestep / 2:
            self.finished = True
            self._clock_publisher.publish(ClockMessage(clock=to_stamp(self.stamp)))
        else:
            self._observe()

    def fail(self, reason: str) -> None:
        """End the run before its time."""
        self.failure = reason
        self.finished = True

    def stop(self) -> None:
        """Write what was recorded of the episode, if the parameter ``recording`` names a file."""
        if self._cameras is not None:
            self._cameras.close()
        if self._recording is not None and self.parameters.recording:
            self._recording.save(
                Path(self.parameters.recording),
                wall_time=np.array(self.ended - self.started),
            )

    # Observations.

    def _observe(self) -> None:
        self.observed = self.stamp
        self.publish_observation()
        self._sent_at[self.observed] = time.perf_counter()
        if len(self._sent_at) > _REMEMBERED:
            del self._sent_at[next(iter(self._sent_at))]

    def publish_observation(self) -> None:
        """Publish clock, sensors and joints of the last observation; joints last."""
        stamp = self.observed
        self._clock_publisher.publish(ClockMessage(clock=to_stamp(stamp)))
        observed = [self.robots[number] for number in self.due()]
        base, old = self.robots[0].base, self._old_odometry_publisher
        if base is not None and old is not None and old.get_subscription_count():
            old.publish(base.message(stamp, self.data))
        for robot in observed:
            robot.publish_sensors(stamp, self.data)
        if self._cameras is not None:
            self._publish_images(self._cameras)
        for robot in observed:
            robot.publish_joints(stamp, self.data)

    def _publish_images(self, cameras: CameraTopics) -> None:
        try:
            cameras.publish(self.observed, self.data, self._episodes, self._seed)
        except ConfigurationError as error:
            self._cameras = None
            self._camera_error = str(error)
            self.get_logger().error(self._camera_error)
            self.publish_diagnostics()

    def _serve_old_odometry(self) -> None:
        """Publish the ground truth on ``odom``, too, while it is asked for there in vain."""
        own = self._old_odometry_publisher
        wanted = self.count_subscribers(_OLD_ODOMETRY) > 0
        served = self.count_publishers(_OLD_ODOMETRY) > (own is not None)
        if own is None and wanted and not served:
            self._old_odometry_publisher = self.create_publisher(
                Odometry, _OLD_ODOMETRY, SENSOR_QOS
            )
            if not self._warned_of_old_odometry:
                self._warned_of_old_odometry = True
                self.get_logger().warning(
                    f"the ground truth is published on {self.parameters.odometry_topic}; somebody "
                    f"subscribes to {_OLD_ODOMETRY}, its old name, which goes with the next release"
                )
        elif own is not None and (served or not wanted):
            self.destroy_publisher(own)
            self._old_odometry_publisher = None

    # Commands.

    def _on_command(self, robot: int, message: JointState) -> None:
        stamp = to_nanoseconds(message.header.stamp)
        if self.finished:
            return
        try:
            if not self.pacing.expects(robot, stamp):
                return
            ctrl = self.robots[robot].actuators.read(message)
        except Rejected as error:
            self._refuse_command(robot, error)
            return
        sent = self._sent_at.pop(stamp, None)
        if sent is not None:
            latency = time.perf_counter() - sent
            self.timing.add(latency)
            if self._recording is not None:
                self._recording.latencies.append(latency)
        self.pacing.take(robot, ctrl)

    def _refuse_command(self, robot: int, error: Rejected) -> None:
        self._rejected[error.reason] += 1
        self.refused = str(error)
        self.warn(f"{self.robots[robot].commands} rejected: {error}", "rejected")

    # Services and parameters.

    def _on_reset(self, request: Any, response: Any) -> Any:
        self.reset()
        response.success = True
        response.message = f"episode of seed {self.parameters.seed} started"
        return response

    def _on_pause(self, request: Any, response: Any) -> Any:
        self.paused = request.data
        if not self.paused:
            self.pacing.resume()
        response.success = True
        response.message = "paused" if request.data else "running"
        return response

    def _on_step(self, request: Any, response: Any) -> Any:
        if not self.paused or self.finished:
            response.success = False
            response.message = "the run is over" if self.finished else "not paused: pause first"
        else:
            self.pacing.step(response)
        return response

    def confirm_step(self, response: Any) -> None:
        """Tell whoever called ``~/step`` that the step is done."""
        response.success = True
        response.message = f"at {self.data.time:.3f} s"
        for postponed, header in self._postponed:
            if postponed is response:
                self._send_step_response(response, header)
        self._postponed = [each for each in self._postponed if each[0] is not response]

    def _send_when_stepped(self, response: Any, header: Any) -> None:
        """Answer ``~/step`` once the step is done, so that a caller finds the state it asked for.

        The command that the step needs may still be on its way, and executors send what a service's
        callback returns at once; this stands in for the service's own ``send_response``.
        """
        if response.message:
            self._send_step_response(response, header)
        else:
            self._postponed.append((response, header))

    def _apply_parameters(self, changes: list[Any]) -> None:
        super()._apply_parameters(changes)
        self.pacing.resume()

    # Diagnostics.

    def warn(self, text: str, key: str) -> None:
        """Report trouble; ``key`` tells one kind from another."""
        self._troubled = True
        self.set_state(DiagnosticStatus.WARN, text, key)

    def set_running(self) -> None:
        """Report that the trouble, if there was any, is over."""
        self.refused = ""
        self._troubled = False
        self.set_state(DiagnosticStatus.OK, "running")

    def report(self) -> None:
        """Report the state; free-running, what was trouble counts as over after a second."""
        self.publish_diagnostics()
        if not self.parameters.lockstep:
            if not self._troubled:
                self.set_running()
            self._troubled = False

    def reported_state(self) -> tuple[bytes, str]:
        """The state, or that it is paused, or that cameras can't be rendered."""
        level, text = super().reported_state()
        if level == DiagnosticStatus.OK and self._camera_error:
            return DiagnosticStatus.WARN, self._camera_error
        if level == DiagnosticStatus.OK and self.paused:
            return level, "paused"
        return level, text

    def diagnostic_values(self) -> dict[str, str]:
        """Mode, pace, latencies and counts."""
        elapsed = self.ended - self.started
        return {
            "mode": "lockstep" if self.parameters.lockstep else "free-running",
            "simulated_time_s": f"{self.data.time:.3f}",
            "real_time_factor": f"{self.data.time / elapsed if elapsed > 0 else 0.0:.2f}",
            **self.timing.latencies(),
            "paused": str(self.paused).lower(),
            **{f"rejected/{reason}": str(count) for reason, count in self._rejected.items()},
        }


def main() -> None:
    """Run the node: the executable simulation."""
    run_node(Simulation)
