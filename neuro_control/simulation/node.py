"""MuJoCo as a robot: sensor messages out, joint commands in, in lockstep or in real time.

In lockstep the physics waits for the command that answers the last observation (its stamp says
which), so that a run with a seed is the same run on any machine under any load. Free-running,
the physics keeps pace with the wall clock and takes the newest command, as hardware does.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import yaml
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger

from neuro_control.errors import ConfigurationError
from neuro_control.ros import parameters as ros_parameters
from neuro_control.ros.intraprocess import HandingOver
from neuro_control.ros.messages import (
    COMMAND_QOS,
    NANOSECONDS,
    SENSOR_QOS,
    Rejected,
    to_nanoseconds,
    to_stamp,
)
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node
from neuro_control.simulation import world as worlds
from neuro_control.simulation.cameras import Cameras
from neuro_control.simulation.interface import Actuators, Base, Feet, Joints, Sensor, Views, sensors
from neuro_control.simulation.recording import Recording

Array = NDArray[np.float64]

# Wall time after which an unanswered observation is sent once more, s: sensor topics may lose one.
_RESEND = 0.1
# Shortest wall time between two advances of a free-running simulation, s.
_TICK = 0.002
# Simulated time that a free-running simulation may lag before it gives up catching up, s.
_BACKLOG = 0.1
# Observations whose time of sending is remembered, to tell how late their answers come.
_REMEMBERED = 100


@dataclass(frozen=True)
class SimulationParameters:
    """Parameters of the simulation node."""

    model: str = parameter(
        "swimmer.xml",
        "Model: a file of sim/, a path, or package.module:function of a World",
        fixed=True,
    )
    model_arguments: str = parameter(
        "{}", "Arguments of that function, as a YAML mapping", fixed=True
    )
    effects: str = parameter(
        "[]",
        "Noise, faults, pushes and the like, as a YAML list: [{push: {begins: 3, force: 100}}]; "
        "docs/effects.md names them all",
        fixed=True,
    )
    seed: int = parameter(0, "Seed of an episode's start; every reset uses it", low=0, high=2**31)
    lockstep: bool = parameter(
        True, "Wait for the command that answers each observation", fixed=True
    )
    real_time_factor: float = parameter(
        1.0, "Simulated per wall time when not in lockstep", low=0.01, high=100.0
    )
    observation_period: float = parameter(
        0.0, "Time between two observations, s; 0 takes the model's", low=0.0, high=10.0, fixed=True
    )
    lockstep_timeout: float = parameter(
        2.0, "Wall time without an answer before diagnostics say so, s", low=0.1, high=600.0
    )
    lockstep_limit: float = parameter(
        0.0, "Wall time without an answer that ends the run, s; 0 waits on", low=0.0, high=1e6
    )
    command_timeout: float = parameter(
        0.2, "Age from which a command moves nothing when not in lockstep, s", low=1e-3, high=60.0
    )
    duration: float = parameter(
        0.0, "Simulated time after which the run ends, s; 0 runs on", low=0.0, high=1e6
    )
    recording: str = parameter(
        "", "File (.npz) that receives every state of the episode at the end; empty records nothing"
    )
    camera_rate: float = parameter(
        0.0,
        "Images a second of each camera that is listened to; 0 has none",
        low=0.0,
        high=1000.0,
        fixed=True,
    )
    camera_width: int = parameter(224, "Width of its images, pixels", low=8, high=4096, fixed=True)
    camera_height: int = parameter(
        224, "Height of its images, pixels", low=8, high=4096, fixed=True
    )
    camera_visuals: bool = parameter(
        False,
        "Draw shadows, smooth edges and the geoms of group 2, by convention visual meshes: for "
        "people",
        fixed=True,
    )
    odometry: bool = parameter(
        True, "Publish ground-truth odometry of the site base_link", fixed=True
    )


class Simulation(ros_parameters.Declaring, HandingOver):
    """Simulates a world behind the topics of a robot.

    Publishes ``/clock``, ``joint_states`` and, where someone listens, ``odom``, the model's
    sensors as ``SITE/imu`` and the like (``interface.SENSORS``) and its touch sensors as
    ``foot_forces``. Subscribes to ``joint_commands``
    (sensor_msgs/JointState; the stamp names the observation that it answers): efforts for motors,
    positions or velocities for servos. Services: ``~/reset`` (from the parameter ``seed``),
    ``~/pause``, ``~/step`` (one observation period, while paused).

    Args:
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong or the model cannot be loaded.
    """

    def __init__(self, name: str = "simulation", **node_options: Any) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True, **node_options)
        try:
            self.parameters = ros_parameters.declare(self, SimulationParameters)
            world = worlds.load(self.parameters.model, _arguments(self.parameters))
            self._world = world.with_effects(self.parameters.effects)
            self._substeps = self._world.substeps(
                self.parameters.observation_period or self._world.control_period
            )
            self._joints = Joints(self._world.model)
            self._actuators = Actuators(self._world.model)
            self._base = Base(self._world.model) if self.parameters.odometry else None
        except ConfigurationError:
            self.destroy_node()
            raise
        self.model = self._world.model
        self.data = mujoco.MjData(self.model)
        self.finished = False
        self.failure: str | None = None
        self.steps = 0
        # The latest, s; a recording keeps all of its episode.
        self.latencies: deque[float] = deque(maxlen=1000)
        self._paused = False
        self._steps_asked: deque[Any] = deque()  # responses to ~/step, its oldest first
        self._postponed: list[tuple[Any, Any]] = []  # with the header each is to be sent under
        self._rejected: Counter[str] = Counter()
        self._said: dict[str, bool] = {}
        self._lag = 0.0

        self._recording: Recording | None = None

        self._clock_publisher = self.create_publisher(ClockMessage, "/clock", 10)
        self._joint_publisher = self.create_publisher(JointState, "joint_states", SENSOR_QOS)
        self._odometry_publisher = self.create_publisher(Odometry, "odom", SENSOR_QOS)
        self._sensors: list[Sensor | Feet] = [*sensors(self, self.model), Feet(self, self.model)]
        self._views, self._blind = self._make_views(), ""
        self._episodes = 0
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_subscription(JointState, "joint_commands", self._on_command, COMMAND_QOS)
        self.create_service(Trigger, "~/reset", self._on_reset)
        self.create_service(SetBool, "~/pause", self._on_pause)
        step = self.create_service(Trigger, "~/step", self._on_step)
        self._send_step_response = step.send_response
        step.send_response = self._send_when_stepped
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._report, clock=steady)
        if self.parameters.lockstep:
            self.create_timer(_RESEND, self._resend, clock=steady)
        else:
            self._tick = max(_TICK, self.model.opt.timestep / self.parameters.real_time_factor)
            self.create_timer(self._tick, self._run, clock=steady)
        self.reset()

    def _make_views(self) -> Views | None:
        p = self.parameters
        if not p.camera_rate:
            return None
        size = p.camera_height, p.camera_width
        arguments = _arguments(p)
        return Views(
            self,
            self.model,
            lambda names: Cameras(p.model, arguments, names, *size, p.camera_visuals),
            size,
            p.camera_rate,
            wait=p.lockstep,
        )

    # Episode.

    def reset(self) -> None:
        """Start an episode from the parameter ``seed``: the clock goes back to zero."""
        rng = np.random.default_rng(self.parameters.seed)
        self._episodes += 1
        self._seed = self.parameters.seed
        self._effects = self._world.reset(self.data, rng)
        self.steps = 0
        self.finished = False
        self._answer: Array | None = None
        self._refused = ""
        self._sent_at: dict[int, float] = {}
        self._command_age_from = 0
        self._safe_now = True
        self._anchor()
        self.latencies.clear()
        if self.parameters.recording:
            self._recording = Recording()
            self._recording.add(self.data)
        self.started = time.perf_counter()
        self.ended = self.started
        self._observe()

    def _anchor(self) -> None:
        """Let simulated and wall time coincide at the next advance of a free run."""
        self._wall_zero: float | None = None
        self._simulated_zero = self.data.time
        self._next_observation = self.data.time + self._substeps * self.model.opt.timestep

    @property
    def time(self) -> float:
        """Simulated time, s."""
        return float(self.data.time)

    @property
    def _stamp(self) -> int:
        return round(self.time * NANOSECONDS)

    def _observe(self) -> None:
        self._observed = self._stamp
        self._clock_publisher.publish(ClockMessage(clock=to_stamp(self._observed)))
        self._publish_observation()
        self._sent = self._sent_first = time.perf_counter()
        self._sent_at[self._observed] = self._sent
        if len(self._sent_at) > _REMEMBERED:
            del self._sent_at[next(iter(self._sent_at))]

    def _publish_observation(self) -> None:
        stamp = self._observed
        if self._base is not None and self._odometry_publisher.get_subscription_count():
            self._odometry_publisher.publish(self._base.message(stamp, self.data))
        for sensor in self._sensors:
            sensor.publish(stamp, self.data)
        if self._views is not None:
            self._look(self._views)
        self._joint_publisher.publish(self._joints.message(stamp, self.data))

    def _look(self, views: Views) -> None:
        try:
            views.publish(self._observed, self.data, self._episodes, self._seed)
        except ConfigurationError as error:
            self._views = None
            self._blind = str(error)
            self.get_logger().error(self._blind)
            self._publish_status()

    def _end_step(self) -> None:
        """After an observation period: take down, tell, or end."""
        self.steps += 1
        self._effects.observe(self.data)
        if self._recording is not None:
            self._recording.add(self.data)
        self.ended = time.perf_counter()
        duration = self.parameters.duration
        # Half a step of slack, since times are sums of steps that binary fractions don't hold.
        if duration and self.data.time > duration - self.model.opt.timestep / 2:
            self.finished = True
            self._clock_publisher.publish(ClockMessage(clock=to_stamp(self._stamp)))
        else:
            self._observe()
        if self._steps_asked:
            done = self._steps_asked.popleft()
            self._confirm(done)
            for response, header in self._postponed:
                if response is done:
                    self._send_step_response(response, header)
            self._postponed = [p for p in self._postponed if p[0] is not done]

    def stop(self) -> None:
        """Write what was recorded of the episode, if the parameter ``recording`` names a file."""
        if self._views is not None:
            self._views.close()
        if self._recording is not None and self.parameters.recording:
            self._recording.save(
                Path(self.parameters.recording),
                wall_time=np.array(self.ended - self.started),
            )

    # Commands.

    def _on_command(self, message: JointState) -> None:
        if self.finished:
            return
        stamp = to_nanoseconds(message.header.stamp)
        lockstep = self.parameters.lockstep
        if lockstep and stamp != self._observed:
            return  # it answers an observation of the past, sent twice or before a reset
        try:
            ctrl = self._actuators.read(message)
            if not lockstep:
                age = self.data.time - stamp / NANOSECONDS
                if age > self.parameters.command_timeout:
                    raise Rejected("stale", f"it answers an observation {age:.3f} s old")
        except Rejected as error:
            self._rejected[error.reason] += 1
            self._refused = str(error)
            self._say(f"joint_commands rejected: {error}")
            return
        sent = self._sent_at.pop(stamp, None)
        if sent is not None:
            self.latencies.append(time.perf_counter() - sent)
            if self._recording is not None:
                self._recording.latencies.append(self.latencies[-1])
        if lockstep:
            if self._answer is None:
                if self.steps == 0:
                    self.started = time.perf_counter()
                self._answer = ctrl
                self._advance_lockstep()
        else:
            self._effects.drive(self.data, ctrl)
            self._command_age_from = self._stamp
            self._safe_now = False

    def _advance_lockstep(self) -> None:
        if self._answer is None or (self._paused and not self._steps_asked):
            return
        self._effects.drive(self.data, self._answer)
        self._answer = None
        self._refused = ""
        self._said.clear()
        self._world.advance(self.data, self._effects, self._substeps)
        self._end_step()

    def _resend(self) -> None:
        """In lockstep: repeat an observation that got no answer, and say so when it takes long."""
        if self.finished or self._answer is not None:
            return  # over, or answered and paused
        now = time.perf_counter()
        if now - self._sent >= _RESEND:
            self._clock_publisher.publish(ClockMessage(clock=to_stamp(self._observed)))
            self._publish_observation()
            self._sent = now
        if now - self._sent_first > self.parameters.lockstep_timeout:
            self._say(self._unanswered(now))
        limit = self.parameters.lockstep_limit
        if limit and now - self._sent_first > limit:
            self.failure = self._unanswered(now)
            self.finished = True

    def _unanswered(self, now: float) -> str:
        publishers = self.count_publishers("joint_commands")
        if self._refused:
            why = f"joint_commands rejected, {self._refused}"
        elif publishers:
            why = f"{publishers} node(s) publish joint_commands: is the controller active?"
        else:
            why = "nobody publishes joint_commands: start a controller"
        return (
            f"no command answered the observation of {self._observed / NANOSECONDS:.3f} s "
            f"in {now - self._sent_first:.0f} s: {why}"
        )

    def _run(self) -> None:
        """Free-running: let simulated time catch up with the wall's."""
        if self.finished or self._paused:
            return
        now = time.perf_counter()
        if self._wall_zero is None:
            self._wall_zero = now
            if self.steps == 0:
                self.started = now
        elapsed = (now - self._wall_zero) * self.parameters.real_time_factor
        target = self._simulated_zero + elapsed
        if target - self.data.time > max(_BACKLOG, 2 * self._substeps * self.model.opt.timestep):
            self._lag += target - self.data.time
            self._say(
                f"too slow for real_time_factor {self.parameters.real_time_factor:g}: "
                f"{self._lag:.2f} s behind so far"
            )
            self._anchor()
            return
        # Who catches up must still hear the answers: one observation more a tick than are due.
        due = self._tick * self.parameters.real_time_factor
        period = self._substeps * self.model.opt.timestep
        self._advance_to(target, self.steps + math.ceil(due / period - 1e-6) + 1)

    def _advance_to(self, target: float, most: float = math.inf) -> None:
        """Go on until a time, s, or a count of observations."""
        timestep = self.model.opt.timestep
        while not self.finished and self.steps < most:
            until = min(target, self._next_observation)
            count = math.floor((until - self.data.time) / timestep + 1e-6)
            if count < 1:
                return
            self._expire_command()
            self._world.advance(self.data, self._effects, count)
            if self.data.time > self._next_observation - timestep / 2:
                self._next_observation += self._substeps * timestep
                self._end_step()

    def _expire_command(self) -> None:
        if self._safe_now:
            return
        age = (self._stamp - self._command_age_from) / NANOSECONDS
        if age > self.parameters.command_timeout:
            self._safe_now = True
            self.data.ctrl[self._actuators.released] = 0.0
            self._say(f"no command for {age:.2f} s: motors off")

    # Services and parameters.

    def _on_reset(self, request: Any, response: Any) -> Any:
        self.reset()
        response.success = True
        response.message = f"episode of seed {self.parameters.seed} started"
        return response

    def _on_pause(self, request: Any, response: Any) -> Any:
        self._paused = request.data
        if not self._paused:
            self._anchor()
            if self.parameters.lockstep:
                self._advance_lockstep()
        response.success = True
        response.message = "paused" if request.data else "running"
        return response

    def _on_step(self, request: Any, response: Any) -> Any:
        if not self._paused or self.finished:
            response.success = False
            response.message = "the run is over" if self.finished else "not paused: pause first"
        elif self.parameters.lockstep:
            self._steps_asked.append(response)
            self._advance_lockstep()
        else:
            self._anchor()
            self._advance_to(self._next_observation)
            self._confirm(response)
        return response

    def _confirm(self, response: Any) -> None:
        response.success = True
        response.message = f"at {self.data.time:.3f} s"

    def _send_when_stepped(self, response: Any, header: Any) -> None:
        """Answer ``~/step`` once the step is done, so that a caller finds the state it asked for.

        The command that the step needs may still be on its way, and executors send what a service's
        callback returns at once; this stands in for the service's own ``send_response``.
        """
        if any(response is asked for asked in self._steps_asked):
            self._postponed.append((response, header))
        else:
            self._send_step_response(response, header)

    def _check_parameters(self, changes: list[Any]) -> Any:
        return ros_parameters.verdict(self.parameters, changes)

    def _apply_parameters(self, changes: list[Any]) -> None:
        self.parameters = ros_parameters.changed(self.parameters, changes)
        self._anchor()

    # Diagnostics.

    def _say(self, text: str) -> None:
        """Log a trouble once until the run goes on, and put it into the diagnostics."""
        kind = text.partition(":")[0].rstrip("0123456789. s")
        if kind not in self._said:
            self.get_logger().warning(text)
            self._said[kind] = True
            self._trouble = text
            self._publish_status()
        self._trouble = text

    def _report(self) -> None:
        self._publish_status()
        if not self.parameters.lockstep:
            self._said.clear()

    def _publish_status(self) -> None:
        trouble = self._trouble if self._said else self._blind
        elapsed = self.ended - self.started
        p50, p99 = np.percentile(self.latencies or [0.0], [50, 99]) * 1e3
        values = {
            "mode": "lockstep" if self.parameters.lockstep else "free-running",
            "simulated_time_s": f"{self.data.time:.3f}",
            "real_time_factor": f"{self.data.time / elapsed if elapsed > 0 else 0.0:.2f}",
            "latency_p50_ms": f"{p50:.3f}",
            "latency_p99_ms": f"{p99:.3f}",
            "paused": str(self._paused).lower(),
            **{f"rejected/{reason}": str(count) for reason, count in self._rejected.items()},
        }
        name = self.get_fully_qualified_name().lstrip("/")
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN if trouble else DiagnosticStatus.OK,
            name=f"{name}: simulation",
            message=trouble or ("paused" if self._paused else "running"),
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = to_stamp(self._stamp)
        self._diagnostics.publish(message)


def _arguments(parameters: SimulationParameters) -> dict[str, Any]:
    """Of the world's function."""
    try:
        arguments = yaml.safe_load(parameters.model_arguments) or {}
    except yaml.YAMLError as error:
        raise ConfigurationError(f"model_arguments is no YAML: {error}") from error
    if not isinstance(arguments, dict):
        raise ConfigurationError(
            f"model_arguments is a mapping like 'links: 6', not {parameters.model_arguments!r}"
        )
    return arguments


def main() -> None:
    """Run the node: the executable simulation."""
    run_node(Simulation)
