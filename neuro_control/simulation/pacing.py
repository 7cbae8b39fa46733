# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""When simulated time goes on: in lockstep with the commands, or at the pace of the wall clock.

In lockstep the physics waits for the command that answers the last observation (its stamp says
which), so that a run with a seed is the same run on any machine under any load. Free-running,
the physics keeps pace with the wall clock and takes the newest command, as hardware does.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock
from rclpy.node import Node

from neuro_control.ros.lifecycle.readiness import Readiness
from neuro_control.ros.messages import NANOSECONDS, Rejected

Array = NDArray[np.float64]

# Wall time after which an unanswered observation is sent once more, s: sensor topics may lose one.
_RESEND = 0.1
# Wall time between two looks at which controllers are being configured, s.
_LOOK = 0.1
# Shortest wall time between two advances of a free-running simulation, s.
_TICK = 0.002
# Periods of a robot's observations that a command may be old, where there are several robots.
_PERIODS = 5.0
# Simulated time that a free-running simulation may lag before it gives up catching up, s.
_BACKLOG = 0.1


class Paced(Protocol):
    """What pacing needs of a simulation; the attributes are those of ``node.Simulation``."""

    parameters: Any
    model: mujoco.MjModel
    data: mujoco.MjData
    substeps: int
    steps: int
    observed: int
    refused: str
    paused: bool
    finished: bool
    started: float
    robots: Sequence[Any]

    @property
    def stamp(self) -> int:
        """Simulated time, ns."""

    def drive(self, ctrl: Array) -> None:
        """Let the motors follow controls (nu,) from now on; those of NaN go on as before."""

    def due(self) -> list[int]:
        """Numbers of the robots that were observed last."""

    def release_motors(self, robot: int) -> None:
        """Let a robot's motors exert nothing, or brake; called again while it lasts."""

    def advance(self, substeps: int) -> None:
        """Take physics steps."""

    def end_step(self) -> None:
        """End an observation period."""

    def publish_observation(self) -> None:
        """Publish the last observation."""

    def confirm_step(self, response: Any) -> None:
        """Tell whoever called ``~/step`` that the step is done."""

    def set_running(self) -> None:
        """Report that all is well."""

    def warn(self, text: str, key: str) -> None:
        """Report trouble; ``key`` tells one kind from another."""

    def fail(self, reason: str) -> None:
        """End the run before its time."""


class Pacing(ABC):
    """Advances a simulation.

    Args:
        simulation: What it advances.
        node: The node that the simulation is.
        clock: Wall clock of the node's timer.
    """

    def __init__(self, simulation: Paced, node: Node, clock: Clock) -> None:
        self._simulation = simulation
        self._tick = self._timer_period()
        node.create_timer(self._tick, self._on_timer, clock=clock)

    @abstractmethod
    def _timer_period(self) -> float:
        """Wall time between two calls of ``_on_timer``, s."""

    @abstractmethod
    def _on_timer(self) -> None:
        """Look after the simulation by the wall clock."""

    @abstractmethod
    def begin(self) -> None:
        """An episode begins."""

    @abstractmethod
    def expects(self, robot: int, stamp: int) -> bool:
        """Whether a robot's command that answers the observation of ``stamp`` (ns) is of interest.

        Raises:
            Rejected: It must not be acted upon.
        """

    @abstractmethod
    def take(self, robot: int, ctrl: Array) -> None:
        """Act on the controls (nu,) of a robot's command; those of other robots are NaN."""

    @abstractmethod
    def resume(self) -> None:
        """Go on after a pause, or after parameters have changed."""

    @abstractmethod
    def step(self, response: Any) -> None:
        """Advance by one observation, while paused.

        Args:
            response: Of the service ``~/step``; the simulation confirms it when the step is done.
        """


class Lockstep(Pacing):
    """Advances by one observation period with each command that answers the last observation."""

    def __init__(self, simulation: Paced, node: Node, clock: Clock) -> None:
        super().__init__(simulation, node, clock)
        self._node = node
        self._readiness = [Readiness(node, robot.commands) for robot in simulation.robots]
        # Responses to ~/step that wait for their step, the oldest first.
        self._steps_asked: deque[Any] = deque()

    def _timer_period(self) -> float:
        return _RESEND

    def begin(self) -> None:
        """Wait for the answer to the first observation."""
        # Controls of the robots that have answered, by their numbers.
        self._answers: dict[int, Array] = {}
        self.wait()

    def wait(self) -> None:
        """Wait from now on for the answer to the observation that has just been sent."""
        self._sent = self._sent_first = time.perf_counter()

    def expects(self, robot: int, stamp: int) -> bool:
        """Whether it answers the last observation, rather than one sent twice or before a reset."""
        return stamp == self._simulation.observed

    def take(self, robot: int, ctrl: Array) -> None:
        """Advance once all robots that were observed have answered; the first answer counts."""
        if robot not in self._answers and robot in self._simulation.due():
            self._answers[robot] = ctrl
            self._advance()

    @property
    def _answered(self) -> bool:
        return len(self._answers) == len(self._simulation.due())

    def resume(self) -> None:
        """Act on the answer that came during the pause."""
        self._advance()

    def step(self, response: Any) -> None:
        """Advance once the answer is there."""
        self._steps_asked.append(response)
        self._advance()

    def _advance(self) -> None:
        simulation = self._simulation
        if not self._answered or (simulation.paused and not self._steps_asked):
            return
        if simulation.steps == 0:
            simulation.started = time.perf_counter()
        simulation.drive(_together(list(self._answers.values())))
        self._answers = {}
        simulation.set_running()
        simulation.advance(simulation.substeps)
        simulation.end_step()
        self.wait()
        if self._steps_asked:
            simulation.confirm_step(self._steps_asked.popleft())

    def _on_timer(self) -> None:
        """Repeat an observation that got no answer, and say so when it takes long."""
        simulation = self._simulation
        if simulation.finished or self._answered:
            return  # over, or answered and paused
        now = time.perf_counter()
        if now - self._sent < _RESEND:
            return
        simulation.publish_observation()
        self._sent = now
        if now - self._sent_first <= simulation.parameters.lockstep_timeout:
            return
        preparing = [name for each in self._readiness for name in each.preparing()]
        if preparing:
            # A controller that compiles its control law can't answer yet, however long it takes.
            self._sent_first = now
            simulation.warn(f"waiting for {', '.join(preparing)} to become active", "preparing")
            return
        waited = now - self._sent_first
        simulation.warn(self._unanswered(waited), "unanswered")
        limit = simulation.parameters.lockstep_limit
        if limit and waited > limit:
            simulation.fail(self._unanswered(waited))

    def _unanswered(self, waited: float) -> str:
        simulation = self._simulation
        missing = next(each for each in simulation.due() if each not in self._answers)
        topic = simulation.robots[missing].commands
        publishers = self._node.count_publishers(topic)
        if simulation.refused:
            why = f"{topic} rejected, {simulation.refused}"
        elif publishers:
            why = f"{publishers} node(s) publish {topic}: is the controller active?"
        else:
            why = f"nobody publishes {topic}: start a controller"
        return (
            f"no command answered the observation of {simulation.observed / NANOSECONDS:.3f} s "
            f"in {waited:.0f} s: {why}"
        )


def _together(controls: Sequence[Array]) -> Array:
    """Controls (nu,) of all robots, each of which gives its own and NaN for the others'."""
    together = controls[0]
    for other in controls[1:]:
        together = np.where(np.isnan(together), other, together)
    return together


class FreeRunning(Pacing):
    """Lets simulated time catch up with the wall's, times ``real_time_factor``."""

    def __init__(self, simulation: Paced, node: Node, clock: Clock) -> None:
        super().__init__(simulation, node, clock)
        self._readiness = [Readiness(node, robot.commands) for robot in simulation.robots]
        self._lag = 0.0
        self._commanded: set[int] = set()  # robots that ever were
        self._asked = -math.inf  # when the controllers were looked for, s
        self._configuring: list[str] = []

    def _timer_period(self) -> float:
        """So short that a physics step is never late, but no shorter than a timer manages."""
        factor = self._simulation.parameters.real_time_factor
        return float(max(_TICK, self._simulation.model.opt.timestep / factor))

    def begin(self) -> None:
        """The motors are released until a command comes."""
        robots = len(self._simulation.robots)
        self._command_times = [0] * robots
        self._released = [True] * robots
        self.resume()

    def resume(self) -> None:
        """Let simulated and wall time coincide at the next advance."""
        data = self._simulation.data
        self._wall_zero: float | None = None
        self._simulated_zero = data.time
        self._next_observation = data.time + self._period

    @property
    def _period(self) -> float:
        """Time between two observations, s."""
        return float(self._simulation.substeps * self._simulation.model.opt.timestep)

    def expects(self, robot: int, stamp: int) -> bool:
        """Every command is, unless its stamp is off by more than ``command_timeout``."""
        age = self._simulation.data.time - stamp / NANOSECONDS
        if age > self._timeout(robot):
            raise Rejected("stale", f"it answers an observation {age:.3f} s old")
        if age < -self._timeout(robot):
            raise Rejected("future", f"it is stamped {-age:.3f} s ahead of simulated time")
        return True

    def take(self, robot: int, ctrl: Array) -> None:
        """Let the robot's motors follow it from now on."""
        self._simulation.drive(ctrl)
        self._command_times[robot] = self._simulation.stamp
        self._released[robot] = False
        self._commanded.add(robot)

    def step(self, response: Any) -> None:
        """Advance to the next observation."""
        self.resume()
        self.advance_to(self._next_observation)
        self._simulation.confirm_step(response)

    def _on_timer(self) -> None:
        simulation = self._simulation
        if simulation.finished or simulation.paused:
            return
        now = time.perf_counter()
        waits = len(self._commanded) < len(simulation.robots)
        if waits and self._awaits_controllers(now):
            self.resume()
            return
        if self._wall_zero is None:
            self._wall_zero = now
            if simulation.steps == 0:
                simulation.started = now
        factor = simulation.parameters.real_time_factor
        target = self._simulated_zero + (now - self._wall_zero) * factor
        if target - simulation.data.time > max(_BACKLOG, 2 * self._period):
            self._lag += target - simulation.data.time
            simulation.warn(
                f"too slow for real_time_factor {factor:g}: {self._lag:.2f} s behind so far", "slow"
            )
            self.resume()
            return
        # While it catches up, answers must still come in: at most one observation a tick more than
        # are due.
        due = math.ceil(self._tick * factor / self._period - 1e-6)
        self.advance_to(target, simulation.steps + due + 1)

    def _awaits_controllers(self, now: float) -> bool:
        """Whether a controller, which has never commanded yet, is still being configured.

        On a machine where its control law is compiled for the first time that takes half a minute,
        in which the robot would fall.
        """
        if now - self._asked >= _LOOK:
            self._asked = now
            self._configuring = [
                name
                for robot, each in enumerate(self._readiness)
                if robot not in self._commanded
                for name in each.configuring()
            ]
        if self._configuring:
            names = ", ".join(self._configuring)
            self._simulation.warn(f"waiting for {names} to become active", "preparing")
        return bool(self._configuring)

    def advance_to(self, target: float, steps: float = math.inf) -> None:
        """Go on until a time, s, or a count of observations."""
        simulation = self._simulation
        timestep = simulation.model.opt.timestep
        while not simulation.finished and simulation.steps < steps:
            until = min(target, self._next_observation)
            count = math.floor((until - simulation.data.time) / timestep + 1e-6)
            if count < 1:
                return
            self._expire_command()
            simulation.advance(count)
            if simulation.data.time > self._next_observation - timestep / 2:
                self._next_observation += self._period
                simulation.end_step()

    def _timeout(self, robot: int) -> float:
        """Age from which a robot's command moves nothing, s.

        Of several robots, one that is observed more seldom than others is given more time.
        """
        simulation = self._simulation
        timeout = float(simulation.parameters.command_timeout)
        if len(simulation.robots) == 1:
            return timeout
        return max(timeout, _PERIODS * float(simulation.robots[robot].robot.period))

    def _expire_command(self) -> None:
        simulation = self._simulation
        for robot, released in enumerate(self._released):
            if released:
                simulation.release_motors(robot)
                continue
            age = (simulation.stamp - self._command_times[robot]) / NANOSECONDS
            if age > self._timeout(robot):
                self._released[robot] = True
                simulation.release_motors(robot)
                topic = simulation.robots[robot].commands
                simulation.warn(f"no {topic} for {age:.2f} s: motors off", f"motors off {topic}")
